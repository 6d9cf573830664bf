"""What anybody reads and watches without an account: the public home, notices, campaigns, open courses and films.

These pages are the same for everybody who speaks a language: no session is read, nothing of an account stands in them,
so browsers and proxies may keep them for a minute. Where they are written: public_desk.py, public_opening.py.
"""

from __future__ import annotations

import io
from uuid import UUID

import segno
from flask import Blueprint, Response, current_app, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import locale, web
from elearn.clock import utcnow
from elearn.courses import page_text, subtitles
from elearn.courses.delivery import media_url
from elearn.courses.public import posts, watching
from elearn.courses.public.models import PublicPost
from elearn.courses.public.rules import PostKind
from elearn.db import db
from elearn.locale import gettext as _
from elearn.pages import frame
from elearn.people.permissions import ANYBODY
from elearn.people.registry import local_day
from elearn.runtime import runtime

FRESH_S = 60
ON_HOME = 6
"""Of each kind; all of them stand in a list of their own."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/public", "public_home", public_home)
    bp.add_url_rule("/public/notices", "public_notices", public_notices)
    bp.add_url_rule("/public/campaigns", "public_campaigns", public_campaigns)
    bp.add_url_rule("/public/films", "public_films", public_films)
    bp.add_url_rule("/public/courses", "public_courses", public_courses)
    bp.add_url_rule("/public/posts/<uuid:post_id>", "public_post", public_post)
    bp.add_url_rule("/public/courses/<uuid:course_id>", "public_course", public_course)


@web.allow(ANYBODY)
@web.shows_nobody
def public_home() -> ResponseReturnValue:
    """What this is, and the newest of everything: four small queries."""
    session, on, first = db.session(), local_day(utcnow()), locale.language()
    campaigns, more_campaigns = posts.shown(session, PostKind.CAMPAIGN, on=on, first=first, size=ON_HOME)
    notices, more_notices = posts.shown(session, PostKind.NOTICE, on=on, first=first, size=ON_HOME)
    films, more_films = watching.courses(session, film=True, size=ON_HOME)
    courses, more_courses = watching.courses(session, film=False, size=ON_HOME)
    return _page(
        "elearn/public_home.html",
        campaigns=campaigns,
        announcements=notices,  # `notices` is what the frame says to a person
        films=films,
        courses=courses,
        more={
            "campaigns": more_campaigns,
            "notices": more_notices,
            "films": more_films,
            "courses": more_courses,
        },
    )


@web.allow(ANYBODY)
@web.shows_nobody
def public_notices() -> ResponseReturnValue:
    """All notices that stand today."""
    return _posts(PostKind.NOTICE, _("Notices"))


@web.allow(ANYBODY)
@web.shows_nobody
def public_campaigns() -> ResponseReturnValue:
    """All campaigns of today."""
    return _posts(PostKind.CAMPAIGN, _("Campaigns now"))


@web.allow(ANYBODY)
@web.shows_nobody
def public_films() -> ResponseReturnValue:
    """All warning films."""
    return _courses(film=True, title=_("Warning films"))


@web.allow(ANYBODY)
@web.shows_nobody
def public_courses() -> ResponseReturnValue:
    """All open courses that are no film."""
    return _courses(film=False, title=_("Open courses"))


@web.allow(ANYBODY)
@web.shows_nobody
def public_post(post_id: UUID) -> ResponseReturnValue:
    """A notice, or a campaign with its courses and a code of this address to hang up."""
    session, on = db.session(), local_day(utcnow())
    post = posts.read(session, post_id, on=on)
    return _page("elearn/public_post.html", **told(post), over=post.until_on is not None and post.until_on < on)


def told(post: PublicPost) -> dict[str, object]:
    """What a template shows of a post, whoever looks."""
    address = f"{runtime().settings.public_url}{url_for('elearn.pages.public_post', post_id=post.id)}"
    return {
        "post": post,
        "html": page_text.as_html(post.text),
        "courses": posts.courses_of(db.session(), post.id),
        "qr": code(address) if post.kind is PostKind.CAMPAIGN else None,
        "address": address,
        "poster_of": poster_of,
    }


@web.allow(ANYBODY)
@web.shows_nobody
def public_course(course_id: UUID) -> ResponseReturnValue:
    """An open course: its videos, played here, and that watching them is not counted."""
    session = db.session()
    line, films = watching.course(session, course_id)
    tracks = subtitles.shown_of(session, [one.unit_id for one in films], first=locale.language())
    return _page("elearn/public_course.html", line=line, films=films, tracks=tracks)


def _posts(kind: PostKind, title: str) -> Response:
    page = frame.page_number()
    found, more = posts.shown(db.session(), kind, on=local_day(utcnow()), first=locale.language(), page=page)
    return _page("elearn/public_list.html", title=title, posts=found, courses=[], page=page, more=more)


def _courses(*, film: bool, title: str) -> Response:
    page = frame.page_number()
    found, more = watching.courses(db.session(), film=film, page=page)
    return _page("elearn/public_list.html", title=title, posts=[], courses=found, page=page, more=more)


def _page(template: str, **values: object) -> Response:
    """The page as everybody gets it. A browser that brings a session keeps it to itself: proxies look at cookies."""
    home = url_for("elearn.pages.public_home")
    shown = {"poster_of": poster_of, **values, "csrf_token": None, "home_url": home}
    response = make_response(render_template(template, **shown))
    signed_in = current_app.session_interface.get_cookie_name(current_app) in request.cookies
    response.headers["Cache-Control"] = f"{'private' if signed_in else 'public'}, max-age={FRESH_S}"
    response.vary.update(("Accept-Language", "Cookie", "Save-Data"))
    response.add_etag()
    response.make_conditional(request)
    return response


def poster_of(content_hash: str) -> str:
    """Where the picture of a video lies."""
    return media_url(content_hash, "poster.jpg")


def code(address: str) -> str:
    """An address as an SVG element of the page; of the middle level, because what hangs on walls gets dirty."""
    out = io.BytesIO()
    made = segno.make_qr(address, error="m")
    made.save(out, kind="svg", border=4, light="white", xmldecl=False, svgns=False, omitsize=True, svgclass="code")
    return out.getvalue().decode()
