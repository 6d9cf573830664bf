"""Sessions on site, told to who is expected there: of an institution's class as of an enterprise's own training.

    planned      a message, two weeks ahead at the earliest: also to who gives it, and to who is expected only later
    a day ahead  a text message or an e-mail, when a phone may ring
    cancelled    both once more, to those who had them

One query for all sessions to come, or for one. It leaves out what was told, so telling again changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people.registry import local_day
from elearn.training.telling import messages, sending
from elearn.training.telling.messages import Kind, Telling
from elearn.training.telling.reminding import DAY, may_ring
from elearn.training.telling.sending import Channel, Letter
from elearn.zone import LOCAL_ZONE

AHEAD = timedelta(days=14)
AT_ONCE = 2_000

# Of an enterprise's own training: who stands in the session's unit that day, and has not done it (as `classrooms`).
EXPECTED = """
SELECT s.id, k.title, k.institution_id, s.place, s.from_at, s.to_at, w.person_id, w.gives, c.reason
FROM elearn.class_session s
JOIN elearn.training_class k ON k.id = s.class_id
LEFT JOIN elearn.class_session_cancelled c ON c.session_id = s.id
CROSS JOIN LATERAL (
    SELECT n.person_id, false AS gives FROM elearn.enrolment n
    WHERE s.unit_id IS NULL AND n.class_id = s.class_id AND n.withdrawn_at IS NULL AND n.person_id <> s.teacher_id
    UNION
    SELECT a.person_id, false FROM elearn.training_programme g
    JOIN elearn.assignment a ON a.programme_id = g.id AND a.state = 'open' AND a.person_id <> s.teacher_id
    JOIN elearn.placement p ON p.membership_id = a.membership_id
    JOIN elearn.organisation_tree t ON t.below_id = p.unit_id AND t.above_id = s.unit_id
    WHERE s.unit_id IS NOT NULL AND g.class_id = s.class_id
      AND (s.from_at AT TIME ZONE 'Asia/Shanghai')::date BETWEEN p.from_on AND coalesce(p.to_on, 'infinity')
    UNION ALL
    SELECT s.teacher_id, true WHERE s.teacher_id <> s.planned_by
) w
WHERE s.from_at > :now AND s.from_at < :until AND (CAST(:only AS uuid) IS NULL OR s.id = :only)
"""
UNTOLD = sa.text(f"""{EXPECTED}
  AND (c.session_id IS NOT NULL) = EXISTS (
      SELECT FROM elearn.message m WHERE m.person_id = w.person_id AND m.cause = s.id::text
      AND m.kind = CASE WHEN w.gives THEN 'session_given' ELSE 'session' END)
  AND NOT EXISTS (
      SELECT FROM elearn.message m WHERE m.person_id = w.person_id AND m.cause = s.id::text
      AND m.kind = 'session_cancelled')
ORDER BY s.from_at, s.id, w.person_id LIMIT :most
""")
UNRUNG = sa.text(f"""{EXPECTED}
  AND (c.session_id IS NOT NULL) = EXISTS (
      SELECT FROM elearn.outgoing o WHERE o.person_id = w.person_id AND o.channel = :channel
      AND o.cause = 'session:' || s.id)
  AND NOT EXISTS (
      SELECT FROM elearn.outgoing o WHERE o.person_id = w.person_id AND o.channel = :channel
      AND o.cause = 'cancelled:' || s.id)
  AND EXISTS (
      SELECT FROM elearn.account b LEFT JOIN elearn.email_address e ON e.person_id = b.person_id
      WHERE b.person_id = w.person_id AND b.closed_at IS NULL
      AND CASE WHEN :channel = 'sms' THEN b.phone_sealed IS NOT NULL ELSE e.verified_at IS NOT NULL END)
ORDER BY s.from_at, s.id, w.person_id LIMIT :most
""")


def tell(session: Session, *, at: datetime, only: UUID | None = None) -> int:
    """Tell who is expected, and was not told, of every session to come, or of `only`; answers how many messages were
    new. Does not commit.
    """
    told = 0
    for rows in _pages(session, UNTOLD, {"now": at, "until": at + AHEAD, "only": only}):
        told += messages.tell(
            session,
            [Telling(row.person_id, kind_of(row), str(row.id), facts_of(row), row.institution_id) for row in rows],
            at=at,
        )
    return told


def ring(session: Session, channels: Collection[Channel], *, at: datetime) -> int:
    """Queue the letters of what is today or tomorrow; answers how many. Nothing while phones keep quiet."""
    if not may_ring(at):
        return 0
    until = datetime.combine(local_day(at) + 2 * DAY, time.min, LOCAL_ZONE)
    queued = 0
    for channel in channels:
        where = {"now": at, "until": until, "only": None, "channel": channel.value}
        for rows in _pages(session, UNRUNG, where):
            letters = [
                Letter(row.person_id, row.institution_id, kind_of(row), f"{_step(row)}:{row.id}", facts_of(row))
                for row in rows
            ]
            queued += sending.queue(session, channel, letters, at=at)
    return queued


def kind_of(row: sa.Row[Any]) -> Kind:
    if row.reason is not None:
        return Kind.SESSION_CANCELLED
    return Kind.SESSION_GIVEN if row.gives else Kind.SESSION


def facts_of(row: sa.Row[Any]) -> dict[str, Any]:
    facts = {"title": row.title, "held_on": local_day(row.from_at).isoformat(), "begins": _clock(row.from_at)}
    if row.reason is not None:
        return facts | {"why": row.reason}
    return facts | {"ends": _clock(row.to_at), "place": row.place}


def _step(row: sa.Row[Any]) -> str:
    return "session" if row.reason is None else "cancelled"


def _clock(at: datetime) -> str:
    return f"{at.astimezone(LOCAL_ZONE):%H:%M}"


def _pages(session: Session, query: sa.TextClause, where: dict[str, Any]) -> Iterator[Sequence[sa.Row[Any]]]:
    """What was told is gone from the next page."""
    while rows := session.execute(query, where | {"most": AT_ONCE}).all():
        yield rows
        if len(rows) < AT_ONCE:
            return
