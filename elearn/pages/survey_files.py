"""What came of a survey as a file, and what of it goes into the plan of its year."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from uuid import UUID

from flask import Blueprint, Response, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.credit_export.archive.workbook import Workbook
from elearn.db import db
from elearn.errors import Conflict, Malformed
from elearn.locale import gettext as _
from elearn.pages import forms, survey_texts
from elearn.pages.certificates import KEEPS, READS
from elearn.pages.forms import Form
from elearn.pages.surveys import Subject, acted, subjects, visible
from elearn.people.callers import current_person_id
from elearn.people.models import Organisation
from elearn.people.permissions import ENTERPRISE, ENTERPRISE_STAFF
from elearn.people.registry import local_day
from elearn.training.plans import survey_results, survey_rules, surveys
from elearn.training.plans.survey_models import Survey, SurveyQuestion, SurveyReply
from elearn.training.plans.survey_results import Rate, Results
from elearn.training.plans.surveys import Wish
from elearn.training.plans.yearly import MAX_TEXT

LEADS_FORMULA = tuple("=+-@\t\r")
"""A spreadsheet takes a cell of a CSV that begins so for a formula."""


def install(bp: Blueprint) -> None:
    one = "/training/surveys/<uuid:survey_id>"
    bp.add_url_rule(f"{one}.<any(xlsx, csv):form>", "survey_file", survey_file)
    bp.add_url_rule(f"{one}/plan", "survey_plan", survey_plan, methods=["POST"])


@web.allow(ENTERPRISE)
def survey_file(survey_id: UUID, form: str) -> ResponseReturnValue:
    """Counts by question and employment kind; as a workbook also who answered, and named answers."""
    survey = visible(survey_id, *READS)
    session, now = db.session(), utcnow()
    results = survey_results.gather(session, survey, on=local_day(now))
    if not results.shown:
        raise Conflict("Nothing may be shown of this survey yet.", code="not_shown")
    rows = list(surveys.questions(session, survey.id))
    head = [_("Question"), _("Answer"), _("All"), *map(survey_texts.group_text, results.groups)]
    table: list[list[str | int]] = list(_table(rows, results))
    if form == "csv":
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(map(_safe, head))
        writer.writerows([_safe(cell) for cell in row] for row in table)
        content, kind = text.getvalue().encode("utf-8-sig"), "text/csv; charset=utf-8"  # the mark is for Excel
    else:
        out = io.BytesIO()
        with Workbook(out, title=survey.title, as_of=now) as book:
            book.add(
                _("Results of the survey"),
                {one: 12 if place > 1 else 44 for place, one in enumerate(_distinct(head))},
                table,
            )
            book.add(
                _("Who answered"), _columns(_("Unit or employment"), _("People asked"), _("Answered")), _rates(results)
            )
            if not survey.anonymous:
                _names(book, survey, rows)
        content, kind = out.getvalue(), web.XLSX
    response = Response(content, content_type=kind)
    response.headers.set("Content-Disposition", "attachment", filename=f"survey-{survey.year}.{form}")
    response.headers["Cache-Control"] = "private, no-store"
    return response


@web.allow(ENTERPRISE_STAFF)
def survey_plan(survey_id: UUID) -> ResponseReturnValue:
    """What was chosen here goes into the plan of the survey's year, with the survey named beside it."""
    survey, form = visible(survey_id, *KEEPS), Form.sent()
    session = db.session()
    results = survey_results.gather(session, survey, on=local_day(utcnow()))
    found = subjects(surveys.questions(session, survey.id), results) if results.shown else []
    if not set(form.all("wish")) <= {one.name for one in found}:
        raise Malformed("This page is out of date. Load it again and repeat.")

    def take() -> str:
        name = session.get_one(Organisation, survey.organisation_id).name
        made = surveys.plan_with(
            session,
            survey,
            [_wish(one, form) for one in found if one.name in form.all("wish")],
            reason=_("Survey of training needs: %(title)s", title=survey.title),
            audience=f"{name} · {survey_texts.kinds_text(survey.kinds)}"[:MAX_TEXT],
            by=current_person_id(),
            at=utcnow(),
        )
        return url_for("elearn.pages.training_plan", plan_id=made.id)

    return acted(survey, form, take, _("These lines are in the draft of the plan."))


def _wish(one: Subject, form: Form) -> Wish:
    def whole(name: str) -> int:
        return forms.whole(form[f"{name}-{one.name}"].strip(), 9) or 0

    return Wish(one.title, whole("quarter"), whole("hours"), whole("people"))


def _table(rows: list[SurveyQuestion], results: Results) -> Iterator[list[str | int]]:
    """Question, answer, how many, and of each group."""
    for row in rows:
        title = survey_texts.said(row.title)
        if row.kind.chooses:
            places = [(number, survey_texts.said(option)) for number, option in enumerate(row.options)]
        elif row.kind is survey_rules.QuestionKind.SCALE:
            places = [(place, str(place)) for place in survey_rules.SCALE]
        else:
            for text in results.texts.get(row.id, ()):
                yield [title, text, 1]
            continue
        for number, label in places:
            apart = [results.count(row.id, number, group) for group in results.groups]
            yield [title, label, results.count(row.id, number), *apart]


def _rates(results: Results) -> Iterator[list[str | int]]:
    yield [_("All"), results.asked, results.answered]
    for one in results.kinds:
        yield [survey_texts.group_text(one.names), one.asked, one.answered]
    for one in results.units:
        yield _unit(one)


def _unit(one: Rate) -> list[str | int]:
    return [survey_texts.together(one.names), one.asked, one.answered]


def _names(book: Workbook, survey: Survey, rows: list[SurveyQuestion]) -> None:
    """Of a survey that said so: each answer with the name of who gave it."""
    titles = _distinct([_("Name"), _("Employment"), *(survey_texts.said(one.title) for one in rows)])
    lines = [
        [name, survey_texts.group_text([kind]), *(_reply(one, replies.get(one.id)) for one in rows)]
        for name, kind, replies in survey_results.named_answers(db.session(), survey)
    ]
    book.add(_("Answers by name"), dict.fromkeys(titles, 24), lines)


def _reply(row: SurveyQuestion, reply: SurveyReply | None) -> str:
    if reply is None:
        return ""
    if row.kind.chooses:
        return ", ".join(survey_texts.said(row.options[one]) for one in reply.chosen)
    return reply.text or ", ".join(map(str, reply.chosen))


def _columns(first: str, *others: str) -> dict[str, int]:
    return {first: 44, **dict.fromkeys(others, 12)}


def _distinct(titles: list[str]) -> list[str]:
    """Each column a name of its own: two questions may be called the same."""
    return [f"{title} ({number})" if title in titles[:number] else title for number, title in enumerate(titles)]


def _safe(cell: str | int) -> str | int:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(LEADS_FORMULA) else cell
