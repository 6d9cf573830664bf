"""The tables of the record store.

What belongs to statements is written by a few commands (`statements/`, `things/`) and read by SQL: no row of it is ever
an object. Documents are `documents/`', keys that may use the store `access/`', other record stores `streams/`'.

Keys (`..._key`) are 128-bit hashes (`rules/keys.py`) of an IRI or an actor's identifier: an index entry stays small
however long the IRI is (B-tree entries end at 2.7 kB), and what was said stands in `raw`, exactly as it came.
"""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger

PARTITION = re.compile(r"statement_((relation_)?(\d{4}_\d{2}|default)|id_\d{2})")
"""Names of partitions: they exist in a database beside what the models say (months come by a job)."""

NIL = UUID(int=0)
"""In a column where null would mean all of them, or that belongs to a key: none."""


class Statement(Ledger, Base):
    """One xAPI statement: its exact text, and what is asked for by."""

    __tablename__ = "statement"
    __table_args__ = (
        sa.Index(None, "actor_key", "stored_at"),
        sa.Index(None, "actor_key", "verb_key", "stored_at"),
        sa.Index(None, "actor_key", "activity_key", "stored_at"),
        sa.Index(None, "verb_key", "stored_at"),
        sa.Index(None, "activity_key", "stored_at"),
        sa.Index(None, "registration", "stored_at", postgresql_where=sa.text("registration IS NOT NULL")),
        sa.Index(None, "authority_id", "stored_at", postgresql_where=sa.text("authority_id IS NOT NULL")),
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
    organisation_id: Mapped[UUID | None]
    """Of the voider's credential. It takes back statements of this organisation's credentials only; null: anybody's."""


class StatementRelation(Ledger, Base):
    """Whom and what a statement is about in a wider sense than its columns say (`relations.py` holds the kinds)."""

    __tablename__ = "statement_relation"
    __table_args__ = (
        sa.Index("ix_statement_relation_own", "key", "kind", "stored_at", postgresql_where=sa.text("face_id IS NULL")),
        sa.Index(
            "ix_statement_relation_face", "key", "kind", "stored_at", postgresql_where=sa.text("face_id IS NOT NULL")
        ),
        {"postgresql_partition_by": "RANGE (stored_at)"},
    )

    key: Mapped[UUID] = mapped_column()
    kind: Mapped[int] = mapped_column(sa.SmallInteger)
    stored_at: Mapped[datetime] = mapped_column()
    id: Mapped[UUID] = mapped_column()
    face_id: Mapped[UUID | None]
    """Set when it is not this statement that is about it, but the one of this id that it refers to."""
    __mapper_args__ = {"primary_key": [key, kind, stored_at, id]}  # noqa: RUF012 - no unique index stands behind it


class StatementReference(Ledger, Base):
    """Which statement has which other one as its object (a StatementRef, voiding or not); the other may never come."""

    __tablename__ = "statement_reference"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    target_id: Mapped[UUID] = mapped_column(index=True)
    stored_at: Mapped[datetime]
    """Of the statement that refers."""


class StatementFace(Ledger, Base):
    """What a statement is also found by: a statement that it refers to, straight or through others.

    xAPI Communication 2.1.3, "Filter Conditions for StatementRefs". The columns are the other one's.
    """

    __tablename__ = "statement_face"
    __table_args__ = (
        sa.Index(None, "actor_key", "stored_at"),
        sa.Index(None, "verb_key", "stored_at"),
        sa.Index(None, "activity_key", "stored_at"),
        sa.Index(None, "registration", "stored_at", postgresql_where=sa.text("registration IS NOT NULL")),
        sa.Index(None, "authority_id", "stored_at", postgresql_where=sa.text("authority_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    target_id: Mapped[UUID] = mapped_column(primary_key=True)
    stored_at: Mapped[datetime]
    target_stored_at: Mapped[datetime]
    verb_key: Mapped[UUID]
    actor_key: Mapped[UUID | None]
    activity_key: Mapped[UUID | None]
    registration: Mapped[UUID | None]
    authority_id: Mapped[UUID | None]


class StatementAttachment(Ledger, Base):
    """Which attachments of a statement came with their data."""

    __tablename__ = "statement_attachment"

    stored_at: Mapped[datetime] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)
    sha2: Mapped[str]
    """Hexadecimal in small letters."""
    content_type: Mapped[str]


class AttachmentContent(Ledger, Base):
    """What was attached, each content once (stored as it is, outside the row: most of it is packed already)."""

    __tablename__ = "attachment_content"

    sha2: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes]
    size: Mapped[int]


class ActivityDefinition(Ledger, Base):
    """What was said about an activity; what is believed of it is all of them folded in order of `stored_at`."""

    __tablename__ = "activity_definition"
    __table_args__ = (
        sa.Index(None, "activity_key", "stored_at"),
        sa.Index(None, "activity_key", "organisation_id", "stored_at"),
        sa.Index(None, "stored_at", postgresql_using="brin"),
        sa.Index(
            "ix_activity_definition_folds",
            "activity_key",
            "organisation_id",
            "stored_at",
            postgresql_where=sa.text("merged"),
        ),
    )

    activity_key: Mapped[UUID] = mapped_column()
    iri: Mapped[str]
    definition: Mapped[str]
    """JSON."""
    digest: Mapped[bytes] = mapped_column()
    """Of `definition`: what was said last is not written again in the same words, except by two at once."""
    stored_at: Mapped[datetime] = mapped_column()
    statement_id: Mapped[UUID | None]
    merged: Mapped[bool]
    """Not said by anybody: all that was said up to `stored_at`, folded (`things/folding.py`)."""
    organisation_id: Mapped[UUID | None] = mapped_column(server_default=str(NIL))
    """Of the credential that said it, the nil UUID when it has none. Null: a fold of what all of them said."""
    __mapper_args__ = {"primary_key": [activity_key, digest, stored_at]}  # noqa: RUF012 - no unique index here either


class Document(Base):
    """A document of the state, activity profile or agent profile resource; changed and deleted in place."""

    __tablename__ = "lrs_document"
    __table_args__ = (
        sa.Index("ix_lrs_document_listed", "organisation_id", "kind", "activity_key", "agent_key", "updated_at"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    """Of the credential; the nil UUID when it has none. Where a part of the key does not apply, the nil UUID too."""
    kind: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)
    """1 state, 2 activity profile, 3 agent profile."""
    activity_key: Mapped[UUID] = mapped_column(primary_key=True)
    agent_key: Mapped[UUID] = mapped_column(primary_key=True)
    registration: Mapped[UUID] = mapped_column(primary_key=True)
    id_key: Mapped[UUID] = mapped_column(primary_key=True)
    """`key_of(document_id)`: an index entry stays small however long the id is."""
    document_id: Mapped[str]
    activity_iri: Mapped[str | None]
    agent: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    content: Mapped[bytes]
    content_type: Mapped[str]
    etag: Mapped[str]
    updated_at: Mapped[datetime]


class Credential(Base):
    """A key that may use /xapi/. Its secret is shown once and kept as a keyed hash."""

    __tablename__ = "lrs_credential"
    __table_args__ = (sa.CheckConstraint("speaks IN ('1.0.3', '2.0.0')", name="speaks"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[bytes]
    label: Mapped[str]
    organisation_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organisation.id"))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    speaks: Mapped[str] = mapped_column(server_default="1.0.3")
    """Which xAPI its client speaks: what an answer names when the request did not say."""


class ForwardTarget(Base):
    """Another record store that gets every statement, in the order of storing (`streams/`)."""

    __tablename__ = "lrs_forward_target"
    __table_args__ = (sa.CheckConstraint("state IN ('active', 'paused', 'removed')", name="state"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(unique=True)
    endpoint: Mapped[str]
    """Its xAPI endpoint, with a slash at the end."""
    key: Mapped[str]
    sealed_secret: Mapped[bytes]
    """Empty once the target is removed."""
    organisation_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organisation.id"))
    """Whose keys' statements it gets; null: all there are."""
    speaks: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    """"1.0.3", "2.0.0" or both: statements of a version that it does not speak are dead letters at once."""
    private: Mapped[bool]
    """Whether it may be at a private address, and spoken to without TLS."""
    state: Mapped[str]
    cursor_stored_at: Mapped[datetime | None]
    cursor_id: Mapped[UUID | None]
    """The last statement that it answered for, or that became a failure; null: none yet."""
    sent: Mapped[int]
    """Statements it has taken."""
    attempts: Mapped[int]
    """Rounds in a row that it was not to be had."""
    next_try_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    """A job has it in hand until then at most."""
    last_error: Mapped[str | None]
    last_sent_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class ForwardFailure(Base):
    """A statement that a target did not take: to be tried again, or a dead letter. Deleted once it is taken."""

    __tablename__ = "lrs_forward_failure"
    __table_args__ = (sa.Index(None, "target_id", "next_try_at", postgresql_where=sa.text("NOT dead")),)

    target_id: Mapped[UUID] = mapped_column(sa.ForeignKey("lrs_forward_target.id"), primary_key=True)
    statement_id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[int | None]
    """Of the last answer; null: it was not sent, or nothing that can be read came back."""
    error: Mapped[str]
    attempts: Mapped[int]
    next_try_at: Mapped[datetime]
    dead: Mapped[bool]
    failed_at: Mapped[datetime]
