"""Apprenticeships: an employer begins and reads them; master and apprentice write week by week, and sign."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Malformed
from elearn.locale import gettext as _
from elearn.pages import employment_texts, forms, frame, members, training_texts
from elearn.pages.certificates import KEEPS, READS, done_once, employer_of
from elearn.pages.forms import Form, said
from elearn.people import permissions, persons, tree
from elearn.people.callers import current_person_id, require_caller
from elearn.people.identity import DocumentKind
from elearn.people.models import Membership, Organisation, Placement
from elearn.people.permissions import ENTERPRISE, ENTERPRISE_STAFF, SIGNED_IN
from elearn.people.registry import local_day
from elearn.training.apprentices import records as apprenticeships
from elearn.training.apprentices.models import Part
from elearn.training.apprentices.records import Begun, Line

FIELDS = {
    "dates": "to_on", "to_on": "to_on", "trade": "trade", "master": "master_number", "running": "apprentice_number",
    "text": "text", "week": "week", "noted": "week", "why": "why", "ended_on": "ended_on", "year": "from_on",
}  # fmt: skip
"""Code of an error -> the field it is about."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/apprenticeships", "own_apprenticeships", own_apprenticeships)
    bp.add_url_rule("/training/apprenticeships", "apprenticeship_list", apprenticeship_list)
    bp.add_url_rule("/training/apprenticeships/new", "apprenticeship_new", apprenticeship_new, methods=["GET", "POST"])
    one = "/apprenticeships/<uuid:apprenticeship_id>"
    bp.add_url_rule(one, "apprenticeship", apprenticeship)
    bp.add_url_rule(f"{one}/note", "apprenticeship_note", apprenticeship_note, methods=["POST"])
    bp.add_url_rule(f"{one}/sign", "apprenticeship_sign", apprenticeship_sign, methods=["POST"])
    bp.add_url_rule(f"{one}/end", "apprenticeship_end", apprenticeship_end, methods=["POST"])


@web.allow(SIGNED_IN)
def own_apprenticeships() -> ResponseReturnValue:
    """The reader's own, as master or as apprentice."""
    lines = apprenticeships.of_person(db.session(), current_person_id())
    return render_template("elearn/apprenticeships.html", lines=lines, node=None, weeks=apprenticeships.weeks)


@web.allow(ENTERPRISE)
def apprenticeship_list() -> ResponseReturnValue:
    """Of whoever stands in the unit or below it."""
    node, nodes = frame.own_organisations(*READS)
    page = frame.page_number()
    lines, total = apprenticeships.of_node(db.session(), node.id, page=page)
    return render_template(
        "elearn/apprenticeships.html",
        lines=lines,
        node=node,
        nodes=nodes,
        texts=training_texts,
        weeks=apprenticeships.weeks,
        may_keep=permissions.holds_in(require_caller(), node.id, *KEEPS),
        page=page,
        pages=-(-total // apprenticeships.PAGE),
        page_url=lambda number: url_for("elearn.pages.apprenticeship_list", organisation=node.id, page=number),
    )


@web.allow(ENTERPRISE_STAFF)
def apprenticeship_new() -> ResponseReturnValue:
    """Begin one."""
    node, _nodes = frame.own_organisations(*KEEPS)
    session, now = db.session(), utcnow()
    employer = employer_of(node)
    chosen = employment_texts.categories(session, employer.region, local_day(now))
    form = Form.sent() if request.method == "POST" else Form.asked()

    def page() -> str:
        return render_template("elearn/apprenticeship_new.html", node=node, form=form, categories=chosen)

    if request.method == "GET":
        return page()
    form.need("apprentice", "apprentice_number", "master", "master_number", "trade", "from_on", "to_on")
    from_on, to_on, category = form.day("from_on"), form.day("to_on"), form["category"] or None
    if category is not None and category not in dict(chosen):
        raise Malformed("This page is out of date. Load it again and repeat.")
    apprentice = None if form.errors else _member(node.id, form, "apprentice")
    master = None if form.errors else _member(node.id, form, "master", anywhere=employer.id)
    back = url_for("elearn.pages.apprenticeship_list", organisation=node.id)
    if form.errors or from_on is None or to_on is None or apprentice is None or master is None:
        frame.here(url_for("elearn.pages.apprenticeship_new", organisation=node.id))
        return page(), 422
    asked = Begun(apprentice.id, master.person_id, form["trade"], category, from_on, to_on, form["by_duty"] == "yes")

    def take() -> str:
        made = apprenticeships.begin(session, employer.id, asked, by=current_person_id(), at=now)
        return url_for("elearn.pages.apprenticeship", apprenticeship_id=made.id)

    return done_once(take, form, page, back, _("It has begun, and both are told."), FIELDS)


@web.allow(SIGNED_IN)
def apprenticeship(apprenticeship_id: UUID) -> ResponseReturnValue:
    """Its weeks and signatures: for the two, and for who keeps them."""
    return _page(_visible(apprenticeship_id), Form())


@web.allow(SIGNED_IN)
def apprenticeship_note(apprenticeship_id: UUID) -> ResponseReturnValue:
    """One of the two writes what was done in a week."""
    form = Form.sent()
    week = forms.whole(form["week"], 3)
    if week is None:
        raise Malformed("This page is out of date. Load it again and repeat.")

    def take() -> None:
        apprenticeships.note(
            db.session(), apprenticeship_id, form["text"], week=week, by=current_person_id(), at=utcnow()
        )

    return _act(_own(apprenticeship_id), form, take, _("Written down."))


@web.allow(SIGNED_IN)
def apprenticeship_sign(apprenticeship_id: UUID) -> ResponseReturnValue:
    """One of the two signs."""
    form = Form.sent()

    def take() -> None:
        apprenticeships.sign(db.session(), apprenticeship_id, form["text"], by=current_person_id(), at=utcnow())

    return _act(_own(apprenticeship_id), form, take, _("Signed."))


@web.allow(ENTERPRISE_STAFF)
def apprenticeship_end(apprenticeship_id: UUID) -> ResponseReturnValue:
    """The employer breaks it off."""
    line, form = _visible(apprenticeship_id), Form.sent()
    permissions.require_in(_unit_of(line), *KEEPS)
    on = form.day("ended_on") or local_day(utcnow())

    def take() -> None:
        apprenticeships.break_off(db.session(), line.row.id, on=on, why=form["why"], at=utcnow())

    return _act(line, form, take, _("Written down."))


def _act(line: Line, form: Form, take: Callable[[], None], done: str) -> ResponseReturnValue:
    here = url_for("elearn.pages.apprenticeship", apprenticeship_id=line.row.id)
    if form.errors:
        frame.here(here)
        return _page(line, form), 422

    def act() -> str:
        take()
        return here

    return done_once(act, form, lambda: _page(line, form), here, done, FIELDS)


def _page(line: Line, form: Form) -> str:
    session, me, today, row = db.session(), current_person_id(), local_day(utcnow()), line.row
    is_open = row.done_at is None and row.ended_on is None
    mine = me in (row.person_id, row.master_id)
    notes = apprenticeships.notes(session, row.id)
    signatures = apprenticeships.signatures(session, row.id)
    begun = apprenticeships.week_of(row, today) if today >= row.from_on else 0
    written = {one.week for one in notes if one.by_id == me}
    return render_template(
        "elearn/apprenticeship.html",
        line=line,
        row=row,
        employer=session.get_one(Organisation, row.organisation_id).name,
        notes=notes,
        names={row.person_id: line.apprentice, row.master_id: line.master},
        weeks=apprenticeships.weeks(row),
        silent=[week for week in range(1, begun + 1) if week not in {one.week for one in notes}],
        signatures=[(part, signatures.get(part)) for part in Part],
        part_text=part_text,
        mine=mine,
        may_note=[(week, _("Week %(number)s", number=week)) for week in range(begun, 0, -1) if week not in written]
        if mine and is_open
        else [],
        may_sign=mine and is_open and today > row.to_on and apprenticeships.part_of(row, me) not in signatures,
        may_end=is_open and permissions.holds_in(require_caller(), _unit_of(line), *KEEPS),
        reads=permissions.holds_in(require_caller(), _unit_of(line), *READS),
        form=form,
        today=today,
    )


def part_text(part: Part) -> str:
    return {Part.MASTER: _("Master"), Part.APPRENTICE: _("Apprentice")}[part]


def _own(apprenticeship_id: UUID) -> Line:
    """Raises NotFound: the reader is neither of the two."""
    line = apprenticeships.one(db.session(), apprenticeship_id)
    apprenticeships.part_of(line.row, current_person_id())
    return line


def _visible(apprenticeship_id: UUID) -> Line:
    """Raises NotFound: it is neither the reader's own nor in their part of the tree."""
    line = apprenticeships.one(db.session(), apprenticeship_id)
    if current_person_id() not in (line.row.person_id, line.row.master_id):
        permissions.require_in(_unit_of(line), *READS)
    return line


def _unit_of(line: Line) -> UUID:
    """Where the apprentice stood last."""
    unit = db.session().scalar(
        sa.select(Placement.unit_id)
        .where(Placement.membership_id == line.row.membership_id)
        .order_by(Placement.from_on.desc())
        .limit(1)
    )
    return unit or line.row.organisation_id


def _member(node_id: UUID, form: Form, name: str, *, anywhere: UUID | None = None) -> Membership | None:
    """Whom two fields name: somebody who stands in the node today, or anywhere at the employer. None: nobody, noted."""
    session, field = db.session(), f"{name}_number"
    try:
        person = persons.find_person(session, DocumentKind.RESIDENT_ID, form[field], members.keys())
    except Malformed as error:
        form.errors[field] = said(error)
        return None
    found = None
    if person is not None and person.name == " ".join(form[name].split()):
        placed = tree.placed_in(anywhere or node_id, on=local_day(utcnow()))
        found = session.scalar(
            sa.select(Membership).where(Membership.person_id == person.id, Membership.id.in_(placed))
        )
    if found is None:
        form.errors[field] = _("Nobody of this name and document works here.")
    return found
