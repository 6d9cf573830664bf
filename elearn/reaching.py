"""A request to somebody else's server, within bounds: of time, of size, and of where a name may lead.

An address that somebody typed in may point into our own network, and its name may be answered differently the next
time. So the address that was looked at is the one that is connected to, and no redirect is followed.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

SHOWN = 300
"""Characters of an answer that are kept."""


class NotAllowed(OSError):
    """The name leads to an address that is not for it to be at."""


def exchange(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None,
    private: bool,
    silence_s: float,
    whole_s: float,
    most_bytes: int,
) -> tuple[http.client.HTTPResponse, bytes]:
    """Ask and read the whole answer; `private`: the server may be at a private address.

    Raises OSError (NotAllowed, TimeoutError ...) or HTTPException: no whole answer came within the bounds.
    """
    parts = urlsplit(url)
    path = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    kind = _Tls if parts.scheme == "https" else _Plain
    connection = kind(str(parts.hostname), parts.port, timeout=silence_s)
    connection.private = private
    ends = time.monotonic() + whole_s
    guard = threading.Timer(whole_s, connection.cut)
    guard.daemon = True
    guard.start()
    try:
        connection.request(method, path, body=body, headers=dict(headers))
        response = connection.getresponse()
        data = response.read(most_bytes + 1)
    finally:
        guard.cancel()
        connection.close()
        connection.hang_up()
    if time.monotonic() >= ends:
        raise TimeoutError("cut off in the middle")
    if len(data) > most_bytes:
        raise http.client.HTTPException("the answer is too large")
    if response.length:
        raise http.client.IncompleteRead(data, response.length)
    return response, data


def retry_after(value: str | None, *, now_s: float) -> float | None:
    """Seconds that a header Retry-After asks for (RFC 9110, 10.2.3); None when it says nothing that can be read."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value.strip()[:9])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now_s)
    except (ValueError, OverflowError):
        return None


def shown(body: bytes) -> str:
    """The beginning of an answer as one line of printable text."""
    text = body[: 4 * SHOWN].decode(errors="replace")
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:SHOWN]


class _Plain(http.client.HTTPConnection):
    private = False
    line: socket.socket | None = None
    """A second handle of the connection, below TLS: `sock` is gone once an answer has begun that ends it."""

    def connect(self) -> None:
        self.sock = _reach(self.host, self.port, self.timeout, private=self.private)
        self.line = self.sock.dup()

    def cut(self) -> None:
        """End it from another thread: whoever reads from it then gets an end or an error."""
        if self.line is not None:
            with suppress(OSError):  # it has ended by itself
                self.line.shutdown(socket.SHUT_RDWR)

    def hang_up(self) -> None:
        if self.line is not None:
            self.line.close()


class _Tls(_Plain):
    default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        super().connect()
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


def _reach(host: str, port: int, timeout: float | None, *, private: bool) -> socket.socket:
    """A connection to an address of `host` that is not one of a private network. Raises OSError, NotAllowed."""
    failed: OSError = NotAllowed("the address is private")
    for _, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if not (private or is_public(str(address[0]))):
            continue
        try:
            return socket.create_connection((str(address[0]), port), timeout)
        except OSError as error:
            failed = error
    raise failed


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the Internet: not this machine, not a private or link-local network, also not
    one of these inside an IPv6 address."""
    found: Any = ipaddress.ip_address(address.partition("%")[0])
    if found.version == 6:
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if found in _NAT64:
            inner = ipaddress.ip_address(int(found) & 0xFFFFFFFF)
        if inner:
            return is_public(str(inner))
    return bool(found.is_global and not found.is_multicast)


_NAT64 = ipaddress.ip_network("64:ff9b::/96")
