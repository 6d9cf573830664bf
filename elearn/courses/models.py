"""The tables of what there is to study. Each is written by this package alone.

Rules that must hold whatever program writes (the measured length of a published unit, the day a class was
filed) stand in the database itself, as constraints and triggers of migration 0003.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from elearn.courses.centres import Centre, Level
from elearn.courses.requirements.rows import Training
from elearn.db import Base, Ledger, Word, new_id, one_of


class Kind(StrEnum):
    """What hours are about. Practice counts offline only (AQ 8011-2023, RULES 2.2)."""

    THEORY = "theory"
    PRACTICE = "practice"


class UnitKind(StrEnum):
    """What a unit is made of (DESIGN 3.6a)."""

    VIDEO = "video"
    PAGES = "pages"
    """Documents, slides: each page has a reviewed credit time, and all of them joined form [0, duration)."""
    CASE = "case"
    """Pages that tell of a case, and questions about it: its end counts when all of them are answered."""
    PRACTICE = "practice"
    """Pages that say what is practised on site, and for how long. Reading them earns nothing: attendance does."""

    @property
    def paged(self) -> bool:
        """Read page by page, each for its credit time."""
        return self in (UnitKind.PAGES, UnitKind.CASE)

    @property
    def written(self) -> bool:
        """Made of written pages, whatever they are worth."""
        return self is not UnitKind.VIDEO

    @property
    def earns_online(self) -> bool:
        return self is not UnitKind.PRACTICE


COURSE_WORDS = "(title || ' ') || summary"
PAGE_WORDS = "(title || ' ') || text"
"""What is searched, as the database writes it; the indexes below and the queries of `finding` must say the same."""


class Outline(Base):
    """A training outline (培训大纲) of one region in one version, in force from one day to another."""

    __tablename__ = "outline"
    __table_args__ = (
        UniqueConstraint("code", "region", "version"),
        CheckConstraint("effective_to IS NULL OR effective_to >= effective_from", name="dates"),
        one_of("training", Training, "training"),
        Index("ix_outline_category", "category", postgresql_where=sa.text("category IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str]
    name: Mapped[str]
    region: Mapped[str]
    """GB/T 2260 code; `CN` for the whole country."""
    version: Mapped[str]
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    """The last day in force; open when None."""
    category: Mapped[str | None]
    """The category of people it is for, in the catalogue of requirements; None: it stands for itself."""
    training: Mapped[Training] = mapped_column(Word(Training), server_default=Training.INITIAL.value)
    """What it trains them for."""


class OutlineItem(Base):
    """One item of an outline: so many hours of one kind."""

    __tablename__ = "outline_item"
    __table_args__ = (
        UniqueConstraint("outline_id", "code"),
        one_of("kind", Kind, "kind"),
        CheckConstraint("required_hours >= 0", name="required_hours"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    outline_id: Mapped[UUID] = mapped_column(ForeignKey("outline.id"))
    position: Mapped[int] = mapped_column(SmallInteger)
    code: Mapped[str]
    name: Mapped[str]
    kind: Mapped[Kind] = mapped_column(Word(Kind))
    required_hours: Mapped[int] = mapped_column(SmallInteger)
    """Hours (学时) as the outline states them; their length in minutes is a credit rule, not ours."""


class Course(Base):
    """What an institution teaches towards one item of an outline.

    A trigger keeps its centre and its item as they were once a version of a lesson of it was published: hours rest on
    them. That a second person reviews may be asked for later, and never taken back.
    """

    __tablename__ = "course"
    __table_args__ = (
        one_of("centre", Centre, "centre"),
        one_of("level", Level, "level"),
        CheckConstraint("cardinality(audiences) <= 6 AND cardinality(industries) <= 26", name="tags"),
        CheckConstraint("textbook_url ~ '^https?://'", name="textbook_url"),
        Index("ix_course_newest", "created_at", "id"),
        Index("ix_course_words", sa.text(f"elearn.search_words({COURSE_WORDS})"), postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    institution_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    outline_item_id: Mapped[UUID | None] = mapped_column(ForeignKey("outline_item.id"), index=True)
    """None: it may be watched in no class, so it earns no hours towards an exam."""
    title: Mapped[str]
    summary: Mapped[str]
    created_at: Mapped[datetime]
    centre: Mapped[Centre] = mapped_column(Word(Centre), default=Centre.POSTS)
    """Whose catalogue it stands in, and so what its hours are worth (`centres.POLICIES`)."""
    level: Mapped[Level | None] = mapped_column(Word(Level))
    """With `audiences` its grade; None: not graded."""
    audiences: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), default=list)
    """Words of `centres.Audience`."""
    industries: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), default=list)
    """Words of `centres.Industry`; empty: of every industry."""
    teacher_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    textbook: Mapped[str] = mapped_column(default="")
    textbook_url: Mapped[str | None]
    needs_review: Mapped[bool] = mapped_column(default=False)
    """A second person reviews each version before it is published."""


class Lesson(Base):
    """A place in a course; what is watched there is one of its units."""

    __tablename__ = "lesson"
    __table_args__ = (
        UniqueConstraint("course_id", "position"),
        Index("ix_lesson_words", sa.text("elearn.search_words(title)"), postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    course_id: Mapped[UUID] = mapped_column(ForeignKey("course.id"))
    position: Mapped[int] = mapped_column(SmallInteger)
    title: Mapped[str]
    outline_item_id: Mapped[UUID | None] = mapped_column(ForeignKey("outline_item.id"))
    """The item of the course's outline that it teaches, when not the course's own; it stays once published."""


class Unit(Base):
    """One version of a lesson: one video, measured by us, or pages, reviewed. A new video is a new version.

    Draft, then published, then retired: each moment is set once. A trigger refuses every other change.
    """

    __tablename__ = "unit"
    __table_args__ = (
        UniqueConstraint("lesson_id", "version"),
        CheckConstraint("duration_ms > 0", name="duration"),
        one_of("kind", UnitKind, "kind"),
        CheckConstraint(
            "retired_at IS NULL OR (published_at IS NOT NULL AND retired_at >= published_at)",
            name="retired_after_published",
        ),
        # Of the versions of a lesson, one is offered at a time.
        Index(
            "uq_unit_offered",
            "lesson_id",
            unique=True,
            postgresql_where=sa.text("published_at IS NOT NULL AND retired_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    lesson_id: Mapped[UUID] = mapped_column(ForeignKey("lesson.id"))
    version: Mapped[int] = mapped_column(SmallInteger)
    title: Mapped[str]
    kind: Mapped[UnitKind] = mapped_column(Word(UnitKind), server_default=UnitKind.VIDEO.value)
    duration_ms: Mapped[int]
    """Measured in what was packaged; never what a file or a person says. Of pages: their credit times together; of
    practice: how long it takes on site."""
    start_offset_ms: Mapped[int]
    width: Mapped[int] = mapped_column(sa.Integer)
    height: Mapped[int] = mapped_column(sa.Integer)
    content_hash: Mapped[str] = mapped_column(index=True)
    """SHA-256 over the packaged files; also the name of their directory. Of pages: over their contents."""
    source_sha256: Mapped[str]
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


class ReviewAct(StrEnum):
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    """By whoever works on it, to change it further."""
    RETURN = "return"
    """By the second person, with what to put right."""
    APPROVE = "approve"


class UnitReview(Ledger, Base):
    """One step of a draft's review. The newest says where it stands: in review after `submit`."""

    __tablename__ = "unit_review"
    __table_args__ = (
        one_of("act", ReviewAct, "act"),
        UniqueConstraint("unit_id", "number"),
        CheckConstraint("number > 0", name="number"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"))
    number: Mapped[int] = mapped_column(SmallInteger)
    """From 1, without holes: two steps at once cannot both be the next."""
    act: Mapped[ReviewAct] = mapped_column(Word(ReviewAct))
    by_person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    note: Mapped[str]
    at: Mapped[datetime]


class UnitBlock(Base):
    """What one media key opens, or one page: [start_ms, end_ms) of a unit. Never changed but to seal the key anew."""

    __tablename__ = "unit_block"
    __table_args__ = (CheckConstraint("0 <= start_ms AND start_ms < end_ms", name="span"),)

    unit_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    index: Mapped[int] = mapped_column(sa.Integer, primary_key=True)
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    key_sealed: Mapped[bytes | None]
    """None: a page, whose contents are handed out themselves."""


class UnitPage(Base):
    """What one page of a unit shows: as it was reviewed, and never changed."""

    __tablename__ = "unit_page"
    __table_args__ = (
        ForeignKeyConstraint(["unit_id", "index"], ["elearn.unit_block.unit_id", "elearn.unit_block.index"]),
        CheckConstraint("num_nulls(image, image_type) IN (0, 2)", name="image_whole"),
        Index("ix_unit_page_words", sa.text(f"elearn.search_words({PAGE_WORDS})"), postgresql_using="gin"),
    )

    unit_id: Mapped[UUID] = mapped_column(primary_key=True)
    index: Mapped[int] = mapped_column(sa.Integer, primary_key=True)
    title: Mapped[str]
    text: Mapped[str]
    """As it was written, in the small Markdown of `page_text`."""
    image: Mapped[bytes | None] = mapped_column(deferred=True)
    image_type: Mapped[str | None]
    """`image/jpeg` or `image/png`: written by us, whatever was sent."""
    reviewed_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    reviewed_at: Mapped[datetime]


class PageDraft(Base):
    """A page that is being written. Its lesson's next version is made of all of them, once each is reviewed."""

    __tablename__ = "page_draft"
    __table_args__ = (
        CheckConstraint("num_nulls(image, image_type) IN (0, 2)", name="image_whole"),
        CheckConstraint("num_nulls(reviewed_by, reviewed_at) IN (0, 2)", name="reviewed_whole"),
        CheckConstraint("credit_ms > 0", name="credit"),
        Index("ix_page_draft_lesson_id", "lesson_id", "position"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    lesson_id: Mapped[UUID] = mapped_column(ForeignKey("lesson.id"))
    position: Mapped[int] = mapped_column(SmallInteger)
    title: Mapped[str]
    text: Mapped[str]
    image: Mapped[bytes | None] = mapped_column(deferred=True)
    image_type: Mapped[str | None]
    credit_ms: Mapped[int]
    """Proposed from what the page holds, until a reviewer confirms it or another one."""
    reviewed_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    reviewed_at: Mapped[datetime | None]
    """None: written or changed since it was last reviewed."""
    updated_at: Mapped[datetime]


class Question(Base):
    """A content question about [from_ms, to_ms) of a unit. A wrong one is retired and entered anew."""

    __tablename__ = "question"
    __table_args__ = (
        CheckConstraint("0 <= from_ms AND from_ms < to_ms", name="span"),
        CheckConstraint("cardinality(options) = 4", name="four_options"),
        CheckConstraint(
            "cardinality(correct) BETWEEN 1 AND 4 AND correct <@ ARRAY[0,1,2,3]::smallint[]", name="correct"
        ),
        Index("ix_question_unit_id", "unit_id", "from_ms"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"))
    from_ms: Mapped[int]
    to_ms: Mapped[int]
    stem: Mapped[str]
    options: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))
    correct: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    """Places of the right options, 0 to 3, ascending; any subset but the empty one (MODEL 3.2)."""
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class TrainingClass(Base):
    """A class (培训班) of an institution under one outline. Hours earned before it was filed never export.

    One without an outline is an enterprise's own, for its programmes: it is never filed, its courses stand in
    `ClassCourse`, and no judgement about an exam finds it. Triggers hold that.
    """

    __tablename__ = "training_class"
    __table_args__ = (
        UniqueConstraint("institution_id", "class_no"),
        CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="dates"),
        CheckConstraint("num_nulls(filed_at, filing_no, filing_recorded_at) IN (0, 3)", name="filing_whole"),
        CheckConstraint("filed_at <= filing_recorded_at", name="filing_not_ahead"),
        CheckConstraint("outline_id IS NOT NULL OR filed_at IS NULL", name="internal_never_filed"),
        Index("ix_training_class_outline_id", "outline_id", "institution_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    institution_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    outline_id: Mapped[UUID | None] = mapped_column(ForeignKey("outline.id"))
    """None: an enterprise's internal class."""
    class_no: Mapped[str]
    title: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    place: Mapped[str] = mapped_column(server_default="")
    """Where it is taught on site: an address; empty while nobody has said it."""
    region: Mapped[str | None]
    """Where that lies (GB/T 2260); None: where the institution is."""
    filed_at: Mapped[datetime | None]
    """When the regulator took the filing (开班备案), as its receipt says. Set once."""
    filing_no: Mapped[str | None]
    filing_recorded_at: Mapped[datetime | None]
    """When we were told, by our clock: the distance to `filed_at` shows back-dating to an auditor."""
    created_at: Mapped[datetime]


class ClassCourse(Base):
    """A course that is offered in an enterprise's internal class; never one that trains for an exam (a trigger)."""

    __tablename__ = "class_course"

    class_id: Mapped[UUID] = mapped_column(ForeignKey("training_class.id"), primary_key=True)
    course_id: Mapped[UUID] = mapped_column(ForeignKey("course.id"), primary_key=True, index=True)
    position: Mapped[int] = mapped_column(SmallInteger)


class Enrolment(Base):
    """A person in a class, from one moment to another."""

    __tablename__ = "enrolment"
    __table_args__ = (
        Index(
            "uq_enrolment_present",
            "class_id",
            "person_id",
            unique=True,
            postgresql_where=sa.text("withdrawn_at IS NULL"),
        ),
        CheckConstraint("withdrawn_at >= enrolled_at", name="dates"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    class_id: Mapped[UUID] = mapped_column(ForeignKey("training_class.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    enrolled_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class Subtitle(Base):
    """One version of a unit's subtitles in one language: WebVTT as we write it. A better text is a new version.

    They stand beside the unit and not in its content hash: hours rest on what was shown and how long, and a corrected
    letter changes neither.
    """

    __tablename__ = "subtitle"
    __table_args__ = (
        UniqueConstraint("unit_id", "language", "version"),
        CheckConstraint("language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$'", name="language"),
        CheckConstraint("cues > 0 AND version > 0", name="counts"),
        Index(
            "uq_subtitle_shown",
            "unit_id",
            "language",
            unique=True,
            postgresql_where=sa.text("withdrawn_at IS NULL"),
        ),
        Index("ix_subtitle_words", sa.text("elearn.search_words(words)"), postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"))
    language: Mapped[str]
    """BCP 47: `zh`, `en`, `zh-Hant`."""
    version: Mapped[int] = mapped_column(SmallInteger)
    text: Mapped[str]
    words: Mapped[str]
    """What is said, without times and tags: the catalogue finds it."""
    cues: Mapped[int] = mapped_column(sa.Integer)
    sha256: Mapped[str]
    """Of `text`; in its address, so that browsers may keep it."""
    made_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    """None: shown."""
