"""Pages of the register: a whole story, every wrong form, nobody sees another's, a spreadsheet whole or not at all."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

import openpyxl
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Outline, TrainingClass
from elearn.courses.teachers.models import ClassTeacherEntry, TeacherCertificate, TeacherEntry, TeacherTerm
from elearn.people import persons
from elearn.people.models import Account, Organisation, Role
from tests.builders_courses import a_class, an_outline, enrolled
from tests.builders_people import AT, a_person, a_resident_id, an_account, an_institution
from tests.credit_export.rules.test_records_by_rules import load
from tests.credit_export.rules.test_teachers_valid import YUNNAN
from tests.pages.conftest import Browser, text_of

PAPER: dict[str, Any] = {
    "paper": "安全培训教师岗位证书", "number": "AQ20260815", "issued_by": "云南省应急管理厅",
    "valid_from": "2026-01-01", "valid_to": "2028-12-31",
}  # fmt: skip


@dataclass
class Register:
    """Browsers of everybody around the register of one institution in Yunnan."""

    session: Session
    institution: Organisation
    outline: Outline
    held: TrainingClass
    browser: Callable[[Account | None], Browser]
    manager: Browser

    def of(self, role: Role, *, organisation_id: UUID | None = None, region: str | None = None) -> Browser:
        account = an_account(self.session, role, organisation_id=organisation_id, region=region)
        self.session.commit()
        return self.browser(account)

    @cached_property
    def officer(self) -> Browser:
        return self.of(Role.REGULATOR_OFFICER, region="530000")

    def added(self, **more: Any) -> str:
        """The address of a teacher whom the manager enters."""
        form = {
            "institution": str(self.institution.id), "name": "王老师", "document_kind": "resident_id",
            "document_number": a_resident_id(), "from_on": "2026-01-01", "other_works": "电工作业",
        }  # fmt: skip
        answer = self.manager.post("/teachers/new", form | more)
        assert answer.status_code == 303, text_of(answer)
        return str(answer.location)

    def paper(self, **more: Any) -> dict[str, Any]:
        return PAPER | {"covers_category": self.outline.code} | more

    def count(self, table: type[object]) -> int:
        return self.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


@pytest.fixture
def register(browser: Callable[[Account | None], Browser], session: Session) -> Register:
    institution = an_institution(session)
    institution.region = "530100"
    outline = an_outline(session)
    held = a_class(session, institution.id, outline)
    load(session, YUNNAN)
    manager = an_account(session, Role.INSTITUTION_MANAGER, organisation_id=institution.id)
    session.commit()
    return Register(session, institution, outline, held, browser, browser(manager))


def forms_in(page: str, action: str) -> list[str]:
    return re.findall(rf'action="([^"]*{action})"', page)


def test_a_teacher_is_entered_certified_by_two_sides_and_teaches_a_class(register: Register) -> None:
    manager, officer, held = register.manager, register.officer, register.held
    assert "Nobody here" in manager.page("/teachers")
    address = register.added()
    assert "No certificate is on record." in manager.page(address)
    sent = manager.post(f"{address}/certificates", register.paper())
    page = manager.page(sent.location)
    assert "It waits for somebody of another side." in page
    assert "••••••0815" in page
    assert "AQ20260815" not in page
    assert "You stated it: somebody else has to confirm." in page or "Take back" in page
    assert "1 to confirm" in officer.page("/teachers")
    assert "Wait for a second person 1" in officer.page("/teachers/warnings")
    (answer,) = forms_in(officer.get(address).text, "/answer")
    assert officer.post(answer, {"answer": "confirm", "note": ""}).status_code == 303
    assert "valid certificate" in manager.page(address)
    late = manager.post(answer, {"answer": "object", "note": "doch nicht"})
    assert (late.status_code, "This has changed in the meantime" in text_of(late)) == (409, True)

    classes = f"/teaching/classes/{held.id}/teachers"
    assert classes in manager.get(f"/teaching/classes/{held.id}").text
    assert "hours do not count" in manager.page(classes)
    assert held.title in manager.page("/teachers/warnings")
    (teacher,) = register.session.scalars(sa.select(TeacherEntry.id))
    form: dict[str, Any] = {"teacher": str(teacher), "what": "", "from_on": held.starts_on.isoformat(), "to_on": ""}
    assert manager.post(classes, form).status_code == 303
    assert "Every teacher is valid for the whole class." in manager.page(classes)
    assert held.title in manager.page(address)
    again = manager.post(classes, form)
    assert (again.status_code, "teaches this in the class already" in text_of(again)) == (409, True)

    (end,) = forms_in(officer.get(address).text, "/certificates/[^/]*/end")
    assert "Please give your reasons" in text_of(officer.post(end, {"ends_on": "2026-07-01", "note": ""}))
    assert officer.post(end, {"ends_on": "2026-07-01", "note": "吊销"}).status_code == 303
    assert "Every teacher is valid" in manager.page(classes), "one side alone takes nothing away"
    (confirm,) = forms_in(manager.get(address).text, "/answer")
    assert manager.post(confirm, {"answer": "confirm", "note": ""}).status_code == 303
    assert "No certificate is valid on Jul 1, 2026." in manager.page(classes)
    learner = a_person(register.session, name="李明")
    enrolled(register.session, held, learner.id)
    register.session.commit()
    asked = manager.page(f"/why-not?person={learner.id}&outline={register.outline.id}")
    assert "A teacher of the class held no valid certificate" in asked
    assert "王老师 : No certificate is valid on Jul 1, 2026." in asked

    entry = register.session.scalars(sa.select(ClassTeacherEntry.id)).one()
    changed = manager.post(f"{classes}/{entry}", {"act": "end", "to_on": "2026-06-30"})
    assert changed.status_code == 303
    assert "Every teacher is valid" in manager.page(classes)
    assert manager.post(f"{classes}/{entry}", {"act": "remove"}).status_code == 303
    assert "No teacher is entered yet." in manager.page(classes)
    assert register.count(ClassTeacherEntry) == 1, "what was entered stays on record"


def test_one_person_teaches_for_two_institutions(register: Register) -> None:
    number = a_resident_id()
    address = register.added(document_number=number)
    elsewhere = an_institution(register.session, name="洱海培训学校").id
    other = register.of(Role.INSTITUTION_MANAGER, organisation_id=elsewhere)
    assert other.get(address).status_code == 404
    own: dict[str, Any] = {"institution": str(elsewhere)}
    form: dict[str, Any] = {
        "name": "王老师",
        "document_kind": "resident_id",
        "document_number": number,
        "full_time": "no",
        **own,
    }
    assert other.post("/teachers/new", form).location == address, "the same teacher"
    assert "part time, or shared with others" in register.manager.page(address)
    assert (register.count(TeacherEntry), register.count(TeacherTerm)) == (1, 2)
    twice = other.post("/teachers/new", form)
    assert (twice.status_code, "already in these days" in text_of(twice)) == (409, True)
    wrong = other.post("/teachers/new", form | {"name": "李老师"})
    assert (wrong.status_code, "under another name" in text_of(wrong)) == (409, True)
    (leave, *_others) = forms_in(register.manager.get(address).text, "/teachers/terms/[^/]*/end")
    teacher = address.rsplit("/", 1)[1]
    assert other.post(leave, {"teacher": teacher, "to_on": "2026-07-31"}).status_code == 404, "of another institution"
    assert register.manager.post(leave, {"teacher": teacher, "to_on": ""}).status_code == 422
    assert register.manager.post(leave, {"teacher": teacher, "to_on": "2026-07-31"}).status_code == 303
    term: dict[str, Any] = {"from_on": "2026-08-01", "institution": str(register.institution.id)}
    assert register.manager.post(f"{address}/terms", term).status_code == 303
    assert register.count(TeacherTerm) == 3


def test_only_an_officer_says_in_whose_register_somebody_stands(register: Register) -> None:
    address = register.added()
    profile: dict[str, Any] = {
        "level": "province",
        "industries": "construction",
        "other_works": "高处作业、电工作业",
    }
    register.manager.post(f"{address}/profile", profile)
    assert "Only a regulator's officer says" in register.manager.page("/teachers")
    assert register.officer.post(f"{address}/profile", profile).status_code == 303
    page = register.manager.page("/teachers?level=province&industry=construction&work=高处作业")
    assert "provincial register" in page
    assert "王老师" in page
    for narrow in ("level=prefecture", "industry=tourism", "work=焊接", "name=李"):
        assert "Nobody here" in register.manager.page(f"/teachers?{narrow}")
    assert register.manager.post(f"{address}/profile", {"level": "emperor"}).status_code == 400
    long = register.manager.post(f"{address}/profile", {"other_works": "长" * 61})
    assert (long.status_code, "1 to 60 characters" in text_of(long)) == (422, True)


WRONG_PAPERS: list[tuple[str, dict[str, Any], str]] = [
    ("no name", {"paper": " "}, "Please fill this in."),
    ("a short number", {"number": "123"}, "4 to 100 characters"),
    ("nobody issued it", {"issued_by": ""}, "Please fill this in."),
    ("no day", {"valid_from": "2026-13-01"}, "A date has the form"),
    ("ends before it begins", {"valid_to": "2025-12-31"}, "The last day is before the first."),
    ("for nothing", {"covers_category": []}, "Choose what the certificate is for."),
    ("a long note", {"note": "长" * 2001}, "1 to 2000 characters"),
]


def test_a_wrong_certificate_is_told_beside_its_field(register: Register) -> None:
    address = register.added()
    for what, more, said in WRONG_PAPERS:
        answer = register.manager.post(f"{address}/certificates", register.paper(**more))
        assert (answer.status_code, said in text_of(answer)) == (422, True), what
    assert register.count(TeacherCertificate) == 0


def test_what_no_page_offers_is_refused(register: Register) -> None:
    manager, address = register.manager, register.added()
    (teacher,) = register.session.scalars(sa.select(TeacherEntry.id))
    classes = f"/teaching/classes/{register.held.id}/teachers"
    nobody = "01890000-0000-7000-8000-000000000000"
    day = register.held.starts_on.isoformat()
    wrong: list[tuple[str, dict[str, Any], int]] = [
        (f"{address}/certificates", register.paper(covers_category="none such"), 400),
        (f"{address}/terms", {"from_on": "2026-07-01", "institution": nobody}, 404),
        (f"{address}/terms", {"from_on": "", "institution": nobody}, 422),
        ("/teachers/new", {"document_kind": "letter", "name": "甲", "document_number": "1"}, 400),
        ("/teachers/new", {"institution": nobody, "document_kind": "resident_id"}, 422),
        ("/teachers/new", {"person": nobody}, 400),
        (f"/teachers/certificates/{nobody}/answer", {"answer": "confirm"}, 404),
        (f"/teachers/certificates/{nobody}/answer", {"answer": "perhaps"}, 400),
        (f"/teachers/certificates/{nobody}/end", {"note": "x"}, 404),
        (f"/teachers/terms/{nobody}/end", {"teacher": str(teacher), "to_on": "2026-07-01"}, 404),
        (f"/teachers/terms/{nobody}/end", {}, 400),
        (classes, {"teacher": nobody, "from_on": day}, 404),
        (classes, {"teacher": "", "from_on": ""}, 422),
        (classes, {"teacher": str(teacher), "from_on": "2020-01-01"}, 422),
        (classes, {"teacher": str(teacher), "from_on": day, "what": nobody}, 422),
        (f"{classes}/{nobody}", {"act": "remove"}, 404),
        (f"{classes}/{nobody}", {"act": "end", "to_on": ""}, 422),
        (f"{classes}/{nobody}", {"act": "burn"}, 400),
    ]
    got = [(path, form, manager.post(path, form).status_code) for path, form, _status in wrong]
    assert got == wrong
    assert (register.count(TeacherTerm), register.count(TeacherCertificate), register.count(ClassTeacherEntry)) == (
        1,
        0,
        0,
    )


def test_a_page_is_seen_by_whom_it_is_for(register: Register) -> None:
    address = register.added()
    classes = f"/teaching/classes/{register.held.id}/teachers"
    elsewhere = an_institution(register.session, name="洱海培训学校").id
    readers = {
        "learner": register.of(Role.LEARNER),
        "clerk": register.of(Role.INSTITUTION_CLERK, organisation_id=register.institution.id),
        "manager": register.manager,
        "other manager": register.of(Role.INSTITUTION_MANAGER, organisation_id=elsewhere),
        "officer": register.officer,
        "other officer": register.of(Role.REGULATOR_OFFICER, region="110000"),
        "operator": register.of(Role.OPERATOR),
        "auditor": register.of(Role.AUDITOR),
    }
    sees = {  # by reader in this order
        "/teachers": (403, 200, 200, 200, 200, 200, 200, 200),
        "/teachers/warnings": (403, 200, 200, 200, 200, 200, 200, 200),
        "/teachers/new": (403, 403, 200, 200, 200, 404, 403, 403),
        "/teachers/import": (403, 403, 200, 200, 200, 404, 403, 403),
        "/teachers/form.xlsx": (403, 403, 200, 200, 200, 200, 403, 403),
        address: (404, 200, 200, 404, 200, 404, 200, 200),
        classes: (403, 403, 200, 404, 403, 403, 403, 403),
    }
    got = {path: tuple(one.get(path).status_code for one in readers.values()) for path in sees}
    assert got == sees
    assert {register.browser(None).get(path).status_code for path in sees} == {303}
    for name in ("other manager", "other officer"):
        assert "Nobody here" in readers[name].page("/teachers"), "not even a name of others' teachers"


def test_a_teacher_reads_what_is_kept_of_themselves_and_certifies_nothing(register: Register) -> None:
    mine = an_account(register.session, Role.TEACHER, organisation_id=register.institution.id)
    register.session.commit()
    address = register.added(person=str(mine.person_id), name="", document_number="")
    teacher = register.browser(mine)
    assert "Training of their own" in teacher.page(address)
    assert address in teacher.get("/teachers").text
    assert teacher.post(f"{address}/certificates", register.paper()).status_code == 403
    register.manager.post(f"{address}/certificates", register.paper())
    page = register.of(Role.AUDITOR).get(address).text
    assert forms_in(page, "/answer") == [], "an auditor changes nothing"


def test_what_was_sealed_cannot_be_read_after_erasure(register: Register) -> None:
    address = register.added()
    register.manager.post(f"{address}/certificates", register.paper())
    entry = register.session.scalars(sa.select(TeacherEntry)).one()
    persons.erase_person(register.session, entry.person_id, at=AT)
    register.session.commit()
    page = register.manager.page(address)
    assert "王老师" not in page
    assert "0815" not in page
    assert "Nobody here" in register.manager.page("/teachers")
    register.manager.post(f"{address}/certificates", register.paper())
    assert "erased" in register.manager.page("/teachers")


HEADERS = (
    "姓名",
    "证件号码",
    "行业",
    "作业类别",
    "证书名称",
    "证书编号",
    "发证机关",
    "有效期起",
    "有效期止",
    "证书适用范围",
)


def a_sheet(*rows: tuple[object, ...]) -> io.BytesIO:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["2026 年师资库"])
    for row in (HEADERS, *rows):
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    out.seek(0)
    return out


def sent(register: Register, *rows: tuple[object, ...]) -> tuple[int, str]:
    form: dict[str, Any] = {"file": (a_sheet(*rows), "师资.xlsx")}
    answer = register.manager.post("/teachers/import", form)
    return answer.status_code, text_of(answer)


def test_a_spreadsheet_is_taken_whole(register: Register) -> None:
    first, second = a_resident_id(), a_resident_id()
    covers = register.outline.code
    paper = ("教师证", "AQ-1001", "省厅", "2026/1/1", "2028年12月31日", covers)
    rows = (
        ("王老师", first, "电力、建筑施工", "电工作业", *paper),
        ("王老师", first, "", "", "教师证", "AQ-1002", "省厅", 46023, "", covers),
        ("李老师", second, "", "高处作业，电工作业"),
    )
    assert sent(register, *rows)[0] == 303
    page = register.manager.page("/teachers")
    assert "2 teachers of the spreadsheet are in the register." in page
    assert "2 certificates wait for a second person." in page
    assert sent(register, *rows)[0] == 303
    assert (register.count(TeacherEntry), register.count(TeacherTerm), register.count(TeacherCertificate)) == (2, 2, 2)
    form = register.manager.get("/teachers/form.xlsx")
    assert openpyxl.load_workbook(io.BytesIO(form.data)).worksheets[0]["A1"].value == "姓名"


def test_each_wrong_row_has_its_reason_and_nothing_is_taken(register: Register) -> None:
    number, covers = a_resident_id(), register.outline.code
    good = ("好老师", a_resident_id(), "", "电工作业")
    paper = ("教师证", "AQ-1001", "省厅", "2026-01-01")
    wrong = [
        (("", number), "The name is missing."),
        (("甲", ""), "The document number is missing."),
        (("甲", "530102199001011234"), "The document number cannot be right."),
        (("甲", number, "魔法"), "No industry of this name."),
        (("甲", number, "", "长" * 61), "A kind of work has 1 to 60 characters"),
        (("甲", number, "", "", "教师证"), "Of a certificate its name, number, issuer"),
        (("甲", number, "", "", *paper, "明天", covers), "A date cannot be read."),
        (("甲", number, "", "", *paper, "2025-01-01", covers), "It ends before it begins."),
        (("甲", number, "", "", *paper, "", "魔法"), "No kind of work or category of this name is known."),
        (("甲", number), ""),
        (("乙", number), "This document is registered under another name."),
    ]
    before = register.count(TeacherEntry)
    status, page = sent(register, good, *(row for row, _said in wrong[:9]))
    assert (status, "Nothing was taken: 9 rows are wrong." in page) == (422, True)
    shown = page[page.index("What is wrong") :]
    for line, (_row, said) in enumerate(wrong[:9], start=4):
        assert re.search(rf"\b{line} \S+ {re.escape(said)}", shown), (line, said)
    status, page = sent(register, good, *(row for row, _said in wrong[9:]))
    assert (status, wrong[10][1] in page) == (422, True)
    assert register.count(TeacherEntry) == before, "the good row is not taken either"
    none = [
        (b"", "Choose a file."),
        (b"PK nothing", "This is no spreadsheet"),
        (a_sheet().read(), "No row was found."),
    ]
    for content, why in none:
        answer = register.manager.post("/teachers/import", {"file": (io.BytesIO(content), "x.xlsx")})
        assert (answer.status_code, why in text_of(answer)) == (422, True), why


def test_the_pages_speak_chinese(register: Register) -> None:
    address = register.added()
    register.manager.post(f"{address}/certificates", register.paper())
    register.manager.page(address)
    held: UUID = register.held.id
    paths = ("/teachers", "/teachers/new", "/teachers/warnings", "/teachers/import", address)
    for path in (*paths, f"/teaching/classes/{held}/teachers"):
        text = text_of(register.manager.get(f"{path}?lang=zh"))
        assert re.findall(r"[A-Za-z]{4,} [a-z]{2,} [a-z]{2,}", text) == [], path
