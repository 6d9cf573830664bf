"""A stand-in for another record store, over real HTTP: it keeps what it takes and fails as it is told to."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Behaviour = Callable[["Asked", BaseHTTPRequestHandler], bool]
"""Answers a request in its own way and says so by True; False: it is answered as a store does."""


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)
    store: OtherStore = field(repr=False)

    @property
    def statements(self) -> list[dict[str, Any]]:
        body = self.body
        if "multipart" in self.headers["Content-Type"]:
            body = body.split(b"\r\n\r\n", 1)[1].split(b"\r\n--", 1)[0]
        found: list[dict[str, Any]] = json.loads(body)
        return found

    def take(self) -> None:
        """Keep them, without a word."""
        for one in self.statements:
            self.store.kept[one["id"]] = one

    @property
    def ids(self) -> list[str]:
        return [one["id"] for one in self.statements]


@dataclass
class OtherStore:
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    """How often each id came in a request that was taken."""
    behave: Behaviour = lambda asked, handler: False

    def answer(self, asked: Asked, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(asked)
        if self.behave(asked, handler):
            return
        if asked.method == "GET":
            id_ = parse_qs(urlsplit(asked.path).query).get("statementId", [""])[0]
            say(handler, 200 if id_ in self.kept else 404, self.kept.get(id_, {}))
            return
        asked.take()
        for id_ in asked.ids:
            self.times[id_] = self.times.get(id_, 0) + 1
        say(handler, 200, asked.ids)


def say(handler: BaseHTTPRequestHandler, status: int, body: Any, **headers: str) -> bool:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in ({"Content-Length": str(len(data))} | named).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)
    return True


@contextmanager
def serving(store: OtherStore) -> Iterator[OtherStore]:
    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            try:
                store.answer(Asked(self.command, self.path, dict(self.headers), body, store), self)
            except OSError:
                return  # the client has gone, as some tests want it to

        do_GET = do_POST = do_PUT = handle_one

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    store.url = f"http://127.0.0.1:{server.server_port}/xapi/"
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def a_closed_port() -> str:
    """An address where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}/xapi/"
