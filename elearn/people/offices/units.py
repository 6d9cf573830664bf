"""An enterprise's tree changes: a unit more, another name, another place, one closed. Each change is recorded.

Who may is asked at the door (`require_in`). Dated facts hang on units: nobody's placement, also no past one, may come
to lie below another employer, because that one would then read who worked for the first.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import organisations, tree
from elearn.people.dated import holds_on
from elearn.people.identity import check_credit_code
from elearn.people.models import (
    Membership,
    Organisation,
    OrganisationKind,
    OrganisationLevel,
    OrganisationTree,
    Placement,
)
from elearn.people.offices.models import Change, Invitation, OrganisationAct
from elearn.people.registry import checked_name, checked_region, unless_taken

MOST_SHOWN = 300


@dataclass(slots=True)
class Node:
    """A unit in the tree as its page shows it."""

    id: UUID
    name: str
    level: OrganisationLevel | None
    closed: bool
    depth: int
    people: int
    """Placed in it or below it today."""
    hidden: int = 0
    """Units below it that are left off."""
    children: list[Node] = field(default_factory=list)


def subtree(session: Session, node_id: UUID, *, on: date, most: int = MOST_SHOWN) -> Node:
    """The node with what lies below it, by name, closed units last: one query. Raises NotFound.

    Of a large tree whole levels are left off from below, so that about `most` units are left.
    """
    placed = _placed_at(node_id, on)
    rows = session.execute(
        sa.select(Organisation, OrganisationTree.depth, sa.func.coalesce(placed.c.people, 0))
        .join(Organisation, Organisation.id == OrganisationTree.below_id)
        .outerjoin(placed, placed.c.unit_id == Organisation.id)
        .where(OrganisationTree.above_id == node_id)
        .order_by(OrganisationTree.depth, Organisation.closed_at.is_not(None), Organisation.name, Organisation.id)
    ).all()
    if not rows:
        raise NotFound("There is no such organisation.")
    nodes = {
        one.id: Node(one.id, one.name, one.level, one.closed_at is not None, depth, people)
        for one, depth, people in rows
    }
    deepest = _deepest_shown([depth for _one, depth, _people in rows], most)
    for one, depth, _people in reversed(rows):
        if depth == 0:
            continue
        node, above = nodes[one.id], nodes[one.parent_id]
        above.people += node.people
        if depth <= deepest:
            above.children.insert(0, node)
        else:
            above.hidden += 1 + node.hidden
    return nodes[node_id]


def _deepest_shown(depths: Collection[int], most: int) -> int:
    """Always one level below the node itself."""
    deepest = max(depths)
    while deepest > 1 and sum(depth <= deepest for depth in depths) > most:
        deepest -= 1
    return deepest


def _placed_at(node_id: UUID, on: date) -> sa.Subquery:
    return (
        sa.select(Placement.unit_id, sa.func.count().label("people"))
        .where(
            Placement.unit_id.in_(sa.select(OrganisationTree.below_id).where(OrganisationTree.above_id == node_id)),
            holds_on(Placement, on),
        )
        .group_by(Placement.unit_id)
        .subquery()
    )


def add(
    session: Session,
    *,
    kind: OrganisationKind,
    level: OrganisationLevel | None,
    parent_id: UUID | None,
    name: str,
    credit_code: str | None = None,
    region: str | None = None,
    by: UUID | None,
    at: datetime,
) -> Organisation:
    """A new unit, or a new top of a tree. Raises as `organisations.add_organisation`; Conflict `closed`."""
    above = "" if parent_id is None else _open(session, parent_id).name
    made = organisations.add_organisation(
        session, kind=kind, level=level, parent_id=parent_id, name=name, credit_code=credit_code, region=region, at=at
    )
    _record(session, made.id, Change.OPENED, above, made.name, by, at)
    return made


def change(
    session: Session,
    organisation_id: UUID,
    *,
    name: str,
    credit_code: str,
    region: str,
    by: UUID | None,
    at: datetime,
) -> bool:
    """Name, unified social credit code and region (empty: none). Whether the code's check character holds.

    Raises Malformed; Conflict `already_registered`, `closed`; NotFound.
    """
    found = _open(session, organisation_id, change=True)
    code, holds = check_credit_code(credit_code) if credit_code.strip() else (None, True)
    wanted = {
        "name": (Change.RENAMED, checked_name(name)),
        "credit_code": (Change.CREDIT_CODE, code),
        "region": (Change.REGION, checked_region(region.strip() or None)),
    }
    with unless_taken(
        session,
        "uq_organisation_credit_code",
        "An organisation with this credit code is already registered.",
        "already_registered",
    ):
        for field, (what, new) in wanted.items():
            old = getattr(found, field)
            if old != new:
                setattr(found, field, new)
                _record(session, organisation_id, what, old or "", new or "", by, at)
    return holds


def move(session: Session, organisation_id: UUID, parent_id: UUID, *, by: UUID | None, at: datetime) -> None:
    """The unit, with all below it, lies below another one from now on. The same again changes nothing.

    Raises Malformed `level`, `circle`; Conflict `closed`, `people`; NotFound.
    """
    # Moves wait for each other here, as the trigger that keeps the tree makes them: two at once make no circle.
    session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('elearn.organisation_tree'))"))
    found = _open(session, organisation_id, change=True)
    if found.parent_id == parent_id:
        return
    parent = _open(session, parent_id)
    if not organisations.lies_below(found.level, parent.level, parent_id):
        raise Malformed("A unit of this level cannot stand there.", code="level")
    if tree.lies_in(session, parent_id, [organisation_id]):
        raise Malformed("A unit cannot lie below itself.", code="circle")
    if _employs_from_elsewhere(session, organisation_id, parent_id):
        raise Conflict(
            "People of its employer are or were placed there, so it stays with that employer.", code="people"
        )
    before = "" if found.parent_id is None else organisations.get_organisation(session, found.parent_id).name
    found.parent_id = parent_id
    session.flush()
    _record(session, organisation_id, Change.MOVED, before, parent.name, by, at)


def close(session: Session, organisation_id: UUID, *, by: UUID | None, at: datetime, on: date) -> None:
    """The unit is no more; its past stays to be read, and links into it open nothing. Closing again changes nothing.

    Raises Conflict `people`: somebody is placed there, or will be; `units`: open ones lie below it; NotFound.
    """
    found = session.get(Organisation, organisation_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound("There is no such organisation.")
    if found.closed_at is not None:
        return
    child = sa.select(Organisation.id).where(
        Organisation.parent_id == organisation_id, Organisation.closed_at.is_(None)
    )
    if session.scalar(child.limit(1)) is not None:
        raise Conflict("There are open units below it. Close or move those first.", code="units")
    placed = sa.select(Placement.id).where(
        Placement.unit_id == organisation_id, sa.or_(Placement.to_on.is_(None), Placement.to_on > on)
    )
    employed = sa.select(Membership.id).where(
        Membership.organisation_id == organisation_id, sa.or_(Membership.to_on.is_(None), Membership.to_on > on)
    )
    if session.scalar(placed.limit(1)) is not None or session.scalar(employed.limit(1)) is not None:
        raise Conflict("People are placed there. Move them first.", code="people")
    found.closed_at = at
    session.execute(
        sa.update(Invitation)
        .where(
            Invitation.organisation_id == organisation_id,
            Invitation.used_at.is_(None),
            Invitation.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=at, withdrawn_by=by, for_whom="")
    )
    _record(session, organisation_id, Change.CLOSED, "", found.name, by, at)


def _employs_from_elsewhere(session: Session, moved_id: UUID, parent_id: UUID) -> bool:
    """Whether somebody is or was placed in it whose employer lies neither inside it nor at or above its new place."""
    inside = sa.select(OrganisationTree.below_id).where(OrganisationTree.above_id == moved_id)
    above = sa.select(OrganisationTree.above_id).where(OrganisationTree.below_id == parent_id)
    left_behind = (
        sa.select(sa.literal(True))
        .select_from(Placement)
        .join(Membership, Membership.id == Placement.membership_id)
        .where(
            Placement.unit_id.in_(inside),
            Membership.organisation_id.not_in(inside),
            Membership.organisation_id.not_in(above),
        )
    )
    return bool(session.scalar(left_behind.limit(1)))


def _open(session: Session, organisation_id: UUID, *, change: bool = False) -> Organisation:
    """Locked, so that nobody closes it meanwhile (no harder than a foreign key locks it, unless it is changed).

    Raises NotFound, Conflict `closed`.
    """
    lock = {"key_share": True, "read": not change}
    found = session.get(Organisation, organisation_id, with_for_update=lock, populate_existing=True)
    if found is None:
        raise NotFound("There is no such organisation.")
    if found.closed_at is not None:
        raise Conflict("This organisation is closed.", code="closed")
    return found


def _record(
    session: Session, organisation_id: UUID, what: Change, before: str, after: str, by: UUID | None, at: datetime
) -> None:
    session.add(
        OrganisationAct(organisation_id=organisation_id, change=what.value, before=before, after=after, by_id=by, at=at)
    )
    session.flush()
