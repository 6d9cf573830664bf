"""Where a member stands in the employer's tree, at what post, and when they were away. Each change has its day.

A change of post (转岗) ends one placement the day before the next begins; what was stays to be read, because rules ask
of a day: which post somebody held then, and for how long they had been away when they came back (RULES 2.1).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Conflict, Malformed, NotFound
from elearn.people.dated import holds_on
from elearn.people.models import Absence, Membership, Organisation, OrganisationTree, Placement

MAX_POST = MAX_FIRM = 100
DAY = timedelta(days=1)


def placement_on(session: Session, membership_id: UUID, on: date) -> Placement | None:
    """Where the member stood on a day."""
    return session.scalar(
        sa.select(Placement).where(
            Placement.membership_id == membership_id,
            holds_on(Placement, on),
        )
    )


def move(
    session: Session,
    membership_id: UUID,
    *,
    unit_id: UUID,
    post: str,
    category: str | None,
    from_on: date,
    at: datetime,
) -> Placement:
    """The member stands there from this day on. The same unit, post and category again change nothing.

    Said for the day on which the present one began, it is a correction of that one.
    Raises NotFound (no such unit of this employer), Malformed `dates`: before the present placement, or after the
    membership's end; `post`; Conflict `not_a_member`: it has ended.
    """
    membership = _open_membership(session, membership_id)
    _require_unit(session, membership, unit_id)
    said = checked_post(post)
    present = session.scalar(
        sa.select(Placement)
        .where(Placement.membership_id == membership_id)
        .order_by(Placement.from_on.desc())
        .limit(1)
        .with_for_update()
    )
    if present is not None:
        if (present.unit_id, present.post, present.category) == (unit_id, said, category):
            return present
        if from_on < present.from_on:
            raise Malformed("The change lies before the present post began.", code="dates")
    if from_on < membership.from_on or (membership.to_on is not None and from_on > membership.to_on):
        raise Malformed("The change lies outside the membership.", code="dates")
    if present is not None and present.from_on == from_on:
        present.unit_id, present.post, present.category = unit_id, said, category
        session.flush()
        return present
    if present is not None:
        present.to_on = from_on - DAY
        session.flush()
    made = Placement(
        membership_id=membership_id,
        unit_id=unit_id,
        post=said,
        category=category,
        from_on=from_on,
        to_on=membership.to_on,
        created_at=at,
    )
    session.add(made)
    session.flush()
    return made


def go_away(session: Session, membership_id: UUID, from_on: date, *, at: datetime) -> Absence:
    """The member is away from this day on. Raises Conflict `away`, `not_a_member`; Malformed `dates`; NotFound."""
    membership = _open_membership(session, membership_id)
    if from_on < membership.from_on or (membership.to_on is not None and from_on > membership.to_on):
        raise Malformed("This day lies outside the membership.", code="dates")
    clash = session.scalar(
        sa.select(sa.literal(True)).where(
            Absence.membership_id == membership_id, sa.or_(Absence.to_on.is_(None), Absence.to_on >= from_on)
        )
    )
    if clash:
        raise Conflict("This member is away already.", code="away")
    made = Absence(membership_id=membership_id, from_on=from_on, to_on=None, created_at=at)
    session.add(made)
    session.flush()
    return made


def come_back(session: Session, membership_id: UUID, back_on: date) -> Absence:
    """The member is back on this day: the day before was the last one away. Raises NotFound, Malformed `dates`."""
    _open_membership(session, membership_id)
    away = session.scalar(
        sa.select(Absence).where(Absence.membership_id == membership_id, Absence.to_on.is_(None)).with_for_update()
    )
    if away is None:
        raise NotFound("This member is not away.")
    if back_on <= away.from_on:
        raise Malformed("Nobody is back before they left.", code="dates")
    away.to_on = back_on - DAY
    session.flush()
    return away


def end(session: Session, membership_id: UUID, last_on: date) -> None:
    """The membership ends with this day: what would begin later never does, what goes on ends with it."""
    for table in (Placement, Absence):
        session.execute(sa.delete(table).where(table.membership_id == membership_id, table.from_on > last_on))
        session.execute(
            sa.update(table)
            .where(table.membership_id == membership_id, sa.or_(table.to_on.is_(None), table.to_on > last_on))
            .values(to_on=last_on)
        )
    session.flush()


def checked_post(post: str) -> str:
    """One line of at most 100 characters; may be empty. Raises Malformed `post`."""
    return _one_line(post, MAX_POST, "The name of a post has at most 100 characters.", "post")


def checked_firm(firm: str) -> str:
    """The same of the firm that sent somebody. Raises Malformed `firm`."""
    return _one_line(firm, MAX_FIRM, "The name of a firm has at most 100 characters.", "firm")


def _one_line(text: str, most: int, otherwise: str, code: str) -> str:
    said = " ".join(text.split())
    if len(said) > most:
        raise Malformed(otherwise, code=code)
    return said


def _open_membership(session: Session, membership_id: UUID) -> Membership:
    """Locked: two changes of one member wait for each other."""
    found = session.get(Membership, membership_id, with_for_update=True)
    if found is None:
        raise NotFound("This person does not belong to the organisation.")
    return found


def _require_unit(session: Session, membership: Membership, unit_id: UUID) -> None:
    known = session.scalar(
        sa.select(Organisation.id)
        .join(OrganisationTree, OrganisationTree.below_id == Organisation.id)
        .where(
            OrganisationTree.above_id == membership.organisation_id,
            Organisation.id == unit_id,
            Organisation.closed_at.is_(None),
        )
    )
    if known is None:
        raise NotFound("There is no such unit.")
