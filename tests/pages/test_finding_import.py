"""What many people have shown, from one spreadsheet: all or nothing, line by line; confirmed several at once."""

from __future__ import annotations

import io
from collections.abc import Callable
from uuid import uuid4

import openpyxl
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.findings import importing
from elearn.credit_export.findings.models import Finding, FindingAnswer
from elearn.people import persons
from elearn.people.models import Account, Role
from tests.builders_people import KEYS, an_account, an_institution
from tests.conftest import ManualClock
from tests.credit_export.records.an_office import NOW
from tests.pages.conftest import Browser, text_of
from tests.pages.test_eligibility import Desk
from tests.pages.test_findings import short_of_hours

HEAD = [names[0] for names in importing.HEADERS.values()]
Line = list[object]


def sheet(*lines: Line) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    rows: list[Line] = [[*HEAD], *lines]
    for line in rows:
        page.append(line)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def send(browser: Browser, data: bytes, name: str = "shown.xlsx") -> tuple[int, str]:
    form: dict[str, object] = {"file": (io.BytesIO(data), name)}
    answer = browser.post("/findings/import", form, content_type="multipart/form-data")
    return answer.status_code, text_of(answer)


@pytest.fixture
def desk(browser: Callable[[Account | None], Browser], session: Session, clock: ManualClock) -> Desk:
    clock.now = NOW
    return short_of_hours(browser, session)


@pytest.fixture
def who(desk: Desk) -> Line:
    """Name and number of the learner, as a row begins."""
    person = desk.office.learner.person
    _kind, number = persons.reveal_document(desk.session, person.id, KEYS, receiver="t", reason="t", at=NOW)
    return [person.name, number, ""]


def stated(desk: Desk) -> int:
    return desk.session.scalar(sa.select(sa.func.count()).select_from(Finding)) or 0


def test_rows_are_stated_and_confirmed_by_ticks(desk: Desk, who: Line) -> None:
    education: Line = [*who, "学历", "大专", "毕业证书", "BY-2010-1", "2010/7/1", "", "原件"]
    health: Line = [*who, "健康证明", "", "体检表", "TJ-77", "2026年1月5日", "2027-01-04", ""]
    assert "State many at once" in desk.clerk.page("/findings")
    assert send(desk.clerk, sheet(education, health))[0] == 303
    found = desk.session.scalars(sa.select(Finding).order_by(Finding.kind)).all()
    assert [(one.kind, one.level, str(one.from_on), str(one.to_on)) for one in found] == [
        ("education", "college", "2010-07-01", "None"),
        ("health_certificate", None, "2026-01-05", "2027-01-04"),
    ]
    ticks = [str(one.id) for one in found]
    assert ticks[0] not in desk.clerk.get("/findings").text.replace(f"/findings/{ticks[0]}", ""), "not by its own side"
    assert f'value="{ticks[0]}"' in desk.officer.get("/findings").text
    form: dict[str, object] = {"finding": ticks}
    for by, said in ((desk.clerk, 0), (desk.officer, 2)):
        assert by.post("/findings/confirm", form).status_code == 303
        assert desk.session.scalar(sa.select(sa.func.count()).select_from(FindingAnswer)) == said
    again: dict[str, object] = {"finding": ticks[:1]}
    assert "has changed in the meantime" in desk.officer.page(desk.officer.post("/findings/confirm", again).location)
    assert desk.officer.post("/findings/confirm", {"finding": [str(uuid4())]}).status_code == 303
    assert desk.officer.post("/findings/confirm", {"finding": ["x"]}).status_code == 400
    assert "Tick what you have seen." in desk.officer.page(desk.officer.post("/findings/confirm", {}).location)


WRONG = [
    ("another name", 0, "王五", "Nobody of this name and document"),
    ("a document of nobody", 1, "110105194912310021", "check digit is wrong"),
    ("a kind of document", 2, "工牌", "This kind of document is not known."),
    ("a thing that is none", 3, "身高", "What it says is 学历"),
    ("a diploma of nothing", 4, "", "Please say which education"),
    ("no paper", 5, "", "what paper it is"),
    ("a number too short", 6, "1", "4 to 100 characters"),
    ("no day", 7, "", "The first day is missing."),
    ("a day that is none", 7, "去年", "A date has the form"),
    ("a day to come", 7, "2027-01-01", "has not come yet"),
    ("a last day before the first", 8, "2009-01-01", "The last day is before the first."),
]


def test_every_wrong_row_is_told_by_its_line_and_none_is_half_taken(desk: Desk, who: Line) -> None:
    good: Line = [*who, "学历", "大专", "毕业证书", "BY-2010-1", "2010-07-01", "", ""]
    lines = [[*good[:place], value, *good[place + 1 :]] for _what, place, value, _said in WRONG]
    status, said = send(desk.clerk, sheet(good, *lines, good))
    assert status == 422
    for number, (what, _place, _value, sentence) in enumerate(WRONG, start=3):
        assert f" {number} " in said, what
        assert sentence in said, what
    assert "waits for a second person" in said, "the same twice in one file"
    assert f"Nothing was taken: {len(WRONG) + 1} rows are wrong." in said
    assert stated(desk) == 0


def test_people_of_others_are_not_told_of(desk: Desk, who: Line) -> None:
    row: Line = [*who, "学历", "大专", "毕业证书", "BY-2010-1", "2010-07-01", "", ""]
    elsewhere = an_institution(desk.session, name="洱海培训学校")
    account = an_account(desk.session, Role.INSTITUTION_MANAGER, organisation_id=elsewhere.id)
    desk.session.commit()
    assert "Nobody of this name and document" in send(desk.browser(account), sheet(row))[1]
    assert desk.auditor.get("/findings/import").status_code == 403
    assert stated(desk) == 0


def test_what_is_no_sheet_is_said(desk: Desk) -> None:
    assert "no spreadsheet" in send(desk.clerk, b"PK\3\4 nothing")[1]
    assert "No row was found" in send(desk.clerk, importing.empty_form())[1]
    assert "Choose a file." in send(desk.clerk, b"", "")[1]
    form = desk.clerk.get("/findings/import/form.xlsx")
    assert (form.status_code, form.data[:2]) == (200, b"PK")
    assert "批量提出" in desk.clerk.client.get("/findings/import", headers={"Accept-Language": "zh"}).text
