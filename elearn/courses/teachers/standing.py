"""Who teaches in classes, and what is wrong with it: of many classes in five queries, however many there are.

`rules.py` decides. What a teacher's own hours lack is told by `credit_export/teacher_hours.py`, where hours are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Kind, Outline, OutlineItem, TrainingClass
from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.choosing import Catalogue
from elearn.courses.requirements.rows import Asked, Category, CreditRules, Group, HoursKind, Training
from elearn.courses.teachers import rules
from elearn.courses.teachers.models import ClassTeacherEntry, TeacherEntry, TeacherTerm
from elearn.courses.teachers.rules import Assigned, Certificate, Held, Problem, Rules, Subject, Taught, Teacher, Term
from elearn.people.models import Organisation, Person

DAY = timedelta(days=1)

CERTIFICATES = sa.text("""
SELECT c.id, c.teacher_id, c.from_on, c.to_on, c.categories, c.works, a.confirmed,
       (SELECT min(e.from_on) FROM elearn.teacher_certificate e
        JOIN elearn.certificate_answer b ON b.certificate_id = e.id AND b.confirmed
        WHERE e.ends_id = c.id) AS ended_on
FROM elearn.teacher_certificate c
LEFT JOIN elearn.certificate_answer a ON a.certificate_id = c.id
WHERE c.teacher_id = ANY (:teachers) AND c.ends_id IS NULL AND a.confirmed IS NOT FALSE
ORDER BY c.from_on, c.id
""")


@dataclass(frozen=True, slots=True)
class ClassTeacher:
    """Somebody teaches in a class."""

    id: UUID
    class_id: UUID
    teacher_id: UUID
    person_id: UUID
    name: str
    """Empty when the person was erased."""
    outline_item_id: UUID | None
    item_name: str | None
    kind: Kind | None
    """Of the item when there is one; None: theory and practice."""
    from_on: date
    to_on: date | None
    """None: to the end of the class."""
    added_at: datetime
    """When it was entered: after `from_on` it was said later."""


def teaching(session: Session, class_ids: Collection[UUID]) -> dict[UUID, tuple[ClassTeacher, ...]]:
    """By class: who teaches what and when, by first day; a class without teachers is there, empty. One query."""
    rows = session.execute(
        sa.select(
            ClassTeacherEntry.id,
            ClassTeacherEntry.class_id,
            ClassTeacherEntry.teacher_id,
            TeacherEntry.person_id,
            Person.name,
            ClassTeacherEntry.outline_item_id,
            OutlineItem.name.label("item_name"),
            sa.func.coalesce(ClassTeacherEntry.kind, OutlineItem.kind).label("kind"),
            ClassTeacherEntry.from_on,
            ClassTeacherEntry.to_on,
            ClassTeacherEntry.added_at,
        )
        .join(TeacherEntry, TeacherEntry.id == ClassTeacherEntry.teacher_id)
        .join(Person, Person.id == TeacherEntry.person_id)
        .outerjoin(OutlineItem, OutlineItem.id == ClassTeacherEntry.outline_item_id)
        .where(ClassTeacherEntry.class_id.in_(list(class_ids)), ClassTeacherEntry.removed_at.is_(None))
        .order_by(ClassTeacherEntry.from_on, ClassTeacherEntry.id)
    )
    found: dict[UUID, list[ClassTeacher]] = {one: [] for one in class_ids}
    for row in rows:
        found[row.class_id].append(ClassTeacher(*row))
    return {one: tuple(several) for one, several in found.items()}


@dataclass(frozen=True, slots=True)
class Standing:
    """A class with all that is known of its teachers."""

    held: Held
    teachers: Mapping[UUID, Teacher]
    of_person: Mapping[UUID, UUID]
    """The teacher that a person is, of those of the class."""
    rules: Rules

    def problems(self, until: date, taught: Collection[Taught] = ()) -> tuple[Problem, ...]:
        return rules.problems(self.held, self.teachers, self.rules, until=until, taught=taught)

    def valid(self, until: date, taught: Collection[Taught] = (), *, on: date | None = None) -> bool | None:
        """The fact `teachers_valid` of a judgement of the day `on`; left out, of `until`."""
        return rules.valid(self.held, self.problems(until, taught), self.rules, on=on or until)


def problems(
    session: Session, class_ids: Collection[UUID], *, today: date, planned: bool = True
) -> dict[UUID, tuple[Problem, ...]]:
    """By class: what is wrong with its teachers, on its first day; empty when nothing is.

    `planned`: to the last day of the class, as it is asked before it begins; else up to today.
    """
    return {
        class_id: one.problems(max(today, one.held.term.to_on or today) if planned else today)
        for class_id, one in standings(session, class_ids).items()
    }


def standings(session: Session, class_ids: Collection[UUID]) -> dict[UUID, Standing]:
    """Of these classes all that the rules ask; one that does not exist is left out."""
    if not class_ids:
        return {}
    catalogue = requirements.catalogue(session)
    kinds = (
        sa.select(sa.func.array_agg(sa.distinct(OutlineItem.kind)))
        .where(OutlineItem.outline_id == Outline.id, OutlineItem.required_hours > 0)
        .correlate(Outline)
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(
            TrainingClass.id,
            TrainingClass.institution_id,
            TrainingClass.starts_on,
            TrainingClass.ends_on,
            Organisation.region,
            Outline.code,
            Outline.category,
            kinds.label("kinds"),
        )
        .join(Outline, Outline.id == TrainingClass.outline_id)
        .join(Organisation, Organisation.id == TrainingClass.institution_id)
        .where(TrainingClass.id.in_(list(class_ids)))
    ).all()
    assigned = teaching(session, [row.id for row in rows])
    own = {one.teacher_id for several in assigned.values() for one in several}
    certificates, terms = certificates_of(session, own), _terms(session, own)
    of_region = cache(lambda region: rules_of(catalogue, region))
    return {
        row.id: Standing(
            Held(
                _subject(catalogue, row),
                Term(row.starts_on, row.ends_on),
                tuple(
                    Assigned(
                        one.teacher_id,
                        Term(one.from_on, one.to_on),
                        HoursKind(one.kind) if one.kind else None,
                        one.outline_item_id,
                    )
                    for one in assigned[row.id]
                ),
            ),
            {
                one.teacher_id: Teacher(
                    one.teacher_id,
                    tuple(certificates[one.teacher_id]),
                    tuple(terms[one.teacher_id, row.institution_id]),
                )
                for one in assigned[row.id]
            },
            {one.person_id: one.teacher_id for one in assigned[row.id]},
            of_region(row.region),
        )
        for row in rows
    }


def certificates_of(session: Session, teacher_ids: Collection[UUID]) -> Mapping[UUID, list[Certificate]]:
    """By teacher: the certificates that were not objected to. One query."""
    found: dict[UUID, list[Certificate]] = defaultdict(list)
    for row in session.execute(CERTIFICATES, {"teachers": list(teacher_ids)}) if teacher_ids else ():
        found[row.teacher_id].append(
            Certificate(
                Term(row.from_on, row.to_on),
                frozenset(row.categories),
                frozenset(row.works),
                row.confirmed,
                row.ended_on,
            )
        )
    return found


def anybody_asks(catalogue: Catalogue) -> bool:
    """Whether any row ever says anything of the teachers of a class."""
    return any(isinstance(one.row, CreditRules) and one.row.teachers is not None for one in catalogue.rows)


def rules_of(catalogue: Catalogue, region: str | None) -> Rules:
    """What a region asks of teachers, by day."""

    def asked(on: date) -> Asked | None:
        sets = catalogue.credit_rules(region, on)
        return next((one.row.teachers for one in sets if one.row.teachers is not None), None)

    def yearly(on: date) -> int | None:
        rows = [one.row for one in catalogue.on("categories", region, on) if isinstance(one.row, Category)]
        hours = [row.hours.get(Training.YEARLY) for row in rows if row.group is Group.TEACHER]
        return max((one.total for one in hours if one is not None), default=None)

    rows = [one.row for one in catalogue.newest() if isinstance(one.row, CreditRules)]
    turns = {row.effective_from for row in rows} | {row.effective_to + DAY for row in rows if row.effective_to}
    return Rules(asked, tuple(sorted(turns)), yearly)


def _subject(catalogue: Catalogue, row: sa.Row[tuple[object, ...]]) -> Subject:
    found = catalogue.category(row.category, row.region, row.starts_on) if row.category else None
    return Subject(
        row.category or row.code,
        found[0].work if found else "",
        frozenset(HoursKind(one) for one in row.kinds or ()),
    )


def _terms(session: Session, teacher_ids: Collection[UUID]) -> Mapping[tuple[UUID, UUID], list[Term]]:
    """(teacher, institution) -> when. One query."""
    found: dict[tuple[UUID, UUID], list[Term]] = defaultdict(list)
    rows = session.execute(
        sa.select(TeacherTerm.teacher_id, TeacherTerm.institution_id, TeacherTerm.from_on, TeacherTerm.to_on)
        .where(TeacherTerm.teacher_id.in_(list(teacher_ids)))
        .order_by(TeacherTerm.from_on)
    )
    for row in rows if teacher_ids else ():
        found[row.teacher_id, row.institution_id].append(Term(row.from_on, row.to_on))
    return found
