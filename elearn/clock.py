"""The only place that asks the time.

Default: the database's clock, so that many hosts agree. Each process measures how far the database is from
its own monotonic clock, and asks again every few seconds; in between a reading costs no round trip.
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


class DatabaseClock:
    """The database's clock, read once every `refresh_s` and carried on by the monotonic clock between."""

    def __init__(self, ask: Callable[[], datetime], *, refresh_s: float = 5.0) -> None:
        self._ask = ask
        self._refresh_s = refresh_s
        self._lock = threading.Lock()
        self._base: tuple[float, datetime] | None = None

    def __call__(self) -> datetime:
        base = self._base
        read_at = time.monotonic()
        if base is None or read_at - base[0] > self._refresh_s:
            with self._lock:
                base = self._base
                if base is None or time.monotonic() - base[0] > self._refresh_s:
                    base = self._measure()
        return base[1] + timedelta(seconds=time.monotonic() - base[0])

    def _measure(self) -> tuple[float, datetime]:
        before = time.monotonic()
        answered = self._ask()
        # Half the round trip is the fairest guess of when the database looked at its clock.
        self._base = ((before + time.monotonic()) / 2, answered.astimezone(UTC))
        return self._base


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
