"""An organisation's page: its tree with how many people stand where, and how units are added, named, moved, closed.

An operator opens tops (groups, enterprises, institutions) and lets in their first staff by a link (`offices.py`).
"""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Conflict, DomainError, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame, switcher
from elearn.pages.forms import Form
from elearn.pages.organisation_texts import level_names, top_kinds
from elearn.people import organisations as service
from elearn.people import registry, tree
from elearn.people.callers import Caller, require_caller
from elearn.people.identity import check_credit_code
from elearn.people.models import Organisation, OrganisationKind, OrganisationLevel, Role
from elearn.people.offices import units
from elearn.people.organisations import get_organisation
from elearn.people.permissions import (
    OPERATOR,
    ORGANISATION_KEEPER,
    ORGANISATION_READER,
    ORGANISATION_STAFF,
    granted_in,
    holds_in,
)

PAGE = 50
MOST_FOUND = 30
KEEPS = tuple(ORGANISATION_KEEPER.roles & ORGANISATION_STAFF.roles)
READS = tuple(ORGANISATION_READER.roles & ORGANISATION_STAFF.roles)
EVERYWHERE = frozenset({Role.OPERATOR, Role.AUDITOR})
BESIDE = {"credit_code_form": "credit_code", "already_registered": "credit_code", "region_form": "region"}
"""Code of an error -> the field it is about."""


def install(bp: Blueprint) -> None:
    both = ["GET", "POST"]
    bp.add_url_rule("/organisations", "organisation", organisation)
    bp.add_url_rule("/organisations/all", "all_organisations", all_organisations)
    bp.add_url_rule("/organisations/choose", "choose_organisation", choose_organisation, methods=both)
    bp.add_url_rule("/organisations/new", "new_organisation", new_organisation, methods=both)
    one = "/organisations/<uuid:organisation_id>"
    bp.add_url_rule(one, "organisation_node", organisation_node)
    bp.add_url_rule(f"{one}/units/new", "new_unit", new_unit, methods=both)
    bp.add_url_rule(f"{one}/edit", "edit_organisation", edit_organisation, methods=both)
    bp.add_url_rule(f"{one}/move", "move_organisation", move_organisation, methods=both)
    bp.add_url_rule(f"{one}/close", "close_organisation", close_organisation, methods=["POST"])


def readable(organisation_id: UUID) -> Organisation:
    """Of which the caller may see the tree and the offices. Raises NotFound."""
    if not sees(require_caller(), organisation_id):
        raise NotFound("There is no such organisation.")
    return get_organisation(db.session(), organisation_id)


def _keeps(caller: Caller, organisation_id: UUID) -> bool:
    return Role.OPERATOR in caller.roles or holds_in(caller, organisation_id, *KEEPS)


def _kept(organisation_id: UUID) -> Organisation:
    """Which the caller may change. Raises NotFound."""
    if not _keeps(require_caller(), organisation_id):
        raise NotFound("There is no such organisation.")
    return get_organisation(db.session(), organisation_id)


def _above_it(found: Organisation) -> Organisation:
    """The same of what moves or closes it: that is for those who keep what lies above. Raises NotFound."""
    caller = require_caller()
    if Role.OPERATOR not in caller.roles and (found.parent_id is None or not holds_in(caller, found.parent_id, *KEEPS)):
        raise NotFound("There is no such organisation.")
    return found


# --- reading ----------------------------------------------------------------------------------------------------------


@web.allow(ORGANISATION_READER)
def organisation() -> ResponseReturnValue:
    """The organisation for which the caller acts; who acts for none sees all."""
    caller = require_caller()
    if caller.roles & EVERYWHERE and not granted_in(caller, *READS):
        return redirect(url_for("elearn.pages.all_organisations"), 303)
    about, _own = frame.own_organisations(*READS)
    return _node_page(about)


@web.allow(ORGANISATION_READER)
def organisation_node(organisation_id: UUID) -> ResponseReturnValue:
    """One unit, with what lies below it."""
    return _node_page(readable(organisation_id))


def _node_page(about: Organisation) -> str:
    caller, session = require_caller(), db.session()
    switcher.on_page(about.id)
    above = tree.above(session, about.id)[:-1]
    keeps = _keeps(caller, about.id)
    from_above = Role.OPERATOR in caller.roles or (
        about.parent_id is not None and holds_in(caller, about.parent_id, *KEEPS)
    )
    return render_template(
        "elearn/organisation.html",
        organisation=about,
        above=[(one, sees(caller, one.id)) for one in above],
        tree=units.subtree(session, about.id, on=registry.local_day(utcnow())),
        levels=level_names(),
        code_holds=about.credit_code is None or check_credit_code(about.credit_code)[1],
        keeps=keeps and about.closed_at is None,
        from_above=keeps and from_above and about.closed_at is None,
        may_have_units=bool(_levels_below(about)),
        sees_people=frame.acts_in(about.id, *frame.READS_PEOPLE),
    )


def sees(caller: Caller, organisation_id: UUID) -> bool:
    """Whether the caller may see its tree and its offices."""
    return bool(caller.roles & EVERYWHERE) or holds_in(caller, organisation_id, *READS)


def _levels_below(about: Organisation) -> list[tuple[str, str]]:
    names = level_names()
    if about.level is None:
        return []
    return [
        (level.value, names[level.value])
        for level in reversed(OrganisationLevel)
        if service.lies_below(level, about.level, about.id)
    ]


@web.allow(ORGANISATION_READER)
def all_organisations() -> ResponseReturnValue:
    """An operator's and an auditor's: every top, found by name."""
    if not require_caller().roles & EVERYWHERE:
        raise NotFound("There is nothing at this address.")
    page, search = frame.page_number(), request.args.get("search", "").replace("\0", "")[:100].strip()
    by_name = Organisation.name.icontains(search, autoescape=True)
    chosen = by_name if search else Organisation.parent_id.is_(None)
    session = db.session()
    total = session.scalar(sa.select(sa.func.count()).select_from(Organisation).where(chosen)) or 0
    found = session.scalars(
        sa.select(Organisation)
        .where(chosen)
        .order_by(Organisation.closed_at.is_not(None), Organisation.name, Organisation.id)
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    ).all()
    return render_template(
        "elearn/organisations_all.html",
        organisations=found,
        levels=level_names(),
        total=total,
        search=search,
        page=page,
        pages=-(-total // PAGE),
        page_url=lambda number: url_for("elearn.pages.all_organisations", search=search or None, page=number),
        opens=Role.OPERATOR in require_caller().roles,
    )


@web.allow(ORGANISATION_STAFF)
def choose_organisation() -> ResponseReturnValue:
    """For which organisation the caller acts from now on."""
    caller, session = require_caller(), db.session()
    if request.method == "POST":
        form = Form.sent()
        chosen = form.id("organisation")
        if chosen is None:
            raise Malformed("This page is out of date. Load it again and repeat.")
        switcher.choose(chosen)
        return redirect(frame.safe_next(form["next"]), 303)
    tops = granted_in(caller, *switcher.STAFF)
    search = request.args.get("search", "").replace("\0", "")[:100].strip()
    found = [one.id for one in tree.find(session, search, tops, most=MOST_FOUND)] if search else list(tops)
    paths = tree.paths(session, found)
    lines = sorted(((one, [name for _one, name in path]) for one, path in paths.items()), key=lambda line: line[1])
    return render_template(
        "elearn/choose.html", lines=lines, search=search, most=MOST_FOUND, next=request.args.get("next", "")
    )


# --- changing ---------------------------------------------------------------------------------------------------------


@web.allow(OPERATOR)
def new_organisation() -> ResponseReturnValue:
    """Open a group, an enterprise or an institution."""
    form = Form.sent() if request.method == "POST" else Form()
    if request.method == "POST":
        level = form.word("level", OrganisationLevel)
        kind = OrganisationKind.ENTERPRISE if level else form.word("level", OrganisationKind)
        if kind is None or level in (OrganisationLevel.WORKSHOP, OrganisationLevel.TEAM):
            raise Malformed("This page is out of date. Load it again and repeat.")
        made = _added(form, kind, level, None)
        if made is not None:
            return redirect(url_for("elearn.pages.organisation_node", organisation_id=made), 303)
    page = render_template("elearn/organisation_new.html", form=form, above=None, levels=top_kinds())
    return page, 422 if form.errors else 200


@web.allow(ORGANISATION_KEEPER)
def new_unit(organisation_id: UUID) -> ResponseReturnValue:
    """Add a subsidiary, a workshop or a team below this one."""
    above = _kept(organisation_id)
    levels = _levels_below(above)
    form = Form.sent() if request.method == "POST" else Form({"level": request.args.get("level", "")})
    if request.method == "POST":
        level = form.word("level", OrganisationLevel)
        if level is None or level.value not in dict(levels):
            raise Malformed("A unit of this level cannot stand there.", code="level")
        made = _added(form, OrganisationKind.ENTERPRISE, level, above.id)
        if made is not None:
            return redirect(url_for("elearn.pages.organisation_node", organisation_id=above.id), 303)
    elif not levels:
        raise NotFound("There is nothing at this address.")
    switcher.on_page(above.id)
    page = render_template("elearn/organisation_new.html", form=form, above=above, levels=levels)
    return page, 422 if form.errors else 200


def _added(form: Form, kind: OrganisationKind, level: OrganisationLevel | None, parent_id: UUID | None) -> UUID | None:
    """The new organisation's id, or None: the form says what is wrong."""
    form.need("name")
    if form.errors:
        return None
    if not forms.is_first():
        raise Conflict("That was done already.", code="twice")
    try:
        with db.session.begin_nested():
            made = units.add(
                db.session(),
                kind=kind,
                level=level,
                parent_id=parent_id,
                name=form["name"],
                credit_code=form["credit_code"].strip() or None,
                region=form["region"].strip() or None,
                by=require_caller().id,
                at=utcnow(),
            )
    except (Malformed, Conflict) as error:
        forms.undo_first()
        form.blame(error, BESIDE, "name")
        return None
    db.session.commit()
    frame.say(_("%(name)s is open.", name=made.name))
    _warn_of_code(made.credit_code is None or check_credit_code(made.credit_code)[1])
    return made.id


def _warn_of_code(holds: bool) -> None:
    if not holds:
        frame.say(_("The credit code's check character does not hold. Please compare it with the licence."), "warn")


@web.allow(ORGANISATION_KEEPER)
def edit_organisation(organisation_id: UUID) -> ResponseReturnValue:
    """Name, unified social credit code, region."""
    about = _kept(organisation_id)
    form = Form.sent()
    if request.method == "GET":
        form = Form({"name": about.name, "credit_code": about.credit_code or "", "region": about.region or ""})
    else:
        form.need("name")
        if not form.errors:
            try:
                with db.session.begin_nested():
                    holds = units.change(
                        db.session(),
                        about.id,
                        name=form["name"],
                        credit_code=form["credit_code"],
                        region=form["region"],
                        by=require_caller().id,
                        at=utcnow(),
                    )
            except (Malformed, Conflict) as error:
                form.blame(error, BESIDE, "name")
            else:
                db.session.commit()
                frame.say(_("Saved."))
                _warn_of_code(holds)
                return redirect(url_for("elearn.pages.organisation_node", organisation_id=about.id), 303)
    switcher.on_page(about.id)
    page = render_template("elearn/organisation_edit.html", form=form, organisation=about)
    return page, 422 if form.errors else 200


@web.allow(ORGANISATION_KEEPER)
def move_organisation(organisation_id: UUID) -> ResponseReturnValue:
    """Below which unit this one lies; found by name among those that the caller keeps."""
    about, caller, session = _above_it(_kept(organisation_id)), require_caller(), db.session()
    form = Form.sent() if request.method == "POST" else Form()
    if request.method == "POST":
        target = form.id("parent")
        if target is None:
            form.errors["parent"] = _("Choose where it lies from now on.")
        elif not _keeps(caller, target):
            raise NotFound("There is no such organisation.")
        else:
            try:
                with session.begin_nested():
                    units.move(session, about.id, target, by=caller.id, at=utcnow())
            except (Malformed, Conflict) as error:
                form.errors["parent"] = forms.said(error)
            else:
                session.commit()
                frame.say(_("Moved, with all that lies below it."))
                return redirect(url_for("elearn.pages.organisation_node", organisation_id=about.id), 303)
    switcher.on_page(about.id)
    search = request.values.get("search", "").replace("\0", "")[:100].strip()
    page = render_template(
        "elearn/organisation_move.html", form=form, organisation=about, search=search,
        places=_places(caller, about, search), levels=level_names(), most=MOST_FOUND,
    )  # fmt: skip
    return page, 422 if form.errors else 200


def _places(caller: Caller, about: Organisation, search: str) -> list[tuple[UUID, list[str]]]:
    """Where it could lie, with the path there."""
    session = db.session()
    own = None if Role.OPERATOR in caller.roles else granted_in(caller, *KEEPS)
    if own is None and about.parent_id is not None:
        own = frozenset({tree.above(session, about.id)[0].id})
    fits = [
        one.id
        for one in tree.find(session, search, own, most=4 * MOST_FOUND)
        if one.id not in (about.id, about.parent_id) and service.lies_below(about.level, one.level, one.id)
    ]
    paths = tree.paths(session, fits[: 2 * MOST_FOUND])
    found = [
        (one, [name for _one, name in path]) for one, path in paths.items() if about.id not in {two for two, _n in path}
    ]
    return sorted(found, key=lambda place: place[1])[:MOST_FOUND]


@web.allow(ORGANISATION_KEEPER)
def close_organisation(organisation_id: UUID) -> ResponseReturnValue:
    """It is no more; its past stays to be read."""
    about, now = _above_it(_kept(organisation_id)), utcnow()
    try:
        with db.session.begin_nested():
            units.close(db.session(), about.id, by=require_caller().id, at=now, on=registry.local_day(now))
    except DomainError as error:
        frame.say(forms.said(error), "bad")
        return redirect(url_for("elearn.pages.organisation_node", organisation_id=about.id), 303)
    db.session.commit()
    frame.say(_("%(name)s is closed.", name=about.name))
    back = about.parent_id or about.id
    return redirect(url_for("elearn.pages.organisation_node", organisation_id=back), 303)
