"""An enterprise's yearly training plan: written by its staff, approved by its principal, planned beside done.

The principal may approve what somebody else submitted; every version stays to be read, with why it changed.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import locale, web
from elearn.clock import utcnow
from elearn.credit_export.archive.workbook import Workbook
from elearn.credit_export.paper import typeset
from elearn.credit_export.paper.sheets import Says, day_text, head, moment_text, speaker
from elearn.db import db
from elearn.errors import Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame, training_texts
from elearn.pages.certificates import KEEPS, READS, done_once
from elearn.pages.forms import Form
from elearn.people import permissions
from elearn.people.callers import current_person_id, require_caller
from elearn.people.models import Organisation, Role
from elearn.people.permissions import ENTERPRISE, ENTERPRISE_STAFF, PRINCIPAL
from elearn.people.registry import local_day
from elearn.training import programmes
from elearn.training.figures.board_tables import purposes
from elearn.training.models import Purpose
from elearn.training.plans import surveys
from elearn.training.plans import yearly as plans
from elearn.training.plans.models import PlanState, TrainingPlan, TrainingPlanLine
from elearn.training.plans.yearly import Item, Progress

FIELDS = {"open": "reason", "not_open": "note", "own": "note", "lines": "title", "programme": "programme"}
"""Code of an error -> the field it is about, where they differ."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/training/plans", "training_plans", training_plans)
    bp.add_url_rule("/training/plans", "training_plan_begin", training_plan_begin, methods=["POST"])
    one = "/training/plans/<uuid:plan_id>"
    bp.add_url_rule(one, "training_plan", training_plan)
    bp.add_url_rule(f"{one}/lines", "training_plan_line", training_plan_line, methods=["POST"])
    bp.add_url_rule(f"{one}/remove", "training_plan_remove", training_plan_remove, methods=["POST"])
    bp.add_url_rule(f"{one}/submit", "training_plan_submit", training_plan_submit, methods=["POST"])
    bp.add_url_rule(f"{one}/decide", "training_plan_decide", training_plan_decide, methods=["POST"])
    bp.add_url_rule(f"{one}.<any(xlsx, pdf):form>", "training_plan_file", training_plan_file)


@web.allow(ENTERPRISE)
def training_plans() -> ResponseReturnValue:
    """The plan of a year that holds, or is being written; all its versions."""
    node, nodes = frame.own_organisations(*READS)
    return _year_page(node, nodes, _year(), Form())


@web.allow(ENTERPRISE_STAFF)
def training_plan_begin() -> ResponseReturnValue:
    """Begin a version: the year's first, or a change."""
    node, nodes = frame.own_organisations(*KEEPS)
    form, year = Form.sent(), _year()

    def take() -> str:
        made = plans.begin(db.session(), node.id, year, reason=form["reason"], by=current_person_id(), at=utcnow())
        return _page_of(made)

    back = url_for("elearn.pages.training_plans", organisation=node.id, year=year)
    return done_once(take, form, lambda: _year_page(node, nodes, year, form), back, _("Write its lines now."), FIELDS)


@web.allow(ENTERPRISE)
def training_plan(plan_id: UUID) -> ResponseReturnValue:
    """One version, quarter by quarter: planned, and done."""
    return _plan_page(_visible(plan_id, *READS), Form())


@web.allow(ENTERPRISE_STAFF)
def training_plan_line(plan_id: UUID) -> ResponseReturnValue:
    """Write a line."""
    plan, form = _visible(plan_id, *KEEPS), Form.sent()
    purpose = form.word("purpose", Purpose)
    if purpose is None or form["quarter"] not in ("1", "2", "3", "4"):
        raise Malformed("This page is out of date. Load it again and repeat.")
    item = Item(
        int(form["quarter"]), form["title"], form["audience"], purpose, form.id("programme"), _whole(form, "hours"),
        _whole(form, "people"),
    )  # fmt: skip

    def take() -> str:
        usable = {one.id for one in programmes.usable(db.session(), plan.organisation_id)}
        plans.add_line(db.session(), plan.id, item, usable=usable)
        return _page_of(plan)

    return _acted(plan, form, take, _("The line is in the plan."))


@web.allow(ENTERPRISE_STAFF)
def training_plan_remove(plan_id: UUID) -> ResponseReturnValue:
    """Take a line out."""
    plan, form = _visible(plan_id, *KEEPS), Form.sent()
    line_id = form.id("line")

    def take() -> str:
        if line_id is None:
            raise NotFound("There is no such line.")
        plans.remove_line(db.session(), plan.id, line_id)
        return _page_of(plan)

    return _acted(plan, form, take, _("The line is out of the plan."))


@web.allow(ENTERPRISE_STAFF)
def training_plan_submit(plan_id: UUID) -> ResponseReturnValue:
    """It waits for the principal."""
    plan, form = _visible(plan_id, *KEEPS), Form.sent()

    def take() -> str:
        plans.submit(db.session(), plan.id, by=current_person_id(), at=utcnow())
        return _page_of(plan)

    return _acted(plan, form, take, _("It waits for the principal now."))


@web.allow(PRINCIPAL)
def training_plan_decide(plan_id: UUID) -> ResponseReturnValue:
    """The principal approves it, or returns it."""
    plan, form = _visible(plan_id, Role.PRINCIPAL), Form.sent()
    if form["answer"] not in ("approve", "return"):
        raise Malformed("This page is out of date. Load it again and repeat.")

    def take() -> str:
        plans.decide(
            db.session(), plan.id, approve=form["answer"] == "approve", note=form["note"], by=current_person_id(),
            at=utcnow(),
        )  # fmt: skip
        return _page_of(plan)

    return _acted(plan, form, take, _("Written down."))


@web.allow(ENTERPRISE)
def training_plan_file(plan_id: UUID, form: str) -> ResponseReturnValue:
    """The version with what is done, as a workbook or on paper."""
    plan = _visible(plan_id, *READS)
    session, language, now = db.session(), locale.language(), utcnow()
    rows = plans.lines(session, plan.id)
    done = plans.progress(session, plan.organisation_id, plan.year, rows)
    name = session.get_one(Organisation, plan.organisation_id).name
    _ = speaker(language)
    title = _("Training plan %(year)s", year=plan.year)
    table = [_cells(one, done[one.id], _) for one in rows]
    if form == "xlsx":
        out = io.BytesIO()
        with Workbook(out, title=f"{name} {title}", as_of=now) as book:
            book.add(title, dict(zip(_head(_), (10, 36, 30, 24, 10, 10, 10, 10, 12), strict=True)), table)
        content, kind = out.getvalue(), web.XLSX
    else:
        decided = "—" if plan.decided_at is None else day_text(local_day(plan.decided_at), language)
        data = head(language) | {
            "title": title,
            "issuer": name,
            "footer": f"{name} · {moment_text(now, language)}",
            "facts": [
                [_("Enterprise"), name],
                [_("Version"), str(plan.version)],
                [_("State"), state_text(plan.state, _)],
                [_("Decided on"), decided],
                *([[_("Why it changed"), plan.reason]] if plan.reason else []),
            ],
            "widths": [16, 0, 50, 40, 14, 16, 16, 16, 18],
            "right": [4, 5, 6, 7, 8],
            "head": _head(_),
            "rows": [[str(cell) for cell in row] for row in table],
            "empty": _("No line yet."),
            "total": _("%(count)s trainings", count=len(rows)),
            "note": _(
                "What is done is counted from assignments: people who were done in the quarter, and in the year."
            ),
            "signs": [_("Made by"), _("Principal"), _("Date")],
        }
        content, kind = typeset.pdf("list", data, at=now), "application/pdf"
    response = Response(content, content_type=kind)
    response.headers.set("Content-Disposition", "attachment", filename=f"plan-{plan.year}-v{plan.version}.{form}")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _acted(plan: TrainingPlan, form: Form, take: Callable[[], str], done: str) -> ResponseReturnValue:
    return done_once(take, form, lambda: _plan_page(plan, form), _page_of(plan), done, _fields())


def _fields() -> dict[str, str]:
    same = ("quarter", "title", "audience", "hours", "people", "note", "reason", "year")
    return {**{name: name for name in same}, **FIELDS}


def state_text(state: PlanState, _: Says = _) -> str:
    """In the reader's language, or that of a sheet."""
    return {
        PlanState.DRAFT: _("being written"),
        PlanState.WAITING: _("waits for the principal"),
        PlanState.APPROVED: _("approved"),
        PlanState.RETURNED: _("returned"),
        PlanState.SUPERSEDED: _("replaced by a later version"),
    }[state]


def state_tone(state: PlanState) -> str:
    """The colour of its badge."""
    return {PlanState.APPROVED: "good", PlanState.WAITING: "warn", PlanState.RETURNED: "bad"}.get(state, "")


def _head(_: Says) -> list[str]:
    return [
        _("Quarter"), _("Training"), _("For whom"), _("Purpose"), _("Hours each"), _("People planned"),
        _("Assigned"), _("Done"), _("Done in the year"),
    ]  # fmt: skip


def _cells(line: TrainingPlanLine, done: Progress, _: Says) -> list[str | int]:
    return [
        line.quarter, line.title, line.audience, purposes(_)[line.purpose.value], line.hours, line.people,
        done.assigned, done.done, done.done_in_year,
    ]  # fmt: skip


def _year() -> int:
    """`?year=`; this year when it is none."""
    year = forms.whole(request.values.get("year", ""), 4)
    return year if year is not None and year >= 1000 else local_day(utcnow()).year


def _whole(form: Form, name: str) -> int:
    """A number field; 0, which no line takes, for what is none."""
    return forms.whole(form[name].strip(), 9) or 0


def _page_of(plan: TrainingPlan) -> str:
    return url_for("elearn.pages.training_plan", plan_id=plan.id)


def _visible(plan_id: UUID, *roles: Role) -> TrainingPlan:
    """Raises NotFound: there is none, or it is another organisation's."""
    plan = db.session().get(TrainingPlan, plan_id)
    if plan is None:
        raise NotFound("There is no such plan.")
    permissions.require_in(plan.organisation_id, *roles)
    return plan


def _year_page(node: Organisation, nodes: list[Organisation], year: int, form: Form) -> str:
    session, this = db.session(), local_day(utcnow()).year
    known = plans.versions(session, node.id, year)
    holds = next((one for one in known if one.state is PlanState.APPROVED), None)
    rows = plans.lines(session, holds.id) if holds else []
    return render_template(
        "elearn/training_plans.html",
        node=node,
        nodes=nodes,
        year=year,
        years=range(this + 1, this - 4, -1),
        versions=known,
        holds=holds,
        rows=rows,
        done=plans.progress(session, node.id, year, rows),
        cites=surveys.titles(session, [one.survey_id for one in rows]),
        form=form,
        may_keep=permissions.holds_in(require_caller(), node.id, *KEEPS),
        may_begin=not known or known[0].state not in plans.OPEN,
        state_text=state_text,
        state_tone=state_tone,
        texts=training_texts,
    )


def _plan_page(plan: TrainingPlan, form: Form) -> str:
    session, caller = db.session(), require_caller()
    rows = plans.lines(session, plan.id)
    frame.here(_page_of(plan))
    usable = programmes.usable(session, plan.organisation_id)
    return render_template(
        "elearn/training_plan.html",
        plan=plan,
        node=session.get_one(Organisation, plan.organisation_id),
        rows=rows,
        done=plans.progress(session, plan.organisation_id, plan.year, rows),
        cites=surveys.titles(session, [one.survey_id for one in rows]),
        form=form,
        may_keep=permissions.holds_in(caller, plan.organisation_id, *KEEPS),
        may_decide=permissions.holds_in(caller, plan.organisation_id, Role.PRINCIPAL)
        and plan.submitted_by != caller.person_id,
        programmes=[(one.id, one.title) for one in usable],
        quarters=[(one, _("Quarter %(number)s", number=one)) for one in plans.QUARTERS],
        state_text=state_text,
        state_tone=state_tone,
        texts=training_texts,
    )
