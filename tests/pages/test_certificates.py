"""The register of certificates, a worker's own, the block list and the public notice, over HTTP."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

import openpyxl
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.courses.requirements import service
from elearn.credit_export.paper.sheets import speaker
from elearn.people import organisations, persons, placements
from elearn.people.models import (
    Account,
    EmploymentKind,
    Organisation,
    OrganisationKind,
    OrganisationLevel,
    Role,
)
from elearn.training.archives import enterprise, inspecting, papers
from elearn.training.certificates import jobs, notices, qualified, reading, warnings
from elearn.training.certificates.models import WorkerCertificate, WorkerCertificateCheck
from elearn.training.certificates.rules import CheckState, EndsBy, Standing
from elearn.training.figures import keeping
from elearn.training.telling import messages
from elearn.training.telling.messages import Kind
from elearn.training.telling.sending import Channel, Outgoing
from tests import builders_people as people
from tests.conftest import ManualClock
from tests.pages.conftest import Browser, text_of

TODAY = date(2026, 7, 1)
NOW = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)


@dataclass
class Works:
    """An enterprise with a workshop of two people at a post of electricians, and another enterprise."""

    enterprise: Organisation
    workshop: Organisation
    other: Organisation
    clerk: Account
    workshop_clerk: Account
    principal: Account
    other_clerk: Account
    worker: Account
    number: str
    """The worker's resident identity number."""
    second: Account


@pytest.fixture
def works(session: Session) -> Works:
    service.load_shipped(session, by="test", at=people.AT, today=TODAY)
    enterprise, other = people.an_organisation(session), people.an_organisation(session, name="金沙矿业")
    workshop = organisations.add_organisation(
        session, kind=OrganisationKind.ENTERPRISE, level=OrganisationLevel.WORKSHOP, parent_id=enterprise.id,
        name="电修车间", at=people.AT,
    )  # fmt: skip
    number = people.a_resident_id()
    person = people.a_person(session, name="张电工", document_number=number)
    worker = people.an_account(session, person=person, phone=people.a_phone())
    second = people.an_account(session, person=people.a_person(session, name="王二"))
    for account in (worker, second):
        membership = organisations.join(
            session, account.person_id, enterprise.id, EmploymentKind.EMPLOYEE, date(2026, 1, 1), at=people.AT
        )
        placements.move(
            session, membership.id, unit_id=workshop.id, post="低压电工", category="so_lv_electric",
            from_on=date(2026, 2, 1), at=people.AT,
        )  # fmt: skip

    def staff(role: Role, node: Organisation) -> Account:
        return people.an_account(session, role, organisation_id=node.id)

    found = Works(
        enterprise, workshop, other, staff(Role.ENTERPRISE_CLERK, enterprise), staff(Role.ENTERPRISE_CLERK, workshop),
        staff(Role.PRINCIPAL, enterprise), staff(Role.ENTERPRISE_CLERK, other), worker, number, second,
    )  # fmt: skip
    session.commit()
    return found


def a_paper(works: Works, **changes: str) -> dict[str, object]:
    return {
        "name": "张电工", "document_number": works.number, "kind": "operation", "category": "so_lv_electric",
        "number": f"T{works.number}", "issuer": "云南省应急管理厅", "from_on": "2024-03-01", **changes,
    }  # fmt: skip


def test_a_certificate_is_entered_looked_up_and_ended(app: Flask, session: Session, works: Works) -> None:
    clerk, principal = Browser(app, session, works.clerk), Browser(app, session, works.principal)
    page = clerk.page("/training/certificates")
    assert "2 people must leave their post: they lack the certificate it asks for" in page
    assert "0 %" in page
    answer = clerk.post("/training/certificates/new", a_paper(works))
    assert answer.status_code == 303, answer.text
    [row] = session.scalars(sa.select(WorkerCertificate))
    here = f"/training/certificates/{row.id}"
    assert answer.headers["Location"] == here
    assert (row.holds_to, row.ends_by) == (date(2030, 2, 28), EndsBy.RULE), "no review after 2026-06-01"
    assert works.number.encode() not in row.number_sealed
    assert clerk.post("/training/certificates/new", a_paper(works)).status_code == 409

    page = principal.page(here)
    assert works.number not in page
    assert f"T****************{works.number[-2:]}" in page
    assert "cx.mem.gov.cn" in page
    assert "It agrees" not in page, "a principal reads"
    assert principal.post(f"{here}/check", {"answer": "agrees"}).status_code == 403
    assert clerk.post(f"{here}/check", {"answer": "differs", "note": ""}).status_code == 422
    assert clerk.post(f"{here}/check", {"answer": "perhaps"}).status_code == 400
    assert "1 people must leave" in clerk.page("/training/certificates")
    assert clerk.post(f"{here}/check", {"answer": "differs", "note": "查无此证"}).status_code == 303
    assert "2 people must leave" in clerk.page("/training/certificates"), "what differs does not hold"
    assert "查无此证" in principal.page(here)
    assert "Please check your certificate: 低压电工" in Browser(app, session, works.worker).page("/messages")
    assert clerk.post(f"{here}/check", {"answer": "agrees"}).status_code == 303
    assert row.check_state is CheckState.AGREES
    assert len(session.scalars(sa.select(WorkerCertificateCheck)).all()) == 2
    assert clerk.post(f"{here}/review", {"reviewed_on": ""}).status_code == 422
    assert clerk.post(f"{here}/review", {"reviewed_on": "2030-01-01"}).status_code == 422
    assert clerk.post(f"{here}/review", {"reviewed_on": "2026-06-01"}).status_code == 303

    own = Browser(app, session, works.worker).page("/certificates")
    assert "低压电工" in own
    assert works.number not in own
    assert clerk.post(f"{here}/end", {"why": " "}).status_code == 422
    assert clerk.post(f"{here}/end", {"why": "单位登记有误", "ended_on": "2026-07-02"}).status_code == 422
    assert clerk.post(f"{here}/end", {"why": "单位登记有误"}).status_code == 303
    assert clerk.post(f"{here}/end", {"why": "再一次"}).status_code == 409
    assert "2 people must leave" in clerk.page("/training/certificates")
    assert "单位登记有误" in Browser(app, session, works.worker).page("/certificates")
    persons.erase_person(session, works.worker.person_id, at=NOW)
    session.commit()
    page = clerk.page(here)
    assert "张电工" not in page, "erased, it is nobody's"
    assert f"*{works.number[-2:]}" not in page


def test_nobody_sees_what_another_employer_keeps(app: Flask, session: Session, works: Works) -> None:
    clerk, other = Browser(app, session, works.clerk), Browser(app, session, works.other_clerk)
    workshop = Browser(app, session, works.workshop_clerk)
    assert workshop.post("/training/certificates/new", a_paper(works)).status_code == 303
    [row] = session.scalars(sa.select(WorkerCertificate))
    assert row.organisation_id == works.enterprise.id, "the register is the employer's"
    here = f"/training/certificates/{row.id}"
    assert clerk.get(here).status_code == workshop.get(here).status_code == 200
    assert other.get(here).status_code == 404
    for act in ("check", "review", "end"):
        form: dict[str, object] = {"answer": "agrees", "reviewed_on": "2026-06-02", "why": "x"}
        assert other.post(f"{here}/{act}", form).status_code == 404
    assert other.get(f"/training/certificates?organisation={works.enterprise.id}").status_code == 404
    organisations.join(
        session, works.worker.person_id, works.other.id, EmploymentKind.FLEXIBLE, date(2026, 1, 1), at=people.AT
    )
    session.commit()
    assert "低压电工" not in other.page("/training/certificates"), "the worker's other employer has its own register"
    assert other.get(here).status_code == 404
    assert Browser(app, session, works.worker).get(here).status_code == 403


BAD_FORMS: list[tuple[dict[str, str], int, str]] = [
    ({"from_on": ""}, 422, "Please fill this in."),
    ({"from_on": "gestern"}, 422, "A date has the form 2026-07-01."),
    ({"to_on": "2023-01-01"}, 422, "The last day is before the first."),
    ({"number": "T1"}, 422, "The number of a certificate has 4 to 100 characters."),
    ({"category": ""}, 422, "Choose what the certificate is for."),
    ({"category": "so_unknown"}, 400, "This page is out of date."),
    ({"kind": "licence"}, 400, "This page is out of date."),
    ({"name": "李四"}, 422, "Nobody of this name and document works here."),
    ({"document_number": "11010519491231002X"}, 422, "Nobody of this name and document works here."),
    ({"document_number": "110105194912310021"}, 422, "its check digit is wrong"),
    ({"reviewed_on": "2024-01-01"}, 422, "A review lies after the first day, and not after today."),
    ({"issuer": "x" * 101}, 422, "Please say who issued it"),
]


def test_a_bad_form_is_told_beside_its_field_and_nothing_is_entered(app: Flask, session: Session, works: Works) -> None:
    clerk = Browser(app, session, works.clerk)
    for changes, status, sentence in BAD_FORMS:
        answer = clerk.post("/training/certificates/new", a_paper(works, **changes))
        assert answer.status_code == status, changes
        assert sentence in answer.text, changes
    assert session.scalars(sa.select(WorkerCertificate)).all() == []


def a_sheet(*rows: tuple[object, ...]) -> io.BytesIO:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["特种作业人员证件台账"])
    sheet.append(
        ["姓名", "身份证号", "证书名称", "作业项目", "证书编号", "发证机关", "初领日期", "有效期至", "复审日期"]
    )
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return io.BytesIO(out.getvalue())


def test_a_spreadsheet_is_taken_whole_or_not_at_all_and_twice_like_once(
    app: Flask, session: Session, works: Works
) -> None:
    clerk = Browser(app, session, works.clerk)
    good = (
        "张电工", works.number, "特种作业操作证", "低压电工作业", f"T{works.number}", "云南省应急管理厅",
        "2024年3月1日", None, None,
    )  # fmt: skip
    wrong = {
        ("", *good[1:]): "The name is missing.",
        (good[0], "123", *good[2:]): "The document number cannot be right.",
        (*good[:2], "驾驶证", *good[3:]): "No kind of certificate of this name is known.",
        (*good[:3], "开飞机", *good[4:]): "No kind of work or category of this name is known.",
        (*good[:6], "明天", None, None): "A date cannot be read.",
        (*good[:6], None, None, None): "The first day is missing.",
        (*good[:4], "T", *good[5:]): "Its number or issuer is missing",
        ("李四", *good[1:]): "Nobody of this name and document works here.",
    }
    bad = clerk.post("/training/certificates/import", {"file": (a_sheet(good, *wrong), "a.xlsx")})
    assert bad.status_code == 422
    for sentence in wrong.values():
        assert sentence in bad.text
    assert session.scalars(sa.select(WorkerCertificate)).all() == []
    assert clerk.post("/training/certificates/import", {"file": (io.BytesIO(b"no"), "a.xlsx")}).status_code == 422
    assert clerk.post("/training/certificates/import", {}).status_code == 422
    for expected in ("1 certificates are new, 0 were known.", "0 certificates are new, 1 were known."):
        taken = clerk.post("/training/certificates/import", {"file": (a_sheet(good), "a.xlsx")})
        assert taken.status_code == 303
        assert expected in clerk.page("/training/certificates")
    [row] = session.scalars(sa.select(WorkerCertificate))
    assert row.category == "so_lv_electric"
    total = (None, "1", None, 1, None, None, None, None, None, "合计：")
    clerk.post("/training/certificates/import", {"file": (a_sheet(good, total), "a.xlsx")})
    assert "Left out as a row of totals: row 4." in clerk.page("/training/certificates"), "in a column nobody reads"
    assert clerk.get("/training/certificates/form.xlsx").status_code == 200


def test_its_end_is_told_three_times_and_to_who_keeps_it_once_a_week(
    app: Flask, session: Session, works: Works
) -> None:
    Browser(app, session, works.clerk).post("/training/certificates/new", a_paper(works, to_on="2026-09-30"))
    told = 0
    for day in (date(2026, 7, 1), date(2026, 7, 2), date(2026, 7, 3), date(2026, 8, 1), date(2026, 8, 31)):
        at = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
        told += jobs.warn(session, at=at, channels=[Channel.SMS])
    mine = [one.kind for one in messages.newest(session, works.worker.person_id)[0]]
    assert mine == [Kind.CERTIFICATE_EXPIRING] * 3, "at 90, 60 and 30 days; at 91 nothing"
    assert told == 6
    rung = session.execute(sa.select(Outgoing.person_id, Outgoing.kind)).all()
    assert rung == [(works.worker.person_id, Kind.CERTIFICATE_EXPIRING)] * 3, "the worker's own phone alone"
    weeks = [one.facts["count"] for one in messages.newest(session, works.clerk.person_id)[0]]
    assert weeks == [1, 1, 1]
    assert [one.kind for one in messages.newest(session, works.workshop_clerk.person_id)[0]] == []
    assert "Your certificate runs out" in Browser(app, session, works.worker).page("/messages")


def test_rules_that_are_loaded_later_are_followed_the_next_night(session: Session, works: Works) -> None:
    row = WorkerCertificate(
        person_id=works.worker.person_id, organisation_id=works.enterprise.id, kind="operation", category=None,
        title="低压电工作业", number_sealed=b"x", issuer="x", from_on=date(2023, 5, 1), holds_to=None, ends_by=None,
        check_state=CheckState.UNCHECKED, created_by=works.clerk.person_id, created_at=NOW,
    )  # fmt: skip
    session.add(row)
    session.flush()
    assert jobs.settle_all(session) == 1
    assert (row.holds_to, row.ends_by) == (date(2026, 4, 30), EndsBy.REVIEW)
    assert reading.standing_of(row, TODAY) is Standing.REVIEW_MISSED
    assert jobs.settle_all(session) == 0


def test_the_public_notice_shows_no_whole_name_and_no_number(app: Flask, session: Session, works: Works) -> None:
    clerk, anybody = Browser(app, session, works.clerk), Browser(app, session, None)
    clerk.post("/training/certificates/new", a_paper(works))
    assert "closed" in clerk.page("/training/notice")
    assert clerk.post("/training/notice", {"report_phone": ""}).status_code == 422
    assert clerk.post("/training/notice", {"report_phone": "1" * 201}).status_code == 422
    report: dict[str, object] = {"report_phone": "12350", "report_how": "厂门口信箱", "report_reward": "最高 1000 元"}
    assert clerk.post("/training/notice", report).status_code == 303
    notice = notices.open_notice(session, works.enterprise.id)
    assert notice is not None
    answer = anybody.get(f"/notice/{notice.token}")
    assert answer.status_code == 200
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    for said in ("张**", "低压电工", "云南省应急管理厅", "Feb 28, 2030", "12350", "厂门口信箱", "最高 1000 元", "<svg"):
        assert said in answer.text, said
    for hidden in ("张电工", works.number, works.number[-6:]):
        assert hidden not in answer.text
    assert Browser(app, session, works.workshop_clerk).get("/training/notice").status_code == 404
    assert Browser(app, session, works.other_clerk).post(
        f"/training/notice?organisation={works.enterprise.id}", report
    ).status_code == 404  # fmt: skip
    assert Browser(app, session, works.principal).post("/training/notice/close").status_code == 403
    assert clerk.post("/training/notice/close").status_code == 303
    assert clerk.post("/training/notice/close").status_code == 404
    assert anybody.get(f"/notice/{notice.token}").status_code == 404
    clerk.post("/training/notice", report)
    again = notices.open_notice(session, works.enterprise.id)
    assert again is not None
    assert again.token != notice.token
    assert re.fullmatch(r"[\w-]{22}", again.token)


def in_chinese(one: Browser, path: str) -> str:
    """What a page says to a reader of Chinese."""
    one._forget()
    answer = one.client.get(path, headers={"Accept": "text/html", "Accept-Language": "zh"})
    assert answer.status_code == 200, answer.text
    return text_of(answer)


def a_manager(session: Session, works: Works, name: str, category: str, since: date) -> Account:
    account = people.an_account(session, person=people.a_person(session, name=name))
    member = organisations.join(
        session, account.person_id, works.enterprise.id, EmploymentKind.EMPLOYEE, since, at=people.AT
    )
    placements.move(
        session, member.id, unit_id=works.workshop.id, post="安全员", category=category, from_on=since, at=people.AT
    )
    session.commit()
    return account


def test_who_may_not_work_sees_it_on_every_page_that_asks_and_is_told_in_plain_words(
    app: Flask, session: Session, works: Works, clock: ManualClock
) -> None:
    clock.now = NOW
    due = a_manager(session, works, "钱主管", "manager_highrisk", date(2026, 5, 1))
    late = a_manager(session, works, "孙主管", "manager_highrisk", date(2025, 12, 31))
    spared = a_manager(session, works, "李主管", "manager_general", date(2020, 1, 1))
    while keeping.settle(session, now=NOW):
        session.commit()
    clerk, worker = Browser(app, session, works.clerk), Browser(app, session, works.worker)

    for path in ("/", "/certificates"):
        home = in_chinese(worker, path)
        assert "您现在不得上岗：低压电工作业" in home, path
        assert "登记您本工种的有效证件之前，请先离岗" in home
    assert "请在2026年11月1日前考核合格" in in_chinese(Browser(app, session, due), "/")
    said = in_chinese(Browser(app, session, late), "/")
    assert "您现在不得上岗：安全生产管理人员(高危)" in said
    assert "应在2026年6月30日前考核合格" in said
    assert "单位内部培训不能代替考核" in said
    assert "不得上岗" not in in_chinese(Browser(app, session, spared), "/")

    page = in_chinese(clerk, "/training/certificates")
    assert "3 人缺少岗位要求的有效证件，须离岗" in page
    assert "1 名主要负责人、安全管理人员须限期考核合格" in page
    page = in_chinese(clerk, "/training/certificates/missing")
    assert "李主管" not in page, "no certificate is asked of general industries"
    assert page.index("张电工") < page.index("钱主管"), "who may not work comes first"
    for said in ("应于2026年6月30日前取证", "2026年11月1日前完成", "须离岗"):
        assert said in page, said
    assert "须离岗：3 人" in in_chinese(clerk, "/")

    board = in_chinese(clerk, f"/figures/{works.enterprise.id}")
    assert "须离岗 3 人，其中 3 人缺少岗位要求的证件" in board
    assert "0 / 4；1 人尚在限期内" in board
    link, token = inspecting.make(
        session, works.enterprise.id, year=2026, days=1, full_names=False, whom="检查", by=works.principal.person_id,
        at=NOW,
    )  # fmt: skip
    session.commit()
    stranger = Browser(app, session, None)
    assert "须离岗 3 人，其中 3 人缺少岗位要求的证件" in in_chinese(stranger, f"/inspection/{token}")
    for reader, where in (
        (clerk, f"/figures/{works.enterprise.id}"),
        (stranger, f"/inspection/{token}/{link.unit_id}"),
    ):
        listed = in_chinese(reader, f"{where}/people?show=barred")
        assert listed.count("无有效证书") == 3, where
        assert "主管 " in listed or "孙" in listed
        assert "须在2026年11月1日前取证" in in_chinese(reader, f"{where}/people?show=unlicensed")

    warnings.warn(session, at=NOW)
    session.commit()
    assert "您现在不得上岗：低压电工作业" in in_chinese(worker, "/messages")
    told = in_chinese(clerk, "/messages")
    assert "3 人缺少岗位要求的证件" in told
    assert "其中 3 人现在不得在岗作业" in told
    clerk.post("/training/certificates/new", a_paper(works))
    assert "不得上岗" not in in_chinese(worker, "/"), "at once, not a minute later"
    while keeping.settle(session, now=NOW):
        session.commit()
    assert "须离岗：2 人" in in_chinese(clerk, "/")


def test_archives_say_who_must_leave_and_until_when(session: Session, works: Works) -> None:
    due = a_manager(session, works, "钱主管", "manager_highrisk", date(2026, 5, 1))
    while keeping.settle(session, now=NOW):
        session.flush()
    found = enterprise.gathered(session, works.enterprise.id, 2026, full_names=True, now=NOW).found["people"]
    stands = {one["name"]: (one["must_leave"], one["certificate_by"]) for one in found}
    assert stands == {
        "张电工": (["certificate"], None), "王二": (["certificate"], None), "钱主管": ([], date(2026, 11, 1)),
    }  # fmt: skip
    sheet = papers.people({"people": found}, speaker("zh"))
    assert sheet.head[-2:] == ("须离岗", "取证期限")
    assert {row[-2:] for row in sheet.rows} == {("无有效证书", None), ("—", date(2026, 11, 1))}
    assert qualified.of_person(session, due.person_id, on=TODAY)[0].by_on == date(2026, 11, 1)
