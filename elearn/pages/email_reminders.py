"""A person's own address for reminders by e-mail: entered, confirmed by a code that was sent there, taken away."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db, new_id
from elearn.errors import Malformed, NotFound
from elearn.locale import gettext as _
from elearn.outgoing import OutOfOrder
from elearn.pages import frame, members
from elearn.pages.forms import Form, said
from elearn.people.callers import current_person_id
from elearn.people.permissions import SIGNED_IN
from elearn.runtime import runtime
from elearn.settings import MailServer
from elearn.training.telling import emailing
from elearn.training.telling.wording import Said


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/messages/email", "email_reminders", email_reminders)
    bp.add_url_rule("/messages/email", "email_ask", email_ask, methods=["POST"])
    bp.add_url_rule("/messages/email/code", "email_confirm", email_confirm, methods=["POST"])
    bp.add_url_rule("/messages/email/forget", "email_forget", email_forget, methods=["POST"])


def offered() -> bool:
    """Whether this house sends e-mail."""
    return runtime().settings.mail is not None


@web.allow(SIGNED_IN)
def email_reminders() -> ResponseReturnValue:
    """The reader's own address, and whether it is confirmed."""
    _server()
    return _page(Form())


@web.allow(SIGNED_IN)
def email_ask() -> ResponseReturnValue:
    """Send a code to an address."""
    server, form, session, now = _server(), Form.sent(), db.session(), utcnow()
    try:
        code = emailing.ask(
            session, current_person_id(), form["address"], keys=members.keys(),
            secret=runtime().settings.secret_key, at=now,
        )  # fmt: skip
    except Malformed as error:
        session.rollback()
        form.blame(error, {}, "address")
        frame.here(url_for("elearn.pages.email_reminders"))
        return _page(form), 422
    session.commit()
    words = Said(_("%(code)s is your code", code=code), (_("Type it to get reminders at this address."),))
    try:
        emailing.post(server, form["address"].strip(), words, str(new_id()), now)
    except OutOfOrder:
        frame.say(_("The code could not be sent. Check the address, and try again in a minute."), "bad")
    else:
        frame.say(_("A code is on its way. It holds for 30 minutes."))
    return redirect(url_for("elearn.pages.email_reminders"), 303)


@web.allow(SIGNED_IN)
def email_confirm() -> ResponseReturnValue:
    """The code came back."""
    _server()
    form, session = Form.sent(), db.session()
    try:
        right = emailing.confirm(
            session, current_person_id(), form["code"], secret=runtime().settings.secret_key, at=utcnow()
        )
    except NotFound as error:
        session.rollback()
        frame.say(said(error), "warn")
        return redirect(url_for("elearn.pages.email_reminders"), 303)
    session.commit()
    if not right:
        form.errors["code"] = _("This is another code.")
        frame.here(url_for("elearn.pages.email_reminders"))
        return _page(form), 422
    frame.say(_("Reminders come to this address now, at most one a day."))
    return redirect(url_for("elearn.pages.email_reminders"), 303)


@web.allow(SIGNED_IN)
def email_forget() -> ResponseReturnValue:
    """No more e-mail."""
    _server()
    emailing.forget(db.session(), current_person_id())
    db.session.commit()
    frame.say(_("The address is gone."))
    return redirect(url_for("elearn.pages.email_reminders"), 303)


def _server() -> MailServer:
    """Raises NotFound: this house sends no e-mail."""
    server = runtime().settings.mail
    if server is None:
        raise NotFound("There is nothing at this address.")
    return server


def _page(form: Form) -> str:
    return render_template(
        "elearn/email_reminders.html",
        known=emailing.address_of(db.session(), current_person_id(), members.keys()),
        form=form,
    )
