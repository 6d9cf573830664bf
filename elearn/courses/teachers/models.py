"""Tables of teachers. What says who somebody is stands with the person; numbers are sealed under that person's key."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from elearn.courses.models import Kind
from elearn.courses.teachers.rules import Level
from elearn.db import Base, Ledger, Word, new_id, one_of
from elearn.people.sides import Side

PERSON = "elearn.person.id"


class TeacherEntry(Base):
    """A person in the register of teachers."""

    __tablename__ = "teacher"
    __table_args__ = (one_of("level", Level, "level"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey(PERSON), unique=True)
    level: Mapped[Level] = mapped_column(Word(Level), default=Level.INSTITUTION)
    industries: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), default=list)
    """Words of `centres.Industry`."""
    works: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), default=list)
    """作业类别: what they can teach, as they say; what they may is said by certificates."""
    created_by: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    created_at: Mapped[datetime]
    changed_by: Mapped[UUID | None] = mapped_column(ForeignKey(PERSON))
    changed_at: Mapped[datetime | None]


class TeacherTerm(Base):
    """A teacher teaches for an institution from one day to another, both included; for several at once is allowed."""

    __tablename__ = "teacher_term"
    __table_args__ = (
        CheckConstraint("to_on IS NULL OR to_on >= from_on", name="dates"),
        ExcludeConstraint(
            (sa.column("teacher_id"), "="),
            (sa.column("institution_id"), "="),
            (sa.text("daterange(from_on, to_on, '[]')"), "&&"),
            name="ex_teacher_term_once_at_a_time",
            using="gist",
        ),
        Index(None, "institution_id"),
        Index("ix_teacher_term_changed_at", sa.text("greatest(added_at, ended_at)")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    teacher_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.teacher.id"))
    institution_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.organisation.id"))
    full_time: Mapped[bool]
    """专职; False: 兼职, 联聘."""
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    """The last day; None while it goes on."""
    added_by: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    added_at: Mapped[datetime]
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey(PERSON))
    ended_at: Mapped[datetime | None]


class TeacherCertificate(Ledger, Base):
    """The first half: somebody states that a teacher holds a certificate, or that one no longer holds."""

    __tablename__ = "teacher_certificate"
    __table_args__ = (
        one_of("side", Side, "side"),
        CheckConstraint("to_on IS NULL OR (to_on >= from_on AND ends_id IS NULL)", name="dates"),
        CheckConstraint("num_nulls(kind, number_sealed, issued_by) IN (0, 3)", name="paper_or_none"),
        CheckConstraint("(kind IS NULL) = (ends_id IS NOT NULL)", name="paper_or_end"),
        CheckConstraint(
            "ends_id IS NOT NULL OR cardinality(categories) + cardinality(works) > 0", name="covers_something"
        ),
        CheckConstraint("ends_id IS NULL OR length(btrim(note)) > 0", name="ends_with_words"),
        Index(None, "teacher_id"),
        Index(None, "ends_id", postgresql_where=sa.text("ends_id IS NOT NULL")),
        Index(None, "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    teacher_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.teacher.id"))
    kind: Mapped[str | None]
    """What paper it is, in words: `安全培训教师岗位证书`."""
    number_sealed: Mapped[bytes | None]
    """Its number, under the person's own key."""
    issued_by: Mapped[str | None]
    from_on: Mapped[date]
    """The first day; of an end, the first on which what it ends no longer holds."""
    to_on: Mapped[date | None]
    """The last day; None: not limited."""
    categories: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), default=list)
    """For which it holds: ids of the catalogue's categories, codes of outlines that stand for themselves."""
    works: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), default=list)
    """The same by 作业类别: all categories of this kind of work."""
    ends_id: Mapped[UUID | None] = mapped_column(ForeignKey("elearn.teacher_certificate.id"))
    """This one ends another."""
    note: Mapped[str]
    by_id: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    side: Mapped[Side] = mapped_column(Word(Side))
    at: Mapped[datetime]


class CertificateAnswer(Ledger, Base):
    """The second half, by somebody of another side; one answer each."""

    __tablename__ = "certificate_answer"
    __table_args__ = (
        one_of("side", Side, "side"),
        CheckConstraint("confirmed OR length(btrim(note)) > 0", name="objects_with_words"),
        Index(None, "at"),
    )

    certificate_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.teacher_certificate.id"), primary_key=True)
    confirmed: Mapped[bool]
    """False: objected to, or taken back by who stated it."""
    by_id: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    side: Mapped[Side] = mapped_column(Word(Side))
    note: Mapped[str]
    at: Mapped[datetime]


class ClassTeacherEntry(Base):
    """A teacher teaches in a class: an item of its outline, or one kind of hours, or all of it; between these days.

    A row is ended or taken out, never deleted: who was said to teach when, and since when it is said, stays.
    """

    __tablename__ = "class_teacher"
    __table_args__ = (
        one_of("kind", Kind, "kind"),
        CheckConstraint("num_nonnulls(outline_item_id, kind) <= 1", name="item_or_kind"),
        CheckConstraint("to_on IS NULL OR to_on >= from_on", name="dates"),
        CheckConstraint("num_nulls(removed_by, removed_at) IN (0, 2)", name="removed_whole"),
        Index(None, "class_id"),
        Index(None, "teacher_id"),
        Index("ix_class_teacher_changed_at", sa.text("greatest(added_at, changed_at, removed_at)")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    class_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.training_class.id"))
    teacher_id: Mapped[UUID] = mapped_column(ForeignKey("elearn.teacher.id"))
    outline_item_id: Mapped[UUID | None] = mapped_column(ForeignKey("elearn.outline_item.id"))
    kind: Mapped[Kind | None] = mapped_column(Word(Kind))
    """With `outline_item_id` None too: theory and practice."""
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    """The last day; None: to the end of the class."""
    added_by: Mapped[UUID] = mapped_column(ForeignKey(PERSON))
    added_at: Mapped[datetime]
    changed_by: Mapped[UUID | None] = mapped_column(ForeignKey(PERSON))
    changed_at: Mapped[datetime | None]
    """When its last day was set."""
    removed_by: Mapped[UUID | None] = mapped_column(ForeignKey(PERSON))
    removed_at: Mapped[datetime | None]
    """Entered by mistake: it counts as if it had never been."""
