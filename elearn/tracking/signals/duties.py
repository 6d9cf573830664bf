"""In the background: whoever was active since the last look is looked at, a few hundred sittings at a time.

The mark is the newest report's id, which is in the order of time; it looks back a little further than that, as
rows become visible in the order of commits. What it may miss is a flag, never credit, and the next report of the
same sitting brings it back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.clock import MILLISECOND, to_ms, utcnow
from elearn.db import db
from elearn.people.registry import local_day
from elearn.tracking.signals import clients, flagging, folding

logger = logging.getLogger(__name__)

LOOK_BACK = timedelta(minutes=10)
BATCH = 200
_STAMP = 80
"""Bits of a version 7 id below its 48 bits of milliseconds."""


def just_before(report_id: UUID, back: timedelta) -> UUID:
    """The smallest id of the time `back` before that of `report_id`."""
    stamp_ms = (report_id.int >> _STAMP) - back // MILLISECOND
    return UUID(int=max(0, stamp_ms) << _STAMP)


def look(session: Session) -> Iterator[int]:
    """Fold and look at what was reported since the mark, a batch at a time; each batch may be committed.

    Gives the number of new flags of each batch. The mark moves when all is done.
    """
    now = utcnow()
    mark = session.scalar(sa.text("SELECT report_id FROM elearn.signal_mark WHERE id = 1"))
    newest = session.scalar(sa.text("SELECT id FROM elearn.report ORDER BY id DESC LIMIT 1"))
    if newest is None:
        return
    since = just_before(mark, LOOK_BACK) if mark is not None else UUID(int=0)
    rows = session.execute(
        sa.text("SELECT DISTINCT sitting_id FROM elearn.report WHERE id >= :since AND refused_as IS NULL"),
        {"since": since},
    )
    active = sorted(row.sitting_id for row in rows)
    on = local_day(now)
    for start in range(0, len(active), BATCH):
        batch = active[start : start + BATCH]
        folding.fold_reports(session, batch)
        yield flagging.raise_flags(session, batch, now=now, on=on)
    session.execute(
        sa.text(
            "INSERT INTO elearn.signal_mark (id, report_id, looked_ms) VALUES (1, :newest, :now) "
            "ON CONFLICT (id) DO UPDATE SET report_id = greatest(signal_mark.report_id, excluded.report_id), "
            "looked_ms = excluded.looked_ms"
        ),
        {"newest": newest, "now": to_ms(now)},
    )


@jobs.task("signals.look", every="*/10 * * * *")
def look_at_the_active() -> None:
    """Raise flags, and let flagged learners be asked sooner. No credit depends on this job."""
    session, found = db.session(), 0
    for new in look(session):
        session.commit()
        found += new
    session.commit()
    if found:
        logger.info("signals", extra={"new": found})


@jobs.task("signals.forget", every="17 3 * * *")
def forget_addresses() -> None:
    """Remove what sittings were opened from when it is old enough."""
    session = db.session()
    gone = clients.forget_old(session, now_ms=to_ms(utcnow()))
    session.commit()
    if gone:
        logger.info("addresses forgotten", extra={"rows": gone})
