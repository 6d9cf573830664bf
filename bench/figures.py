"""What every bench says: a ratio, and the limit it must stay under."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what it is, its value as a ratio, and the limit it must stay under (None: only told)."""

    name: str
    ratio: float
    limit: float | None
    detail: str

    @property
    def holds(self) -> bool:
        return self.limit is None or self.ratio <= self.limit

    def __str__(self) -> str:
        limit = "" if self.limit is None else f" (limit {self.limit})"
        return f"{'   ' if self.holds else 'NOT'} {self.name}: {self.ratio:.2f}{limit}: {self.detail}"


def percentile_ms(took_s: Sequence[float], percent: int) -> float:
    """How long so many percent of what took so many seconds each took at most. At least one is wanted."""
    ordered = sorted(took_s)
    return 1_000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def say(figures: Iterable[Figure]) -> int:
    """A line for each as it comes. Exit status: 0, or 1 when a limit is broken."""
    broken = 0
    for figure in figures:
        broken += not figure.holds
        sys.stdout.write(f"{figure}\n")
        sys.stdout.flush()
    return 1 if broken else 0
