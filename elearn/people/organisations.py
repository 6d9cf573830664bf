"""Organisations, and who belongs to them from which day to which."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Malformed, NotFound
from elearn.people.identity import check_credit_code
from elearn.people.models import Account, EmploymentKind, Membership, Organisation, OrganisationKind, Person
from elearn.people.persons import get_person
from elearn.people.registry import checked_name, checked_region, unless_taken

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an organisation on one day."""

    person_id: UUID
    account_id: UUID | None
    name: str
    kind: EmploymentKind
    from_on: date
    to_on: date | None


def add_organisation(
    session: Session,
    *,
    kind: OrganisationKind,
    name: str,
    credit_code: str | None = None,
    region: str | None = None,
    at: datetime,
) -> Organisation:
    """A new organisation. A credit code whose check fails is taken, with a warning in the log (RULES 2.4).

    Raises Malformed; Conflict `already_registered` when the credit code is known.
    """
    code = None
    if credit_code:
        code, holds = check_credit_code(credit_code)
        if not holds:
            logger.warning("a credit code's check character does not hold", extra={"credit_code": code})
    organisation = Organisation(
        kind=kind, name=checked_name(name), credit_code=code, region=checked_region(region), created_at=at
    )
    with unless_taken(
        session,
        "uq_organisation_credit_code",
        "An organisation with this credit code is already registered.",
        "already_registered",
    ):
        session.add(organisation)
    return organisation


def list_organisations(session: Session) -> Sequence[Organisation]:
    """Every organisation, oldest first."""
    return session.scalars(sa.select(Organisation).order_by(Organisation.created_at, Organisation.id)).all()


def join(
    session: Session,
    person_id: UUID,
    organisation_id: UUID,
    kind: EmploymentKind,
    from_on: date,
    *,
    at: datetime,
    to_on: date | None = None,
) -> Membership:
    """The person belongs to the organisation from a day on. Raises NotFound; Conflict `already_member`; Malformed."""
    get_person(session, person_id)
    get_organisation(session, organisation_id)
    if to_on is not None and to_on < from_on:
        raise Malformed("The last day is before the first.", code="dates")
    membership = Membership(
        person_id=person_id, organisation_id=organisation_id, kind=kind, from_on=from_on, to_on=to_on, created_at=at
    )
    with unless_taken(
        session,
        "ex_membership_once_at_a_time",
        "This person already belongs to the organisation in that time.",
        "already_member",
    ):
        session.add(membership)
    return membership


def leave(session: Session, person_id: UUID, organisation_id: UUID, last_on: date) -> Membership:
    """The person's open membership ends with this day. Raises NotFound; Malformed when it began later."""
    membership = session.scalar(
        sa.select(Membership)
        .where(
            Membership.person_id == person_id,
            Membership.organisation_id == organisation_id,
            Membership.to_on.is_(None),
        )
        .with_for_update()
    )
    if membership is None:
        raise NotFound("This person does not belong to the organisation.")
    if last_on < membership.from_on:
        raise Malformed("The last day is before the first.", code="dates")
    membership.to_on = last_on
    session.flush()
    return membership


def organisations_of(session: Session, person_id: UUID, *, on: date) -> frozenset[UUID]:
    """The organisations that the person belongs to on a day."""
    return frozenset(
        session.scalars(sa.select(Membership.organisation_id).where(Membership.person_id == person_id, _holds_on(on)))
    )


def organisations_that_brought(session: Session, account: Account, *, on: date) -> frozenset[UUID]:
    """Those among them that the person belonged to already when the account was opened.

    Only they may put another password on it: anybody's name and document number are enough to take somebody in, so
    an organisation that comes later could else take over the account of a worker who never heard of it.
    """
    known = (Membership.person_id == account.person_id) & (Membership.created_at <= account.created_at)
    return frozenset(session.scalars(sa.select(Membership.organisation_id).where(known, _holds_on(on))))


def members(session: Session, organisation_id: UUID, *, on: date) -> list[Member]:
    """Who belongs to the organisation on a day, by name."""
    rows = session.execute(
        sa.select(Person.id, Account.id, Person.name, Membership.kind, Membership.from_on, Membership.to_on)
        .join(Person, Person.id == Membership.person_id)
        .outerjoin(Account, Account.person_id == Person.id)
        .where(Membership.organisation_id == organisation_id, _holds_on(on))
        .order_by(Person.name, Person.id)
    )
    return [Member(*row) for row in rows]


def _holds_on(on: date) -> sa.ColumnElement[bool]:
    return sa.and_(Membership.from_on <= on, sa.or_(Membership.to_on.is_(None), Membership.to_on >= on))


def get_organisation(session: Session, organisation_id: UUID) -> Organisation:
    organisation = session.get(Organisation, organisation_id)
    if organisation is None:
        raise NotFound("There is no such organisation.")
    return organisation
