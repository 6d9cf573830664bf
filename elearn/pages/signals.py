"""Review: flags, and what people make of them; learners' appeals. `tracking/signals/decisions.py` says who may what."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import catalogue
from elearn.courses.models import TrainingClass
from elearn.db import db
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame, signal_texts
from elearn.pages.forms import Form
from elearn.people.callers import current_person_id, require_caller
from elearn.people.models import Person
from elearn.people.permissions import AUDITOR, MANAGER, OPERATOR, REGULATOR, SIGNED_IN
from elearn.tracking import counted
from elearn.tracking.signals import reading, reviews
from elearn.tracking.signals.decisions import Act, State, why_not
from elearn.tracking.signals.models import ReviewCase

TOOK = (Act.PROPOSE, Act.CONFIRM)
FIELDS = {"statement": "statement", "appeal_open": "statement"}


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/review", "review_queue", review_queue)
    bp.add_url_rule("/review/cases", "review_open", review_open, methods=["POST"])
    bp.add_url_rule("/review/cases/<uuid:case_id>", "review_case", review_case)
    bp.add_url_rule("/review/cases/<uuid:case_id>/<act>", "review_act", review_act, methods=["POST"])
    bp.add_url_rule("/appeals", "appeals", appeals)
    bp.add_url_rule("/appeals/new", "appeal_new", appeal_new, methods=["GET", "POST"])


@web.allow(OPERATOR, MANAGER, REGULATOR, AUDITOR)
def review_queue() -> ResponseReturnValue:
    """What waits: flags that nobody has taken up, cases and appeals; `?show=closed` for what was decided."""
    caller, page = require_caller(), frame.page_number()
    show = request.args.get("show", "flags")
    flagged, flags = reading.flagged(db.session(), caller, page=page if show == "flags" else 1)
    waiting, cases = reading.cases(db.session(), caller, closed=False, page=page if show == "cases" else 1)
    closed, done = reading.cases(db.session(), caller, closed=True, page=page if show == "closed" else 1)
    lists = {"flags": flags, "cases": cases, "closed": done}
    if show not in lists:
        raise NotFound("There is nothing at this address.")
    return render_template(
        "elearn/signals.html",
        show=show,
        counts=lists,
        flagged=flagged,
        cases=closed if show == "closed" else waiting,
        page=page,
        pages=-(-lists[show] // reading.PAGE),
        page_url=lambda number: url_for("elearn.pages.review_queue", show=show, page=number),
        may_open=_may_act(),
        texts=signal_texts,
    )


@web.allow(OPERATOR, MANAGER, REGULATOR)
def review_open() -> ResponseReturnValue:
    """Open a case for all flags about a learner in a class."""
    form = Form.sent()
    learner_id = form.id("learner")
    if learner_id is None:
        raise Malformed("This page is out of date. Load it again and repeat.")
    try:
        case = reviews.open_case(db.session(), learner_id, form.id("class"), caller=require_caller(), at=utcnow())
    except (Conflict, Forbidden) as error:
        frame.say(forms.said(error), "warn")
        return redirect(url_for("elearn.pages.review_queue"), 303)
    case_id = case.id
    db.session.commit()
    return redirect(url_for("elearn.pages.review_case", case_id=case_id), 303)


@web.allow(OPERATOR, MANAGER, REGULATOR, AUDITOR)
def review_case(case_id: UUID) -> ResponseReturnValue:
    """A case with its evidence, the hours it is about, what was done, and what the reader may do."""
    return _case_page(_visible(case_id), Form())


@web.allow(OPERATOR, MANAGER, REGULATOR)
def review_act(case_id: UUID, act: str) -> ResponseReturnValue:
    """Propose, confirm, object, dismiss; uphold or reject an appeal. Always with reasons."""
    form = Form.sent()
    if act not in set(Act):
        raise NotFound("There is nothing at this address.")
    try:
        spans = [UUID(one) for several in form.all("spans") for one in several.split(",")]
    except ValueError as error:
        raise Malformed("This page is out of date. Load it again and repeat.") from error
    try:
        reviews.act(
            db.session(), case_id, Act(act), caller=require_caller(), reason=form["reason"], spans=spans, at=utcnow()
        )
    except Malformed as error:
        form.errors[error.error_code] = forms.said(error)
        frame.here(url_for("elearn.pages.review_case", case_id=case_id))
        return _case_page(_visible(case_id), form), 422
    except Conflict as error:
        db.session.rollback()
        frame.say(forms.said(error), "warn")
    else:
        db.session.commit()
        frame.say(_("Written down."))
    return redirect(url_for("elearn.pages.review_case", case_id=case_id), 303)


def _visible(case_id: UUID) -> ReviewCase:
    case = db.session.get(ReviewCase, case_id)
    if case is None or not reviews.may_see(require_caller(), reviews.place_of(db.session(), case.class_id)):
        raise NotFound("There is no such case.")
    return case


def _case_page(case: ReviewCase, form: Form) -> str:
    session, caller = db.session(), require_caller()
    facts = reviews.facts_of(session, case)
    sides = reviews.sides_of(caller, reviews.place_of(session, case.class_id)) if _may_act() else ()
    may: dict[str, Any] = {}
    for act in Act:
        refused = [why_not(facts, act, caller.person_id, side) for side in sides]
        if sides:
            may[act.value] = None if None in refused else refused[0]
    acts = reading.acts_of(session, case.id)
    proposed = acts[-1].spans if facts.state is State.PROPOSED else []
    about = db.session.get(ReviewCase, case.about_id) if case.about_id is not None else None
    evidence_of = about or case
    return render_template(
        "elearn/signals_case.html",
        case=case,
        form=form,
        state=facts.state,
        name=session.get_one(Person, case.learner_id).name,
        held=None if case.class_id is None else session.get_one(TrainingClass, case.class_id),
        unit_title=None if case.unit_id is None else catalogue.unit_facts(session, case.unit_id).title,
        about=about,
        about_acts=[] if about is None else reading.acts_of(session, about.id),
        taken=reading.touched(session, [] if about is None else reading.effects_of(session, about.id)),
        signals=reading.signals_of(session, evidence_of.id),
        finals=reading.finals_of(session, case) if may.get("propose", "no") is None else [],
        proposed=reading.touched(session, proposed),
        effects=reading.touched(session, reading.effects_of(session, case.id)),
        acts=acts,
        may=may,
        texts=signal_texts,
    )


def _may_act() -> bool:
    """Whether the reader holds a role that decides; an auditor only reads."""
    return bool(require_caller().roles & (OPERATOR.roles | MANAGER.roles | REGULATOR.roles))


# -- the learner's side


@web.allow(SIGNED_IN)
def appeals() -> ResponseReturnValue:
    """The caller's own appeals: where each stands, and what was answered."""
    session = db.session()
    lines = reading.appeals_of(session, current_person_id())
    answers = {line.id: reading.acts_of(session, line.id) for line in lines if line.state is not State.OPEN}
    return render_template("elearn/signals_appeals.html", lines=lines, answers=answers, texts=signal_texts)


@web.allow(SIGNED_IN)
def appeal_new() -> ResponseReturnValue:
    """Say what is wrong with the hours of a lesson (`?unit=`)."""
    session, person_id = db.session(), current_person_id()
    form = Form.sent() if request.method == "POST" else Form(request.args.to_dict())
    unit_id = form.id("unit")
    if unit_id is None or not counted.has_watched(session, person_id, unit_id):
        raise NotFound("There is no such lesson of yours.")
    if request.method == "POST":
        if not forms.is_first():
            return redirect(url_for("elearn.pages.appeals"), 303)
        try:
            reviews.appeal(session, person_id, unit_id, form["statement"], at=utcnow())
        except (Malformed, Conflict) as error:
            forms.undo_first()
            form.blame(error, FIELDS, "statement")
        else:
            session.commit()
            frame.say(_("Your appeal is on its way. A person reads it and answers here."))
            return redirect(url_for("elearn.pages.appeals"), 303)
    against = reviews.void_to_appeal(session, person_id, unit_id)
    page = render_template(
        "elearn/signals_appeal.html",
        form=form,
        unit_id=unit_id,
        title=catalogue.unit_facts(session, unit_id).title,
        reasons=[] if against is None else [one for one in reading.acts_of(session, against.id) if one.act in TOOK],
        taken=reading.touched(session, [] if against is None else reading.effects_of(session, against.id)),
    )
    return page, 422 if form.errors else 200
