"""What is read of the register: lists of a unit, a person's own, who stands at a post without one, holding rates.

A unit's list shows the employer's register of the people who are placed in the unit or below it on that day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from elearn.courses.requirements import service
from elearn.courses.requirements.rows import Category, Group
from elearn.db import plan_each_time
from elearn.people.dated import holds_on
from elearn.people.models import Membership, Organisation, OrganisationTree, Person, Placement
from elearn.people.naming import called
from elearn.training.certificates.models import WorkerCertificate, WorkerCertificateCheck
from elearn.training.certificates.rules import STAGES, CheckState, Standing, standing

PAGE = 50


class Show(StrEnum):
    """Which certificates of a unit."""

    ALL = "all"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    UNCHECKED = "unchecked"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Line:
    """A certificate, with whose it is and where they stand."""

    row: WorkerCertificate
    name: str
    unit: str
    post: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class Missing:
    """Somebody who stands at a post that asks for a certificate they do not hold."""

    person_id: UUID
    membership_id: UUID
    name: str
    unit: str
    post: str
    category: str
    since_on: date


@dataclass(frozen=True, slots=True)
class Holding:
    """Of the posts of one group: how many people stand there, how many with a valid certificate of its category."""

    group: Group
    people: int
    holding: int


LICENSED = (Group.SPECIAL_OPERATION, Group.PRINCIPAL, Group.MANAGER)
"""三项岗位人员: whose posts ask for a certificate (B01, B20)."""


def licensed(session: Session, on: date, *groups: Group) -> dict[str, Category]:
    """The categories of these groups by id, in any place."""
    rows = [one.row for one in service.catalogue(session).everywhere("categories", on)]
    return {row.id: row for row in rows if isinstance(row, Category) and row.group in (groups or LICENSED)}


def holds(on: date) -> sa.ColumnElement[bool]:
    """A certificate holds on a day."""
    return sa.and_(
        WorkerCertificate.from_on <= on,
        sa.or_(WorkerCertificate.holds_to.is_(None), WorkerCertificate.holds_to >= on),
        sa.or_(WorkerCertificate.ended_on.is_(None), WorkerCertificate.ended_on > on),
        WorkerCertificate.check_state != CheckState.DIFFERS,
    )


def _placed(node_id: UUID, on: date) -> sa.Subquery:
    """Who stands in the node or below it on a day: membership, person, employer, unit, post, category."""
    return (
        sa.select(
            Membership.id.label("membership_id"), Membership.person_id, Membership.organisation_id,
            Placement.unit_id, Placement.post, Placement.category, Placement.from_on,
        )
        .join(Placement, Placement.membership_id == Membership.id)
        .join(OrganisationTree, OrganisationTree.below_id == Placement.unit_id)
        .where(
            OrganisationTree.above_id == node_id,
            holds_on(Placement, on),
            holds_on(Membership, on),
        )
        .subquery()
    )  # fmt: skip


def register(
    session: Session, node_id: UUID, *, on: date, show: Show = Show.ALL, name: str = "", page: int = 1, size: int = PAGE
) -> tuple[list[Line], int]:
    """A page of the certificates of whoever stands there, those that run out first in front, and how many there are."""
    plan_each_time(session)
    placed = _placed(node_id, on)
    unit = aliased(Organisation)
    here = sa.and_(
        placed.c.person_id == WorkerCertificate.person_id,
        placed.c.organisation_id == WorkerCertificate.organisation_id,
    )
    found = sa.select(WorkerCertificate.id, WorkerCertificate.holds_to).join(placed, here).where(*_shown(show, on))
    if name.strip():
        found = found.join(Person, Person.id == WorkerCertificate.person_id).where(called(name.strip()))
    total = session.scalar(sa.select(sa.func.count()).select_from(found.subquery())) or 0
    order = (WorkerCertificate.holds_to.asc().nulls_last(), WorkerCertificate.id)
    # Ids first: what is told of a line is read for the lines of one page.
    page_of = found.order_by(*order).limit(size).offset((max(1, page) - 1) * size).subquery()
    rows = session.execute(
        sa.select(WorkerCertificate, Person.name, unit.name.label("unit"), placed.c.post)
        .join(placed, here)
        .join(Person, Person.id == WorkerCertificate.person_id)
        .join(unit, unit.id == placed.c.unit_id)
        .where(WorkerCertificate.id.in_(sa.select(page_of.c.id)))
        .order_by(*order)
    )
    return [_line(row, on) for row in rows], total


def _shown(show: Show, on: date) -> list[sa.ColumnElement[bool]]:
    row = WorkerCertificate
    if show is Show.EXPIRING:
        return [holds(on), row.holds_to <= on + timedelta(days=STAGES[-1])]
    if show is Show.EXPIRED:
        return [row.ended_on.is_(None), row.holds_to < on]
    if show is Show.ALL:
        return []
    return [row.ended_on.is_(None), row.check_state == CheckState(show.value)]


def _line(row: sa.Row[Any], on: date) -> Line:
    found = row.WorkerCertificate
    return Line(found, row.name, row.unit, row.post, standing_of(found, on))


def standing_of(row: WorkerCertificate, on: date) -> Standing:
    return standing(row.from_on, row.holds_to, row.ends_by, row.check_state, row.ended_on, on)


def of_person(session: Session, person_id: UUID, *, on: date) -> list[tuple[WorkerCertificate, str, Standing]]:
    """A person's own, with the employer whose register each is in; those that hold first."""
    rows = session.execute(
        sa.select(WorkerCertificate, Organisation.name)
        .join(Organisation, Organisation.id == WorkerCertificate.organisation_id)
        .where(WorkerCertificate.person_id == person_id)
        .order_by(
            WorkerCertificate.ended_on.is_not(None), WorkerCertificate.holds_to.desc().nulls_first(),
            WorkerCertificate.id,
        )
    )  # fmt: skip
    return [(row, name, standing_of(row, on)) for row, name in rows]


def checks(session: Session, certificate_id: UUID) -> Sequence[tuple[bool, str, datetime, str]]:
    """Who looked it up when: agrees, note, at, by whose name; the newest first."""
    rows = session.execute(
        sa.select(WorkerCertificateCheck.agrees, WorkerCertificateCheck.note, WorkerCertificateCheck.at, Person.name)
        .join(Person, Person.id == WorkerCertificateCheck.by_id)
        .where(WorkerCertificateCheck.certificate_id == certificate_id)
        .order_by(WorkerCertificateCheck.at.desc(), WorkerCertificateCheck.id.desc())
    )
    return [(agrees, note, at, name) for agrees, note, at, name in rows]


def unqualified(
    session: Session, node_id: UUID, *, on: date, groups: Sequence[Group] = (Group.SPECIAL_OPERATION,), page: int = 1
) -> tuple[list[Missing], int]:
    """Who stands at a post of these groups without a valid certificate of its category (B03), by name."""
    placed = _placed(node_id, on)
    unit = aliased(Organisation)
    valid = sa.exists().where(
        WorkerCertificate.person_id == placed.c.person_id,
        WorkerCertificate.organisation_id == placed.c.organisation_id,
        WorkerCertificate.category == placed.c.category,
        holds(on),
    )
    query = (
        sa.select(placed, Person.name, unit.name.label("unit"))
        .join(Person, Person.id == placed.c.person_id)
        .join(unit, unit.id == placed.c.unit_id)
        .where(placed.c.category.in_(list(licensed(session, on, *groups))), ~valid)
    )
    total = session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    rows = session.execute(
        query.order_by(Person.name, placed.c.membership_id).limit(PAGE).offset((max(1, page) - 1) * PAGE)
    )
    found = [
        Missing(row.person_id, row.membership_id, row.name, row.unit, row.post, row.category, row.from_on)
        for row in rows
    ]
    return found, total


def holding(session: Session, node_id: UUID, *, on: date) -> list[Holding]:
    """How many of those who need a certificate hold a valid one (100% 持证), by group."""
    known = licensed(session, on)
    placed = _placed(node_id, on)
    valid = sa.exists().where(
        WorkerCertificate.person_id == placed.c.person_id,
        WorkerCertificate.organisation_id == placed.c.organisation_id,
        WorkerCertificate.category == placed.c.category,
        holds(on),
    )
    rows = session.execute(
        sa.select(placed.c.category, sa.func.count(), sa.func.count().filter(valid))
        .where(placed.c.category.in_(list(known)))
        .group_by(placed.c.category)
    )
    people: dict[Group, list[int]] = {}
    for category, asked, held in rows:
        sums = people.setdefault(known[category].group, [0, 0])
        sums[0] += asked
        sums[1] += held
    return [Holding(group, *people[group]) for group in LICENSED if group in people]
