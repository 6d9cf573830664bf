"""A learner's page after scanning the teacher's screen: I am here, I am leaving."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import to_ms, utcnow
from elearn.courses.models import TrainingClass
from elearn.db import db
from elearn.errors import Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import attendance_texts, frame
from elearn.pages.attendance import secret
from elearn.people.callers import current_person_id
from elearn.people.permissions import SIGNED_IN
from elearn.tracking.attendance import facts, presence, rules
from elearn.tracking.attendance.models import ClassSession
from elearn.tracking.attendance.rules import Act, Scan


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/here/<uuid:session_id>/<code>", "here", here)
    bp.add_url_rule("/here/<uuid:session_id>", "here_now", here_now, methods=["GET", "POST"])


@web.allow(SIGNED_IN)
def here(session_id: UUID, code: str) -> ResponseReturnValue:
    """The code was opened in time: a button that says what pressing it means. Opening it changes nothing."""
    opened = presence.open_code(
        db.session(), session_id, code, person_id=current_person_id(), secret=secret(), now=utcnow()
    )
    frame.here(url_for("elearn.pages.here_now", session_id=session_id))
    return _page(opened.session, opened.scans, opened.ticket)


@web.allow(SIGNED_IN)
def here_now(session_id: UUID) -> ResponseReturnValue:
    """How it stands; a POST with the ticket of a code checks in or out."""
    session, person_id = db.session(), current_person_id()
    if request.method == "POST":
        try:
            act = Act(request.form.get("act", ""))
        except ValueError as error:
            raise Malformed("This page is out of date. Load it again and repeat.") from error
        made = presence.scan(
            session, session_id, act, request.form.get("ticket", ""), person_id=person_id, secret=secret(), now=utcnow()
        )
        session.commit()
        if made is not None:
            frame.say(_("You are checked in.") if act is Act.IN else _("You are checked out."))
        return redirect(url_for("elearn.pages.here_now", session_id=session_id), 303)
    scans = facts.own_scans(session, session_id, person_id)
    if not scans:
        raise NotFound("There is no such session.")
    return _page(session.get_one(ClassSession, session_id), scans, None)


def _page(held: ClassSession, scans: Sequence[Scan], ticket: str | None) -> str:
    last = scans[-1] if scans else None
    return render_template(
        "elearn/attendance_here.html",
        held=held,
        training=db.session().get_one(TrainingClass, held.class_id),
        ticket=ticket,
        act=rules.next_act(scans),
        there=rules.presence(scans, None, facts.stretch_of(held.from_at, held.to_at)),
        last=last,
        recent=last is not None and to_ms(utcnow()) - last.at_ms < 60_000,
        texts=attendance_texts,
    )
