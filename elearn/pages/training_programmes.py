"""What an enterprise trains its people in, and its standing rules: made, looked at, closed, run."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.rows import Category
from elearn.db import among, db
from elearn.errors import NOT_SEEN, Conflict, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.locale import language
from elearn.pages import forms, frame, training_texts
from elearn.pages.forms import Form
from elearn.pages.people import employment_kinds
from elearn.pages.training import KEEPS, READS
from elearn.people import permissions, tree
from elearn.people.callers import current_person_id, require_caller
from elearn.people.models import EmploymentKind, Organisation
from elearn.people.permissions import ENTERPRISE, ENTERPRISE_STAFF
from elearn.people.registry import local_day
from elearn.training import assigning, law_hours, lawful_rules, programmes, tallies
from elearn.training.models import AssignRule, AssignRun, Cycle, Occasion, Programme, Purpose

BESIDE = {
    "title": "title",
    "courses": "courses",
    "required": "required",
    "nothing": "required",
    "due_days": "due_days",
    "programmes": "programmes",
    "levels": "programmes",
    "levels_reason": "levels_reason",
    "occasion": "occasion",
    "cycle": "cycle",
    "posts": "posts",
}
"""Code of an error -> the field it is about."""
MOST_HOURS = 1_000


def install(bp: Blueprint) -> None:
    both = ["GET", "POST"]
    bp.add_url_rule("/training/programmes", "training_programmes", programme_list)
    bp.add_url_rule("/training/programmes/new", "new_programme", new_programme, methods=both)
    bp.add_url_rule("/training/programmes/<uuid:programme_id>", "training_programme", one_programme)
    bp.add_url_rule(
        "/training/programmes/<uuid:programme_id>/close", "close_programme", close_programme, methods=["POST"]
    )
    bp.add_url_rule("/training/rules", "training_rules", rule_list)
    bp.add_url_rule("/training/rules/new", "new_rule", new_rule, methods=both)
    bp.add_url_rule("/training/rules/<uuid:rule_id>", "training_rule", one_rule)
    bp.add_url_rule("/training/rules/<uuid:rule_id>/run", "run_rule", run_rule, methods=["POST"])
    bp.add_url_rule("/training/rules/<uuid:rule_id>/close", "close_rule", close_rule, methods=["POST"])


@web.allow(ENTERPRISE)
def programme_list() -> ResponseReturnValue:
    """The programmes of this organisation, of what lies above it and below it."""
    node, nodes = frame.own_organisations(*READS)
    session = db.session()
    line = [one.id for one in tree.above(session, node.id)]
    own, today = tree.below(session, [node.id]), local_day(utcnow())
    found = programmes.lines(session, {*line, *own}, today=today)
    ids = [one.programme.id for one in found if one.programme.closed_at is None]
    return render_template(
        "elearn/training_programmes.html",
        node=node,
        nodes=nodes,
        lines=found,
        short=lawful_rules.short_programmes(session, ids, line, own, on=today),
        nothing=lawful_rules.asking_nothing(session, ids),
        own=own,
        most=tallies.MOST_LATE,
        keeps=frame.acts_in(node.id, *KEEPS),
        texts=training_texts,
    )


@web.allow(ENTERPRISE_STAFF)
def new_programme() -> ResponseReturnValue:
    """Choose courses of the catalogue, say how much of them is asked and until when."""
    node, _nodes = frame.own_organisations(*KEEPS)
    form, session = Form.sent(), db.session()
    if _sent():
        purpose = form.word("purpose", Purpose)
        hours, days = _number(form, "required", MOST_HOURS, tenths=True), _number(form, "due_days", 3650)
        form.need("title")
        if purpose is None:
            form.errors["purpose"] = _("Please fill this in.")
        if not form.errors and purpose is not None:
            if not forms.is_first():
                return redirect(url_for("elearn.pages.training_programmes", organisation=node.id), 303)
            asked = programmes.Asked(
                form["title"], purpose, form.ids("courses"), hours * 360_000, days, on_site=form["on_site"] == "1"
            )
            try:
                with session.begin_nested():
                    made = programmes.add(session, node.id, asked, by=current_person_id(), at=utcnow())
            except Malformed as error:
                forms.undo_first()
                form.blame(error, BESIDE, "title")
            else:
                session.commit()
                frame.say(_("The programme is there. Assign it by a rule, or by hand."))
                return redirect(url_for("elearn.pages.training_programme", programme_id=made.id), 303)
    page = render_template(
        "elearn/training_programme_new.html",
        node=node,
        form=form,
        offers=programmes.offers(session, node.id),
        asked_hours=_asked_hours(node),
        chosen=set(form.all("courses")),
        texts=training_texts,
    )
    return page, 422 if form.errors else 200


@web.allow(ENTERPRISE)
def one_programme(programme_id: UUID) -> ResponseReturnValue:
    """A programme of one's own tree, or of what lies above it."""
    session = db.session()
    found, mine = _programme(programme_id, *READS)
    frame.here(url_for("elearn.pages.training_programme", programme_id=programme_id))
    rules = session.scalars(
        sa.select(AssignRule).where(
            sa.literal(found.id) == sa.any_(AssignRule.programme_ids), AssignRule.closed_at.is_(None)
        )
    ).all()
    rules = [one for one in rules if permissions.holds_in(require_caller(), one.organisation_id, *READS)]
    owner, today = session.get_one(Organisation, found.organisation_id), local_day(utcnow())
    nodes = lawful_rules.nodes_with_rules(session, [one.organisation_id for one in rules], [])
    compared = lawful_rules.of_rules(session, nodes, on=today) if rules else {}
    alone = lawful_rules.by_itself(session, owner.id, owner.region, found, on=today) if mine and not rules else []
    return render_template(
        "elearn/training_programme.html",
        programme=found,
        owner=owner,
        compared=[(one, compared.get(one.id, [])) for one in rules],
        alone=alone,
        nothing=found.id in lawful_rules.asking_nothing(session, [found.id]),
        noted=lawful_rules.noted(session, programme_id=found.id) if mine else None,
        courses=programmes.courses_of(session, found),
        line=programmes.lines(session, [found.organisation_id], today=local_day(utcnow()), only=found.id)[0]
        if mine
        else None,
        most=tallies.MOST_LATE,
        rules=rules,
        keeps=permissions.holds_in(require_caller(), found.organisation_id, *KEEPS),
        texts=training_texts,
    )


@web.allow(ENTERPRISE_STAFF)
def close_programme(programme_id: UUID) -> ResponseReturnValue:
    """Nobody is assigned to it any more, and what is not done is withdrawn."""
    session = db.session()
    found = session.get(Programme, programme_id)
    if found is None:
        raise NotFound("There is no such programme.")
    permissions.require_in(found.organisation_id, *KEEPS)
    withdrawn = programmes.close(session, programme_id, at=utcnow())
    session.commit()
    frame.say(_("Closed. %(count)s assignments that were not done are withdrawn.", count=withdrawn))
    return redirect(url_for("elearn.pages.training_programme", programme_id=programme_id), 303)


@web.allow(ENTERPRISE)
def rule_list() -> ResponseReturnValue:
    """The standing rules of this organisation and of what lies above it."""
    node, nodes = frame.own_organisations(*READS)
    session = db.session()
    line = [one.id for one in tree.above(session, node.id)]
    own, today = tree.below(session, [node.id]), local_day(utcnow())
    rows = session.execute(
        sa.select(AssignRule, Organisation.name)
        .join(Organisation, Organisation.id == AssignRule.organisation_id)
        .where(among(AssignRule.organisation_id, {*line, *own}))
        .order_by(AssignRule.closed_at.is_not(None), AssignRule.created_at.desc(), AssignRule.id)
    ).all()
    return render_template(
        "elearn/training_rules.html",
        node=node,
        nodes=nodes,
        rules=[tuple(row) for row in rows],
        short=lawful_rules.short_rules(session, line, own, on=today),
        titles=_titles([one for rule, _name in rows for one in rule.programme_ids]),
        keeps=frame.acts_in(node.id, *KEEPS),
        texts=training_texts,
    )


@web.allow(ENTERPRISE_STAFF)
def new_rule() -> ResponseReturnValue:
    """On which occasion who learns what, in order."""
    node, _nodes = frame.own_organisations(*KEEPS)
    form, session, now = Form.sent(), db.session(), utcnow()
    if _sent():
        occasion, from_on = form.word("occasion", Occasion), form.day("from_on")
        days = _number(form, "due_days", 3650) if form["due_days"].strip() else None
        form.need("title", "from_on")
        if occasion is None:
            form.errors["occasion"] = _("Please fill this in.")
        if not form.errors and occasion is not None and from_on is not None:
            if not forms.is_first():
                return redirect(url_for("elearn.pages.training_rules", organisation=node.id), 303)
            asked = programmes.AskedRule(
                title=form["title"],
                occasion=occasion,
                programme_ids=_in_order(form),
                from_on=from_on,
                categories=form.all("categories"),
                posts=form["posts"].replace("，", ",").replace("\n", ",").split(","),
                kinds=[one for one in EmploymentKind if one.value in form.all("kinds")],
                due_days=days,
                bars_post=form["bars_post"] == "1",
                cycle=form.word("cycle", Cycle) if occasion is Occasion.YEARLY else None,
                levels_reason=form["levels_reason"],
            )
            try:
                with session.begin_nested():
                    made = programmes.add_rule(session, node.id, asked, by=current_person_id(), at=now)
                    assigning.run(session, made.id, by=current_person_id(), at=now)
            except (Malformed, Conflict) as error:
                forms.undo_first()
                form.blame(error, BESIDE, "title")
            else:
                session.commit()
                frame.say(_("The rule holds. Who it is about now is being assigned."))
                return redirect(url_for("elearn.pages.training_rule", rule_id=made.id), 303)
    page = render_template(
        "elearn/training_rule_new.html",
        node=node,
        form=form,
        usable=programmes.usable(session, node.id),
        kinds={name: text for name, text in employment_kinds().items() if name != EmploymentKind.TRAINEE.value},
        categories=_categories(node),
        chosen={name: set(form.all(name)) for name in ("kinds", "categories")},
        today=local_day(now).isoformat(),
        texts=training_texts,
    )
    return page, 422 if form.errors else 200


@web.allow(ENTERPRISE)
def one_rule(rule_id: UUID) -> ResponseReturnValue:
    """A rule, whom it is about, and how far its newest runs have come."""
    session = db.session()
    found, mine = _rule(rule_id, *READS)
    runs = session.scalars(
        sa.select(AssignRun).where(AssignRun.rule_id == rule_id).order_by(AssignRun.created_at.desc()).limit(5)
    ).all()
    frame.here(url_for("elearn.pages.training_rule", rule_id=rule_id))
    owner = session.get_one(Organisation, found.organisation_id)
    return render_template(
        "elearn/training_rule.html",
        rule=found,
        owner=owner,
        titles=_titles(found.programme_ids),
        kinds=employment_kinds(),
        categories=dict(_categories(owner)),
        compared=lawful_rules.of_rule(session, found, owner.region, on=local_day(utcnow())),
        counts=found.occasion in law_hours.OF_OCCASION,
        noted=lawful_rules.noted(session, rule_id=found.id) if mine else None,
        runs=runs,
        keeps=permissions.holds_in(require_caller(), found.organisation_id, *KEEPS),
        texts=training_texts,
    )


@web.allow(ENTERPRISE_STAFF)
def run_rule(rule_id: UUID) -> ResponseReturnValue:
    """Look at everybody in the rule's tree once more; who has it keeps it."""
    session = db.session()
    found, _mine = _rule(rule_id, *KEEPS, own=True)
    if found.closed_at is not None:
        raise Conflict("This rule is closed.", code="closed")
    if forms.is_first():
        assigning.run(session, rule_id, by=current_person_id(), at=utcnow())
        session.commit()
        frame.say(_("It is being looked at. Nobody is assigned the same twice."))
    return redirect(url_for("elearn.pages.training_rule", rule_id=rule_id), 303)


@web.allow(ENTERPRISE_STAFF)
def close_rule(rule_id: UUID) -> ResponseReturnValue:
    """It assigns nothing more."""
    session = db.session()
    _rule(rule_id, *KEEPS, own=True)
    programmes.close_rule(session, rule_id, at=utcnow())
    session.commit()
    frame.say(_("The rule is closed. What it assigned stays."))
    return redirect(url_for("elearn.pages.training_rule", rule_id=rule_id), 303)


def _sent() -> bool:
    return request.method == "POST"


def _programme(programme_id: UUID, *roles: Any) -> tuple[Programme, bool]:
    """A programme, and whether it is of the caller's own tree; else it lies above and is read only."""
    found = db.session.get(Programme, programme_id)
    if found is None:
        raise NotFound("There is no such programme.")
    return found, _seen(found.organisation_id, *roles)


def _rule(rule_id: UUID, *roles: Any, own: bool = False) -> tuple[AssignRule, bool]:
    found = db.session.get(AssignRule, rule_id)
    if found is None:
        raise NotFound("There is no such rule.")
    mine = _seen(found.organisation_id, *roles)
    if own and not mine:
        raise NotFound("There is no such rule.")
    return found, mine


def _seen(owner_id: UUID, *roles: Any) -> bool:
    """Whether the owner is in the caller's reach; False: it lies above. Raises NotFound: neither."""
    caller = require_caller()
    if permissions.holds_in(caller, owner_id, *roles):
        return True
    below = tree.below(db.session(), [owner_id])
    if not below & permissions.granted_in(caller, *roles):
        raise NotFound(NOT_SEEN)
    return False


def _titles(ids: Any) -> dict[UUID, str]:
    rows = db.session.execute(sa.select(Programme.id, Programme.title).where(Programme.id.in_(list(ids))))
    return {row.id: row.title for row in rows}


def _categories(node: Organisation) -> list[tuple[str, str]]:
    """Categories of the requirements that are in force where the organisation is."""
    found = requirements.catalogue(db.session()).on("categories", node.region, local_day(utcnow()))
    rows = [one.row for one in found if isinstance(one.row, Category)]
    return [(row.id, row.name if language() == "zh" else row.name_en or row.name) for row in rows]


def _asked_hours(node: Organisation) -> list[tuple[str, list[law_hours.LawAsks]]]:
    """What the rules in force there ask of staff: category, before the post and each year. Who is asked nothing by a
    row that somebody confirmed is left out."""
    found, on = requirements.catalogue(db.session()), local_day(utcnow())
    asked = [
        [law_hours.asks(found, one.row.id, node.region, on, training) for training in lawful_rules.ASKED_OF]
        for one in found.on("categories", node.region, on)
        if isinstance(one.row, Category)
    ]
    return [(training_texts.category_text(pair[0]), pair) for pair in asked if any(one.hours for one in pair)]


def _in_order(form: Form) -> list[UUID]:
    """The fields programme-1, programme-2 ... without the empty ones."""
    found = [form.id(f"programme-{number}") for number in range(1, programmes.MAX_STEPS + 1)]
    return [one for one in found if one is not None]


def _number(form: Form, name: str, most: int, *, tenths: bool = False) -> int:
    """A whole number, or tenths of one; what is none is noted, and 0 answered."""
    text = form[name].strip().replace("，", ".")
    value = forms.tenths(text, 4) if tenths else forms.whole(text.removesuffix("."), 4)
    if value is None or value > most * (10 if tenths else 1):
        form.errors[name] = _("Please write a number from 0 to %(most)s.", most=most)
        return 0
    return value
