"""Tables of credit: the hours ledger, the eligibility records made from it, and who may fetch them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from elearn.credit_export.ledger import models as log  # noqa: F401 - hours name its leaves
from elearn.db import Base, Ledger, new_id


class HoursEntry(Ledger, Base):
    """One change to a person's hours. The balance is the sum; nothing is ever edited."""

    __tablename__ = "hours_entry"
    __table_args__ = (
        sa.CheckConstraint("(amount_ms > 0) = (reverses_id IS NULL)", name="sign"),
        sa.CheckConstraint("num_nulls(leaf_origin, leaf_index) IN (0, 2)", name="leaf"),
        sa.CheckConstraint("num_nulls(watched_span_id, attendance_line_id) = 1", name="earned"),
        sa.ForeignKeyConstraint(
            ["leaf_origin", "leaf_index"], ["elearn.ledger_leaf.origin", "elearn.ledger_leaf.index"]
        ),
        sa.UniqueConstraint("leaf_origin", "leaf_index"),
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
    """When we first heard of it, or when the session began. Only hours learned after their class was filed leave the
    house."""
    watched_span_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.watched_span.id"), unique=True)
    """What earned it. Unique: running the crediting job twice credits once."""
    attendance_line_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.attendance_line.id"), unique=True)
    """The same of hours on site."""
    reverses_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.hours_entry.id"), unique=True)
    leaf_origin: Mapped[str | None]
    leaf_index: Mapped[int | None]
    """The leaf of the log it was made from; None on entries that are older than the log."""
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
    witnessed: Mapped[bool]
    """All of its hours stand in checkpoints that witnesses cosigned."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The other blocks of RULES 4(c) as they were then (`record_facts.py`). Empty in records of before 2026-11-22."""


class EligibilityStep(Ledger, Base):
    """One step in the life of a version (`lifecycle.py`). Where it stands is its last step; nothing is ever edited."""

    __tablename__ = "eligibility_step"
    __table_args__ = (
        sa.UniqueConstraint("record_id", "number"),
        sa.CheckConstraint("(number = 1) = (from_state IS NULL)", name="begins_once"),
        sa.CheckConstraint(
            "act NOT IN ('suspend', 'resume', 'revoke', 'correct') OR (by_id <> second_id) IS TRUE", name="two_people"
        ),
        sa.CheckConstraint("(second_id IS NULL) = (proposal_id IS NULL)", name="second_confirms"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    position: Mapped[int] = mapped_column(unique=True)
    """Place in the change feed, given out under a lock that is held until commit: `feed.py`."""
    record_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.eligibility_record.id"))
    number: Mapped[int]
    """1, 2, 3 of its version."""
    act: Mapped[str]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    by_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.person.id"))
    """None: the platform."""
    second_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.person.id"))
    """Who confirmed, of a sensitive step."""
    proposal_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.eligibility_proposal.id"), unique=True)
    reason: Mapped[str]
    """A code: `lifecycle.Why`."""
    note: Mapped[str]
    rule: Mapped[str]
    """The version of the region's rule that it was taken under."""
    at: Mapped[datetime]
    submitted_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.person.id"))
    checked_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.person.id"))
    verified_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.person.id"))
    granted_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.person.id"))
    granted_at: Mapped[datetime | None]
    expires_on: Mapped[date | None]
    returned: Mapped[bool]
    """These seven: the life after this step (`lifecycle.Life`), so that one row tells it whole."""


class EligibilityProposal(Ledger, Base):
    """Somebody wants a sensitive step; somebody of another side confirms it or objects."""

    __tablename__ = "eligibility_proposal"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    record_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.eligibility_record.id"), index=True)
    """The version that was looked at; the step lands on the newest one."""
    act: Mapped[str]
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    office: Mapped[str]
    reason: Mapped[str]
    note: Mapped[str]
    at: Mapped[datetime]


class EligibilityAnswer(Ledger, Base):
    """What came of a proposal; one answer each."""

    __tablename__ = "eligibility_answer"

    proposal_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.eligibility_proposal.id"), primary_key=True)
    confirmed: Mapped[bool]
    """False: objected to, or withdrawn by who proposed it."""
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    office: Mapped[str]
    note: Mapped[str]
    at: Mapped[datetime]


class GrantRuleRow(Ledger, Base):
    """What a region asks before a record is granted, from a day on (`lifecycle.GrantRule`). The last loaded holds."""

    __tablename__ = "grant_rule"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[int] = mapped_column(unique=True)
    """1, 2, 3: the order in which they were loaded."""
    region: Mapped[str]
    """GB/T 2260; `CN` for the whole country. The nearest around a place holds there."""
    effective_from: Mapped[date]
    submits_by_itself: Mapped[bool]
    regulator_verifies: Mapped[bool]
    grants_by_itself: Mapped[bool]
    grants_while_held: Mapped[bool] = mapped_column(server_default=sa.false())
    """An officer may grant, with reasons, what an open review holds back."""
    valid_days: Mapped[int | None]
    loaded_by: Mapped[str]
    loaded_at: Mapped[datetime]


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
