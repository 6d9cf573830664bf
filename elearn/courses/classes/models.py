"""The tables of a class's plan, of its way from plan to completion, and of changes to its roster."""

from __future__ import annotations

from datetime import date, datetime, time
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from elearn.courses.classes.rules import Act, Change, Modality, Office, State
from elearn.db import Base, Ledger, Word, new_id, one_of


class PlanLine(Base):
    """What is taught on a day: so many 学时 of an outline item. It changes only while the class is planned."""

    __tablename__ = "class_plan_line"
    __table_args__ = (
        one_of("modality", Modality, "modality"),
        CheckConstraint("hours BETWEEN 1 AND 24", name="hours"),
        CheckConstraint("modality = 'online' OR num_nulls(from_time, to_time) = 0", name="on_site_at_a_time"),
        CheckConstraint("num_nulls(from_time, to_time) IN (0, 2) AND from_time < to_time", name="times"),
        Index(None, "class_id", "taught_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    class_id: Mapped[UUID] = mapped_column(ForeignKey("training_class.id"))
    taught_on: Mapped[date]
    from_time: Mapped[time | None]
    """By the clock in China, as `to_time`; None: any time of the day, only online."""
    to_time: Mapped[time | None]
    outline_item_id: Mapped[UUID] = mapped_column(ForeignKey("outline_item.id"))
    modality: Mapped[Modality] = mapped_column(Word(Modality))
    hours: Mapped[int] = mapped_column(SmallInteger)
    """学时"""
    place: Mapped[str]
    """Empty: the place of the class."""


class LessonPlan(Ledger, Base):
    """A lesson plan (教案) as it was sent. The newest of a line, or of the class, is the one that is used."""

    __tablename__ = "class_lesson_plan"
    __table_args__ = (
        UniqueConstraint("class_id", "number"),
        CheckConstraint("num_nulls(line_id, taught_on, outline_item_id) IN (0, 3)", name="line"),
        CheckConstraint("sha256 = encode(sha256(content), 'hex')", name="digest"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    class_id: Mapped[UUID] = mapped_column(ForeignKey("training_class.id"))
    number: Mapped[int] = mapped_column(SmallInteger)
    """1, 2, 3 ... of the class."""
    line_id: Mapped[UUID | None]
    """A `PlanLine`, which may have been taken out since; None: of the class as a whole."""
    taught_on: Mapped[date | None]
    """What the line said when the file was sent, as `outline_item_id`."""
    outline_item_id: Mapped[UUID | None] = mapped_column(ForeignKey("outline_item.id"))
    sha256: Mapped[str]
    """Of the content, hex."""
    name: Mapped[str]
    """As its sender calls it: shown, never used as a path."""
    media_type: Mapped[str]
    """What its bytes say."""
    content: Mapped[bytes] = mapped_column(deferred=True)
    by_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]


class ClassStep(Ledger, Base):
    """A step of a class on its way. Where it stands is where its last step led; without one it is planned."""

    __tablename__ = "class_step"
    __table_args__ = (
        UniqueConstraint("class_id", "position"),
        one_of("act", Act, "act"),
        one_of("to_state", State, "to_state"),
        one_of("office", Office, "office"),
        CheckConstraint("num_nulls(by_id, office) IN (0, 2)", name="somebody_or_nobody"),
        CheckConstraint("act <> 'return' OR length(btrim(note)) > 0", name="says_why"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    class_id: Mapped[UUID] = mapped_column(ForeignKey("training_class.id"))
    position: Mapped[int] = mapped_column(SmallInteger)
    """1, 2, 3 ...: two people who press at once take one step."""
    act: Mapped[Act] = mapped_column(Word(Act))
    to_state: Mapped[State] = mapped_column(Word(State))
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    """None: filed before steps were kept, or by a program."""
    office: Mapped[Office | None] = mapped_column(Word(Office))
    note: Mapped[str]
    late: Mapped[bool]
    """Reported after the first lesson began."""
    unmet: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))
    """Conditions that were not met when a receipt was recorded all the same (`rules.Gate`)."""
    rule: Mapped[str]
    """The region's rules that it was taken under; empty: none is loaded."""
    at: Mapped[datetime]


class RosterChange(Ledger, Base):
    """Somebody joins or leaves a class after it was accepted."""

    __tablename__ = "class_roster_change"
    __table_args__ = (
        one_of("change", Change, "change"),
        CheckConstraint("by_id IS NULL OR length(btrim(reason)) > 0", name="says_why"),
        Index(None, "class_id", "at"),
        Index(None, "person_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    class_id: Mapped[UUID] = mapped_column(ForeignKey("training_class.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    change: Mapped[Change] = mapped_column(Word(Change))
    reason: Mapped[str]
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    """None: before changes were kept, or by a program; then there may be no reason either."""
    two_people: Mapped[bool]
    """It takes effect with a second person's confirmation; otherwise at once, and the regulator is told."""
    at: Mapped[datetime]


class RosterAnswer(Ledger, Base):
    """What a second person said to a change; one answer each."""

    __tablename__ = "class_roster_answer"
    __table_args__ = (CheckConstraint("confirmed OR length(btrim(note)) > 0", name="objects_with_words"),)

    change_id: Mapped[UUID] = mapped_column(ForeignKey("class_roster_change.id"), primary_key=True)
    confirmed: Mapped[bool]
    """False: objected to, or taken back by who wanted it."""
    by_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    note: Mapped[str]
    at: Mapped[datetime]
