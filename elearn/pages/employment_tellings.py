"""Who is told of joining and leaving: the nearest clerks, and the worker. Messages name no other person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people.joining.models import Joining, JoiningLink, State
from elearn.people.models import Account, Membership, Organisation, OrganisationTree, Placement, RoleGrant
from elearn.people.permissions import ENTERPRISE_STAFF
from elearn.people.registry import local_day
from elearn.training.telling import messages
from elearn.training.telling.messages import Kind, Telling


def staff_near(session: Session, unit_id: UUID) -> Sequence[UUID]:
    """Persons who keep the people of a unit: at the nearest node at or above it where somebody does."""
    held = (
        sa.select(Account.person_id, OrganisationTree.depth)
        .join(RoleGrant, RoleGrant.account_id == Account.id)
        .join(OrganisationTree, OrganisationTree.above_id == RoleGrant.organisation_id)
        .where(
            OrganisationTree.below_id == unit_id,
            RoleGrant.role.in_(ENTERPRISE_STAFF.roles),
            RoleGrant.revoked_at.is_(None),
            Account.closed_at.is_(None),
        )
        .distinct()
    ).subquery()
    nearest = sa.select(sa.func.min(held.c.depth)).scalar_subquery()
    return session.scalars(sa.select(held.c.person_id).where(held.c.depth == nearest)).all()


def join_asked(session: Session, link: JoiningLink, employer: Organisation, *, at: datetime) -> None:
    """Somebody waits: said to the clerks once a day for each link."""
    waiting = (
        session.scalar(
            sa.select(sa.func.count()).where(Joining.link_id == link.id, Joining.state == State.WAITING.value)
        )
        or 0
    )
    facts = {"organisation": employer.name, "count": waiting}
    cause = f"{link.id} {local_day(at).isoformat()}"
    messages.tell(
        session,
        [Telling(one, Kind.JOIN_ASKED, cause, facts, employer.id) for one in staff_near(session, link.unit_id)],
        at=at,
    )


def decided(session: Session, came: Joining, employer: Organisation, *, at: datetime) -> None:
    """The worker hears what the clerk decided."""
    kind = Kind.JOINED if came.state == State.JOINED else Kind.JOIN_REFUSED
    messages.tell(
        session, [Telling(came.person_id, kind, str(came.id), {"organisation": employer.name}, employer.id)], at=at
    )


def left(session: Session, membership: Membership, employer: Organisation, last_on: date, *, at: datetime) -> None:
    """The clerks of where the member stood hear that somebody left of their own accord."""
    unit_id = session.scalar(
        sa.select(Placement.unit_id)
        .where(Placement.membership_id == membership.id)
        .order_by(Placement.from_on.desc())
        .limit(1)
    )
    facts = {"organisation": employer.name, "last_on": last_on.isoformat()}
    near = staff_near(session, unit_id or employer.id)
    messages.tell(session, [Telling(one, Kind.LEFT, str(membership.id), facts, employer.id) for one in near], at=at)
