"""Tables of rosters: a file that somebody looks at, its lines, and the numbers that employers give their people.

Whatever a file says of people lies sealed under a key of the draft's own; with that key all of it is forgotten.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, new_id


class DraftState(StrEnum):
    READING = "reading"
    UNREADABLE = "unreadable"
    READY = "ready"
    TAKING = "taking"
    DONE = "done"
    FORGOTTEN = "forgotten"
    """Withdrawn, or its week is over: counts are left."""


class RosterDraft(Base):
    """A roster that somebody sent for an employer, until it is taken or forgotten."""

    __tablename__ = "roster_draft"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"), index=True)
    """The employer."""
    asked_by: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    state: Mapped[str]
    file_name: Mapped[str]
    categories: Mapped[dict[str, str]] = mapped_column(JSONB)
    """What cells may call a category -> its id, as it was when the file came."""
    data_key: Mapped[bytes | None]
    """Of this draft, wrapped under the sealing key. None: forgotten."""
    content_sealed: Mapped[bytes | None] = mapped_column(deferred=True)
    """The file, until it is read."""
    header_sealed: Mapped[bytes | None]
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Why it cannot be read: `detail` (message id) and `facts`."""
    total: Mapped[int]
    """Lines."""
    done: Mapped[int]
    """Lines that were looked at, or taken."""
    counts: Mapped[dict[str, int]] = mapped_column(JSONB)
    """By verdict and change, as they were when it was read."""
    new_units: Mapped[list[list[str]]] = mapped_column(JSONB)
    """Ways to units that are missing."""
    present: Mapped[int]
    """Members of the employer when it was read."""
    missing: Mapped[int]
    """Of these, who is not in the file."""
    wishes: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What was chosen when it was confirmed."""
    result: Mapped[dict[str, int]] = mapped_column(JSONB)
    """What came of it."""
    employers: Mapped[dict[str, dict[str, Any]]] = mapped_column(JSONB, default=dict, server_default="{}")
    """A group's roster: employer -> its part (`companies.Part`). Empty: all rows are of one employer."""
    created_at: Mapped[datetime]
    taken_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.person.id"))
    taken_at: Mapped[datetime | None]
    """When it was confirmed."""


class RosterLine(Base):
    """One line of the file."""

    __tablename__ = "roster_line"
    __table_args__ = (
        sa.Index(None, "draft_id", "verdict", "line"),
        sa.Index(
            "ix_roster_line_document_index", "document_index", postgresql_where=sa.text("document_index IS NOT NULL")
        ),
    )

    draft_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.roster_draft.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document_index: Mapped[bytes | None]
    employer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.organisation.id"))
    """Whose the row is, in a group's roster."""
    verdict: Mapped[str]
    """What taking it would do; after that, what it did."""
    changes: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    taken: Mapped[bool]
    content_sealed: Mapped[bytes | None]
    """What stands there; None once it is taken."""


class StaffNumber(Base):
    """The number (工号) that an employer gave somebody."""

    __tablename__ = "staff_number"

    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"), primary_key=True, index=True)
    number: Mapped[str]
