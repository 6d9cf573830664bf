"""What is known of classes: their plan, their steps, changes to their rosters. Reads only, few queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from elearn.courses.classes.models import ClassStep, PlanLine, RosterAnswer, RosterChange
from elearn.courses.classes.rules import Act, Change, Modality, Office, Stands, State, after
from elearn.courses.models import Enrolment, Kind, Outline, OutlineItem, TrainingClass
from elearn.db import Base
from elearn.errors import Conflict
from elearn.people.models import Organisation, Person

PAGE = 50

NO_STEP = sa.literal(State.PLANNED.value)


def _columns(shape: type, table: type[Base], **elsewhere: Any) -> list[sa.Label[Any]]:
    """A column for each field of a dataclass: that of `table` with its name, or the one named for it in `elsewhere`."""
    names = [one.name for one in fields(shape)]
    return [(elsewhere[name] if name in elsewhere else getattr(table, name)).label(name) for name in names]


def state_column() -> sa.ColumnElement[str]:
    """Where a `training_class` stands, as a column of a query about classes."""
    last = (
        sa.select(sa.cast(ClassStep.to_state, sa.Text))
        .where(ClassStep.class_id == TrainingClass.id)
        .order_by(ClassStep.position.desc())
        .limit(1)
        .correlate(TrainingClass)
        .scalar_subquery()
    )
    return sa.func.coalesce(last, NO_STEP)


@dataclass(frozen=True, slots=True)
class PlannedLesson:
    """A line of a class's plan."""

    id: UUID
    taught_on: date
    from_time: time | None
    """By the clock in China; None: any time of the day (only online)."""
    to_time: time | None
    outline_item_id: UUID
    item_name: str
    kind: Kind
    modality: Modality
    hours: int
    """学时"""
    place: str
    """Empty: the place of the class."""


def plan_of(session: Session, class_id: UUID) -> tuple[PlannedLesson, ...]:
    """What is taught when, by day and time. One query."""
    rows = session.execute(
        sa.select(*_columns(PlannedLesson, PlanLine, item_name=OutlineItem.name, kind=OutlineItem.kind))
        .join(OutlineItem, OutlineItem.id == PlanLine.outline_item_id)
        .where(PlanLine.class_id == class_id)
        .order_by(PlanLine.taught_on, PlanLine.from_time.nulls_last(), PlanLine.id)
    )
    return tuple(PlannedLesson(*row) for row in rows)


@dataclass(frozen=True, slots=True)
class TakenStep:
    """A step of a class, with who took it."""

    position: int
    act: Act
    to_state: State
    by_id: UUID | None
    by_name: str | None
    """None: filed before steps were kept, or by a program."""
    office: Office | None
    note: str
    late: bool
    unmet: list[str]
    """Conditions (`rules.Gate`) that were not met when a receipt was recorded all the same."""
    rule: str
    at: datetime


def steps_of(session: Session, class_id: UUID) -> tuple[TakenStep, ...]:
    """Its steps in their order. One query."""
    rows = session.execute(
        sa.select(*_columns(TakenStep, ClassStep, by_name=Person.name))
        .outerjoin(Person, Person.id == ClassStep.by_id)
        .where(ClassStep.class_id == class_id)
        .order_by(ClassStep.position)
    )
    return tuple(TakenStep(*row) for row in rows)


def stands_by(steps: Sequence[TakenStep]) -> Stands:
    """Where these steps lead."""
    found = Stands()
    for step in steps:
        found = after(found, step.act, step.by_id)
    return found


def state_of(session: Session, class_id: UUID) -> State:
    """Where the class stands. One query."""
    word = session.execute(sa.select(state_column()).where(TrainingClass.id == class_id)).scalar_one_or_none()
    return State(word) if word else State.PLANNED


def require_planned(session: Session, class_id: UUID) -> None:
    """Raises Conflict `plan_stands`: what was submitted is not changed under the eyes of those who look at it."""
    if state_of(session, class_id) is not State.PLANNED:
        raise Conflict("The plan stands since it was submitted. Have the class sent back first.", code="plan_stands")


@dataclass(frozen=True, slots=True)
class ChangedRoster:
    """Somebody joins or leaves after acceptance."""

    id: UUID
    person_id: UUID
    name: str
    change: Change
    reason: str
    by_id: UUID | None
    by_name: str | None
    two_people: bool
    at: datetime
    confirmed: bool | None
    """None: nobody has answered, or nobody is asked."""
    second_name: str | None
    answer_note: str | None
    answered_at: datetime | None

    @property
    def waiting(self) -> bool:
        return self.two_people and self.confirmed is None

    @property
    def effective_at(self) -> datetime | None:
        """From when on it holds: with two people from the confirmation on; None: it does not."""
        if not self.two_people:
            return self.at
        return self.answered_at if self.confirmed else None


def roster_changes(session: Session, class_id: UUID) -> tuple[ChangedRoster, ...]:
    """Every change since the class was accepted, also those that wait or were objected to, by time. One query."""
    by, second = aliased(Person), aliased(Person)
    rows = session.execute(
        sa.select(
            *_columns(
                ChangedRoster,
                RosterChange,
                name=Person.name,
                by_name=by.name,
                confirmed=RosterAnswer.confirmed,
                second_name=second.name,
                answer_note=RosterAnswer.note,
                answered_at=RosterAnswer.at,
            )
        )
        .join(Person, Person.id == RosterChange.person_id)
        .outerjoin(by, by.id == RosterChange.by_id)
        .outerjoin(RosterAnswer, RosterAnswer.change_id == RosterChange.id)
        .outerjoin(second, second.id == RosterAnswer.by_id)
        .where(RosterChange.class_id == class_id)
        .order_by(RosterChange.at, RosterChange.id)
    )
    return tuple(ChangedRoster(*row) for row in rows)


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
    state: State
    institution: str


def _lines() -> sa.Select[Any]:
    present = (
        sa.select(sa.func.count())
        .where(Enrolment.class_id == TrainingClass.id, Enrolment.withdrawn_at.is_(None))
        .correlate(TrainingClass)
        .scalar_subquery()
    )
    return (
        sa.select(
            *_columns(
                ClassLine,
                TrainingClass,
                outline_name=Outline.name,
                learners=present,
                state=state_column(),
                institution=Organisation.name,
            )
        )
        .join(Outline, Outline.id == TrainingClass.outline_id)
        .join(Organisation, Organisation.id == TrainingClass.institution_id)
    )


def _line(row: sa.Row[Any]) -> ClassLine:
    return ClassLine(**{**row._mapping, "state": State(row.state)})


def classes_of(session: Session, institution_id: UUID, *, page: int = 1) -> tuple[list[ClassLine], int]:
    """One page of an institution's classes, newest first, and how many there are: two queries."""
    total = session.execute(
        sa.select(sa.func.count()).select_from(TrainingClass).where(TrainingClass.institution_id == institution_id)
    ).scalar_one()
    rows = session.execute(
        _lines()
        .where(TrainingClass.institution_id == institution_id)
        .order_by(TrainingClass.created_at.desc(), TrainingClass.id.desc())
        .limit(PAGE)
        .offset((max(1, page) - 1) * PAGE)
    )
    return [_line(row) for row in rows], total


def in_regions(
    session: Session, regions: Sequence[str] | None, states: Sequence[State], *, page: int = 1
) -> tuple[list[ClassLine], int]:
    """Classes of the institutions of these regions (prefixes of GB/T 2260; None: of all) that stand so.

    Those that begin first stand first. Two queries.
    """
    stands = sa.text(
        "(EXISTS (SELECT FROM elearn.class_step s WHERE s.class_id = elearn.training_class.id "
        "AND s.to_state = ANY (:states) AND NOT EXISTS (SELECT FROM elearn.class_step t "
        "WHERE t.class_id = s.class_id AND t.position > s.position)) OR (:planned AND NOT EXISTS "
        "(SELECT FROM elearn.class_step s WHERE s.class_id = elearn.training_class.id)))"
    ).bindparams(states=[state.value for state in states], planned=State.PLANNED in states)
    found = _lines().where(stands)
    if regions is not None:
        found = found.where(_within(regions))
    total = session.execute(sa.select(sa.func.count()).select_from(found.subquery())).scalar_one()
    rows = session.execute(
        found.order_by(TrainingClass.starts_on, TrainingClass.id).limit(PAGE).offset((max(1, page) - 1) * PAGE)
    )
    return [_line(row) for row in rows], total


@dataclass(frozen=True, slots=True)
class Notice:
    """A roster change that the regulator is told of."""

    class_id: UUID
    title: str
    institution: str
    name: str
    change: Change
    reason: str
    at: datetime


def notices(session: Session, regions: Sequence[str] | None, *, since: datetime) -> list[Notice]:
    """Joins and leaves of accepted classes since then that took effect with a notice, latest first. One query."""
    query = (
        sa.select(
            *_columns(Notice, RosterChange, title=TrainingClass.title, institution=Organisation.name, name=Person.name)
        )
        .join(TrainingClass, TrainingClass.id == RosterChange.class_id)
        .join(Organisation, Organisation.id == TrainingClass.institution_id)
        .join(Person, Person.id == RosterChange.person_id)
        .where(RosterChange.at >= since, RosterChange.two_people.is_(False), RosterChange.by_id.is_not(None))
        .order_by(RosterChange.at.desc(), RosterChange.id)
        .limit(PAGE)
    )
    if regions is not None:
        query = query.where(_within(regions))
    return [Notice(*row) for row in session.execute(query)]


def _within(regions: Sequence[str]) -> sa.ColumnElement[bool]:
    return sa.or_(sa.false(), *(Organisation.region.startswith(one) for one in regions))
