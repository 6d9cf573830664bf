"""X-Experience-API-Consistent-Through: up to which moment every stored statement can be read (Communication 2.1.3).

A statement gets its `stored` before its transaction commits, so "now" would be a lie while somebody is writing. The
bound is the beginning of the oldest transaction that is open in the database, less a second: what a transaction
writes that began later was stored at most `STALE_AFTER` before the command that wrote it, whatever held its process
up between reading the clock and that command (`store.insert` sees to it by the database's own clock). A bound once
true stays true, so it is asked for only a few times a second; in between the last one is answered.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from elearn.clock import DatabaseClock, utcnow
from elearn.runtime import runtime

STALE_AFTER = timedelta(milliseconds=800)
"""What the clock of a process may be behind when it writes."""
_MARGIN = timedelta(seconds=1)
ASK_EVERY_S = 0.25
_KEPT = "lrs.consistent_through"

# The asker's own transaction is among them, so there is always one.
_OLDEST = """
SELECT min(xact_start), clock_timestamp() - min(xact_start) FROM pg_stat_activity
WHERE datname = current_database() AND xact_start IS NOT NULL
"""


def consistent_through(session: Session) -> datetime:
    """Every statement stored up to this moment can be read by whoever asks from now on."""
    kept: dict[str, tuple[float, datetime]] = runtime().kept
    last = kept.get(_KEPT)
    if last is not None and time.monotonic() - last[0] < ASK_EVERY_S:
        return last[1]
    now = utcnow()
    began: datetime
    age: timedelta
    began, age = session.connection().exec_driver_sql(_OLDEST).one()
    if not _by_the_database():  # what such a clock says may go back: nothing is kept
        return now - max(age, timedelta(0)) - _MARGIN
    through = began.astimezone(UTC) - _MARGIN
    kept[_KEPT] = time.monotonic(), through
    return through


def stale_after() -> timedelta | None:
    """How old the moment may be that `store.insert` is given; None: this application's clock is not the database's."""
    return STALE_AFTER if _by_the_database() else None


def _by_the_database() -> bool:
    return isinstance(runtime().clock, DatabaseClock)
