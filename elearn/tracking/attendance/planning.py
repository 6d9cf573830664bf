"""Sessions of a class: planned before they begin, cancelled, never changed.

`acting`: the institutions, or the units of an enterprise, in whose name the caller acts. A session of an enterprise's
own training is of one unit: its keepers keep it, its people attend it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import TypedDict
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import MILLISECOND
from elearn.courses import classes, describing
from elearn.courses.models import Kind, OutlineItem, TrainingClass
from elearn.db import among
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import tree
from elearn.people.models import Membership, Person
from elearn.people.registry import local_day
from elearn.tracking.attendance.models import AttendanceAnswer, AttendanceList, ClassSession, SessionCancelled
from elearn.tracking.attendance.rules import LIMITS

TEXT_MAX = 200


def plan(
    session: Session,
    class_id: UUID,
    *,
    outline_item_id: UUID,
    teacher_id: UUID,
    place: str,
    from_at: datetime,
    to_at: datetime,
    by: UUID,
    acting: Collection[UUID],
    at: datetime,
) -> ClassSession:
    """A session of a class of ours.

    Raises NotFound; Malformed `bad_item`, `bad_teacher`, `bad_place`, `bad_times`, `bad_day`, `too_late`; Conflict
    `teacher_elsewhere`: the teacher holds another session at that time.
    """
    # The lock gives this transaction its number before the batch of evidence is asked for, and stands between two.
    held = classes.own_class(session, class_id, acting, lock=True)
    item = session.get(OutlineItem, outline_item_id)
    if item is None or item.outline_id != held.outline_id:
        raise Malformed("Choose an item of the outline of this class.", code="bad_item")
    planned = _planned(held, place, from_at, to_at, at)
    if teacher_id not in {one for one, _name in describing.teachers_of(session, held.institution_id)}:
        raise Malformed("Choose a teacher of the institution.", code="bad_teacher")
    made = ClassSession(
        class_id=class_id, outline_item_id=item.id, unit_id=None, kind=item.kind.value, teacher_id=teacher_id,
        planned_by=by, planned_at=at, **planned,
    )  # fmt: skip
    return _kept(session, made)


def plan_in_unit(
    session: Session,
    class_id: UUID,
    *,
    unit_id: UUID,
    kind: Kind,
    giver_id: UUID,
    place: str,
    from_at: datetime,
    to_at: datetime,
    by: UUID,
    acting: Collection[UUID],
    at: datetime,
) -> ClassSession:
    """A session of an enterprise's own training, for the people of a unit of `acting`'s. No certificate is asked.

    Raises NotFound; Malformed `bad_teacher`: nobody of the enterprise on that day; `bad_place`, `bad_times`, `bad_day`,
    `too_late`; Conflict `teacher_elsewhere`.
    """
    held = session.scalar(
        sa.select(TrainingClass)
        .where(TrainingClass.id == class_id, TrainingClass.outline_id.is_(None))
        .with_for_update(key_share=True)
    )
    if held is None or unit_id not in acting or not tree.lies_in(session, unit_id, [held.institution_id]):
        raise NotFound("There is no such class.")
    planned = _planned(held, place, from_at, to_at, at)
    employer = tree.employer_of(session, unit_id)
    if employer is None or not placed(session, employer.id, [giver_id], on=local_day(from_at)):
        raise Malformed("Choose somebody who works here on that day.", code="bad_teacher")
    made = ClassSession(
        class_id=class_id, outline_item_id=None, unit_id=unit_id, kind=kind.value, teacher_id=giver_id, planned_by=by,
        planned_at=at, **planned,
    )  # fmt: skip
    return _kept(session, made)


class _Planned(TypedDict):
    place: str
    from_at: datetime
    to_at: datetime


def _planned(held: TrainingClass, place: str, from_at: datetime, to_at: datetime, at: datetime) -> _Planned:
    """Where and when, put right; or why not."""
    where = " ".join(place.split())
    if not where or len(where) > TEXT_MAX:
        raise Malformed("A session has a place.", code="bad_place")
    from_at, to_at = whole_ms(from_at), whole_ms(to_at)
    if not from_at < to_at or to_at - from_at > timedelta(milliseconds=LIMITS.longest_ms):
        raise Malformed("A session ends after it begins, and takes twelve hours at most.", code="bad_times")
    if local_day(from_at) != local_day(to_at - MILLISECOND):
        raise Malformed("A session begins and ends on the same day.", code="bad_times")
    if from_at <= at:
        raise Malformed("A session is planned before it begins.", code="too_late")
    on = local_day(from_at)
    if on < held.starts_on or (held.ends_on is not None and on > held.ends_on):
        raise Malformed("That day lies outside the dates of the class.", code="bad_day")
    return {"place": where, "from_at": from_at, "to_at": to_at}


def _kept(session: Session, made: ClassSession) -> ClassSession:
    """Whoever gives it holds no other session at that time."""
    session.execute(sa.select(Person.id).where(Person.id == made.teacher_id).with_for_update(key_share=True))
    if session.scalar(_beside(made.teacher_id, made.from_at, made.to_at)):
        raise Conflict("The teacher holds another session at that time.", code="teacher_elsewhere")
    session.add(made)
    session.flush()
    return made


def placed(session: Session, unit_id: UUID, people: Collection[UUID], *, on: date) -> set[UUID]:
    """Those of these people who stand in a unit, or below it, on a day: one query."""
    memberships = tree.placed_in(unit_id, on=on)
    return set(
        session.scalars(
            sa.select(Membership.person_id).where(
                Membership.person_id.in_(list(people)), Membership.id.in_(memberships)
            )
        )
    )


def _beside(teacher_id: UUID, from_at: datetime, to_at: datetime) -> sa.Select[bool]:
    cancelled = sa.exists().where(SessionCancelled.session_id == ClassSession.id)
    return sa.select(
        sa.exists().where(
            ClassSession.teacher_id == teacher_id,
            ClassSession.from_at < to_at,
            ClassSession.to_at > from_at,
            ~cancelled,
        )
    )


def cancel(
    session: Session, session_id: UUID, *, reason: str, by: UUID, acting: Collection[UUID], at: datetime
) -> SessionCancelled:
    """It does not take place. Cancelling again changes nothing.

    Raises NotFound; Malformed `no_reason`; Conflict `has_list`: a list of it waits or was confirmed.
    """
    held = own_session(session, session_id, acting, lock=True)
    why = checked_reason(reason)
    before = session.get(SessionCancelled, held.id)
    if before is not None:
        return before
    refused = sa.exists().where(AttendanceAnswer.list_id == AttendanceList.id, ~AttendanceAnswer.confirmed)
    if session.scalar(sa.select(sa.exists().where(AttendanceList.session_id == held.id, ~refused))):
        raise Conflict("There is a list of this session. Take its hours back instead.", code="has_list")
    made = SessionCancelled(session_id=held.id, by_id=by, reason=why, at=at)
    session.add(made)
    session.flush()
    return made


def own_session(
    session: Session, session_id: UUID, acting: Collection[UUID], *, teacher: UUID | None = None, lock: bool = False
) -> ClassSession:
    """A session of `acting`'s, or the one that `teacher` teaches. Raises NotFound."""
    query = (
        sa.select(ClassSession)
        .join(TrainingClass, TrainingClass.id == ClassSession.class_id)
        .where(ClassSession.id == session_id)
    )
    mine = among(of_house(), acting)
    query = query.where(mine if teacher is None else mine | (ClassSession.teacher_id == teacher))
    found = session.scalars(query.with_for_update(of=ClassSession, key_share=True) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such session.")
    return found


def of_house() -> sa.ColumnElement[UUID]:
    """Whose a session is: its unit, else the institution of its class; both tables stand in the query."""
    return sa.func.coalesce(ClassSession.unit_id, TrainingClass.institution_id)


def checked_reason(text: str) -> str:
    """Why somebody does it, spaces joined. Raises Malformed `no_reason`."""
    why = " ".join(text.split())
    if not why or len(why) > TEXT_MAX:
        raise Malformed("Say why, in at most 200 characters.", code="no_reason")
    return why


def whole_ms(at: datetime) -> datetime:
    """Without what is below a millisecond: what stands in the log has whole ones."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
