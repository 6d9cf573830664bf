"""What a course is said to be: its centre, grade, industries, teacher and textbook."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses import centres
from elearn.courses.centres import Audience, Centre, Industry, Level
from elearn.courses.models import Course, Lesson, OutlineItem, Unit
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people.models import Account, Person, Role, RoleGrant

MAX_TEXTBOOK = 200
MAX_URL = 500
TEACH = (Role.TEACHER, Role.INSTITUTION_MANAGER)

Words = TypeVar("Words", Audience, Industry)


@dataclass(frozen=True, slots=True)
class Particulars:
    """What a course is said to be; a course of before has none but its centre, the first."""

    centre: Centre = Centre.POSTS
    level: Level | None = None
    audiences: frozenset[Audience] = field(default_factory=frozenset)
    industries: frozenset[Industry] = field(default_factory=frozenset)
    """Empty: of every industry."""
    teacher_id: UUID | None = None
    textbook: str = ""
    textbook_url: str = ""
    needs_review: bool = False


def particulars_of(course: Course) -> Particulars:
    return Particulars(
        centre=course.centre,
        level=course.level,
        audiences=frozenset(Audience(one) for one in course.audiences),
        industries=frozenset(Industry(one) for one in course.industries),
        teacher_id=course.teacher_id,
        textbook=course.textbook,
        textbook_url=course.textbook_url or "",
        needs_review=course.needs_review,
    )


def describe(session: Session, course: Course, said: Particulars) -> None:
    """Write it into the course, whose row the caller has locked or just made.

    Raises Malformed (an audience of another centre, an address that is none), NotFound (no such teacher here),
    Conflict (the centre of a published course, a review that was asked for).
    """
    wrong = centres.out_of_place(said.centre, said.audiences)
    if wrong:
        raise Malformed("This centre does not teach these people.", code="audience")
    if said.level is not None and not said.audiences:
        raise Malformed("A grade is a level and whom it is for.", code="audience")
    textbook, url = " ".join(said.textbook.split()), said.textbook_url.strip()
    if len(textbook) > MAX_TEXTBOOK:
        raise Malformed("A name has 1 to 200 characters.", code="textbook")
    if url and (
        not url.startswith(("http://", "https://")) or len(url) > MAX_URL or not url.isprintable() or " " in url
    ):
        raise Malformed("An address begins with https:// or http://.", code="textbook_url")
    if said.teacher_id is not None and said.teacher_id != course.teacher_id:
        teaching_here = {person_id for person_id, _name in teachers_of(session, course.institution_id)}
        if said.teacher_id not in teaching_here:
            raise NotFound("There is no such teacher in this institution.", code="teacher")
    if said.centre is not course.centre and _is_published(session, course.id):
        raise Conflict("Hours rest on the centre of this course: make a new course.", code="centre")
    if course.needs_review and not said.needs_review:
        raise Conflict("A review that was asked for is not taken back.", code="needs_review")
    course.centre, course.level = said.centre, said.level
    course.audiences, course.industries = _ordered(Audience, said.audiences), _ordered(Industry, said.industries)
    course.teacher_id, course.textbook, course.textbook_url = said.teacher_id, textbook, url or None
    course.needs_review = said.needs_review
    session.flush()


def teachers_of(session: Session, institution_id: UUID) -> Sequence[tuple[UUID, str]]:
    """(person, name) of those who teach or manage in an institution, by name."""
    rows = session.execute(
        sa.select(Person.id, Person.name)
        .join(Account, Account.person_id == Person.id)
        .join(RoleGrant, RoleGrant.account_id == Account.id)
        .where(RoleGrant.organisation_id == institution_id, RoleGrant.role.in_(TEACH), RoleGrant.revoked_at.is_(None))
        .where(Account.closed_at.is_(None), Person.erased_at.is_(None))
        .distinct()
        .order_by(Person.name, Person.id)
    )
    return [(row.id, row.name) for row in rows]


def require_item_of(session: Session, course: Course, item_id: UUID | None) -> None:
    """Raises Malformed unless the item belongs to the outline that the course teaches."""
    if item_id is None or item_id == course.outline_item_id:
        return
    item = session.get(OutlineItem, item_id)
    of_course = session.get(OutlineItem, course.outline_item_id) if course.outline_item_id else None
    if item is None or of_course is None or item.outline_id != of_course.outline_id:
        raise Malformed("A lesson teaches an item of its course's outline.", code="item")


def _is_published(session: Session, course_id: UUID) -> bool:
    query = sa.exists().where(
        Lesson.course_id == course_id, Unit.lesson_id == Lesson.id, Unit.published_at.is_not(None)
    )
    return bool(session.execute(sa.select(query)).scalar_one())


def _ordered(words: type[Words], chosen: Collection[Words]) -> list[str]:
    """In the order of the vocabulary, so that the same choice is the same row."""
    return [one.value for one in words if one in chosen]
