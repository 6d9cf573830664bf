"""Heartbeats of 32 connections at once, through granian with two processes: median and p99, told only."""

from __future__ import annotations

import base64
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from bench.figures import Figure
from bench.watching import Place, Watcher, a_watcher
from elearn.db import db
from elearn.settings import Settings

CONNECTIONS = 32
NONCE_HOLDS = 8
"""One nonce is good for so many messages: as many heartbeats each are signed before the clock runs."""
LESSON_MS = 20 * 60_000

Signed = tuple[Watcher, Sequence[bytes]]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def served(settings: Settings) -> Iterator[int]:
    """granian with two workers in front of the application; the port it answers on."""
    port = free_port()
    secrets = {
        "ELEARN_SECRET_KEY": settings.secret_key,
        "ELEARN_SEALING_KEY": settings.sealing_key,
        "ELEARN_INDEX_KEY": settings.index_key,
        "ELEARN_SIGNING_KEY": settings.signing_key,
    }
    environment = os.environ | {name: base64.urlsafe_b64encode(key).decode() for name, key in secrets.items()}
    environment |= {
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "ELEARN_DATA_DIR": str(settings.data_dir),
        "ELEARN_PUBLIC_URL": settings.public_url,
    }
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "elearn.serving:wsgi"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "2", "--blocking-threads", "8"]
    command += ["--no-access-log", "--log-level", "error"]
    server = subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise RuntimeError("the server did not answer")
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


def drive(port: int, gate: threading.Barrier, mine: Sequence[Signed], took_s: list[float], wrong: list[str]) -> None:
    """One connection: its heartbeats one after the other, each as soon as the one before is answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    gate.wait()
    for watcher, bodies in mine:
        for body in bodies:
            begun = time.perf_counter()
            headers = watcher.headers | {"Content-Type": "application/json"}
            connection.request("POST", watcher.door, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            took_s.append(time.perf_counter() - begun)
            if answer.status != 200:
                wrong.append(f"{answer.status} {text[:200]!r}")
    connection.close()


def run(place: Place, rounds: int = 3) -> Iterator[Figure]:
    """Raises RuntimeError when a heartbeat was not answered with 200."""
    with place.app.app_context(), db.engine.connect() as connection:
        # The server keeps real time; its learners watch from now on.
        place.clock.now = connection.scalar(sa.text("SELECT clock_timestamp()")) or place.clock.now
    crowd = [a_watcher(place, duration_ms=LESSON_MS) for _ in range(CONNECTIONS * rounds)]
    for watcher in crowd:
        watcher.player.have_key()
    prepared: list[Signed] = [(w, [w.heartbeat(4, 1) for _ in range(NONCE_HOLDS)]) for w in crowd]
    took_s: list[float] = []
    wrong: list[str] = []
    with served(place.settings) as port:
        gate = threading.Barrier(CONNECTIONS + 1)
        threads = [
            threading.Thread(target=drive, args=(port, gate, prepared[n::CONNECTIONS], took_s, wrong))
            for n in range(CONNECTIONS)
        ]
        for thread in threads:
            thread.start()
        gate.wait()
        begun = time.perf_counter()
        for thread in threads:
            thread.join()
        whole_s = time.perf_counter() - begun
    if wrong:
        raise RuntimeError(f"{len(wrong)} of {len(took_s)} failed: {wrong[0]}")
    took_s.sort()
    median, p99 = took_s[len(took_s) // 2], took_s[len(took_s) * 99 // 100]
    yield Figure(
        f"p99 / median at {CONNECTIONS} connections",
        p99 / median,
        None,
        f"p99 {1_000 * p99:.0f} ms, median {1_000 * median:.0f} ms, {len(took_s) / whole_s:.0f} requests a second "
        f"(granian, 2 workers; the client shares the processors)",
    )
