"""What the rules ask of the database, for all people of a list at once: a fixed number of queries."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.courses.models import Enrolment, TrainingClass
from elearn.people.registry import local_day
from elearn.tracking.attendance.models import (
    AttendanceMark,
    AttendanceScan,
    ClassSession,
    SessionCancelled,
)
from elearn.tracking.attendance.planning import placed
from elearn.tracking.attendance.rules import Act, How, Mark, PersonFacts, Scan, SessionFacts, Stretch, joined

ONLINE = sa.text("""
SELECT p.learner_id, p.heard_at, p.end_ms - p.start_ms AS media_ms
FROM elearn.watched_span p
WHERE p.learner_id = ANY (:people) AND p.kind = 'pending' AND NOT p.late
  AND p.heard_at > :from_at AND p.heard_at < CAST(:to_at AS timestamptz) + interval '1 hour'
  AND EXISTS (SELECT FROM elearn.believed_span b JOIN elearn.watched_span f ON f.id = b.watched_span_id
              WHERE b.learner_id = p.learner_id AND b.unit_id = p.unit_id AND (f.id = p.id OR p.id = ANY (f.settles)))
""")
"""Watching that is believed now, by when it was heard: it was played right before. What came late says nothing of when
it was played, and is left out."""

USED = sa.text("""
SELECT learner_id AS person_id, "on", used_ms AS ms FROM elearn.day_use
WHERE learner_id = ANY (:people) AND "on" = ANY (:days)
UNION ALL
SELECT s.person_id, l."on", l.ms FROM elearn.attended_span s JOIN elearn.attendance_line l ON l.id = s.line_id
WHERE s.person_id = ANY (:people) AND l."on" = ANY (:days)
""")

ATTENDED = sa.text("""
SELECT person_id, lower(period) AS from_at, upper(period) AS to_at FROM elearn.attended_span
WHERE person_id = ANY (:people) AND period && tstzrange(:from_at, :to_at)
""")


def of_session(session: Session, held: ClassSession, *, staff: Collection[UUID]) -> SessionFacts:
    """What decides about every line of a list of this session."""
    training = session.get_one(TrainingClass, held.class_id)
    on = day_of(held)
    return SessionFacts(
        stretch=stretch_of(held.from_at, held.to_at),
        cancelled=session.get(SessionCancelled, held.id) is not None,
        in_class_dates=training.starts_on <= on and (training.ends_on is None or on <= training.ends_on),
        staff=frozenset({held.teacher_id, *staff}),
    )


def of_people(session: Session, held: ClassSession, people: Collection[UUID]) -> dict[UUID, PersonFacts]:
    """What decides about each of them, on the day of this session."""
    found = {one: PersonFacts() for one in people}
    if not found:
        return found
    asked = {"people": list(found), "from_at": held.from_at, "to_at": held.to_at, "days": [day_of(held)]}
    enrolled: dict[UUID, list[tuple[int, int | None]]] = {}
    for row in session.execute(
        sa.select(Enrolment.person_id, Enrolment.enrolled_at, Enrolment.withdrawn_at)
        .where(Enrolment.class_id == held.class_id, Enrolment.person_id.in_(list(_of_unit(session, held, found))))
        .order_by(Enrolment.enrolled_at)
    ):
        until = to_ms(row.withdrawn_at) if row.withdrawn_at else None
        enrolled.setdefault(row.person_id, []).append((to_ms(row.enrolled_at), until))
    online: dict[UUID, list[Stretch]] = {}
    for row in session.execute(ONLINE, asked):
        heard_ms = to_ms(row.heard_at)
        online.setdefault(row.learner_id, []).append(Stretch(heard_ms - row.media_ms, heard_ms))
    for row in session.execute(ATTENDED, asked):
        found[row.person_id].attended.append(stretch_of(row.from_at, row.to_at))
    for row in session.execute(USED, asked):
        used = found[row.person_id].used_ms
        used[row.on] = used.get(row.on, 0) + row.ms
    for one, facts in found.items():
        facts.enrolled, facts.online = joined(enrolled.get(one, ())), online.get(one, ())
    return found


def _of_unit(session: Session, held: ClassSession, people: Collection[UUID]) -> Collection[UUID]:
    """Whom a session is for: of an enterprise's own training who stood in its unit on that day."""
    if held.unit_id is None:
        return people
    return placed(session, held.unit_id, people, on=day_of(held))


def scans_of(session: Session, session_ids: Collection[UUID]) -> dict[tuple[UUID, UUID], list[Scan]]:
    """(session, person) -> scans in the order they came."""
    found: dict[tuple[UUID, UUID], list[Scan]] = {}
    for row in session.scalars(
        sa.select(AttendanceScan)
        .where(AttendanceScan.session_id.in_(session_ids))
        .order_by(AttendanceScan.person_id, AttendanceScan.number)
    ):
        found.setdefault((row.session_id, row.person_id), []).append(Scan(Act(row.act), to_ms(row.at)))
    return found


def own_scans(session: Session, session_id: UUID, person_id: UUID) -> list[Scan]:
    """Those of one person in one session."""
    rows = session.execute(
        sa.select(AttendanceScan.act, AttendanceScan.at)
        .where(AttendanceScan.session_id == session_id, AttendanceScan.person_id == person_id)
        .order_by(AttendanceScan.number)
    )
    return [Scan(Act(row.act), to_ms(row.at)) for row in rows]


def marks_of(session: Session, session_ids: Collection[UUID]) -> dict[tuple[UUID, UUID], AttendanceMark]:
    """(session, person) -> the mark that holds."""
    rows = session.scalars(
        sa.select(AttendanceMark)
        .where(AttendanceMark.session_id.in_(session_ids))
        .ext(distinct_on(AttendanceMark.session_id, AttendanceMark.person_id))
        .order_by(AttendanceMark.session_id, AttendanceMark.person_id, AttendanceMark.number.desc())
    )
    return {(row.session_id, row.person_id): row for row in rows}


def said(mark: AttendanceMark | None) -> Mark | None:
    """A mark as the rules take it."""
    if mark is None:
        return None
    how = How.TEACHER if mark.file_id is None else How.SHEET
    if mark.from_at is None or mark.to_at is None:
        return Mark(None, how)
    return Mark(stretch_of(mark.from_at, mark.to_at), how)


def stretch_of(from_at: datetime, to_at: datetime) -> Stretch:
    return Stretch(to_ms(from_at), to_ms(to_at))


def day_of(held: ClassSession) -> date:
    """The regulator's local day of a session; a session lies on one."""
    return local_day(held.from_at)
