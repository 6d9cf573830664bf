"""The way of a class: steps of the institution's people and the region's officer; what waits for the officer."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses.classes import enrolling, reading, steps
from elearn.courses.classes.rules import FILED, Act, State
from elearn.courses.teachers import standing as teachers
from elearn.credit_export import class_conditions
from elearn.db import db
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import class_texts, class_views, forms, frame, members
from elearn.pages.classes import class_page
from elearn.pages.forms import Form
from elearn.people import persons
from elearn.people.callers import require_caller
from elearn.people.models import Person
from elearn.people.permissions import AUDITOR, INSTITUTION_STAFF, OPERATOR, REGULATOR, regions_of
from elearn.people.registry import local_day

NOTICE_DAYS = 30
NOTICE_SIZE = 1000

WAITING = {
    "waiting": (State.INSTITUTION_CHECKED,),
    "coming": (State.PLANNED, State.SUBMITTED),
    "accepted": (State.ACCEPTED, State.RUNNING),
    "completed": (State.COMPLETED,),
}


def install(bp: Blueprint) -> None:
    one = "/teaching/classes/<uuid:class_id>"
    bp.add_url_rule(f"{one}/step/<act>", "class_step", class_step, methods=["POST"])
    bp.add_url_rule(f"{one}/changes/<uuid:change_id>", "roster_answer", roster_answer, methods=["POST"])
    bp.add_url_rule(f"{one}/notice", "class_notice", class_notice)
    bp.add_url_rule("/classes", "classes_waiting", classes_waiting)


@web.allow(INSTITUTION_STAFF, REGULATOR)
def class_step(class_id: UUID, act: str) -> ResponseReturnValue:
    """Submit, check, accept, send back, begin, complete."""
    class_views.seen(class_id)
    if act not in {one.value for one in Act if one is not Act.RECEIPT}:
        raise NotFound("There is nothing at this address.")
    form, session, now = Form.sent(), db.session(), utcnow()
    back = url_for("elearn.pages.teaching_class", class_id=class_id)
    if not forms.is_first():
        return redirect(back, 303)
    try:
        steps.take(
            session,
            class_id,
            Act(act),
            caller=require_caller(),
            outside=class_conditions.outside(session, class_id, local_day(now)),
            at=now,
            note=form["note"],
            filing_no=form["filing_no"],
        )
    except Malformed as error:
        session.rollback()
        forms.undo_first()
        form.blame(error, {"bad_filing": "filing_no"}, "note")
        return class_page(class_id, deciding=form), 422
    except (Conflict, Forbidden) as error:
        session.rollback()
        forms.undo_first()
        frame.say(forms.said(error), "warn")
        return redirect(back, 303)
    session.commit()
    frame.say(_("Written down."))
    return redirect(back, 303)


@web.allow(INSTITUTION_STAFF)
def roster_answer(class_id: UUID, change_id: UUID) -> ResponseReturnValue:
    """A second person confirms a change of the roster, or objects."""
    class_views.of_staff(class_id)
    form, session = Form.sent(), db.session()
    if form["answer"] not in ("confirm", "object"):
        raise Malformed("This page is out of date. Load it again and repeat.")
    try:
        enrolling.answer(
            session,
            class_id,
            change_id,
            confirm=form["answer"] == "confirm",
            note=form["note"],
            by=require_caller().person_id,
            acting=class_views.acting(),
            at=utcnow(),
        )
    except Malformed as error:
        session.rollback()
        form.blame(error, {}, f"note-{change_id}")
        return class_page(class_id, deciding=form), 422
    except (Conflict, Forbidden) as error:
        session.rollback()
        frame.say(forms.said(error), "warn")
    else:
        session.commit()
        frame.say(_("Written down."))
    return redirect(url_for("elearn.pages.teaching_class", class_id=class_id), 303)


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR, AUDITOR)
def class_notice(class_id: UUID) -> ResponseReturnValue:
    """The online notice (网络告知), to print: the class, its teachers, and its roster as it was accepted."""
    found, facts, session = class_views.seen(class_id), class_views.standing(class_id), db.session()
    accepted_at = next((one.at for one in facts.steps if one.to_state in FILED), None)
    lines, total = enrolling.members(session, class_id, size=NOTICE_SIZE, at=accepted_at)
    # Read at once: asking for each person's facts then costs no query.
    people = session.query(Person).filter(Person.id.in_([one.person_id for one in lines])).all()
    masked = {one.id: persons.person_facts(session, one.id, members.keys()).document_masked for one in people}
    return class_views.page(
        "elearn/class_notice.html",
        "notice",
        found,
        facts,
        lines=lines,
        total=total,
        masked=masked,
        accepted_at=accepted_at,
        teaching=teachers.teaching(session, [class_id])[class_id],
        changes=[one for one in reading.roster_changes(session, class_id) if one.effective_at is not None],
    )


@web.allow(REGULATOR, OPERATOR, AUDITOR)
def classes_waiting() -> ResponseReturnValue:
    """An officer's classes: those that wait for acceptance, those that come, and changes to rosters lately."""
    caller, session = require_caller(), db.session()
    regions = None if caller.roles & class_views.READS_ALL else sorted(regions_of(caller))
    show = request.args.get("show", "waiting")
    if show not in WAITING:
        show = "waiting"
    page = frame.page_number()
    found, total = reading.in_regions(session, regions, WAITING[show], page=page)
    return render_template(
        "elearn/classes_waiting.html",
        show=show,
        classes=found,
        total=total,
        notices=reading.notices(session, regions, since=utcnow() - timedelta(days=NOTICE_DAYS)),
        page=page,
        pages=-(-total // reading.PAGE),
        page_url=lambda number: url_for("elearn.pages.classes_waiting", show=show, page=number),
        texts=class_texts,
    )
