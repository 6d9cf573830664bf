"""Classes (培训班): opened by an institution, filed with the regulator, joined by learners.

`acting` are the organisations in whose name the caller acts, as in `teaching.py`. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from elearn.courses.models import Enrolment, Outline, TrainingClass
from elearn.db import new_id
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people.models import Person

PAGE = 50


@dataclass(frozen=True, slots=True)
class ClassLine:
    """A class in a list."""

    id: UUID
    class_no: str
    title: str
    outline_name: str
    starts_on: date
    ends_on: date | None
    filed_at: datetime | None
    filing_no: str | None
    learners: int


@dataclass(frozen=True, slots=True)
class RosterLine:
    enrolment_id: UUID
    person_id: UUID
    name: str
    enrolled_at: datetime


def open_class(
    session: Session,
    *,
    institution_id: UUID,
    outline_id: UUID,
    class_no: str,
    title: str,
    starts_on: date,
    at: datetime,
    ends_on: date | None = None,
) -> TrainingClass:
    """A new class. Until it is filed, what is learned in it is kept but never exported (RULES 4(b))."""
    if session.get(Outline, outline_id) is None:
        raise NotFound("There is no such outline.")
    if ends_on is not None and ends_on < starts_on:
        raise Malformed("A class ends after it starts.", code="bad_dates")
    number, name = class_no.strip(), " ".join(title.split())
    if not number or not name or len(number) > 100 or len(name) > 200:
        raise Malformed("A class needs a number and a name.", code="bad_name")
    row = {
        "id": new_id(),
        "institution_id": institution_id,
        "outline_id": outline_id,
        "class_no": number,
        "title": name,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "created_at": at,
    }
    made = session.execute(insert(TrainingClass).values(row).on_conflict_do_nothing().returning(TrainingClass.id))
    if made.first() is None:
        raise Conflict("There is a class of this number already.", code="class_no_taken")
    return session.get_one(TrainingClass, row["id"])


def file_class(
    session: Session, class_id: UUID, *, filing_no: str, filed_at: datetime, acting: Collection[UUID], at: datetime
) -> TrainingClass:
    """Record the regulator's filing, once. The same filing again changes nothing, another one is a Conflict."""
    found = own_class(session, class_id, acting, lock=True)
    number = filing_no.strip()
    if not number:
        raise Malformed("A filing has a number.", code="bad_filing")
    if filed_at > at:
        raise Malformed("A filing cannot lie in the future.", code="bad_filing")
    if found.filed_at is not None:
        if (found.filed_at, found.filing_no) != (filed_at, number):
            raise Conflict("This class was filed already.", code="filed_already")
        return found
    found.filed_at, found.filing_no, found.filing_recorded_at = filed_at, number, at
    session.flush()
    return found


def own_class(session: Session, class_id: UUID, acting: Collection[UUID], *, lock: bool = False) -> TrainingClass:
    """The class, when it is one of `acting`'s. Raises NotFound."""
    query = sa.select(TrainingClass).where(TrainingClass.id == class_id, TrainingClass.institution_id.in_(acting))
    found = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such class.")
    return found


def enrol(
    session: Session, class_id: UUID, person_ids: Sequence[UUID], *, acting: Collection[UUID], at: datetime
) -> int:
    """Enrol people; who is enrolled already stays so. How many were new. Raises NotFound for an unknown person."""
    own_class(session, class_id, acting)
    wanted = set(person_ids)
    if not wanted:
        return 0
    known = session.execute(sa.select(sa.func.count()).select_from(Person).where(Person.id.in_(wanted))).scalar_one()
    if known != len(wanted):
        raise NotFound("There is no such person.")
    rows = [{"id": new_id(), "class_id": class_id, "person_id": one, "enrolled_at": at} for one in sorted(wanted)]
    made = session.execute(insert(Enrolment).on_conflict_do_nothing().returning(Enrolment.id), rows)
    return len(made.all())


def withdraw(session: Session, class_id: UUID, person_id: UUID, *, acting: Collection[UUID], at: datetime) -> None:
    """End an enrolment; what was earned in it stays. Withdrawing again changes nothing."""
    own_class(session, class_id, acting)
    session.execute(
        sa.update(Enrolment)
        .where(Enrolment.class_id == class_id, Enrolment.person_id == person_id, Enrolment.withdrawn_at.is_(None))
        .values(withdrawn_at=at)
    )


def classes_of(session: Session, institution_id: UUID, *, page: int = 1) -> tuple[list[ClassLine], int]:
    """One page of an institution's classes, newest first, and how many there are: two queries."""
    total = session.execute(
        sa.select(sa.func.count()).select_from(TrainingClass).where(TrainingClass.institution_id == institution_id)
    ).scalar_one()
    present = (
        sa.select(sa.func.count())
        .where(Enrolment.class_id == TrainingClass.id, Enrolment.withdrawn_at.is_(None))
        .correlate(TrainingClass)
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(
            TrainingClass.id,
            TrainingClass.class_no,
            TrainingClass.title,
            Outline.name,
            TrainingClass.starts_on,
            TrainingClass.ends_on,
            TrainingClass.filed_at,
            TrainingClass.filing_no,
            present,
        )
        .join(Outline, Outline.id == TrainingClass.outline_id)
        .where(TrainingClass.institution_id == institution_id)
        .order_by(TrainingClass.created_at.desc(), TrainingClass.id.desc())
        .limit(PAGE)
        .offset((max(1, page) - 1) * PAGE)
    )
    return [ClassLine(*row) for row in rows], total


def roster(
    session: Session, class_id: UUID, *, acting: Collection[UUID], page: int = 1
) -> tuple[list[RosterLine], int]:
    """One page of who is in a class, by name, and how many there are. Names only: no document numbers."""
    own_class(session, class_id, acting)
    present = (Enrolment.class_id == class_id) & Enrolment.withdrawn_at.is_(None)
    total = session.execute(sa.select(sa.func.count()).select_from(Enrolment).where(present)).scalar_one()
    rows = session.execute(
        sa.select(Enrolment.id, Person.id, Person.name, Enrolment.enrolled_at)
        .join(Person, Person.id == Enrolment.person_id)
        .where(present)
        .order_by(Person.name, Enrolment.id)
        .limit(PAGE)
        .offset((max(1, page) - 1) * PAGE)
    )
    return [RosterLine(*row) for row in rows], total
