"""Roles: granted to an account, within an organisation or a region where the role asks for one, and revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Malformed, NotFound
from elearn.people.models import Account, Role, RoleGrant
from elearn.people.organisations import get_organisation
from elearn.people.permissions import REACH, Reach
from elearn.people.registry import checked_region, unless_taken


def grant_role(
    session: Session,
    account_id: UUID,
    role: Role,
    *,
    organisation_id: UUID | None = None,
    region: str | None = None,
    at: datetime,
    by: UUID | None = None,
) -> RoleGrant:
    """The account holds a role from now on, in force with its next request.

    Raises Malformed when the role asks for an organisation or region that is not named, or the other way round;
    NotFound; Conflict `already_granted`.
    """
    wanted = REACH[role]
    if (organisation_id is not None) != (wanted is Reach.ORGANISATION) or (region is not None) != (
        wanted is Reach.REGION
    ):
        raise Malformed(wanted.value, code="reach")
    if session.get(Account, account_id) is None:
        raise NotFound("There is no such account.")
    if organisation_id is not None:
        get_organisation(session, organisation_id)
    grant = RoleGrant(
        account_id=account_id,
        role=role,
        organisation_id=organisation_id,
        region=checked_region(region),
        granted_at=at,
        granted_by=by,
    )
    with unless_taken(session, "uq_role_grant_live", "The account holds this role already.", "already_granted"):
        session.add(grant)
    return grant


def revoke_role(
    session: Session,
    account_id: UUID,
    role: Role,
    *,
    organisation_id: UUID | None = None,
    region: str | None = None,
    at: datetime,
    by: UUID | None = None,
) -> None:
    """The account no longer holds the role, from its next request on. Raises NotFound."""
    revoked = session.execute(
        sa.update(RoleGrant)
        .where(
            RoleGrant.account_id == account_id,
            RoleGrant.role == role,
            RoleGrant.organisation_id.is_not_distinct_from(organisation_id),
            RoleGrant.region.is_not_distinct_from(region),
            RoleGrant.revoked_at.is_(None),
        )
        .values(revoked_at=at, revoked_by=by)
        .returning(RoleGrant.id)
    )
    if revoked.first() is None:
        raise NotFound("The account does not hold this role.")


def list_grants(session: Session, account_id: UUID | None = None) -> Sequence[RoleGrant]:
    """The live grants, of one account or of all, oldest first."""
    query = sa.select(RoleGrant).where(RoleGrant.revoked_at.is_(None)).order_by(RoleGrant.granted_at, RoleGrant.id)
    if account_id is not None:
        query = query.where(RoleGrant.account_id == account_id)
    return session.scalars(query).all()
