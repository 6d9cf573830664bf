"""Tables of attendance. Every row is written once; the database refuses a list that one person made and confirmed.

All of it is evidence (`evidence_batch`): the minute's root in the log proves each row.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ForeignKey, ForeignKeyConstraint
from sqlalchemy.dialects.postgresql import ARRAY, TSTZRANGE, ExcludeConstraint
from sqlalchemy.dialects.postgresql.ranges import Range
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, new_id
from elearn.tracking.models import by_batch, evidence_batch

PERSON = "elearn.person.id"
SESSION = "elearn.class_session.id"


class ClassSession(Ledger, Base):
    """A meeting of a class that was planned before it began. A wrong one is cancelled and planned anew."""

    __tablename__ = "class_session"
    __table_args__ = (
        by_batch(),
        sa.CheckConstraint("from_at < to_at", name="lasts"),
        sa.CheckConstraint("planned_at < from_at", name="planned_before"),
        sa.CheckConstraint("kind IN ('theory', 'practice')", name="kind"),
        sa.CheckConstraint("num_nulls(outline_item_id, unit_id) = 1", name="item_or_unit"),
        sa.Index(None, "class_id", "from_at"),
        sa.Index(None, "teacher_id", "from_at"),
        sa.Index(None, "from_at"),
        sa.Index(None, "unit_id", "from_at", postgresql_where=sa.text("unit_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    class_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.training_class.id"))
    outline_item_id: Mapped[UUID | None] = mapped_column(ForeignKey("elearn.outline_item.id"))
    """What its hours count towards; None: an enterprise's own training, under no outline."""
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("elearn.organisation.id"))
    """Of an enterprise's own training: whose people, and of all below, it is for. A trigger holds that."""
    kind: Mapped[str]
    """Theory or practice: the item's, or as the enterprise says."""
    teacher_id: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    place: Mapped[str]
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]
    planned_by: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    planned_at: Mapped[datetime]
    evidence_batch: Mapped[int] = evidence_batch()


class SessionCancelled(Ledger, Base):
    """It does not take place; nothing can be attended there any more."""

    __tablename__ = "class_session_cancelled"
    __table_args__ = (by_batch(),)

    session_id: Mapped[UUID] = mapped_column(ForeignKey(SESSION), primary_key=True)
    by_id: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    reason: Mapped[str]
    at: Mapped[datetime]
    evidence_batch: Mapped[int] = evidence_batch()


class AttendanceScan(Ledger, Base):
    """A learner came or went, by the code on the teacher's screen and by our clock."""

    __tablename__ = "attendance_scan"
    __table_args__ = (
        by_batch(),
        sa.CheckConstraint("act IN ('in', 'out')", name="act"),
        sa.UniqueConstraint("session_id", "person_id", "number"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[UUID] = mapped_column(ForeignKey(SESSION))
    person_id: Mapped[UUID] = mapped_column(ForeignKey(PERSON), index=True)
    number: Mapped[int]
    """1, 2, 3 ... of this person in this session: in, out, in, out."""
    act: Mapped[str]
    slot: Mapped[int]
    """Of the code that was scanned (`codes.slot_of`)."""
    at: Mapped[datetime]
    evidence_batch: Mapped[int] = evidence_batch()


class AttendanceFile(Ledger, Base):
    """A scan, a photo or a spreadsheet, as it was sent: known by its SHA-256."""

    __tablename__ = "attendance_file"
    __table_args__ = (
        by_batch(),
        sa.Index("uq_attendance_file_of_class", "class_id", "sha256", unique=True,
                 postgresql_where=sa.text("unit_id IS NULL")),
        sa.Index("uq_attendance_file_of_unit", "class_id", "unit_id", "sha256", unique=True,
                 postgresql_where=sa.text("unit_id IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    class_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.training_class.id"))
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey(SESSION), index=True)
    """None: of several sessions."""
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("elearn.organisation.id"))
    """Of an enterprise's own training: the unit in whose name it was sent."""
    sha256: Mapped[str]
    """Hex."""
    name: Mapped[str]
    """As its sender calls it: shown, never used as a path."""
    media_type: Mapped[str]
    """What its first bytes say."""
    content: Mapped[bytes] = mapped_column(deferred=True)
    by_id: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    at: Mapped[datetime]
    evidence_batch: Mapped[int] = evidence_batch()


class AttendanceMark(Ledger, Base):
    """What the teacher's own list, or a spreadsheet, says of somebody. The last one holds, before any scan."""

    __tablename__ = "attendance_mark"
    __table_args__ = (
        by_batch(),
        sa.UniqueConstraint("session_id", "person_id", "number"),
        sa.CheckConstraint("CASE WHEN present THEN (from_at < to_at) IS TRUE ELSE num_nulls(from_at, to_at) = 2 END",
                           name="present_has_time"),
        sa.CheckConstraint("by_id <> person_id", name="of_another"),
        sa.CheckConstraint("num_nulls(reason_sealed, file_id) = 1", name="says_why"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[UUID] = mapped_column(ForeignKey(SESSION))
    person_id: Mapped[UUID] = mapped_column(ForeignKey(PERSON), index=True)
    number: Mapped[int]
    present: Mapped[bool]
    from_at: Mapped[datetime | None]
    to_at: Mapped[datetime | None]
    reason_sealed: Mapped[bytes | None]
    """Why, under the person's own key: erasing the person makes it unreadable. None: a spreadsheet says so."""
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("elearn.attendance_file.id"))
    """The spreadsheet that said so."""
    by_id: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    at: Mapped[datetime]
    evidence_batch: Mapped[int] = evidence_batch()


class AttendanceList(Ledger, Base):
    """One person says who was there, or that lines of an earlier list should be taken back."""

    __tablename__ = "attendance_list"
    __table_args__ = (
        by_batch(),
        sa.CheckConstraint("act IN ('record', 'void')", name="act"),
        sa.CheckConstraint("act = 'record' OR reason <> ''", name="void_has_reason"),
        sa.UniqueConstraint("id", "by_id"),
        sa.Index(None, "session_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[UUID] = mapped_column(ForeignKey(SESSION))
    act: Mapped[str]
    by_id: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    reason: Mapped[str]
    files: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))
    """SHA-256 of the scans, photos and spreadsheets it rests on, ascending."""
    doc: Mapped[str]
    """Digest of the whole list (`rules.document`): what the leaf names."""
    at: Mapped[datetime]
    evidence_batch: Mapped[int] = evidence_batch()


class AttendanceLine(Ledger, Base):
    """A stretch of one person in a list. It counts when the list was confirmed and it says no reason against it."""

    __tablename__ = "attendance_line"
    __table_args__ = (
        by_batch(),
        sa.CheckConstraint("from_at < to_at", name="lasts"),
        sa.CheckConstraint("ms >= 0 AND (ms > 0) = (refused_as IS NULL)", name="counts_or_says_why"),
        sa.Index(None, "person_id", "from_at"),
        sa.Index(None, "list_id"),
        sa.Index(None, "reverses_id", postgresql_where=sa.text("reverses_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    list_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.attendance_list.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    how: Mapped[str]
    """`code`, `teacher` or `sheet`: where its times are from."""
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]
    ms: Mapped[int]
    """What it adds; less than its length where the day was full; 0 when refused."""
    on: Mapped[date]
    refused_as: Mapped[str | None]
    """`rules.Refusal`."""
    reverses_id: Mapped[UUID | None] = mapped_column(ForeignKey("elearn.attendance_line.id"))
    """The line that this one takes back."""
    evidence_batch: Mapped[int] = evidence_batch()


class AttendanceAnswer(Ledger, Base):
    """What the second person said; one answer to a list. Who proposed it may withdraw it, not confirm it."""

    __tablename__ = "attendance_answer"
    __table_args__ = (
        by_batch(),
        ForeignKeyConstraint(["list_id", "proposed_by"], ["elearn.attendance_list.id", "elearn.attendance_list.by_id"]),
        sa.CheckConstraint("NOT confirmed OR by_id <> proposed_by", name="two_people"),
    )

    list_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.attendance_list.id"), primary_key=True)
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    confirmed: Mapped[bool]
    by_id: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    note: Mapped[str]
    at: Mapped[datetime]
    evidence_batch: Mapped[int] = evidence_batch()


class AttendedSpan(Base):
    """Where people were, as lines that count say: nobody is in two places. Rebuilt and compared by `ledger check`."""

    __tablename__ = "attended_span"
    __table_args__: Any = (
        ExcludeConstraint(("person_id", "="), ("period", "&&"), name="ex_attended_span_one_place", using="gist"),
    )

    line_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.attendance_line.id"), primary_key=True)
    person_id: Mapped[UUID]
    period: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
