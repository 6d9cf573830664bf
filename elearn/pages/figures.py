"""Figures of an enterprise's tree: whom training reached, how far, who is late or must leave the post; at every level.

Staff of an enterprise sees their own node and all below it, people included; a regulator's officer the figures of
enterprises of the region, without people; an auditor everything. `inspection.py` shows the same boards by a link.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from elearn import locale, web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import NotFound
from elearn.locale import gettext as _
from elearn.pages import figure_files, forms, frame, switcher
from elearn.people import tree
from elearn.people.callers import Caller, require_caller
from elearn.people.models import EmploymentKind, Organisation, OrganisationLevel, Role
from elearn.people.permissions import (
    AUDITOR,
    ENTERPRISE,
    REGULATOR,
    SUBTREE,
    granted_in,
    holds_in,
    may_see_region,
    regions_of,
)
from elearn.people.registry import local_day
from elearn.training.figures import board_tables, dashboards, leaving
from elearn.training.figures.dashboards import Board, Chosen, Order, Show
from elearn.training.models import Purpose

EMPTY = {"purpose": "", "kind": "", "period": "0"}


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/figures", "figures", figures)
    bp.add_url_rule("/figures/<uuid:unit_id>", "unit_figures", unit_figures)
    bp.add_url_rule("/figures/<uuid:unit_id>/people", "figure_people", figure_people)
    bp.add_url_rule("/figures/<uuid:unit_id>/figures.<any(xlsx, pdf):form>", "figures_file", figures_file)


@dataclass(frozen=True, slots=True)
class Links:
    """Where a board leads: other nodes, people, files. Those of a signed-in reader, or below an inspector's link."""

    unit: Callable[..., str]
    """Of `unit_id` and the query."""
    people: Callable[..., str] | None
    file: Callable[..., str]
    """Of `unit_id`, `form` and the query."""


OWN = Links(
    lambda unit_id, **query: url_for("elearn.pages.unit_figures", unit_id=unit_id, **query),
    lambda unit_id, **query: url_for("elearn.pages.figure_people", unit_id=unit_id, **query),
    lambda unit_id, form, **query: url_for("elearn.pages.figures_file", unit_id=unit_id, form=form, **query),
)
FIGURES_ALONE = Links(OWN.unit, None, OWN.file)
"""Of readers who see no people."""


@web.allow(ENTERPRISE, REGULATOR, AUDITOR)
def figures() -> ResponseReturnValue:
    """The own node; or a list of the employers that somebody sees who belongs to none."""
    caller, session = require_caller(), db.session()
    if granted_in(caller, *SUBTREE):
        unit, _all = frame.own_organisations(*SUBTREE)
        return redirect(OWN.unit(unit.id), 303)
    everything = Role.AUDITOR in caller.roles
    which = dashboards.employers_in(None if everything else regions_of(caller))
    search = request.args.get("search", "").replace("\0", "").strip()[:100]
    if search:
        which = sa.and_(which, Organisation.name.contains(search, autoescape=True))
    page, total = frame.page_number(), dashboards.count(session, which)
    return render_template(
        "elearn/figures_list.html",
        lines=dashboards.lines(session, which, Chosen(), order=Order.NAME, page=page),
        share=board_tables.share,
        total=total,
        search=search,
        page=page,
        pages=-(-total // dashboards.PAGE),
        page_url=lambda number: url_for("elearn.pages.figures", search=search or None, page=number),
    )


@web.allow(ENTERPRISE, REGULATOR, AUDITOR)
def unit_figures(unit_id: UUID) -> ResponseReturnValue:
    """One node: its figures, charts with their tables, and the nodes below it."""
    unit, links = _seen(unit_id)
    switcher.on_page(unit.id)
    own = holds_in(require_caller(), unit.id, *SUBTREE)
    return board_page(
        unit,
        links,
        above=_above(unit, require_caller()),
        own=own,
    )


@web.allow(ENTERPRISE, REGULATOR, AUDITOR)
def figures_file(unit_id: UUID, form: str) -> ResponseReturnValue:
    """What the page shows, with all nodes right below, as a workbook or on paper."""
    unit, _links = _seen(unit_id)
    return board_file(unit, form)


@web.allow(ENTERPRISE, AUDITOR)
def figure_people(unit_id: UUID) -> ResponseReturnValue:
    """Who is late, must leave the post, was never trained or lacks a certificate."""
    unit, links = _seen(unit_id)
    if links.people is None:
        raise NotFound("There is no such organisation.")
    switcher.on_page(unit.id)
    return people_page(unit, links, name=str, archive=holds_in(require_caller(), unit.id, *SUBTREE))


# --- shared with the inspector's view ---------------------------------------------------------------------------------


def board_page(
    unit: Organisation, links: Links, *, above: list[Organisation], fixed: int | None = None, **more: Any
) -> str:
    """`above`: the nodes that lead here; `fixed`: the one period that may be seen; `more`: for the template."""
    session, chosen, page = db.session(), _chosen(fixed), frame.page_number()
    board = dashboards.board(session, unit.id, chosen)
    which = dashboards.children(unit.id)
    total = dashboards.count(session, which)
    order = Order.NAME if request.args.get("order") == "name" else Order.LATE
    lines = dashboards.lines(session, which, chosen, order=order, page=page)
    query = _query(chosen)
    return render_template(
        "elearn/figures.html",
        unit=unit,
        above=above,
        links=links,
        board=board,
        facts=board_tables.facts(board.whole, _),
        tables=board_tables.tables(board, lines, _),
        markup=Markup,
        chosen=chosen,
        query=query,
        choices=_choices(board, chosen, fixed),
        levels=levels(),
        total=total,
        page=page,
        pages=-(-total // dashboards.PAGE),
        page_url=lambda number: links.unit(unit.id, page=number, **query),
        **{"banner": None, "own": False, **more},
    )


def board_file(unit: Organisation, form: str, *, fixed: int | None = None) -> Response:
    """As XLSX or PDF, in the reader's language."""
    session, chosen, language = db.session(), _chosen(fixed), locale.language()
    board = dashboards.board(session, unit.id, chosen)
    lines = dashboards.lines(session, dashboards.children(unit.id), chosen, order=Order.LATE, size=dashboards.LINES)
    make = figure_files.xlsx if form == "xlsx" else figure_files.pdf
    content = make(unit, board, lines, chosen, language)
    kind = web.XLSX if form == "xlsx" else "application/pdf"
    response = Response(content, content_type=kind)
    response.headers.set("Content-Disposition", "attachment", filename=f"figures-{local_day(utcnow())}.{form}")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def people_page(unit: Organisation, links: Links, *, name: Callable[[str], str], archive: bool, **more: Any) -> str:
    """A list of people of the node. `name`: how a name is shown; `archive`: whether each leads to their archive."""
    session, today = db.session(), local_day(utcnow())
    show = next((one for one in Show if one.value == request.args.get("show", Show.OVERDUE.value)), None)
    kind = request.args.get("kind", "")
    if show is None or kind not in ("", *EmploymentKind):
        raise NotFound("There is nothing at this address.")
    found = dashboards.people(session, unit.id, show, today=today, kind=kind, after=_after(), size=dashboards.PAGE + 1)
    shown_now = found[: dashboards.PAGE]
    last = shown_now[-1] if len(found) > dashboards.PAGE else None
    assert links.people is not None
    query = {"show": show.value, "kind": kind or None}
    return render_template(
        "elearn/figure_people.html",
        unit=unit,
        links=links,
        show=show,
        shows=_shows(),
        people=shown_now,
        name=name,
        kinds=board_tables.kinds(_),
        hours=board_tables.hours,
        why=lambda one: leaving.why(one.barred > 0, one.unqualified, _),
        today=today,
        archive=archive,
        more_url=links.people(unit.id, after=f"{last.unit_id}.{last.membership_id}", **query) if last else None,
        begun=bool(request.args.get("after")),
        **{"banner": None, **more},
    )


# --- what was asked ---------------------------------------------------------------------------------------------------


def _seen(unit_id: UUID) -> tuple[Organisation, Links]:
    """The node and where its board leads. Raises NotFound: there is none, or it is none of the reader's."""
    caller, session = require_caller(), db.session()
    unit = session.get(Organisation, unit_id)
    if unit is None or unit.level is None:
        raise NotFound("There is no such organisation.")
    if holds_in(caller, unit_id, *SUBTREE) or Role.AUDITOR in caller.roles:
        return unit, OWN
    employer = tree.employer_of(session, unit_id) if regions_of(caller) else None
    if employer is None or not may_see_region(caller, employer.region):
        raise NotFound("There is no such organisation.")
    return unit, FIGURES_ALONE


def _above(unit: Organisation, caller: Caller) -> list[Organisation]:
    """The nodes above it that the reader may open, from the top."""
    nodes = tree.above(db.session(), unit.id)
    if Role.AUDITOR in caller.roles:
        return nodes
    tops = granted_in(caller, *SUBTREE)
    if tops:
        own = [one.id for one in nodes]
        first = min((own.index(one) for one in tops if one in own), default=len(own))
        return nodes[first:]
    return [one for one in nodes if may_see_region(caller, one.region)]


def _chosen(fixed: int | None) -> Chosen:
    """Raises NotFound: no page of ours leads there."""
    said = {name: request.args.get(name) or default for name, default in EMPTY.items()}
    period = forms.whole(said["period"], 5)
    if period is None:
        raise NotFound("There is nothing at this address.")
    good = period == 0 or 2000 <= period <= 2999 or (20_001 <= period <= 29_999 and 1 <= period % 10 <= 4)
    if not good or said["purpose"] not in ("", *Purpose) or said["kind"] not in ("", *EmploymentKind):
        raise NotFound("There is nothing at this address.")
    if fixed is not None:
        period = period if period // 10 == fixed else fixed
    return Chosen(period, said["purpose"], said["kind"])


def _query(chosen: Chosen) -> dict[str, str | int | None]:
    return {"period": chosen.period or None, "purpose": chosen.purpose or None, "kind": chosen.kind or None}


def _choices(board: Board, chosen: Chosen, fixed: int | None) -> dict[str, list[tuple[str, str]]]:
    """What each field of the form offers."""
    purposes, kinds = board_tables.purposes(_), board_tables.kinds(_)
    periods = [one for one in board.periods if fixed is None or fixed in (one, one // 10)]
    return {
        "period": [(str(one), board_tables.period_text(one, _)) for one in ([] if fixed else [0]) + periods],
        "purpose": [("", _("All of them")), *purposes.items()],
        "kind": [("", _("All of them")), *((one, kinds[one]) for one in kinds if one in {*board.kinds, chosen.kind})],
    }


def _after() -> tuple[UUID, UUID] | None:
    text = request.args.get("after")
    if not text:
        return None
    try:
        unit, member = text.split(".")
        return UUID(unit), UUID(member)
    except ValueError:
        raise NotFound("There is nothing at this address.") from None


def _shows() -> dict[Show, str]:
    return {
        Show.OVERDUE: _("Overdue"),
        Show.BARRED: _("Must leave the post"),
        Show.UNTRAINED: _("Not trained yet"),
        Show.UNLICENSED: _("Without the certificate"),
        Show.ALL: _("All people"),
    }


def levels() -> dict[OrganisationLevel, str]:
    return {
        OrganisationLevel.GROUP: _("Group"),
        OrganisationLevel.ENTERPRISE: _("Enterprise"),
        OrganisationLevel.WORKSHOP: _("Workshop"),
        OrganisationLevel.TEAM: _("Team"),
    }
