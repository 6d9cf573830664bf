"""Signing in and out, giving the password once more, and choosing one."""

from __future__ import annotations

import math

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Forbidden, Malformed, NotSignedIn, TooMany
from elearn.locale import gettext as _
from elearn.pages import frame, phone_sign_in
from elearn.pages.forms import Form, said
from elearn.people import signin
from elearn.people.callers import current_account, require_caller
from elearn.people.passwords import LONGEST, SHORTEST
from elearn.people.permissions import ANYBODY, SESSION_HOLDER

OLD_PASSWORD_ERRORS = {"wrong_password": "old"}


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/signin", "sign_in", sign_in, methods=["GET", "POST"])
    bp.add_url_rule("/signin/again", "sign_in_again", sign_in_again, methods=["GET", "POST"])
    bp.add_url_rule("/signout", "sign_out", sign_out, methods=["POST"])
    bp.add_url_rule("/password", "password", password, methods=["GET", "POST"])


@web.allow(ANYBODY)
def sign_in() -> ResponseReturnValue:
    """Name or phone number, and password."""
    wanted = request.values.get("next")
    if request.method == "GET":
        caller = current_account()
        if caller is not None:
            return redirect(url_for("elearn.pages.password") if caller.must_change else frame.safe_next(wanted), 303)
        return _sign_in_page(Form(), wanted)
    form = Form.sent()
    form.need("name", "password")
    if form.errors:
        return _sign_in_page(form, wanted), 422
    try:
        caller = signin.sign_in(
            db.session(), form["name"], form["password"], heard_at=utcnow(), address=request.remote_addr
        )
    except NotSignedIn as error:
        form.errors["password"] = said(error)
        return _sign_in_page(form, wanted), 401
    except TooMany as error:
        minutes = math.ceil(error.retry_after_s / 60)
        form.errors["form"] = _("Too many tries. Please wait %(minutes)s min and try again.", minutes=minutes)
        return _sign_in_page(form, wanted), 429, {"Retry-After": str(error.retry_after_s)}
    db.session.commit()
    # The first page after a one-time password is where one is chosen; `next` comes along.
    if caller.must_change:
        return redirect(url_for("elearn.pages.password", next=wanted or None), 303)
    return redirect(frame.safe_next(wanted), 303)


def _sign_in_page(form: Form, wanted: str | None) -> str:
    frame.here(url_for("elearn.pages.sign_in", next=wanted or None))
    return render_template("elearn/signin.html", form=form, next=wanted or "", by_phone=phone_sign_in.offered())


@web.allow(ANYBODY)
def sign_in_again() -> ResponseReturnValue:
    """The password once more, of whoever is signed in; anybody else signs in."""
    wanted = request.values.get("next")
    caller = current_account()
    if caller is None or caller.must_change:
        return redirect(url_for("elearn.pages.sign_in", next=wanted or None), 303)
    if request.method == "GET":
        return _again_page(Form(), wanted)
    form = Form.sent()
    form.need("password")
    if form.errors:
        return _again_page(form, wanted), 422
    try:
        signin.sign_in_again(db.session(), form["password"], heard_at=utcnow(), address=request.remote_addr)
    except Forbidden as error:
        form.errors["password"] = said(error)
        return _again_page(form, wanted), 401
    except TooMany as error:
        form.errors["password"] = said(error)
        return _again_page(form, wanted), 429, {"Retry-After": str(error.retry_after_s)}
    db.session.commit()
    return redirect(frame.safe_next(wanted), 303)


def _again_page(form: Form, wanted: str | None) -> str:
    frame.here(url_for("elearn.pages.sign_in_again", next=wanted or None))
    return render_template("elearn/signin_again.html", form=form, next=wanted or "")


@web.allow(SESSION_HOLDER, ANYBODY)
def sign_out() -> ResponseReturnValue:
    """End this browser's session; doing it twice does no harm."""
    signin.sign_out(db.session(), at=utcnow())
    db.session.commit()
    frame.say(_("You are signed out."), "info")
    return redirect(url_for("elearn.pages.sign_in"), 303)


@web.allow(SESSION_HOLDER)
def password() -> ResponseReturnValue:
    """Choose a password: by oneself, or because a one-time password was used."""
    wanted = request.values.get("next")
    form = Form.sent() if request.method == "POST" else Form()
    forced = require_caller().must_change
    if request.method == "GET":
        return _password_page(form, forced, wanted)
    form.need(*([] if forced else ["old"]), "new", "again")
    if not form.errors and form["new"] != form["again"]:
        form.errors["again"] = _("The two passwords are not the same.")
    if form.errors:
        return _password_page(form, forced, wanted), 422
    try:
        signin.change_password(db.session(), form["old"], form["new"], heard_at=utcnow(), address=request.remote_addr)
    except (Forbidden, Malformed) as error:
        form.blame(error, OLD_PASSWORD_ERRORS, "new")
        return _password_page(form, forced, wanted), 422
    except TooMany as error:
        form.errors["old"] = said(error)
        return _password_page(form, forced, wanted), 429, {"Retry-After": str(error.retry_after_s)}
    db.session.commit()
    frame.say(_("Your new password holds from now on. Other browsers are signed out."))
    return redirect(frame.safe_next(wanted), 303)


def _password_page(form: Form, forced: bool, wanted: str | None) -> str:
    return render_template(
        "elearn/password.html", form=form, forced=forced, next=wanted or "", shortest=SHORTEST, longest=LONGEST
    )
