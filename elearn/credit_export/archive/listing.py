"""Archives in a list: classes with how far they are signed and until when they are kept. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Enrolment, TrainingClass
from elearn.courses.requirements import service as requirements
from elearn.credit_export.archive import reading
from elearn.credit_export.archive.models import ArchiveTaken, HoursSignature
from elearn.credit_export.archive.reading import Clock, Held
from elearn.people.models import Organisation, Person

PAGE = 50
MOST_TAKEN = 20

SIGNED = sa.text("""
SELECT n.class_id, count(DISTINCT n.person_id) AS people,
       count(DISTINCT n.person_id) FILTER (WHERE EXISTS (
           SELECT FROM elearn.hours_signature s
           WHERE s.class_id = n.class_id AND s.person_id = n.person_id)) AS signed
FROM elearn.enrolment n WHERE n.class_id = ANY (:classes) AND n.withdrawn_at IS NULL GROUP BY n.class_id
""")


@dataclass(frozen=True, slots=True)
class Line:
    """A class in the list."""

    held: Held
    clock: Clock
    people: int
    signed: int
    """Who has signed at least once; whether it still holds the class's own page says."""


@dataclass(frozen=True, slots=True)
class Taken:
    at: datetime
    by: str
    """Empty: the command line, or somebody who was erased."""
    people: int
    manifest: str


def begun(session: Session, seen: sa.ColumnElement[bool], *, on: date, page: int = 1) -> tuple[list[Line], int]:
    """One page of the classes that have begun by this day, the newest first, and how many there are. Five queries."""
    where = (seen, TrainingClass.starts_on <= on, TrainingClass.outline_id.is_not(None))
    total = session.scalars(
        sa.select(sa.func.count())
        .select_from(TrainingClass)
        .join(Organisation, Organisation.id == TrainingClass.institution_id)
        .where(*where)
    ).one()
    rows = session.execute(
        reading.CLASSES.where(*where)
        .order_by(TrainingClass.starts_on.desc(), TrainingClass.id.desc())
        .limit(PAGE)
        .offset((max(1, page) - 1) * PAGE)
    )
    return _lines(session, [Held(*row) for row in rows]), total


def due(session: Session, seen: sa.ColumnElement[bool], *, on: date) -> tuple[list[Line], int]:
    """The classes that nothing asks to be kept any longer, the oldest first."""
    found = _lines(session, [held for held, _clock in reading.due(session, seen, on=on)])
    return found, len(found)


def _lines(session: Session, classes: Sequence[Held]) -> list[Line]:
    ids = [one.training.id for one in classes]
    counts = {row.class_id: row for row in session.execute(SIGNED, {"classes": ids})}
    last = reading.last_earned(session, ids)
    catalogue = requirements.catalogue(session)
    return [
        Line(
            held,
            reading.clock_of(catalogue, held, last_earned_on=last.get(held.training.id)),
            counts[held.training.id].people if held.training.id in counts else 0,
            counts[held.training.id].signed if held.training.id in counts else 0,
        )
        for held in classes
    ]


def taken(session: Session, class_id: UUID) -> list[Taken]:
    """Who took the archive of a class away, the last first."""
    rows = session.execute(
        sa.select(ArchiveTaken.at, sa.func.coalesce(Person.name, ""), ArchiveTaken.people, ArchiveTaken.manifest)
        .outerjoin(Person, Person.id == ArchiveTaken.by_id)
        .where(ArchiveTaken.class_id == class_id)
        .order_by(ArchiveTaken.at.desc(), ArchiveTaken.id.desc())
        .limit(MOST_TAKEN)
    )
    return [Taken(*row) for row in rows]


def unsigned(session: Session, person_id: UUID, *, on: date) -> Collection[UUID]:
    """The classes of a learner whose last day has come and that they have never signed."""
    signed = sa.exists().where(
        HoursSignature.class_id == Enrolment.class_id, HoursSignature.person_id == Enrolment.person_id
    )
    return session.scalars(
        sa.select(Enrolment.class_id)
        .join(TrainingClass, TrainingClass.id == Enrolment.class_id)
        .where(Enrolment.person_id == person_id, Enrolment.withdrawn_at.is_(None), TrainingClass.ends_on <= on, ~signed)
        .where(TrainingClass.outline_id.is_not(None))
    ).all()
