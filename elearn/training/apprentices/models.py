"""Tables of apprenticeships (师傅带徒弟): who learns a trade beside whom, weekly notes, the signatures of both."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, Word, new_id, one_of
from elearn.training.models import PERSON

APPRENTICESHIP = "elearn.apprenticeship.id"


class Part(StrEnum):
    MASTER = "master"
    APPRENTICE = "apprentice"


class Apprenticeship(Base):
    """Somebody learns beside an experienced worker of the same employer. Done once both have signed."""

    __tablename__ = "apprenticeship"
    __table_args__ = (
        sa.CheckConstraint("to_on >= from_on", name="dates"),
        sa.CheckConstraint("person_id <> master_id", name="two_people"),
        sa.CheckConstraint("(ended_on IS NULL) = (ended_why = '')", name="ends_with_words"),
        sa.CheckConstraint("done_at IS NULL OR ended_on IS NULL", name="done_or_broken_off"),
        sa.Index(None, "organisation_id", "from_on"),
        sa.Index(None, "person_id"),
        sa.Index(None, "master_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"))
    """The employer of both."""
    membership_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.membership.id"))
    """The apprentice's."""
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    """The apprentice."""
    master_id: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    category: Mapped[str | None]
    """Of the trade, an id of the requirements catalogue: of a special operation the master holds its certificate."""
    trade: Mapped[str]
    """As the employer calls it."""
    from_on: Mapped[date]
    to_on: Mapped[date]
    """The first day on which both may sign is the one after."""
    rule: Mapped[str]
    """The rule that asks for so long, as a rule version; empty: none does."""
    done_at: Mapped[datetime | None]
    ended_on: Mapped[date | None]
    """Broken off."""
    ended_why: Mapped[str]
    created_by: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    created_at: Mapped[datetime]


class ApprenticeshipNote(Ledger, Base):
    """What was done in a week, by one of the two."""

    __tablename__ = "apprenticeship_note"
    __table_args__ = (
        sa.UniqueConstraint("apprenticeship_id", "week", "by_id"),
        sa.CheckConstraint("week >= 1", name="week"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    apprenticeship_id: Mapped[UUID] = mapped_column(sa.ForeignKey(APPRENTICESHIP))
    week: Mapped[int] = mapped_column(sa.SmallInteger)
    """1 is the week that begins on its first day."""
    text: Mapped[str]
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    at: Mapped[datetime]


class ApprenticeshipSignature(Ledger, Base):
    """One of the two signs that it took place."""

    __tablename__ = "apprenticeship_signature"
    __table_args__ = (
        one_of("part", Part, "part"),
        sa.UniqueConstraint("apprenticeship_id", "by_id", name="uq_apprenticeship_signature_two_people"),
    )

    apprenticeship_id: Mapped[UUID] = mapped_column(sa.ForeignKey(APPRENTICESHIP), primary_key=True)
    part: Mapped[Part] = mapped_column(Word(Part), primary_key=True)
    by_id: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    note: Mapped[str]
    at: Mapped[datetime]
