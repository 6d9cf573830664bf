"""A clock that a journey moves: every process of its running product is so many days ahead as one file says.

The product asks the time in one place and takes another clock where it is given one (`elearn/clock.py`). Nothing that
can be set moves it, so Python itself is asked: it reads `sitecustomize` when a process starts, which `moved` puts in
the way of this product's processes alone. They go on from the database's clock, and minutes last as long as ever.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from elearn import extension
from elearn.clock import DatabaseClock
from tests.journeys.running import RunningProduct

FILE = "JOURNEY_DAYS_AHEAD"
ROOT = Path(__file__).parents[2]


class Ahead(DatabaseClock):
    def __call__(self) -> datetime:
        return super().__call__() + timedelta(days=int(Path(os.environ[FILE]).read_text()))


@dataclass(frozen=True, slots=True)
class Moved:
    """What says how far ahead a product is."""

    file: Path

    def to(self, days: int) -> None:
        fresh = self.file.with_suffix(".fresh")
        fresh.write_text(str(days))
        fresh.replace(self.file)


def moved(product: RunningProduct, place: Path) -> Moved:
    """Give a product that is not started yet such a clock, at today; `place` holds what its processes read."""
    place.mkdir()
    (place / "sitecustomize.py").write_text("from tests.journeys import ahead\n\nahead.begin()\n")
    clock = Moved(place / "days")
    clock.to(0)
    product.more_env |= {"PYTHONPATH": os.pathsep.join([str(place), str(ROOT)]), FILE: str(clock.file)}
    return clock


def begin() -> None:
    """In each of its processes, before anything else."""
    vars(extension)["DatabaseClock"] = Ahead
