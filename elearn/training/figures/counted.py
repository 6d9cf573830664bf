"""Tables of figures: what each member adds, the sums of each node of the tree, and marks of what to count again.

All of it follows from memberships, placements, assignments, certificates and the hours ledger: `keeping.py` keeps it,
`elearn figures rebuild` makes it afresh, and nothing is lost when it is emptied. So nothing here refers to a person by
a foreign key.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from elearn.db import Base
from elearn.people.models import Membership, Placement
from elearn.training.certificates.models import WorkerCertificate
from elearn.training.models import Assignment


class FigureMember(Base):
    """Somebody who is placed in an enterprise today, as they were counted last."""

    __tablename__ = "figure_member"
    __table_args__ = (
        sa.Index(None, "unit_id", "membership_id"),
        sa.Index(None, "certificate_by", postgresql_where=sa.text("certificate_by IS NOT NULL")),
    )

    membership_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(index=True)
    unit_id: Mapped[UUID]
    """Where they stand."""
    kind: Mapped[str]
    """Of employment."""
    asked: Mapped[bool]
    """The post asks for a certificate."""
    holding: Mapped[bool]
    """It does, and a valid one of its category is in the register."""
    certificates: Mapped[int]
    """Valid today, of any category."""
    expiring: Mapped[int]
    """Of them: those that run out within `figure_sql.EXPIRES_DAYS`."""
    unqualified: Mapped[bool] = mapped_column(server_default=sa.false())
    """The post asks for a certificate, none is held, and no day is given for it (any more): it must be left."""
    certificate_by: Mapped[date | None]
    """The day until which a certificate that is not held may be missing, also when it is over."""


class FigureCell(Base):
    """What a member's training of one purpose in one quarter adds up to, as it was counted last.

    Assignments stand in the quarter in which they were assigned, hours in the one in which they were learned.
    """

    __tablename__ = "figure_cell"

    membership_id: Mapped[UUID] = mapped_column(primary_key=True)
    quarter: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """`20263`: July to September 2026."""
    purpose: Mapped[str] = mapped_column(primary_key=True)
    assigned: Mapped[int]
    done: Mapped[int]
    overdue: Mapped[int]
    barred: Mapped[int]
    """Assignments because of which the post must be left."""
    required_ms: Mapped[int]
    credited_ms: Mapped[int]
    """Of the ledger: all hours of the programmes' classes, also beyond what was required."""


class UnitFigure(Base):
    """The sums of a node and all below it, by employment kind, purpose and period: what dashboards read."""

    __tablename__ = "unit_figure"

    unit_id: Mapped[UUID] = mapped_column(primary_key=True)
    period: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """0: all of it; `2026` a year; `20263` a quarter."""
    purpose: Mapped[str] = mapped_column(primary_key=True)
    """Empty: all of them."""
    kind: Mapped[str] = mapped_column(primary_key=True)
    people: Mapped[int]
    """Placed there today. This and what certificates say stand in the row of all purposes and periods alone."""
    trained: Mapped[int]
    """People who have done at least one assignment of the period and purpose."""
    assigned: Mapped[int]
    done: Mapped[int]
    overdue: Mapped[int]
    barred: Mapped[int]
    """People who must leave the post until something is done; in the row of all purposes and periods also those who
    lack the certificate it asks for, each counted once."""
    required_ms: Mapped[int]
    credited_ms: Mapped[int]
    asked: Mapped[int]
    holding: Mapped[int]
    certificates: Mapped[int]
    expiring: Mapped[int]
    unqualified: Mapped[int] = mapped_column(server_default=sa.text("0"))
    computed_at: Mapped[datetime]


class FigureMark(Base):
    """Something about a person changed: triggers write a row, the job takes it. Several of one person are as good
    as one; none is ever waited for, so whoever changes something waits for nobody."""

    __tablename__ = "figure_mark"

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    person_id: Mapped[UUID]


class FigureRoll(Base):
    """A unit with people in it was moved: this node, above it before or now, is added up again from its members."""

    __tablename__ = "figure_roll"

    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    unit_id: Mapped[UUID]


class FigureDay(Base):
    """Up to which day the calendar was followed: who came and left, what fell due, what ran out."""

    __tablename__ = "figure_day"

    one: Mapped[bool] = mapped_column(primary_key=True, server_default=sa.true(), autoincrement=False)
    through_on: Mapped[date | None]
    """None: nobody has been counted yet."""
    rows_through: Mapped[int | None]
    """The number of the newest row of the requirements catalogue that was followed."""


# Who comes, leaves or falls due on a day: the calendar is followed by these, never by reading everybody.
sa.Index(None, Membership.from_on)
sa.Index(None, Membership.to_on, postgresql_where=sa.text("to_on IS NOT NULL"))
sa.Index(None, Placement.from_on)
sa.Index(None, Placement.to_on, postgresql_where=sa.text("to_on IS NOT NULL"))
sa.Index(None, Assignment.due_on, postgresql_where=sa.text("state IN ('waiting', 'open')"))
sa.Index(None, WorkerCertificate.from_on)
sa.Index(None, WorkerCertificate.holds_to)
sa.Index(None, WorkerCertificate.ended_on, postgresql_where=sa.text("ended_on IS NOT NULL"))
