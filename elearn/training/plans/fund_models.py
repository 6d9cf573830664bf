"""Tables of the training fund (培训经费, B16): wages that were stated, lines that were spent. Both only ever grow."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base, Ledger, Word, new_id, one_of
from elearn.people.models import EmploymentKind
from elearn.training.models import ORGANISATION, PERSON, PROGRAMME
from elearn.training.plans.fund_rules import Rate, Tag


class FundWages(Ledger, Base):
    """Somebody stated the wages of a year (职工工资总额) and by which rate is drawn. The newest of a year holds."""

    __tablename__ = "training_fund_wages"
    __table_args__ = (
        sa.UniqueConstraint("organisation_id", "year", "number"),
        one_of("rate", Rate, "rate"),
        sa.CheckConstraint("year BETWEEN 2000 AND 2100", name="year"),
        sa.CheckConstraint("number >= 1", name="number"),
        sa.CheckConstraint("wages_fen BETWEEN 1 AND 10000000000000", name="wages"),
        sa.CheckConstraint("drawn_fen = (wages_fen * basis_points + 5000) / 10000", name="drawn"),
        sa.CheckConstraint("number = 1 OR length(btrim(reason)) > 0", name="change_with_reason"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey(ORGANISATION))
    """The employer."""
    year: Mapped[int] = mapped_column(sa.SmallInteger)
    number: Mapped[int] = mapped_column(sa.SmallInteger)
    """1, 2, 3 of a year."""
    wages_fen: Mapped[int]
    rate: Mapped[Rate] = mapped_column(Word(Rate))
    basis_points: Mapped[int] = mapped_column(sa.SmallInteger)
    """Of the rate on that day."""
    drawn_fen: Mapped[int]
    reason: Mapped[str]
    """Why it changed; empty for the first."""
    entered_by: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    entered_at: Mapped[datetime]


class FundLine(Ledger, Base):
    """Money was spent on training; or, below zero, a line that was wrong is reversed, on its own day. No payment."""

    __tablename__ = "training_fund_line"
    __table_args__ = (
        sa.UniqueConstraint("reverses_id"),
        one_of("kind", EmploymentKind, "kind"),
        one_of("tag", Tag, "tag"),
        sa.CheckConstraint("year = date_part('year', spent_on)", name="year"),
        sa.CheckConstraint(
            "amount_fen <> 0 AND abs(amount_fen) <= 10000000000000 AND (amount_fen < 0) = (reverses_id IS NOT NULL)",
            name="amount",
        ),
        sa.CheckConstraint("(reverses_id IS NULL) = (length(btrim(reason)) = 0)", name="reversed_with_reason"),
        sa.Index(None, "organisation_id", "year", "spent_on"),
        sa.Index(None, "plan_line_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(sa.ForeignKey(ORGANISATION))
    """The employer."""
    year: Mapped[int] = mapped_column(sa.SmallInteger)
    spent_on: Mapped[date]
    amount_fen: Mapped[int]
    what: Mapped[str]
    kind: Mapped[EmploymentKind | None] = mapped_column(Word(EmploymentKind))
    """For whom, by employment (B12); None: for all kinds together."""
    tag: Mapped[Tag] = mapped_column(Word(Tag))
    """Whose money."""
    receipt: Mapped[str]
    """Its number; may be empty."""
    plan_line_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.training_plan_line.id"))
    programme_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey(PROGRAMME))
    reverses_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("elearn.training_fund_line.id"))
    reason: Mapped[str]
    """Of a reversal."""
    entered_by: Mapped[UUID] = mapped_column(sa.ForeignKey(PERSON))
    entered_at: Mapped[datetime]
