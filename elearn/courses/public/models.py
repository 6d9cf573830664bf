"""The tables of the public door. What must hold whatever program writes stands in triggers of migration 0066."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from elearn.courses.public.rules import PostKind
from elearn.db import Base, Word, new_id, one_of

OPEN_NOW = "opened_at IS NOT NULL AND ended_at IS NULL"
SHOWN_NOW = "published_at IS NOT NULL AND withdrawn_at IS NULL"


class CourseOpening(Base):
    """A course is open to everybody, from the moment a second person opens it until somebody ends it.

    Ending it closes the door and makes nothing secret again: the keys are known, and the row stays to say so.
    """

    __tablename__ = "course_opening"
    __table_args__ = (
        CheckConstraint("num_nulls(opened_by, opened_at) IN (0, 2)", name="opened_whole"),
        CheckConstraint("num_nulls(ended_by, ended_at) IN (0, 2)", name="ended_whole"),
        CheckConstraint("opened_by <> asked_by", name="two_people"),
        Index("uq_course_opening_live", "course_id", unique=True, postgresql_where=sa.text("ended_at IS NULL")),
        Index("ix_course_opening_course_id", "course_id", postgresql_where=sa.text("opened_at IS NOT NULL")),
        Index(
            "ix_course_opening_newest",
            "film",
            sa.text("opened_at DESC"),
            sa.text("id DESC"),
            postgresql_where=sa.text(OPEN_NOW),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    course_id: Mapped[UUID] = mapped_column(ForeignKey("course.id"))
    film: Mapped[bool]
    """A warning film (警示教育片): shown among the films, not among the courses."""
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime]
    opened_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    opened_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    ended_at: Mapped[datetime | None]


class PublicPost(Base):
    """A notice or a campaign on the public home. What two people have published stays as it was (a trigger)."""

    __tablename__ = "public_post"
    __table_args__ = (
        one_of("kind", PostKind, "kind"),
        CheckConstraint("language IN ('zh', 'en')", name="language"),
        CheckConstraint("num_nulls(organisation_id, region) < 2", name="whose"),
        CheckConstraint("until_on >= from_on", name="dates"),
        CheckConstraint("kind = 'notice' OR until_on IS NOT NULL", name="campaign_ends"),
        CheckConstraint("num_nulls(published_by, published_at) IN (0, 2)", name="published_whole"),
        CheckConstraint("num_nulls(withdrawn_by, withdrawn_at) IN (0, 2)", name="withdrawn_whole"),
        CheckConstraint("published_by <> written_by", name="two_people"),
        Index(
            "ix_public_post_shown",
            "kind",
            sa.text("from_on DESC"),
            sa.text("id DESC"),
            postgresql_where=sa.text(SHOWN_NOW),
        ),
        Index("ix_public_post_organisation_id", "organisation_id", "written_at"),
        Index("ix_public_post_region", "region", "written_at", postgresql_ops={"region": "text_pattern_ops"}),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[PostKind] = mapped_column(Word(PostKind))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    """The institution in whose name it is said; None: a region's authority."""
    region: Mapped[str | None]
    """Whose officers keep it too (GB/T 2260): where the institution is, or the region that says it."""
    issuer: Mapped[str]
    """Who says it, as readers are told."""
    language: Mapped[str]
    """Of the text: `zh` or `en`."""
    title: Mapped[str]
    text: Mapped[str]
    """In the small Markdown of `page_text`."""
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    """The last day; a notice without one stands until it is withdrawn."""
    revision: Mapped[int] = mapped_column(SmallInteger)
    """From 1: whoever publishes says which one they read."""
    written_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    """Who changed it last."""
    written_at: Mapped[datetime]
    published_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    published_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    withdrawn_at: Mapped[datetime | None]


class PublicPostCourse(Base):
    """An open course that was chosen for a campaign; shown while it is open."""

    __tablename__ = "public_post_course"

    post_id: Mapped[UUID] = mapped_column(ForeignKey("public_post.id"), primary_key=True)
    course_id: Mapped[UUID] = mapped_column(ForeignKey("course.id"), primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger)
