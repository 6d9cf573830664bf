"""Archives of classes (一班一档): which there are, what one still lacks, until when it is kept, and the file itself.

An institution's manager sees the own classes, a regulator's officer those of the region, an auditor all.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses.models import TrainingClass
from elearn.credit_export.archive import gathering, index, listing, making, words
from elearn.credit_export.archive.making import House
from elearn.credit_export.archive.reading import Held, held_class
from elearn.credit_export.paper import sheets
from elearn.db import db
from elearn.errors import NotFound
from elearn.locale import gettext as _
from elearn.pages import frame
from elearn.people.callers import Caller, require_caller
from elearn.people.models import Organisation, Role
from elearn.people.permissions import AUDITOR, MANAGER, REGULATOR, may_see_region, regions_of, scope_of
from elearn.people.registry import local_day

PAGE = 50


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/archives", "archives", archives)
    bp.add_url_rule("/archives/<uuid:class_id>", "class_archive", class_archive)
    bp.add_url_rule("/archives/<uuid:class_id>/copy", "prepare_archive", prepare_archive, methods=["POST"])
    bp.add_url_rule("/archives/<uuid:class_id>/archive.zip", "take_archive", take_archive)


@web.allow(MANAGER, REGULATOR, AUDITOR)
def archives() -> ResponseReturnValue:
    """Classes that have begun, the newest first; `?show=due`: those that nothing asks to be kept any longer."""
    show, page, today = request.args.get("show", "all"), frame.page_number(), local_day(utcnow())
    if show not in ("all", "due"):
        raise NotFound("There is nothing at this address.")
    seen = _seen(require_caller())
    lines, total = (
        listing.begun(db.session(), seen, on=today, page=page)
        if show == "all"
        else listing.due(db.session(), seen, on=today)
    )
    return render_template(
        "elearn/archives.html",
        show=show,
        lines=lines,
        today=today,
        page=page,
        pages=-(-total // listing.PAGE) if show == "all" else 1,
        page_url=lambda number: url_for("elearn.pages.archives", page=number),
    )


@web.allow(MANAGER, REGULATOR, AUDITOR)
def class_archive(class_id: UUID) -> ResponseReturnValue:
    """What a class's archive holds and lacks, by learner, and who took it away."""
    held, session, now = _visible(class_id), db.session(), utcnow()
    archive = gathering.gathered(session, class_id, keys=House.here().keys, now=now)
    people, page = _people(archive), frame.page_number()
    large = making.is_large(session, class_id)
    return render_template(
        "elearn/class_archive.html",
        held=held,
        training=held.training,
        gaps=[words.gap_text(one, _) for one in archive.missing],
        clock=archive.clock,
        due=archive.clock.due(local_day(now)),
        by_law=archive.clock.kept.rule.startswith("retention/"),
        people=people[(page - 1) * PAGE : page * PAGE],
        total=len(people),
        kinds=sheets.kinds(_),
        standing_text=lambda standing: words.standing_text(standing, _),
        files=index.files(archive, _),
        large=large,
        prepared=making.newest_prepared(session, class_id) if large else None,
        now=now,
        taken=listing.taken(session, class_id),
        may_ask=not require_caller().roles <= {Role.AUDITOR, Role.LEARNER},
        page=page,
        pages=-(-len(people) // PAGE),
        page_url=lambda number: url_for("elearn.pages.class_archive", class_id=class_id, page=number),
    )


@web.allow(MANAGER, REGULATOR)
def prepare_archive(class_id: UUID) -> ResponseReturnValue:
    """Have a job make the archive of a large class."""
    _visible(class_id)
    making.ask_for(db.session(), class_id, by=require_caller().person_id, now=utcnow())
    db.session.commit()
    frame.say(_("A copy is being made. Come back to this page in a minute."), "info")
    return redirect(url_for("elearn.pages.class_archive", class_id=class_id), 303)


@web.allow(MANAGER, REGULATOR, AUDITOR)
def take_archive(class_id: UUID) -> ResponseReturnValue:
    """The zip. That it leaves, and whose data, is written down before it does."""
    _visible(class_id)
    session, caller = db.session(), require_caller()
    take = making.take_prepared if making.is_large(session, class_id) else making.take
    taken = take(session, class_id, House.here(), by=caller.person_id, to=_receiver(caller), now=utcnow())
    session.commit()
    response = Response(taken.content, content_type="application/zip")
    response.headers.set("Content-Disposition", "attachment", filename=taken.name)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _receiver(caller: Caller) -> str:
    """To whom data leave: a person, and as what."""
    roles = sorted(caller.roles & {Role.INSTITUTION_MANAGER, Role.REGULATOR_OFFICER, Role.AUDITOR})
    return f"person {caller.person_id} ({', '.join(roles)})"


def _seen(caller: Caller) -> sa.ColumnElement[bool]:
    """Which classes somebody may see, as a condition of a query about classes and their institutions."""
    if Role.AUDITOR in caller.roles:
        return sa.true()
    regions = [Organisation.region.startswith(one) for one in sorted(regions_of(caller))]
    return sa.or_(TrainingClass.institution_id.in_(scope_of(caller, Role.INSTITUTION_MANAGER)), *regions)


def _visible(class_id: UUID) -> Held:
    """Raises NotFound: there is none, or it is none of the reader's."""
    held, caller = held_class(db.session(), class_id), require_caller()
    own = held.institution.id in scope_of(caller, Role.INSTITUTION_MANAGER)
    if own or Role.AUDITOR in caller.roles or may_see_region(caller, held.institution.region):
        return held
    raise NotFound("There is no such class.")


def _people(archive: gathering.Archive) -> list[dict[str, Any]]:
    """Everybody who was in the class, by name."""
    hours, passed = index.hours_by_person(archive), index.passed_by_person(archive)
    signed = {one["person_id"]: one["signed_at"] for one in archive.sections["signoffs"] if one["holds"]}
    found = [
        {
            **one,
            "hours": hours[one["person_id"]],
            "passed": len(passed.get(one["person_id"], ())),
            "signed_at": signed.get(one["person_id"]),
        }
        for one in archive.sections["roster"]["people"]
    ]
    return sorted(found, key=lambda one: (one["name"], str(one["person_id"])))
