"""Surveys of training needs, as an enterprise's staff keep them: written, opened, closed; what came of one.

The principal reads. survey_answering.py is what a worker sees, survey_files.py what leaves as a file and what goes
into the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import frame, survey_texts, training_texts
from elearn.pages.certificates import KEEPS, READS, done_once
from elearn.pages.forms import Form
from elearn.pages.people import employment_kinds
from elearn.people import permissions
from elearn.people.callers import current_person_id, require_caller
from elearn.people.models import EmploymentKind, Organisation, Role
from elearn.people.permissions import ENTERPRISE, ENTERPRISE_STAFF
from elearn.people.registry import local_day
from elearn.training.plans import survey_opening, survey_results, survey_rules, surveys
from elearn.training.plans.survey_models import Survey, SurveyQuestion
from elearn.training.plans.survey_results import Results
from elearn.training.plans.survey_rules import QuestionKind, SurveyState
from elearn.training.plans.surveys import Asks

FIELDS = {name: name for name in ("title", "year", "ends_on", "options", "hours", "people", "quarter")}
"""Code of an error -> the field it is about; every other one stands under `note`."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An option that may become a line of the plan."""

    name: str
    """Of its fields in the form: `1-4`."""
    title: str
    people: int
    """Who chose it."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/training/surveys", "survey_list", survey_list)
    bp.add_url_rule("/training/surveys/new", "survey_new", survey_new, methods=["GET", "POST"])
    one = "/training/surveys/<uuid:survey_id>"
    bp.add_url_rule(one, "survey", survey_page)
    bp.add_url_rule(f"{one}/questions", "survey_question", survey_question, methods=["POST"])
    bp.add_url_rule(f"{one}/remove", "survey_remove", survey_remove, methods=["POST"])
    bp.add_url_rule(f"{one}/open", "survey_open", survey_open, methods=["POST"])
    bp.add_url_rule(f"{one}/close", "survey_close", survey_close, methods=["POST"])
    bp.add_url_rule(f"{one}/discard", "survey_discard", survey_discard, methods=["POST"])


@web.allow(ENTERPRISE)
def survey_list() -> ResponseReturnValue:
    """Surveys of the unit, the newest first."""
    node, nodes = frame.own_organisations(*READS)
    return render_template(
        "elearn/surveys.html",
        node=node,
        nodes=nodes,
        lines=[(one, standing(one)) for one in surveys.listed(db.session(), node.id)],
        may_keep=permissions.holds_in(require_caller(), node.id, *KEEPS),
        texts=training_texts,
        words=survey_texts,
    )


@web.allow(ENTERPRISE_STAFF)
def survey_new() -> ResponseReturnValue:
    """Begin one: for which year, until when, who is asked, with names or without."""
    node, _all = frame.own_organisations(*KEEPS)
    today = local_day(utcnow())
    form = Form.sent() if request.method == "POST" else Form()

    def page() -> str:
        return render_template(
            "elearn/survey_new.html",
            node=node,
            form=form,
            years=[(one, str(one)) for one in (today.year + 1, today.year)],
            kinds=employment_kinds(),
            next_year=today.year + 1,
        )

    if request.method == "GET":
        return page()
    kinds = [EmploymentKind(one) for one in form.all("kind") if one in employment_kinds()]
    if (
        form["year"] not in (str(today.year), str(today.year + 1))
        or form["names"] not in ("none", "shown")
        or form["questions"] not in ("ready", "own")
        or len(kinds) != len(form.all("kind"))
    ):
        raise Malformed("This page is out of date. Load it again and repeat.")
    asks = Asks(int(form["year"]), form["title"], form.day("ends_on"), kinds, form["names"] == "none")

    def take() -> str:
        ready = survey_texts.ready() if form["questions"] == "ready" else ()
        return _page_of(surveys.add(db.session(), node.id, asks, ready, by=current_person_id(), at=utcnow()))

    back = url_for("elearn.pages.survey_new", organisation=node.id)
    return done_once(take, form, page, back, _("Look at its questions, then open it."), FIELDS)


@web.allow(ENTERPRISE)
def survey_page(survey_id: UUID) -> ResponseReturnValue:
    """A draft with its questions; once it is open, who answered; once it may be seen, what."""
    return shown_page(visible(survey_id, *READS), Form())


@web.allow(ENTERPRISE_STAFF)
def survey_question(survey_id: UUID) -> ResponseReturnValue:
    """Add a question."""
    survey, form = visible(survey_id, *KEEPS), Form.sent()
    kind = form.word("question_kind", QuestionKind)
    if kind is None or not set(form.all("topic")) <= set(survey_texts.topics()):
        raise Malformed("This page is out of date. Load it again and repeat.")

    def take() -> str:
        options = [*form.all("topic"), *form["options"].splitlines()]
        question = survey_rules.checked(kind, form["title"], options)
        surveys.add_question(db.session(), survey.id, question)
        return _page_of(survey)

    return acted(survey, form, take, _("The question is in the survey."))


@web.allow(ENTERPRISE_STAFF)
def survey_remove(survey_id: UUID) -> ResponseReturnValue:
    """Take a question out."""
    survey, form = visible(survey_id, *KEEPS), Form.sent()
    question_id = form.id("question")

    def take() -> str:
        if question_id is None:
            raise NotFound("There is no such question.")
        surveys.remove_question(db.session(), survey.id, question_id)
        return _page_of(survey)

    return acted(survey, form, take, _("The question is out of the survey."))


@web.allow(ENTERPRISE_STAFF)
def survey_open(survey_id: UUID) -> ResponseReturnValue:
    """Ask everybody who stands there today."""
    survey, form = visible(survey_id, *KEEPS), Form.sent()

    def take() -> str:
        survey_opening.open_up(db.session(), survey.id, at=utcnow())
        return _page_of(survey)

    return acted(survey, form, take, _("Everybody who stands here today is asked, and gets a message."))


@web.allow(ENTERPRISE_STAFF)
def survey_close(survey_id: UUID) -> ResponseReturnValue:
    """No more answers are taken."""
    survey, form = visible(survey_id, *KEEPS), Form.sent()

    def take() -> str:
        surveys.close(db.session(), survey.id, at=utcnow())
        return _page_of(survey)

    return acted(survey, form, take, _("It is closed."))


@web.allow(ENTERPRISE_STAFF)
def survey_discard(survey_id: UUID) -> ResponseReturnValue:
    """Throw a draft away."""
    survey, form = visible(survey_id, *KEEPS), Form.sent()
    leads = url_for("elearn.pages.survey_list", organisation=survey.organisation_id)

    def take() -> str:
        surveys.discard(db.session(), survey.id)
        return leads

    return acted(survey, form, take, _("The draft is thrown away."))


def standing(survey: Survey) -> SurveyState:
    """How it stands today."""
    return survey_rules.standing(survey.state, survey.ends_on, local_day(utcnow()))


def visible(survey_id: UUID, *roles: Role) -> Survey:
    """Raises NotFound: there is none, or it is another organisation's."""
    survey = db.session().get(Survey, survey_id)
    if survey is None:
        raise NotFound("There is no such survey.")
    permissions.require_in(survey.organisation_id, *roles)
    return survey


def acted(survey: Survey, form: Form, take: Callable[[], str], done: str) -> ResponseReturnValue:
    return done_once(take, form, lambda: shown_page(survey, form), _page_of(survey), done, FIELDS)


def shown_page(survey: Survey, form: Form) -> str:
    session = db.session()
    rows = surveys.questions(session, survey.id)
    state = standing(survey)
    frame.here(_page_of(survey))
    opening, begun = state is SurveyState.OPENING, state not in (SurveyState.DRAFT, SurveyState.OPENING)
    results = survey_results.gather(session, survey, on=local_day(utcnow())) if begun else None
    return render_template(
        "elearn/survey.html",
        survey=survey,
        node=session.get_one(Organisation, survey.organisation_id),
        state=state,
        questions=rows,
        asked=survey_opening.asked_so_far(session, survey.id) if opening else 0,
        results=results,
        subjects=subjects(rows, results) if results and results.shown else [],
        form=form,
        may_keep=permissions.holds_in(require_caller(), survey.organisation_id, *KEEPS),
        scale=survey_rules.SCALE,
        least=survey_rules.LEAST,
        words=survey_texts,
    )


def subjects(rows: Sequence[SurveyQuestion], results: Results) -> list[Subject]:
    """What may become a line of the plan, what most people chose in front."""
    found = [
        Subject(f"{row.position}-{number}", survey_texts.said(option), results.count(row.id, number))
        for row in rows
        if survey_texts.is_subject(row.question)
        for number, option in enumerate(row.options)
    ]
    return sorted(found, key=lambda one: -one.people)


def _page_of(survey: Survey) -> str:
    return url_for("elearn.pages.survey", survey_id=survey.id)
