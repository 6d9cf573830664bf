"""Tables of the archive: what learners signed, copies that a job prepared, and who took one away."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, new_id

PERSON = "elearn.person.id"
CLASS = "elearn.training_class.id"


class HoursSignature(Ledger, Base):
    """A learner signed what a class has of them: hours and tests, as they stood then. A change is signed again."""

    __tablename__ = "hours_signature"
    __table_args__ = (
        sa.UniqueConstraint("class_id", "person_id", "number"),
        sa.CheckConstraint("number > 0", name="number"),
        sa.CheckConstraint("method IN ('drawing', 'webauthn')", name="method"),
        sa.CheckConstraint("(method = 'webauthn') = (key_id IS NOT NULL)", name="key_of_its_method"),
        sa.CheckConstraint("digest = encode(sha256(convert_to(said, 'UTF8')), 'hex')", name="digest"),
        sa.Index(None, "person_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    class_id: Mapped[UUID] = mapped_column(sa.ForeignKey(CLASS))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    number: Mapped[int]
    """1, 2, 3 of this person in this class; the last one holds, while what it says is still so."""
    method: Mapped[str]
    said: Mapped[str]
    """What was signed: RFC 8785 JSON (`statement.py`); no name stands in it."""
    digest: Mapped[str]
    """SHA-256 of `said`, hex."""
    proof_sealed: Mapped[bytes] = mapped_column(deferred=True)
    """The drawing (PNG) or the answer of the key (JSON), in base64 under the person's own key: erasing the person
    makes it unreadable."""
    proof_sha256: Mapped[str]
    """Of the drawing or answer in the clear, hex."""
    key_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.security_key.id"))
    signed_at: Mapped[datetime]


class PreparedArchive(Base):
    """An archive that is too large to be made while somebody waits: a job makes it, and it lies here for a day.

    What it is made of stays in its own tables, so nothing is lost when a copy goes.
    """

    __tablename__ = "prepared_archive"
    __table_args__ = (
        sa.CheckConstraint("state IN ('waiting', 'ready', 'failed', 'gone')", name="state"),
        sa.CheckConstraint(
            "(state = 'ready') = (num_nulls(content_sealed, sha256, expires_at) = 0)", name="ready_is_there"
        ),
        sa.Index(None, "class_id", "asked_at"),
        sa.Index(None, "expires_at", postgresql_where=sa.text("state = 'ready'")),
        sa.Index("uq_prepared_archive_waiting", "class_id", unique=True, postgresql_where=sa.text("state = 'waiting'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    class_id: Mapped[UUID] = mapped_column(sa.ForeignKey(CLASS))
    state: Mapped[str]
    asked_by: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    sha256: Mapped[str | None]
    """Of its manifest, hex."""
    content_sealed: Mapped[bytes | None] = mapped_column(deferred=True)
    """The file, under the sealing key of the house."""


class ArchiveTaken(Ledger, Base):
    """An archive left the house. Whose data were in it stands in `disclosure`, a row for each person."""

    __tablename__ = "archive_taken"
    __table_args__ = (sa.Index(None, "class_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    class_id: Mapped[UUID] = mapped_column(sa.ForeignKey(CLASS))
    by_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey(PERSON))
    """None: the command line."""
    manifest: Mapped[str]
    """SHA-256 of its manifest, hex: which state it was."""
    people: Mapped[int]
    at: Mapped[datetime]
