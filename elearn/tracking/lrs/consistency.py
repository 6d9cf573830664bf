"""X-Experience-API-Consistent-Through: up to which moment every stored statement can be read (Communication 2.1.3).

A statement gets its `stored` before its transaction commits, so "now" would be a lie while somebody is writing.
The bound is now, less the age of the oldest transaction that is open in the database, less the most that may pass
between reading the clock and the first command. A bound once true stays true, so it is asked for only a few times
a second; in between the last one is answered.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from elearn.clock import utcnow
from elearn.runtime import runtime

CLOCK_TO_FIRST_COMMAND = timedelta(seconds=1)
ASK_EVERY_S = 0.25
_KEPT = "lrs.consistent_through"

_OLDEST = """
SELECT coalesce(max(clock_timestamp() - xact_start), interval '0') FROM pg_stat_activity
WHERE datname = current_database() AND xact_start IS NOT NULL
"""


def consistent_through(session: Session) -> datetime:
    """Every statement stored up to this moment can be read by whoever asks from now on."""
    kept: dict[str, tuple[float, datetime]] = runtime().kept
    last = kept.get(_KEPT)
    if last is not None and time.monotonic() - last[0] < ASK_EVERY_S:
        return last[1]
    now = utcnow()
    age: timedelta = session.connection().exec_driver_sql(_OLDEST).scalar_one()
    through = now - max(age, timedelta(0)) - CLOCK_TO_FIRST_COMMAND
    kept[_KEPT] = time.monotonic(), through
    return through
