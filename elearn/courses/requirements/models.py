"""The tables of the catalogue: who loaded what when, and the rows. Both are only added to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, new_id


class RequirementLoad(Ledger, Base):
    """One loading of a catalogue, by whom, and what became of it."""

    __tablename__ = "requirement_load"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    version: Mapped[str]
    """What its authors call this edition."""
    file_name: Mapped[str]
    file_sha256: Mapped[str]
    unconfirmed: Mapped[bool]
    """Whether rows that nobody has confirmed were taken too."""
    rows: Mapped[int]
    """How many rows it added."""
    loaded_by: Mapped[str]
    loaded_at: Mapped[datetime]


class RequirementRow(Ledger, Base):
    """One row of the catalogue as it was loaded: `rows.SECTIONS` says what `content` holds."""

    __tablename__ = "requirement_row"
    __table_args__ = (
        sa.CheckConstraint("effective_to IS NULL OR effective_to >= effective_from", name="dates"),
        sa.Index("ix_requirement_row_slot", "section", "code", "region", "effective_from", "number"),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """1, 2, 3 in the order of loading: of two for one first day the later one holds."""
    load_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.requirement_load.id"))
    section: Mapped[str]
    code: Mapped[str]
    """The row's id in its section."""
    region: Mapped[str]
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    confirmed: Mapped[bool]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
