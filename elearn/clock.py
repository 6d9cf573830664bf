"""The only place that asks the time.

Default: the database's clock, so that many hosts agree. Each process measures how far the database is from
its own monotonic clock, and looks again every few seconds; in between a reading costs no round trip.
`create_app(settings, clock=...)` takes another one, so that a test can run the real server on a clock of
its own. No route can set it (DESIGN 3.6a).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flask import current_app

Clock = Callable[[], datetime]
"""Answers the time now, aware, in UTC."""

MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FIRST_LOOKS = 5
SHORT = timedelta(milliseconds=2)
"""A round trip that need not be tried again."""


class DatabaseClock:
    """The database's clock, looked at once every `refresh_s` and carried on by the monotonic clock between.

    A look tells only that the database answered somewhere between question and answer: on a busy machine, or where
    a connection is opened first, that is a long time, and half of it is no good guess. What is known stays as long as
    an answer agrees with it, and moves no further than it must. So a slow answer moves nothing, a step or a drift of
    the database's clock is followed, and the error is never more than half the shortest of the first round trips.
    """

    def __init__(
        self,
        ask: Callable[[], datetime],
        *,
        refresh_s: float = 5.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._refresh_s = refresh_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: tuple[float, datetime] | None = None
        """When it was looked at, and what the database's clock said when the monotonic one stood at 0."""

    def __call__(self) -> datetime:
        known = self._known
        if known is None:
            known = self._first_look()
        elif self._monotonic() - known[0] > self._refresh_s:
            known = self._look_again(known)
        return known[1] + timedelta(seconds=self._monotonic())

    def _first_look(self) -> tuple[float, datetime]:
        """The shortest of a few round trips; the first of all may have to open a connection."""
        with self._lock:
            if self._known is None:
                low, high = self._bounds()
                for _ in range(FIRST_LOOKS - 1):
                    if high - low <= SHORT:
                        break
                    low, high = min((low, high), self._bounds(), key=lambda bounds: bounds[1] - bounds[0])
                self._known = self._monotonic(), low + (high - low) / 2
            return self._known

    def _look_again(self, known: tuple[float, datetime]) -> tuple[float, datetime]:
        """One look, by one thread; whoever comes meanwhile goes on with what is known."""
        if not self._lock.acquire(blocking=False):
            return known
        try:
            low, high = self._bounds()
            self._known = self._monotonic(), min(max(known[1], low), high)
            return self._known
        finally:
            self._lock.release()

    def _bounds(self) -> tuple[datetime, datetime]:
        """Between which moments the database's clock stood when the monotonic one was at 0, by one answer."""
        before = self._monotonic()
        answered = self._ask().astimezone(UTC)
        return answered - timedelta(seconds=self._monotonic()), answered - timedelta(seconds=before)


def utcnow() -> datetime:
    """The time now by this application's clock: aware, UTC."""
    clock: Clock = current_app.extensions["elearn"].clock
    return clock()


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970 of an aware datetime; the form in which pure modules take time."""
    return (moment - EPOCH) // MILLISECOND


def from_ms(epoch_ms: int) -> datetime:
    """The aware UTC datetime of whole milliseconds since 1970."""
    return EPOCH + epoch_ms * MILLISECOND
