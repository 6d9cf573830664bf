"""Facts put in order for the rules: by learner, by day, in windows. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from math import isqrt
from typing import TypeVar
from uuid import UUID

from elearn.tracking.signals.facts import DayOf, SittingFacts

T = TypeVar("T")


def deviation_ms(values: Sequence[int]) -> int:
    """The standard deviation of whole numbers, rounded down; 0 of fewer than two."""
    count = len(values)
    return isqrt(max(0, count * sum(v * v for v in values) - sum(values) ** 2)) // count if count > 1 else 0


def windows(values: Sequence[T], length: int) -> Iterable[Sequence[T]]:
    """Every run of `length` neighbours."""
    return (values[start : start + length] for start in range(len(values) - length + 1))


def by_learner(sittings: Iterable[SittingFacts]) -> list[tuple[UUID, list[SittingFacts]]]:
    """Each learner's sittings, in a fixed order."""
    own: dict[UUID, list[SittingFacts]] = defaultdict(list)
    for one in sittings:
        own[one.learner].append(one)
    return sorted(own.items())


def days(own: Iterable[SittingFacts]) -> list[tuple[date, DayOf, list[SittingFacts]]]:
    """The local days of one learner's sittings in order, each added up over its sittings."""
    sums: dict[date, DayOf] = {}
    there: dict[date, list[SittingFacts]] = defaultdict(list)
    for one in own:
        for on, day in one.days.items():
            sums[on] = sums.get(on, DayOf()).plus(day)
            there[on].append(one)
    return [(on, sums[on], there[on]) for on in sorted(sums)]


def ids(sittings: Iterable[SittingFacts]) -> tuple[UUID, ...]:
    """Which sittings these are."""
    return tuple(sorted({one.id for one in sittings}))


def utc_day(at_ms: int) -> str:
    """A day as part of a flag's key: any zone does, it must only stay the same."""
    return datetime.fromtimestamp(at_ms // 1_000, UTC).date().isoformat()
