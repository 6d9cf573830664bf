"""Notices and campaigns as those see them who write them: managers of institutions, officers of regions.

One writes, a second one reads the very text and publishes it (courses/public/rules.py says who and why).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import locale, web
from elearn.clock import utcnow
from elearn.courses.public import posts, rules, watching
from elearn.courses.public.models import PublicPost
from elearn.courses.public.posts import Reach, Speaker
from elearn.courses.public.rules import PostKind, PostState, Said
from elearn.db import db
from elearn.errors import Malformed
from elearn.locale import gettext as _
from elearn.pages import frame, public
from elearn.pages.certificates import done_once
from elearn.pages.forms import Form
from elearn.people import permissions
from elearn.people.callers import Caller, current_person_id, require_caller
from elearn.people.models import Organisation, Person, Role
from elearn.people.permissions import MANAGER, REGULATOR
from elearn.people.registry import local_day

FIELDS = {name: name for name in ("language", "title", "text", "issuer", "from_on", "until_on", "course", "speaker")}
"""Code of an error -> the field it is about; every other one stands under `note`."""
MOST_OFFERED = 100
"""Open courses to choose from, films first; the newest."""


def install(bp: Blueprint) -> None:
    post = ["POST"]
    bp.add_url_rule("/publicity", "publicity", publicity)
    bp.add_url_rule("/publicity/new", "post_new", post_new, methods=["GET", "POST"])
    one = "/publicity/<uuid:post_id>"
    bp.add_url_rule(one, "post", post_page)
    bp.add_url_rule(f"{one}/edit", "post_edit", post_edit, methods=["GET", "POST"])
    bp.add_url_rule(f"{one}/publish", "post_publish", post_publish, methods=post)
    bp.add_url_rule(f"{one}/withdraw", "post_withdraw", post_withdraw, methods=post)


@web.allow(MANAGER, REGULATOR)
def publicity() -> ResponseReturnValue:
    """What the caller keeps, the newest first."""
    page = frame.page_number()
    found, more = posts.listed(db.session(), _reach(), page=page)
    return render_template(
        "elearn/publicity.html", posts=[(one, state_text(one)) for one in found], page=page, more=more
    )


@web.allow(MANAGER, REGULATOR)
def post_new() -> ResponseReturnValue:
    """Write one."""
    form = Form.sent() if request.method == "POST" else Form({"language": locale.language()})
    back = url_for("elearn.pages.post_new")
    if request.method == "GET":
        return _form_page(form, None)
    said = _said(form)

    def take() -> str:
        speaker, issuer = _speaker(form)
        made = posts.write(
            db.session(),
            speaker,
            said(issuer),
            form.ids("course"),
            by=current_person_id(),
            at=utcnow(),
            today=local_day(utcnow()),
        )
        return url_for("elearn.pages.post", post_id=made.id)

    return done_once(
        take, form, lambda: _form_page(form, None), back, _("It is a draft. A second person publishes it."), FIELDS
    )


@web.allow(MANAGER, REGULATOR)
def post_page(post_id: UUID) -> ResponseReturnValue:
    """One as everybody will see it, and what the caller may do with it."""
    return _page(posts.kept(db.session(), post_id, _reach()), Form())


@web.allow(MANAGER, REGULATOR)
def post_edit(post_id: UUID) -> ResponseReturnValue:
    """Write a draft anew."""
    post = posts.kept(db.session(), post_id, _reach())
    if request.method == "GET":
        chosen = [str(one) for one in posts.chosen_for(db.session(), post.id)]
        values = {
            "kind": post.kind.value,
            "language": post.language,
            "title": post.title,
            "text": post.text,
            "from_on": post.from_on.isoformat(),
            "until_on": post.until_on.isoformat() if post.until_on else "",
            "issuer": post.issuer,
        }
        return _form_page(Form(values, {"course": chosen}), post)
    form = Form.sent()
    said, here = _said(form), url_for("elearn.pages.post", post_id=post.id)

    def take() -> str:
        posts.change(
            db.session(),
            post_id,
            said(post.issuer if post.organisation_id else form["issuer"]),
            form.ids("course"),
            reach=_reach(),
            by=current_person_id(),
            at=utcnow(),
            today=local_day(utcnow()),
        )
        return here

    return done_once(
        take, form, lambda: _form_page(form, post), here, _("It is a draft. A second person publishes it."), FIELDS
    )


@web.allow(MANAGER, REGULATOR)
def post_publish(post_id: UUID) -> ResponseReturnValue:
    """Show to everybody what somebody else wrote."""
    form = Form.sent()
    if not form["revision"].isascii() or not form["revision"].isdecimal() or len(form["revision"]) > 5:
        raise Malformed("This page is out of date. Load it again and repeat.")
    revision = int(form["revision"])
    return _act(
        post_id,
        form,
        lambda: posts.publish(
            db.session(), post_id, revision=revision, reach=_reach(), by=current_person_id(), at=utcnow()
        ),
        _("Everybody can read it from its first day on."),
    )


@web.allow(MANAGER, REGULATOR)
def post_withdraw(post_id: UUID) -> ResponseReturnValue:
    """Nobody sees it any more."""
    return _act(
        post_id,
        Form.sent(),
        lambda: posts.withdraw(db.session(), post_id, reach=_reach(), by=current_person_id(), at=utcnow()),
        _("It is withdrawn. Nobody sees it any more."),
    )


def state_text(post: PublicPost) -> tuple[str, str]:
    """Where it stands, and in which colour."""
    match posts.state_of(post):
        case PostState.DRAFT:
            return _("Draft"), "warn"
        case PostState.WITHDRAWN:
            return _("Withdrawn"), ""
        case PostState.PUBLISHED:
            over = post.until_on is not None and post.until_on < local_day(utcnow())
            return (_("It is over"), "") if over else (_("Published"), "good")


def _reach() -> Reach:
    caller = require_caller()
    return Reach(permissions.granted_in(caller, Role.INSTITUTION_MANAGER), permissions.regions_of(caller))


def _act(post_id: UUID, form: Form, act: Callable[[], object], done: str) -> ResponseReturnValue:
    post, here = posts.kept(db.session(), post_id, _reach()), url_for("elearn.pages.post", post_id=post_id)

    def take() -> str:
        act()
        return here

    return done_once(take, form, lambda: _page(post, form), here, done, FIELDS)


def _page(post: PublicPost, form: Form) -> str:
    session, draft = db.session(), posts.state_of(post) is PostState.DRAFT
    people = [post.written_by, *filter(None, (post.published_by, post.withdrawn_by))]
    rows = session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(people)))
    return render_template(
        "elearn/publicity_post.html",
        **public.told(post),
        form=form,
        state=state_text(post),
        names={row.id: row.name for row in rows},
        may_edit=draft,
        may_publish=draft and post.written_by != current_person_id(),
        may_withdraw=post.withdrawn_at is None,
    )


def _form_page(form: Form, post: PublicPost | None) -> str:
    session = db.session()
    films, _more = watching.courses(session, film=True, size=MOST_OFFERED)
    courses, _more = watching.courses(session, film=False, size=MOST_OFFERED)
    return render_template(
        "elearn/publicity_edit.html",
        post=post,
        form=form,
        kinds=[(PostKind.NOTICE.value, _("A notice")), (PostKind.CAMPAIGN.value, _("A campaign"))],
        languages=list(rules.LANGUAGES.items()),
        speakers=[] if post else _speakers(require_caller()),
        asks_issuer=bool(post and post.organisation_id is None) or (not post and bool(_regions(require_caller()))),
        courses=[(str(one.id), one.title, one.institution) for one in (*films, *courses)],
    )


def _said(form: Form) -> Callable[[str], Said]:
    """What the form says, once it is known who speaks. Raises Malformed: no page of ours offers such a value."""
    kind = form.word("kind", PostKind)
    if kind is None:
        raise Malformed("This page is out of date. Load it again and repeat.")

    def said(issuer: str) -> Said:
        from_on, until_on = form.day("from_on"), form.day("until_on")
        for name in ("from_on", "until_on"):
            if name in form.errors:
                raise Malformed("A date has the form 2026-07-01.", code=name)
        return Said(kind, form["language"], form["title"], form["text"], from_on, until_on, issuer)

    return said


def _regions(caller: Caller) -> list[str]:
    return sorted({one.region for one in caller.grants if one.role is Role.REGULATOR_OFFICER and one.region})


def _institutions(caller: Caller) -> Sequence[Organisation]:
    ids = permissions.granted_in(caller, Role.INSTITUTION_MANAGER)
    chosen = sa.select(Organisation).where(Organisation.id.in_(ids), Organisation.closed_at.is_(None))
    return db.session.scalars(chosen.order_by(Organisation.name, Organisation.id)).all()


def _speakers(caller: Caller) -> list[tuple[str, str]]:
    """In whose name the caller may write."""
    regions = [(one, _("The authority of the region %(region)s", region=one)) for one in _regions(caller)]
    return [(str(one.id), one.name) for one in _institutions(caller)] + regions


def _speaker(form: Form) -> tuple[Speaker, str]:
    """Who speaks, and what readers are told of it. Raises Malformed: in nobody's name whom the caller speaks for."""
    caller, chosen = require_caller(), form["speaker"]
    if chosen in _regions(caller):
        return Speaker(None, chosen), form["issuer"]
    for one in _institutions(caller):
        if str(one.id) == chosen:
            return Speaker(one.id, one.region), one.name
    raise Malformed("Choose in whose name it is said.", code="speaker")
