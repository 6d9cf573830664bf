"""What a learner sees: own classes with their courses and lessons in order. Progress is tracking's to add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.curriculum import ItemHours, required_hours
from elearn.courses.models import Course, Enrolment, Kind, Lesson, Outline, OutlineItem, TrainingClass, Unit, UnitKind
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
    filed: bool
    """False: hours do not export until the institution has filed the class."""
    starts_on: date
    ends_on: date | None
    required: Mapping[str, int]
    """Hours that the outline asks, by kind."""
    courses: tuple[MyCourse, ...]


def my_classes(session: Session, person_id: UUID) -> tuple[MyClass, ...]:
    """The classes a person is in, newest first, each with its courses and offered lessons: three queries."""
    classes = session.execute(
        sa.select(Enrolment.id, TrainingClass, Organisation.name, Outline.name)
        .join(TrainingClass, TrainingClass.id == Enrolment.class_id)
        .join(Organisation, Organisation.id == TrainingClass.institution_id)
        .join(Outline, Outline.id == TrainingClass.outline_id)
        .where(Enrolment.person_id == person_id, Enrolment.withdrawn_at.is_(None))
        .order_by(Enrolment.enrolled_at.desc(), Enrolment.id.desc())
    ).all()
    outlines = {one.outline_id for _, one, _, _ in classes}
    institutions = {one.institution_id for _, one, _, _ in classes}
    asked: dict[UUID, list[ItemHours]] = {}
    for outline_id, kind, hours in session.execute(
        sa.select(OutlineItem.outline_id, OutlineItem.kind, OutlineItem.required_hours).where(
            OutlineItem.outline_id.in_(outlines)
        )
    ):
        asked.setdefault(outline_id, []).append(ItemHours(kind.value, hours))
    courses = _courses(session, outlines, institutions)
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
            required=required_hours(asked.get(one.outline_id, ())),
            courses=courses.get((one.outline_id, one.institution_id), ()),
        )
        for enrolment_id, one, institution, outline in classes
    )


def _courses(
    session: Session, outlines: set[UUID], institutions: set[UUID]
) -> dict[tuple[UUID, UUID], tuple[MyCourse, ...]]:
    """(outline, institution) -> courses in the outline's order; a course without an offered lesson is left out."""
    lessons: dict[UUID, list[MyLesson]] = {}
    heads: dict[UUID, tuple[tuple[UUID, UUID], Course, OutlineItem]] = {}
    for course, item, lesson, unit in session.execute(
        sa.select(Course, OutlineItem, Lesson, Unit)
        .join(OutlineItem, OutlineItem.id == Course.outline_item_id)
        .join(Lesson, Lesson.course_id == Course.id)
        .join(Unit, Unit.lesson_id == Lesson.id)
        .where(OutlineItem.outline_id.in_(outlines), Course.institution_id.in_(institutions))
        .where(Unit.published_at.is_not(None), Unit.retired_at.is_(None))
        .order_by(OutlineItem.position, Course.created_at, Course.id, Lesson.position)
    ):
        heads[course.id] = ((item.outline_id, course.institution_id), course, item)
        lessons.setdefault(course.id, []).append(
            MyLesson(lesson.id, lesson.position, lesson.title, unit.id, unit.duration_ms, unit.kind, unit.content_hash)
        )
    found: dict[tuple[UUID, UUID], tuple[MyCourse, ...]] = {}
    for key, course, item in heads.values():
        line = MyCourse(
            course.id, course.title, course.summary, item.name, item.kind, item.required_hours,
            tuple(lessons[course.id]),
        )  # fmt: skip
        found[key] = (*found.get(key, ()), line)
    return found
