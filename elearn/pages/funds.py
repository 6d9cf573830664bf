"""An enterprise's training fund of a year: wages and rate, what was spent on whom, what is left. Nothing is paid here.

Clerk and safety manager keep it, the principal reads it, an auditor reads every enterprise's. It is the employer's: who
only has a say in one of its units is told so, and sees nothing of it.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.credit_export.archive.workbook import Cell, Workbook
from elearn.db import db
from elearn.errors import Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame, fund_texts, switcher, training_texts
from elearn.pages.certificates import KEEPS, READS, done_once
from elearn.pages.forms import Form
from elearn.people import permissions, tree
from elearn.people.callers import current_person_id, require_caller
from elearn.people.models import EmploymentKind, Organisation, Role
from elearn.people.permissions import AUDITOR, ENTERPRISE, ENTERPRISE_STAFF
from elearn.people.registry import local_day
from elearn.training import programmes
from elearn.training.plans import fund_rules, funds
from elearn.training.plans.fund_rules import Balance, Rate, Spent, Tag
from elearn.training.plans.funds import Expense

FIELDS = {
    name: name
    for name in ("amount", "spent_on", "what", "receipt", "plan_line", "programme", "wages", "wages_reason", "year")
}


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/training/funds", "training_funds", training_funds)
    bp.add_url_rule("/training/funds.xlsx", "training_funds_file", training_funds_file)
    bp.add_url_rule("/training/funds/wages", "training_funds_wages", training_funds_wages, methods=["POST"])
    bp.add_url_rule("/training/funds/lines", "training_funds_spend", training_funds_spend, methods=["POST"])
    bp.add_url_rule("/training/funds/reverse", "training_funds_reverse", training_funds_reverse, methods=["POST"])


@web.allow(ENTERPRISE, AUDITOR)
def training_funds() -> ResponseReturnValue:
    """The fund of a year; for an auditor who names no enterprise, those that keep one."""
    found = _asked_for()
    if found is None:
        page = frame.page_number()
        kept, more = funds.keeping(db.session(), page=page)
        return render_template("elearn/funds_list.html", kept=kept, page=page, more=more)
    node, nodes, employer = found
    if employer is None:
        whose = tree.employer_of(db.session(), node.id)
        return render_template(
            "elearn/funds_elsewhere.html", node=node, nodes=nodes, employer=whose, texts=training_texts
        )
    return _page(employer, nodes, _year(), Form())


@web.allow(ENTERPRISE_STAFF)
def training_funds_wages() -> ResponseReturnValue:
    """State the wages of the year, or state them anew."""
    employer, nodes, year, form = _kept()
    rate = form.word("rate", Rate)
    if rate is None:
        raise Malformed("This page is out of date. Load it again and repeat.")

    def take() -> str:
        session = db.session()
        try:
            wages_fen = fund_rules.read_money(form["wages"])
        except Malformed as error:
            raise Malformed(error.detail, code="wages") from None
        try:
            funds.state_wages(
                session, employer.id, year, wages_fen, rate, reason=form["wages_reason"], by=current_person_id(),
                at=utcnow(),
            )  # fmt: skip
        except Malformed as error:
            raise Malformed(error.detail, code="wages_reason" if error.error_code == "reason" else "wages") from None
        return _address(employer, year)

    return _acted(employer, nodes, year, form, take, _("The wages are written down."))


@web.allow(ENTERPRISE_STAFF)
def training_funds_spend() -> ResponseReturnValue:
    """Write an expense down."""
    employer, nodes, year, form = _kept()
    tag, kind = form.word("tag", Tag), form.word("kind", EmploymentKind)
    if tag is None or (kind is None and form["kind"] != fund_texts.TOGETHER):
        raise Malformed("This page is out of date. Load it again and repeat.")
    plan_line, programme, spent_on = form.id("plan_line"), form.id("programme"), form.day("spent_on")

    def take() -> str:
        session = db.session()
        usable = {one.id for one in programmes.usable(session, employer.id)}
        expense = Expense(
            spent_on, fund_rules.read_money(form["amount"]), form["what"], kind, tag, form["receipt"], plan_line,
            programme,
        )  # fmt: skip
        funds.spend(session, employer.id, year, expense, programmes=usable, by=current_person_id(), at=utcnow())
        return _address(employer, year)

    return _acted(employer, nodes, year, form, take, _("The expense is written down."))


@web.allow(ENTERPRISE_STAFF)
def training_funds_reverse() -> ResponseReturnValue:
    """Take a wrong line back by its opposite."""
    employer, nodes, year, form = _kept()
    line_id = form.id("line")

    def take() -> str:
        if line_id is None:
            raise NotFound("There is no such line.")
        funds.reverse(db.session(), employer.id, line_id, reason=form["reason"], by=current_person_id(), at=utcnow())
        return _address(employer, year)

    return _acted(employer, nodes, year, form, take, _("The line is reversed."))


@web.allow(ENTERPRISE, AUDITOR)
def training_funds_file() -> ResponseReturnValue:
    """The whole year as a workbook: sums, and every line."""
    found = _asked_for()
    if found is None or found[2] is None:
        raise NotFound("There is no such organisation.")
    employer, year, now, session = found[2], _year(), utcnow(), db.session()
    balance, stated = funds.balance(session, employer.id, year), funds.stated(session, employer.id, year)
    out = io.BytesIO()
    with Workbook(out, title=f"{employer.name} {_('Training fund')} {year}", as_of=now) as book:
        money = (_("From the fund (yuan)"), _("Other purses (yuan)"))
        book.add(_("Sums"), {_("What"): 44, money[0]: 20, money[1]: 20}, _sums(balance))
        book.add(
            _("Wages"),
            {
                _("Number"): 10, _("Wages (yuan)"): 20, _("Rate of drawing"): 44, _("By which clause"): 60,
                _("Drawn (yuan)"): 20, _("Why it changed"): 30, _("Written by"): 14, _("Written at"): 18,
            },
            (
                [
                    one.number, _yuan(one.wages_fen), fund_texts.rate_text(one.rate), fund_texts.clause_text(one.rate),
                    _yuan(one.drawn_fen), one.reason, by, one.entered_at,
                ]
                for one, by in stated
            ),
        )  # fmt: skip
        book.add(
            _("Every line"),
            {
                _("Day"): 12, _("Amount (yuan)"): 16, _("What for"): 36, _("For whom"): 20, _("Whose money"): 24,
                _("Receipt"): 18, _("Line of the training plan"): 30, _("Programme"): 30, _("Reversed because"): 30,
                _("Written by"): 14, _("Written at"): 18,
            },
            (
                [
                    one.row.spent_on, _yuan(one.row.amount_fen), one.row.what, fund_texts.kind_text(one.row.kind),
                    fund_texts.tag_text(one.row.tag), one.row.receipt, one.plan_line, one.programme, one.row.reason,
                    one.by, one.row.entered_at,
                ]
                for one in funds.lines(session, employer.id, year, size=None)
            ),
        )  # fmt: skip
    response = Response(out.getvalue(), content_type=web.XLSX)
    response.headers.set("Content-Disposition", "attachment", filename=f"training-fund-{year}.xlsx")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _yuan(fen: int) -> float:
    """For a cell of a spreadsheet, which knows no whole fen: exact to the fen as far as amounts go here."""
    return fen / 100


def _sums(balance: Balance) -> list[list[Cell]]:
    """Drawn, spent, left; spent by quarter, by employment, by purse."""
    made: list[list[Cell]] = [[_("Drawn"), None if balance.drawn is None else _yuan(balance.drawn)]]
    parts = [
        (_("Spent"), balance.spent),
        *((_("Quarter %(number)s", number=one), spent) for one, spent in balance.quarters.items()),
        *((fund_texts.kind_text(one), spent) for one, spent in _by_kind(balance.kinds)),
        *((fund_texts.tag_text(one), Spent(0, fen)) for one, fen in balance.tags.items() if one != Tag.TRAINING_FUND),
    ]
    for name, spent in parts:
        made.append([name, _yuan(spent.fund), _yuan(spent.other)])
    made.append([_("Still left"), None if balance.left is None else _yuan(balance.left)])
    return made


def _by_kind(kinds: dict[str | None, Spent]) -> list[tuple[str | None, Spent]]:
    """In the order of the form."""
    order = [None, *(one.value for one in EmploymentKind)]
    return sorted(kinds.items(), key=lambda one: order.index(one[0]))


def _asked_for() -> tuple[Organisation, list[Organisation], Organisation | None] | None:
    """Node, the nodes to choose from, and the employer whose fund the reader may see; None: an auditor named nobody.

    Raises NotFound.
    """
    caller = require_caller()
    if Role.AUDITOR in caller.roles and not caller.roles & ENTERPRISE.roles:
        if not request.args.get("organisation"):
            return None
        wanted = Form.asked().id("organisation")
        node = db.session().get(Organisation, wanted) if wanted else None
        employer = tree.employer_of(db.session(), node.id) if node else None
        if node is None or employer is None:
            raise NotFound("There is no such organisation.")
        return node, [employer], employer
    node, nodes = frame.own_organisations(*READS)
    employer = tree.employer_of(db.session(), node.id)
    may = employer is not None and permissions.holds_in(caller, employer.id, *READS)
    return node, nodes, employer if may else None


def _kept() -> tuple[Organisation, list[Organisation], int, Form]:
    """The employer whose fund the caller keeps. Raises NotFound: it is the employer's, and they have no say there."""
    node, nodes = frame.own_organisations(*KEEPS)
    employer = tree.employer_of(db.session(), node.id)
    if employer is None:
        raise NotFound("There is no such organisation.")
    permissions.require_in(employer.id, *KEEPS)
    return employer, nodes, _year(), Form.sent()


def _acted(
    employer: Organisation, nodes: list[Organisation], year: int, form: Form, take: Callable[[], str], done: str
) -> ResponseReturnValue:
    """What is wrong stands on the page again, before anything is written."""
    if form.errors:
        frame.here(_address(employer, year))
        return _page(employer, nodes, year, form), 422
    again = {**FIELDS, "reason": "reason", "reversed": "reason", "reversal": "reason"}
    return done_once(take, form, lambda: _page(employer, nodes, year, form), _address(employer, year), done, again)


def _year() -> int:
    """`?year=`; this year when it is none."""
    year = forms.whole(request.values.get("year", ""), 4)
    return year if year is not None and 2000 <= year <= 2100 else local_day(utcnow()).year


def _address(employer: Organisation, year: int) -> str:
    return url_for("elearn.pages.training_funds", organisation=employer.id, year=year)


def _page(employer: Organisation, nodes: list[Organisation], year: int, form: Form) -> str:
    session, this, page = db.session(), local_day(utcnow()).year, frame.page_number()
    switcher.on_page(employer.id)
    total = funds.count(session, employer.id, year)
    keeps = permissions.holds_in(require_caller(), employer.id, *KEEPS)
    balance = funds.balance(session, employer.id, year)
    return render_template(
        "elearn/funds.html",
        node=employer,
        nodes=nodes,
        year=year,
        years=range(this + 1, this - 4, -1),
        today=local_day(utcnow()),
        balance=balance,
        kinds=_by_kind(balance.kinds),
        stated=funds.stated(session, employer.id, year),
        lines=funds.lines(session, employer.id, year, page=page),
        total=total,
        page=page,
        pages=-(-total // funds.PAGE),
        page_url=lambda number: url_for(
            "elearn.pages.training_funds", organisation=employer.id, year=year, page=number
        ),
        plan_lines=funds.plan_lines(session, employer.id, year) if keeps else [],
        programmes=[(one.id, one.title) for one in programmes.usable(session, employer.id)] if keeps else [],
        form=form,
        may_keep=keeps,
        own=keeps or permissions.holds_in(require_caller(), employer.id, *READS),
        yuan=fund_rules.yuan,
        texts=training_texts,
        words=fund_texts,
    )
