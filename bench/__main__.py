"""Everything that is measured, as ratios to its limit, in one run.

    python -m bench [NAME ...]

One line a figure: the ratio, its limit where there is one, and what was measured. Exit status 1 when a limit is
broken, or a bench ended with an error: the others are measured all the same. NAME: only these. `bench/soak.py`
stands apart: it takes minutes of real watching.
"""

from __future__ import annotations

import argparse
import gzip
import math
import os
import re
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bench import (
    assigning,
    catalogue,
    course_tests,
    dashboards,
    eligibility,
    exam_feed,
    heartbeat,
    history,
    ledger_doors,
    ledger_formats,
    ledger_log,
    ledger_monitor,
    lighthouse,
    lrs,
    media_packaging,
    packages,
    roster,
    verifier,
)
from bench.demonstration import demonstration
from bench.figures import Figure, say
from bench.servers import free_port
from elearn.demo.kept import Example
from elearn.demo.transport import HttpTransport

COLD_S = 180.0
SECOND_S = 5.0
PAGE_BYTES = 60_000


def starts_and_pages() -> Iterator[Figure]:
    """Cold start and second start of the demonstration, what its lesson page weighs, and Lighthouse on it."""
    with tempfile.TemporaryDirectory(prefix="bench-demo-") as where:
        os.chmod(where, 0o755)  # the database's user must be able to pass through
        place, port = Path(where) / "data", free_port()
        with demonstration(place, port) as cold:
            cold_s = cold.started_s
            yield Figure("cold demo to first page", cold_s / COLD_S, 1.0, f"{cold_s:.1f} s of {COLD_S:.0f} s")
            example = cold.example()
        with demonstration(place, port) as second:
            second_s = second.started_s
            yield Figure(
                "second start to first page", second_s / SECOND_S, 1.0, f"{second_s:.1f} s of {SECOND_S:.0f} s"
            )
            bytes_, parts = lesson_page(f"http://localhost:{port}", example)
            yield Figure(
                "lesson page, compressed", bytes_ / PAGE_BYTES, 1.0, f"{bytes_} of {PAGE_BYTES} bytes: {parts}"
            )
            yield from lighthouse.of(example)


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


BENCHES: dict[str, Callable[[], Iterator[Figure]]] = {
    "demonstration": starts_and_pages,
    "media_packaging": media_packaging.run,
    "verifier": verifier.run,
    "heartbeat": heartbeat.run,
    "history": history.run,
    "lrs": lrs.run,
    "eligibility": eligibility.run,
    "exam_feed": exam_feed.run,
    "ledger_doors": ledger_doors.run,
    "ledger_formats": ledger_formats.run,
    "ledger_log": ledger_log.run,
    "ledger_monitor": ledger_monitor.run,
    "packages": packages.run,
    "catalogue": catalogue.run,
    "course_tests": course_tests.run,
    "dashboards": dashboards.run,
    "assigning": assigning.run,
    "roster": roster.run,
}


def measured(names: Iterable[str]) -> Iterator[Figure]:
    """One bench after the other; one that breaks is a figure of its own, beyond every limit."""
    for name in names:
        try:
            yield from BENCHES[name]()
        except Exception as error:
            traceback.print_exc()
            yield Figure(name, math.inf, 1.0, f"ended with an error: {error!r:.200}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    names: list[str] = parser.parse_args().names
    for unknown in set(names) - set(BENCHES):
        parser.error(f"there is no bench {unknown}")
    return say(measured(names or BENCHES))


if __name__ == "__main__":
    raise SystemExit(main())
