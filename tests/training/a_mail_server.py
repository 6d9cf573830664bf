"""A mail server as it is met: a real socket that speaks SMTP (RFC 5321) and answers what a test tells it."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class FakeMail:
    """What came in, and what goes back."""

    port: int = 0
    rcpt: str = "250 fine"
    data: str = "250 taken"
    hangs_up: bool = False
    commands: list[str] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)


@contextmanager
def a_mail_server() -> Iterator[FakeMail]:
    fake = FakeMail()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def handle(self) -> None:
            if fake.hangs_up:
                return
            self.say("220 mail.test")
            while line := self.rfile.readline().decode().strip():
                fake.commands.append(line.split(":")[0].split()[0].upper())
                if fake.commands[-1] == "EHLO":
                    self.say("250 mail.test")
                elif fake.commands[-1] == "RCPT":
                    self.say(fake.rcpt)
                elif fake.commands[-1] == "DATA":
                    self.letter()
                elif fake.commands[-1] == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 fine" if fake.commands[-1] in ("MAIL", "RSET") else "502 not here")

        def letter(self) -> None:
            self.say("354 go on")
            lines = []
            while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                lines.append(line)
            if fake.data.startswith("250"):
                fake.letters.append("\n".join(lines))
            self.say(fake.data)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True

    server = Server(("127.0.0.1", 0), Handler)
    fake.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
