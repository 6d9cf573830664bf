"""The outbox of what leaves the house for a person's phone: queued with the rows it is about, sent later, tried again.

A letter is one person's, of one channel and cause, once. It is sent at least once: a process that dies between the
gateway's yes and our note sends it again, under the same id, by which the gateway knows it. What the gateway cannot use
is dead at once, what found nobody is tried again for a day. The number leaves with a record of that (DESIGN 3.14).
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from elearn.credit_export.exam_system.push_rules import waiting_s
from elearn.db import Base, Word, new_id, one_of, rows_changed
from elearn.outgoing import NotUsable, OutOfOrder, Service
from elearn.people import personal, tree
from elearn.people.identity import Keys
from elearn.people.models import Membership, Person
from elearn.training.telling.messages import Kind
from elearn.training.telling.reminding import may_ring, next_ring
from elearn.training.telling.wording import Said, said

logger = logging.getLogger(__name__)

AT_ONCE = 50
LEASE = timedelta(minutes=5)
"""As long a batch is one process's: longer than a gateway may be silent over all of it."""
GIVEN_UP_AFTER = timedelta(hours=24)
BROKEN_IN_A_ROW = 3
"""Then the gateway is taken to be away, and the rest of the batch waits."""


SENT, REFUSED, AWAY, NO_ADDRESS = "sent", "refused", "away", "no_address"
"""What became of a letter; all but the first stand in `last_error`."""


class Channel(StrEnum):
    SMS = "sms"
    EMAIL = "email"


class State(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    DEAD = "dead"


class Outgoing(Base):
    """One letter to one person's phone."""

    __tablename__ = "outgoing"
    __table_args__ = (
        one_of("channel", Channel, "channel"),
        one_of("state", State, "state"),
        sa.CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name="done_at"),
        sa.CheckConstraint("state <> 'dead' OR last_error IS NOT NULL", name="dead_of_something"),
        sa.UniqueConstraint("person_id", "channel", "cause"),
        sa.Index("ix_outgoing_next_try_at", "next_try_at", postgresql_where=sa.text("state = 'waiting'")),
        sa.Index(None, "organisation_id", "made_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"))
    """In whose name, and who is shown what failed."""
    channel: Mapped[Channel] = mapped_column(Word(Channel))
    kind: Mapped[Kind] = mapped_column(Word(Kind))
    cause: Mapped[str]
    """The day, of a summary: one a day."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[State] = mapped_column(Word(State), default=State.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    """A word of ours: never what the gateway said, which may hold the number."""
    made_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Letter:
    """What is queued."""

    person_id: UUID
    organisation_id: UUID
    kind: Kind
    cause: str
    facts: Mapping[str, Any]


class Carrier(Protocol):
    """A way out of the house."""

    @property
    def channel(self) -> Channel: ...

    def addresses(self, session: Session, people: Collection[UUID], *, at: datetime) -> dict[UUID, str]:
        """Where these people are reached; recorded as having left. Who is not, is left out."""

    def send(self, address: str, words: Said, message_id: str, at: datetime) -> None:
        """Raises NotUsable: not now, not ever. OutOfOrder: another time."""


@dataclass(frozen=True, slots=True)
class TextMessages:
    """By the house's own gateway, which also sends one-time codes."""

    gateway: Service
    keys: Keys
    channel: Channel = Channel.SMS

    def addresses(self, session: Session, people: Collection[UUID], *, at: datetime) -> dict[UUID, str]:
        return personal.reveal_phones(
            session, people, self.keys, receiver=self.gateway.host, reason="training reminder", at=at
        )

    def send(self, address: str, words: Said, message_id: str, at: datetime) -> None:
        text = "\n".join((words.title, *words.lines))
        self.gateway.post(message_id, int(at.timestamp()), {"to": address, "text": text})


QUEUE = sa.text("""
INSERT INTO elearn.outgoing
    (id, person_id, organisation_id, channel, kind, cause, facts, state, attempts, next_try_at, made_at)
SELECT one.id, one.person_id, one.organisation_id, :channel, one.kind, one.cause, one.facts, 'waiting', 0, :due, :at
FROM unnest(CAST(:ids AS uuid[]), CAST(:people AS uuid[]), CAST(:organisations AS uuid[]), CAST(:kinds AS text[]),
            CAST(:causes AS text[]), CAST(:facts AS jsonb[]))
     AS one (id, person_id, organisation_id, kind, cause, facts)
ORDER BY one.person_id, one.cause
ON CONFLICT (person_id, channel, cause) DO NOTHING
""")


def queue(session: Session, channel: Channel, letters: Sequence[Letter], *, at: datetime) -> int:
    """Put these into the outbox, each once, not before a phone may ring; answers how many were new."""
    if not letters:
        return 0
    values = {
        "channel": channel.value,
        "ids": [new_id() for _ in letters],
        "people": [one.person_id for one in letters],
        "organisations": [one.organisation_id for one in letters],
        "kinds": [one.kind.value for one in letters],
        "causes": [one.cause for one in letters],
        "facts": [json.dumps(one.facts, ensure_ascii=False) for one in letters],
        "due": next_ring(at),
        "at": at,
    }
    return rows_changed(session.execute(QUEUE, values))


def send_due(session: Session, carrier: Carrier, *, now: Callable[[], datetime]) -> int:
    """Send one batch that is due; answers how many were tried. Commits: nothing stays open meanwhile."""
    at = now()
    if not may_ring(at):
        return 0
    batch = _claim(session, carrier.channel, at)
    reached = carrier.addresses(session, {one.person_id for one in batch}, at=at)
    letters = [(one.id, one.person_id, said(one.kind, one.facts)) for one in batch]
    session.commit()
    became: dict[UUID, str] = {}
    broken = 0
    for letter_id, person_id, words in letters:
        if person_id not in reached:
            became[letter_id] = NO_ADDRESS
            continue
        if broken == BROKEN_IN_A_ROW:
            break
        try:
            carrier.send(reached[person_id], words, str(letter_id), at)
        except NotUsable:
            became[letter_id], broken = REFUSED, 0
        except OutOfOrder:
            became[letter_id], broken = AWAY, broken + 1
        else:
            became[letter_id], broken = SENT, 0
    _note(session, [letter_id for letter_id, _person, _words in letters], became, at=now())
    session.commit()
    return len(became)


def _claim(session: Session, channel: Channel, at: datetime) -> list[Outgoing]:
    due = (
        sa.select(Outgoing.id)
        .where(Outgoing.channel == channel, Outgoing.state == State.WAITING, Outgoing.next_try_at <= at)
        .where(sa.or_(Outgoing.claimed_until.is_(None), Outgoing.claimed_until <= at))
        .order_by(Outgoing.next_try_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    claim = sa.update(Outgoing).where(Outgoing.id.in_(due)).values(claimed_until=at + LEASE).returning(Outgoing)
    return list(session.scalars(claim, execution_options={"synchronize_session": False, "populate_existing": True}))


def _note(session: Session, batch: Sequence[UUID], became: Mapping[UUID, str], *, at: datetime) -> None:
    """Write down what became of each; those that were not tried wait like one that failed for the first time."""
    rows = session.scalars(
        sa.select(Outgoing)
        .where(Outgoing.id.in_(batch), Outgoing.state == State.WAITING)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for row in rows:
        row.claimed_until = None
        found = became.get(row.id)
        row.attempts += found is not None
        if found == SENT:
            row.state, row.done_at, row.last_error = State.DONE, at, None
            continue
        row.last_error = found or row.last_error
        wait_s = waiting_s(max(1, row.attempts), chance=random.random())
        row.next_try_at = next_ring(at + timedelta(seconds=wait_s))
        if found in (REFUSED, NO_ADDRESS) or (found == AWAY and at - row.made_at >= GIVEN_UP_AFTER):
            row.state = State.DEAD
    session.flush()
    failed = sum(one != SENT for one in became.values())
    logger.info("letters sent", extra={"tried": len(became), "failed": failed})


# --- what became of it, for who keeps the people ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failed:
    """A letter that is dead, or waits after it failed."""

    name: str
    channel: Channel
    state: State
    why: str
    made_at: datetime


def letters_to(organisation_id: UUID, node_id: UUID, *, on: date, since: datetime) -> sa.ColumnElement[bool]:
    """Letters in the name of this employer to whoever stands in the node or below it."""
    people = sa.select(Membership.person_id).where(Membership.id.in_(tree.placed_in(node_id, on=on)))
    return sa.and_(
        Outgoing.organisation_id == organisation_id, Outgoing.made_at >= since, Outgoing.person_id.in_(people)
    )


def counts(session: Session, letters: sa.ColumnElement[bool]) -> dict[State, int]:
    """By what became of them."""
    query = sa.select(Outgoing.state, sa.func.count()).where(letters).group_by(Outgoing.state)
    found = {row[0]: row[1] for row in session.execute(query)}
    return {state: found.get(state, 0) for state in State}


def failed(session: Session, letters: sa.ColumnElement[bool], *, most: int = 100) -> list[Failed]:
    """Those that failed, the newest first."""
    rows = session.execute(
        sa.select(Person.name, Outgoing.channel, Outgoing.state, Outgoing.last_error, Outgoing.made_at)
        .join(Person, Person.id == Outgoing.person_id)
        .where(letters, Outgoing.state != State.DONE, Outgoing.last_error.is_not(None))
        .order_by(Outgoing.made_at.desc(), Outgoing.id)
        .limit(most)
    )
    return [Failed(row.name, row.channel, row.state, row.last_error or "", row.made_at) for row in rows]


def again(session: Session, letters: sa.ColumnElement[bool], *, at: datetime) -> int:
    """Send the dead ones again, as if they were made now; answers how many."""
    tried = sa.update(Outgoing).where(letters, Outgoing.state == State.DEAD)
    done = session.execute(
        tried.values(state=State.WAITING, attempts=0, last_error=None, made_at=at, next_try_at=next_ring(at)),
        execution_options={"synchronize_session": False},
    )
    return rows_changed(done)
