"""Archives of training: of one person (一人一档), and of a node of the tree for a year. For staff of the node alone.

That one is taken is written down before it leaves, for everybody in it.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.credit_export.archive.making import House
from elearn.credit_export.paper.sheets import day_text, moment_text
from elearn.db import db
from elearn.errors import Conflict, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.locale import language
from elearn.pages import forms, frame, switcher
from elearn.pages.forms import Form
from elearn.people.callers import Caller, require_caller
from elearn.people.models import Membership, Organisation
from elearn.people.permissions import ENTERPRISE, SUBTREE, require_in
from elearn.people.registry import local_day
from elearn.training.archives import enterprise as enterprise_archive
from elearn.training.archives import papers
from elearn.training.archives import person as person_archive
from elearn.training.archives.models import EnterpriseArchive
from elearn.training.figures import board_tables


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/people/archives/<uuid:membership_id>", "person_archive", show_person)
    bp.add_url_rule("/people/archives/<uuid:membership_id>/archive.zip", "take_person_archive", take_person)
    bp.add_url_rule("/figures/<uuid:unit_id>/archives", "enterprise_archives", enterprise_archives)
    bp.add_url_rule("/figures/<uuid:unit_id>/archives", "ask_enterprise_archive", ask_enterprise, methods=["POST"])
    bp.add_url_rule("/figures/archives/<uuid:archive_id>/archive.zip", "take_enterprise_archive", take_enterprise)


# --- one person -------------------------------------------------------------------------------------------------------


@web.allow(ENTERPRISE)
def show_person(membership_id: UUID) -> ResponseReturnValue:
    """What the employer has of somebody's training."""
    membership, unit_id = _member(membership_id)
    switcher.on_page(unit_id)
    archive = person_archive.gathered(db.session(), membership, House.here(), now=utcnow())
    every = (
        papers.placements, papers.law, papers.assignments, papers.levels, papers.entries,
        papers.certificates, papers.elsewhere,
    )  # fmt: skip
    return render_template(
        "elearn/person_archive.html",
        archive=archive,
        person=archive.found["person"],
        unit_id=unit_id,
        membership=membership,
        sheets=[one(archive.found, _) for one in every],
        hours=board_tables.hours(archive.total_ms),
        cell=lambda value: _cell(value),
    )


@web.allow(ENTERPRISE)
def take_person(membership_id: UUID) -> ResponseReturnValue:
    """The signed zip."""
    membership, _unit_id = _member(membership_id)
    session, caller = db.session(), require_caller()
    taken = person_archive.take(
        session, membership, House.here(), by=caller.person_id, to=_receiver(caller), now=utcnow()
    )
    session.commit()
    return zip_of(taken.name, taken.content)


def _member(membership_id: UUID) -> tuple[Membership, UUID]:
    """Raises NotFound: nobody, or somebody who stands (or stood last) outside the caller's subtree."""
    membership, unit_id = person_archive.stands_in(db.session(), membership_id)
    require_in(unit_id, *SUBTREE)
    return membership, unit_id


def _cell(value: object) -> str:
    if value is None or value == "":
        return "—"
    if isinstance(value, datetime):
        return moment_text(value, language())
    return day_text(value, language()) if isinstance(value, date) else str(value)


# --- an enterprise ----------------------------------------------------------------------------------------------------


@web.allow(ENTERPRISE)
def enterprise_archives(unit_id: UUID) -> ResponseReturnValue:
    """Copies that were made of a node, and a form to have one made."""
    return _desk(_own(unit_id), Form())


@web.allow(ENTERPRISE)
def ask_enterprise(unit_id: UUID) -> ResponseReturnValue:
    """Have a job make one."""
    unit, form = _own(unit_id), Form.sent()
    here = url_for("elearn.pages.enterprise_archives", unit_id=unit.id)
    frame.here(here)
    if form["year"] not in dict(_years()):
        form.errors["year"] = _("Please choose one of these.")
        return _desk(unit, form), 400
    if not forms.is_first():
        return redirect(here, 303)
    try:
        enterprise_archive.ask_for(
            db.session(), unit.id, int(form["year"]), full_names=form["names"] == "full",
            by=require_caller().person_id, now=utcnow(),
        )  # fmt: skip
    except (Conflict, Malformed) as error:
        forms.undo_first()
        form.blame(error, {}, "year")
        return _desk(unit, form), 409
    db.session.commit()
    frame.say(_("A copy is being made. Come back to this page in a minute."), "info")
    return redirect(here, 303)


@web.allow(ENTERPRISE)
def take_enterprise(archive_id: UUID) -> ResponseReturnValue:
    """The signed zip."""
    session = db.session()
    row = session.get(EnterpriseArchive, archive_id)
    if row is None:
        raise NotFound("There is no such archive.")
    caller = require_in(row.unit_id, *SUBTREE)
    taken = enterprise_archive.take(
        session, archive_id, House.here(), by=caller.person_id, link_id=None, to=_receiver(caller), now=utcnow()
    )
    session.commit()
    return zip_of(taken.name, taken.content)


def _own(unit_id: UUID) -> Organisation:
    require_in(unit_id, *SUBTREE)
    unit = db.session().get(Organisation, unit_id)
    if unit is None or unit.level is None:
        raise NotFound("There is no such organisation.")
    switcher.on_page(unit.id)
    return unit


def _desk(unit: Organisation, form: Form) -> str:
    return render_template(
        "elearn/enterprise_archives.html",
        unit=unit,
        form=form,
        archives=enterprise_archive.of_unit(db.session(), unit.id),
        years=_years(),
        now=utcnow(),
    )


def _years() -> list[tuple[str, str]]:
    this_year = local_day(utcnow()).year
    return [(str(one), str(one)) for one in range(this_year, this_year - 6, -1)] + [("0", _("All the time"))]


def _receiver(caller: Caller) -> str:
    """To whom data leave: a person, and as what."""
    return f"person {caller.person_id} ({', '.join(sorted(caller.roles & set(SUBTREE)))})"


def zip_of(name: str, content: bytes) -> Response:
    response = Response(content, content_type="application/zip")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "private, no-store"
    return response
