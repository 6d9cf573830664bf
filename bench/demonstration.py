"""`elearn demo` as a bench starts it: a process of its own, in a directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.servers import running, status_of, wait_for
from elearn.demo.kept import Example

PATIENCE_S = 600


@dataclass(frozen=True, slots=True)
class Demonstration:
    """`elearn demo` that runs and shows its first page."""

    place: Path
    process: subprocess.Popen[bytes]
    log: Path
    started_s: float
    """From the command to the first page."""

    def example(self) -> Example:
        """Once all its lessons are there: the first start packages two and walks, the second must find that done."""

        def whole() -> Example | None:
            example = Example.load(self.place / "demo.json")
            return example if example and len(example.unit_ids) == len(example.lesson_ids) else None

        return wait_for(whole, "the demonstration's lessons", self.process, self.log, seconds=PATIENCE_S, every_s=1)


@contextmanager
def demonstration(place: Path, port: int) -> Iterator[Demonstration]:
    """Stopped at the end. Raises RuntimeError when it does not come up."""
    command = [sys.executable, "-m", "elearn", "demo", "--port", str(port), "--data-dir", str(place)]
    log = place.parent / "demo.log"
    began = time.monotonic()
    with running(command, os.environ, log) as process:
        wait_for(
            lambda: status_of(port, "/signin") == 200, "the first page", process, log, seconds=PATIENCE_S, every_s=0.05
        )
        yield Demonstration(place, process, log, time.monotonic() - began)
