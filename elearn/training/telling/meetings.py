"""Sessions on site, told to who is expected there: of an institution's class as of an enterprise's own training.

    planned      a message, two weeks ahead at the earliest: also to who gives it, and to who is expected only later
    a day ahead  a text message or an e-mail, when a phone may ring
    cancelled    both once more, to those who had them

One query for all sessions to come, or for one. It leaves out what was told, so telling again changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people.registry import local_day
from elearn.training.classrooms import INVITED
from elearn.training.telling import messages, phones
from elearn.training.telling.messages import Kind, Telling
from elearn.training.telling.reminding import DAY, may_ring
from elearn.training.telling.sending import Channel
from elearn.zone import LOCAL_ZONE

AHEAD = timedelta(days=14)
AT_ONCE = 2_000

EXPECTED = f"""
SELECT s.id, k.title, k.institution_id, s.place, s.from_at, s.to_at, w.person_id, w.kind, c.reason
FROM elearn.class_session s
JOIN elearn.training_class k ON k.id = s.class_id
LEFT JOIN elearn.class_session_cancelled c ON c.session_id = s.id
CROSS JOIN LATERAL (
    SELECT n.person_id, 'session' AS kind FROM elearn.enrolment n
    WHERE s.unit_id IS NULL AND n.class_id = s.class_id AND n.withdrawn_at IS NULL AND n.person_id <> s.teacher_id
    UNION
    SELECT i.person_id, 'session' FROM ({INVITED}) i WHERE s.unit_id IS NOT NULL
    UNION ALL
    SELECT s.teacher_id, 'session_given' WHERE s.teacher_id <> s.planned_by
) w
WHERE s.from_at > :now AND s.from_at < :until AND (CAST(:only AS uuid) IS NULL OR s.id = :only)
  AND (s.id, w.person_id) > (:after, :after_person)
  AND (c.session_id IS NOT NULL) = EXISTS (SELECT FROM {{told}} w.kind{{about}})
  AND NOT EXISTS (SELECT FROM {{told}} 'session_cancelled'{{about}})
ORDER BY s.id, w.person_id LIMIT :most
"""
"""Who is to be told: of a session that takes place if they were not, of a cancelled one if they were told of it."""
UNTOLD = sa.text(
    EXPECTED.format(
        told="elearn.message m WHERE m.person_id = w.person_id AND m.cause = s.id::text AND m.kind =", about=""
    )
)
UNRUNG = sa.text(
    EXPECTED.format(
        told="elearn.outgoing o WHERE o.person_id = w.person_id AND o.channel = :channel AND o.cause =",
        about=" || ':' || s.id",  # as `phones.ring` writes it
    )
)


def tell(session: Session, *, at: datetime, only: UUID | None = None) -> int:
    """Tell who is expected, and was not told, of every session to come, or of `only`; answers how many messages were
    new. Does not commit.
    """
    where = {"now": at, "until": at + AHEAD, "only": only}
    return sum(messages.tell(session, tellings, at=at) for tellings in _pages(session, UNTOLD, where))


def ring(session: Session, channels: Collection[Channel], *, at: datetime) -> int:
    """Queue the letters of what is today or tomorrow; answers how many. Nothing while phones keep quiet."""
    if not may_ring(at):
        return 0
    until = datetime.combine(local_day(at) + 2 * DAY, time.min, LOCAL_ZONE)
    queued = 0
    for channel in channels:
        where = {"now": at, "until": until, "only": None, "channel": channel.value}
        for tellings in _pages(session, UNRUNG, where):
            queued += phones.ring(session, [channel], tellings, at=at)
    return queued


def _pages(session: Session, query: sa.TextClause, where: dict[str, Any]) -> Iterator[list[Telling]]:
    """So many at a time."""
    after = after_person = UUID(int=0)
    while rows := session.execute(query, where | {"after": after, "after_person": after_person, "most": AT_ONCE}).all():
        yield [_telling(row) for row in rows]
        after, after_person = rows[-1].id, rows[-1].person_id


def _telling(row: sa.Row[Any]) -> Telling:
    facts = {"title": row.title, "held_on": local_day(row.from_at).isoformat(), "begins": _clock(row.from_at)}
    if row.reason is None:
        kind, facts = Kind(row.kind), facts | {"ends": _clock(row.to_at), "place": row.place}
    else:
        kind, facts = Kind.SESSION_CANCELLED, facts | {"why": row.reason}
    return Telling(row.person_id, kind, str(row.id), facts, row.institution_id)


def _clock(at: datetime) -> str:
    return f"{at.astimezone(LOCAL_ZONE):%H:%M}"
