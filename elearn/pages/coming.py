"""What a worker sees who opened an employer's link: where it leads, who will see what, and one button.

Nothing here says whether somebody is registered: a document or a phone number that is known gets the one sentence that
an account is there to sign in with.
"""

from __future__ import annotations

import math

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Conflict, Malformed, TooMany
from elearn.locale import gettext as _
from elearn.pages import employment_tellings, employment_texts, frame, members, people
from elearn.pages.forms import Form, said
from elearn.people import consents, signin, verifying
from elearn.people.callers import current_account, require_caller
from elearn.people.consents import What
from elearn.people.identity import DocumentKind, blind_index, check_document
from elearn.people.joining import coming, links
from elearn.people.joining.models import Joining, JoiningLink, State
from elearn.people.joining.rules import Stands
from elearn.people.models import Organisation
from elearn.people.organisations import get_organisation
from elearn.people.passwords import LONGEST, SHORTEST
from elearn.people.permissions import ANYBODY
from elearn.people.registry import local_day
from elearn.runtime import runtime

BESIDE = {
    "document_form": "document_number",
    "document_check": "document_number",
    "document_birth": "document_number",
    "phone_form": "phone",
    "account_taken": "account",
    "password_length": "password",
    "password_easy": "password",
    "sign_in": "form",
}
HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer"}
"""The address is the key: it goes no further than this browser."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/join/<token>", "join", join, methods=["GET", "POST"])
    bp.add_url_rule("/join/<token>/new", "join_as_new", join_as_new, methods=["POST"])


@web.allow(ANYBODY)
def join(token: str) -> ResponseReturnValue:
    """Where the link leads; whoever is signed in joins with one press."""
    caller = current_account()
    if caller is not None and caller.must_change:
        return redirect(url_for("elearn.pages.password", next=url_for("elearn.pages.join", token=token)), 303)
    link = links.find(db.session(), token)
    if link is None:
        return _shut(None)
    form = Form.sent() if request.method == "POST" else Form()
    if request.method == "GET":
        return _page(token, link, form)
    require_caller()
    _need_agreement(form)
    if form.errors:
        return _page(token, link, form)
    return _join(token, link, form)


def _join(token: str, link: JoiningLink, form: Form) -> ResponseReturnValue:
    person_id, now = require_caller().person_id, utcnow()
    try:
        came = coming.come(db.session(), token, person_id, at=now)
    except coming.Closed as error:
        return _shut(error.stands)
    except Conflict as error:
        db.session.rollback()
        frame.say(said(error), "info")
        return redirect(url_for("elearn.pages.employments"), 303)
    return _came(link, came, form)


@web.allow(ANYBODY)
def join_as_new(token: str) -> ResponseReturnValue:
    """Somebody who never had an account: registered, joined and signed in at once, or nothing of it."""
    here = url_for("elearn.pages.join", token=token)
    if current_account() is not None or runtime().identify is not None:
        return redirect(here, 303)
    session, form, now = db.session(), Form.sent(), utcnow()
    link = links.find(session, token)
    if link is None:
        return _shut(None)
    document = _read(form)
    if form.errors:
        return _page(token, link, form)
    kind, number = document
    key = blind_index(runtime().settings.index_key, kind, number).hex()
    try:
        signin.counted_tries().count(key, request.remote_addr, now=now)
        with session.begin_nested():
            account, came = coming.register(
                session,
                token,
                name=form["name"],
                document_kind=kind,
                document_number=number,
                account=form["account"].strip() or None,
                phone=form["phone"].strip() or None,
                password=form["password"],
                keys=members.keys(),
                at=now,
            )
    except coming.Closed as error:
        return _shut(error.stands)
    except TooMany as error:
        minutes = math.ceil(error.retry_after_s / 60)
        form.errors["form"] = _("Too many tries. Please wait %(minutes)s min and try again.", minutes=minutes)
        return _page(token, link, form, status=429, more={"Retry-After": str(error.retry_after_s)})
    except (Malformed, Conflict) as error:
        form.blame(error, BESIDE, "name" if not error.detail.startswith("An account") else "account")
        return _page(token, link, form)
    signin.counted_tries().forget(key, request.remote_addr, now=now)
    signin.begin(session, account, now)
    return _came(link, came, form)


def _read(form: Form) -> tuple[DocumentKind, str]:
    """The document that was typed, checked; everything that is wrong with the form is noted."""
    form.need("name", "document_number", "password")
    if not form["phone"].strip() and not form["account"].strip():
        form.errors["phone"] = _("A phone number or an account name is needed to sign in.")
    _need_agreement(form)
    kind = form.word("document_kind", DocumentKind) or DocumentKind.RESIDENT_ID
    number = form["document_number"]
    if "document_number" not in form.errors:
        try:
            number = check_document(kind, number, today=local_day(utcnow()))
        except Malformed as error:
            form.blame(error, BESIDE, "document_number")
    return kind, number


def _need_agreement(form: Form) -> None:
    if form["agree"] != "yes":
        form.errors["agree"] = _("Please read what your employer will see, and tick the box.")


def _came(link: JoiningLink, came: Joining, form: Form) -> ResponseReturnValue:
    """What was agreed to is kept, who has to know is told; and home."""
    session, now = db.session(), utcnow()
    employer = get_organisation(session, link.organisation_id)
    consents.say(
        session,
        came.person_id,
        employer.id,
        What.HOURS_ELSEWHERE,
        given=form["elsewhere"] == "yes",
        words=consent_words(employer),
        at=now,
    )
    verifying.want(session, came.person_id)
    if came.state == State.WAITING:
        employment_tellings.join_asked(session, link, employer, at=now)
        frame.say(_("%(employer)s has to confirm you now. You will be told here.", employer=employer.name), "info")
    else:
        frame.say(_("You belong to %(employer)s now.", employer=employer.name))
    session.commit()
    return redirect(url_for("elearn.pages.home"), 303)


def consent_words(employer: Organisation) -> str:
    """What stands beside the box, and is kept as agreed to."""
    return _(
        "%(employer)s may also see hours that I earned elsewhere. I can take this back whenever I like.",
        employer=employer.name,
    )


def _page(
    token: str, link: JoiningLink, form: Form, *, status: int | None = None, more: dict[str, str] | None = None
) -> ResponseReturnValue:
    session, today = db.session(), local_day(utcnow())
    caller = current_account()
    frame.here(url_for("elearn.pages.join", token=token))
    now = links.how_it_stands(session, link, on=today)
    if now is not Stands.OPEN:
        return _shut(now)
    employer = get_organisation(session, link.organisation_id)
    page = render_template(
        "elearn/join.html",
        form=form,
        token=token,
        link=link,
        employer=employer,
        unit=employment_texts.way(session, link.unit_id, link.organisation_id),
        kind=people.employment_kinds()[link.kind.value],
        caller=caller,
        hosted=runtime().identify is not None,
        consent=consent_words(employer),
        document_kinds=people.document_kinds(),
        shortest=SHORTEST,
        longest=LONGEST,
    )
    return page, status or (422 if form.errors else 200), {**HEADERS, **(more or {})}


def _shut(stands: Stands | None) -> ResponseReturnValue:
    """A link that opens nothing says why, and not whose it was."""
    db.session.rollback()
    page = render_template("elearn/join_shut.html", why=employment_texts.shut_text(stands))
    return page, 404 if stands is None else 410, HEADERS
