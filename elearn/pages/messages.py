"""What a person is told: their messages, the newest first. Opening one reads it and leads to what it is about."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.pages import email_reminders, frame
from elearn.people.callers import current_person_id
from elearn.people.permissions import SIGNED_IN
from elearn.training.telling import messages
from elearn.training.telling.messages import Kind, Message
from elearn.training.telling.wording import said

LEADS: dict[Kind, str] = {
    Kind.ASSIGNED: "home",
    Kind.DUE: "home",
    Kind.LEAVE_POST: "home",
    Kind.CERTIFICATE_EXPIRING: "own_certificates",
    Kind.CERTIFICATE_DIFFERS: "own_certificates",
    Kind.CERTIFICATES_EXPIRING: "certificate_register",
    Kind.NOT_QUALIFIED: "own_certificates",
    Kind.ASSESSMENT_DUE: "own_certificates",
    Kind.POSTS_WITHOUT: "certificates_missing",
    Kind.SESSION: "my_learning",
    Kind.SESSION_CANCELLED: "my_learning",
    Kind.SESSION_GIVEN: "my_sessions",
    Kind.SENDING_FAILED: "reminder_list",
    Kind.JOIN_ASKED: "joining_links",
    Kind.LEFT: "joining_links",
    Kind.JOINED: "employments",
    Kind.JOIN_REFUSED: "employments",
}
"""Kind -> the page it is about; a kind without one is only read."""
LEADS_TO_ONE: dict[Kind, tuple[str, str]] = {
    Kind.ROSTER_DONE: ("roster", "draft_id"),
    Kind.PLAN_WAITING: ("training_plan", "plan_id"),
    Kind.PLAN_APPROVED: ("training_plan", "plan_id"),
    Kind.PLAN_RETURNED: ("training_plan", "plan_id"),
    Kind.SURVEY: ("survey_answering", "survey_id"),
    Kind.APPRENTICESHIP_BEGUN: ("apprenticeship", "apprenticeship_id"),
    Kind.APPRENTICESHIP_SIGN: ("apprenticeship", "apprenticeship_id"),
}
"""Kind -> the page of the very thing, and the fact that names it."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/messages", "messages", own_messages)
    bp.add_url_rule("/messages/read", "messages_read", messages_read, methods=["POST"])
    bp.add_url_rule("/messages/<uuid:message_id>", "message_open", message_open, methods=["POST"])


@web.allow(SIGNED_IN)
def own_messages() -> ResponseReturnValue:
    """The reader's own messages."""
    page, person_id, session = frame.page_number(), current_person_id(), db.session()
    found, older = messages.newest(session, person_id, page=page)
    return render_template(
        "elearn/messages.html",
        lines=[(one, said(one.kind, one.facts), _leads(one) is not None) for one in found],
        by_email=email_reminders.offered(),
        any_unread=messages.unread(session, person_id) > 0,
        page=page,
        older=older,
    )


@web.allow(SIGNED_IN)
def message_open(message_id: UUID) -> ResponseReturnValue:
    """Read one, and go to what it is about."""
    opened = messages.read(db.session(), current_person_id(), message_id, at=utcnow())
    leads = _leads(opened)
    db.session.commit()
    return redirect(leads or url_for("elearn.pages.messages"), 303)


@web.allow(SIGNED_IN)
def messages_read() -> ResponseReturnValue:
    """All of them are read."""
    messages.read_all(db.session(), current_person_id(), at=utcnow())
    db.session.commit()
    return redirect(url_for("elearn.pages.messages"), 303)


def _leads(message: Message) -> str | None:
    """Where the page is that a message is about."""
    if message.kind in LEADS_TO_ONE:
        page, fact = LEADS_TO_ONE[message.kind]
        return url_for(f"elearn.pages.{page}", **{fact: message.facts[fact]})
    view = LEADS.get(message.kind)
    return None if view is None else url_for(f"elearn.pages.{view}")
