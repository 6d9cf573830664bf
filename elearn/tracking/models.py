"""What watching leaves behind: the state decisions start from, the evidence, and the ledger of what is believed.

Times that the pure core computes with stay whole epoch milliseconds here (`_ms`), so that what a decision saw
is stored as it saw it. The rows of a heartbeat are written by one SQL statement (`recording.py`), not one by one.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import ARRAY, INT8RANGE, JSONB, ExcludeConstraint
from sqlalchemy.dialects.postgresql.ranges import Range
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, new_id

LEARNER = "elearn.learner_watch.learner_id"
UNIT = "elearn.unit.id"
POLICY = "elearn.watch_policy.digest"
SITTING = "elearn.sitting.id"
ROOM_FOR_UPDATES = {"postgresql_with": {"fillfactor": 70}}


def evidence_batch() -> Mapped[int]:
    """A column that says which batch of evidence a row belongs to: the database gives it the one that is open.

    No clock is asked, so a row is in a batch that is not closed yet whatever time it is about (a report that waited
    for the one before it, a clock that was set back). `credit_export` closes batches and proves what is in them.
    """
    return mapped_column(sa.BigInteger(), server_default=sa.text("pg_sequence_last_value('elearn.evidence_batch')"))


def by_batch() -> sa.Index:
    """Rows come in the order of batches: a summary of their blocks finds one, and costs a heartbeat nothing."""
    return sa.Index(
        None, "evidence_batch", postgresql_using="brin", postgresql_with={"pages_per_range": 32, "autosummarize": True}
    )


class Ended(StrEnum):
    """Why a sitting is over."""

    PLAYING_ELSEWHERE = "playing_elsewhere"
    CLOSED = "closed"
    EXPIRED = "expired"


class Kind(StrEnum):
    """What a row of the watched ledger says."""

    PENDING = "pending"
    FINAL = "final"
    REVERSAL = "reversal"


class Outcome(StrEnum):
    """How a presence check ended."""

    PASSED = "passed"
    FAILED = "failed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """Put aside for another way, or a service of ours failed: nothing follows from it."""


class WatchPolicy(Ledger, Base):
    """The values a decision was taken by, so that it can be taken again."""

    __tablename__ = "watch_policy"

    digest: Mapped[str] = mapped_column(primary_key=True)
    canonical: Mapped[str]
    """RFC 8785 JSON; its SHA-256 is the digest."""


class WatchRule(Base):
    """Which values hold where and when (DESIGN 3.7). Rows are added, and an open one is ended once; nothing else."""

    __tablename__ = "watch_rule"
    __table_args__ = (
        sa.CheckConstraint("effective_to IS NULL OR effective_from <= effective_to", name="dates"),
        sa.CheckConstraint("region ~ '^[1-9][0-9]{5}$'", name="region"),
        sa.CheckConstraint("num_nulls(closed_at, closed_by) IN (0, 2)", name="closed_whole"),
        ExcludeConstraint(
            (sa.literal_column("coalesce(region, '')"), "="),
            (sa.literal_column("daterange(effective_from, effective_to, '[]')"), "&&"),
            name="ex_watch_rule_one_a_day",
            using="gist",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    region: Mapped[str | None]
    """GB/T 2260, six digits, of the institution whose class is studied for; None: everywhere."""
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    """The last day in force; open when None."""
    policy: Mapped[str] = mapped_column(ForeignKey(POLICY))
    loaded_at: Mapped[datetime]
    loaded_by: Mapped[str]
    """Who ran the command, as the machine calls them."""
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    """Who ended it when it had been open."""


class LearnerWatch(Base):
    """One learner across all lessons. Whoever decides about a learner locks this row first, then the sitting's."""

    __tablename__ = "learner_watch"
    __table_args__ = (
        sa.CheckConstraint("pending_ms >= 0", name="pending_not_negative"),
        sa.Index(None, "check_deadline_ms", postgresql_where=sa.text("check_deadline_ms IS NOT NULL")),
        ROOM_FOR_UPDATES,
    )

    learner_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.person.id"), primary_key=True)
    tau_ms: Mapped[int]
    """The latest server time seen; it never runs backwards."""
    held: Mapped[bool]
    """True after a failed check, until one is passed."""
    pending_ms: Mapped[int]
    check_count: Mapped[int]
    """Checks decided so far: the number of the next draw from the secret stream."""
    check_due_after_ms: Mapped[int]
    check_deadline_ms: Mapped[int | None]
    """When the question that is out must be answered, grace included; None while no question is out."""


class LearnerDay(Base):
    """What one local day has brought a learner (MODEL 1.2, used and late)."""

    __tablename__ = "day_use"
    __table_args__ = (
        sa.CheckConstraint("0 <= late_ms AND late_ms <= used_ms", name="late_within_used"),
        ROOM_FOR_UPDATES,
    )

    learner_id: Mapped[UUID] = mapped_column(ForeignKey(LEARNER), primary_key=True)
    on: Mapped[date] = mapped_column(primary_key=True)
    used_ms: Mapped[int]
    late_ms: Mapped[int]


class UnitWatch(Base):
    """How far a learner is in a unit; recomputed from `believed_span` when media leaves it."""

    __tablename__ = "unit_watch"
    __table_args__ = (ROOM_FOR_UPDATES,)

    learner_id: Mapped[UUID] = mapped_column(ForeignKey(LEARNER), primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey(UNIT), primary_key=True)
    frontier_ms: Mapped[int]
    covered_ms: Mapped[int]


class Sitting(Base):
    """One open player: what the server knows of it between two messages (MODEL 1.1, session)."""

    __tablename__ = "sitting"
    __table_args__ = (
        sa.CheckConstraint("(ended_ms IS NULL) = (ended_reason IS NULL)", name="ended_has_reason"),
        sa.CheckConstraint("ended_reason IN ('playing_elsewhere', 'closed', 'expired')", name="ended_reason"),
        sa.Index("uq_sitting_live", "learner_id", unique=True, postgresql_where=sa.text("ended_ms IS NULL")),
        sa.Index(None, "learner_id", "unit_id"),
        ROOM_FOR_UPDATES,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    learner_id: Mapped[UUID] = mapped_column(ForeignKey(LEARNER))
    unit_id: Mapped[UUID] = mapped_column(ForeignKey(UNIT))
    class_id: Mapped[UUID | None] = mapped_column(ForeignKey("elearn.training_class.id"))
    """The filed class this is watched for; None: watched, but for no class."""
    device: Mapped[str | None]
    """RFC 7638 thumbprint of the key that signs its reports; None: a browser that cannot sign, and its rules allow."""
    actor: Mapped[str]
    """The learner's pseudonym: account name of the statements' actor."""
    player: Mapped[str]
    policy: Mapped[str] = mapped_column(ForeignKey(POLICY))
    """Digest of the rules it is judged by, the same from its first report to its last."""
    opened_ms: Mapped[int]
    expires_ms: Mapped[int]
    cm_open_ms: Mapped[int]
    e_ms: Mapped[int]
    carry_ms: Mapped[int]
    last_cm_ms: Mapped[int]
    seq: Mapped[int]
    """Number of the last report decided in order; 0 at opening."""
    last_digest: Mapped[bytes | None]
    """SHA-256 of that report's bytes: what the next one must name as `prev`."""
    gap_late_ms: Mapped[int]
    real_carry_ms: Mapped[int] = mapped_column(server_default="0")
    """Real time not yet spent, where rules count real time (`Policy.real_hours`); else 0."""
    ended_ms: Mapped[int | None]
    ended_reason: Mapped[str | None]
    nonces: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    """The last few issued, newest last."""


class HeldReport(Base):
    """A report that came before its predecessor; decided, and removed here, when the gap fills."""

    __tablename__ = "held_report"

    sitting_id: Mapped[UUID] = mapped_column(ForeignKey(SITTING), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[bytes]
    tau_ms: Mapped[int]
    """When it was heard: it is judged by that time."""
    arrived: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Report(Ledger, Base):
    """A report and what was decided about it. The statement itself is in the record store."""

    __tablename__ = "report"
    __table_args__ = (
        by_batch(),
        sa.Index("uq_report_decided", "sitting_id", "seq", unique=True, postgresql_where=sa.text("refused_as IS NULL")),
        sa.Index(
            "uq_report_evidence",
            "sitting_id",
            "seq",
            "sha256",
            unique=True,
            postgresql_where=sa.text("refused_as IS NOT NULL"),
        ),
        sa.Index("ix_report_refused", "sitting_id", postgresql_where=sa.text("refused <> '[]'::jsonb")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sitting_id: Mapped[UUID] = mapped_column(ForeignKey(SITTING))
    seq: Mapped[int]
    sha256: Mapped[bytes]
    prev: Mapped[bytes | None]
    sig: Mapped[bytes | None]
    """ES256 by the sitting's device; None: not signed."""
    nonce: Mapped[str]
    statement_id: Mapped[UUID]
    tau_ms: Mapped[int]
    """Server time at which it was heard and is judged."""
    sent_cm_ms: Mapped[int]
    raw: Mapped[str | None]
    """Its bytes, when they are not in the record store: nobody proved that this learner's device said them."""
    refused_as: Mapped[str | None]
    """Set when it never came to a decision (BAD_SIGNATURE, FORK, ...): kept as evidence, its number not used up."""
    chain_broken: Mapped[bool]
    """True when `prev` does not name the report before it: a flag, nothing is refused for it."""
    credited: Mapped[list[Any]] = mapped_column(JSONB)
    """[[start_ms, end_ms, local date, late], ...]; with `excess_ms` as a fifth where that is not 0"""
    refused: Mapped[list[Any]] = mapped_column(JSONB)
    """[[start_ms, end_ms, code of MODEL 1.2], ...]"""
    seen: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """All the decision saw beside the statement (`replay.py` writes and reads it); None without a decision."""
    evidence_batch: Mapped[int] = evidence_batch()


class Delivery(Ledger, Base):
    """A block whose key was handed out: from then on its media counts as delivered (MODEL 1.8)."""

    __tablename__ = "delivery"
    __table_args__ = (by_batch(),)

    learner_id: Mapped[UUID] = mapped_column(ForeignKey(LEARNER), primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey(UNIT), primary_key=True)
    block: Mapped[int] = mapped_column(primary_key=True)
    sitting_id: Mapped[UUID] = mapped_column(ForeignKey(SITTING))
    given_ms: Mapped[int]
    evidence_batch: Mapped[int] = evidence_batch()


class PageView(Ledger, Base):
    """A page of a unit of pages was shown in a sitting. The last one of a sitting is the page that is read there."""

    __tablename__ = "page_view"
    __table_args__ = (by_batch(),)

    sitting_id: Mapped[UUID] = mapped_column(ForeignKey(SITTING), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    """1, 2, ... within the sitting."""
    page: Mapped[int]
    """Its block."""
    shown_ms: Mapped[int]
    after_seq: Mapped[int]
    """The last report decided before: none of what it left unspent is worth anything on this page."""
    evidence_batch: Mapped[int] = evidence_batch()


class Licence(Ledger, Base):
    """All of a unit's keys were sealed to a device for offline study: all its media counts as delivered (MODEL 1.8)."""

    __tablename__ = "licence"
    __table_args__ = (
        by_batch(),
        sa.CheckConstraint("issued_ms < expires_ms", name="lasts"),
        sa.Index(None, "learner_id", "unit_id", "device"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    learner_id: Mapped[UUID] = mapped_column(ForeignKey(LEARNER))
    unit_id: Mapped[UUID] = mapped_column(ForeignKey(UNIT))
    device: Mapped[str]
    """RFC 7638 thumbprint of the device's signing key."""
    agreement: Mapped[str]
    """The same of the key that the licence was sealed to."""
    sitting_id: Mapped[UUID] = mapped_column(ForeignKey(SITTING))
    issued_ms: Mapped[int]
    expires_ms: Mapped[int]
    """The device plays it no longer then. Nothing here depends on it: credit is bounded by the other rules."""
    policy: Mapped[str] = mapped_column(ForeignKey(POLICY))
    evidence_batch: Mapped[int] = evidence_batch()


class PresenceCheck(Base):
    """One check put to a learner, in one of the ways of `providers`, and how it went."""

    __tablename__ = "presence_check"
    __table_args__ = (
        by_batch(),
        sa.CheckConstraint("outcome IN ('passed', 'failed', 'expired', 'withdrawn')", name="outcome"),
        sa.CheckConstraint("(outcome IS NULL) = (decided_ms IS NULL)", name="decided_has_outcome"),
        sa.CheckConstraint("method IN ('question', 'one_time_code', 'webauthn', 'face')", name="method"),
        sa.CheckConstraint("(method = 'question') = (question_id IS NOT NULL)", name="question_has_question"),
        sa.Index("uq_presence_check_open", "learner_id", unique=True, postgresql_where=sa.text("outcome IS NULL")),
        sa.Index(None, "learner_id", "unit_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    learner_id: Mapped[UUID] = mapped_column(ForeignKey(LEARNER))
    sitting_id: Mapped[UUID] = mapped_column(ForeignKey(SITTING))
    unit_id: Mapped[UUID] = mapped_column(ForeignKey(UNIT))
    method: Mapped[str] = mapped_column(default="question", server_default="question")
    question_id: Mapped[UUID | None] = mapped_column(ForeignKey("elearn.question.id"))
    number: Mapped[int]
    """Of the draw from the secret stream; a check that took the place of a withdrawn one has the same."""
    shown: Mapped[list[int]] = mapped_column(JSONB)
    """The question's options in the order they were shown: what the learner calls 0 is option `shown[0]`."""
    challenge: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What a method other than questions asks for and found; never what would answer it. `withdrawn` says why."""
    from_ms: Mapped[int]
    to_ms: Mapped[int]
    """The media it asks about."""
    policy: Mapped[str] = mapped_column(ForeignKey(POLICY))
    put_ms: Mapped[int]
    deadline_ms: Mapped[int]
    tries: Mapped[list[Any]] = mapped_column(JSONB)
    """Each try so far: of a question its own option numbers, else a digest."""
    outcome: Mapped[str | None]
    decided_ms: Mapped[int | None]
    evidence_batch: Mapped[int | None]
    """Of its outcome; a trigger sets it. One that was put aside may come back: its is that of what took its place."""


class WatchedSpan(Ledger, Base):
    """One change to what is believed of a learner's watching. The truth behind `believed_span`."""

    __tablename__ = "watched_span"
    __table_args__ = (
        by_batch(),
        sa.UniqueConstraint("reverses_id"),
        sa.CheckConstraint("0 <= start_ms AND start_ms < end_ms", name="holds_media"),
        sa.CheckConstraint("0 <= excess_ms AND excess_ms <= end_ms - start_ms", name="excess"),
        sa.CheckConstraint(
            "CASE kind WHEN 'pending' THEN statement_id IS NOT NULL AND sitting_id IS NOT NULL AND reverses_id IS NULL "
            "WHEN 'final' THEN check_id IS NOT NULL AND cardinality(settles) > 0 AND reverses_id IS NULL "
            "WHEN 'reversal' THEN reverses_id IS NOT NULL AND reason IS NOT NULL ELSE false END",
            name="says_why",
        ),
        sa.Index(None, "learner_id", "unit_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str]
    learner_id: Mapped[UUID] = mapped_column(ForeignKey(LEARNER))
    unit_id: Mapped[UUID] = mapped_column(ForeignKey(UNIT))
    class_id: Mapped[UUID | None] = mapped_column(ForeignKey("elearn.training_class.id"))
    sitting_id: Mapped[UUID | None] = mapped_column(ForeignKey(SITTING))
    """Where a pending row was earned; None on the others, which may join several sittings."""
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    on: Mapped[date]
    """The local day it counts on."""
    late: Mapped[bool]
    """True when some of it was heard later than ONLINE after it was played."""
    excess_ms: Mapped[int] = mapped_column(server_default="0")
    """Media beyond the real time it took, where rules count real time: watched, and no hours. What it is worth in
    hours is `end_ms - start_ms - excess_ms`."""
    statement_id: Mapped[UUID | None]
    check_id: Mapped[UUID | None] = mapped_column(ForeignKey("elearn.presence_check.id"))
    settles: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid()))
    """The pending rows that a final row puts behind a passed check."""
    reverses_id: Mapped[UUID | None] = mapped_column(ForeignKey("elearn.watched_span.id"))
    reason: Mapped[str | None]
    policy: Mapped[str]
    heard_at: Mapped[datetime]
    evidence_batch: Mapped[int] = evidence_batch()


class BelievedSpan(Base):
    """What is believed now, each moment of media once. Rebuilt from `watched_span` and compared by `ledger check`."""

    __tablename__ = "believed_span"
    __table_args__ = (
        sa.CheckConstraint("state IN ('pending', 'final')", name="state"),
        sa.CheckConstraint("NOT isempty(media) AND lower_inf(media) = false", name="holds_media"),
        ExcludeConstraint(
            ("learner_id", "="), ("unit_id", "="), ("media", "&&"), name="ex_believed_span_once", using="gist"
        ),
        sa.Index(None, "learner_id", "unit_id"),
        {"postgresql_with": {"autovacuum_vacuum_scale_factor": 0.01, "autovacuum_vacuum_threshold": 500}},
    )

    watched_span_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.watched_span.id"), primary_key=True)
    learner_id: Mapped[UUID]
    unit_id: Mapped[UUID]
    state: Mapped[str]
    media: Mapped[Range[int]] = mapped_column(INT8RANGE)
