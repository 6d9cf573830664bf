"""An institution's classes: open, record the filing, enrol, roster; and the page of one class."""

from __future__ import annotations

from datetime import datetime, time
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import classes as service
from elearn.courses import teaching
from elearn.courses.classes import PAGE, enrolling, reading
from elearn.courses.classes.rules import FILED, Act, Change, Gate, No, State, Unmet
from elearn.courses.classes.steps import Standing
from elearn.courses.models import TrainingClass
from elearn.courses.requirements.rows import ClassReview, RosterChanges
from elearn.courses.teachers import standing as teachers
from elearn.credit_export import class_conditions
from elearn.db import db
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import class_texts, class_views, forms, frame, members, shown
from elearn.pages.forms import Form
from elearn.pages.people import document_kinds
from elearn.people.callers import require_caller
from elearn.people.models import Role
from elearn.people.permissions import AUDITOR, INSTITUTION_STAFF, MANAGER, OPERATOR, REGULATOR
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


@web.allow(INSTITUTION_STAFF)
def class_list() -> ResponseReturnValue:
    """An institution's classes, newest first."""
    organisation, all_own = frame.own_organisations(*class_views.STAFF)
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
        manages=organisation.id in frame.acting(MANAGES),
        texts=class_texts,
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
                    place=form["place"],
                    region=form["region"],
                    at=now,
                )
            except (Malformed, Conflict) as error:
                forms.undo_first()
                form.blame(
                    error,
                    {
                        "bad_dates": "ends_on",
                        "class_no_taken": "class_no",
                        "bad_place": "place",
                        "region_form": "region",
                    },
                    "title",
                )
            else:
                db.session.commit()
                frame.say(_("The class is open. Write its plan, enrol people, and submit it before its first lesson."))
                return redirect(url_for("elearn.pages.teaching_class", class_id=made.id), 303)
    page = render_template(
        "elearn/class_new.html",
        form=form,
        organisation=organisation,
        outlines=[outline for outline, _items in teaching.outlines_on(db.session(), local_day(now))],
        today=local_day(now).isoformat(),
    )
    return page, 422 if form.errors else 200


@web.allow(INSTITUTION_STAFF, REGULATOR, OPERATOR, AUDITOR)
def one_class(class_id: UUID) -> ResponseReturnValue:
    """A class: where it stands, what is missing, its steps, and who is in it."""
    return class_page(class_id)


def _own(class_id: UUID) -> TrainingClass:
    return service.own_class(db.session(), class_id, frame.acting(MANAGES))


def class_page(
    class_id: UUID,
    *,
    filing: Form | None = None,
    joining: Form | None = None,
    deciding: Form | None = None,
    problems: tuple[tuple[int, str], ...] = (),
) -> str:
    found, facts = class_views.seen(class_id), class_views.standing(class_id)
    session, today = db.session(), local_day(utcnow())
    page = frame.page_number() if request.method == "GET" else 1
    roster, total = enrolling.members(session, class_id, page=page)
    may, nos = _steps(facts, found)
    changes = reading.roster_changes(session, class_id)
    me = require_caller().person_id
    frame.here(url_for("elearn.pages.teaching_class", class_id=class_id))
    filed, over = facts.stands.state in FILED, facts.stands.state is State.COMPLETED
    return class_views.page(
        "elearn/class.html",
        "class",
        found,
        facts,
        may=may,
        nos=nos,
        filed=filed,
        frozen=facts.rule.roster,
        may_receipt=found.manages and not filed and facts.rule.review is ClassReview.RECEIPT,
        may_enrol=found.manages and (filed or facts.stands.state is State.PLANNED) and not over,
        may_teachers=found.manages and not over,
        review=class_texts.review_text(facts.rule.review),
        roster=roster,
        total=total,
        page=page,
        pages=-(-total // PAGE),
        page_url=lambda number: url_for("elearn.pages.teaching_class", class_id=class_id, page=number),
        changes=changes,
        me=me,
        teaching=teachers.teaching(session, [class_id])[class_id],
        candidates=members.not_enrolled(session, found.held.institution_id, class_id, on=today)
        if found.manages
        else [],
        filing=filing or Form(),
        enrolling=joining or Form(),
        deciding=deciding or Form(),
        problems=problems,
        document_kinds=document_kinds(),
        today=today.isoformat(),
        unmet=[Unmet(Gate(one)) for step in facts.steps for one in step.unmet],
    )


def _steps(facts: Standing, found: class_views.Seen) -> tuple[list[Act], list[str]]:
    """What the reader may do now, and why not what they might expect to."""
    may, nos = [], []
    for act in (Act.SUBMIT, Act.CHECK, Act.ACCEPT, Act.BEGIN, Act.COMPLETE, Act.RETURN):
        answer = facts.acting(act, found.actors)
        if isinstance(answer, No):
            nos.append(class_texts.no_text(answer))
        else:
            may.append(act)
    return may, sorted({one for one in nos if one})


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
                by=require_caller().person_id,
                outside=class_conditions.outside(db.session(), class_id, local_day(utcnow())),
            )
        except Forbidden as error:
            db.session.rollback()
            frame.say(forms.said(error), "warn")
            return _to_class(class_id)
        except (Malformed, Conflict) as error:
            db.session.rollback()
            form.blame(error, {"bad_filing": "filed_on"}, "filing_no")
        except ValueError:
            form.errors["filed_at"] = _("A time has the form 09:30.")
        else:
            db.session.commit()
            frame.say(_("The filing is recorded. What is learned from then on counts."))
            return _to_class(class_id)
    return class_page(class_id, filing=form), 422


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
        return class_page(class_id, joining=form, problems=tuple(problems)), 422
    return _change(found, people, Change.JOIN, form)


@web.allow(MANAGER)
def enrol_members(class_id: UUID) -> ResponseReturnValue:
    """Enrol people of the institution itself."""
    found = _own(class_id)
    form = Form.sent()
    chosen = form.ids("person")
    on = local_day(utcnow())
    offered = {one.person_id for one in members.not_enrolled(db.session(), found.institution_id, class_id, on=on)}
    # Who is no longer offered was enrolled meanwhile, or is not of this institution.
    return _change(found, [one for one in chosen if one in offered], Change.JOIN, form)


def _change(held: TrainingClass, people: list[UUID], what: Change, form: Form) -> ResponseReturnValue:
    """People join or leave: freely while the class is planned, with a reason once it was accepted."""
    session, now, acting = db.session(), utcnow(), frame.acting(MANAGES)
    rule = class_views.rule_of(held, now)
    state = service.state_of(session, held.id)
    try:
        if state in FILED:
            count = enrolling.change(
                session, held.id, people, what, reason=form["reason"], by=require_caller().person_id, rule=rule,
                acting=acting, at=now,
            )  # fmt: skip
        elif what is Change.JOIN:
            count = service.enrol(session, held.id, people, acting=acting, at=now)
        else:
            for one in people:
                service.withdraw(session, held.id, one, acting=acting, at=now)
            count = len(people)
    except (Malformed, Conflict) as error:
        session.rollback()
        form.blame(error, {}, "reason")
        if isinstance(error, Conflict):  # no field is wrong: the class moved on
            frame.say_now(forms.said(error))
        return class_page(held.id, joining=form), 422
    session.commit()
    if count and state in FILED and rule.roster is RosterChanges.TWO_PEOPLE:
        frame.say(_("It takes effect once a second person of the institution has confirmed it."))
    elif what is Change.LEAVE:
        frame.say(_("The enrolment has ended. What was earned in it stays."))
    elif count:
        frame.say(_("%(count)s people were enrolled.", count=count))
    else:
        frame.say(_("Nobody new was enrolled: they are in the class already."), "info")
    return _to_class(held.id)


@web.allow(MANAGER)
def withdraw(class_id: UUID) -> ResponseReturnValue:
    """End an enrolment; doing it twice does no harm."""
    found, form = _own(class_id), Form.sent()
    person_id = form.id("person")
    if person_id is None:
        raise NotFound("There is no such person.")
    return _change(found, [person_id], Change.LEAVE, form)
