"""A course is opened to everybody, on its manager's pages: one asks, another one opens, any of them ends it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import teaching
from elearn.courses.public import opening, rules
from elearn.courses.reviewing import Who
from elearn.db import db
from elearn.errors import DomainError
from elearn.locale import gettext as _
from elearn.pages import forms, frame
from elearn.pages.forms import Form
from elearn.people.callers import current_person_id
from elearn.people.models import Person, Role
from elearn.people.permissions import MANAGER

MANAGES = Role.INSTITUTION_MANAGER


def install(bp: Blueprint) -> None:
    post, one = ["POST"], "/teaching/courses/<uuid:course_id>/opening"
    bp.add_url_rule(one, "course_opening", course_opening)
    bp.add_url_rule(f"{one}/ask", "ask_opening", ask_opening, methods=post)
    bp.add_url_rule(f"{one}/open", "open_course", open_course, methods=post)
    bp.add_url_rule(f"{one}/end", "end_opening", end_opening, methods=post)


@web.allow(MANAGER)
def course_opening(course_id: UUID) -> ResponseReturnValue:
    """Whether it is open to everybody, who asked, and why it may not be."""
    return _page(course_id)


@web.allow(MANAGER)
def ask_opening(course_id: UUID) -> ResponseReturnValue:
    """Ask a second person."""
    film = Form.sent()["film"] == "yes"
    return _act(
        course_id, lambda: opening.ask(db.session(), course_id, film=film, **_who()), _("It waits for a second person.")
    )


@web.allow(MANAGER)
def open_course(course_id: UUID) -> ResponseReturnValue:
    """Open what somebody else asked for."""
    return _act(
        course_id, lambda: opening.open_to_all(db.session(), course_id, **_who()), _("Everybody can watch it now.")
    )


@web.allow(MANAGER)
def end_opening(course_id: UUID) -> ResponseReturnValue:
    """Close it, or take back what was asked for."""
    return _act(
        course_id, lambda: opening.end(db.session(), course_id, **_who()), _("It is not open to everybody any more.")
    )


def _who() -> Who:
    return {"by": current_person_id(), "acting": frame.acting(MANAGES), "at": utcnow()}


def _act(course_id: UUID, act: Callable[[], object], done: str) -> ResponseReturnValue:
    """Do it, or say on the page why not."""
    try:
        act()
    except DomainError as error:
        db.session.rollback()
        teaching.own_course(db.session(), course_id, frame.acting(MANAGES))
        frame.say_now(forms.said(error))
        return _page(course_id), web.status_of(error)
    db.session.commit()
    frame.say(done)
    return redirect(url_for("elearn.pages.course_opening", course_id=course_id), 303)


def _page(course_id: UUID) -> str:
    session = db.session()
    course = teaching.own_course(session, course_id, frame.acting(MANAGES))
    found, why_not = opening.live(session, course_id), opening.why_not(session, course)
    people = [] if found is None else [one for one in (found.asked_by, found.opened_by) if one]
    rows = session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(people)))
    here = url_for("elearn.pages.course_opening", course_id=course_id)
    frame.here(here)
    return render_template(
        "elearn/course_opening.html",
        course=course,
        opening=found,
        why_not=_(rules.WHY_NOT[why_not]) if why_not else None,
        names={row.id: row.name for row in rows},
        may_open=found is not None and found.opened_at is None and found.asked_by != current_person_id(),
    )
