"""The tables of videos on their way: as they arrive, and while a job packages them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Word, new_id, one_of


class UploadState(StrEnum):
    WAITING = "waiting"
    """Stored; the job has not begun."""
    PACKAGING = "packaging"
    PLACING = "placing"
    """The unit exists; its files are being moved to where they are served from."""
    DONE = "done"
    FAILED = "failed"


class Upload(Base):
    """A video on its way to become a unit; what the page shows while a job packages it."""

    __tablename__ = "upload"
    __table_args__ = (
        one_of("state", UploadState, "state"),
        CheckConstraint("progress_permille BETWEEN 0 AND 1000", name="progress"),
        Index("ix_upload_lesson_id", "lesson_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    lesson_id: Mapped[UUID] = mapped_column(ForeignKey("lesson.id"))
    file_name: Mapped[str]
    """As its sender calls it: shown, never used as a path."""
    size_bytes: Mapped[int]
    state: Mapped[UploadState] = mapped_column(Word(UploadState))
    stage: Mapped[str]
    progress_permille: Mapped[int] = mapped_column(SmallInteger)
    error_code: Mapped[str | None]
    error_facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("unit.id"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ArrivingFile(Base):
    """A video on its way in pieces (tus). How much is here is the size of its file, so a restart loses nothing."""

    __tablename__ = "arriving_file"
    __table_args__ = (CheckConstraint("length_bytes > 0", name="length_bytes"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    """Also of the upload that it becomes."""
    lesson_id: Mapped[UUID] = mapped_column(ForeignKey("lesson.id"), index=True)
    file_name: Mapped[str]
    length_bytes: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    """Moved on by each piece; then it is gone."""
    arrived_at: Mapped[datetime | None]
    """Whole: an upload of the same id stands for it from now on."""
