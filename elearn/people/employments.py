"""Employments one by one: a worker's own, those that a clerk reaches, and what is done to them, each act on record."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import acts, placements
from elearn.people.acts import Act, Reason
from elearn.people.dated import holds_on
from elearn.people.models import (
    Absence,
    EmploymentKind,
    Membership,
    Organisation,
    OrganisationTree,
    Placement,
)
from elearn.people.registry import local_day


@dataclass(frozen=True, slots=True)
class Employment:
    """A membership with the employer, where the member stands now (or stood last), and whether they are away."""

    membership: Membership
    employer: Organisation
    placement: Placement | None
    away: Absence | None

    def holds_on(self, on: date) -> bool:
        end = self.membership.to_on
        return self.membership.from_on <= on and (end is None or end >= on)


def own(session: Session, person_id: UUID, *, on: date) -> list[Employment]:
    """Every employment of a person, for that person's own eyes: those that hold first, then the newest."""
    found = _read(session, Membership.person_id == person_id, on)
    return sorted(found, key=lambda one: (not one.holds_on(on), -one.membership.from_on.toordinal()))


def reached(session: Session, person_id: UUID, tops: Collection[UUID], *, on: date) -> list[Employment]:
    """Those of a person's employments whose member stands (or stood last) in one of these subtrees, the newest first.

    Nothing of any other: who is asked here learns not even whether there are others.
    """
    found = [one for one in _read(session, Membership.person_id == person_id, on) if one.placement is not None]
    inside = set(
        session.scalars(
            sa.select(OrganisationTree.below_id).where(
                OrganisationTree.above_id.in_(list(tops)),
                OrganisationTree.below_id.in_([one.placement.unit_id for one in found if one.placement]),
            )
        )
    )
    chosen = [one for one in found if one.placement is not None and one.placement.unit_id in inside]
    return sorted(chosen, key=lambda one: one.membership.from_on, reverse=True)


def history(
    session: Session, membership_ids: Sequence[UUID]
) -> tuple[dict[UUID, list[Placement]], dict[UUID, list[Absence]]]:
    """Placements and absences of these, the newest first: two queries."""
    stood: dict[UUID, list[Placement]] = {one: [] for one in membership_ids}
    away: dict[UUID, list[Absence]] = {one: [] for one in membership_ids}
    for place in session.scalars(
        sa.select(Placement).where(Placement.membership_id.in_(membership_ids)).order_by(Placement.from_on.desc())
    ):
        stood[place.membership_id].append(place)
    for gap in session.scalars(
        sa.select(Absence).where(Absence.membership_id.in_(membership_ids)).order_by(Absence.from_on.desc())
    ):
        away[gap.membership_id].append(gap)
    return stood, away


def move(
    session: Session,
    membership_id: UUID,
    *,
    unit_id: UUID,
    post: str,
    category: str | None,
    from_on: date,
    reason: Reason,
    by: UUID,
    at: datetime,
) -> bool:
    """Another unit or post from a day on (转岗); False: nothing was different. Raises what `placements.move` does."""
    before = session.scalar(
        sa.select(Placement).where(Placement.membership_id == membership_id).order_by(Placement.from_on.desc()).limit(1)
    )
    stood = None if before is None else (before.id, before.unit_id, before.post, before.category)
    after = placements.move(
        session, membership_id, unit_id=unit_id, post=post, category=category, from_on=from_on, at=at
    )
    if (after.id, after.unit_id, after.post, after.category) == stood:
        return False
    acts.record(session, membership_id, Act.MOVED, from_on, reason=reason, by=by, at=at)
    return True


def go_away(session: Session, membership_id: UUID, from_on: date, *, reason: Reason, by: UUID, at: datetime) -> None:
    """Away from this day on (离岗). Raises what `placements.go_away` does."""
    placements.go_away(session, membership_id, from_on, at=at)
    acts.record(session, membership_id, Act.AWAY, from_on, reason=reason, by=by, at=at)


def come_back(session: Session, membership_id: UUID, back_on: date, *, by: UUID, at: datetime) -> None:
    """Raises what `placements.come_back` does."""
    placements.come_back(session, membership_id, back_on)
    acts.record(session, membership_id, Act.BACK, back_on, by=by, at=at)


def end(session: Session, membership_id: UUID, last_on: date, *, reason: Reason, by: UUID, at: datetime) -> None:
    """The employer ends it with this day. Raises NotFound, Malformed `dates`."""
    _end(session, membership_id, last_on)
    acts.record(session, membership_id, Act.ENDED, last_on, reason=reason, by=by, at=at)


def note_firm(session: Session, membership_id: UUID, firm: str, *, by: UUID, at: datetime) -> bool:
    """Which firm sent them; empty: none. False: it was so already. Raises NotFound, Malformed `firm`."""
    membership = session.get(Membership, membership_id, with_for_update=True)
    if membership is None:
        raise NotFound("There is no such employment.")
    said = placements.checked_firm(firm)
    if membership.firm == said:
        return False
    membership.firm = said
    acts.record(session, membership_id, Act.FIRM, local_day(at), by=by, at=at)
    return True


def leave(session: Session, membership_id: UUID, person_id: UUID, *, at: datetime) -> Membership:
    """A worker leaves a flexible employment: today is the last day of it.

    Raises NotFound: it is not theirs, or over; Conflict `not_flexible`: another kind is ended with the employer.
    """
    membership = session.get(Membership, membership_id, with_for_update=True)
    today = local_day(at)
    if membership is None or membership.person_id != person_id or membership.from_on > today:
        raise NotFound("There is no such employment.")
    if membership.to_on is not None and membership.to_on <= today:
        raise NotFound("There is no such employment.")
    if membership.kind is not EmploymentKind.FLEXIBLE:
        raise Conflict("This employment is ended together with the employer.", code="not_flexible")
    _end(session, membership_id, today)
    acts.record(session, membership_id, Act.LEFT, today, by=person_id, at=at)
    return membership


def _end(session: Session, membership_id: UUID, last_on: date) -> None:
    membership = session.get(Membership, membership_id, with_for_update=True)
    if membership is None:
        raise NotFound("There is no such employment.")
    if last_on < membership.from_on:
        raise Malformed("The last day is before the first.", code="dates")
    if membership.to_on is not None and membership.to_on <= last_on:
        raise Malformed("This employment ends before that day already.", code="dates")
    membership.to_on = last_on
    placements.end(session, membership_id, last_on)


def _read(session: Session, chosen: sa.ColumnElement[bool], on: date) -> list[Employment]:
    """One query: each with the placement of the day, else the nearest."""
    now = (
        sa.select(Placement.id)
        .where(Placement.membership_id == Membership.id)
        .order_by(
            (Placement.from_on > on), sa.case((Placement.from_on > on, Placement.from_on)), Placement.from_on.desc()
        )
        .limit(1)
        .correlate(Membership)
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(Membership, Organisation, Placement, Absence)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .outerjoin(Placement, Placement.id == now)
        .outerjoin(
            Absence,
            (Absence.membership_id == Membership.id) & holds_on(Absence, on),
        )
        .where(chosen)
    )
    return [Employment(*row) for row in rows]
