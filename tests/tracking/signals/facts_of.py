"""Facts for tests: say only what matters. Moments are milliseconds after T."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from elearn.tracking.signals.facts import Beat, CheckFacts, SittingFacts

T = 1_790_000_000_000
"""2026-09-21, in the morning of China."""
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
H = 15 * SECOND


def who(number: int) -> UUID:
    return UUID(int=number)


def a_sitting(learner: int = 1, *, number: int | None = None, **facts: Any) -> SittingFacts:
    """A sitting of two hours that says nothing odd."""
    number = learner * 1_000 if number is None else number
    opened_ms = T + facts.pop("opened", 0)
    last_ms = T + facts.pop("last", 2 * HOUR)
    return SittingFacts(who(number), who(learner), facts.pop("unit", who(77)), opened_ms, last_ms, **facts)


def beats(
    count: int, *, every: int = H, start: int = 0, drift: Sequence[int] = (0,), delay: Sequence[int] = (0,)
) -> Any:
    """Heartbeats `every` ms; `drift` is added in turn to the player's clock, `delay` to the way to the server."""
    cm = [start + index * every + drift[index % len(drift)] for index in range(count)]
    return tuple(Beat(T + at + delay[index % len(delay)], at) for index, at in enumerate(cm))


def a_check(learner: int = 1, item: int = 1, *, put: int = 0, took: int = 12 * SECOND, **facts: Any) -> CheckFacts:
    """A check passed at the first try after twelve seconds."""
    return CheckFacts(
        who(learner), who(item), T + put, T + put + took, facts.get("passed", True), facts.get("tries", 1)
    )
