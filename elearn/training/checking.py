"""`elearn check`: everything that follows from something else, computed again and compared, from watching to figures.

    ledger (what was said ─► hours ─► records)  ─► assignments (what is credited, how many)  ─► figures

Each is brought up to date first. While a server runs, something may happen between that and the comparison; so what
differs is brought up to date and looked at again, and only what differs each time is a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy.orm import Session

from elearn.credit_export.ledger.publishing import Desk
from elearn.credit_export.ledger_check import check_everything
from elearn.people.registry import local_day
from elearn.training import settling, tallies
from elearn.training.figures import keeping

TRIES = 3
T = TypeVar("T")


def everything(
    session: Session, *, now: datetime, desk: Desk | None = None, sealing_key: bytes | None = None
) -> Iterator[tuple[str, list[str]]]:
    """What was checked, with a sentence for each difference, one after the other as they are ready. Commits."""
    yield "ledger", [str(one) for one in check_everything(session, desk=desk, sealing_key=sealing_key)]
    yield "assignments", assignments(session, now=now)
    yield "figures", figures(session, now=now)


def assignments(session: Session, *, now: datetime) -> list[str]:
    """Assignments against the hours ledger, and how many each programme has against assignments."""

    def found() -> Sequence[settling.Difference]:
        settling.settle(session, now=now)
        return list(settling.differences(session, on=local_day(now)))

    return [
        f"assignment {one.assignment_id}: says {one.credited_ms} ms, the ledger {one.ledger_ms} ms"
        for one in _each_time(found)
    ] + [
        f"programme {one.programme_id}: says {one.unfinished} not done and {one.done} done, "
        f"its assignments {one.counted_unfinished} and {one.counted_done}"
        for one in tallies.differences(session)
    ]


def figures(session: Session, *, now: datetime) -> list[str]:
    """Figures against placements, assignments and hours."""

    def found() -> Sequence[keeping.Difference]:
        while keeping.settle(session, now=now, wait=True):
            session.commit()
        session.commit()
        return keeping.check(session, today=local_day(now))

    return [
        f"{one.unit_id} {one.period} {one.purpose or '-'} {one.kind}: {one.stands} is {one.ledger}"
        for one in _each_time(found)
    ]


def _each_time(found: Callable[[], Sequence[T]]) -> Sequence[T]:
    for _try in range(TRIES):
        differences = found()
        if not differences:
            break
    return differences
