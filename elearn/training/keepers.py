"""Who is told what concerns a unit of an enterprise: whoever holds a role there or above it."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people.models import Account, OrganisationTree, Role, RoleGrant

KEEPS = frozenset({Role.ENTERPRISE_CLERK, Role.SAFETY_MANAGER})
"""Who keeps people, certificates and plans."""


def keepers(
    session: Session, organisation_ids: Collection[UUID], roles: Collection[Role] = KEEPS
) -> dict[UUID, list[UUID]]:
    """Of each unit the people who hold one of `roles` over it today: one query."""
    rows = session.execute(
        sa.select(OrganisationTree.below_id, Account.person_id)
        .join(RoleGrant, RoleGrant.organisation_id == OrganisationTree.above_id)
        .join(Account, Account.id == RoleGrant.account_id)
        .where(
            OrganisationTree.below_id.in_(list(organisation_ids)),
            RoleGrant.role.in_([one.value for one in roles]),
            RoleGrant.revoked_at.is_(None),
            Account.closed_at.is_(None),
        )
        .distinct()
        .order_by(OrganisationTree.below_id, Account.person_id)
    )
    found: dict[UUID, list[UUID]] = {}
    for unit_id, person_id in rows:
        found.setdefault(unit_id, []).append(person_id)
    return found
