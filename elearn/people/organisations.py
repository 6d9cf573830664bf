"""Organisations, and who belongs to them from which day to which."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import placements
from elearn.people.dated import holds_on
from elearn.people.identity import check_credit_code
from elearn.people.models import (
    EMPLOYERS,
    Account,
    EmploymentKind,
    Membership,
    Organisation,
    OrganisationKind,
    OrganisationLevel,
    OrganisationTree,
    Person,
    Placement,
)
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
    level: OrganisationLevel | None = None,
    parent_id: UUID | None = None,
    at: datetime,
) -> Organisation:
    """A new organisation. A credit code whose check fails is taken, with a warning in the log (RULES 2.4).

    An enterprise without `level` is a legal entity. Raises Malformed (`level`: it does not belong there in the tree);
    Conflict `already_registered` when the credit code is known.
    """
    if kind is OrganisationKind.ENTERPRISE:
        level = level or OrganisationLevel.ENTERPRISE
    if not lies_below(level, None if parent_id is None else get_organisation(session, parent_id).level, parent_id):
        raise Malformed("A unit of this level cannot stand there.", code="level")
    code = None
    if credit_code:
        code, holds = check_credit_code(credit_code)
        if not holds:
            logger.warning("a credit code's check character does not hold", extra={"credit_code": code})
    organisation = Organisation(
        kind=kind,
        level=level,
        parent_id=parent_id,
        name=checked_name(name),
        credit_code=code,
        region=checked_region(region),
        created_at=at,
    )
    with unless_taken(
        session,
        "uq_organisation_credit_code",
        "An organisation with this credit code is already registered.",
        "already_registered",
    ):
        session.add(organisation)
    return organisation


def lies_below(level: OrganisationLevel | None, above: OrganisationLevel | None, parent_id: UUID | None) -> bool:
    """Whether a node of `level` may stand below one of level `above` (both None: institutions). The trigger agrees."""
    if parent_id is None:
        return level is None or level in EMPLOYERS
    order = list(OrganisationLevel)
    if level is None or above is None or above is OrganisationLevel.TEAM:
        return False
    return order.index(above) <= order.index(level)


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
    unit_id: UUID | None = None,
    post: str = "",
    category: str | None = None,
    firm: str = "",
) -> Membership:
    """The person belongs to the organisation from a day on, placed in one of its units (None: at its top).

    Raises NotFound; Conflict `already_member`, `closed`; Malformed `dates`, `employer`: workshops and teams employ
    nobody.
    """
    get_person(session, person_id)
    level = get_organisation(session, organisation_id).level
    if level is not None and level not in EMPLOYERS:
        raise Malformed("A workshop or a team employs nobody: the enterprise does.", code="employer")
    if get_organisation(session, unit_id or organisation_id).closed_at is not None:
        raise Conflict("This organisation is closed.", code="closed")
    if to_on is not None and to_on < from_on:
        raise Malformed("The last day is before the first.", code="dates")
    membership = Membership(
        person_id=person_id, organisation_id=organisation_id, kind=kind, from_on=from_on, to_on=to_on, firm=firm,
        created_at=at,
    )  # fmt: skip
    with unless_taken(
        session,
        "ex_membership_once_at_a_time",
        "This person already belongs to the organisation in that time.",
        "already_member",
    ):
        session.add(membership)
    session.add(
        Placement(
            membership_id=membership.id,
            unit_id=unit_id or organisation_id,
            post=post,
            category=category,
            from_on=from_on,
            to_on=to_on,
            created_at=at,
        )
    )
    session.flush()
    return membership


def leave(session: Session, person_id: UUID, organisation_id: UUID, last_on: date) -> Membership:
    """The person's open membership ends with this day, and so do its placement and absence.

    Raises NotFound; Malformed when it began later, or its placement did.
    """
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
    placements.end(session, membership.id, last_on)
    return membership


def organisations_of(session: Session, person_id: UUID, *, on: date) -> frozenset[UUID]:
    """The organisations that the person belongs to on a day."""
    return frozenset(
        session.scalars(
            sa.select(Membership.organisation_id).where(Membership.person_id == person_id, holds_on(Membership, on))
        )
    )


def organisations_that_brought(session: Session, account: Account, *, on: date) -> frozenset[UUID]:
    """Those that the person belonged to already when the account was opened, with the units of theirs in which the
    person stands on this day, and all above.

    Only they may put another password on it: anybody's name and document number are enough to take somebody in, so
    an organisation that comes later could else take over the account of a worker who never heard of it.
    """
    known = (Membership.person_id == account.person_id) & (Membership.created_at <= account.created_at)
    return frozenset(
        session.scalars(
            sa.select(OrganisationTree.above_id)
            .join(Placement, Placement.unit_id == OrganisationTree.below_id)
            .join(Membership, Membership.id == Placement.membership_id)
            .where(
                known,
                holds_on(Membership, on),
                holds_on(Placement, on),
            )
        )
    )


def members(session: Session, organisation_id: UUID, *, on: date) -> list[Member]:
    """Who belongs to the organisation on a day, by name."""
    rows = session.execute(
        sa.select(Person.id, Account.id, Person.name, Membership.kind, Membership.from_on, Membership.to_on)
        .join(Person, Person.id == Membership.person_id)
        .outerjoin(Account, Account.person_id == Person.id)
        .where(Membership.organisation_id == organisation_id, holds_on(Membership, on))
        .order_by(Person.name, Person.id)
    )
    return [Member(*row) for row in rows]


def get_organisation(session: Session, organisation_id: UUID) -> Organisation:
    organisation = session.get(Organisation, organisation_id)
    if organisation is None:
        raise NotFound("There is no such organisation.")
    return organisation
