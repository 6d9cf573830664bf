"""Copies of enterprise archives that a job prepared, and who took an archive of a person or an enterprise away."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, new_id

PERSON = "elearn.person.id"


class EnterpriseArchive(Base):
    """The archive of a node and a year, made by a job; it lies here sealed for some days. Its sources stay."""

    __tablename__ = "enterprise_archive"
    __table_args__ = (
        sa.CheckConstraint("state IN ('waiting', 'ready', 'failed', 'gone')", name="state"),
        sa.CheckConstraint(
            "(state = 'ready') = (num_nulls(content_sealed, sha256, people, expires_at) = 0)", name="ready_is_there"
        ),
        sa.Index(None, "unit_id", "asked_at"),
        sa.Index(None, "expires_at", postgresql_where=sa.text("state = 'ready'")),
        sa.Index(
            "uq_enterprise_archive_waiting", "unit_id", "year", "full_names", unique=True,
            postgresql_where=sa.text("state = 'waiting'"),
        ),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"))
    year: Mapped[int]
    full_names: Mapped[bool]
    """Else names are masked, as an inspector's link shows them."""
    state: Mapped[str]
    asked_by: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    sha256: Mapped[str | None]
    """Of its manifest, hex."""
    people: Mapped[int | None]
    content_sealed: Mapped[bytes | None] = mapped_column(deferred=True)
    """The file, under the sealing key of the house."""


class TrainingArchiveTaken(Ledger, Base):
    """An archive of a person or of an enterprise left the house. Whose data stands in `disclosure` too."""

    __tablename__ = "training_archive_taken"
    __table_args__ = (sa.Index(None, "unit_id", "at"), sa.Index(None, "person_id", "at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    unit_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"))
    """The node; of one person: the employer."""
    person_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey(PERSON))
    """Whose it is; None: an enterprise's."""
    by_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey(PERSON))
    """None: an inspector, with `link_id`."""
    link_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.inspector_link.id"))
    manifest: Mapped[str]
    """SHA-256 of its manifest, hex: which state it was."""
    people: Mapped[int]
    at: Mapped[datetime]
