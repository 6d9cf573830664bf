"""A draft on its way to learners: subtitles, a preview that earns nothing, and the second person's review."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import catalogue, page_text, page_units, reviewing, subtitles, teaching, unit_states, webvtt
from elearn.courses.models import Course, Lesson
from elearn.courses.unit_states import State
from elearn.db import db
from elearn.errors import DomainError, Malformed
from elearn.locale import gettext as _
from elearn.pages import forms, frame, learning
from elearn.pages.forms import Form
from elearn.people.callers import current_person_id
from elearn.people.models import Person, Role
from elearn.people.permissions import MANAGER, TEACHER

MANAGES = Role.INSTITUTION_MANAGER


def install(bp: Blueprint) -> None:
    post = ["POST"]
    bp.add_url_rule("/teaching/reviews", "unit_reviews", reviews)
    bp.add_url_rule("/teaching/units/<uuid:unit_id>/preview", "preview_unit", preview)
    bp.add_url_rule("/teaching/units/<uuid:unit_id>/subtitles", "add_subtitles", add_subtitles, methods=post)
    bp.add_url_rule("/teaching/subtitles/<uuid:subtitle_id>/withdraw", "withdraw_subtitles", no_more, methods=post)
    bp.add_url_rule("/teaching/units/<uuid:unit_id>/submit", "submit_unit", submit, methods=post)
    bp.add_url_rule("/teaching/units/<uuid:unit_id>/withdraw", "withdraw_unit", withdraw, methods=post)
    bp.add_url_rule("/teaching/units/<uuid:unit_id>/approve", "approve_unit", approve, methods=post)
    bp.add_url_rule("/teaching/units/<uuid:unit_id>/return", "return_unit", send_back, methods=post)


@web.allow(MANAGER)
def reviews() -> ResponseReturnValue:
    """What waits for a second person in the caller's institutions."""
    waiting = reviewing.waiting(db.session(), frame.acting(MANAGES))
    names = _names([one.submitted_by for one in waiting])
    return render_template("elearn/unit_reviews.html", waiting=waiting, names=names, own=current_person_id())


@web.allow(TEACHER)
def preview(unit_id: UUID) -> ResponseReturnValue:
    """A version as learners will see it, for its teachers; a manager who did not submit it decides here."""
    return _preview_page(unit_id, Form(), ())


def _preview_page(unit_id: UUID, form: Form, problems: tuple[webvtt.Problem, ...]) -> str:
    session, caller = db.session(), current_person_id()
    unit = teaching.own_unit(session, unit_id, frame.acting(*frame.TEACHES))
    last = unit_states.last_step(session, unit_id)
    state = unit_states.state_of(unit, last)
    lesson = session.get_one(Lesson, unit.lesson_id)
    course = session.get_one(Course, lesson.course_id)
    manages = course.institution_id in frame.acting(MANAGES)
    frame.here(url_for("elearn.pages.preview_unit", unit_id=unit_id))
    reads = unit.kind.written
    return render_template(
        "elearn/unit_preview.html",
        unit=unit,
        course=course,
        state=state.value,
        last=last,
        names=_names([last.by_person_id] if last else []),
        manages=manages,
        may_submit=manages and state is State.DRAFT,
        may_withdraw=manages and state is State.IN_REVIEW,
        may_review=manages and state is State.IN_REVIEW and last is not None and last.by_person_id != caller,
        may_change=manages and state is not State.IN_REVIEW,
        captions=[] if reads else learning.captions(session, unit_id),
        tracks=subtitles.shown(session, unit_id),
        languages=list(subtitles.LANGUAGES.items()),
        pages=[
            (one.index, one.title, page_text.as_html(one.text), one.has_image)
            for one in page_units.pages_of(session, unit_id)
        ],
        questions=catalogue.questions_about(session, unit_id),
        form=form,
        problems=[(one.line, _(one.sentence)) for one in problems],
    )


def _names(person_ids: list[UUID]) -> dict[UUID, str]:
    rows = db.session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(person_ids)))
    return {row.id: row.name for row in rows}


@web.allow(MANAGER)
def add_subtitles(unit_id: UUID) -> ResponseReturnValue:
    """Show these subtitles from now on, or say of each line what is wrong."""
    form = Form.sent()
    teaching.own_unit(db.session(), unit_id, frame.acting(MANAGES))
    file = request.files.get("file")
    problems: tuple[webvtt.Problem, ...] = ()
    if file is None or not file.filename:
        form.errors["file"] = _("Please choose a file.")
    elif not forms.is_first():
        return _to_preview(unit_id)
    else:
        try:
            made = subtitles.add(
                db.session(),
                unit_id,
                form["language"],
                file.read(webvtt.MAX_BYTES + 1),
                acting=frame.acting(MANAGES),
                by=current_person_id(),
                at=utcnow(),
            )
        except webvtt.BadSubtitles as error:
            problems = error.problems
            form.errors["file"] = _("Nothing was taken. Please put these lines right:")
        except Malformed as error:
            form.blame(error, {"language": "language"}, "file")
        else:
            db.session.commit()
            frame.say(_("The subtitles are shown: %(count)s captions.", count=made.cues))
            return _to_preview(unit_id)
        db.session.rollback()
        forms.undo_first()
    return _preview_page(unit_id, form, problems), 422


@web.allow(MANAGER)
def no_more(subtitle_id: UUID) -> ResponseReturnValue:
    """Show these subtitles no more."""
    unit_id = subtitles.withdraw(db.session(), subtitle_id, acting=frame.acting(MANAGES), at=utcnow())
    db.session.commit()
    frame.say(_("The subtitles are shown no more."))
    return _to_preview(unit_id)


@web.allow(MANAGER)
def submit(unit_id: UUID) -> ResponseReturnValue:
    """Ask a second person to review it."""
    return _act(unit_id, lambda: reviewing.submit(db.session(), unit_id, **_who()), _("It waits for a second person."))


@web.allow(MANAGER)
def withdraw(unit_id: UUID) -> ResponseReturnValue:
    """Take it back to change it."""
    return _act(unit_id, lambda: reviewing.withdraw(db.session(), unit_id, **_who()), _("It is a draft again."))


@web.allow(MANAGER)
def approve(unit_id: UUID) -> ResponseReturnValue:
    """Publish what somebody else submitted."""
    return _act(unit_id, lambda: reviewing.approve(db.session(), unit_id, **_who()), _("The lesson is published."))


@web.allow(MANAGER)
def send_back(unit_id: UUID) -> ResponseReturnValue:
    """Return it with what to put right."""
    note = Form.sent()["note"]
    return _act(
        unit_id,
        lambda: reviewing.send_back(db.session(), unit_id, note=note, **_who()),
        _("It was returned with your note."),
    )


def _who() -> reviewing.Who:
    return {"by": current_person_id(), "acting": frame.acting(MANAGES), "at": utcnow()}


def _act(unit_id: UUID, action: Callable[[], object], done: str) -> ResponseReturnValue:
    """Do it, or say on the page why not."""
    teaching.own_unit(db.session(), unit_id, frame.acting(MANAGES))
    try:
        action()
    except DomainError as error:
        db.session.rollback()
        frame.say_now(forms.said(error))
        return _preview_page(unit_id, Form.sent(), ()), web.status_of(error)
    db.session.commit()
    frame.say(done)
    return _to_preview(unit_id)


def _to_preview(unit_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("elearn.pages.preview_unit", unit_id=unit_id), 303)
