"""One cell of a roster as people leave it: what it says, or why it says nothing. Decision tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

from elearn.people.identity import DocumentKind
from elearn.people.models import EmploymentKind
from elearn.people.roster import cells
from elearn.people.roster.cells import BadCell, Wrong
from elearn.people.roster.columns import Column, columns_of
from tests.builders_people import a_resident_id

TODAY = date(2026, 7, 1)
NUMBER = a_resident_id(born=date(1990, 1, 1), serial=2)
X = next(number for serial in range(200) if (number := a_resident_id(serial=serial)).endswith("X"))
WIDE = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")


def said(how: Callable[[], Any]) -> Any:
    """What a cell says, or the word of what is wrong."""
    try:
        return how()
    except BadCell as bad:
        return bad.wrong


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("张三", "张三"),
        ("张 三", "张三"),
        ("张　三", "张三"),
        (" 欧阳\u200b修\ufeff ", "欧阳修"),
        ("买买提·艾力", "买买提·艾力"),
        ("买买提 • 艾力", "买买提·艾力"),
        ("买买提．艾力", "买买提.艾力"),
        ("Ｊｏｈｎ  Smith", "John Smith"),
        ("'李四", "李四"),
        ('="李四"', "李四"),
        ("𠮷野家", "𠮷野家"),
        ("", Wrong.NO_NAME),
        (None, Wrong.NO_NAME),
        ("  ", Wrong.NO_NAME),
        ("张三2", Wrong.NAME_FORM),
        (12345, Wrong.NAME_FORM),
        ("---", Wrong.NAME_FORM),
        ("张" * 101, Wrong.NAME_FORM),
    ],
)
def test_a_name(cell: object, name: object) -> None:
    assert said(lambda: cells.name_of(cell)) == name


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("张三", "张 三", True),
        ("买买提·艾力", "买买提•艾力", True),
        ("JOHN SMITH", "John Smith", True),
        ("张三", "张叁", False),
        ("张三", "张三丰", False),
    ],
)
def test_the_same_name_however_it_is_written(one: str, other: str, same: bool) -> None:
    assert cells.same_name(one, other) is same


@pytest.mark.parametrize(
    ("cell", "kind", "number"),
    [
        (NUMBER, "resident_id", NUMBER),
        (X.lower(), "resident_id", X),
        (X.lower().translate(WIDE), "resident_id", X),
        (NUMBER.translate(WIDE), "resident_id", NUMBER),
        (f"{NUMBER[:6]} {NUMBER[6:14]} {NUMBER[14:]}", "resident_id", NUMBER),
        (f"'{NUMBER}", "resident_id", NUMBER),
        (f'="{NUMBER}"', "resident_id", NUMBER),
        (f"\t{NUMBER}\u200e", "resident_id", NUMBER),
        ("", "resident_id", Wrong.NO_DOCUMENT),
        ("无", "resident_id", Wrong.NO_DOCUMENT),
        (None, "resident_id", Wrong.NO_DOCUMENT),
        # A spreadsheet program keeps 15 digits: nothing brings the others back.
        (1.10101e17, "resident_id", Wrong.DOCUMENT_LOST),
        ("1.10101E+17", "resident_id", Wrong.DOCUMENT_LOST),
        ("1.10101199001011E+17", "resident_id", Wrong.DOCUMENT_LOST),
        (int(NUMBER[:15] + "000"), "resident_id", Wrong.DOCUMENT_LOST),
        (float("nan"), "resident_id", Wrong.DOCUMENT_LENGTH),
        (True, "resident_id", Wrong.DOCUMENT_LENGTH),
        ("110105491231002", "resident_id", Wrong.DOCUMENT_OLD),
        (110105491231002, "resident_id", Wrong.DOCUMENT_OLD),
        (NUMBER[:17], "resident_id", Wrong.DOCUMENT_LENGTH),
        (NUMBER + "1", "resident_id", Wrong.DOCUMENT_LENGTH),
        (NUMBER[:-1] + str((int(NUMBER[-1]) + 1) % 10), "resident_id", Wrong.DOCUMENT_CHECK),
        (a_resident_id(born=date(2026, 7, 2), serial=3), "resident_id", Wrong.DOCUMENT_BIRTH),
        (NUMBER[:6] + "19901301" + NUMBER[14:], "resident_id", Wrong.DOCUMENT_BIRTH),
        (NUMBER[:3] + "*" * 13 + NUMBER[-2:], "resident_id", Wrong.DOCUMENT_MASKED),
        ("A" * 18, "resident_id", Wrong.DOCUMENT_FORM),
        ("e12345678", "passport", "E12345678"),
        ("12345678", "taiwan_permit", "12345678"),
        (12345678, "taiwan_permit", "12345678"),
        ("H1234567890", "hk_macao_permit", "H1234567890"),
        ("K1", "hk_macao_permit", Wrong.DOCUMENT_FORM),
    ],
)
def test_a_document_number_is_read_or_refused_and_never_guessed(cell: object, kind: str, number: object) -> None:
    assert said(lambda: cells.document_of(cell, DocumentKind(kind), TODAY)) == number


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        (None, DocumentKind.RESIDENT_ID),
        ("居民身份证", DocumentKind.RESIDENT_ID),
        ("身份证（二代）", DocumentKind.RESIDENT_ID),
        ("港澳通行证", DocumentKind.HK_MACAO_PERMIT),
        ("台胞证", DocumentKind.TAIWAN_PERMIT),
        ("护照", DocumentKind.PASSPORT),
        ("Passport", DocumentKind.PASSPORT),
        ("驾驶证", Wrong.DOCUMENT_KIND),
    ],
)
def test_a_kind_of_document(cell: object, kind: object) -> None:
    assert said(lambda: cells.document_kind_of(cell)) == kind


@pytest.mark.parametrize(
    ("cell", "phone"),
    [
        (None, ""),
        ("无", ""),
        ("13800138000", "+8613800138000"),
        (13800138000, "+8613800138000"),
        (13800138000.0, "+8613800138000"),
        ("138 0013 8000", "+8613800138000"),
        ("138-0013-8000", "+8613800138000"),
        ("+86 13800138000", "+8613800138000"),
        ("008613800138000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        ("+852 6123 4567", "+85261234567"),
        ("1380013800", Wrong.PHONE_FORM),
        ("13800138000/13900139000", Wrong.PHONE_FORM),
        ("0871-65123456", Wrong.PHONE_FORM),
        (1.38e10, Wrong.PHONE_FORM if str(int(1.38e10)) != "13800000000" else "+8613800000000"),
    ],
)
def test_a_phone_number(cell: object, phone: object) -> None:
    assert said(lambda: cells.phone_of(cell)) == phone


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        (None, None),
        ("", None),
        ("长期", None),
        ("至今", None),
        ("--", None),
        ("2026-01-05", date(2026, 1, 5)),
        ("2026/1/5", date(2026, 1, 5)),
        ("2026.1.5", date(2026, 1, 5)),
        ("2026．01．05", date(2026, 1, 5)),
        ("2026年1月5日", date(2026, 1, 5)),
        ("2026年1月5", date(2026, 1, 5)),
        ("20260105", date(2026, 1, 5)),
        (20260105, date(2026, 1, 5)),
        ("2026-01-05 00:00:00", date(2026, 1, 5)),
        (46027, date(2026, 1, 5)),
        (46027.75, date(2026, 1, 5)),
        ("46027", date(2026, 1, 5)),
        (datetime.fromisoformat("2026-01-05T08:30"), date(2026, 1, 5)),
        (date(2026, 1, 5), date(2026, 1, 5)),
        # Which part is the month, which the century? Nobody knows.
        ("1/5/2026", Wrong.DATE_FORM),
        ("26-1-5", Wrong.DATE_FORM),
        ("2026年1月", Wrong.DATE_FORM),
        ("2026-02-30", Wrong.DATE_FORM),
        ("昨天", Wrong.DATE_FORM),
        (5, Wrong.DATE_FORM),
        (float("inf"), Wrong.DATE_FORM),
        ("1949-12-31", Wrong.DATE_FAR),
        ("2027-07-02", date(2027, 7, 2)),
        ("2027-07-03", Wrong.DATE_FAR),
    ],
)
def test_a_day(cell: object, day: object) -> None:
    assert said(lambda: cells.date_of(cell, TODAY)) == day


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        (None, None),
        ("-", None),
        ("正式", "employee"),
        ("合同制", "employee"),
        ("合同制（固定期限）", "employee"),
        ("劳务派遣", "dispatched"),
        ("劳务派遣工", "dispatched"),
        ("灵活用工", "flexible"),
        ("临时工", "flexible"),
        ("退休返聘", "flexible"),
        ("外包", "contractor"),
        ("承包商", "contractor"),
        ("实习生", "intern"),
        ("学徒", "apprentice"),
        ("Full-time", "employee"),
        ("月结", Wrong.EMPLOYMENT_UNKNOWN),
    ],
)
def test_a_way_of_being_employed(cell: object, kind: object) -> None:
    assert said(lambda: cells.employment_of(cell)) == kind


def test_every_word_for_being_employed_leads_to_a_kind_that_there_is() -> None:
    assert set(cells.EMPLOYMENTS.values()) == set(EmploymentKind) - {EmploymentKind.TRAINEE}


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ({Column.PATH: "生产部/一车间/甲班"}, ("生产部", "一车间", "甲班")),
        ({Column.PATH: "云岭公司＞生产部＞一车间"}, ("生产部", "一车间")),
        ({Column.PATH: "集团 / 云岭公司 / 生产部"}, ("生产部",)),
        ({Column.PATH: "生产部-一车间-甲班"}, ("生产部", "一车间", "甲班")),
        ({Column.PATH: "生产部、一车间"}, ("生产部", "一车间")),
        ({Column.PATH: "生产部\\一车间"}, ("生产部", "一车间")),
        ({Column.PATH: "1-2车间"}, ("1-2车间",)),
        ({Column.PATH: "生产部/1-2车间"}, ("生产部", "1-2车间")),
        ({Column.PATH: "A-B车间/甲班"}, ("A-B车间", "甲班")),
        ({Column.PATH: "云岭公司"}, ()),
        ({Column.PATH: "/"}, ()),
        ({Column.DEPARTMENT: "生产部", Column.WORKSHOP: "一车间", Column.TEAM: "甲班"}, ("生产部", "一车间", "甲班")),
        ({Column.DEPARTMENT: "生产部", Column.WORKSHOP: "-", Column.TEAM: "甲班"}, ("生产部", "甲班")),
        ({Column.DEPARTMENT: "生产部", Column.WORKSHOP: "生产部", Column.TEAM: "甲班"}, ("生产部", "甲班")),
        ({Column.DEPARTMENT: "生产部/一车间", Column.TEAM: "甲班"}, ("生产部", "一车间", "甲班")),
        ({Column.PATH: "x" * 61}, Wrong.UNIT_FORM),
        ({Column.PATH: "/".join("abcdefg")}, Wrong.UNIT_DEPTH),
        ({}, ()),
    ],
)
def test_a_way_through_the_tree(row: dict[Column, object], path: object) -> None:
    assert said(lambda: cells.path_of(row, ("集团", "云岭公司"))) == path


@pytest.mark.parametrize(
    ("cell", "number"),
    [(None, ""), ("A-102", "A-102"), (1024.0, "1024"), ("０１２", "012"), ("=1+1", Wrong.STAFF_NUMBER_FORM),
     ("工号一", Wrong.STAFF_NUMBER_FORM), ("1" * 33, Wrong.STAFF_NUMBER_FORM)],
)  # fmt: skip
def test_a_staff_number(cell: object, number: object) -> None:
    assert said(lambda: cells.staff_number_of(cell)) == number


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        (["姓名", "证件号码"], {Column.NAME: 0, Column.NUMBER: 1}),
        (["*员工 姓名：", None, "身份证\n号码（必填）"], {Column.NAME: 0, Column.NUMBER: 2}),
        (["Name", "ID number", "Start_Date"], {Column.NAME: 0, Column.NUMBER: 1, Column.FROM_ON: 2}),
        (["工种", "姓名", "岗位", "身份证号"], {Column.POST: 0, Column.NAME: 1, Column.NUMBER: 3}),
        (["入职时间(yyyy-mm-dd)", "姓名", "身份证"], {Column.FROM_ON: 0, Column.NAME: 1, Column.NUMBER: 2}),
        (["姓名", "电话"], {}),
        (["张三", "110101"], {}),
        ([], {}),
    ],
)
def test_which_column_is_which(header: list[object], columns: dict[Column, int]) -> None:
    assert columns_of(header) == columns
