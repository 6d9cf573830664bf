"""What a learner sees: own classes with their courses and lessons in order. Progress is tracking's to add."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.curriculum import ItemHours, required_hours
from elearn.courses.models import (
    ClassCourse,
    Course,
    Enrolment,
    Kind,
    Lesson,
    Outline,
    OutlineItem,
    TrainingClass,
    Unit,
    UnitKind,
)
from elearn.people.models import Organisation


@dataclass(frozen=True, slots=True)
class MyLesson:
    """A lesson and the version of it that is offered."""

    lesson_id: UUID
    position: int
    title: str
    unit_id: UUID
    duration_ms: int
    kind: UnitKind
    content_hash: str
    """With `delivery.media_url`: where poster.jpg lies."""


@dataclass(frozen=True, slots=True)
class MyCourse:
    id: UUID
    title: str
    summary: str
    item_name: str
    """The item of the outline that it teaches; empty: of none."""
    kind: Kind
    required_hours: int
    lessons: tuple[MyLesson, ...]


@dataclass(frozen=True, slots=True)
class MyClass:
    enrolment_id: UUID
    class_id: UUID
    class_no: str
    title: str
    institution: str
    outline: str
    """Empty: an enterprise's internal class."""
    filed: bool
    """False: hours do not export until the institution has filed the class."""
    starts_on: date
    ends_on: date | None
    required: Mapping[str, int]
    """Hours that the outline asks, by kind."""
    courses: tuple[MyCourse, ...]

    @property
    def internal(self) -> bool:
        """An enterprise's own class: its hours are the learner's and the employer's, and never go to an exam."""
        return not self.outline


def my_classes(session: Session, person_id: UUID) -> tuple[MyClass, ...]:
    """The classes a person is in, newest first, each with its courses and offered lessons: four queries at most."""
    classes = session.execute(
        sa.select(Enrolment.id, TrainingClass, Organisation.name, sa.func.coalesce(Outline.name, ""))
        .join(TrainingClass, TrainingClass.id == Enrolment.class_id)
        .join(Organisation, Organisation.id == TrainingClass.institution_id)
        .outerjoin(Outline, Outline.id == TrainingClass.outline_id)
        .where(Enrolment.person_id == person_id, Enrolment.withdrawn_at.is_(None))
        .order_by(Enrolment.enrolled_at.desc(), Enrolment.id.desc())
    ).all()
    outlines = {one.outline_id for _, one, _, _ in classes if one.outline_id is not None}
    institutions = {one.institution_id for _, one, _, _ in classes if one.outline_id is not None}
    internal = [one.id for _, one, _, _ in classes if one.outline_id is None]
    asked: dict[UUID, list[ItemHours]] = {}
    for outline_id, kind, hours in session.execute(
        sa.select(OutlineItem.outline_id, OutlineItem.kind, OutlineItem.required_hours).where(
            OutlineItem.outline_id.in_(outlines)
        )
    ):
        asked.setdefault(outline_id, []).append(ItemHours(kind.value, hours))
    courses = _courses(session, outlines, institutions)
    offered = _offered_in(session, internal) if internal else {}
    return tuple(
        MyClass(
            enrolment_id=enrolment_id,
            class_id=one.id,
            class_no=one.class_no,
            title=one.title,
            institution=institution,
            outline=outline,
            filed=one.filed_at is not None,
            starts_on=one.starts_on,
            ends_on=one.ends_on,
            required=required_hours(asked.get(one.outline_id, ()) if one.outline_id else ()),
            courses=(
                courses.get((one.outline_id, one.institution_id), ()) if one.outline_id else offered.get(one.id, ())
            ),
        )
        for enrolment_id, one, institution, outline in classes
    )


def _courses(
    session: Session, outlines: set[UUID], institutions: set[UUID]
) -> dict[tuple[UUID, UUID], tuple[MyCourse, ...]]:
    """(outline, institution) -> courses in the outline's order; a course without an offered lesson is left out."""
    rows = session.execute(
        sa.select(Course, OutlineItem, Lesson, Unit)
        .join(OutlineItem, OutlineItem.id == Course.outline_item_id)
        .join(Lesson, Lesson.course_id == Course.id)
        .join(Unit, Unit.lesson_id == Lesson.id)
        .where(OutlineItem.outline_id.in_(outlines), Course.institution_id.in_(institutions))
        .where(Unit.published_at.is_not(None), Unit.retired_at.is_(None))
        .order_by(OutlineItem.position, Course.created_at, Course.id, Lesson.position)
    )
    return _gathered(((row[1].outline_id, row[0].institution_id), *row) for row in rows)


def _offered_in(session: Session, class_ids: list[UUID]) -> dict[UUID, tuple[MyCourse, ...]]:
    """Internal class -> the courses offered in it, in its order."""
    rows = session.execute(
        sa.select(ClassCourse.class_id, Course, OutlineItem, Lesson, Unit)
        .join(Course, Course.id == ClassCourse.course_id)
        .outerjoin(OutlineItem, OutlineItem.id == Course.outline_item_id)
        .join(Lesson, Lesson.course_id == Course.id)
        .join(Unit, Unit.lesson_id == Lesson.id)
        .where(ClassCourse.class_id.in_(class_ids), Unit.published_at.is_not(None), Unit.retired_at.is_(None))
        .order_by(ClassCourse.class_id, ClassCourse.position, Course.id, Lesson.position)
    )
    return _gathered(tuple(row) for row in rows)


def _gathered(rows: Iterable[tuple[Any, ...]]) -> dict[Any, tuple[MyCourse, ...]]:
    """Rows of key, course, item, lesson, unit -> the courses of each key, in the order of the rows."""
    lessons: dict[tuple[Hashable, UUID], list[MyLesson]] = {}
    heads: dict[tuple[Hashable, UUID], tuple[Course, OutlineItem | None]] = {}
    for key, course, item, lesson, unit in rows:
        heads[key, course.id] = (course, item)
        lessons.setdefault((key, course.id), []).append(
            MyLesson(lesson.id, lesson.position, lesson.title, unit.id, unit.duration_ms, unit.kind, unit.content_hash)
        )
    found: dict[Any, tuple[MyCourse, ...]] = {}
    for (key, course_id), (course, item) in heads.items():
        line = MyCourse(
            id=course.id,
            title=course.title,
            summary=course.summary,
            item_name=item.name if item else "",
            kind=item.kind if item else Kind.THEORY,
            required_hours=item.required_hours if item else 0,
            lessons=tuple(lessons[key, course_id]),
        )
        found[key] = (*found.get(key, ()), line)
    return found
