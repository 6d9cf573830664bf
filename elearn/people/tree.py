"""Organisations as a tree: what lies below a node, what above it, who employs, and who is placed there."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people.dated import holds_on
from elearn.people.models import EMPLOYERS, Membership, Organisation, OrganisationTree, Placement


def below(session: Session, ids: Collection[UUID]) -> frozenset[UUID]:
    """These nodes and all that lie below them."""
    if not ids:
        return frozenset()
    rows = session.scalars(
        sa.select(OrganisationTree.below_id).where(OrganisationTree.above_id.in_(list(ids))).distinct()
    )
    return frozenset(ids) | frozenset(rows)


def lies_in(session: Session, node_id: UUID, ids: Collection[UUID]) -> bool:
    """Whether the node is one of these or lies below one."""
    if node_id in ids:
        return True
    found = sa.select(sa.literal(True)).where(
        OrganisationTree.below_id == node_id, OrganisationTree.above_id.in_(list(ids))
    )
    return bool(ids) and bool(session.scalar(found.limit(1)))


def above(session: Session, node_id: UUID) -> list[Organisation]:
    """From the top of the tree down to the node itself."""
    return list(
        session.scalars(
            sa.select(Organisation)
            .join(OrganisationTree, OrganisationTree.above_id == Organisation.id)
            .where(OrganisationTree.below_id == node_id)
            .order_by(OrganisationTree.depth.desc())
        )
    )


def employer_of(session: Session, unit_id: UUID) -> Organisation | None:
    """The nearest group or enterprise at or above the unit; None: an institution's, or no such node."""
    return session.scalar(
        sa.select(Organisation)
        .join(OrganisationTree, OrganisationTree.above_id == Organisation.id)
        .where(OrganisationTree.below_id == unit_id, Organisation.level.in_([one.value for one in EMPLOYERS]))
        .order_by(OrganisationTree.depth)
        .limit(1)
    )


def employing(session: Session, node_id: UUID) -> list[UUID]:
    """Whose members may stand in the node: the employers in it and those above it, or the institution itself."""
    lines = (
        (OrganisationTree.below_id, OrganisationTree.above_id == node_id),
        (OrganisationTree.above_id, OrganisationTree.below_id == node_id),
    )
    found = [
        sa.select(end)
        .join(Organisation, Organisation.id == end)
        .where(side, Organisation.level.is_(None) | Organisation.level.in_([one.value for one in EMPLOYERS]))
        for end, side in lines
    ]
    return list(session.scalars(sa.union(*found)))


def placed_in(node_id: UUID, *, on: date) -> sa.Select[UUID]:
    """Memberships that stand in the node or below it on a day: `Membership.id.in_(placed_in(...))`."""
    return (
        sa.select(Placement.membership_id)
        .join(OrganisationTree, OrganisationTree.below_id == Placement.unit_id)
        .join(Membership, Membership.id == Placement.membership_id)
        .where(
            OrganisationTree.above_id == node_id,
            holds_on(Placement, on),
            holds_on(Membership, on),
        )
    )


def paths(session: Session, ids: Collection[UUID]) -> dict[UUID, list[tuple[UUID, str]]]:
    """For each node the ids and names from the top of its tree down to itself: one query."""
    rows = session.execute(
        sa.select(OrganisationTree.below_id, Organisation.id, Organisation.name)
        .join(Organisation, Organisation.id == OrganisationTree.above_id)
        .where(OrganisationTree.below_id.in_(list(ids)))
        .order_by(OrganisationTree.depth.desc())
    )
    found: dict[UUID, list[tuple[UUID, str]]] = {}
    for below_id, above_id, name in rows:
        found.setdefault(below_id, []).append((above_id, name))
    return found


def find(session: Session, text: str, tops: Collection[UUID] | None, *, most: int) -> list[Organisation]:
    """Open nodes whose name holds the text, at or below these (None: anywhere), by name."""
    query = sa.select(Organisation).where(
        Organisation.closed_at.is_(None), Organisation.name.icontains(text, autoescape=True)
    )
    if tops is not None:
        inside = sa.select(OrganisationTree.below_id).where(OrganisationTree.above_id.in_(list(tops)))
        query = query.where(Organisation.id.in_(inside))
    return list(session.scalars(query.order_by(Organisation.name, Organisation.id).limit(most)))
