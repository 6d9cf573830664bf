"""Tables of the log: its leaves, its published checkpoints, and the key that ties a person to a subject of it.

What a leaf says stands in `raw`, the exact bytes that were hashed; the other columns repeat parts of it so that they
can be looked up and joined, and `elearn ledger check` compares them. The tables of the log are written by
`appending.py` and `publishing.py` alone.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, new_id
from elearn.tracking.attendance import models as attendance  # noqa: F401 - leaves name its lines


class SubjectKey(Base):
    """A person's own random key: `sub` in the log is made by it. Without it nobody can say whose leaves those are.

    A trigger deletes the row when the person is erased (migration 0021), whoever does that by whatever program.
    """

    __tablename__ = "subject_key"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.person.id"), primary_key=True)
    sealed: Mapped[bytes]
    """32 bytes under the sealing key, bound to the person (elearn.sealing)."""


class EvidenceClosing(Ledger, Base):
    """A batch of evidence that was closed: what is written from then on belongs to the next.

    A transaction under way may still write into it: as soon as none goes on that is older than `waits_for`, the batch
    holds all it ever will.
    """

    __tablename__ = "evidence_closing"
    __table_args__ = (sa.CheckConstraint("from_ms < to_ms", name="minute"),)

    batch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Holds the rows of this number, and of those above the closing before it."""
    from_ms: Mapped[int]
    to_ms: Mapped[int]
    """[from_ms, to_ms): from one closing to the next, epoch milliseconds that never run backwards."""
    waits_for: Mapped[int]
    """The number of the transaction that closed it (xid8)."""


class LedgerLeaf(Ledger, Base):
    """One leaf of a yearly log. It counts as soon as a published checkpoint is larger than its index, not before."""

    __tablename__ = "ledger_leaf"
    __table_args__ = (
        sa.CheckConstraint("index >= 0", name="index"),
        sa.CheckConstraint("octet_length(hash) = 32", name="hash"),
        sa.CheckConstraint("octet_length(raw) <= 65535", name="raw"),
        sa.CheckConstraint("kind IN ('credit', 'attend', 'void', 'evidence', 'unit', 'policy', 'key')", name="kind"),
        sa.CheckConstraint(
            "(kind IN ('credit', 'attend', 'void')) = (num_nulls(sub, n, counts_as, ms, total) = 0) "
            "AND num_nulls(sub, n, counts_as, ms, total) IN (0, 5)",
            name="chain",
        ),
        sa.CheckConstraint(
            "(kind = 'evidence') = (num_nulls(from_ms, to_ms, batch) = 0) "
            "AND num_nulls(from_ms, to_ms, batch) IN (0, 3)",
            name="minute",
        ),
        sa.CheckConstraint("(kind = 'void') = (voids_index IS NOT NULL)", name="void"),
        ForeignKeyConstraint(["origin", "voids_index"], ["elearn.ledger_leaf.origin", "elearn.ledger_leaf.index"]),
        # No chain has two leaves of one number, nothing is taken back twice, no minute is proved twice.
        sa.Index("uq_ledger_leaf_chain", "origin", "sub", "n", unique=True, postgresql_where=sa.text("n IS NOT NULL")),
        sa.Index(
            "uq_ledger_leaf_voids",
            "origin",
            "voids_index",
            unique=True,
            postgresql_where=sa.text("voids_index IS NOT NULL"),
        ),
        sa.Index("uq_ledger_leaf_batch", "batch", unique=True, postgresql_where=sa.text("batch IS NOT NULL")),
        sa.Index("ix_ledger_leaf_total", "origin", "sub", "counts_as", "n", postgresql_where=sa.text("n IS NOT NULL")),
        sa.Index("ix_ledger_leaf_names", "origin", "names", "index", postgresql_where=sa.text("names IS NOT NULL")),
        sa.Index(None, "hash"),
        sa.UniqueConstraint("watched_span_id", "origin"),
        sa.UniqueConstraint("attendance_line_id", "origin"),
    )

    origin: Mapped[str] = mapped_column(primary_key=True)
    """`{host}/ledger/{year}`: the log."""
    index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """0, 1, 2, ... without a gap."""
    kind: Mapped[str]
    raw: Mapped[str]
    """RFC 8785 JSON: the leaf itself."""
    hash: Mapped[bytes]
    """RFC 6962: SHA-256 of a zero byte and the leaf."""
    at: Mapped[datetime]
    """When it was appended; never before the leaf before it."""
    sub: Mapped[str | None]
    n: Mapped[int | None]
    """1, 2, 3 ... in the chain of its subject."""
    counts_as: Mapped[str | None]
    """`online/theory`: the modality and kind that `total` adds up."""
    ms: Mapped[int | None]
    """What it changes the total by; of a void below zero."""
    total: Mapped[int | None]
    names: Mapped[str | None]
    """What a unit or policy leaf is about, as credit leaves name it."""
    from_ms: Mapped[int | None]
    to_ms: Mapped[int | None]
    """The time of an evidence leaf: [from_ms, to_ms), epoch milliseconds."""
    batch: Mapped[int | None] = mapped_column(ForeignKey("elearn.evidence_closing.batch"))
    """The batch that an evidence leaf proves."""
    watched_span_id: Mapped[UUID | None] = mapped_column(ForeignKey("elearn.watched_span.id"))
    """The final row that a credit leaf is made from, or the reversal of one. Unique in a log: a span is credited once.
    A log that was given up may hold it, too."""
    attendance_line_id: Mapped[UUID | None] = mapped_column(ForeignKey("elearn.attendance_line.id"))
    """The same of an attend leaf: the line of a confirmed list that it is made from, or that takes one back."""
    voids_index: Mapped[int | None]
    """The leaf of the same log that a void takes back."""


class LedgerCheckpoint(Ledger, Base):
    """A checkpoint that met the quorum and was published. Every leaf below its size is credited."""

    __tablename__ = "ledger_checkpoint"
    __table_args__ = (
        sa.CheckConstraint("size > 0", name="size"),
        sa.CheckConstraint("octet_length(root) = 32", name="root"),
    )

    origin: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    root: Mapped[bytes]
    note: Mapped[str]
    """The signed note with all cosignatures it had when it was published."""
    witnessed: Mapped[bool]
    """Did anybody but us sign it? Without a quorum of witnesses nobody does, and the record says so."""
    signed_at: Mapped[datetime]


class LedgerMark(Base):
    """How far hours were entered from a log. Not a ledger: it saves work, and may be lost."""

    __tablename__ = "ledger_mark"

    origin: Mapped[str] = mapped_column(primary_key=True)
    entered_to: Mapped[int]


class EvidenceDraw(Ledger, Base):
    """What an authority may ask the raw evidence of: what one checkpoint draws of [from_index, to_index), or, ordered
    by a person for a reason, all of it. Draws of one receiver follow one another: a leaf stands in one of them."""

    __tablename__ = "evidence_draw"
    __table_args__ = (
        sa.CheckConstraint("0 <= from_index AND from_index < to_index", name="leaves"),
        sa.CheckConstraint("num_nulls(root, per_million) IN (0, 2)", name="draw"),
        sa.CheckConstraint("num_nulls(reason, ordered_by) IN (0, 2)", name="order"),
        sa.CheckConstraint("(root IS NULL) = (reason IS NOT NULL)", name="draw_or_order"),
        sa.Index(
            "uq_evidence_draw_once",
            "receiver_id",
            "origin",
            "from_index",
            unique=True,
            postgresql_where=sa.text("root IS NOT NULL"),
        ),
        sa.Index(None, "receiver_id", "origin", "to_index"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    receiver_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.receiver.id"))
    origin: Mapped[str]
    from_index: Mapped[int]
    to_index: Mapped[int]
    """Of a draw, the size of its checkpoint."""
    root: Mapped[bytes | None]
    per_million: Mapped[int | None]
    """The share that was drawn, by the settings of that day."""
    reason: Mapped[str | None]
    ordered_by: Mapped[str | None]
    """Who ran the command, as the machine calls them."""
    at: Mapped[datetime]


class LedgerStamp(Ledger, Base):
    """What a time stamp authority said of a checkpoint (RFC 3161): that this text was there at that time."""

    __tablename__ = "ledger_stamp"
    __table_args__ = (sa.ForeignKeyConstraint(["origin", "size"], [LedgerCheckpoint.origin, LedgerCheckpoint.size]),)

    origin: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reply: Mapped[bytes]
    """The TimeStampResp, in DER, over the three lines of the checkpoint."""
    stamped_at: Mapped[datetime]
    """By the authority's clock."""
    made_at: Mapped[datetime]
    """By ours."""
