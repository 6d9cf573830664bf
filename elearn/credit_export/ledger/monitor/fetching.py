"""Asking over HTTP: one connection that is kept, answers of bounded length and time, nothing believed.

A log's public files (`Site`), and the door of raw evidence (`asking.py`).
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from elearn.credit_export.ledger.tiles import ENTRY_BYTES_MAX, WIDTH, NoTile
from elearn.errors import DomainError

FILE_BYTES_MAX = WIDTH * (2 + ENTRY_BYTES_MAX)
"""A bundle of the longest leaves; nothing that a log publishes is larger."""
SILENCE_S = 30.0
WHOLE_S = 300.0
"""An answer that comes drop by drop is cut off after that: a log that keeps its monitor waiting is not looked at."""
GONE = (403, 404, 410)


class Unreachable(DomainError):
    """The log does not answer, or not with a file: nothing can be said about it."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file, and the tag to ask with next time; `data` is None when it is the one that was asked with."""

    data: bytes | None
    etag: str | None


class Site:
    """Where a log is published. One thread uses it at a time."""

    def __init__(self, url: str) -> None:
        """Raises Unreachable when it is no address."""
        self._line = Line(url, silence_s=SILENCE_S)
        self.url = self._line.url

    def fetch(self, path: str) -> bytes:
        """Raises NoTile when there is no such file, Unreachable when that cannot be told."""
        data = self.get(path).data
        if data is None:
            raise Unreachable(f"{self.url}/{path}: unchanged from what was never had")
        return data

    def get(self, path: str, etag: str | None = None) -> Fetched:
        """The file, unless it still has this tag. Raises NoTile, Unreachable."""
        headers = {"Accept-Encoding": "gzip, identity", "User-Agent": "elearn-ledger-monitor"}
        if etag:
            headers["If-None-Match"] = etag
        status, answer, data = self._line.ask("GET", f"/{path}", headers, most_bytes=FILE_BYTES_MAX)
        if status == 304 and etag:
            return Fetched(None, etag)
        if status in GONE:
            raise NoTile(path)
        if status != 200:
            raise Unreachable(f"{self.url}/{path}: it answers {status}")
        return Fetched(data, answer.get("ETag"))

    def close(self) -> None:
        self._line.close()


class Line:
    """A connection to one server. One thread uses it at a time."""

    def __init__(self, url: str, *, silence_s: float) -> None:
        """Raises Unreachable when it is no address."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Unreachable(f"{url} is no http or https address")
        self.url = url.rstrip("/")
        self._base = parts.path.rstrip("/")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=silence_s)

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None, *, most_bytes: int
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body, which is unpacked and has at most so many bytes. Raises Unreachable."""
        where = f"{self.url}{path}"
        try:
            status, answer, data = self._exchange(method, path, headers, body, most_bytes)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{where}: {error or type(error).__name__}") from None
        if answer.get("Content-Encoding") == "gzip":
            try:
                data = zlib.decompressobj(wbits=31).decompress(data, most_bytes + 1)
            except zlib.error as error:
                raise Unreachable(f"{where}: it is not packed as it says: {error}") from None
        if len(data) > most_bytes:
            raise Unreachable(f"{where}: it is longer than any answer may be")
        return status, answer, data

    def close(self) -> None:
        self._connection.close()

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, most_bytes: int
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        for last in (False, True):
            cut = threading.Timer(WHOLE_S, self._cut)
            cut.daemon = True
            cut.start()
            try:
                self._connection.request(method, f"{self._base}{path}", body=body, headers=dict(headers))
                response = self._connection.getresponse()
                data = response.read(most_bytes + 1)
                if len(data) <= most_bytes and response.length:
                    raise http.client.IncompleteRead(data, response.length)
            except (OSError, http.client.HTTPException):
                # A kept connection may have ended since; a new one is tried once.
                self._connection.close()
                if last or cut.finished.is_set():
                    raise
            else:
                if len(data) > most_bytes:
                    self._connection.close()
                return response.status, response.headers, data
            finally:
                cut.cancel()
        raise AssertionError("unreachable")

    def _cut(self) -> None:
        sock = self._connection.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
