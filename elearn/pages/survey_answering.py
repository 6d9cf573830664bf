"""A survey as a worker answers it on a phone, in a minute; changeable until it closes.

An anonymous answer is known again by a number in a cookie of this page alone: nobody else reads it, and nothing in
the store says whose answer it is.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Conflict, Malformed
from elearn.locale import gettext as _
from elearn.pages import forms, frame, survey_texts
from elearn.pages.forms import Form
from elearn.pages.surveys import standing
from elearn.people.callers import current_person_id
from elearn.people.models import Organisation
from elearn.people.permissions import SIGNED_IN
from elearn.runtime import runtime
from elearn.training.plans import survey_rules, surveys
from elearn.training.plans.survey_models import Survey, SurveyQuestion
from elearn.training.plans.survey_rules import LONGEST, QuestionKind, Reply, SurveyState, Wrong

COOKIE = "survey"
NUMBER = re.compile(r"[\w-]{43}")


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/surveys/<uuid:survey_id>", "survey_answering", survey_answering, methods=["GET", "POST"])


@web.allow(SIGNED_IN)
def survey_answering(survey_id: UUID) -> ResponseReturnValue:
    """Answer, or change what was answered."""
    session, person_id = db.session(), current_person_id()
    person = surveys.asked(session, survey_id, person_id)
    survey = session.get_one(Survey, survey_id)
    rows = surveys.questions(session, survey_id)
    number = _number()
    before = surveys.answer_of(session, survey, person_id, number) if number or not survey.anonymous else None
    here = url_for("elearn.pages.survey_answering", survey_id=survey_id)
    form = Form.sent() if request.method == "POST" else Form()

    def page(replies: dict[UUID, Reply]) -> str:
        return render_template(
            "elearn/survey_answering.html",
            survey=survey,
            node=session.get_one(Organisation, survey.organisation_id),
            state=standing(survey),
            questions=rows,
            replies=replies,
            form=form,
            answered=person.answered,
            changeable=before is not None or not person.answered,
            scale=survey_rules.SCALE,
            longest=survey_rules.MAX_REPLY,
            words=survey_texts,
        )

    if request.method == "GET":
        return page(surveys.replies_of(session, before.id) if before else {})
    replies = _read(rows, form)
    if form.errors:
        frame.here(here)
        return page(replies), 422
    number = number or secrets.token_urlsafe(32)
    if not forms.is_first():
        return redirect(here, 303)
    try:
        surveys.answer(session, survey_id, person_id, replies, number=number, at=utcnow())
    except (Conflict, Malformed) as error:
        session.rollback()
        forms.undo_first()
        frame.say_now(forms.said(error))
        frame.here(here)
        return page(replies), web.status_of(error) if isinstance(error, Conflict) else 422
    session.commit()
    frame.say(_("Thank you. Your answer is in."))
    response = make_response(redirect(here, 303))
    if survey.anonymous and standing(survey) is SurveyState.OPEN:
        response.set_cookie(
            COOKIE,
            number,
            path=here,
            max_age=LONGEST + timedelta(days=1),
            secure=runtime().settings.secure_cookies,
            httponly=True,
            samesite="Lax",
        )
    return response


def _read(rows: Sequence[SurveyQuestion], form: Form) -> dict[UUID, Reply]:
    """What was sent to each question; what is wrong is noted beside it."""
    found: dict[UUID, Reply] = {}
    for row in rows:
        name = f"q{row.position}"
        sent = [form[name]] if row.kind is QuestionKind.TEXT else form.all(name)
        reply = survey_rules.read(row.question, sent)
        if isinstance(reply, Wrong):
            form.errors[name] = survey_texts.wrong_text(reply)
            reply = Reply(text=form[name] if row.kind is QuestionKind.TEXT else "")
        found[row.id] = reply
    return found


def _number() -> str:
    """What this browser keeps of its own answer; empty: nothing."""
    kept = request.cookies.get(COOKIE, "")
    return kept if NUMBER.fullmatch(kept) else ""
