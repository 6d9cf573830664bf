"""The tables of the bank. Written by `bank` alone.

What may not happen whatever program writes (a question that somebody was asked is changed, somebody reviews their own
question) stands in the database: constraints, and the triggers of the migration that made these tables.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from elearn.courses.questions.formats import Format
from elearn.courses.questions.kinds import Difficulty, Kind
from elearn.db import Base, Word, new_id, one_of


class BankQuestion(Base):
    """A question of an institution's bank, through all its versions. Where it belongs never changes."""

    __tablename__ = "bank_question"
    __table_args__ = (Index("ix_bank_question_institution_id_outline_item_id", "institution_id", "outline_item_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    institution_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    outline_item_id: Mapped[UUID] = mapped_column(ForeignKey("outline_item.id"))
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("unit.id"), index=True)
    """The version of a lesson it is about, if it is about one."""
    created_at: Mapped[datetime]


class BankVersion(Base):
    """What a question says: draft, then reviewed by a second person, then retired. Reviewed, it never changes."""

    __tablename__ = "bank_version"
    __table_args__ = (
        UniqueConstraint("question_id", "version"),
        one_of("kind", Kind, "kind"),
        one_of("difficulty", Difficulty, "difficulty"),
        CheckConstraint("num_nulls(reviewed_by, reviewed_at, review_due_on) IN (0, 3)", name="reviewed_whole"),
        CheckConstraint("reviewed_by <> written_by", name="two_people"),
        CheckConstraint("num_nulls(looked_by, looked_at) IN (0, 2)", name="looked_whole"),
        CheckConstraint("num_nulls(retired_by, retired_at) IN (0, 2)", name="retired_whole"),
        Index(
            "uq_bank_version_asked",
            "question_id",
            unique=True,
            postgresql_where=sa.text("reviewed_at IS NOT NULL AND retired_at IS NULL"),
        ),
        Index(
            "uq_bank_version_draft",
            "question_id",
            unique=True,
            postgresql_where=sa.text("reviewed_at IS NULL AND retired_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    question_id: Mapped[UUID] = mapped_column(ForeignKey("bank_question.id"))
    version: Mapped[int] = mapped_column(SmallInteger)
    kind: Mapped[Kind] = mapped_column(Word(Kind))
    difficulty: Mapped[Difficulty] = mapped_column(Word(Difficulty))
    stem: Mapped[str]
    """The first words again, for lists and for searching."""
    content: Mapped[str]
    """JSON of `kinds.Content`."""
    digest: Mapped[str] = mapped_column(index=True)
    """SHA-256 of the content."""
    written_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    written_at: Mapped[datetime]
    reviewed_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    reviewed_at: Mapped[datetime | None]
    review_due_on: Mapped[date | None]
    """When it is to be looked at again: a year after the last look (题库每年修改完善)."""
    looked_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    looked_at: Mapped[datetime | None]
    """The last yearly look that found nothing to change."""
    retired_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    retired_at: Mapped[datetime | None]


class BankImage(Base):
    """A picture of an institution's questions: written by us, whatever was sent."""

    __tablename__ = "bank_image"

    institution_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    data: Mapped[bytes] = mapped_column(deferred=True)
    created_at: Mapped[datetime]


class BankImport(Base):
    """A file that was taken into the bank, whole."""

    __tablename__ = "bank_import"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    institution_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    outline_id: Mapped[UUID] = mapped_column(ForeignKey("outline.id"))
    file_name: Mapped[str]
    format: Mapped[Format] = mapped_column(Word(Format))
    sha256: Mapped[str]
    taken: Mapped[int]
    known: Mapped[int]
    """Questions that the bank had already."""
    left_out: Mapped[int]
    """Questions of kinds that the bank does not have, left out because the importer said so."""
    imported_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    imported_at: Mapped[datetime]
