"""Everything that is measured, as ratios to its limit, in one run.

    python -m bench

One line a figure: the ratio, its limit where there is one, and what was measured. Exit status 1 when a limit is
broken. `bench/soak.py` stands apart: it takes minutes of real watching.
"""

from __future__ import annotations

import gzip
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import heartbeat, history, lrs, media_packaging, verifier
from bench.figures import Figure, say
from elearn.demo.example import Example
from elearn.demo.transport import HttpTransport

COLD_S = 180.0
SECOND_S = 5.0
PAGE_BYTES = 60_000
PATIENCE_S = 600


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def demonstration(place: Path, port: int) -> Iterator[float]:
    """`elearn demo` until it is stopped; gives the seconds from the command to the first page."""
    command = [sys.executable, "-m", "elearn", "demo", "--port", str(port), "--data-dir", str(place)]
    began = time.monotonic()
    with (place.parent / "demo.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=os.environ)
    try:
        while not first_page(port):
            if process.poll() is not None or time.monotonic() - began > PATIENCE_S:
                raise RuntimeError(f"the demonstration did not start; see {place.parent / 'demo.log'}")
            time.sleep(0.05)
        yield time.monotonic() - began
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def first_page(port: int) -> bool:
    """Whether the sign-in page is served."""
    try:
        browser = HttpTransport(f"http://localhost:{port}", timeout_s=5)
        return browser("GET", "/signin", headers={"Accept": "text/html"}, body=None).status == 200
    except OSError:
        return False


def starts_and_pages() -> Iterator[Figure]:
    """Cold start and second start of the demonstration, and what its lesson page weighs."""
    with tempfile.TemporaryDirectory(prefix="bench-demo-") as where:
        os.chmod(where, 0o755)  # the database's user must be able to pass through
        place, port = Path(where) / "data", free_port()
        with demonstration(place, port) as cold_s:
            yield Figure("cold demo to first page", cold_s / COLD_S, 1.0, f"{cold_s:.1f} s of {COLD_S:.0f} s")
            example = wait_for_lesson(place)
        with demonstration(place, port) as second_s:
            yield Figure(
                "second start to first page", second_s / SECOND_S, 1.0, f"{second_s:.1f} s of {SECOND_S:.0f} s"
            )
            bytes_, parts = lesson_page(f"http://localhost:{port}", example)
            yield Figure(
                "lesson page, compressed", bytes_ / PAGE_BYTES, 1.0, f"{bytes_} of {PAGE_BYTES} bytes: {parts}"
            )


def wait_for_lesson(place: Path) -> Example:
    """The first start packages two lessons and walks; the second must find all of that done."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        example = Example.load(place / "demo.json") if (place / "demo.json").exists() else None
        if example is not None and len(example.unit_ids) == len(example.lesson_ids):
            return example
        time.sleep(1)
    raise RuntimeError("the demonstration's lessons were not ready in time")


def lesson_page(base: str, example: Example) -> tuple[int, str]:
    """Compressed bytes of a lesson page's HTML, CSS and own script; hls.js is a file of its own that is left out."""
    browser = HttpTransport(base)
    browser.sign_in(example.sign_ins[0].name, example.sign_ins[0].password)

    def get(path: str) -> bytes:
        answer = browser("GET", path, headers={"Accept": "text/html"}, body=None)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
        return answer.body

    page = get(f"/learn/{example.unit_ids[0]}")
    sizes = {"html": len(gzip.compress(page, 6))}
    wanted = re.findall(rb'<(?:link rel="stylesheet" href|script[^>]* src)="([^"]+)"', page)
    seen: set[str] = set()
    while wanted:
        path = wanted.pop().decode()
        name = path.rsplit("/", 1)[1].split("?")[0]
        if name in seen or name.startswith("hls"):
            continue
        seen.add(name)
        body = get(path)
        sizes[name] = len(gzip.compress(body, 6))
        if name.endswith(".js"):  # what a module loads at once; what it loads later (hls.js) is imported in brackets
            folder = path.rsplit("/", 1)[0]
            wanted += [
                f"{folder}/{found.decode()}".encode()
                for found in re.findall(rb'(?:from|import)\s*"\./([\w.-]+\.js)"', body)
            ]
    parts = ", ".join(f"{name} {size}" for name, size in sorted(sizes.items()))
    return sum(sizes.values()), parts


def main() -> int:
    benches = (starts_and_pages, media_packaging.run, verifier.run, heartbeat.run, history.run, lrs.run)
    return say(itertools.chain.from_iterable(bench() for bench in benches))


if __name__ == "__main__":
    raise SystemExit(main())
