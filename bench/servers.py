"""What a bench starts for itself: PostgreSQL and Valkey, and servers; one that does not come up tells what it said."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from elearn import embedded, schema
from elearn.settings import Settings
from tests.conftest import settings_for

Found = TypeVar("Found")

UP_S = 120.0
SAID = 1000
"""So many characters of a log's end are told."""


@contextmanager
def services(where: Path) -> Iterator[Settings]:
    """Settings of an installation under `where`, on services of its own that are as durable as in production."""
    where.chmod(0o755)  # the database's user must be able to pass through
    with embedded.services(where / "services", durable=True) as found:
        url = found.create_database("bench")
        schema.upgrade(url)
        yield settings_for(url, found.redis_url, where / "data")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(command: Sequence[str], env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server of this checkout until it is stopped as by Ctrl+C; all that it says goes to the end of `log`."""
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=env, cwd=Path(__file__).parents[1], stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(
    find: Callable[[], Found | None],
    what: str,
    process: subprocess.Popen[bytes],
    log: Path,
    *,
    seconds: float = UP_S,
    every_s: float = 0.1,
) -> Found:
    """What `find` found at last. Raises RuntimeError, with what the process said last, when it ended or is late."""
    until = time.monotonic() + seconds
    while not (found := find()):
        ended = process.poll()
        if ended is not None or time.monotonic() > until:
            why = f"it did not come within {seconds:.0f} s" if ended is None else f"the process ended with {ended}"
            raise RuntimeError(f"waited for {what}: {why}; it said last:\n{log.read_text(errors='replace')[-SAID:]}")
        time.sleep(every_s)
    return found


def status_of(port: int, path: str) -> int | None:
    """What a GET of the page is answered with; None: nobody answers."""
    connection = http.client.HTTPConnection("localhost", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Accept": "text/html"})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return answer.status
