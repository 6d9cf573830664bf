"""Services of others as they are met: real HTTP servers on this machine that do what a test tells them."""

from __future__ import annotations

import base64
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "a secret of both sides"

Reply = tuple[int, dict[str, Any]]


@dataclass
class FakeService:
    """What came in, and what goes back. A reply of status 0 hangs up."""

    url: str = ""
    reply: Callable[[dict[str, Any]], Reply] = lambda body: (200, {})
    heard: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def signed(self) -> bool:
        """Is the last request signed as Standard Webhooks says?"""
        headers, raw = self.headers[-1], self.raw[-1]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + raw
        right = "v1," + base64.b64encode(hmac.digest(SECRET.encode(), signed, "sha256")).decode()
        return hmac.compare_digest(headers["webhook-signature"], right)


@contextmanager
def a_service() -> Iterator[FakeService]:
    fake = FakeService()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            fake.raw.append(raw)
            fake.heard.append(json.loads(raw))
            fake.headers.append({name.lower(): value for name, value in self.headers.items()})
            status, body = fake.reply(fake.heard[-1])
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            if status in (301, 302, 307, 308):
                self.send_header("Location", fake.url)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def do_GET(self) -> None:
            """Where a redirect leads to; whoever follows it believes that all is well."""
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/send"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
