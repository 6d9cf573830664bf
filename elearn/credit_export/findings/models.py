"""Tables of what two people state."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, new_id


class Finding(Ledger, Base):
    """The first half: somebody states it. It holds once somebody of another side has confirmed it."""

    __tablename__ = "finding"
    __table_args__ = (
        sa.CheckConstraint(
            "kind IN ('skill_certificate', 'earlier_training', 'train_again', 'education', 'health_certificate', "
            "'born_on', 'blacklisted', 'institution_suspended')",
            name="kind",
        ),
        sa.CheckConstraint("(kind = 'institution_suspended') = (person_id IS NULL)", name="about_a_person"),
        sa.CheckConstraint("num_nonnulls(person_id, organisation_id) = 1", name="about_one"),
        sa.CheckConstraint(
            "(kind NOT IN ('blacklisted', 'institution_suspended') AND ends_id IS NULL) = (paper IS NOT NULL)",
            name="paper_whole",
        ),
        sa.CheckConstraint("num_nulls(paper, number_sealed) IN (0, 2)", name="paper_or_none"),
        sa.CheckConstraint(
            "(kind IN ('skill_certificate', 'earlier_training', 'train_again') AND ends_id IS NULL) "
            "= (outline_code IS NOT NULL)",
            name="of_an_outline",
        ),
        sa.CheckConstraint("(kind = 'education' AND ends_id IS NULL) = (level IS NOT NULL)", name="education_level"),
        sa.CheckConstraint(
            "level IN ('primary', 'junior_high', 'senior_high', 'college', 'bachelor')", name="level_is_one"
        ),
        sa.CheckConstraint(
            "kind <> 'health_certificate' OR ends_id IS NOT NULL OR to_on IS NOT NULL", name="health_has_its_last_day"
        ),
        sa.CheckConstraint("side IN ('institution', 'regulator', 'operator')", name="side"),
        sa.CheckConstraint("to_on IS NULL OR (to_on >= from_on AND ends_id IS NULL)", name="dates"),
        sa.CheckConstraint("length(btrim(note)) > 0", name="says_why"),
        sa.Index(None, "person_id", postgresql_where=sa.text("person_id IS NOT NULL")),
        sa.Index(None, "organisation_id", postgresql_where=sa.text("organisation_id IS NOT NULL")),
        sa.Index(None, "ends_id", postgresql_where=sa.text("ends_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str]
    """`rules.Kind`."""
    person_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.person.id"))
    organisation_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.organisation.id"))
    outline_code: Mapped[str | None]
    """What training it is about."""
    paper: Mapped[str | None]
    """The kind of paper, in words: `电工 三级`."""
    number_sealed: Mapped[bytes | None]
    """Its number, under the person's own key."""
    level: Mapped[str | None]
    """Of a diploma: `requirements.rows.Education`."""
    from_on: Mapped[date]
    """The first day on which it holds; of an end, the first on which what it ends no longer does."""
    to_on: Mapped[date | None]
    """The last day; None: until somebody ends it."""
    ends_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.finding.id"))
    """This one ends another."""
    note: Mapped[str]
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    side: Mapped[str]
    at: Mapped[datetime]


class FindingAnswer(Ledger, Base):
    """The second half; one answer each."""

    __tablename__ = "finding_answer"
    __table_args__ = (
        sa.CheckConstraint("side IN ('institution', 'regulator', 'operator')", name="side"),
        sa.CheckConstraint("confirmed OR length(btrim(note)) > 0", name="objects_with_words"),
        sa.Index(None, "at"),
    )

    finding_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.finding.id"), primary_key=True)
    confirmed: Mapped[bool]
    """False: objected to, or taken back by who stated it."""
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.person.id"))
    side: Mapped[str]
    note: Mapped[str]
    at: Mapped[datetime]
