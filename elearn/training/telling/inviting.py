"""Everybody of an employer who has never signed in is told by text message how to: once, however often it is asked.

A roster of twenty thousand cannot be handed printed one-time passwords. The message opens nothing by itself: it leads
to the page that asks for the number, the code and the end of the document (`people/by_phone`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from elearn import jobs
from elearn.people.by_phone.models import SharedPhone
from elearn.people.by_phone.reaching import may_come_in
from elearn.people.dated import holds_on
from elearn.people.models import Account, Membership, Organisation, Person
from elearn.people.registry import local_day
from elearn.people.roster.models import DraftState, RosterDraft
from elearn.training.telling import messages, sending
from elearn.training.telling.messages import Kind, Message, Telling
from elearn.training.telling.sending import Channel, Letter, Outgoing, State

INVITE = "training.invite"
PIECE = 1_000
NEWS = timedelta(days=3)
"""A roster that was confirmed longer ago is no news."""


def ask(session: Session, employers: Collection[UUID], address: str) -> None:
    """Have a job write to them; `address` is of the page where they sign in."""
    several = sorted(str(one) for one in employers)
    jobs.defer(session, INVITE, lock=f"{INVITE} {several[0]}", employers=several, address=address)


def invite(session: Session, employers: Collection[UUID], address: str, *, at: datetime) -> int:
    """Queue a letter for each who has none yet; answers how many. Commits piece by piece: run again it goes on."""
    written = 0
    while True:
        query = _waiting(employers, local_day(at)).order_by(Person.id, Organisation.id).limit(PIECE)
        letters = [
            Letter(
                person_id,
                organisation_id,
                Kind.INVITED,
                _cause(organisation_id),
                {"organisation": organisation, "address": address, "name": _called(name) if shares else ""},
            )
            for person_id, name, organisation_id, organisation, shares in session.execute(query)
        ]
        queued = sending.queue(session, Channel.SMS, letters, at=at)
        session.commit()
        if not queued:
            return written
        written += queued


def _cause(organisation_id: UUID) -> str:
    return f"invited {organisation_id}"


def _called(name: str) -> str:
    """Enough to know whose message it is on a phone that several people use."""
    return name[:1] + "*" * (len(name) - 1)


def _waiting(employers: Collection[UUID], on: date) -> sa.Select[UUID, str, UUID, str, bool]:
    """Who belongs to one of these today, never chose a password, has a number, and was not written to."""
    other = aliased(SharedPhone)
    with_others = sa.exists().where(other.phone_index == Account.phone_index)
    return (
        sa.select(
            Person.id,
            Person.name,
            Organisation.id,
            Organisation.name,
            sa.or_(SharedPhone.account_id.is_not(None), with_others),
        )
        .join(Account, Account.person_id == Person.id)
        .join(Membership, Membership.person_id == Person.id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .outerjoin(SharedPhone, SharedPhone.account_id == Account.id)
        .where(
            Membership.organisation_id.in_(list(employers)),
            holds_on(Membership, on),
            may_come_in(),
            Person.document_index.is_not(None),
            Account.password_hash.is_(None),
            sa.or_(Account.phone_index.is_not(None), SharedPhone.account_id.is_not(None)),
            ~sa.exists().where(
                Outgoing.person_id == Person.id,
                Outgoing.channel == Channel.SMS,
                Outgoing.cause == sa.literal("invited ") + sa.cast(Membership.organisation_id, sa.Text),
            ),
        )
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an invitation is."""

    waiting: int
    """Could be written to, and were not yet."""
    letters: dict[State, int]

    @property
    def written(self) -> int:
        return sum(self.letters.values())

    @property
    def settled(self) -> int:
        """Sent, or given up."""
        return self.letters[State.DONE] + self.letters[State.DEAD]


def progress(session: Session, employers: Collection[UUID], *, at: datetime) -> Progress:
    """Two counts."""
    waiting = sa.select(sa.func.count()).select_from(_waiting(employers, local_day(at)).subquery())
    return Progress(session.scalars(waiting).one(), sending.counts(session, _letters(employers)))


def again(session: Session, employers: Collection[UUID], *, at: datetime) -> int:
    """Send those once more that failed; answers how many."""
    return sending.again(session, _letters(employers), at=at)


def _letters(employers: Collection[UUID]) -> sa.ColumnElement[bool]:
    return sa.and_(
        Outgoing.organisation_id.in_(list(employers)), Outgoing.kind == Kind.INVITED, Outgoing.channel == Channel.SMS
    )


# --- to who sent the roster -------------------------------------------------------------------------------------------


def tell_rosters(session: Session, *, at: datetime) -> int:
    """Whoever confirmed a roster hears that it was taken in; answers how many did. Does not commit."""
    told = sa.exists().where(
        Message.person_id == RosterDraft.taken_by,
        Message.kind == Kind.ROSTER_DONE,
        Message.cause == sa.cast(RosterDraft.id, sa.Text),
    )
    rows = session.execute(
        sa.select(RosterDraft.id, RosterDraft.taken_by, RosterDraft.result, Organisation.id, Organisation.name)
        .join(Organisation, Organisation.id == RosterDraft.organisation_id)
        .where(
            RosterDraft.state == DraftState.DONE,
            RosterDraft.taken_at > at - NEWS,
            RosterDraft.taken_by.is_not(None),
            ~told,
        )
    ).all()
    tellings = [
        Telling(
            taken_by,
            Kind.ROSTER_DONE,
            str(draft_id),
            {
                "organisation": name,
                "taken": sum(result.get(one, 0) for one in ("new", "changed", "leaves", "unchanged")),
                "left_out": result.get("refused", 0),
                "draft_id": str(draft_id),
            },
            organisation_id,
        )
        for draft_id, taken_by, result, organisation_id, name in rows
        if taken_by is not None
    ]
    return messages.tell(session, tellings, at=at)
