"""Somebody opens an invitation: they see what for, and take it with their account or with a new one.

Looking takes nothing, so a chat that fetches links for a preview uses none up.
"""

from __future__ import annotations

import hashlib

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Conflict, DomainError, Malformed, NotFound, TooMany
from elearn.locale import gettext as _
from elearn.pages import forms, frame, members, switcher
from elearn.pages.forms import Form
from elearn.pages.organisation_texts import role_hints, role_names
from elearn.people import signin, tree
from elearn.people.callers import current_account, forget_last_request
from elearn.people.models import Account
from elearn.people.offices import invitations
from elearn.people.offices.models import Invitation
from elearn.people.passwords import LONGEST, SHORTEST
from elearn.people.permissions import ANYBODY
from elearn.runtime import runtime

BESIDE = {
    "name_form": "account",
    "phone_form": "phone",
    "account_taken": "account",
    "password_length": "password",
    "password_easy": "password",
}


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/invited/<token>", "invited", invited, methods=["GET", "POST"])


@web.allow(ANYBODY)
def invited(token: str) -> ResponseReturnValue:
    """What the link is for; and take it."""
    now, session, caller = utcnow(), db.session(), current_account()
    if caller is not None and caller.must_change:
        return redirect(url_for("elearn.pages.password", next=url_for("elearn.pages.invited", token=token)), 303)
    try:
        found = invitations.look(session, token, at=now)
    except NotFound as error:
        signin.counted_tries().count(_counted(token), request.remote_addr, now=now)
        return _gone(error, 404)
    except Conflict as error:
        return _gone(error, 410)
    form = Form.sent() if request.method == "POST" else Form()
    if request.method == "GET":
        return _page(found, token, form)
    try:
        if caller is not None:
            invitations.accept(session, caller.id, token, at=now)
            account = session.get_one(Account, caller.id)
        else:
            opened = _opened(form, token)
            if opened is None:
                return _page(found, token, form), 422
            account = opened
    except Conflict as error:
        session.rollback()
        if error.error_code in {state.value for state in invitations.State}:
            return _gone(error, 410)
        frame.say_now(forms.said(error))
        return _page(found, token, form), 409
    if runtime().identify is None:
        signin.begin(session, account, now)
    session.commit()
    forget_last_request()
    switcher.choose(found.organisation_id)
    frame.say(_("Welcome. You hold the role %(role)s now.", role=role_names()[found.role.value]))
    return redirect(url_for("elearn.pages.home"), 303)


def _opened(form: Form, token: str) -> Account | None:
    """A new account that took the role; None: the form says what is wrong."""
    if runtime().identify is not None:
        raise Conflict("People sign in at the application that this one is part of.")
    form.need("name", "password", "again")
    if not form["phone"].strip() and not form["account"].strip():
        form.errors["account"] = _("A phone number or an account name is needed to sign in.")
    if not form.errors and form["password"] != form["again"]:
        form.errors["again"] = _("The two passwords are not the same.")
    if form.errors:
        return None
    now, tries = utcnow(), signin.counted_tries()
    try:
        tries.count(_counted(token), request.remote_addr, now=now)
        with db.session.begin_nested():
            made = invitations.accept_new(
                db.session(),
                token,
                person_name=form["name"],
                name=form["account"].strip() or None,
                phone=form["phone"].strip() or None,
                password=form["password"],
                keys=members.keys(),
                at=now,
            )
    except TooMany as error:
        form.errors["form"] = forms.said(error)
    except Malformed as error:
        about_name = error.error_code == "name_form" and not error.detail.startswith("An account")
        form.blame(error, {**BESIDE, "name_form": "name"} if about_name else BESIDE, "password")
    except Conflict as error:
        if error.error_code != "account_taken":
            raise
        form.blame(error, BESIDE, "account")
    else:
        tries.forget(_counted(token), request.remote_addr, now=now)
        return made
    return None


def _page(found: Invitation, token: str, form: Form) -> str:
    path = [name for _id, name in tree.paths(db.session(), [found.organisation_id])[found.organisation_id]]
    frame.here(url_for("elearn.pages.invited", token=token))
    return render_template(
        "elearn/invited.html",
        form=form,
        token=token,
        path=path,
        role=role_names()[found.role.value],
        hint=role_hints()[found.role.value],
        for_whom=found.for_whom,
        until=found.expires_at,
        caller=current_account(),
        opens_accounts=runtime().identify is None,
        shortest=SHORTEST,
        longest=LONGEST,
    )


def _gone(error: DomainError, status: int) -> ResponseReturnValue:
    """Why the link opens nothing."""
    return render_template("elearn/invited_gone.html", why=forms.said(error)), status


def _counted(token: str) -> str:
    """What tries are counted for: the token itself stands nowhere."""
    return "invitation:" + hashlib.sha256(token.encode()).hexdigest()
