"""What all pages share: who is signed in and where they may go, language, notices, assets, and errors.

Nothing here touches the host application: the context stands on our blueprint, and so do the error pages.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from flask import Blueprint, Response, current_app, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from elearn import locale, web
from elearn.db import abandon, db
from elearn.errors import Forbidden, NotFound, NotSignedIn
from elearn.locale import gettext as _
from elearn.pages import assets, display, forms, offline, shown, switcher
from elearn.pages.switcher import own_organisations
from elearn.people import csrf
from elearn.people.callers import Caller, current_account, require_caller
from elearn.people.models import Role
from elearn.people.permissions import (
    ANYBODY,
    CLERK,
    ENTERPRISE,
    ORGANISATION_READER,
    PEOPLE_READER,
    SUBTREE,
    holds_in,
    scope_of,
)
from elearn.runtime import runtime
from elearn.training.telling import messages

__all__ = ["own_organisations"]

logger = logging.getLogger(__name__)

NOTICES = "elearn_notices"
"""Cookie key: what to say on the next page."""

MANAGES = frozenset({Role.INSTITUTION_MANAGER})
KEEPS_PEOPLE = CLERK.roles
READS_PEOPLE = PEOPLE_READER.roles
TEACHES = frozenset({Role.INSTITUTION_MANAGER, Role.TEACHER})
SEES_RECEIVERS = frozenset({Role.OPERATOR, Role.AUDITOR})
SEES_RECORD_KEYS = frozenset({Role.OPERATOR, Role.INSTITUTION_MANAGER, Role.AUDITOR})
REVIEWS = frozenset({Role.OPERATOR, Role.INSTITUTION_MANAGER, Role.REGULATOR_OFFICER, Role.AUDITOR})
KEEPS_RECORDS = frozenset(
    {Role.INSTITUTION_CLERK, Role.INSTITUTION_MANAGER, Role.REGULATOR_OFFICER, Role.OPERATOR, Role.AUDITOR}
)
SEES_CLASSES = frozenset({Role.REGULATOR_OFFICER, Role.OPERATOR, Role.AUDITOR})
SEES_TEACHERS = KEEPS_RECORDS | {Role.TEACHER}
SEES_ARCHIVES = frozenset({Role.INSTITUTION_MANAGER, Role.REGULATOR_OFFICER, Role.AUDITOR})
SEES_FIGURES = frozenset(SUBTREE | {Role.REGULATOR_OFFICER, Role.AUDITOR})
WRITES_POSTS = frozenset({Role.INSTITUTION_MANAGER, Role.REGULATOR_OFFICER})
READS_SITTINGS = frozenset({Role.AUDITOR, Role.REGULATOR_OFFICER})

LAST_RESORT = (
    "<!doctype html><html lang=zh-CN><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    "<title>500</title><h1>暂时无法使用 · Out of order for a moment</h1>"
    "<p>请稍后再试。Please try again in a moment.</p><p><a href='{home}'>首页 · Start page</a></p><p>{incident}</p>"
)
INCIDENT = re.compile(r"[\w.-]{6,64}")
"""A number of a request that a proxy gave, as far as it is repeated to people."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/language/<code>", "choose_language", choose_language)
    bp.add_url_rule("/text/<size>", "choose_text", choose_text)
    bp.add_url_rule("/theme/<name>", "choose_theme", choose_theme)
    bp.add_url_rule("/data/<mode>", "choose_data", choose_data)
    bp.register_error_handler(NotSignedIn, to_sign_in)
    bp.register_error_handler(Forbidden, to_what_is_missing)


def install_on_whole(whole: Blueprint) -> None:
    """Errors of the doors in other packages are pages too when a person's browser asks."""
    whole.context_processor(context)
    whole.register_error_handler(500, broken)


# --- what templates see -----------------------------------------------------------------------------------------------


def context() -> dict[str, Any]:
    for_all = getattr(current_app.view_functions.get(request.endpoint or ""), "shows_nobody", False)
    caller = None if g.get("elearn_broken") or for_all else current_account()
    ours = runtime().identify is None
    return {
        "home_url": url_for("elearn.pages.home"),
        "signout_url": url_for("elearn.pages.sign_out"),
        "account_name": (caller.name or _("My account")) if caller and ours else None,
        "acts_for": switcher.shown(caller),
        "nav": nav(caller),
        "bar": bar(caller),
        "unread": messages.unread(db.session(), caller.person_id) if caller and not caller.must_change else 0,
        "language_url": language_url,
        "text_url": text_url,
        "theme_url": theme_url,
        "data_url": data_url,
        **display.context(),
        "worker_url": offline.worker() if caller else None,
        "asset_version": assets.version(),
        "notices": [] if for_all else taken_notices(),
        "once": forms.new_mark,
        "shown": shown,
    }


def nav(caller: Caller | None) -> list[dict[str, Any]]:
    """Where the caller may go; somebody who must choose a password first may go nowhere."""
    if caller is None or caller.must_change:
        return []
    places: list[tuple[str, str, tuple[str, ...]]] = [(_("Start"), "home", ("/",))]
    places.append((_("Learn"), "my_learning", ("/learn", "/courses", "/my-training")))
    if is_pure_learner(caller):
        places.append((_("My tests"), "my_tests", ("/tests",)))
        places.append((_("My hours"), "my_hours", ("/hours",)))
    places.append((_("Messages"), "messages", ("/messages",)))
    if is_pure_learner(caller):
        places.append((_("Me"), "me", ("/me", "/certificates", "/downloads", "/appeals")))
    places.append((_("Catalogue"), "catalogue", ("/catalogue",)))
    if caller.roles & MANAGES:
        places.append((_("Courses"), "teaching_courses", ("/teaching",)))
        places.append((_("Classes"), "teaching_classes", ("/teaching/classes",)))
        places.append((_("On site"), "attendance_waiting", ("/attendance", "/sessions")))
    elif Role.INSTITUTION_CLERK in caller.roles:
        places.append((_("Classes"), "teaching_classes", ("/teaching/classes",)))
    elif caller.roles & SEES_CLASSES:
        places.append((_("Classes"), "classes_waiting", ("/classes", "/teaching/classes")))
    if Role.TEACHER in caller.roles and not caller.roles & MANAGES:
        places.append((_("On site"), "my_sessions", ("/sessions", "/attendance")))
    if caller.roles & TEACHES:
        places.append((_("Questions"), "bank_list", ("/teaching/questions", "/teaching/tests", "/teaching/blueprints")))
    if caller.roles & WRITES_POSTS:
        places.append((_("Public home"), "publicity", ("/publicity",)))
    if caller.roles & READS_PEOPLE:
        places.append((_("People"), "people_list", ("/people",)))
    if caller.roles & ORGANISATION_READER.roles:
        several = not switcher.acts(caller)
        places.append((_("Organisations") if several else _("Organisation"), "organisation", ("/organisations",)))
    if caller.roles & ENTERPRISE.roles:
        places.append((_("Training"), "training", ("/training", "/attendance", "/sessions")))
    if caller.roles & SEES_FIGURES:
        places.append((_("Figures"), "figures", ("/figures",)))
    if Role.OPERATOR in caller.roles:
        places.append((_("Registered twice"), "merges", ("/people/merges",)))
    if caller.roles & SEES_TEACHERS:
        places.append((_("Teachers"), "teachers", ("/teachers",)))
    if caller.roles & KEEPS_RECORDS:
        places.append((_("Eligibility"), "eligibility_list", ("/eligibility", "/findings")))
    if caller.roles & SEES_ARCHIVES:
        places.append((_("Archives"), "archives", ("/archives",)))
    places.append((_("Rules"), "rules_in_force", ("/rules", "/why-not")))
    if caller.roles & READS_SITTINGS:
        places.append((_("Sittings"), "audit_sittings", ("/audit",)))
    if caller.roles & REVIEWS:
        places.append((_("Review"), "review_queue", ("/review",)))
    if caller.roles & SEES_RECEIVERS:
        places.append((_("Exam systems"), "receivers_list", ("/receivers", "/log")))
    if caller.roles & SEES_RECORD_KEYS:
        places.append((_("Record store"), "record_keys", ("/record-store",)))
    return _entries(places)


def is_pure_learner(caller: Caller) -> bool:
    """Who only learns here: their pages are those of an app on a phone."""
    return not caller.roles - {Role.LEARNER}


def bar(caller: Caller | None) -> list[dict[str, Any]]:
    """The bar at the bottom of a learner's phone: five places, in reach of a thumb."""
    if caller is None or caller.must_change or not is_pure_learner(caller):
        return []
    return _entries(
        [
            (_("Start"), "home", ("/",)),
            (_("Learn"), "my_learning", ("/learn", "/courses", "/my-training", "/tests", "/catalogue")),
            (_("Hours"), "my_hours", ("/hours", "/rules", "/why-not")),
            (_("Messages"), "messages", ("/messages",)),
            (_("Me"), "me", ("/me", "/certificates", "/downloads", "/appeals")),
        ]
    )


def _entries(places: Sequence[tuple[str, str, tuple[str, ...]]]) -> list[dict[str, Any]]:
    """Label, view and the roots of the paths that belong to it."""
    here = _best(request.path.removeprefix(runtime().url_prefix) or "/", [roots for _name, _view, roots in places])
    return [
        {"label": label, "url": url_for(f"elearn.pages.{view}"), "current": index == here, "view": view}
        for index, (label, view, _roots) in enumerate(places)
    ]


def _best(path: str, roots: list[tuple[str, ...]]) -> int | None:
    """Which entry the longest root of this path belongs to."""
    found = [
        (len(root), index)
        for index, several in enumerate(roots)
        for root in several
        if path == root or (root != "/" and path.startswith(f"{root}/"))
    ]
    return max(found)[1] if found else None


def here(url: str) -> None:
    """The address of this page for a GET; the language links of an answer to a POST lead there."""
    g.elearn_here = url


def language_url(code: str) -> str:
    """Where choosing a language leads: back to this page."""
    return url_for("elearn.pages.choose_language", code=code, next=_this_page())


def _this_page() -> str:
    given = request.full_path.rstrip("?") if request.method == "GET" else request.path
    return str(g.get("elearn_here") or request.script_root + given)


def text_url(size: str) -> str:
    """Where choosing a size of text leads: back to this page."""
    return url_for("elearn.pages.choose_text", size=size, next=_this_page())


def theme_url(name: str) -> str:
    return url_for("elearn.pages.choose_theme", name=name, next=_this_page())


def data_url(mode: str) -> str:
    return url_for("elearn.pages.choose_data", mode=mode, next=_this_page())


def say(text: str, tone: str = "good") -> None:
    """Say something on the next page; `text` is translated already."""
    session[NOTICES] = [*session.get(NOTICES, []), {"text": text, "tone": tone}]


def say_now(text: str, tone: str = "bad") -> None:
    """Say something on this page."""
    g.setdefault("elearn_say_now", []).append({"text": text, "tone": tone})


def taken_notices() -> list[dict[str, str]]:
    return [*session.pop(NOTICES, []), *g.pop("elearn_say_now", [])]


# --- organisations ----------------------------------------------------------------------------------------------------


def acting(*roles: Role) -> frozenset[UUID]:
    """The organisations in whose name the caller acts, all units of an enterprise's tree: of one ask `acts_in`."""
    return scope_of(require_caller(), *roles)


def acts_in(organisation_id: UUID, *roles: Role) -> bool:
    """Whether the caller holds one of `roles` there."""
    return holds_in(require_caller(), organisation_id, *roles)


def page_number() -> int:
    """`?page=`, from 1; anything else is the first page."""
    text = request.args.get("page", "1")
    if not (text.isascii() and text.isdecimal()):
        return 1
    # Python turns no text of more than 4300 digits into a number.
    return min(max(1, int(text[:20])), 100_000)


# --- doors ------------------------------------------------------------------------------------------------------------


@web.allow(ANYBODY)
def choose_language(code: str) -> ResponseReturnValue:
    """Keep the language in a cookie and go back; only to a page of ours."""
    return _chosen(locale.COOKIE, code, locale.LANGUAGES)


@web.allow(ANYBODY)
def choose_text(size: str) -> ResponseReturnValue:
    """The same with the size of text."""
    return _chosen(display.TEXT_COOKIE, size, display.TEXT_SIZES)


@web.allow(ANYBODY)
def choose_theme(name: str) -> ResponseReturnValue:
    """The same with the colours."""
    return _chosen(display.THEME_COOKIE, name, display.THEMES)


@web.allow(ANYBODY)
def choose_data(mode: str) -> ResponseReturnValue:
    """The same with how much data pages may cost."""
    return _chosen(display.DATA_COOKIE, mode, display.DATA_MODES)


def _chosen(cookie: str, value: str, values: Collection[str]) -> ResponseReturnValue:
    if value not in values:
        raise NotFound("There is nothing at this address.")
    response = redirect(safe_next(request.args.get("next")), 303)
    response.set_cookie(
        cookie,
        value,
        max_age=timedelta(days=365),
        secure=runtime().settings.secure_cookies,
        httponly=True,
        samesite="Lax",
    )
    return response


def safe_next(wanted: str | None) -> str:
    """`wanted` when it is a path on this host, else the start page (CWE-601).

    Browsers read a backslash as a slash and drop tabs and line ends, so addresses with either are not taken.
    """
    home = url_for("elearn.pages.home")
    if not wanted or not wanted.startswith("/") or wanted.startswith("//"):
        return home
    if "\\" in wanted or any(ord(letter) < 32 for letter in wanted):
        return home
    parts = urlsplit(wanted)
    return home if parts.scheme or parts.netloc else wanted


# --- errors -----------------------------------------------------------------------------------------------------------


def to_sign_in(error: NotSignedIn) -> ResponseReturnValue:
    """Nobody is signed in: to the sign-in page, and from there back to what was asked for."""
    if not web.wants_page() or runtime().identify is not None:
        return web.refuse(error)
    back = request.script_root + request.full_path.rstrip("?") if request.method == "GET" else None
    if back == url_for("elearn.pages.home"):
        back = None
    return redirect(url_for("elearn.pages.sign_in", next=back), 303)


def to_what_is_missing(error: Forbidden) -> ResponseReturnValue:
    """A password has to be chosen first, or the form was too old to be taken: to where that is put right."""
    if web.wants_page() and error.error_code == "must_change_password":
        return redirect(url_for("elearn.pages.password"), 303)
    if web.wants_page() and error.error_code == "csrf" and request.endpoint == "elearn.pages.sign_in":
        say(forms.said(error), "warn")
        return redirect(url_for("elearn.pages.sign_in"), 303)
    return web.refuse(error)


def broken(error: Exception) -> ResponseReturnValue:
    """A fault of ours: nothing was changed. The page needs no database, which may be what is away."""
    abandon(db.session())
    g.elearn_broken = True
    cause = getattr(error, "original_exception", error)
    if web.is_away(cause):  # noticed by what comes after a view, or while an answer was being written
        return web.refuse(web.away(cause))
    incident = incident_number()
    logger.error("a request broke: incident %s", incident, extra={"incident": incident, "path": request.path})
    detail = _("Something went wrong on our side. Nothing was changed; please try again in a moment.")
    if not web.wants_page():
        return {"error": "internal", "detail": detail, "incident": incident}, 500
    try:
        page = render_template("elearn/error.html", status=500, code="internal", detail=detail, incident=incident)
        return page, 500
    except Exception:
        logger.exception("the error page failed")
        return LAST_RESORT.format(home=f"{request.script_root}{runtime().url_prefix}/", incident=incident), 500


def incident_number() -> str:
    """By which what somebody saw is found in the log: the proxy's number of the request, else one of ours."""
    given = request.headers.get("X-Request-ID", "")
    return given if INCIDENT.fullmatch(given) else secrets.token_hex(4)


def nothing_here(error: HTTPException) -> ResponseReturnValue:
    """404 or 405 of an address that no route knows, for an application that is nothing but this product."""
    status = error.code or 404
    code, detail = (error.name or "not_found").lower().replace(" ", "_"), _(web.HTTP_SAYS[status])
    headers = {"Allow": ", ".join(error.valid_methods or ())} if isinstance(error, MethodNotAllowed) else {}
    if not web.wants_page():
        return {"error": code, "detail": detail}, status, headers
    values = {"_": _, "language": locale.language(), "csrf_token": csrf.token, **context()}
    page = render_template("elearn/error.html", status=status, code=code, detail=detail, **values)
    return Response(page, status, headers | {"Cache-Control": "private, no-store"})
