"""Pure: when an answer is in time, when the next try may begin, what is enough. The server's clock decides."""

from __future__ import annotations

from datetime import datetime, timedelta


def in_time(heard_at: datetime, deadline_at: datetime, grace_s: int) -> bool:
    """Whether answers that arrive now still count: up to the deadline and the grace for slow networks."""
    return heard_at <= deadline_at + timedelta(seconds=grace_s)


def opens_at(closed_at: datetime, wait_s: int) -> datetime:
    """From when on the next try may begin, and what was wrong is shown: not before, or the try were spoiled."""
    return closed_at + timedelta(seconds=wait_s)


def passes(score_milli: int, max_milli: int, pass_percent: int) -> bool:
    """At least that share of the points, without rounding."""
    return score_milli * 100 >= max_milli * pass_percent
