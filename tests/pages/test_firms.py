"""Contractors and agencies over HTTP: noted by the roster, by a code, by hand; listed with who may not work yet."""

from __future__ import annotations

import io
from datetime import timedelta

import openpyxl
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.people.acts import EmploymentAct
from elearn.people.joining.models import JoiningLink
from elearn.people.models import EmploymentKind, Membership, Role
from elearn.people.registry import local_day
from tests import builders_people as people
from tests.builders_training import TODAY, a_works
from tests.pages.conftest import Browser
from tests.pages.test_plans import staff

FIRM = "路桥一公司 & <分包>"
HERE = "/training/firms"


def test_a_firm_is_noted_by_hand_listed_and_taken_out(app: Flask, session: Session) -> None:
    works = a_works(session)
    member = works.hire(kind=EmploymentKind.CONTRACTOR, unit=works.workshop, from_on=TODAY - timedelta(days=3))
    other = people.an_organisation(session, name="金沙矿业")
    clerk_account = staff(session, Role.ENTERPRISE_CLERK, works.enterprise)
    stranger_account = staff(session, Role.ENTERPRISE_CLERK, other)
    reader_account = staff(session, Role.PRINCIPAL, works.enterprise)
    session.commit()
    clerk, stranger = Browser(app, session, clerk_account), Browser(app, session, stranger_account)
    reader = Browser(app, session, reader_account)
    assert "No firm is noted" in clerk.page(HERE)

    page = f"/people/{member.person_id}/employments/{member.id}/firm"
    assert stranger.post(page, {"firm": "x"}).status_code == 404
    assert reader.post(page, {"firm": "x"}).status_code == 403
    refused = clerk.post(page, {"firm": "长" * 101})
    assert (refused.status_code, "at most 100 characters" in refused.text) == (422, True)
    assert session.get_one(Membership, member.id).firm == ""
    assert clerk.post(page, {"firm": f"  {FIRM}\n"}).status_code == 303
    session.expire_all()
    assert session.get_one(Membership, member.id).firm == FIRM
    acts = session.scalars(sa.select(EmploymentAct.act).where(EmploymentAct.membership_id == member.id))
    assert acts.all() == ["firm"]
    assert "Another firm noted" in clerk.page(f"/people/{member.person_id}")

    for holder in (clerk, reader):
        assert FIRM in holder.page(HERE)
        listed = holder.page(f"{HERE}/people?name=路桥一公司 %26 <分包>")
        assert "Nothing assigned" in listed
        assert works.workshop.name in listed
    assert stranger.get(f"{HERE}/people?name=路桥一公司 %26 <分包>").status_code == 404
    assert stranger.get(f"{HERE}/people?organisation={works.enterprise.id}&name=x").status_code == 404
    assert clerk.get(f"{HERE}/people?name=谁").status_code == 404
    assert FIRM in clerk.page("/people")

    book = openpyxl.load_workbook(io.BytesIO(clerk.get(f"{HERE}.xlsx").data))
    firms, sent = (list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets[:2])
    assert (FIRM, 1, 0) in [row[:3] for row in firms]
    assert FIRM in [row[0] for row in sent]

    assert clerk.post(page, {"firm": ""}).status_code == 303
    assert "No firm is noted" in clerk.page(HERE)


def test_a_code_says_which_firm_its_people_are_of(app: Flask, session: Session) -> None:
    works = a_works(session)
    account = staff(session, Role.ENTERPRISE_CLERK, works.enterprise)
    session.commit()
    clerk, today = Browser(app, session, account), local_day(people.AT)
    form = {
        "organisation": str(works.enterprise.id), "unit": str(works.workshop.id), "kind": "contractor",
        "post": "架子工", "firm": FIRM, "from_on": today.isoformat(), "until_on": today.isoformat(), "most_uses": "5",
        "confirms": "clerk",
    }  # fmt: skip
    bad = clerk.post("/people/joining/new", form | {"firm": "长" * 101})
    assert (bad.status_code, "at most 100 characters" in bad.text) == (422, True)
    assert clerk.post("/people/joining/new", form).status_code == 303
    link = session.scalars(sa.select(JoiningLink)).one()
    assert link.firm == FIRM
    assert FIRM in clerk.page(f"/people/joining/{link.id}")
