"""An enterprise's yearly training plan (企业年度培训计划, B15): its clerk writes it, its principal approves it.

What was approved is never changed: a change is a new version with its reason, approved again. What is done is counted
from assignments, never typed in. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.people.models import Organisation, OrganisationTree, Placement, Role
from elearn.people.registry import local_day
from elearn.training.keepers import keepers
from elearn.training.models import Assignment, Programme, Purpose, State
from elearn.training.plans.models import PlanState, TrainingPlan, TrainingPlanLine
from elearn.training.telling import messages
from elearn.training.telling.messages import Kind, Telling
from elearn.zone import NAME as ZONE

MAX_TEXT = 100
MAX_NOTE = 500
MOST_LINES = 200
QUARTERS = (1, 2, 3, 4)
OPEN = (PlanState.DRAFT, PlanState.WAITING)


@dataclass(frozen=True, slots=True)
class Item:
    """A line as somebody writes it."""

    quarter: int
    title: str
    audience: str
    purpose: Purpose
    programme_id: UUID | None
    hours: int
    people: int
    survey_id: UUID | None = None
    """The survey whose answers ask for it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of a line: people who were to be done in its quarter, who were done in it, and in the year."""

    assigned: int
    done: int
    done_in_year: int


def versions(session: Session, organisation_id: UUID, year: int) -> list[TrainingPlan]:
    """All of a year, the newest first."""
    return list(
        session.scalars(
            sa.select(TrainingPlan)
            .where(TrainingPlan.organisation_id == organisation_id, TrainingPlan.year == year)
            .order_by(TrainingPlan.version.desc())
        )
    )


def lines(session: Session, plan_id: UUID) -> list[TrainingPlanLine]:
    """By quarter, in the order in which they were written."""
    return list(
        session.scalars(
            sa.select(TrainingPlanLine)
            .where(TrainingPlanLine.plan_id == plan_id)
            .order_by(TrainingPlanLine.quarter, TrainingPlanLine.id)
        )
    )


def begin(session: Session, organisation_id: UUID, year: int, *, reason: str, by: UUID, at: datetime) -> TrainingPlan:
    """A new version to write: empty, or what the newest one says. After an approved one it needs a reason.

    Raises Conflict `open`: one is being written, or waits; Malformed `year`, `reason`.
    """
    today = local_day(at)
    if not today.year - 3 <= year <= today.year + 1:
        raise Malformed("A plan is for this year, the next, or one of the last three.", code="year")
    # Two who begin at once wait for each other.
    session.execute(sa.select(Organisation.id).where(Organisation.id == organisation_id).with_for_update())
    known = versions(session, organisation_id, year)
    newest = known[0] if known else None
    words = " ".join(reason.split())
    if newest is not None and newest.state in OPEN:
        raise Conflict("A version of this plan is being written already.", code="open")
    if newest is not None and newest.state is PlanState.RETURNED:
        words = words or newest.note
    if (newest is not None and not words) or len(words) > MAX_NOTE:
        raise Malformed("Please say why the approved plan changes, in 1 to 500 characters.", code="reason")
    made = TrainingPlan(
        organisation_id=organisation_id,
        year=year,
        version=1 if newest is None else newest.version + 1,
        state=PlanState.DRAFT,
        reason="" if newest is None else words,
        created_by=by,
        created_at=at,
        submitted_by=None,
        submitted_at=None,
        decided_by=None,
        decided_at=None,
        note="",
    )
    session.add(made)
    session.flush()
    for one in lines(session, newest.id) if newest is not None else ():
        session.add(
            TrainingPlanLine(
                plan_id=made.id, quarter=one.quarter, title=one.title, audience=one.audience, purpose=one.purpose,
                programme_id=one.programme_id, hours=one.hours, people=one.people, survey_id=one.survey_id,
            )
        )  # fmt: skip
    session.flush()
    return made


def add_line(session: Session, plan_id: UUID, item: Item, *, usable: Collection[UUID]) -> TrainingPlanLine:
    """Write a line. `usable`: programmes that the plan may name.

    Raises Conflict `not_open`; Malformed `quarter`, `title`, `audience`, `programme`, `hours`, `people`, `lines`.
    """
    _draft(session, plan_id)
    title, audience = _text(item.title, "title"), _text(item.audience, "audience")
    if item.quarter not in QUARTERS:
        raise Malformed("A year has four quarters.", code="quarter")
    if item.programme_id is not None and item.programme_id not in usable:
        raise Malformed("This programme is none of this organisation.", code="programme")
    if not 1 <= item.hours <= 1000:
        raise Malformed("Hours are a number from 1 to 1000.", code="hours")
    if not 1 <= item.people <= 1_000_000:
        raise Malformed("People are a number from 1 to 1000000.", code="people")
    if len(lines(session, plan_id)) >= MOST_LINES:
        raise Malformed("A plan has at most 200 lines.", code="lines")
    made = TrainingPlanLine(
        plan_id=plan_id, quarter=item.quarter, title=title, audience=audience, purpose=item.purpose,
        programme_id=item.programme_id, hours=item.hours, people=item.people, survey_id=item.survey_id,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def remove_line(session: Session, plan_id: UUID, line_id: UUID) -> None:
    """Take a line out of what is being written. Raises Conflict `not_open`, NotFound."""
    _draft(session, plan_id)
    row = session.get(TrainingPlanLine, line_id)
    if row is None or row.plan_id != plan_id:
        raise NotFound("There is no such line.")
    session.delete(row)
    session.flush()


def submit(session: Session, plan_id: UUID, *, by: UUID, at: datetime) -> None:
    """It waits for the principal, who is told. Raises Conflict `not_open`, Malformed `lines`: it is empty."""
    plan = _draft(session, plan_id)
    if not lines(session, plan_id):
        raise Malformed("A plan has at least one line.", code="lines")
    plan.state, plan.submitted_by, plan.submitted_at = PlanState.WAITING, by, at
    session.flush()
    _tell(session, plan, Kind.PLAN_WAITING, _principals(session, plan), at=at)


def decide(session: Session, plan_id: UUID, *, approve: bool, note: str, by: UUID, at: datetime) -> None:
    """The principal approves it, or returns it with words; who submitted it is told.

    Raises Conflict `not_waiting`, Forbidden `own`: nobody approves what they submitted, Malformed `note`.
    """
    plan = _locked(session, plan_id)
    if plan.state is not PlanState.WAITING:
        raise Conflict("This plan does not wait for a decision.", code="not_waiting")
    if plan.submitted_by == by:
        raise Forbidden("Somebody else has to approve what you submitted.", code="own")
    words = " ".join(note.split())
    if len(words) > MAX_NOTE or (not approve and not words):
        raise Malformed("Please give your reasons in 1 to 500 characters.", code="note")
    if approve:
        session.execute(
            sa.update(TrainingPlan)
            .where(
                TrainingPlan.organisation_id == plan.organisation_id,
                TrainingPlan.year == plan.year,
                TrainingPlan.state == PlanState.APPROVED,
            )
            .values(state=PlanState.SUPERSEDED)
        )
    plan.state = PlanState.APPROVED if approve else PlanState.RETURNED
    plan.decided_by, plan.decided_at, plan.note = by, at, words
    session.flush()
    assert plan.submitted_by is not None, "it waited"
    _tell(session, plan, Kind.PLAN_APPROVED if approve else Kind.PLAN_RETURNED, [plan.submitted_by], at=at)


def progress(
    session: Session, organisation_id: UUID, year: int, rows: Sequence[TrainingPlanLine]
) -> dict[UUID, Progress]:
    """What became of each line: people of the tree below, by the line's programme, or else by its purpose.

    Two statements, however many lines. Somebody counts where they stood on the day it was due.
    """
    first, after = date(year, 1, 1), date(year + 1, 1, 1)
    done_on = sa.cast(sa.func.timezone(ZONE, Assignment.done_at), sa.Date)
    placed = sa.exists().where(
        Placement.membership_id == Assignment.membership_id,
        OrganisationTree.below_id == Placement.unit_id,
        OrganisationTree.above_id == organisation_id,
        Placement.from_on <= Assignment.due_on,
        sa.or_(Placement.to_on.is_(None), Placement.to_on >= sa.func.least(Assignment.due_on, done_on)),
    )
    people = sa.func.count(Assignment.person_id.distinct())

    def counted(on: sa.ColumnElement[date], *conditions: sa.ColumnElement[bool]) -> dict[tuple[object, int], int]:
        """By programme and by purpose, each with its quarter, and with 0 for the year."""
        quarter = sa.cast(sa.func.extract("quarter", on), sa.Integer)
        query = (
            sa.select(Programme.id, Programme.purpose, quarter, people)
            .join(Programme, Programme.id == Assignment.programme_id)
            .where(placed, Assignment.state != State.WITHDRAWN, on >= first, on < after, *conditions)
            .group_by(
                sa.func.grouping_sets(
                    sa.tuple_(Programme.id, quarter), sa.tuple_(Programme.purpose, quarter),
                    sa.tuple_(Programme.id), sa.tuple_(Programme.purpose),
                )
            )
        )  # fmt: skip
        return {(row[0] or row[1], row[2] or 0): row[3] for row in session.execute(query)}

    assigned = counted(Assignment.due_on.expression)
    done = counted(done_on, Assignment.state == State.DONE)
    return {
        one.id: Progress(
            assigned.get((one.programme_id or one.purpose, one.quarter), 0),
            done.get((one.programme_id or one.purpose, one.quarter), 0),
            done.get((one.programme_id or one.purpose, 0), 0),
        )
        for one in rows
    }


def _locked(session: Session, plan_id: UUID) -> TrainingPlan:
    plan = session.get(TrainingPlan, plan_id, with_for_update=True, populate_existing=True)
    if plan is None:
        raise NotFound("There is no such plan.")
    return plan


def _draft(session: Session, plan_id: UUID) -> TrainingPlan:
    plan = _locked(session, plan_id)
    if plan.state is not PlanState.DRAFT:
        raise Conflict("This version is not being written any more.", code="not_open")
    return plan


def _text(text: str, code: str) -> str:
    line = " ".join(text.split())
    if not 1 <= len(line) <= MAX_TEXT or not line.isprintable():
        raise Malformed("This needs 1 to 100 characters.", code=code)
    return line


def _principals(session: Session, plan: TrainingPlan) -> list[UUID]:
    return keepers(session, [plan.organisation_id], [Role.PRINCIPAL]).get(plan.organisation_id, [])


def _tell(session: Session, plan: TrainingPlan, kind: Kind, people: Sequence[UUID], *, at: datetime) -> None:
    name = session.scalar(sa.select(Organisation.name).where(Organisation.id == plan.organisation_id)) or ""
    facts = {"organisation": name, "year": plan.year, "plan_id": str(plan.id)}
    if kind is Kind.PLAN_RETURNED:
        facts["why"] = plan.note
    messages.tell(session, [Telling(one, kind, str(plan.id), facts, plan.organisation_id) for one in people], at=at)
