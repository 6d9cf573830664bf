"""An enterprise's training fund of a year (培训经费, B16): wages stated, money drawn, spent and left. No payment.

Nothing is ever changed: wages are stated anew with a reason, and a line that was wrong is reversed by a line of its
own. An employer keeps the fund, none of its units does. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from elearn.errors import Conflict, Malformed, NotFound
from elearn.people.models import EMPLOYERS, EmploymentKind, Organisation, OrganisationTree, Person
from elearn.people.registry import local_day
from elearn.training.models import Programme
from elearn.training.plans import fund_rules
from elearn.training.plans.fund_models import FundLine, FundWages
from elearn.training.plans.fund_rules import Balance, Cell, Rate, Tag
from elearn.training.plans.models import PlanState, TrainingPlan, TrainingPlanLine

PAGE = 50
MAX_WHAT = 100
MAX_RECEIPT = 40
MAX_REASON = 200


@dataclass(frozen=True, slots=True)
class Expense:
    """A line as somebody writes it."""

    spent_on: date | None
    amount_fen: int
    what: str
    kind: EmploymentKind | None
    tag: Tag
    receipt: str = ""
    plan_line_id: UUID | None = None
    programme_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line as a list shows it."""

    row: FundLine
    by: str
    plan_line: str
    programme: str
    reversed: bool


def state_wages(
    session: Session, employer_id: UUID, year: int, wages_fen: int, rate: Rate, *, reason: str, by: UUID, at: datetime
) -> FundWages:
    """The wages of a year; after the first statement with a reason. Raises Malformed `year`, `reason`."""
    fund_rules.check_year(year, local_day(at))
    _locked(session, employer_id)
    before = stated(session, employer_id, year)
    words = " ".join(reason.split())
    if (before and not words) or len(words) > MAX_REASON or not words.isprintable():
        raise Malformed("Please say why the wages change, in 1 to 200 characters.", code="reason")
    made = FundWages(
        organisation_id=employer_id, year=year, number=len(before) + 1, wages_fen=wages_fen, rate=rate,
        basis_points=rate.basis_points, drawn_fen=fund_rules.drawn_fen(wages_fen, rate), reason=words if before else "",
        entered_by=by, entered_at=at,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def stated(session: Session, employer_id: UUID, year: int) -> list[tuple[FundWages, str]]:
    """What was stated about a year with the name of who did, the newest first."""
    rows = session.execute(
        sa.select(FundWages, Person.name)
        .join(Person, Person.id == FundWages.entered_by)
        .where(FundWages.organisation_id == employer_id, FundWages.year == year)
        .order_by(FundWages.number.desc())
    )
    return [(row[0], row[1]) for row in rows]


def spend(
    session: Session, employer_id: UUID, year: int, expense: Expense, *, programmes: Collection[UUID], by: UUID,
    at: datetime,
) -> FundLine:  # fmt: skip
    """Write an expense down. `programmes`: those that it may name.

    Raises Malformed `year`, `spent_on`, `amount`, `what`, `receipt`, `plan_line`, `programme`.
    """
    fund_rules.check_year(year, local_day(at))
    spent_on = fund_rules.check_day(expense.spent_on, year, local_day(at))
    if not 1 <= expense.amount_fen <= fund_rules.MOST_FEN:
        raise Malformed("An amount is more than nothing, and at most a hundred billion yuan.", code="amount")
    what, receipt = " ".join(expense.what.split()), " ".join(expense.receipt.split())
    if not 1 <= len(what) <= MAX_WHAT or not what.isprintable():
        raise Malformed("Say in 1 to 100 characters what the money was spent on.", code="what")
    if len(receipt) > MAX_RECEIPT or not receipt.isprintable():
        raise Malformed("A receipt number has at most 40 characters.", code="receipt")
    if expense.plan_line_id is not None and expense.plan_line_id not in dict(plan_lines(session, employer_id, year)):
        raise Malformed("This line stands in no approved plan of this enterprise and year.", code="plan_line")
    if expense.programme_id is not None and expense.programme_id not in programmes:
        raise Malformed("This programme is none of this organisation.", code="programme")
    made = FundLine(
        organisation_id=employer_id, year=year, spent_on=spent_on, amount_fen=expense.amount_fen, what=what,
        kind=expense.kind, tag=expense.tag, receipt=receipt, plan_line_id=expense.plan_line_id,
        programme_id=expense.programme_id, reverses_id=None, reason="", entered_by=by, entered_at=at,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def reverse(session: Session, employer_id: UUID, line_id: UUID, *, reason: str, by: UUID, at: datetime) -> FundLine:
    """Take a wrong line back by its opposite, on the same day, so that its quarter is right again.

    Raises NotFound: it is none of this employer's; Malformed `reason`; Conflict `reversed`, `reversal`.
    """
    _locked(session, employer_id)
    wrong = session.get(FundLine, line_id)
    if wrong is None or wrong.organisation_id != employer_id:
        raise NotFound("There is no such line.")
    words = " ".join(reason.split())
    if not 1 <= len(words) <= MAX_REASON or not words.isprintable():
        raise Malformed("Please say why the line is wrong, in 1 to 200 characters.", code="reason")
    if wrong.reverses_id is not None:
        raise Conflict("A reversal is not reversed: write the expense anew.", code="reversal")
    if session.scalar(sa.select(FundLine.id).where(FundLine.reverses_id == line_id)) is not None:
        raise Conflict("This line was reversed already.", code="reversed")
    made = FundLine(
        organisation_id=employer_id, year=wrong.year, spent_on=wrong.spent_on, amount_fen=-wrong.amount_fen,
        what=wrong.what, kind=wrong.kind, tag=wrong.tag, receipt=wrong.receipt, plan_line_id=wrong.plan_line_id,
        programme_id=wrong.programme_id, reverses_id=wrong.id, reason=words, entered_by=by, entered_at=at,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def balance(session: Session, employer_id: UUID, year: int) -> Balance:
    """What was drawn, spent and is left: two queries, however many lines."""
    drawn = session.scalar(
        sa.select(FundWages.drawn_fen)
        .where(FundWages.organisation_id == employer_id, FundWages.year == year)
        .order_by(FundWages.number.desc())
        .limit(1)
    )
    quarter = sa.cast(sa.func.extract("quarter", FundLine.spent_on), sa.Integer)
    rows = session.execute(
        sa.select(quarter, FundLine.kind, FundLine.tag, sa.cast(sa.func.sum(FundLine.amount_fen), sa.BigInteger))
        .where(FundLine.organisation_id == employer_id, FundLine.year == year)
        .group_by(quarter, FundLine.kind, FundLine.tag)
    )
    return fund_rules.balance(
        drawn, [Cell(row[0], None if row[1] is None else row[1].value, row[2], row[3]) for row in rows]
    )


def lines(session: Session, employer_id: UUID, year: int, *, page: int = 1, size: int | None = PAGE) -> Sequence[Line]:
    """Of a year by day, the newest first; `size` None: all of them."""
    undone = aliased(FundLine)
    query = (
        sa.select(FundLine, Person.name, TrainingPlanLine.title, Programme.title, undone.id)
        .join(Person, Person.id == FundLine.entered_by)
        .outerjoin(TrainingPlanLine, TrainingPlanLine.id == FundLine.plan_line_id)
        .outerjoin(Programme, Programme.id == FundLine.programme_id)
        .outerjoin(undone, undone.reverses_id == FundLine.id)
        .where(FundLine.organisation_id == employer_id, FundLine.year == year)
        .order_by(FundLine.spent_on.desc(), FundLine.entered_at.desc(), FundLine.id.desc())
    )
    if size is not None:
        query = query.limit(size).offset((max(1, page) - 1) * size)
    return [Line(row[0], row[1], row[2] or "", row[3] or "", row[4] is not None) for row in session.execute(query)]


def count(session: Session, employer_id: UUID, year: int) -> int:
    """How many lines a year has."""
    query = sa.select(sa.func.count()).select_from(FundLine)
    return session.scalar(query.where(FundLine.organisation_id == employer_id, FundLine.year == year)) or 0


def plan_lines(session: Session, employer_id: UUID, year: int) -> list[tuple[UUID, str]]:
    """Lines of the plans that hold, of the employer and its units, with what they are called. Not of an enterprise of
    its group: that one keeps a fund of its own.
    """
    between = aliased(OrganisationTree)
    another = (
        sa.select(sa.literal(1))
        .select_from(between)
        .join(Organisation, Organisation.id == between.above_id)
        .where(
            between.below_id == TrainingPlan.organisation_id,
            between.depth < OrganisationTree.depth,
            Organisation.level.in_([one.value for one in EMPLOYERS]),
        )
        .correlate(TrainingPlan, OrganisationTree)
    )
    unit = aliased(Organisation)
    rows = session.execute(
        sa.select(TrainingPlanLine.id, TrainingPlanLine.title, TrainingPlanLine.quarter, unit.name)
        .join(TrainingPlan, TrainingPlan.id == TrainingPlanLine.plan_id)
        .join(OrganisationTree, OrganisationTree.below_id == TrainingPlan.organisation_id)
        .join(unit, unit.id == TrainingPlan.organisation_id)
        .where(
            OrganisationTree.above_id == employer_id,
            TrainingPlan.year == year,
            TrainingPlan.state == PlanState.APPROVED,
            ~another.exists(),
        )
        .order_by(OrganisationTree.depth, unit.name, TrainingPlanLine.quarter, TrainingPlanLine.id)
    )
    return [(row[0], f"{row[2]} · {row[1]} · {row[3]}") for row in rows]


def keeping(session: Session, *, page: int, size: int = PAGE) -> tuple[list[Organisation], bool]:
    """Employers that keep a fund, by name, and whether there are more: for who reads everything."""
    kept = sa.union(sa.select(FundWages.organisation_id), sa.select(FundLine.organisation_id)).subquery()
    found = session.scalars(
        sa.select(Organisation)
        .where(Organisation.id.in_(sa.select(kept)))
        .order_by(Organisation.name, Organisation.id)
        .limit(size + 1)
        .offset((max(1, page) - 1) * size)
    ).all()
    return list(found[:size]), len(found) > size


def _locked(session: Session, employer_id: UUID) -> None:
    """Two who write at once wait for each other."""
    session.execute(sa.select(Organisation.id).where(Organisation.id == employer_id).with_for_update())
