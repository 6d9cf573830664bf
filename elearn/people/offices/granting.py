"""Roles given and taken on a page: who holds which where, to whom one may be given, and the history of both.

`rules.py` decides. A role is given to somebody who stands where the giver may see people; anybody else comes by an
invitation, so that no giver learns from this page who has an account.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Conflict, DomainError, Forbidden, Malformed, NotFound
from elearn.people import tree
from elearn.people.callers import Caller, caller_of
from elearn.people.dated import holds_on
from elearn.people.models import (
    Account,
    Membership,
    Organisation,
    OrganisationTree,
    Person,
    Placement,
    Role,
    RoleGrant,
)
from elearn.people.naming import called
from elearn.people.offices import rules
from elearn.people.offices.models import OrganisationAct
from elearn.people.offices.rules import SENTENCES, No, Place
from elearn.people.organisations import get_organisation
from elearn.people.roles import grant_role
from elearn.people.signin import live_as_staff

MOST_FOUND = 20
MOST_HOLDERS = 200


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who holds a role."""

    grant_id: UUID
    account_id: UUID
    name: str
    role: Role
    organisation_id: UUID
    organisation: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody to whom a role may be given."""

    account_id: UUID
    name: str
    post: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done in a part of the tree: `given` or `taken` (`what` a role), or a change of a unit."""

    at: datetime
    did: str
    what: str
    who: str
    """Whom it was about; empty: a unit."""
    organisation: str
    before: str
    after: str
    by: str
    """Empty: from the command line, or erased since."""


def place_of(session: Session, organisation_id: UUID) -> Place:
    """Raises NotFound."""
    found = get_organisation(session, organisation_id)
    above = session.scalars(
        sa.select(OrganisationTree.above_id).where(OrganisationTree.below_id == organisation_id)
    ).all()
    return Place(found.id, found.kind, frozenset(above) | {found.id}, found.closed_at is not None)


def refusal(no: No) -> DomainError:
    """Why it is refused, in words."""
    kinds: dict[No, type[DomainError]] = {No.NOT_YOURS: Forbidden, No.DOES_NOT_FIT: Malformed}
    return kinds.get(no, Conflict)(SENTENCES[no], code=no.value)


def holders(session: Session, organisation_id: UUID) -> list[Holder]:
    """Who holds which role there or below, nearest first; at most 200."""
    rows = session.execute(
        sa.select(
            RoleGrant.id, Account.id, Person.name, RoleGrant.role, Organisation.id, Organisation.name,
            RoleGrant.granted_at,
        )
        .join(OrganisationTree, OrganisationTree.below_id == RoleGrant.organisation_id)
        .join(Organisation, Organisation.id == RoleGrant.organisation_id)
        .join(Account, Account.id == RoleGrant.account_id)
        .join(Person, Person.id == Account.person_id)
        .where(
            OrganisationTree.above_id == organisation_id, RoleGrant.revoked_at.is_(None), Account.closed_at.is_(None)
        )
        .order_by(OrganisationTree.depth, Organisation.name, RoleGrant.role, Person.name, RoleGrant.id)
        .limit(MOST_HOLDERS)
    )  # fmt: skip
    return [Holder(*row) for row in rows]


def candidates(session: Session, caller: Caller, organisation_id: UUID, name: str, *, on: date) -> list[Candidate]:
    """People of this name with an account who stand today where the caller may give this place's roles; at most 20.

    An operator sees no organisation's people: they invite.
    """
    seen = _tops(session, caller, organisation_id)
    if not seen or not name.strip():
        return []
    rows = session.execute(
        _standing(seen, on)
        .with_only_columns(Account.id, Person.name, Placement.post)
        .where(called(name.strip()))
        .order_by(Person.name, Account.id)
        .limit(MOST_FOUND)
    )
    return [Candidate(*row) for row in rows]


def give(
    session: Session, caller: Caller, account_id: UUID, role: Role, organisation_id: UUID, *, on: date, at: datetime
) -> RoleGrant:
    """The account holds the role there from now on.

    Raises NotFound: the caller sees no such account; Forbidden, Malformed, Conflict (`refusal`, `already_granted`).
    """
    no = rules.why_not_give(caller.grants, role, place_of(session, organisation_id))
    if no is not None:
        raise refusal(no)
    stands = _standing(_tops(session, caller, organisation_id), on).with_only_columns(Account.id)
    if session.scalar(stands.where(Account.id == account_id).limit(1)) is None:
        raise NotFound("There is no such account.")
    made = grant_role(session, account_id, role, organisation_id=organisation_id, at=at, by=caller.id)
    live_as_staff(session, account_id, at=at)
    return made


def own_grant(session: Session, organisation_id: UUID, grant_id: UUID) -> RoleGrant:
    """A live grant at or below the organisation. Raises NotFound."""
    found = session.scalar(
        sa.select(RoleGrant)
        .join(OrganisationTree, OrganisationTree.below_id == RoleGrant.organisation_id)
        .where(OrganisationTree.above_id == organisation_id, RoleGrant.id == grant_id, RoleGrant.revoked_at.is_(None))
    )
    if found is None:
        raise NotFound("The account does not hold this role.")
    return found


def take(session: Session, caller: Caller, grant_id: UUID, organisation_id: UUID, *, at: datetime) -> RoleGrant:
    """The role there, or below, is withdrawn. Two heads who withdraw each other at once: the second is refused.

    Raises NotFound; Forbidden, Conflict (`refusal`).
    """
    found = own_grant(session, organisation_id, grant_id)
    assert found.organisation_id is not None  # joined by it
    # Whoever gives or takes roles of this place waits here; what the caller holds is read after that.
    session.execute(
        sa.select(Organisation.id).where(Organisation.id == found.organisation_id).with_for_update(key_share=True)
    )
    session.refresh(found)
    present = caller_of(session, caller.id)
    if found.revoked_at is not None or present is None:
        raise NotFound("The account does not hold this role.")
    others = session.scalar(
        sa.select(sa.func.count())
        .select_from(RoleGrant)
        .join(Account, Account.id == RoleGrant.account_id)
        .where(
            RoleGrant.organisation_id == found.organisation_id,
            RoleGrant.role == found.role,
            RoleGrant.revoked_at.is_(None),
            RoleGrant.id != found.id,
            Account.closed_at.is_(None),
        )
    )
    place = place_of(session, found.organisation_id)
    no = rules.why_not_take(present.grants, found.role, place, others=others or 0)
    if no is not None:
        raise refusal(no)
    found.revoked_at, found.revoked_by = at, caller.id
    session.flush()
    return found


def history(session: Session, organisation_id: UUID, *, most: int, offset: int = 0) -> list[Event]:
    """What was done at the node or below it, newest first."""
    inside = sa.select(OrganisationTree.below_id).where(OrganisationTree.above_id == organisation_id)
    by_account, by_person = sa.orm.aliased(Account), sa.orm.aliased(Person)
    empty = sa.literal("")

    def grants(did: str, at: Any, by: Any) -> sa.Select[Any]:
        return (
            sa.select(
                at.label("at"), sa.literal(did).label("did"), sa.cast(RoleGrant.role, sa.Text).label("what"),
                Person.name.label("who"), RoleGrant.organisation_id.label("place"), empty.label("before"),
                empty.label("after"), by.label("by"),
            )
            .join(Account, Account.id == RoleGrant.account_id)
            .join(Person, Person.id == Account.person_id)
            .where(RoleGrant.organisation_id.in_(inside), at.is_not(None))
        )  # fmt: skip

    acts: Any = sa.select(
        OrganisationAct.at, OrganisationAct.change, empty, empty, OrganisationAct.organisation_id,
        OrganisationAct.before, OrganisationAct.after, OrganisationAct.by_id,
    ).where(OrganisationAct.organisation_id.in_(inside))  # fmt: skip
    whole = sa.union_all(
        grants("given", RoleGrant.granted_at, RoleGrant.granted_by),
        grants("taken", RoleGrant.revoked_at, RoleGrant.revoked_by),
        acts,
    ).subquery()
    rows = session.execute(
        sa.select(
            whole.c.at, whole.c.did, whole.c.what, whole.c.who, Organisation.name, whole.c.before, whole.c.after,
            sa.func.coalesce(by_person.name, ""),
        )
        .join(Organisation, Organisation.id == whole.c.place)
        .outerjoin(by_account, by_account.id == whole.c.by)
        .outerjoin(by_person, by_person.id == by_account.person_id)
        .order_by(whole.c.at.desc(), whole.c.did, whole.c.who)
        .limit(most)
        .offset(offset)
    )  # fmt: skip
    return [Event(*row) for row in rows]


def _tops(session: Session, caller: Caller, organisation_id: UUID) -> frozenset[UUID]:
    """The nodes at or above the place in which the caller holds a role that gives roles."""
    above = place_of(session, organisation_id).above
    return frozenset(
        one.organisation_id for one in caller.grants if one.role in rules.GIVES and one.organisation_id in above
    )


def _standing(tops: frozenset[UUID], on: date) -> sa.Select[UUID]:
    """Open accounts of people who stand at or below these nodes on a day."""
    members = sa.or_(*(Membership.id.in_(tree.placed_in(one, on=on)) for one in sorted(tops))) if tops else sa.false()
    return (
        sa.select(Account.id)
        .select_from(Membership)
        .join(Person, Person.id == Membership.person_id)
        .join(Account, Account.person_id == Person.id)
        .outerjoin(
            Placement,
            sa.and_(
                Placement.membership_id == Membership.id,
                holds_on(Placement, on),
            ),
        )
        .where(members, Account.closed_at.is_(None))
    )
