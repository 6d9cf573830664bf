"""Tables of what goes to receivers and what they answer.

`delivery_event` and `receipt` are ledgers: a delivery's state is the fold of its events. `push_target` and
`push_message` are the outbox, work that is under way; what it did stands in the events.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, new_id


class DeliveryEvent(Ledger, Base):
    """One thing that happened to one version of a record on its way to one receiver."""

    __tablename__ = "delivery_event"
    __table_args__ = (
        sa.UniqueConstraint("receiver_id", "record_id", "step"),
        sa.Index("ix_delivery_event_receiver_id_at", "receiver_id", "at"),
        sa.Index("ix_delivery_event_record_id", "record_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    receiver_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.receiver.id"))
    record_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.eligibility_record.id"))
    step: Mapped[int]
    """1, 2, 3 ... of this delivery. Unique, so of two writers one is told to look again."""
    event: Mapped[str]
    state: Mapped[str]
    """After the event, by `delivery.after`; kept so that a list needs no fold."""
    way: Mapped[str]
    code: Mapped[str | None]
    detail: Mapped[str | None]
    at: Mapped[datetime]


class Receipt(Ledger, Base):
    """What a receiver answered about one version of a record, and what we said to that."""

    __tablename__ = "receipt"
    __table_args__ = (
        sa.UniqueConstraint("receiver_id", "receipt_id"),
        sa.Index("ix_receipt_record_id", "record_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    receiver_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.receiver.id"))
    receipt_id: Mapped[str]
    """The receiver's own number: the same one again is the same receipt."""
    record_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.eligibility_record.id"))
    outcome: Mapped[str]
    code: Mapped[str | None]
    detail: Mapped[str | None]
    way: Mapped[str]
    received_at: Mapped[datetime]
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB)


class PushTarget(Base):
    """Where a receiver is sent what concerns it, and how far it has got in the feed."""

    __tablename__ = "push_target"
    __table_args__ = (
        sa.CheckConstraint("state IN ('active', 'paused')", name="state"),
        sa.CheckConstraint("takes IN ('granted', 'everything')", name="takes"),
    )

    receiver_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.receiver.id"), primary_key=True)
    url: Mapped[str]
    private: Mapped[bool]
    """Whether it may be at a private address, and without TLS."""
    takes: Mapped[str]
    """`granted`: what may be acted on, and what changes it; `everything`: the whole feed of its outlines."""
    sealed_secret: Mapped[bytes]
    sealed_before: Mapped[bytes | None]
    """The secret before, which signs along for a while."""
    before_until: Mapped[datetime | None]
    state: Mapped[str]
    position: Mapped[int]
    """Of the feed: all up to here stands in `push_message`, or needs not be told."""
    sent: Mapped[int]
    attempts: Mapped[int]
    """Rounds in a row in which it was not to be had."""
    next_try_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    last_sent_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class PushMessage(Base):
    """One message to one receiver: a change of the feed, or the notice that something no longer holds."""

    __tablename__ = "push_message"
    __table_args__ = (
        sa.CheckConstraint("state IN ('waiting', 'done', 'dead')", name="state"),
        sa.CheckConstraint("kind IN ('change', 'withdrawal')", name="kind"),
        sa.UniqueConstraint("receiver_id", "position", "kind"),
        sa.Index(
            "ix_push_message_open",
            "receiver_id",
            "person_id",
            "outline_id",
            "id",
            postgresql_where=sa.text("state <> 'done'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    """`msg_` and its hex digits are the webhook-id, the same in every attempt."""
    receiver_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.receiver.id"))
    position: Mapped[int]
    """Of the feed: what it says is read from there when it is sent, so no personal data wait here."""
    kind: Mapped[str]
    why: Mapped[str | None]
    """Of a withdrawal: the reason code."""
    record_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.eligibility_record.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    outline_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.outline.id"))
    """With the person: messages about one matter go out in order."""
    state: Mapped[str]
    attempts: Mapped[int]
    next_try_at: Mapped[datetime]
    first_failed_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]
    made_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
