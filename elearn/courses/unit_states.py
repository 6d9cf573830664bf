"""Where a version of a lesson stands: draft, in review, published, retired.

    draft ─► in review ─► published ─► retired
      ▲          │
      └──────────┘ returned with a note, or withdrawn

Publishing and retiring are moments of the unit itself; a review is steps beside it, so that a unit stays what it was.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from elearn.courses.models import Course, Lesson, ReviewAct, Unit, UnitReview
from elearn.errors import Conflict


class State(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    PUBLISHED = "published"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Step:
    """The newest step of a draft's review."""

    number: int
    act: ReviewAct
    by_person_id: UUID
    note: str
    at: datetime


def state_of(unit: Unit, last: Step | None) -> State:
    """Pure: where a version stands; `last` is the newest step of its review."""
    if unit.retired_at is not None:
        return State.RETIRED
    if unit.published_at is not None:
        return State.PUBLISHED
    return State.IN_REVIEW if last is not None and last.act is ReviewAct.SUBMIT else State.DRAFT


def last_steps(session: Session, unit_ids: Collection[UUID]) -> dict[UUID, Step]:
    """The newest step of each unit's review: one query."""
    if not unit_ids:
        return {}
    rows = session.execute(
        sa.select(
            UnitReview.unit_id,
            UnitReview.number,
            UnitReview.act,
            UnitReview.by_person_id,
            UnitReview.note,
            UnitReview.at,
        )
        .where(UnitReview.unit_id.in_(unit_ids))
        .ext(distinct_on(UnitReview.unit_id))
        .order_by(UnitReview.unit_id, UnitReview.number.desc())
    )
    return {row.unit_id: Step(row.number, row.act, row.by_person_id, row.note, row.at) for row in rows}


def last_step(session: Session, unit_id: UUID) -> Step | None:
    return last_steps(session, [unit_id]).get(unit_id)


def require_changeable(session: Session, unit: Unit) -> None:
    """Raises Conflict while a second person looks at it: what is approved is what was reviewed."""
    if state_of(unit, last_step(session, unit.id)) is State.IN_REVIEW:
        raise Conflict("This version is in review; take it back to change it.", code="in_review")


def require_reviewed(session: Session, unit: Unit) -> None:
    """Raises Conflict when its course asks for a review and no second person has approved it."""
    asked = session.execute(
        sa.select(Course.needs_review).join(Lesson, Lesson.course_id == Course.id).where(Lesson.id == unit.lesson_id)
    ).scalar_one()
    last = last_step(session, unit.id)
    if (asked or last is not None) and (last is None or last.act is not ReviewAct.APPROVE):
        raise Conflict("A second person must review this version before it is published.", code="review_needed")
