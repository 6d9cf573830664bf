"""Whole rosters: where the header is, what stands below it, what of two rows about one person holds."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.errors import Malformed
from elearn.people.roster import files, rows
from elearn.people.roster.cells import Wrong
from elearn.people.roster.columns import Column
from tests.builders_people import a_resident_id
from tests.people.roster.sheets import HEADER, text, xlsx

TODAY = date(2026, 7, 1)
ONE, TWO, THREE = (a_resident_id() for _ in range(3))
A_DAY = date(2026, 1, 5)
PLAIN = ("姓名", "证件号码", "部门", "岗位")
CATEGORIES = rows.category_names(
    [("低压电工作业", "so_lv_electric"), ("其他从业人员(一般)", "a"), ("其他从业人员(高危)", "b")]
)


def read(content: bytes) -> rows.Sheet:
    found = rows.sheet(files.rows_in(content), employer=("云岭公司",), categories=CATEGORIES, today=TODAY)
    assert found is not None
    return found


def people_in(content: bytes) -> list[tuple[int, str, tuple[str, ...]]]:
    return [(one.line, one.row.name, one.row.path) for one in read(content).lines if one.row]


def wrongs_in(content: bytes) -> list[tuple[int, list[tuple[Column, Wrong]]]]:
    return [
        (one.line, [(each.column, each.wrong) for each in one.problems]) for one in read(content).lines if one.problems
    ]


def test_titles_empty_rows_and_columns_a_second_header_and_a_sum_are_no_rows() -> None:
    content = xlsx(
        [
            ("张三", None, ONE, "生产部"),
            (),
            ("姓名", None, "证件号码", "部门"),
            ("李四", None, TWO, "后勤"),
            ("合计：2人",),
            ("制表人：王五", None, None, "审核：赵六"),
        ],
        header=("姓名", "", "证件号码", "部门"),
        above=[("花名册",), ("单位：云岭公司", None, "2026年7月")],
        merged=["A1:D1"],
    )
    assert people_in(content) == [(4, "张三", ("生产部",)), (7, "李四", ("后勤",))]
    assert wrongs_in(content) == []


def test_a_sum_in_a_column_that_nobody_reads_is_no_row_whatever_it_counts() -> None:
    rows_of_it = [("张三", ONE, "生产部", "电工", 1), (None, None, None, 1, "合计")]
    content = xlsx(rows_of_it, header=(*PLAIN, "序号"), above=())
    assert [one.line for one in read(content).lines] == [2]


def test_a_header_of_two_rows_is_the_one_that_names_more() -> None:
    content = xlsx(
        [("张三", ONE, "生产部", "甲班", "电工")],
        header=("姓名", "身份证号", "部门", "班组", "岗位"),
        above=[("姓名", "身份证号", "工作信息")],
        merged=["A1:A2", "B1:B2", "C1:E1"],
    )
    assert people_in(content) == [(3, "张三", ("生产部", "甲班"))]


def test_a_merged_cell_says_the_same_in_each_of_its_rows() -> None:
    content = xlsx(
        [("张三", ONE, "生产部", "电工"), ("李四", TWO, None, None), ("王五", THREE, None, "焊工")],
        header=PLAIN,
        above=[],
        merged=["C2:C3", "D2:D3"],
    )
    found = read(content)
    assert [(one.row.path, one.row.post) for one in found.lines if one.row] == [
        (("生产部",), "电工"),
        (("生产部",), "电工"),
        ((), "焊工"),
    ]


def test_the_first_sheet_with_a_header_is_read() -> None:
    assert people_in(xlsx([("张三", ONE, "", "")], header=PLAIN, other_sheets=True)) == [(4, "张三", ())]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_text_in_every_usual_encoding_with_every_usual_separator(encoding: str, delimiter: str) -> None:
    content = text([("张三", ONE, "生产部/甲班", "电工,焊工")], header=PLAIN, delimiter=delimiter, encoding=encoding)
    assert people_in(content) == [(2, "张三", ("生产部", "甲班"))]


def test_everything_that_is_wrong_with_a_row_is_said_by_line_and_column() -> None:
    content = xlsx(
        [
            (1, "", "1.1E+17", "12", "", "", "", "x" * 101, "月结", "2026-13-01", "昨天", "工号"),
            (2, "李四", TWO, "", "", "", "", "", "", "2026-05-01", "2026-04-30", ""),
            (3, "王五", a_resident_id(born=date(2000, 1, 1)), "", "", "", "", "", "", "1999-12-31", "", ""),
        ]
    )
    assert wrongs_in(content) == [
        (
            4,
            [
                (Column.NAME, Wrong.NO_NAME),
                (Column.NUMBER, Wrong.DOCUMENT_LOST),
                (Column.PHONE, Wrong.PHONE_FORM),
                (Column.STAFF_NUMBER, Wrong.STAFF_NUMBER_FORM),
                (Column.POST, Wrong.POST_FORM),
                (Column.EMPLOYMENT, Wrong.EMPLOYMENT_UNKNOWN),
                (Column.FROM_ON, Wrong.DATE_FORM),
                (Column.TO_ON, Wrong.DATE_FORM),
            ],
        ),
        (5, [(Column.TO_ON, Wrong.ENDS_BEFORE)]),
        (6, [(Column.FROM_ON, Wrong.BEFORE_BIRTH)]),
    ]
    assert len(read(content).lines[0].cells) == len(HEADER)


def test_two_rows_about_one_person() -> None:
    """The same: once. Something else: the first holds. Another name: neither does, as nobody knows which is right."""
    content = xlsx(
        [
            ("张三", ONE, "生产部", "电工"),
            ("张 三", ONE.lower(), "生产部", "电工"),
            ("张三", ONE, "后勤", "电工"),
            ("李四", TWO, "", ""),
            ("李思", TWO, "", ""),
        ],
        header=PLAIN,
        above=[],
    )
    found = read(content).lines
    assert [(one.line, one.row is not None, one.same_as) for one in found] == [
        (2, True, None),
        (3, True, 2),
        (4, False, None),
        (5, False, None),
        (6, False, None),
    ]
    assert found[2].problems[0].wrong is Wrong.TWICE
    assert found[2].problems[0].facts == {"line": "2"}
    assert {found[3].problems[0].wrong, found[4].problems[0].wrong} == {Wrong.TWO_NAMES}


def test_a_phone_number_belongs_to_the_first_row_that_has_it() -> None:
    content = text(
        [("张三", ONE, "13800138000"), ("李四", TWO, "+86 138-0013-8000")], header=("姓名", "证件号码", "手机")
    )
    assert [one.phone_shared for one in read(content).lines] == [False, True]


@pytest.mark.parametrize(
    ("said", "category"),
    [
        ("低压电工作业", "so_lv_electric"),
        ("SO_LV_ELECTRIC", "so_lv_electric"),
        ("其他从业人员(高危)", "b"),
        ("其他从业人员", None),
        ("电工", None),
    ],
)
def test_a_category_by_its_name_when_only_one_has_it(said: str, category: str | None) -> None:
    line = read(text([("张三", ONE, said)], header=("姓名", "证件号码", "人员类别"))).lines[0]
    if category is None:
        assert [one.wrong for one in line.problems] == [Wrong.CATEGORY_UNKNOWN]
    else:
        assert line.row is not None
        assert line.row.category == category


def bomb() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * 2_000_001)
    return out.getvalue()


NONE_OF = {
    "empty": (b"", "No row with the columns"),
    "binary": (b"\x00\x01\x02", "no spreadsheet"),
    "no encoding": (b"\xff\xff\xff\xff", "no spreadsheet"),
    "no zip": (b"PK\x03\x04" + bytes(50), "no spreadsheet"),
    "old Excel": (b"\xd0\xcf\x11\xe0", "old or a locked"),
    "a web page": (b"  <!doctype html>", "no spreadsheet"),
    "other columns": (xlsx([], header=("a", "b")), "No row with the columns"),
    "cut off": (xlsx([("张三", ONE)], header=PLAIN)[:3000], "no spreadsheet"),
    "a cell without end": ('姓名,证件号码\n"张三'.encode() + b"x" * 200_000, "no spreadsheet"),
    "large": (bytes(1_000_001), "larger than 1 MB"),
    "long": (text([("张三", ONE)] * 140, header=("姓名", "证件号码")), "At most 100 rows"),
    "a bomb": (bomb(), "too large when unpacked"),
}


@pytest.mark.parametrize("what", NONE_OF)
def test_what_is_no_roster_is_said_to_be_none(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_BYTES", 1_000_000)
    monkeypatch.setattr(files, "LARGEST_UNPACKED_BYTES", 2_000_000)
    monkeypatch.setattr(files, "MOST_ROWS", 100)
    content, why = NONE_OF[what]

    def look() -> None:
        if rows.sheet(files.rows_in(content), employer=(), categories={}, today=TODAY) is None:
            raise rows.no_header()

    with pytest.raises(Malformed) as bad:
        look()
    assert why in bad.value.detail % (bad.value.facts or {})
    assert bad.value.error_code == "bad_roster"


ANY_CELL = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.sampled_from(
        ["姓名", "证件号码", ONE, TWO.lower(), "正式", "2026-01-05", "13800138000", "生产部/甲班", "合计", "="]
    ),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.datetimes(),
    st.dates(),
)
ANY_ROWS = st.lists(st.lists(ANY_CELL, max_size=len(HEADER) + 2), max_size=8)


@given(ANY_ROWS, st.booleans())
def test_a_line_is_taken_or_says_why_not_and_nothing_crashes(found: Sequence[Sequence[Any]], headed: bool) -> None:
    given_rows = [tuple(HEADER), *found] if headed else found
    sheet = rows.sheet(enumerate(given_rows, start=1), employer=("云岭公司",), categories=CATEGORIES, today=TODAY)
    if sheet is None:
        assert not headed
        return
    for line in sheet.lines:
        assert (line.row is None) is bool(line.problems)
        if line.row is not None:
            assert line.document == (line.row.document, line.row.number)
            assert line.row.name.strip()
    taken = [one.document for one in sheet.lines if one.row is not None and one.same_as is None]
    assert len(set(taken)) == len(taken), "one person once"


BEGINNINGS = [b"", b"PK\x03\x04", "姓名,证件号码\n".encode(), "姓名\t证件号码\n".encode("utf-16")]


@given(st.binary(max_size=300), st.sampled_from(BEGINNINGS))
def test_no_file_crashes_the_reader(content: bytes, before: bytes) -> None:
    with suppress(Malformed):
        rows.sheet(files.rows_in(before + content), employer=(), categories={}, today=TODAY)


def test_a_day_cell_is_given_back_as_a_day() -> None:
    content = xlsx([("张三", "", A_DAY, "")], header=("姓名", "证件号码", "入职日期", "岗位"), above=[])
    assert read(content).lines[0].cells == ("张三", "", "2026-01-05", "")
