"""An institution manager's classes: open, record the filing, enrol, roster."""

from __future__ import annotations

from datetime import datetime, time
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import classes as service
from elearn.courses import teaching
from elearn.courses.classes import PAGE
from elearn.courses.models import Outline, TrainingClass
from elearn.db import db
from elearn.errors import Conflict, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame, members, shown
from elearn.pages.forms import Form
from elearn.pages.people import document_kinds
from elearn.people.models import Organisation, Role
from elearn.people.permissions import MANAGER
from elearn.people.registry import local_day

MANAGES = Role.INSTITUTION_MANAGER


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/teaching/classes", "teaching_classes", class_list)
    bp.add_url_rule("/teaching/classes/new", "new_class", new_class, methods=["GET", "POST"])
    bp.add_url_rule("/teaching/classes/<uuid:class_id>", "teaching_class", one_class)
    bp.add_url_rule("/teaching/classes/<uuid:class_id>/filing", "file_class", file_class, methods=["POST"])
    bp.add_url_rule("/teaching/classes/<uuid:class_id>/enrol", "enrol_documents", enrol_documents, methods=["POST"])
    bp.add_url_rule("/teaching/classes/<uuid:class_id>/members", "enrol_members", enrol_members, methods=["POST"])
    bp.add_url_rule("/teaching/classes/<uuid:class_id>/withdraw", "withdraw", withdraw, methods=["POST"])


@web.allow(MANAGER)
def class_list() -> ResponseReturnValue:
    """An institution's classes, newest first."""
    organisation, all_own = frame.own_organisations(MANAGES)
    page = frame.page_number()
    found, total = service.classes_of(db.session(), organisation.id, page=page)
    return render_template(
        "elearn/classes.html",
        organisation=organisation,
        organisations=all_own,
        classes=found,
        page=page,
        pages=-(-total // PAGE),
        page_url=lambda number: url_for("elearn.pages.teaching_classes", organisation=organisation.id, page=number),
    )


@web.allow(MANAGER)
def new_class() -> ResponseReturnValue:
    """Open a class under an outline in force."""
    organisation, _all = frame.own_organisations(MANAGES)
    now = utcnow()
    form = Form.sent() if request.method == "POST" else Form()
    if request.method == "POST":
        form.need("outline", "class_no", "title", "starts_on")
        starts_on, ends_on, outline_id = form.day("starts_on"), form.day("ends_on"), form.id("outline")
        if not form.errors and starts_on is not None and outline_id is not None:
            if not forms.is_first():
                return redirect(url_for("elearn.pages.teaching_classes", organisation=organisation.id), 303)
            try:
                made = service.open_class(
                    db.session(),
                    institution_id=organisation.id,
                    outline_id=outline_id,
                    class_no=form["class_no"],
                    title=form["title"],
                    starts_on=starts_on,
                    ends_on=ends_on,
                    at=now,
                )
            except (Malformed, Conflict) as error:
                forms.undo_first()
                form.blame(error, {"bad_dates": "ends_on", "class_no_taken": "class_no"}, "title")
            else:
                db.session.commit()
                frame.say(_("The class is open. Record its filing and enrol people."))
                return redirect(url_for("elearn.pages.teaching_class", class_id=made.id), 303)
    page = render_template(
        "elearn/class_new.html",
        form=form,
        organisation=organisation,
        outlines=[outline for outline, _items in teaching.outlines_on(db.session(), local_day(now))],
        today=local_day(now).isoformat(),
    )
    return page, 422 if form.errors else 200


@web.allow(MANAGER)
def one_class(class_id: UUID) -> ResponseReturnValue:
    """A class: its filing and who is in it."""
    return _class_page(class_id)


def _own(class_id: UUID) -> TrainingClass:
    return service.own_class(db.session(), class_id, frame.acting(MANAGES))


def _class_page(
    class_id: UUID,
    *,
    filing: Form | None = None,
    enrolling: Form | None = None,
    problems: tuple[tuple[int, str], ...] = (),
) -> str:
    found, session, today = _own(class_id), db.session(), local_day(utcnow())
    page = frame.page_number() if request.method == "GET" else 1
    roster, total = service.roster(session, class_id, acting=frame.acting(MANAGES), page=page)
    frame.here(url_for("elearn.pages.teaching_class", class_id=class_id))
    return render_template(
        "elearn/class.html",
        held=found,
        outline=session.get_one(Outline, found.outline_id),
        institution=session.get_one(Organisation, found.institution_id),
        roster=roster,
        total=total,
        page=page,
        pages=-(-total // PAGE),
        page_url=lambda number: url_for("elearn.pages.teaching_class", class_id=class_id, page=number),
        candidates=members.not_enrolled(session, found.institution_id, class_id, on=today),
        filing=filing or Form(),
        enrolling=enrolling or Form(),
        problems=problems,
        document_kinds=document_kinds(),
        today=today.isoformat(),
    )


def _to_class(class_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("elearn.pages.teaching_class", class_id=class_id), 303)


@web.allow(MANAGER)
def file_class(class_id: UUID) -> ResponseReturnValue:
    """Record the regulator's filing, once."""
    _own(class_id)
    form = Form.sent()
    form.need("filing_no", "filed_on")
    filed_on = form.day("filed_on")
    if not form.errors and filed_on is not None:
        try:
            service.file_class(
                db.session(),
                class_id,
                filing_no=form["filing_no"],
                # The receipt names a day; the class was filed from its beginning on, unless that is today.
                filed_at=_moment_of(filed_on.isoformat(), form["filed_at"]),
                acting=frame.acting(MANAGES),
                at=utcnow(),
            )
        except (Malformed, Conflict) as error:
            form.blame(error, {"bad_filing": "filed_on"}, "filing_no")
        except ValueError:
            form.errors["filed_at"] = _("A time has the form 09:30.")
        else:
            db.session.commit()
            frame.say(_("The filing is recorded. What is learned from then on counts."))
            return _to_class(class_id)
    return _class_page(class_id, filing=form), 422


def _moment_of(day: str, clock: str) -> datetime:
    """A day and a time of day in China. ValueError when either is none."""
    return datetime.combine(datetime.fromisoformat(day).date(), time.fromisoformat(clock or "00:00"), shown.ZONE)


@web.allow(MANAGER)
def enrol_documents(class_id: UUID) -> ResponseReturnValue:
    """Enrol people by name and document number, one a line: all lines or none."""
    found = _own(class_id)
    form = Form.sent()
    people, problems = members.read_lines(db.session(), form["people"], form["document_kind"], keys=members.keys())
    if not people and not problems:
        form.errors["people"] = _("Please fill this in.")
    if problems:
        form.errors["people"] = _("Nobody was enrolled. Please put these lines right:")
    if form.errors:
        return _class_page(class_id, enrolling=form, problems=tuple(problems)), 422
    return _enrol(found.id, people)


@web.allow(MANAGER)
def enrol_members(class_id: UUID) -> ResponseReturnValue:
    """Enrol people of the institution itself."""
    found = _own(class_id)
    chosen = Form.sent().ids("person")
    on = local_day(utcnow())
    offered = {one.person_id for one in members.not_enrolled(db.session(), found.institution_id, class_id, on=on)}
    # Who is no longer offered was enrolled meanwhile, or is not of this institution.
    return _enrol(found.id, [one for one in chosen if one in offered])


def _enrol(class_id: UUID, people: list[UUID]) -> ResponseReturnValue:
    count = service.enrol(db.session(), class_id, people, acting=frame.acting(MANAGES), at=utcnow())
    db.session.commit()
    if count:
        frame.say(_("%(count)s people were enrolled.", count=count))
    else:
        frame.say(_("Nobody new was enrolled: they are in the class already."), "info")
    return _to_class(class_id)


@web.allow(MANAGER)
def withdraw(class_id: UUID) -> ResponseReturnValue:
    """End an enrolment; doing it twice does no harm."""
    _own(class_id)
    person_id = Form.sent().id("person")
    if person_id is None:
        raise NotFound("There is no such person.")
    service.withdraw(db.session(), class_id, person_id, acting=frame.acting(MANAGES), at=utcnow())
    db.session.commit()
    frame.say(_("The enrolment has ended. What was earned in it stays."))
    return _to_class(class_id)
