"""Surveys of training needs (培训需求调研, A20): written, opened to a unit's people, answered once each, closed.

An anonymous answer is known again only by a number that the answering browser keeps: whoever reads the database cannot
say whose it is, so on another phone it can be changed no more. Nothing here commits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.errors import Conflict, Malformed, NotFound
from elearn.people.models import EmploymentKind, Organisation
from elearn.people.registry import local_day
from elearn.training.models import Purpose
from elearn.training.plans import survey_rules
from elearn.training.plans.models import PlanState, TrainingPlan
from elearn.training.plans.survey_models import Survey, SurveyAnswer, SurveyAsked, SurveyQuestion, SurveyReply
from elearn.training.plans.survey_rules import Question, Reply, SurveyState
from elearn.training.plans.yearly import Item, add_line, begin, lines, versions


@dataclass(frozen=True, slots=True)
class Asks:
    """A survey as somebody writes it."""

    year: int
    title: str
    ends_on: date | None
    kinds: Collection[EmploymentKind]
    anonymous: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A survey that somebody has not answered."""

    id: UUID
    title: str
    organisation: str
    ends_on: date


@dataclass(frozen=True, slots=True)
class Wish:
    """What becomes a line of the plan."""

    title: str
    quarter: int
    hours: int
    people: int


def add(
    session: Session, organisation_id: UUID, asks: Asks, ready: Iterable[Question], *, by: UUID, at: datetime
) -> Survey:
    """A survey to write, with the questions that are `ready`. Raises Malformed `year`, `ends_on`, `title`."""
    ends_on = survey_rules.check_days(asks.year, asks.ends_on, local_day(at))
    title = " ".join(asks.title.split())
    if not 1 <= len(title) <= survey_rules.MAX_TITLE or not title.isprintable():
        raise Malformed("This needs 1 to 100 characters.", code="title")
    made = Survey(
        organisation_id=organisation_id, year=asks.year, title=title, ends_on=ends_on,
        kinds=sorted(one.value for one in set(asks.kinds)), anonymous=asks.anonymous, state=SurveyState.DRAFT,
        created_by=by, created_at=at, opened_at=None, closed_at=None,
    )  # fmt: skip
    session.add(made)
    session.flush()
    session.add_all(_row(made.id, position, one) for position, one in enumerate(ready, start=1))
    session.flush()
    return made


def listed(session: Session, organisation_id: UUID) -> Sequence[Survey]:
    """Of one node, the newest first."""
    return session.scalars(
        sa.select(Survey)
        .where(Survey.organisation_id == organisation_id)
        .order_by(Survey.created_at.desc(), Survey.id.desc())
        .limit(100)
    ).all()


def questions(session: Session, survey_id: UUID) -> Sequence[SurveyQuestion]:
    """In their order."""
    return session.scalars(
        sa.select(SurveyQuestion).where(SurveyQuestion.survey_id == survey_id).order_by(SurveyQuestion.position)
    ).all()


def add_question(session: Session, survey_id: UUID, question: Question) -> None:
    """At the end. Raises Conflict `not_draft`, Malformed `questions`."""
    draft(session, survey_id)
    there = questions(session, survey_id)
    if len(there) >= survey_rules.MOST_QUESTIONS:
        raise Malformed("A survey has at most 20 questions.", code="questions")
    session.add(_row(survey_id, there[-1].position + 1 if there else 1, question))
    session.flush()


def remove_question(session: Session, survey_id: UUID, question_id: UUID) -> None:
    """Raises Conflict `not_draft`, NotFound."""
    draft(session, survey_id)
    row = session.get(SurveyQuestion, question_id)
    if row is None or row.survey_id != survey_id:
        raise NotFound("There is no such question.")
    session.delete(row)
    session.flush()


def discard(session: Session, survey_id: UUID) -> None:
    """Throw away what nobody was asked. Raises Conflict `not_draft`."""
    row = draft(session, survey_id)
    session.execute(sa.delete(SurveyQuestion).where(SurveyQuestion.survey_id == survey_id))
    session.delete(row)
    session.flush()


def close(session: Session, survey_id: UUID, *, at: datetime) -> None:
    """No more answers are taken. Raises Conflict `not_open`."""
    survey = locked(session, survey_id)
    if survey.state is not SurveyState.OPEN:
        raise Conflict("This survey is not open.", code="not_open")
    survey.state, survey.closed_at = SurveyState.CLOSED, at
    session.flush()


def waiting_for(session: Session, person_id: UUID, *, on: date) -> list[Waiting]:
    """Open surveys that ask this person and have no answer, those that end first in front. One query."""
    rows = session.execute(
        sa.select(Survey.id, Survey.title, Organisation.name, Survey.ends_on)
        .join(SurveyAsked, SurveyAsked.survey_id == Survey.id)
        .join(Organisation, Organisation.id == Survey.organisation_id)
        .where(
            SurveyAsked.person_id == person_id,
            SurveyAsked.answered.is_(False),
            Survey.state == SurveyState.OPEN,
            Survey.ends_on >= on,
        )
        .order_by(Survey.ends_on, Survey.id)
    )
    return [Waiting(*row) for row in rows]


def asked(session: Session, survey_id: UUID, person_id: UUID) -> SurveyAsked:
    """Raises NotFound: this person was not asked."""
    found = session.get(SurveyAsked, (survey_id, person_id))
    if found is None:
        raise NotFound("There is no such survey.")
    return found


def answer_of(session: Session, survey: Survey, person_id: UUID, number: str) -> SurveyAnswer | None:
    """What this person said before; of an anonymous survey by the `number` that their browser keeps."""
    query = sa.select(SurveyAnswer).where(SurveyAnswer.survey_id == survey.id)
    if survey.anonymous:
        return session.scalar(query.where(SurveyAnswer.mark == _mark(survey.id, person_id, number)))
    return session.scalar(query.where(SurveyAnswer.person_id == person_id))


def replies_of(session: Session, answer_id: UUID) -> dict[UUID, Reply]:
    """By question."""
    rows = session.scalars(sa.select(SurveyReply).where(SurveyReply.answer_id == answer_id))
    return {one.question_id: Reply(tuple(one.chosen), one.text) for one in rows}


def answer(
    session: Session, survey_id: UUID, person_id: UUID, replies: Mapping[UUID, Reply], *, number: str, at: datetime
) -> None:
    """Take an answer, or change the one given before, until the survey closes.

    Raises NotFound: not asked; Conflict `closed`, `answered`: anonymous, and given in another browser; Malformed
    `empty`.
    """
    person = session.scalar(
        sa.select(SurveyAsked)
        .where(SurveyAsked.survey_id == survey_id, SurveyAsked.person_id == person_id)
        .with_for_update()
    )
    if person is None:
        raise NotFound("There is no such survey.")
    survey = session.get_one(Survey, survey_id, with_for_update={"read": True}, populate_existing=True)
    if survey_rules.standing(survey.state, survey.ends_on, local_day(at)) is not SurveyState.OPEN:
        raise Conflict("This survey takes no answers any more.", code="closed")
    said = {one.id: replies[one.id] for one in questions(session, survey_id) if one.id in replies}
    if not any(one.said for one in said.values()):
        raise Malformed("Answer at least one question.", code="empty")
    row = answer_of(session, survey, person_id, number)
    if row is None:
        if person.answered:
            raise Conflict("You have answered. On this phone or browser the answer cannot be changed.", code="answered")
        row = SurveyAnswer(
            survey_id=survey_id, anonymous=survey.anonymous, person_id=None if survey.anonymous else person_id,
            mark=_mark(survey_id, person_id, number) if survey.anonymous else None,
            kind=survey_rules.kept_kind(person.kind, asked_by_kind(session, survey_id), anonymous=survey.anonymous),
        )  # fmt: skip
        session.add(row)
        person.answered = True
        session.flush()
    else:
        session.execute(sa.delete(SurveyReply).where(SurveyReply.answer_id == row.id))
    session.add_all(
        SurveyReply(answer_id=row.id, question_id=question_id, chosen=list(one.chosen), text=one.text)
        for question_id, one in said.items()
        if one.said
    )
    session.flush()


def asked_by_kind(session: Session, survey_id: UUID) -> dict[str, int]:
    """How many were asked of each kind of employment."""
    rows = session.execute(
        sa.select(SurveyAsked.kind, sa.func.count())
        .where(SurveyAsked.survey_id == survey_id)
        .group_by(SurveyAsked.kind)
    )
    return {row[0]: row[1] for row in rows}


def plan_with(
    session: Session, survey: Survey, wishes: Sequence[Wish], *, reason: str, audience: str, by: UUID, at: datetime
) -> TrainingPlan:
    """Put what people wish for into the plan of the survey's year: into the version being written, or a new one.

    A wish that this survey has put there already is left out. `reason`: why an approved plan changes.
    Raises Malformed `wishes`, `hours`, `people`, `quarter`, `year`; Conflict `waiting`.
    """
    if not wishes:
        raise Malformed("Choose what is to be in the plan.", code="wishes")
    newest = next(iter(versions(session, survey.organisation_id, survey.year)), None)
    if newest is not None and newest.state is PlanState.WAITING:
        raise Conflict("A version of this plan waits for the principal.", code="waiting")
    if newest is None or newest.state is not PlanState.DRAFT:
        newest = begin(session, survey.organisation_id, survey.year, reason=reason, by=by, at=at)
    there = {one.title for one in lines(session, newest.id) if one.survey_id == survey.id}
    for one in wishes:
        if one.title not in there:
            item = Item(one.quarter, one.title, audience, Purpose.OTHER, None, one.hours, one.people, survey.id)
            add_line(session, newest.id, item, usable=())
    return newest


def titles(session: Session, ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """What these surveys are called."""
    named = {one for one in ids if one is not None}
    rows = session.execute(sa.select(Survey.id, Survey.title).where(Survey.id.in_(named))) if named else ()
    return {row[0]: row[1] for row in rows}


def _row(survey_id: UUID, position: int, one: Question) -> SurveyQuestion:
    return SurveyQuestion(
        survey_id=survey_id, position=position, kind=one.kind, title=one.title, options=list(one.options)
    )


def locked(session: Session, survey_id: UUID) -> Survey:
    survey = session.get(Survey, survey_id, with_for_update=True, populate_existing=True)
    if survey is None:
        raise NotFound("There is no such survey.")
    return survey


def draft(session: Session, survey_id: UUID) -> Survey:
    """Locked. Raises Conflict `not_draft`, NotFound."""
    survey = locked(session, survey_id)
    if survey.state is not SurveyState.DRAFT:
        raise Conflict("This survey was opened: its questions do not change any more.", code="not_draft")
    return survey


def _mark(survey_id: UUID, person_id: UUID, number: str) -> bytes:
    return hashlib.sha256(f"{survey_id}:{person_id}:{number}".encode()).digest()
