"""Who teaches in a class, between which days, and what is wrong with it by the rules of the region."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import teaching
from elearn.courses.classes import own_class
from elearn.courses.models import Kind, TrainingClass
from elearn.courses.teachers import assigning, reading
from elearn.courses.teachers.standing import teaching as teachers_of
from elearn.credit_export import teacher_hours
from elearn.db import db
from elearn.errors import Malformed
from elearn.locale import gettext as _
from elearn.pages import frame, teacher_texts
from elearn.pages.forms import Form
from elearn.pages.teachers import taken
from elearn.people.callers import require_caller
from elearn.people.models import Role
from elearn.people.permissions import MANAGER
from elearn.people.registry import local_day

MANAGES = Role.INSTITUTION_MANAGER
FIELDS = {"item": "what", "teacher": "teacher", "dates": "from_on", "assigned_already": "teacher"}


def install(bp: Blueprint) -> None:
    bp.add_url_rule(
        "/teaching/classes/<uuid:class_id>/teachers", "class_teachers", class_teachers, methods=["GET", "POST"]
    )
    bp.add_url_rule(
        "/teaching/classes/<uuid:class_id>/teachers/<uuid:entry_id>", "class_teacher_change", class_teacher_change,
        methods=["POST"],
    )  # fmt: skip


@web.allow(MANAGER)
def class_teachers(class_id: UUID) -> ResponseReturnValue:
    """Who teaches in a class; enter somebody of the register."""
    held, form = _own(class_id), Form.sent() if request.method == "POST" else Form()
    if request.method == "GET":
        return _page(held, form)
    form.need("teacher", "from_on")
    teacher_id, from_on, to_on = form.id("teacher"), form.day("from_on"), form.day("to_on")
    kind = form.word("what", Kind)
    item_id = None if kind or not form["what"] else form.id("what")
    if form.errors or teacher_id is None or from_on is None:
        frame.here(_url(class_id))
        return _page(held, form), 422

    def take() -> str:
        assigning.assign(
            db.session(), class_id, teacher_id, item_id=item_id, kind=kind, from_on=from_on, to_on=to_on,
            acting=frame.acting(MANAGES), by=require_caller().person_id, at=utcnow(),
        )  # fmt: skip
        return _url(class_id)

    return taken(take, form, lambda: _page(_own(class_id), form), _url(class_id), _("Written down."), FIELDS)


@web.allow(MANAGER)
def class_teacher_change(class_id: UUID, entry_id: UUID) -> ResponseReturnValue:
    """The last day of a teacher in a class, or that it was entered by mistake."""
    held, form, session = _own(class_id), Form.sent(), db.session()
    acting, by = frame.acting(MANAGES), require_caller().person_id
    to_on = form.day("to_on")
    if form["act"] not in ("end", "remove"):
        raise Malformed("This page is out of date. Load it again and repeat.")
    if form["act"] == "end" and to_on is None:
        form.need("to_on")
        frame.say_now(form.errors["to_on"])
        frame.here(_url(class_id))
        return _page(held, Form()), 422

    def take() -> str:
        if form["act"] == "remove" or to_on is None:
            assigning.remove(session, entry_id, acting=acting, by=by, at=utcnow())
        else:
            assigning.end(session, entry_id, to_on=to_on, acting=acting, by=by, at=utcnow())
        return _url(class_id)

    return taken(take, form, lambda: _page(_own(class_id), Form()), _url(class_id), _("Written down."), {})


def _own(class_id: UUID) -> TrainingClass:
    return own_class(db.session(), class_id, frame.acting(MANAGES))


def _url(class_id: UUID) -> str:
    return url_for("elearn.pages.class_teachers", class_id=class_id)


def _page(held: TrainingClass, form: Form) -> str:
    session, on = db.session(), local_day(utcnow())
    found = teachers_of(session, [held.id])[held.id]
    items = teaching.items_of(session, held.outline_id)
    whats = [("", teacher_texts.kind_text(None))]
    whats += [(kind.value, teacher_texts.kind_text(kind)) for kind in Kind if any(one.kind is kind for one in items)]
    whats += [(str(one.id), f"{one.name} ({teacher_texts.kind_text(one.kind)})") for one in items]
    return render_template(
        "elearn/class_teachers.html",
        held=held,
        form=form,
        teachers=found,
        names={one.teacher_id: one.name for one in found},
        problems=teacher_hours.class_problems(session, [held.id], today=on)[held.id],
        offered=reading.offered(session, held.institution_id, min(on, held.starts_on)),
        whats=whats,
        texts=teacher_texts,
    )
