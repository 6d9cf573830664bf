"""The rules in force on any day and in any region, and what changed between two days; each with its source."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses.requirements import service
from elearn.courses.requirements.choosing import Catalogue, Loaded, between
from elearn.courses.requirements.rows import SECTIONS, Category, Exemption, OutlineRow, Prerequisite, Region, is_place
from elearn.db import db
from elearn.locale import gettext as _
from elearn.pages import rule_texts
from elearn.pages.forms import Form
from elearn.people.permissions import SIGNED_IN
from elearn.people.registry import local_day

SHOWN = tuple(name for name in SECTIONS if name not in ("sources", "regions"))


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/rules", "rules_in_force", rules_in_force)


@web.allow(SIGNED_IN)
def rules_in_force() -> ResponseReturnValue:
    """`?on=`, `?region=`, `?search=`; with `?than=`, what is not the same on `on` as on that day before."""
    form = Form.asked()
    on, than = form.day("on") or local_day(utcnow()), form.day("than")
    region = form["region"].strip() or None
    if region is not None and not is_place(region):
        form.errors["region"] = _("A region is six digits (GB/T 2260), or CN.")
        region = None
    held = service.catalogue(db.session())
    words = form["search"].strip().casefold()
    if form.errors:
        than = None
    page = render_template(
        "elearn/rules.html",
        form=form,
        on=on,
        than=than,
        region=region,
        regions=regions(held, on),
        loaded=bool(held.rows),
        sections=[] if than else sections(held, region, on, words),
        turns=[
            one
            for one in (between(held, region, than, on) if than else ())
            if one.section in SHOWN and any(_speaks_of(each, words) for each in (one.before, one.after) if each)
        ],
        sources=held.sources(),
        search=form["search"].strip(),
        texts=rule_texts,
    )
    return page, 422 if form.errors else 200


def regions(held: Catalogue, on: date) -> list[tuple[str, str]]:
    """Codes and names of the regions that are known."""
    rows = [one.row for one in held.on("regions", None, on) if isinstance(one.row, Region)]
    return [(row.id, rule_texts.name_of(row)) for row in rows]


def sections(held: Catalogue, region: str | None, on: date, words: str) -> list[tuple[str, str, Sequence[Loaded]]]:
    """(section, heading, rows) of what is in force; categories and outlines by whom they are about."""
    found: list[tuple[str, str, Sequence[Loaded]]] = []
    groups = {one.row.id: one.row.group for one in held.on("categories", region, on) if isinstance(one.row, Category)}
    for section in SHOWN:
        rows = [one for one in held.on(section, region, on) if _speaks_of(one, words)]
        if section != "categories":
            found.append((section, rule_texts.section_text(section), rows))
            continue
        order = list(dict.fromkeys(groups[one.row.id] for one in held.rows if one.row.id in groups))
        rows.sort(key=lambda one: (order.index(groups[one.row.id]), one.number))
        for group, several in groupby(rows, key=lambda one: groups[one.row.id]):
            found.append((section, rule_texts.group_text(group), list(several)))
    return [one for one in found if one[2]]


def _speaks_of(one: Loaded, words: str) -> bool:
    """Whether a row is about what was searched for; rules that are about everybody are shown with nothing searched."""
    match one.row:
        case Category():
            texts: tuple[str, ...] = (one.row.id, one.row.code, one.row.name, one.row.name_en, one.row.work)
        case OutlineRow():
            texts = (one.row.category, one.row.name)
        case Prerequisite() | Exemption():
            texts = (*one.row.categories, *one.row.groups)
        case _:
            texts = ()
    return not words or any(words in text.casefold() for text in texts)
