"""An enterprise's training on site: the sessions of a unit and all below it, and the form that plans one.

What follows, the screen, the list and the second person, is the same for everybody: `attendance.py`.
"""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses.models import Kind
from elearn.db import db
from elearn.errors import Conflict, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import attendance_texts, forms, frame, members, shown, training_texts
from elearn.pages.attendance import time_said
from elearn.pages.attendance_acting import KEEPS, READS
from elearn.pages.forms import Form
from elearn.pages.training import units_of
from elearn.people import tree
from elearn.people.callers import current_person_id
from elearn.people.models import Organisation
from elearn.people.permissions import ENTERPRISE, ENTERPRISE_STAFF
from elearn.people.registry import local_day
from elearn.tracking.attendance import reading
from elearn.training import classrooms, programmes
from elearn.training.telling import meetings

BESIDE = {
    "nobody": "giver", "several": "giver_number", "document_form": "giver_number", "document_check": "giver_number",
    "document_birth": "giver_number", "bad_teacher": "giver", "teacher_elsewhere": "giver", "bad_place": "place",
    "bad_day": "on", "too_late": "begins", "bad_times": "ends", "closed": "programme",
}  # fmt: skip
"""Code of an error -> the field it is about."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/training/sessions", "training_sessions", training_sessions)
    bp.add_url_rule("/training/sessions", "plan_training_session", plan_training_session, methods=["POST"])


@web.allow(ENTERPRISE)
def training_sessions() -> ResponseReturnValue:
    """Those of a unit and all below it, newest first; `?programme=`: of one programme."""
    node, nodes = frame.own_organisations(*READS)
    return _page(node, nodes, Form.asked())


def _page(node: Organisation, nodes: list[Organisation], form: Form) -> str:
    session, now, page = db.session(), utcnow(), frame.page_number()
    usable = programmes.usable(session, node.id)
    only = next((one for one in usable if str(one.id) == form["programme"]), None) if not form.errors else None
    found, total = reading.of_node(session, node.id, only.class_id if only else None, now=now, page=page)
    keeps = frame.acts_in(node.id, *KEEPS)
    frame.here(url_for("elearn.pages.training_sessions", organisation=node.id))

    def page_url(number: int) -> str:
        return url_for(
            "elearn.pages.training_sessions", organisation=node.id, programme=only.id if only else None, page=number
        )

    return render_template(
        "elearn/training_sessions.html",
        node=node,
        nodes=nodes,
        sessions=found,
        only=only,
        form=form,
        keeps=keeps,
        programmes=[(one.id, one.title) for one in usable],
        units=[(node.id, node.name), *units_of(node.id)],
        kinds=[(one.value, attendance_texts.kind_text(one)) for one in Kind],
        today=local_day(now).isoformat(),
        page=page,
        pages=-(-total // reading.PAGE),
        page_url=page_url,
        tabs=training_texts.tabs(),
        texts=attendance_texts,
    )


@web.allow(ENTERPRISE_STAFF)
def plan_training_session() -> ResponseReturnValue:
    """Plan one: which programme, for whose people, when and where, who gives it."""
    node, nodes = frame.own_organisations(*KEEPS)
    form, back = Form.sent(), url_for("elearn.pages.training_sessions", organisation=node.id)
    asked = _asked(node, form)
    if asked is None:
        return _page(node, nodes, form), 422
    if not forms.is_first():
        return redirect(back, 303)
    session = db.session()
    now = utcnow()
    try:
        with session.begin_nested():
            made = classrooms.plan(
                session, asked, by=current_person_id(), acting=tree.below(session, [node.id]), at=now
            )
    except (Malformed, Conflict) as error:
        forms.undo_first()
        form.blame(error, BESIDE, "place")
        return _page(node, nodes, form), 422
    meetings.tell(session, at=now, only=made.id)
    session.commit()
    frame.say(_("The session is planned. Whoever is invited has a message, and sees it on their start page."))
    return redirect(url_for("elearn.pages.one_session", session_id=made.id), 303)


def _asked(node: Organisation, form: Form) -> classrooms.Asked | None:
    """What the form says; None: something of it is wrong, and noted. Raises NotFound: a unit or programme elsewhere."""
    session = db.session()
    form.need("programme", "unit", "giver", "place", "on", "begins", "ends")
    on, begins, ends = form.day("on"), time_said(form, "begins"), time_said(form, "ends")
    programme, unit, kind = form.id("programme"), form.id("unit"), form.word("kind", Kind)
    if form.errors or on is None or begins is None or ends is None or programme is None or unit is None:
        return None
    if programme not in {one.id for one in programmes.usable(session, node.id)}:
        raise NotFound("There is no such programme.")
    if not tree.lies_in(session, unit, [node.id]):
        raise NotFound("There is no such unit.")
    try:
        giver = classrooms.giver(session, node.id, form["giver"], form["giver_number"], members.keys(), at=utcnow())
    except Malformed as error:
        form.blame(error, BESIDE, "giver")
        return None
    from_at, to_at = (datetime.combine(on, one, shown.ZONE) for one in (begins, ends))
    return classrooms.Asked(programme, unit, kind or Kind.THEORY, giver, form["place"], from_at, to_at)
