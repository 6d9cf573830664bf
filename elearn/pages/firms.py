"""Contractors and agencies: whom each firm sent here, and who of them may not work yet."""

from __future__ import annotations

import io

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.credit_export.archive.workbook import Workbook
from elearn.db import db
from elearn.errors import NotFound
from elearn.locale import gettext as _
from elearn.pages import frame
from elearn.pages.forms import Form
from elearn.pages.people import employment_kinds
from elearn.people.permissions import ENTERPRISE
from elearn.people.registry import local_day
from elearn.training import firms
from elearn.training.firms import PAGE, Stands

READS = tuple(ENTERPRISE.roles)
MOST_EXPORTED = 20_000
TONES = {Stands.LEAVE: "bad", Stands.LATE: "bad", Stands.NONE: "warn", Stands.DONE: "good"}


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/training/firms", "firms", firms_list)
    bp.add_url_rule("/training/firms.xlsx", "firms_file", firms_file)
    bp.add_url_rule("/training/firms/people", "firm", firm)


def stands_text(stands: Stands) -> str:
    return {
        Stands.LEAVE: _("Must leave the post"),
        Stands.LATE: _("Overdue"),
        Stands.NONE: _("Nothing assigned"),
        Stands.LEARNING: _("Learning"),
        Stands.DONE: _("All done"),
    }[stands]


@web.allow(ENTERPRISE)
def firms_list() -> ResponseReturnValue:
    """Every firm with people here today, those furthest behind first."""
    node, nodes = frame.own_organisations(*READS)
    return render_template(
        "elearn/firms.html",
        node=node,
        nodes=nodes,
        firms=firms.firms(db.session(), node.id, on=local_day(utcnow())),
        stands=Stands,
        text=stands_text,
        tones=TONES,
    )


@web.allow(ENTERPRISE)
def firm() -> ResponseReturnValue:
    """One firm's people here, whoever must leave the post first."""
    node, _nodes = frame.own_organisations(*READS)
    session, today, page = db.session(), local_day(utcnow()), frame.page_number()
    name = Form.asked()["name"]
    found = firms.firms(session, node.id, on=today, name=name)
    if not found:
        raise NotFound("There is no such firm.")
    return render_template(
        "elearn/firm.html",
        node=node,
        firm=found[0],
        people=firms.sent_by(session, node.id, name, on=today, skip=(page - 1) * PAGE),
        kinds=employment_kinds(),
        stands=Stands,
        text=stands_text,
        tones=TONES,
        page=page,
        pages=-(-found[0].people // PAGE),
        page_url=lambda number: url_for("elearn.pages.firm", organisation=node.id, name=name, page=number),
    )


@web.allow(ENTERPRISE)
def firms_file() -> ResponseReturnValue:
    """Firms, and everybody whom they sent, as a spreadsheet: what a gate asks for."""
    node, _nodes = frame.own_organisations(*READS)
    session, now = db.session(), utcnow()
    today, out, kinds = local_day(now), io.BytesIO(), employment_kinds()
    known = firms.firms(session, node.id, on=today)
    of_firms = {_("Firm"): 30, _("People"): 10, _("Ready (%)"): 12} | {stands_text(one): 16 for one in Stands}
    of_people = {
        _("Firm"): 30, _("Name"): 14, _("Unit"): 22, _("Post"): 16, _("Employment"): 12, _("Since"): 12,
        _("Training"): 20,
    }  # fmt: skip
    everybody = firms.everybody(session, node.id, on=today, most=MOST_EXPORTED)
    with Workbook(out, title=_("Contractors and agencies"), as_of=now) as book:
        book.add(
            _("Firms"),
            of_firms,
            [[one.name, one.people, one.ready, *(one.stand[each] for each in Stands)] for one in known],
        )
        book.add(
            _("People"),
            of_people,
            [
                [one.firm, one.name, one.unit, one.post, kinds[one.kind], one.from_on, stands_text(one.stands)]
                for one in everybody
            ],
        )
    return web.attachment(out.getvalue(), web.XLSX, f"firms-{today}.xlsx")
