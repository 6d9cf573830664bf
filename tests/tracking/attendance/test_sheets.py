"""Spreadsheets as institutions fill them in: what is read, and what is a reason beside its row."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime, time

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn import unpacking
from elearn.errors import Malformed
from elearn.people.identity import DocumentKind
from elearn.tracking.attendance import sheets
from elearn.tracking.attendance.sheets import Problem

HEADERS = ("姓名", "证件号码", "日期", "开始时间", "结束时间", "证件类型", "授课方式")
MOMENT = datetime(2026, 7, 1, 9, 30)  # noqa: DTZ001 - a cell knows no zone
GOOD: tuple[object, ...] = ("李四", "530102199001011234", "2026-07-01", "09:00", "10:30", "居民身份证", "线下")


def a_sheet(*rows: tuple[object, ...], headers: tuple[str, ...] = HEADERS, above: int = 0) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [("标题",)] * above + [headers, *rows]:
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("cell", "on"),
    [
        ("2026-07-01", date(2026, 7, 1)), ("2026/7/1", date(2026, 7, 1)), ("2026.07.01", date(2026, 7, 1)),
        ("2026年7月1日", date(2026, 7, 1)), ("20260701", date(2026, 7, 1)), (20260701, date(2026, 7, 1)),
        (46204, date(2026, 7, 1)), (date(2026, 7, 1), date(2026, 7, 1)), (MOMENT, date(2026, 7, 1)),
        ("２０２６－０７－０１", date(2026, 7, 1)), ("2026-07-01 09:00", date(2026, 7, 1)),
        (" 2026-07-01 ", date(2026, 7, 1)),
        ("2026-07-01 星期三", date(2026, 7, 1)), ("2026-07-01 至 2026-07-03", None),
        ("2026-02-30", None), ("7月1日", None), ("tomorrow", None), ("", None), (None, None), (True, None), (12, None),
        ("01/07/2026", None),
    ],
)  # fmt: skip
def test_a_date_is_read_in_every_form_that_means_one_day(cell: object, on: date | None) -> None:
    assert unpacking.day_of(cell) == on


@pytest.mark.parametrize(
    ("cell", "clock"),
    [
        ("09:00", time(9)), ("9:00", time(9)), ("9：30", time(9, 30)), ("09:00:15", time(9, 0, 15)), ("9点", time(9)),
        ("9点30分", time(9, 30)), ("14时05", time(14, 5)), ("下午2:30", time(14, 30)), ("上午9:00", time(9)),
        ("中午12:00", time(12)), ("中午1:00", time(13)), ("中午11:30", time(11, 30)), ("下午 2:30", time(14, 30)),
        ("2026-07-01 星期三 09:00", time(9)), ("晚上12:00", None), ("2026-07-01 下午 2:30", None), ("PM 2:30", None),
        ("9:00 - 10:30", None), ("下午12:30", time(12, 30)), ("2026-07-01 09:00", time(9)), (time(9, 30), time(9, 30)),
        (MOMENT, time(9, 30)), (0.375, time(9)), (46204.5, time(12)),
        ("25:00", None), ("9:70", None), ("nine", None), ("", None), (None, None), (9, None), ("9", None), (True, None),
    ],
)  # fmt: skip
def test_a_time_is_read_in_every_form_that_means_one_moment(cell: object, clock: time | None) -> None:
    assert sheets.time_of(cell) == clock


BAD_ROWS = [
    (0, None, Problem.NO_NAME), (1, "", Problem.NO_NUMBER), (2, "?", Problem.BAD_DAY), (3, "?", Problem.BAD_TIME),
    (4, None, Problem.BAD_TIME), (4, "09:00", Problem.ENDS_BEFORE), (4, "08:00", Problem.ENDS_BEFORE),
    (5, "学生证", Problem.BAD_KIND), (6, "线上", Problem.NOT_ON_SITE), (6, "网络", Problem.NOT_ON_SITE),
]  # fmt: skip


@pytest.mark.parametrize(("place", "cell", "problem"), BAD_ROWS)
def test_a_cell_that_cannot_be_read_is_a_reason(place: int, cell: object, problem: Problem) -> None:
    row = (*GOOD[:place], cell, *GOOD[place + 1 :])
    assert [one.problem for one in sheets.read(a_sheet(GOOD, row))] == [None, problem]


def test_columns_stand_in_any_order_below_titles_and_rows_keep_their_number() -> None:
    order = [3, 0, 6, 2, 1, 4, 5]
    turned = a_sheet(
        tuple(GOOD[one] for one in order), (None,) * 7, tuple(GOOD[one] for one in order),
        headers=tuple(HEADERS[one] for one in order), above=3,
    )  # fmt: skip
    first, second = sheets.read(turned)
    assert (first.row, second.row) == (5, 7)
    assert (first.name, first.number, first.kind) == ("李四", "530102199001011234", DocumentKind.RESIDENT_ID)
    assert (first.on, first.begins, first.ends, first.problem) == (date(2026, 7, 1), time(9), time(10, 30), None)


def test_what_is_no_spreadsheet_is_refused_whole() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * (sheets.LARGEST_UNPACKED_BYTES + 1))
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as packed:
        packed.writestr("a.txt", "a")
    whole = a_sheet(GOOD)
    with zipfile.ZipFile(io.BytesIO(whole)) as packed:
        begins = packed.getinfo("xl/worksheets/sheet1.xml").header_offset
    damaged = whole[: begins + 80] + bytes(20) + whole[begins + 100 :]
    for content in (
        b"", b"text", whole[:-200], whole[: len(whole) // 2], damaged, bomb.getvalue(), empty.getvalue(), a_sheet(),
        a_sheet(GOOD, headers=("a", "b", "c", "d", "e", "f", "g")), a_sheet(*[GOOD] * (sheets.MOST_ROWS + 1)),
    ):  # fmt: skip
        with pytest.raises(Malformed) as refused:
            sheets.read(content)
        assert refused.value.error_code == "bad_sheet"


@given(
    st.one_of(st.text(max_size=30), st.integers(), st.floats(), st.none(), st.booleans(), st.datetimes(), st.times())
)
def test_no_cell_breaks_the_reading(cell: object) -> None:
    assert unpacking.day_of(cell) is None or isinstance(unpacking.day_of(cell), date)
    assert sheets.time_of(cell) is None or isinstance(sheets.time_of(cell), time)
