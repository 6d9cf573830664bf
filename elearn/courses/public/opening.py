"""A course is opened to everybody: a manager asks, another manager of the institution opens it, any of them ends it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import teaching
from elearn.courses.models import ClassCourse, Course, Lesson, Unit, UnitKind
from elearn.courses.public import rules, sharing
from elearn.courses.public.models import CourseOpening
from elearn.courses.public.rules import NotOpen, Standing
from elearn.errors import Conflict, Forbidden


def live(session: Session, course_id: UUID) -> CourseOpening | None:
    """What was asked for or opened, and not ended."""
    return session.scalar(
        sa.select(CourseOpening).where(CourseOpening.course_id == course_id, CourseOpening.ended_at.is_(None))
    )


def why_not(session: Session, course: Course) -> NotOpen | None:
    """Why it may not be opened; None: it may."""
    offered = sa.exists().where(
        Lesson.course_id == course.id,
        Unit.lesson_id == Lesson.id,
        Unit.kind == UnitKind.VIDEO,
        Unit.published_at.is_not(None),
        Unit.retired_at.is_(None),
    )
    in_class = sa.exists().where(ClassCourse.course_id == course.id)
    video, studied = session.execute(sa.select(offered, in_class)).one()
    return rules.why_not_open(
        Standing(
            centre=course.centre,
            has_item=course.outline_item_id is not None,
            in_class=studied,
            shared=sharing.is_shared(session, course.id),
            offers_video=video,
        )
    )


def ask(
    session: Session, course_id: UUID, *, film: bool, by: UUID, acting: Collection[UUID], at: datetime
) -> CourseOpening:
    """Ask a second person to open it. Raises NotFound; Conflict: it may not be opened, or was asked for already."""
    course = teaching.own_course(session, course_id, acting, lock=True)
    _require_may(session, course)
    if live(session, course_id) is not None:
        raise Conflict("This was asked for already.", code="asked")
    made = CourseOpening(course_id=course_id, film=film, asked_by=by, asked_at=at)
    session.add(made)
    session.flush()
    return made


def open_to_all(session: Session, course_id: UUID, *, by: UUID, acting: Collection[UUID], at: datetime) -> None:
    """From now on anybody may watch it. Raises Forbidden to whoever asked; Conflict as `ask` does."""
    course = teaching.own_course(session, course_id, acting, lock=True)
    found = live(session, course_id)
    if found is None or found.opened_at is not None:
        raise Conflict("Nobody asked to open this course.", code="not_asked")
    if found.asked_by == by:
        raise Forbidden("Somebody else must open what you asked for.", code="own_work")
    _require_may(session, course)
    found.opened_by, found.opened_at = by, at
    session.flush()


def end(session: Session, course_id: UUID, *, by: UUID, acting: Collection[UUID], at: datetime) -> None:
    """Nobody watches it here any more, or what was asked for is taken back; one person is enough to close a door."""
    teaching.own_course(session, course_id, acting, lock=True)
    found = live(session, course_id)
    if found is None:
        raise Conflict("This course is not open to everybody.", code="not_open")
    found.ended_by, found.ended_at = by, at
    session.flush()


def _require_may(session: Session, course: Course) -> None:
    no = why_not(session, course)
    if no is not None:
        raise rules.refusal(no)
