"""The training fund over HTTP: who keeps, who reads, what is refused, what the workbook says."""

from __future__ import annotations

import io
from datetime import date

import openpyxl
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.people import organisations
from elearn.people.models import OrganisationKind, OrganisationLevel, Role
from elearn.training.models import Purpose
from elearn.training.plans import funds, yearly
from elearn.training.plans.fund_models import FundLine
from elearn.training.plans.fund_rules import Tag
from tests import builders_people as people
from tests.pages.conftest import Browser
from tests.pages.test_plans import staff

LINE: dict[str, object] = {
    "spent_on": "2026-06-15", "amount": "1,200.50", "what": "班组长专项培训", "kind": "dispatched",
    "tag": "training_fund", "receipt": "0012345", "plan_line": "", "programme": "",
}  # fmt: skip
HERE = "/training/funds"


def test_a_fund_is_drawn_spent_and_put_right_and_read_by_who_may(app: Flask, session: Session) -> None:
    enterprise, other = people.an_organisation(session), people.an_organisation(session, name="金沙矿业")
    clerk_account = staff(session, Role.ENTERPRISE_CLERK, enterprise)
    principal_account = staff(session, Role.PRINCIPAL, enterprise)
    stranger_account, auditor_account = (
        staff(session, Role.SAFETY_MANAGER, other),
        people.an_account(session, Role.AUDITOR),
    )
    theirs = yearly.begin(session, other.id, 2026, reason="", by=clerk_account.person_id, at=people.AT)
    item = yearly.Item(2, "别家的", "别家", Purpose.OTHER, None, 8, 10)
    foreign = yearly.add_line(session, theirs.id, item, usable=())
    session.commit()
    clerk, principal = Browser(app, session, clerk_account), Browser(app, session, principal_account)
    stranger, auditor = Browser(app, session, stranger_account), Browser(app, session, auditor_account)

    assert "The wages are not stated yet" in clerk.page(HERE)
    wages = {"wages": "10000000", "rate": "general"}
    for bad, status in [
        ({"wages": "-5"}, 422), ({"wages": "1e9"}, 422), ({"wages": "0"}, 422), ({"wages": ""}, 422),
        ({"rate": "free"}, 400), ({"year": "2023", "wages": "1.005"}, 422), ({"year": "2028"}, 422),
    ]:  # fmt: skip
        assert clerk.post(f"{HERE}/wages", {**wages, **bad}).status_code == status, bad
    assert funds.stated(session, enterprise.id, 2026) == []
    assert principal.post(f"{HERE}/wages", wages).status_code == 403
    assert auditor.post(f"{HERE}/wages", wages).status_code == 403
    assert clerk.post(f"{HERE}/wages", {"wages": "１０，０００，０００", "rate": "general"}).status_code == 303
    assert "150,000.00" in clerk.page(HERE)
    assert "国发〔2002〕16号" in clerk.page(HERE)
    again = clerk.post(f"{HERE}/wages", {"wages": "20000000", "rate": "demanding"})
    assert (again.status_code, "Please say why the wages change" in again.text) == (422, True)
    assert clerk.post(f"{HERE}/wages", {**wages, "rate": "demanding", "wages_reason": "技术要求高"}).status_code == 303

    for bad, status in [
        ({"amount": "-1200"}, 422), ({"amount": "1e9"}, 422), ({"amount": "0.001"}, 422), ({"amount": "九百"}, 422),
        ({"amount": "100000000000.01"}, 422), ({"spent_on": "2027-01-05"}, 422), ({"spent_on": "2026-07-02"}, 422),
        ({"spent_on": "2025-12-31"}, 422), ({"spent_on": "昨天"}, 422), ({"spent_on": ""}, 422), ({"what": " "}, 422),
        ({"receipt": "x" * 41}, 422), ({"plan_line": str(foreign.id)}, 422), ({"plan_line": "x"}, 400),
        ({"programme": str(foreign.id)}, 422), ({"kind": "boss"}, 400), ({"kind": ""}, 400), ({"tag": "mine"}, 400),
    ]:  # fmt: skip
        assert clerk.post(f"{HERE}/lines", {**LINE, **bad}).status_code == status, bad
    assert funds.count(session, enterprise.id, 2026) == 0
    assert principal.post(f"{HERE}/lines", LINE).status_code == 403
    assert stranger.post(f"{HERE}/lines?organisation={enterprise.id}", LINE).status_code == 404
    assert clerk.post(f"{HERE}/lines", LINE).status_code == 303
    injury = {**LINE, "kind": "all", "tag": "injury_prevention", "amount": "800", "spent_on": "2026-02-01"}
    assert clerk.post(f"{HERE}/lines", injury).status_code == 303
    page = principal.page(HERE)
    assert "Drawn 250,000.00 Spent 1,200.50 and 800.00 from other purses Still left 248,799.50" in page
    assert "Write an expense down" not in page

    wrong = session.scalars(sa.select(FundLine.id).where(FundLine.amount_fen == 120_050)).one()
    assert clerk.post(f"{HERE}/reverse", {"line": str(wrong), "reason": ""}).status_code == 422
    assert clerk.post(f"{HERE}/reverse", {"line": str(foreign.id), "reason": "x"}).status_code == 404
    assert stranger.post(f"{HERE}/reverse", {"line": str(wrong), "reason": "x"}).status_code == 404
    assert clerk.post(f"{HERE}/reverse", {"line": str(wrong), "reason": "重复"}).status_code == 303
    assert clerk.post(f"{HERE}/reverse", {"line": str(wrong), "reason": "重复"}).status_code == 409
    assert "Still left 250,000.00" in clerk.page(HERE)

    assert enterprise.name in auditor.page(HERE)
    read = auditor.page(f"{HERE}?organisation={enterprise.id}")
    assert "Still left 250,000.00" in read
    assert auditor.get(f"{HERE}?organisation=x").status_code == 400
    assert auditor.get(f"{HERE}?organisation={foreign.id}").status_code == 404
    assert stranger.get(f"{HERE}?organisation={enterprise.id}").status_code == 404
    assert stranger.get(f"{HERE}.xlsx?organisation={enterprise.id}").status_code == 404
    book = openpyxl.load_workbook(io.BytesIO(auditor.get(f"{HERE}.xlsx?organisation={enterprise.id}").data))
    assert book.sheetnames == ["Sums", "Wages", "Every line"]
    sums = {row[0]: row[1:] for row in book["Sums"].iter_rows(min_row=2, values_only=True)}
    assert (sums["Drawn"][0], sums["Spent"], sums["Still left"][0]) == (250_000, (0, 800), 250_000)
    assert sums["Quarter 1"] == (0, 800)
    assert sums["Work injury prevention money"] == (0, 800)
    lines = list(book["Every line"].iter_rows(min_row=2, values_only=True))
    assert [(row[1], row[3], row[5], row[8]) for row in lines] == [
        (-1200.5, "Dispatched", "0012345", "重复"),
        (1200.5, "Dispatched", "0012345", None),
        (800, "All kinds together", "0012345", None),
    ]


def test_who_has_a_say_in_a_unit_alone_does_not_see_the_fund(app: Flask, session: Session) -> None:
    enterprise = people.an_organisation(session)
    workshop = organisations.add_organisation(
        session, kind=OrganisationKind.ENTERPRISE, level=OrganisationLevel.WORKSHOP, parent_id=enterprise.id,
        name="一车间", at=people.AT,
    )  # fmt: skip
    clerk_account, unit_account = (staff(session, Role.ENTERPRISE_CLERK, one) for one in (enterprise, workshop))
    expense = funds.Expense(date(2026, 6, 1), 100, "秘密支出", None, Tag.OTHER)
    funds.spend(
        session, enterprise.id, 2026, expense, programmes=(), by=clerk_account.person_id, at=people.AT
    )  # fmt: skip
    session.commit()
    unit, whole = Browser(app, session, unit_account), Browser(app, session, clerk_account)
    page = unit.page(HERE)
    assert "The fund is kept by the enterprise" in page
    assert "秘密支出" not in page
    assert unit.get(f"{HERE}.xlsx").status_code == 404
    assert unit.post(f"{HERE}/lines", LINE).status_code == 404
    assert "秘密支出" in whole.page(f"{HERE}?organisation={workshop.id}"), (
        "the enterprise's, whatever unit is looked at"
    )
