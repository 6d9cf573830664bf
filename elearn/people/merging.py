"""One human being who is registered twice: a clerk proposes, an operator confirms, and the duplicate is forgotten.

Ledgers are added to and never changed, and hours stand under the name that earned them. So a person is only merged away
of whom no ledger speaks: nothing watched, no hours, no class at an institution, no record. Then nothing has to be moved
but employments, which go over by the ordinary acts: the duplicate's end today, the same ones begin for the person who
stays, with their own dates; and documents: a passport and an identity card both find the one who stays.
Of two people who both learned neither is merged; that is said, and both stay.

A clerk is told neither what hinders nor which other employers there are: only the operator sees that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from elearn.db import Base, new_id
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.people import acts, persons, placements
from elearn.people.acts import Act
from elearn.people.identity import Keys
from elearn.people.models import Absence, Account, Membership, Person, Placement, Role, RoleGrant
from elearn.people.registry import local_day, unless_taken
from elearn.people.tracing import traces

HARMLESS = frozenset(
    {
        "account", "assignment", "consent", "device", "disclosure", "enrolment", "identity_check", "joining",
        "membership", "message", "other_document", "outgoing", "person_merge", "reminder", "security_key",
        "staff_number", "training_survey_answer", "training_survey_asked",
    }
)  # fmt: skip
"""Tables that may speak of a duplicate: what stands there ends with it. Of every other one it is presumed that a ledger
hangs on it. `enrolment`: of an enterprise's own training, which the end of the employment ends too; classes at
institutions are asked about apart (`enrolled`)."""


class Hindrance(StrEnum):
    """Why a duplicate cannot be merged away."""

    SAME = "same"
    GONE = "gone"
    """One of the two was forgotten."""
    STAFF = "staff"
    """The duplicate holds a role: somebody withdraws it first."""
    LEARNED = "learned"
    """A ledger, or something that may lead to one, speaks of the duplicate."""
    ENROLLED = "enrolled"
    """In a class at an institution."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a merge is judged by."""

    same: bool
    gone: bool
    staff: bool
    tables: frozenset[str]
    """Where the duplicate stands."""
    enrolled: bool


def hindrances(facts: Facts) -> list[Hindrance]:
    """Pure: everything that stands in the way, the gravest first."""
    found = {
        Hindrance.SAME: facts.same,
        Hindrance.GONE: facts.gone,
        Hindrance.STAFF: facts.staff,
        Hindrance.LEARNED: not facts.tables <= HARMLESS,
        Hindrance.ENROLLED: facts.enrolled,
    }
    return [one for one, holds in found.items() if holds]


class PersonMerge(Base):
    """A proposal that one person is another one, and what became of it."""

    __tablename__ = "person_merge"
    __table_args__ = (
        sa.CheckConstraint("kept_id <> gone_id", name="two_people"),
        sa.CheckConstraint("state IN ('open', 'done', 'refused', 'taken_back')", name="state"),
        sa.CheckConstraint("(state = 'open') = (answered_at IS NULL)", name="answered"),
        sa.CheckConstraint("(answered_at IS NULL) = (answered_by IS NULL)", name="answered_whole"),
        sa.CheckConstraint("(state = 'taken_back') = (answered_by = proposed_by)", name="second_person"),
        sa.Index("uq_person_merge_open", "gone_id", unique=True, postgresql_where=sa.text("state = 'open'")),
        sa.Index(None, "proposed_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kept_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"), index=True)
    gone_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"), index=True)
    """The duplicate."""
    proposed_by: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"), index=True)
    proposed_at: Mapped[datetime]
    state: Mapped[str]
    answered_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.person.id"))
    answered_at: Mapped[datetime | None]


def propose(session: Session, *, kept_id: UUID, gone_id: UUID, by: UUID, at: datetime) -> PersonMerge:
    """Somebody who reaches both (the caller's question) says they are one.

    Raises NotFound; Malformed `same`; Forbidden `own`: nobody merges themselves; Conflict `open`.
    """
    if kept_id == gone_id:
        raise Malformed("These are not two people.", code="same")
    if by in (kept_id, gone_id):
        raise Forbidden("Nobody states anything about themselves here.", code="own")
    for one in (kept_id, gone_id):
        persons.get_person(session, one)
    made = PersonMerge(kept_id=kept_id, gone_id=gone_id, proposed_by=by, proposed_at=at, state="open", answered_by=None)
    with unless_taken(session, "uq_person_merge_open", "This was proposed already.", "open"):
        session.add(made)
    return made


def facts_of(session: Session, merge: PersonMerge, *, enrolled: bool) -> Facts:
    """`enrolled`: is the duplicate in a class at an institution? Packages to the right know."""
    people = session.scalars(sa.select(Person).where(Person.id.in_([merge.kept_id, merge.gone_id]))).all()
    staff = sa.select(sa.literal(True)).where(
        RoleGrant.account_id == Account.id,
        Account.person_id == merge.gone_id,
        RoleGrant.revoked_at.is_(None),
        RoleGrant.role != Role.LEARNER,
    )
    return Facts(
        same=len(people) != 2,
        gone=any(one.erased_at is not None for one in people),
        staff=bool(session.scalar(staff.limit(1))),
        tables=frozenset(traces(session, merge.gone_id)),
        enrolled=enrolled,
    )


def confirm(session: Session, merge_id: UUID, *, enrolled: bool, keys: Keys, by: UUID, at: datetime) -> PersonMerge:
    """An operator confirms: the duplicate's employments and documents go over, the duplicate is forgotten.

    Raises NotFound; Conflict `decided`, `hindered`; Forbidden `same_person`, `own`.
    """
    merge = _open(session, merge_id)
    _require_second(merge, by)
    # In one order, so that two merges of the same people wait for each other.
    for one in sorted((merge.kept_id, merge.gone_id)):
        persons.get_person(session, one, lock=True)
    if hindrances(facts_of(session, merge, enrolled=enrolled)):
        raise Conflict("These two cannot be merged as things stand.", code="hindered")
    for membership in _going_on(session, merge.gone_id, local_day(at)):
        _take_over(session, membership, merge.kept_id, by, at)
    persons.hand_documents_over(session, merge.gone_id, merge.kept_id, keys, at=at)
    persons.erase_person(session, merge.gone_id, at=at)
    _answer(merge, "done", by, at)
    session.flush()
    return merge


def refuse(session: Session, merge_id: UUID, *, by: UUID, at: datetime) -> PersonMerge:
    """They stay two; who proposed it takes it back. Raises NotFound, Conflict `decided`, Forbidden `own`."""
    merge = _open(session, merge_id)
    if by != merge.proposed_by:
        _require_second(merge, by)
    _answer(merge, "taken_back" if by == merge.proposed_by else "refused", by, at)
    session.flush()
    return merge


def proposed_by(session: Session, person_ids: Collection[UUID] | None, *, most: int) -> Sequence[PersonMerge]:
    """Proposals of these people (None: everybody's), those that are open first, then the newest."""
    query = sa.select(PersonMerge)
    if person_ids is not None:
        query = query.where(PersonMerge.proposed_by.in_(list(person_ids)))
    order = (PersonMerge.state != "open", PersonMerge.proposed_at.desc(), PersonMerge.id)
    return session.scalars(query.order_by(*order).limit(most)).all()


def _open(session: Session, merge_id: UUID) -> PersonMerge:
    merge = session.get(PersonMerge, merge_id, with_for_update=True)
    if merge is None:
        raise NotFound("There is no such thing.")
    if merge.state != "open":
        raise Conflict("This was decided already.", code="decided")
    return merge


def _require_second(merge: PersonMerge, by: UUID) -> None:
    if by in (merge.kept_id, merge.gone_id):
        raise Forbidden("Nobody states anything about themselves here.", code="own")
    if by == merge.proposed_by:
        raise Forbidden("Somebody else has to confirm what you stated.", code="same_person")


def _answer(merge: PersonMerge, state: str, by: UUID, at: datetime) -> None:
    merge.state, merge.answered_by, merge.answered_at = state, by, at


def _going_on(session: Session, person_id: UUID, on: date) -> Sequence[Membership]:
    return session.scalars(
        sa.select(Membership)
        .where(Membership.person_id == person_id, Membership.to_on.is_(None) | (Membership.to_on >= on))
        .order_by(Membership.from_on)
        .with_for_update()
    ).all()


def _take_over(session: Session, old: Membership, kept_id: UUID, by: UUID, at: datetime) -> None:
    """The same employment for the person who stays, unless that employer has them already in that time."""
    there = sa.select(sa.literal(True)).where(
        Membership.person_id == kept_id,
        Membership.organisation_id == old.organisation_id,
        sa.func.daterange(Membership.from_on, Membership.to_on, "[]").op("&&")(
            sa.func.daterange(old.from_on, old.to_on, "[]")
        ),
    )
    if not session.scalar(there.limit(1)):
        made = Membership(
            person_id=kept_id, organisation_id=old.organisation_id, kind=old.kind, from_on=old.from_on,
            to_on=old.to_on, firm=old.firm, created_at=at,
        )  # fmt: skip
        session.add(made)
        session.flush()
        for place in session.scalars(sa.select(Placement).where(Placement.membership_id == old.id)):
            session.add(
                Placement(
                    membership_id=made.id, unit_id=place.unit_id, post=place.post, category=place.category,
                    from_on=place.from_on, to_on=place.to_on, created_at=at,
                )
            )  # fmt: skip
        for gap in session.scalars(sa.select(Absence).where(Absence.membership_id == old.id)):
            session.add(Absence(membership_id=made.id, from_on=gap.from_on, to_on=gap.to_on, created_at=at))
    last = max(local_day(at), old.from_on)
    old.to_on = last
    placements.end(session, old.id, last)
    acts.record(session, old.id, Act.ENDED, last, by=by, at=at)
