"""What the signals rest on, and what came of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, new_id

SITTING = "elearn.sitting.id"
PERSON = "elearn.person.id"
CLASS = "elearn.training_class.id"
SPAN = "elearn.watched_span.id"
CASE = "elearn.review_case.id"


class SittingClient(Base):
    """What a sitting was opened with. Personal data of short use: a job removes it (`clients.KEPT_MS`)."""

    __tablename__ = "sitting_client"
    __table_args__ = (
        sa.Index(None, "learner_id", "opened_ms"),
        sa.Index(None, "device", "opened_ms"),
        sa.Index(None, "address", "opened_ms"),
        sa.Index(None, "opened_ms"),
    )

    sitting_id: Mapped[UUID] = mapped_column(ForeignKey(SITTING), primary_key=True)
    learner_id: Mapped[UUID]
    device: Mapped[str | None]
    """Thumbprint of the signing key; None of a player that cannot sign."""
    opened_ms: Mapped[int]
    address: Mapped[bytes | None]
    """Keyed hash of the IPv4 address or of the IPv6 /64: tells that two are the same, and not which."""
    network: Mapped[str | None]
    """Its IPv4 /24 or IPv6 /48: whose network, not whose line."""
    user_agent: Mapped[str | None]
    client: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What the player says of itself: touch, webdriver, screen, zone; each may be missing."""


class SittingTrace(Base):
    """What a sitting's reports amount to, folded once each. Saves work, decides nothing, can be folded again."""

    __tablename__ = "sitting_trace"
    __table_args__ = (
        sa.Index(None, "learner_id", "heard_ms"),
        sa.Index(None, "unit_id", "heard_ms"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    sitting_id: Mapped[UUID] = mapped_column(ForeignKey(SITTING), primary_key=True)
    learner_id: Mapped[UUID]
    unit_id: Mapped[UUID]
    seq: Mapped[int]
    """The last report folded in: exact, because a sitting's reports are decided one after another."""
    heard_ms: Mapped[int]
    trace: Mapped[dict[str, Any]] = mapped_column(JSONB)


class SignalMark(Base):
    """How far the job has looked (one row). It only saves work, and may be lost."""

    __tablename__ = "signal_mark"

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[UUID]
    """The newest report seen: ids of version 7 are in the order of time."""
    looked_ms: Mapped[int]


class SignalThresholds(Ledger, Base):
    """The numbers that flags are raised by, from a day on."""

    __tablename__ = "signal_thresholds"

    digest: Mapped[str] = mapped_column(primary_key=True)
    effective_from: Mapped[date] = mapped_column(primary_key=True)
    canonical: Mapped[str]
    """RFC 8785 JSON; its SHA-256 is the digest."""
    loaded_at: Mapped[datetime]


class Signal(Ledger, Base):
    """A flag about one learner. It says that something is odd; it changes nothing."""

    __tablename__ = "signal"
    __table_args__ = (
        sa.UniqueConstraint("rule", "learner_id", "key"),
        sa.Index(None, "learner_id", "class_id"),
        sa.Index(None, "found_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rule: Mapped[str]
    weight: Mapped[str]
    learner_id: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    class_id: Mapped[UUID | None] = mapped_column(ForeignKey(CLASS))
    """The class that was watched for: whose institution and region look at it."""
    key: Mapped[str]
    """The occasion: found again, it is the same flag."""
    sittings: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid()))
    from_ms: Mapped[int]
    to_ms: Mapped[int]
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    thresholds: Mapped[str]
    """Digest of the numbers it was raised by."""
    found_at: Mapped[datetime]


class ReviewCase(Ledger, Base):
    """A question that people decide: are these hours to be taken back, or given back? Its state is its acts."""

    __tablename__ = "review_case"
    __table_args__ = (
        sa.CheckConstraint("kind IN ('flags', 'appeal')", name="kind"),
        sa.CheckConstraint("(kind = 'appeal') = (statement IS NOT NULL)", name="appeal_says_why"),
        sa.CheckConstraint("about_id IS NULL OR kind = 'appeal'", name="appeal_is_about"),
        sa.Index(None, "learner_id", "opened_at"),
        sa.Index(None, "class_id", "opened_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str]
    learner_id: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    class_id: Mapped[UUID | None] = mapped_column(ForeignKey(CLASS))
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("elearn.unit.id"))
    """The lesson that an appeal is about."""
    about_id: Mapped[UUID | None] = mapped_column(ForeignKey(CASE), unique=True)
    """The case whose void an appeal is against; one appeal each."""
    statement: Mapped[str | None]
    """The learner's own words."""
    opened_by: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    opened_at: Mapped[datetime]


class ReviewSignal(Ledger, Base):
    """Which flags a case was opened for; each flag once."""

    __tablename__ = "review_signal"

    signal_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.signal.id"), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey(CASE), index=True)


class ReviewAct(Ledger, Base):
    """What one person did in a case, with reasons."""

    __tablename__ = "review_act"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "number"),
        sa.CheckConstraint("act IN ('propose', 'confirm', 'object', 'dismiss', 'uphold', 'reject')", name="act"),
        sa.CheckConstraint("side IN ('institution', 'regulator', 'operator')", name="side"),
        sa.CheckConstraint("length(btrim(reason)) > 0", name="says_why"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey(CASE))
    number: Mapped[int]
    """1, 2, 3: no two people act at once."""
    act: Mapped[str]
    by_person_id: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    side: Mapped[str]
    """In whose name: the institution that teaches, the regulator, the platform's operator."""
    reason: Mapped[str]
    spans: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid()))
    """The final rows of the watched ledger that a proposal is about."""
    at: Mapped[datetime]


class ReviewEffect(Ledger, Base):
    """A row of the watched ledger that a case put there, and the row it undoes."""

    __tablename__ = "review_effect"

    watched_span_id: Mapped[UUID] = mapped_column(ForeignKey(SPAN), primary_key=True)
    undoes_id: Mapped[UUID] = mapped_column(ForeignKey(SPAN), index=True)
    """Of a void the final row; of a restoration the reversal (several when part was watched again meanwhile)."""
    case_id: Mapped[UUID] = mapped_column(ForeignKey(CASE), index=True)
