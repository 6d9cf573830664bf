"""`elearn witness serve` as a process of its own, for tests: started, asked, killed, started again."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.servers import free_port
from tests.waiting import wait_for

WITHOUT_PRODUCT = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}


def serve(place: Path, port: int) -> list[str]:
    listen = f"127.0.0.1:{port}"
    return [sys.executable, "-m", "elearn", "witness", "serve", "--dir", str(place), "--listen", listen]


class Running:
    """A witness that answers on a port."""

    def __init__(self, place: Path, port: int) -> None:
        self.place, self.port = place, port
        self._start()

    def _start(self) -> None:
        self.process = subprocess.Popen(
            serve(self.place, self.port),
            env=WITHOUT_PRODUCT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for(self._answers, seconds=60, what="the witness")

    def _answers(self) -> bool:
        assert self.process.poll() is None
        try:
            return self.ask("GET", "/").status == 404
        except (OSError, http.client.HTTPException):
            return False

    def ask(self, method: str, path: str, body: bytes | None = None) -> Said:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body)
            return Said(connection.getresponse())
        finally:
            connection.close()

    def add(self, body: bytes) -> Said:
        return self.ask("POST", "/add-checkpoint", body)

    def kill(self) -> None:
        """The whole of it, as by a power cut."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def start_again(self) -> None:
        self._start()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()


class Said:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.content_type = response.headers["Content-Type"]
        self.body = response.read()


@contextmanager
def running(place: Path) -> Iterator[Running]:
    witness = Running(place, free_port())
    try:
        yield witness
    finally:
        witness.stop()
