"""The plan of a class: where and when what is taught, and how far that covers the outline."""

from __future__ import annotations

from datetime import time
from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import classes
from elearn.courses.classes import lesson_plans
from elearn.courses.classes import plan as service
from elearn.courses.classes.rules import Modality, State
from elearn.db import db
from elearn.errors import Conflict, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import class_views, forms, frame
from elearn.pages.forms import Form
from elearn.people.callers import current_person_id
from elearn.people.models import Role
from elearn.people.permissions import AUDITOR, INSTITUTION_STAFF, MANAGER, OPERATOR, REGULATOR

FIELDS = {
    "plan_item": "item",
    "plan_day": "taught_on",
    "plan_hours": "hours",
    "plan_short_hours": "hours",
    "plan_times": "begins",
    "plan_online": "modality",
    "bad_place": "place",
    "region_form": "region",
    "lesson_plan_line": "line",
}


def install(bp: Blueprint) -> None:
    one = "/teaching/classes/<uuid:class_id>"
    bp.add_url_rule(f"{one}/plan", "class_plan", class_plan)
    bp.add_url_rule(f"{one}/plan", "class_plan_add", class_plan_add, methods=["POST"])
    bp.add_url_rule(f"{one}/plan/<uuid:line_id>/remove", "class_plan_remove", class_plan_remove, methods=["POST"])
    bp.add_url_rule(f"{one}/lesson-plans", "class_lesson_plan_add", class_lesson_plan_add, methods=["POST"])
    bp.add_url_rule(f"{one}/lesson-plans/<uuid:file_id>", "class_lesson_plan", class_lesson_plan)
    bp.add_url_rule(f"{one}/place", "class_place", class_place, methods=["POST"])


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR, AUDITOR)
def class_plan(class_id: UUID) -> ResponseReturnValue:
    """What is taught when; the institution's people may write it while the class is planned."""
    return _page(class_id, Form(), Form())


@web.allow(INSTITUTION_STAFF)
def class_plan_add(class_id: UUID) -> ResponseReturnValue:
    """One more line of the plan."""
    class_views.of_staff(class_id)
    form = Form.sent()
    form.need("item", "taught_on", "hours")
    taught_on, item, hours = form.day("taught_on"), form.id("item"), _hours(form)
    begins, ends = _time(form, "begins"), _time(form, "ends")
    if form["modality"] not in list(Modality):
        raise Malformed("This page is out of date. Load it again and repeat.")
    if not form.errors and taught_on is not None and item is not None:
        if not forms.is_first():
            return _back(class_id)
        try:
            service.add_line(
                db.session(),
                class_id,
                taught_on=taught_on,
                outline_item_id=item,
                modality=Modality(form["modality"]),
                hours=hours,
                from_time=begins,
                to_time=ends,
                place=form["place"],
                acting=class_views.acting(),
            )
        except (Malformed, Conflict) as error:
            db.session.rollback()
            forms.undo_first()
            form.blame(error, FIELDS, "item")
        else:
            db.session.commit()
            frame.say(_("It stands in the plan."))
            return _back(class_id)
    return _page(class_id, form, Form()), 422


@web.allow(INSTITUTION_STAFF)
def class_plan_remove(class_id: UUID, line_id: UUID) -> ResponseReturnValue:
    """Take a line out; doing it twice does no harm."""
    class_views.of_staff(class_id)
    service.remove_line(db.session(), class_id, line_id, acting=class_views.acting())
    db.session.commit()
    return _back(class_id)


@web.allow(INSTITUTION_STAFF)
def class_place(class_id: UUID) -> ResponseReturnValue:
    """Say where the class is taught."""
    class_views.of_staff(class_id)
    form = Form.sent()
    form.need("place")
    if not form.errors:
        try:
            classes.place_class(
                db.session(), class_id, place=form["place"], region=form["region"], acting=class_views.acting()
            )
        except (Malformed, Conflict) as error:
            db.session.rollback()
            form.blame(error, FIELDS, "place")
        else:
            db.session.commit()
            frame.say(_("The place is written down."))
            return _back(class_id)
    return _page(class_id, Form(), form), 422


@web.takes_up_to(lambda: lesson_plans.LARGEST_BYTES + 100_000)
@web.allow(MANAGER)
def class_lesson_plan_add(class_id: UUID) -> ResponseReturnValue:
    """A lesson plan as a file, of a line of the plan or of the class; before acceptance or after it."""
    if not class_views.seen(class_id).manages:
        raise NotFound("There is no such class.")
    form, sent = Form.sent(), request.files.get("file")
    if sent is None or not sent.filename:
        form.errors["file"] = _("Choose a file.")
        return _page(class_id, Form(), Form(), form), 422
    try:
        lesson_plans.attach(
            db.session(),
            class_id,
            line_id=form.id("line"),
            name=sent.filename,
            content=sent.read(),
            by=current_person_id(),
            acting=frame.acting(Role.INSTITUTION_MANAGER),
            at=utcnow(),
        )
    except (Malformed, Conflict) as error:
        db.session.rollback()
        if error.error_code not in ("lesson_plan_line", "lesson_plan_file", "lesson_plans_full"):
            raise
        form.blame(error, FIELDS, "file")
        return _page(class_id, Form(), Form(), form), 422
    db.session.commit()
    frame.say(_("The lesson plan is kept."))
    return _back(class_id)


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR, AUDITOR)
def class_lesson_plan(class_id: UUID, file_id: UUID) -> ResponseReturnValue:
    """A file as it was sent; never shown inside a page of ours."""
    class_views.seen(class_id)
    found = lesson_plans.one(db.session(), class_id, file_id)
    response = Response(found.content, content_type=found.media_type)
    response.headers.set("Content-Disposition", "attachment", filename=found.name)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _hours(form: Form) -> int:
    hours = forms.whole(form["hours"].strip() or "0", 3)
    if hours is None:
        form.errors["hours"] = _("A line of a plan has 1 to 24 hours.")
        return 0
    return hours


def _time(form: Form, name: str) -> time | None:
    text = form[name].strip()
    if not text:
        return None
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        form.errors[name] = _("A time has the form 09:30.")
        return None


def _back(class_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("elearn.pages.class_plan", class_id=class_id), 303)


def _page(class_id: UUID, form: Form, placing: Form, sending: Form | None = None) -> str:
    found, facts = class_views.seen(class_id), class_views.standing(class_id)
    if request.method != "GET":
        frame.here(url_for("elearn.pages.class_plan", class_id=class_id))
    sent = lesson_plans.of_class(db.session(), class_id)
    planned: dict[UUID, int] = {}
    for line in facts.plan:
        planned[line.outline_item_id] = planned.get(line.outline_item_id, 0) + line.hours
    if not placing.values:
        placing = Form({"place": found.held.place, "region": found.held.region or found.institution.region or ""})
    return class_views.page(
        "elearn/class_plan.html",
        "plan",
        found,
        facts,
        form=form,
        placing=placing,
        sending=sending or Form(),
        lesson_plans=sent,
        without=lesson_plans.without_one([one.id for one in facts.plan], sent),
        items=service.items_of(db.session(), found.held.outline_id),
        planned=planned,
        may_write=found.staff and facts.stands.state is State.PLANNED,
        modalities=list(Modality),
    )
