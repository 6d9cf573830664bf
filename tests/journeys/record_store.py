"""A served record store with a key that may do all, and a client that writes its requests byte by byte."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from elearn import create_app, embedded, schema
from elearn.db import db
from elearn.settings import Settings
from tests.builders_lrs import a_key
from tests.journeys.running import RunningProduct, running

TIMES = int(os.environ.get("ELEARN_FUZZ", "1"))
"""How much longer than usual stories and fuzzing take; set by hand or by a soak."""
TABLES = ("statement", "statement_id", "statement_relation", "statement_reference", "statement_attachment",
          "attachment_content", "activity_definition", "lrs_document")  # fmt: skip

Headers = Mapping[str, str | bytes | list[str] | None]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class RecordStore:
    product: RunningProduct
    authorization: str
    engine: sa.Engine

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        *,
        headers: Headers | None = None,
        ends: bool = True,
        timeout_s: float = 30,
    ) -> Answer:
        """Send a request over a connection of its own, and read the answer.

        `headers` replaces the usual ones, None leaves one out. Of a `body` in pieces nobody counts the length.
        `ends=False` shuts the sending side behind the body, as a client does that goes away.
        Raises OSError when no answer came.
        """
        told: dict[str, str | bytes | list[str] | None] = {
            "Host": "localhost",
            "Connection": "close",
            "Authorization": self.authorization,
            "X-Experience-API-Version": "1.0.3",
            "Accept-Language": "en",
        }
        if method in ("POST", "PUT"):
            told["Content-Type"] = "application/json"
        if isinstance(body, bytes):
            told["Content-Length"] = str(len(body)) if body or method in ("POST", "PUT") else None
        pieces = [body] if isinstance(body, bytes) else body
        lines = [_bytes(f"{method} {path} HTTP/1.1")]
        for name, value in {**told, **(headers or {})}.items():
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    lines.append(_bytes(name) + b": " + _bytes(one))
        with socket.create_connection(("127.0.0.1", self.product.port), timeout=timeout_s) as connection:
            with suppress(OSError):  # refused before all was sent: the answer may lie there
                connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
                for piece in pieces:
                    connection.sendall(piece)
                if not ends:
                    connection.shutdown(socket.SHUT_WR)
            return _read(connection)

    def post(self, statements: Any, **headers: str | bytes | list[str] | None) -> Answer:
        body = statements if isinstance(statements, bytes) else json.dumps(statements).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", "/xapi/statements", body, headers=named)

    def rows(self) -> dict[str, int]:
        """How many rows each table of the record store has."""
        asked = ", ".join(f"(SELECT count(*) FROM elearn.{table})" for table in TABLES)
        return dict(zip(TABLES, self.select(f"SELECT {asked}")[0], strict=True))

    def select(self, command: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(command))]


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _read(connection: socket.socket) -> Answer:
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    head, _, body = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    if not first:
        raise ConnectionResetError("the server gave no answer")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "content-length" in headers and len(body) < int(headers["content-length"]) and body:
        raise ConnectionResetError("the answer was cut off")
    return Answer(int(first.split(" ")[1]), headers, body)


@contextmanager
def a_record_store(place: Path, *, processes: int = 1) -> Iterator[RecordStore]:
    """Set one up below `place`, durable as in earnest, and serve it while this lasts."""
    product = RunningProduct(place / "data", processes=processes)
    settings = Settings.from_env(product.env)
    with embedded.services(place / "data") as services:
        schema.upgrade(services.database_url)
        with_services = replace(settings, database_url=services.database_url, redis_url=services.redis_url)
        app = create_app(with_services)
        with app.app_context():
            authorization = a_key(db.session())["Authorization"]
            db.session.remove()
            db.engine.dispose()
        app.extensions["elearn"].redis.close()
    # The server behind a connection may have been killed since it was last used.
    engine = sa.create_engine(services.database_url, pool_pre_ping=True)
    with running(product):
        yield RecordStore(product, authorization, engine)
        engine.dispose()
