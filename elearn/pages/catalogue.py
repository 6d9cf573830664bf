"""The catalogue of courses: found by words, centre, grade and industry; for everybody signed in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.courses import finding
from elearn.courses.centres import (
    AUDIENCES,
    CENTRES,
    CREDITS,
    INDUSTRIES,
    LEVELS,
    POLICIES,
    Audience,
    Centre,
    Industry,
    Level,
)
from elearn.courses.delivery import media_url
from elearn.courses.finding import Wanted
from elearn.courses.public import watching
from elearn.db import db
from elearn.locale import gettext as _
from elearn.pages import frame
from elearn.pages.course_form import told
from elearn.pages.forms import Form
from elearn.people.callers import current_person_id
from elearn.people.models import Role
from elearn.people.permissions import SIGNED_IN

LONGEST = 100
"""Characters of a search."""
MANAGES = Role.INSTITUTION_MANAGER


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/catalogue", "catalogue", catalogue)
    bp.add_url_rule("/catalogue/<uuid:course_id>", "catalogue_course", catalogue_course)


@web.allow(SIGNED_IN)
def catalogue() -> ResponseReturnValue:
    """What is offered, or with `?own=1` a manager's own courses; what no filter knows is as if it were not asked."""
    own = frame.acting(MANAGES)
    mine = bool(own) and request.args.get("own") == "1"
    form = Form.asked()
    wanted = Wanted(
        words=request.args.get("words", "")[:LONGEST],
        centre=form.word("centre", Centre),
        level=form.word("level", Level),
        audience=form.word("audience", Audience),
        industry=form.word("industry", Industry),
        own=own if mine else None,
    )
    found = finding.find(db.session(), wanted, after=request.args.get("after") or None)
    chosen = {name: getattr(wanted, name) for name in ("centre", "level", "audience", "industry")}
    asked: dict[str, Any] = {"words": wanted.words or None, **chosen, "own": "1" if mine else None}
    return render_template(
        "elearn/catalogue.html",
        found=found,
        words=wanted.words,
        chosen=chosen,
        narrowed=any(chosen.values()),
        may_own=bool(own),
        mine=mine,
        continued="after" in request.args,
        next_url=url_for("elearn.pages.catalogue", **asked, after=found.after) if found.after else None,
        first_url=url_for("elearn.pages.catalogue", **asked),
        filters=(
            ("centre", _("Centre"), told(CENTRES)),
            ("level", _("Level"), told(LEVELS)),
            ("audience", _("For whom"), told(AUDIENCES)),
            ("industry", _("Industry"), told(INDUSTRIES)),
        ),
        grade=grade,
        industries=industries,
        poster_of=lambda content_hash: media_url(content_hash, "poster.jpg"),
    )


@web.allow(SIGNED_IN)
def catalogue_course(course_id: UUID) -> ResponseReturnValue:
    """One offered course: what it teaches, what its hours are worth, and how to study it."""
    own = frame.acting(MANAGES)
    card = finding.card(db.session(), course_id, person_id=current_person_id(), own=own)
    return render_template(
        "elearn/catalogue_course.html",
        card=card,
        line=card.line,
        grade=grade,
        industries=industries,
        centre=_(CENTRES[card.line.centre]),
        credit=_(CREDITS[POLICIES[card.line.centre].credit]),
        poster=media_url(card.line.poster, "poster.jpg") if card.line.poster else None,
        is_open=course_id in watching.courses_named(db.session(), [course_id]),
    )


def grade(line: finding.Line) -> str:
    """Level and audience in words; empty: not graded."""
    level = [_(LEVELS[line.level])] if line.level else []
    return " · ".join([*level, *(_(AUDIENCES[one]) for one in line.audiences)])


def industries(line: finding.Line) -> str:
    return _(", ").join(_(INDUSTRIES[one]) for one in line.industries) or _("every industry")
