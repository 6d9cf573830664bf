"""The tables of tests, papers and attempts. Written by `tests`, `attempts` and `wrong_book` of this package.

An attempt is a paper and what one person did with it. Nothing here is watched time: a test credits nothing (RULES
4(b), test_time), it only says whether a course is done (course_credit_needs_test).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from elearn.courses.questions.marking import Partial
from elearn.db import Base, Word, new_id, one_of


class Purpose(StrEnum):
    COURSE = "course"
    """Passing it belongs to the course."""
    MOCK = "mock"
    """For practice over a whole outline; counts for nothing."""


class Ending(StrEnum):
    SUBMITTED = "submitted"
    TIME_UP = "time_up"


class CourseTest(Base):
    """A test of an institution. How it is made up is a matter of its blueprints."""

    __tablename__ = "course_test"
    __table_args__ = (
        one_of("purpose", Purpose, "purpose"),
        CheckConstraint("(purpose = 'course') = (course_id IS NOT NULL)", name="course_of_its_purpose"),
        Index(
            "uq_course_test_of_course",
            "course_id",
            unique=True,
            postgresql_where=sa.text("course_id IS NOT NULL AND retired_at IS NULL"),
        ),
        Index("ix_course_test_outline_id_institution_id", "outline_id", "institution_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    institution_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    outline_id: Mapped[UUID] = mapped_column(ForeignKey("outline.id"))
    course_id: Mapped[UUID | None] = mapped_column(ForeignKey("course.id"))
    purpose: Mapped[Purpose] = mapped_column(Word(Purpose))
    title: Mapped[str]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class TestBlueprint(Base):
    """One version of how a test is made up and judged. Never changed but to be offered, and to be offered no more."""

    __test__ = False  # no test of pytest's
    __tablename__ = "test_blueprint"
    __table_args__ = (
        UniqueConstraint("test_id", "version"),
        one_of("partial", Partial, "partial"),
        CheckConstraint("duration_s BETWEEN 60 AND 36000", name="duration"),
        CheckConstraint("grace_s BETWEEN 0 AND 600", name="grace"),
        CheckConstraint("wait_s >= 0", name="wait"),
        CheckConstraint("pass_percent BETWEEN 1 AND 100", name="pass_percent"),
        Index(
            "uq_test_blueprint_offered",
            "test_id",
            unique=True,
            postgresql_where=sa.text("published_at IS NOT NULL AND retired_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    test_id: Mapped[UUID] = mapped_column(ForeignKey("course_test.id"))
    version: Mapped[int] = mapped_column(SmallInteger)
    sections: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """Of `blueprint.Section`."""
    duration_s: Mapped[int]
    grace_s: Mapped[int]
    """Answers that arrive so late still count: networks are slow."""
    wait_s: Mapped[int]
    """From the end of a failed try to the next one."""
    pass_percent: Mapped[int] = mapped_column(SmallInteger)
    partial: Mapped[Partial] = mapped_column(Word(Partial))
    shows_answers: Mapped[bool]
    """Whether the result shows what would have been right."""
    made_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


def is_offered() -> sa.ColumnElement[bool]:
    """The blueprint that learners take; each test has one at most."""
    return TestBlueprint.published_at.is_not(None) & TestBlueprint.retired_at.is_(None)


class TestAttempt(Base):
    """A paper drawn for one person by a seed, and what became of it. Its paper never changes; it is closed once."""

    __test__ = False
    __tablename__ = "test_attempt"
    __table_args__ = (
        UniqueConstraint("test_id", "person_id", "number"),
        CheckConstraint("cardinality(versions) = cardinality(points_milli)", name="paper_whole"),
        CheckConstraint(
            "num_nulls(closed_at, ending, score_milli, passed, marks_milli) IN (0, 5)", name="closed_whole"
        ),
        CheckConstraint("score_milli BETWEEN 0 AND max_milli", name="score"),
        one_of("ending", Ending, "ending"),
        Index(
            "uq_test_attempt_open",
            "person_id",
            "test_id",
            unique=True,
            postgresql_where=sa.text("closed_at IS NULL"),
        ),
        Index("ix_test_attempt_deadline_at", "deadline_at", postgresql_where=sa.text("closed_at IS NULL")),
        Index("ix_test_attempt_passed", "person_id", "test_id", postgresql_where=sa.text("passed IS TRUE")),
        Index("ix_test_attempt_passed_at", "closed_at", postgresql_where=sa.text("passed IS TRUE")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    test_id: Mapped[UUID] = mapped_column(ForeignKey("course_test.id"))
    blueprint_id: Mapped[UUID] = mapped_column(ForeignKey("test_blueprint.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    number: Mapped[int]
    seed: Mapped[bytes]
    """Draws the paper and shuffles its options; it never leaves the server."""
    bank_digest: Mapped[str]
    """SHA-256 of what the paper could be drawn from, at `started_at`."""
    versions: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid()))
    points_milli: Mapped[list[int]] = mapped_column(ARRAY(sa.BigInteger()))
    max_milli: Mapped[int]
    started_at: Mapped[datetime]
    deadline_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    ending: Mapped[Ending | None] = mapped_column(Word(Ending))
    marks_milli: Mapped[list[int] | None] = mapped_column(ARRAY(sa.BigInteger()))
    score_milli: Mapped[int | None]
    passed: Mapped[bool | None]


class TestAnswer(Base):
    """What a person last answered to one question of a paper, and by which of the phone's messages."""

    __test__ = False
    __tablename__ = "test_answer"

    attempt_id: Mapped[UUID] = mapped_column(ForeignKey("test_attempt.id"), primary_key=True)
    place: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    """From 0, in the order of the paper."""
    n: Mapped[int]
    """The phone counts its answers; an older one never replaces a newer one, however late it arrives."""
    answer: Mapped[str]
    """JSON, in places of the stored question, not of what was shown."""
    saved_at: Mapped[datetime]


class WrongAnswer(Base):
    """A question that somebody got wrong and has not got right since: their wrong-question book (错题本)."""

    __tablename__ = "wrong_answer"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    question_id: Mapped[UUID] = mapped_column(ForeignKey("bank_question.id"), primary_key=True)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("bank_version.id"))
    times: Mapped[int]
    last_wrong_at: Mapped[datetime]
    opens_at: Mapped[datetime]
    """Not before the wait after the attempt is over."""
    shows_answers: Mapped[bool]
    """What the test said when it was got wrong."""
