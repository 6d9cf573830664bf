"""The door of raw evidence, `ISSUER/exam/v1/evidence`, as an authority asks it: a bearer token, patience, bounds."""

from __future__ import annotations

import base64
import http.client
import json
import time
import zlib
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from elearn.credit_export.ledger.block_evidence import LARGEST_BYTES, Hash, Place
from elearn.credit_export.ledger.monitor.fetching import Unreachable

SCOPE = "evidence.read"
SILENCE_S = 120.0
TRIES = 6
LONGEST_WAIT_S = 30


class Draw(msgspec.Struct, frozen=True):
    """What one checkpoint draws of [from, to)."""

    begin: Place = msgspec.field(name="from")
    end: Place = msgspec.field(name="to")
    root: Hash
    per_million: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Order(msgspec.Struct, frozen=True):
    """Leaves that somebody ordered to be shown."""

    begin: Place = msgspec.field(name="from")
    end: Place = msgspec.field(name="to")


class Draws(msgspec.Struct, frozen=True):
    log: str
    draws: list[Draw]
    orders: list[Order]


_draws = msgspec.json.Decoder(Draws).decode


@dataclass(frozen=True, slots=True)
class Refused:
    """The door gave no evidence, and why."""

    why: str


class Door:
    """One connection at a time; a token for as long as it holds."""

    def __init__(self, url: str, client_id: str, secret: str) -> None:
        """Raises Unreachable when it is no address."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Unreachable(f"{url} is no http or https address")
        self.url, self._base = url.rstrip("/"), parts.path.rstrip("/")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=SILENCE_S)
        # RFC 6749, section 2.3.1: both are form-encoded first.
        pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}".encode()
        self._credentials = "Basic " + base64.b64encode(pair).decode()
        self._token = ""

    def draw(self, log: str, size: int) -> Draws:
        """Draw from this checkpoint; all draws and orders so far. Raises Unreachable."""
        status, data = self._ask("POST", f"/evidence/{log}", json.dumps({"size": size}).encode())
        if status != 200:
            raise Unreachable(f"{self.url} draws no blocks: {status} {_said(data)}")
        try:
            return _draws(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unreachable(f"{self.url} answers what is no draw: {error}") from None

    def evidence(self, log: str, index: int) -> bytes | Refused:
        """The raw evidence of a leaf. Raises Unreachable."""
        status, data = self._ask("GET", f"/evidence/{log}/{index}", None)
        return data if status == 200 else Refused(f"the door answers {status} {_said(data)}")

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        renewed = False
        for _ in range(TRIES):
            if not self._token:
                self._token, renewed = self._new_token(), True
            headers = {"Authorization": f"Bearer {self._token}", "Accept-Encoding": "gzip"}
            if body is not None:
                headers["Content-Type"] = "application/json"
            status, answer, data = self._exchange(method, path, headers, body)
            if status == 401 and not renewed:
                self._token = ""
            elif status in (429, 503):
                wait = answer.get("Retry-After", "1")
                time.sleep(min(LONGEST_WAIT_S, int(wait) if wait.isdecimal() else 1))
            else:
                break
        return status, data

    def _new_token(self) -> str:
        headers = {"Authorization": self._credentials, "Content-Type": "application/x-www-form-urlencoded"}
        form = urlencode({"grant_type": "client_credentials", "scope": SCOPE}).encode()
        status, _, data = self._exchange("POST", "/token", headers, form)
        try:
            token: Any = json.loads(data)["access_token"] if status == 200 else None
        except (ValueError, KeyError, TypeError):
            token = None
        if not isinstance(token, str):
            raise Unreachable(f"{self.url} gives no token for {SCOPE}: {status} {_said(data)}")
        return token

    def _exchange(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Raises Unreachable."""
        for last in (False, True):
            try:
                self._connection.request(method, f"{self._base}{path}", body=body, headers=headers)
                response = self._connection.getresponse()
                data = response.read(LARGEST_BYTES + 1)
                break
            except (OSError, http.client.HTTPException) as error:
                # A kept connection may have ended since; a new one is tried once.
                self._connection.close()
                if last:
                    raise Unreachable(f"{self.url}{path}: {error or type(error).__name__}") from None
        if response.headers.get("Content-Encoding") == "gzip":
            unpacker = zlib.decompressobj(wbits=31)
            try:
                data = unpacker.decompress(data, LARGEST_BYTES + 1)
            except zlib.error as error:
                raise Unreachable(f"{self.url}{path}: it is not packed as it says: {error}") from None
        if len(data) > LARGEST_BYTES:
            raise Unreachable(f"{self.url}{path}: the answer is longer than any evidence")
        return response.status, response.headers, data


def _said(data: bytes) -> str:
    """The door's reason, in so far as it gives one."""
    try:
        found = json.loads(data)
    except ValueError:
        return ""
    return str(found.get("error", ""))[:100] if isinstance(found, dict) else ""
