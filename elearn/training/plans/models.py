"""Tables of yearly training plans. Lines of a plan that was approved are never changed: a change is a new version."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Word, new_id, one_of
from elearn.training.models import PERSON, PROGRAMME, Purpose


class PlanState(StrEnum):
    DRAFT = "draft"
    WAITING = "waiting"
    """For the principal."""
    APPROVED = "approved"
    RETURNED = "returned"
    SUPERSEDED = "superseded"
    """A later version was approved."""


class TrainingPlan(Base):
    """One version of what a unit of an enterprise plans for a year (企业年度培训计划)."""

    __tablename__ = "training_plan"
    __table_args__ = (
        one_of("state", PlanState, "state"),
        sa.UniqueConstraint("organisation_id", "year", "version"),
        sa.CheckConstraint("year BETWEEN 2000 AND 2100", name="year"),
        sa.CheckConstraint("version >= 1", name="version"),
        sa.CheckConstraint("version = 1 OR length(btrim(reason)) > 0", name="change_with_reason"),
        sa.CheckConstraint("(state IN ('draft', 'waiting')) = (decided_at IS NULL)", name="decided"),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> submitted_by", name="two_people"),
        sa.Index(
            "uq_training_plan_open", "organisation_id", "year", unique=True,
            postgresql_where=sa.text("state IN ('draft', 'waiting')"),
        ),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.organisation.id"))
    year: Mapped[int] = mapped_column(sa.SmallInteger)
    version: Mapped[int] = mapped_column(sa.SmallInteger)
    state: Mapped[PlanState] = mapped_column(Word(PlanState))
    reason: Mapped[str]
    """Why the plan that was approved is changed; empty for the first."""
    created_by: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    created_at: Mapped[datetime]
    submitted_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey(PERSON))
    submitted_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(sa.ForeignKey(PERSON))
    decided_at: Mapped[datetime | None]
    note: Mapped[str]
    """What the principal said when it was returned."""


class TrainingPlanLine(Base):
    """One training of a plan: in which quarter, for whom, how long, how many."""

    __tablename__ = "training_plan_line"
    __table_args__ = (
        one_of("purpose", Purpose, "purpose"),
        sa.CheckConstraint("quarter BETWEEN 1 AND 4", name="quarter"),
        sa.CheckConstraint("hours BETWEEN 1 AND 1000", name="hours"),
        sa.CheckConstraint("people BETWEEN 1 AND 1000000", name="people"),
        sa.Index(None, "plan_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    plan_id: Mapped[UUID] = mapped_column(sa.ForeignKey("elearn.training_plan.id"))
    quarter: Mapped[int] = mapped_column(sa.SmallInteger)
    title: Mapped[str]
    audience: Mapped[str]
    """For whom, in words: `一车间全体操作工`."""
    purpose: Mapped[Purpose] = mapped_column(Word(Purpose))
    programme_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey(PROGRAMME))
    """What is done is counted by it; None: by its purpose."""
    hours: Mapped[int]
    """学时 for each."""
    people: Mapped[int]
    survey_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.training_survey.id"))
    """The survey whose answers ask for it."""
