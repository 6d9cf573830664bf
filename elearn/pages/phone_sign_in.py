"""A first password, or a new one for who forgot theirs: the phone number, a code, the end of the document's number.

Offered where the house sends text messages. Every number gets the same answer; see `people/by_phone`.
"""

from __future__ import annotations

import math
from uuid import UUID

import flask
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import locale, web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Conflict, Malformed, NotFound, TooMany
from elearn.locale import gettext as _
from elearn.pages import frame, members
from elearn.pages.forms import Form, said
from elearn.people import accounts, signin
from elearn.people.by_phone import asking, proving, rules
from elearn.people.callers import Caller
from elearn.people.models import Account
from elearn.people.passwords import LONGEST, SHORTEST
from elearn.people.permissions import ANYBODY
from elearn.people.registry import local_day
from elearn.runtime import runtime
from elearn.training.telling import messages
from elearn.training.telling.messages import Kind, Telling

KEPT = "elearn_code"
"""Which code this browser asked for: nobody tries another browser's."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/signin/phone", "phone_code", phone_code, methods=["GET", "POST"])
    bp.add_url_rule("/signin/phone/code", "phone_code_try", phone_code_try, methods=["GET", "POST"])
    bp.add_url_rule("/signin/phone/password", "phone_code_password", phone_code_password, methods=["GET", "POST"])


def offered() -> bool:
    """Whether the house sends text messages and signs people in itself."""
    return runtime().settings.sms_url is not None and runtime().identify is None


def _require_offered() -> None:
    if not offered():
        raise NotFound("There is nothing at this address.")


@web.allow(ANYBODY)
def phone_code() -> ResponseReturnValue:
    """Which number?"""
    _require_offered()
    form = Form.sent() if request.method == "POST" else Form()
    status, headers = 200, {}
    if request.method == "POST":
        form.need("phone")
        if not form.errors:
            try:
                asked = asking.ask(
                    db.session(),
                    form["phone"],
                    language=locale.language(),
                    address=request.remote_addr,
                    keys=members.keys(),
                    tries=signin.counted_tries(),
                    at=utcnow(),
                )
            except Malformed as error:
                form.errors["phone"] = said(error)
            except TooMany as error:
                form.errors["phone"] = said(error)
                status, headers = 429, {"Retry-After": str(error.retry_after_s)}
            else:
                db.session.commit()
                flask.session[KEPT] = str(asked)
                return redirect(url_for("elearn.pages.phone_code_try", next=_next() or None), 303)
        status = status if status == 429 else 422
    frame.here(url_for("elearn.pages.phone_code", next=_next() or None))
    return render_template("elearn/phone_code.html", form=form, next=_next()), status, headers


@web.allow(ANYBODY)
def phone_code_try() -> ResponseReturnValue:
    """The code, and how the document's number ends."""
    _require_offered()
    code_id = _kept()
    if code_id is None:
        return _back(None)
    form = Form.sent() if request.method == "POST" else Form()
    if request.method == "GET":
        return _try_page(form)
    form.need("code", "tail")
    if form.errors:
        return _try_page(form), 422
    try:
        tried = proving.prove(
            db.session(),
            code_id,
            form["code"],
            form["tail"],
            secret=runtime().settings.secret_key,
            keys=members.keys(),
            at=utcnow(),
        )
    except Conflict as error:
        return _back(error)
    except TooMany as error:
        form.errors["form"] = said(error)
        return _try_page(form), 429, {"Retry-After": str(error.retry_after_s)}
    # Wrong tries count, so they are kept.
    db.session.commit()
    if not tried.fits and not tried.left:
        return _back(proving.over())
    if not tried.fits:
        form.errors["form"] = _(
            "The code and the end of the document number do not fit together. Tries left: %(left)s.", left=tried.left
        )
        return _try_page(form), 422
    return redirect(url_for("elearn.pages.phone_code_password", next=_next() or None), 303)


def _try_page(form: Form) -> str:
    frame.here(url_for("elearn.pages.phone_code_try", next=_next() or None))
    minutes = math.ceil(rules.LIFE.total_seconds() / 60)
    return render_template("elearn/phone_code_try.html", form=form, next=_next(), minutes=minutes, digits=rules.DIGITS)


@web.allow(ANYBODY)
def phone_code_password() -> ResponseReturnValue:
    """The password itself: from then on nothing else opens the account."""
    _require_offered()
    code_id, session, now = _kept(), db.session(), utcnow()
    if code_id is None:
        return _back(None)
    form = Form.sent() if request.method == "POST" else Form()
    try:
        row = proving.proved(session, code_id, at=now)
        assert row.account_id is not None  # it is proved
        account_id = row.account_id
        if request.method == "GET":
            return _password_page(form, account_id)
        form.need("new", "again")
        if not form.errors and form["new"] != form["again"]:
            form.errors["again"] = _("The two passwords are not the same.")
        if form.errors:
            return _password_page(form, account_id), 422
        caller, first = proving.finish(session, code_id, form["new"], at=now)
    except Malformed as error:
        form.errors["new"] = said(error)
        return _password_page(form, account_id), 422
    except TooMany as error:
        form.errors["new"] = said(error)
        return _password_page(form, account_id), 429, {"Retry-After": str(error.retry_after_s)}
    except Conflict as error:
        return _back(error)
    if not first:
        _tell(caller, code_id)
    session.commit()
    flask.session.pop(KEPT, None)
    frame.say(
        _("Your password holds from now on.")
        if first
        else _("Your new password holds from now on. Other browsers are signed out.")
    )
    return redirect(frame.safe_next(_next()), 303)


def _tell(caller: Caller, code_id: UUID) -> None:
    """That it was set anew, for whom it was not."""
    now = utcnow()
    facts = {"set_on": local_day(now).isoformat()}
    messages.tell(db.session(), [Telling(caller.person_id, Kind.PASSWORD_SET, str(code_id), facts)], at=now)


def _password_page(form: Form, account_id: UUID) -> str:
    session = db.session()
    account = session.get_one(Account, account_id)
    frame.here(url_for("elearn.pages.phone_code_password", next=_next() or None))
    return render_template(
        "elearn/phone_code_password.html",
        form=form,
        next=_next(),
        name=account.name or accounts.phone_masked(session, account.id, members.keys()),
        by_name=account.name is not None,
        shortest=SHORTEST,
        longest=LONGEST,
    )


def _next() -> str:
    return request.values.get("next") or ""


def _kept() -> UUID | None:
    try:
        return UUID(str(flask.session.get(KEPT)))
    except ValueError:
        return None


def _back(error: Conflict | None) -> ResponseReturnValue:
    """To asking for another code."""
    flask.session.pop(KEPT, None)
    if error is not None:
        frame.say(said(error), "warn")
    return redirect(url_for("elearn.pages.phone_code", next=_next() or None), 303)
