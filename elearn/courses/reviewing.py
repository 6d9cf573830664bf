"""A second person's review of a draft: submit, take back, return with a note, approve, which publishes it.

Nobody approves what they submitted themselves, whatever roles they hold. The row of the unit is locked by each step,
so of two at once the second finds what the first has done.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import teaching, unit_states
from elearn.courses.models import Course, Lesson, ReviewAct, Unit, UnitReview
from elearn.courses.unit_states import State, Step
from elearn.db import new_id
from elearn.errors import Conflict, Forbidden, Malformed

MAX_NOTE = 1000
QUEUE = 200


class Who(TypedDict):
    """Who takes a step of a review, in whose name, and when."""

    by: UUID
    acting: Collection[UUID]
    at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A version that waits for a second person."""

    unit_id: UUID
    title: str
    version: int
    course_title: str
    duration_ms: int
    submitted_by: UUID
    submitted_at: datetime


def submit(session: Session, unit_id: UUID, *, by: UUID, acting: Collection[UUID], at: datetime) -> Unit:
    """Ask for a review. Raises PoolTooThin and Conflict as publishing does: nobody reviews what is not ready."""
    unit = teaching.own_unit(session, unit_id, acting, lock=True)
    last = unit_states.last_step(session, unit.id)
    if unit_states.state_of(unit, last) is not State.DRAFT:
        raise Conflict("Only a draft can be given to review.", code="not_a_draft")
    teaching.require_ready(session, unit)
    _record(session, unit, last, ReviewAct.SUBMIT, by=by, note="", at=at)
    return unit


def withdraw(session: Session, unit_id: UUID, *, by: UUID, acting: Collection[UUID], at: datetime) -> Unit:
    """Take it back to change it."""
    unit, last = _in_review(session, unit_id, acting)
    _record(session, unit, last, ReviewAct.WITHDRAW, by=by, note="", at=at)
    return unit


def send_back(session: Session, unit_id: UUID, *, note: str, by: UUID, acting: Collection[UUID], at: datetime) -> Unit:
    """Return it with what to put right. Raises Malformed without a note, Forbidden to whoever submitted it."""
    unit, last = _in_review(session, unit_id, acting)
    _require_second(last, by)
    text = note.strip()
    if not 0 < len(text) <= MAX_NOTE:
        raise Malformed("Say what to put right, in up to 1000 characters.", code="note")
    _record(session, unit, last, ReviewAct.RETURN, by=by, note=text, at=at)
    return unit


def approve(session: Session, unit_id: UUID, *, by: UUID, acting: Collection[UUID], at: datetime) -> Unit:
    """Publish it. Raises Forbidden to whoever submitted it, and what `teaching.publish` raises."""
    unit, last = _in_review(session, unit_id, acting)
    _require_second(last, by)
    _record(session, unit, last, ReviewAct.APPROVE, by=by, note="", at=at)
    return teaching.publish(session, unit_id, acting=acting, at=at)


def waiting(session: Session, institutions: Collection[UUID]) -> list[Waiting]:
    """What waits for a review in these institutions, the oldest first."""
    newest = (
        sa.select(UnitReview.unit_id, sa.func.max(UnitReview.number).label("number"))
        .join(Unit, (Unit.id == UnitReview.unit_id) & Unit.published_at.is_(None))
        .group_by(UnitReview.unit_id)
        .subquery()
    )
    rows = session.execute(
        sa.select(
            Unit.id, Unit.title, Unit.version, Course.title, Unit.duration_ms, UnitReview.by_person_id, UnitReview.at
        )
        .join(newest, newest.c.unit_id == Unit.id)
        .join(UnitReview, (UnitReview.unit_id == Unit.id) & (UnitReview.number == newest.c.number))
        .join(Lesson, Lesson.id == Unit.lesson_id)
        .join(Course, Course.id == Lesson.course_id)
        .where(Course.institution_id.in_(institutions), UnitReview.act == ReviewAct.SUBMIT)
        .order_by(UnitReview.at, Unit.id)
        .limit(QUEUE)
    )
    return [Waiting(*row) for row in rows]


def _in_review(session: Session, unit_id: UUID, acting: Collection[UUID]) -> tuple[Unit, Step]:
    unit = teaching.own_unit(session, unit_id, acting, lock=True)
    last = unit_states.last_step(session, unit.id)
    if last is None or unit_states.state_of(unit, last) is not State.IN_REVIEW:
        raise Conflict("This version is not in review.", code="not_in_review")
    return unit, last


def _require_second(last: Step, by: UUID) -> None:
    if last.by_person_id == by:
        raise Forbidden("Somebody else must review what you submitted.", code="own_work")


def _record(
    session: Session, unit: Unit, last: Step | None, act: ReviewAct, *, by: UUID, note: str, at: datetime
) -> None:
    number = 1 if last is None else last.number + 1
    session.add(UnitReview(id=new_id(), unit_id=unit.id, number=number, act=act, by_person_id=by, note=note, at=at))
    session.flush()
