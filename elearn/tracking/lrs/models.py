"""The tables of the record store. Written by `store.py` in one command, read by SQL; no row is ever an object.

Keys are 128-bit hashes (`check.key_of`) of an IRI or an actor's identifier: an index entry stays small however
long the IRI is (B-tree entries end at 2.7 kB), and what was said stands in `raw`, exactly as it came.
"""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger

PARTITION = re.compile(r"statement_(\d{4}_\d{2}|id_\d{2}|default)")
"""Names of partitions: they exist in a database beside what the models say (months come by a job)."""


class Statement(Ledger, Base):
    """One xAPI statement: its exact text, and what is asked for by."""

    __tablename__ = "statement"
    __table_args__ = (
        sa.Index(None, "actor_key", "stored_at"),
        sa.Index(None, "verb_key", "stored_at"),
        sa.Index(None, "activity_key", "stored_at"),
        sa.Index(None, "registration", "stored_at", postgresql_where=sa.text("registration IS NOT NULL")),
        {"postgresql_partition_by": "RANGE (stored_at)"},
    )

    stored_at: Mapped[datetime] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    happened_at: Mapped[datetime]
    """The statement's `timestamp` (the sender's clock, never used to decide), else `stored_at`."""
    verb_key: Mapped[UUID]
    actor_key: Mapped[UUID | None]
    """Of the actor's inverse functional identifier; null for an anonymous group."""
    activity_key: Mapped[UUID | None]
    """Of the object's id, when the object is an activity."""
    registration: Mapped[UUID | None]
    voids: Mapped[UUID | None]
    """The statement this one takes back. Such a statement can itself not be voided (xAPI Data 2.3.2)."""
    authority_id: Mapped[UUID | None]
    """The credential it came by; null for what a sitting sent, for which this platform itself stands."""
    sitting_id: Mapped[UUID | None]
    version: Mapped[str]
    """What `version` an answer shows when the statement names none: "1.0.0" or "2.0.0"."""
    raw: Mapped[str]
    """The statement's JSON text as it was sent: the same bytes in UTF-8."""


class StatementId(Ledger, Base):
    """Every id once, over all months."""

    __tablename__ = "statement_id"
    __table_args__ = {"postgresql_partition_by": "HASH (id)"}  # noqa: RUF012 - SQLAlchemy's own shape

    id: Mapped[UUID] = mapped_column(primary_key=True)
    stored_at: Mapped[datetime]
    digest: Mapped[bytes]
    """SHA-256 of what counts when two statements are compared (xAPI Data 2.3.1)."""


class StatementVoiding(Ledger, Base):
    """Which statement takes back which; the target may arrive later, or never."""

    __tablename__ = "statement_voiding"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    target_id: Mapped[UUID] = mapped_column(index=True)
    stored_at: Mapped[datetime]


class Credential(Base):
    """A key that may use /xapi/. Its secret is shown once and kept as a keyed hash."""

    __tablename__ = "lrs_credential"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[bytes]
    label: Mapped[str]
    organisation_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organisation.id"))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
