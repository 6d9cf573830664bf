"""Heartbeats of 32 connections at once, through `elearn serve` with two web processes: median and p99, told only.

Each is signed before the clock runs and good for once, so they are driven from here, in threads.
"""

from __future__ import annotations

import http.client
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import sqlalchemy as sa

from bench.figures import Figure, percentile_ms
from bench.servers import free_port, running, status_of, wait_for
from bench.watching import Place, Watcher, a_watcher
from elearn.db import db
from elearn.settings import Settings

CONNECTIONS = 32
NONCE_HOLDS = 8
"""One nonce is good for so many messages: as many heartbeats each are signed before the clock runs."""
LESSON_MS = 20 * 60_000

Signed = tuple[Watcher, Sequence[bytes]]


@contextmanager
def served(settings: Settings) -> Iterator[int]:
    """`elearn serve` with two web processes, as it runs in life; the port it answers on."""
    port, log = free_port(), settings.data_dir.parent / "serve.log"
    command = [sys.executable, "-m", "elearn", "serve", "--host", "127.0.0.1", "--port", str(port), "--processes", "2"]
    with running(command, os.environ | settings.to_env(), log) as server:
        wait_for(partial(status_of, port, "/healthz"), "the server", server, log)
        yield port


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
    median, p99 = percentile_ms(took_s, 50), percentile_ms(took_s, 99)
    yield Figure(
        f"p99 / median at {CONNECTIONS} connections",
        p99 / median,
        None,
        f"p99 {p99:.0f} ms, median {median:.0f} ms, {len(took_s) / whole_s:.0f} requests a second "
        f"(elearn serve, 2 web processes; worker, signer and client share the processors)",
    )
