"""Tables of credit: the hours ledger, the eligibility records made from it, and who may fetch them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, new_id


class HoursEntry(Ledger, Base):
    """One change to a person's hours. The balance is the sum; nothing is ever edited."""

    __tablename__ = "hours_entry"
    __table_args__ = (
        sa.CheckConstraint("(amount_ms > 0) = (reverses_id IS NULL)", name="sign"),
        sa.Index("ix_hours_entry_person", "person_id", "outline_item_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    class_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.training_class.id"))
    outline_item_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.outline_item.id"))
    modality: Mapped[str]
    kind: Mapped[str]
    amount_ms: Mapped[int]
    """Positive when earned, negative when a reversal takes it back."""
    earned_on: Mapped[date]
    """The local day of the learning."""
    learned_at: Mapped[datetime]
    """When we first heard of it. Only hours learned after their class was filed leave the house."""
    watched_span_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.watched_span.id"), unique=True)
    """What earned it. Unique: running the crediting job twice credits once."""
    reverses_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.hours_entry.id"), unique=True)
    rule_version: Mapped[str]
    created_at: Mapped[datetime]


class EligibilityRecord(Ledger, Base):
    """What was judged for one person and outline at one moment. A correction is a new version."""

    __tablename__ = "eligibility_record"
    __table_args__ = (sa.UniqueConstraint("person_id", "outline_id", "version"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    position: Mapped[int] = mapped_column(unique=True)
    """Place in the change feed. Given out under a lock that is held until commit, so no reader skips one."""
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    outline_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.outline.id"), index=True)
    version: Mapped[int]
    supersedes_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.eligibility_record.id"), unique=True)
    status: Mapped[str]
    outcome: Mapped[str]
    reasons: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))
    hours: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Milliseconds by modality and kind, and what the outline asks."""
    rules: Mapped[str]
    class_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.training_class.id"))
    judged_on: Mapped[date]
    computed_at: Mapped[datetime]


class CreditMark(Base):
    """How far the crediting job has looked (one row). Not a ledger: it only saves work, and may be lost."""

    __tablename__ = "credit_mark"

    id: Mapped[int] = mapped_column(primary_key=True)
    looked_to: Mapped[datetime]


class Receiver(Base):
    """An exam system, as an OAuth 2 client. The secret is kept as a hash."""

    __tablename__ = "receiver"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    client_id: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[bytes]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class ReceiverOutline(Base):
    """Which outlines a receiver examines: it sees their people and nobody else."""

    __tablename__ = "receiver_outline"

    receiver_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.receiver.id"), primary_key=True)
    outline_code: Mapped[str] = mapped_column(primary_key=True)


class AccessToken(Base):
    """A bearer token of a receiver, kept as a hash."""

    __tablename__ = "access_token"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    receiver_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.receiver.id"), index=True)
    scope: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ExamQuery(Ledger, Base):
    """One question of a receiver and what left the house in answer: kept three years (RULES 2.4)."""

    __tablename__ = "exam_query"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    receiver_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.receiver.id"))
    asked_at: Mapped[datetime] = mapped_column(index=True)
    door: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.person.id"), index=True)
    records: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid))
    """The records that were answered; empty when none was."""
