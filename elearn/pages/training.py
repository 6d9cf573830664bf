"""Training of an enterprise: where it stands, who is late or must leave the post, one member's, and a learner's own.

Everything is about who stands in the tree of the organisation that the page is about, and about what was assigned
there: what somebody learns for another employer is on no page but their own.
"""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from elearn import locale, web
from elearn.clock import utcnow
from elearn.credit_export.archive.workbook import Workbook
from elearn.db import db
from elearn.errors import Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame, members, training_texts
from elearn.pages.forms import Form
from elearn.pages.people import employment_kinds
from elearn.people import permissions, persons, tree
from elearn.people.callers import current_person_id
from elearn.people.models import Membership, Organisation, OrganisationTree, Placement
from elearn.people.permissions import ENTERPRISE, ENTERPRISE_STAFF, SIGNED_IN
from elearn.people.registry import local_day
from elearn.tracking.attendance import reading as attendance
from elearn.training import assigning, classrooms, lawful, lawful_rules, level_card, programmes, reading, settling
from elearn.training.models import Assignment, Purpose
from elearn.training.reading import Asked, Line, Show

READS = tuple(ENTERPRISE.roles)
KEEPS = tuple(ENTERPRISE_STAFF.roles)
MOST_URGENT = 10


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/training", "training", start)
    bp.add_url_rule("/training/assignments", "training_assignments", assignments)
    bp.add_url_rule("/training/assignments.xlsx", "training_assignments_file", assignments_file)
    bp.add_url_rule(
        "/training/assignments/<uuid:assignment_id>/withdraw", "training_withdraw", withdraw, methods=["POST"]
    )
    bp.add_url_rule("/training/members/<uuid:membership_id>", "training_member", member)
    bp.add_url_rule("/training/members/<uuid:membership_id>", "training_assign", assign, methods=["POST"])
    bp.add_url_rule("/training/members/<uuid:membership_id>/card.pdf", "training_card", card)
    bp.add_url_rule("/my-training", "my_training", my_training)
    bp.add_url_rule("/my-training/<uuid:membership_id>/card.pdf", "my_training_card", my_card)


@web.allow(ENTERPRISE)
def start() -> ResponseReturnValue:
    """How it stands, and what to do next."""
    node, nodes = frame.own_organisations(*READS)
    session, today = db.session(), local_day(utcnow())
    return render_template(
        "elearn/training.html",
        node=node,
        nodes=nodes,
        keeps=frame.acts_in(node.id, *KEEPS),
        counts=reading.counts(session, node.id, today=today),
        most_urgent=reading.first(session, Asked(node.id, Show.LATE), today=today, most=MOST_URGENT),
        most=reading.MOST_COUNTED,
        kinds=employment_kinds(),
        has_programme=bool(programmes.usable(session, node.id)),
        short=len(lawful_rules.short_rules(session, [one.id for one in tree.above(session, node.id)], [], on=today)),
        texts=training_texts,
        today=today,
    )


@web.allow(ENTERPRISE)
def assignments() -> ResponseReturnValue:
    """The list, by state, unit, kind, purpose and name."""
    node, nodes = frame.own_organisations(*READS)
    asked, form = _asked(node)
    session, today, page = db.session(), local_day(utcnow()), frame.page_number()
    found, total = reading.lines(session, asked, today=today, page=page)

    def page_url(number: int) -> str:
        return url_for("elearn.pages.training_assignments", **_query(form, node), page=number)

    return render_template(
        "elearn/training_assignments.html",
        node=node,
        nodes=nodes,
        lines=found,
        total=total,
        most=reading.MOST_COUNTED,
        form=form,
        show=asked.show,
        shows=Show,
        units=units_of(node.id),
        kinds=employment_kinds(),
        file_url=url_for("elearn.pages.training_assignments_file", **_query(form, node)),
        texts=training_texts,
        today=today,
        page=page,
        pages=-(-total // reading.PAGE),
        page_url=page_url,
    )


@web.allow(ENTERPRISE)
def assignments_file() -> ResponseReturnValue:
    """The same list, whole, as a spreadsheet."""
    node, _nodes = frame.own_organisations(*READS)
    asked, _form = _asked(node)
    now = utcnow()
    today, out = local_day(now), io.BytesIO()
    found = reading.first(db.session(), asked, today=today, most=reading.MOST_EXPORTED)
    columns = {
        _("Name"): 14, _("Unit"): 22, _("Post"): 16, _("Employment"): 12, _("Training"): 30, _("For"): 24,
        _("Assigned"): 12, _("Due"): 12, _("State"): 18, _("Overdue"): 10, _("Must leave the post"): 16,
        _("Minutes asked"): 14, _("Minutes credited"): 16, _("Test"): 12, _("Done"): 18,
    }  # fmt: skip
    with Workbook(out, title=_("Assignments"), as_of=now) as book:
        book.add(_("Assignments"), columns, [_row(one, today) for one in found])
    return web.attachment(out.getvalue(), web.XLSX, f"training-{today}.xlsx")


@web.allow(ENTERPRISE_STAFF)
def withdraw(assignment_id: UUID) -> ResponseReturnValue:
    """Take back one that is not done; a rule does not assign it for this occasion again."""
    session, now = db.session(), utcnow()
    held = session.get(Assignment, assignment_id)
    membership = None if held is None else held.membership_id
    if membership is None:
        raise NotFound("There is no such assignment.")
    _member(membership, *KEEPS)
    taken = settling.withdraw(session, [assignment_id], now=now)
    session.commit()
    if taken:
        frame.say(_("Withdrawn. What was learned stays with the person."))
    else:
        frame.say(_("It is done or withdrawn already."), "info")
    return redirect(url_for("elearn.pages.training_member", membership_id=membership), 303)


@web.allow(ENTERPRISE)
def member(membership_id: UUID) -> ResponseReturnValue:
    """One member's assignments with this employer."""
    return _member_page(membership_id, Form())


def _member_page(membership_id: UUID, form: Form) -> ResponseReturnValue:
    session, now = db.session(), utcnow()
    held, unit = _member(membership_id, *READS)
    facts = persons.person_facts(session, held.person_id, members.keys())
    lines = reading.of_member(session, membership_id, today=local_day(now))
    keeps = frame.acts_in(unit.id, *KEEPS)
    page = render_template(
        "elearn/training_member.html",
        held=held,
        unit=unit,
        facts=facts,
        lines=lines,
        attended=classrooms.attended_ms(session, [one.id for one in lines]),
        keeps=keeps,
        usable=[(one.id, one.title) for one in programmes.usable(session, unit.id)] if keeps else [],
        levels=level_card.card_lines(session, membership_id),
        law=lawful.of_memberships(session, [membership_id], on=local_day(now)).get(membership_id, []),
        form=form,
        texts=training_texts,
        today=local_day(now),
    )
    return page, 422 if form.errors else 200


@web.allow(ENTERPRISE_STAFF)
def assign(membership_id: UUID) -> ResponseReturnValue:
    """Assign a programme to one member by hand."""
    session, form, now = db.session(), Form.sent(), utcnow()
    held, unit = _member(membership_id, *KEEPS)
    programme = form.id("programme")
    usable = {one.id for one in programmes.usable(session, unit.id)}
    due_on = form.day("due_on")
    if programme is None:
        form.errors["programme"] = _("Please fill this in.")
    elif programme not in usable:
        raise NotFound("There is no such programme.")
    if due_on is not None and due_on < local_day(now):
        form.errors["due_on"] = _("This day is over.")
    if held.to_on is not None and held.to_on < local_day(now):
        form.errors["programme"] = _("This membership has ended.")
    if form.errors or programme is None:
        return _member_page(membership_id, form)
    if forms.is_first():
        asked = assigning.ByHand(programme, [membership_id])
        made = assigning.by_hand(session, asked, due_on=due_on, bars_post=form["bars_post"] == "1", now=now)
        session.commit()
        if made:
            frame.say(_("Assigned."))
        else:
            frame.say(_("This training is under way already."), "info")
    return redirect(url_for("elearn.pages.training_member", membership_id=membership_id), 303)


@web.allow(ENTERPRISE)
def card(membership_id: UUID) -> ResponseReturnValue:
    """The card of the three levels of a member."""
    held, unit = _member(membership_id, *READS)
    return _card(held, unit)


@web.allow(SIGNED_IN)
def my_training() -> ResponseReturnValue:
    """What the reader has to learn for their employers."""
    today = local_day(utcnow())
    found = reading.mine(db.session(), current_person_id(), today)
    with_levels = {one.membership_id: one.organisation for one in found if one.purpose.level}
    employers = {one.membership_id: one.organisation for one in found}
    asked = lawful.of_memberships(db.session(), list(employers), on=today, ended=False)
    return render_template(
        "elearn/my_training.html",
        lines=found,
        cards=with_levels,
        attended=classrooms.attended_ms(db.session(), [one.id for one in found]),
        gives=attendance.gives(db.session(), current_person_id()),
        law=[(employers[one], lines) for one, lines in asked.items()],
        texts=training_texts,
        today=today,
    )


@web.allow(SIGNED_IN)
def my_card(membership_id: UUID) -> ResponseReturnValue:
    """The reader's own card."""
    held = db.session.get(Membership, membership_id)
    if held is None or held.person_id != current_person_id():
        raise NotFound("There is no such card.")
    return _card(held, _stands(held))


def _card(held: Membership, unit: Organisation) -> Response:
    session, now = db.session(), utcnow()
    facts = persons.person_facts(session, held.person_id, members.keys())
    placed = _placement(held)
    said = level_card.CardFacts(
        organisation=session.get_one(Organisation, held.organisation_id).name,
        name=facts.name,
        document=facts.document_masked or "",
        unit=unit.name,
        post=placed.post if placed else "",
        from_on=held.from_on,
        law=lawful.of_memberships(session, [held.id], on=local_day(now)).get(held.id, []),
    )
    made = level_card.card(level_card.card_lines(session, held.id), said, locale.language(), at=now)
    return web.attachment(made, "application/pdf", "three-level-card.pdf")


def _member(membership_id: UUID, *roles: Any) -> tuple[Membership, Organisation]:
    """A member who stands in a tree in which the caller holds one of `roles`, and where. Raises NotFound."""
    held = db.session.get(Membership, membership_id)
    if held is None:
        raise NotFound("There is no such member.")
    unit = _stands(held)
    permissions.require_in(unit.id, *roles)
    return held, unit


def _stands(held: Membership) -> Organisation:
    placed = _placement(held)
    return db.session.get_one(Organisation, placed.unit_id if placed else held.organisation_id)


def _placement(held: Membership) -> Placement | None:
    """Where a member stands today, or stood last."""
    today = local_day(utcnow())
    return db.session.scalar(
        sa.select(Placement)
        .where(Placement.membership_id == held.id)
        .order_by((Placement.from_on > max(today, held.from_on)), Placement.from_on.desc())
        .limit(1)
    )


def _asked(node: Organisation) -> tuple[Asked, Form]:
    form = Form.asked()
    unit, programme = _id(form, "unit"), _id(form, "programme")
    if unit is not None and not tree.lies_in(db.session(), unit, [node.id]):
        raise NotFound("There is no such unit.")
    known = employment_kinds()
    return (
        Asked(
            node_id=unit or node.id,
            show=form.word("show", Show) or Show.ALL,
            kind=form["kind"] if form["kind"] in known else None,
            purpose=form.word("purpose", Purpose),
            programme_id=programme,
            name=form["name"],
        ),
        form,
    )


def _id(form: Form, name: str) -> UUID | None:
    try:
        return form.id(name)
    except Malformed:
        return None


def _query(form: Form, node: Organisation) -> dict[str, Any]:
    """What the address of a list carries on."""
    names = ("show", "unit", "kind", "purpose", "programme", "name")
    return {"organisation": node.id} | {name: form[name] for name in names if form[name]}


def units_of(node_id: UUID) -> list[tuple[UUID, str]]:
    """Units to choose from: what lies right below, two levels deep; a group's thousands are found by name."""
    rows = db.session.execute(
        sa.select(Organisation.id, Organisation.name, OrganisationTree.depth)
        .join(OrganisationTree, OrganisationTree.below_id == Organisation.id)
        .where(OrganisationTree.above_id == node_id, OrganisationTree.depth.between(1, 2))
        .where(Organisation.closed_at.is_(None))
        .order_by(OrganisationTree.depth, Organisation.name, Organisation.id)
        .limit(200)
    )
    return [(row.id, ("　" * (row.depth - 1)) + row.name) for row in rows]


def _row(one: Line, today: Any) -> list[Any]:
    yes, no = _("yes"), _("no")
    return [
        one.name, one.unit, one.post, employment_kinds().get(one.kind, one.kind), one.programme,
        training_texts.purpose_text(one.purpose), one.assigned_on, one.due_on, training_texts.state_text(one),
        yes if one.late(today) else no, yes if one.must_leave(today) else no, one.required_ms // 60_000,
        one.credited_ms // 60_000, training_texts.test_text(one.tested, one.tests_passed), one.done_at,
    ]  # fmt: skip
