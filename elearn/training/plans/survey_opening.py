"""A survey is opened: whoever stands there that day is asked once and told; of thousands a job does it, with progress.

open_up ─► few: asked, told, open                                  in the request
        └► many: `opening` ─► page after page ─► told, open        job training.open_survey
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.clock import utcnow
from elearn.db import db, plan_each_time
from elearn.errors import Malformed
from elearn.people.dated import holds_on
from elearn.people.models import EmploymentKind, Membership, Organisation, OrganisationTree, Person, Placement
from elearn.people.registry import local_day
from elearn.training.plans import survey_rules, surveys
from elearn.training.plans.survey_models import Survey, SurveyAsked
from elearn.training.plans.survey_rules import SurveyState
from elearn.training.telling import messages
from elearn.training.telling.messages import Kind, Telling

MOST_ASKED = 20_000
"""People of one survey: a group asks its enterprises one by one."""
AT_ONCE = 1_000
"""People who are asked while somebody waits, and in one transaction of the job."""
ASK = sa.text("""
INSERT INTO elearn.training_survey_asked (survey_id, person_id, unit_id, kind, answered)
SELECT :survey, one.person_id, one.unit_id, one.kind, false
FROM unnest(CAST(:persons AS uuid[]), CAST(:units AS uuid[]), CAST(:kinds AS text[])) one (person_id, unit_id, kind)
ON CONFLICT DO NOTHING
""")

logger = logging.getLogger(__name__)


def open_up(session: Session, survey_id: UUID, *, at: datetime) -> int:
    """Ask whoever stands there today, each once, and tell them; answers how many. Of more than `AT_ONCE` a job does it;
    again while it is at it, and it goes on if it stood still.

    Raises Conflict `not_draft`; Malformed `questions`, `ends_on`, `nobody`, `many`.
    """
    survey, today = surveys.locked(session, survey_id), local_day(at)
    if survey.state is SurveyState.OPENING:
        _defer(session, survey_id)
        return survey.to_ask or 0
    surveys.draft(session, survey_id)
    if not surveys.questions(session, survey_id):
        raise Malformed("A survey has at least one question.", code="questions")
    survey_rules.check_days(survey.year, survey.ends_on, today)
    plan_each_time(session)
    counted = _standing(survey, today).limit(MOST_ASKED + 1).subquery()
    people = session.scalar(sa.select(sa.func.count()).select_from(counted)) or 0
    if not people:
        raise Malformed("Nobody of these kinds of employment stands here today.", code="nobody")
    if people > MOST_ASKED:
        raise Malformed("These are more than 20000 people: ask the units below one by one.", code="many")
    survey.state, survey.opened_at, survey.to_ask = SurveyState.OPENING, at, people
    session.flush()
    if people > AT_ONCE:
        _defer(session, survey_id)
        return people
    _ask(session, survey, session.execute(_standing(survey, today)).all())
    return _tell(session, survey)


@jobs.task("training.open_survey")
def ask_everybody(survey_id: str) -> None:
    """Page after page, each committed, so that the page of the survey says how far it is; then it is open, and told.

    One that died begins from the beginning: who was asked stays as they are.
    """
    session, survey = db.session(), surveys.locked(db.session(), UUID(survey_id))
    if survey.state is not SurveyState.OPENING or survey.opened_at is None:
        return
    people = session.execute(_standing(survey, local_day(survey.opened_at))).all()
    for first in range(0, len(people), AT_ONCE):
        _ask(session, survey, people[first : first + AT_ONCE])
        session.commit()
    survey = surveys.locked(session, UUID(survey_id))
    if survey.state is SurveyState.OPENING:
        told = _tell(session, survey)
        logger.info("survey opened", extra={"survey": survey_id, "people": told})
    session.commit()


def asked_so_far(session: Session, survey_id: UUID) -> int:
    """How far the job has come."""
    return session.scalar(sa.select(sa.func.count()).where(SurveyAsked.survey_id == survey_id)) or 0


def _defer(session: Session, survey_id: UUID) -> None:
    """One job of a survey at a time: another finds that it is open."""
    jobs.defer(session, "training.open_survey", lock=f"training.open_survey:{survey_id}", survey_id=str(survey_id))


def _ask(session: Session, survey: Survey, people: Sequence[sa.Row[UUID, UUID, EmploymentKind]]) -> None:
    """One statement for all of them."""
    persons, units, kinds = zip(*people, strict=True)
    values = {
        "survey": survey.id,
        "persons": list(persons),
        "units": list(units),
        "kinds": [one.value for one in kinds],
    }
    session.execute(ASK, values)


def _tell(session: Session, survey: Survey) -> int:
    """All are asked: it takes answers, and they are told; answers how many."""
    survey.state = SurveyState.OPEN
    session.flush()
    people = session.scalars(sa.select(SurveyAsked.person_id).where(SurveyAsked.survey_id == survey.id)).all()
    name = session.scalar(sa.select(Organisation.name).where(Organisation.id == survey.organisation_id)) or ""
    facts = {
        "organisation": name, "title": survey.title, "ends_on": survey.ends_on.isoformat(),
        "survey_id": str(survey.id), "anonymous": survey.anonymous,
    }  # fmt: skip
    tellings = [Telling(one, Kind.SURVEY, str(survey.id), facts, survey.organisation_id) for one in people]
    messages.tell(session, tellings, at=survey.opened_at or utcnow())
    return len(people)


def _standing(survey: Survey, on: date) -> sa.Select[UUID, UUID, EmploymentKind]:
    """Who stands there on a day, each once, where they came last."""
    standing = (
        sa.select(Membership.person_id, Placement.unit_id, Membership.kind)
        .ext(distinct_on(Membership.person_id))
        .join(Placement, Placement.membership_id == Membership.id)
        .join(OrganisationTree, OrganisationTree.below_id == Placement.unit_id)
        .join(Person, Person.id == Membership.person_id)
        .where(
            OrganisationTree.above_id == survey.organisation_id,
            holds_on(Membership, on),
            holds_on(Placement, on),
            Person.erased_at.is_(None),
        )
        .order_by(Membership.person_id, Membership.from_on.desc(), Membership.id)
    )
    return standing.where(Membership.kind.in_(survey.kinds)) if survey.kinds else standing
