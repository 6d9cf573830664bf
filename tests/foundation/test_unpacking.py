"""Zip files and spreadsheets of strangers: whatever is wrong with one, it is refused as what it is, never a crash."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from enum import StrEnum

import openpyxl
import pytest

from elearn import unpacking
from elearn.courses.questions.formats.safe_zip import Package
from elearn.errors import Malformed

MOST = 10_000_000
SHEET = "xl/worksheets/sheet1.xml"


def a_workbook() -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in range(50):
        sheet.append([f"第 {row} 行", row, row / 7])
    book.save(out)
    return out.getvalue()


def rows_of(data: bytes, *, most_bytes: int = MOST) -> list[tuple[object, ...]]:
    with unpacking.workbook(io.BytesIO(data), most_bytes=most_bytes) as book:
        return list(book.worksheets[0].iter_rows(values_only=True))


def with_part(data: bytes, name: str, body: bytes | None) -> bytes:
    """The same with another part of that name, or without it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for each in before.namelist():
            if each != name:
                after.writestr(each, before.read(each))
        if body is not None:
            after.writestr(name, body)
    return out.getvalue()


def a_misnamed_zip(places: int) -> bytes:
    """A name that is no UTF-8 and says it is: in its own head, or (two places) in the table of contents too."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("ü", b"x")
    return out.getvalue().replace("ü".encode(), b"\xff\xfe", places)


DAMAGE: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("nothing", lambda data: b""),
    ("another file", lambda data: b"%PDF-1.7"),
    ("cut in half", lambda data: data[: len(data) // 2]),
    ("no part of a workbook", lambda data: a_misnamed_zip(0)),
    ("a name that is no UTF-8", lambda data: a_misnamed_zip(2)),
    ("a sheet that is missing", lambda data: with_part(data, SHEET, None)),
    ("a sheet that is broken off", lambda data: with_part(data, SHEET, b"<worksheet><sheetData><row><c t='inl")),
    ("a cell that is none", lambda data: with_part(data, SHEET, b"<worksheet><sheetData><row><c r='?'/></row>")),
    ("a workbook that is no XML", lambda data: with_part(data, "xl/workbook.xml", b"\0\1\2")),
]


@pytest.mark.parametrize(("what", "damage"), DAMAGE, ids=[one[0] for one in DAMAGE])
def test_what_is_no_workbook_is_refused_as_none(what: str, damage: Callable[[bytes], bytes]) -> None:
    whole = a_workbook()
    assert len(rows_of(whole)) == 50
    with pytest.raises(unpacking.NoWorkbook):
        rows_of(damage(whole))


def test_no_damage_to_a_workbook_is_a_crash() -> None:
    draw, whole = random.Random(26300), a_workbook()
    for _ in range(150):
        at, wide = draw.randrange(len(whole)), draw.randrange(1, 40)
        damaged = whole[:at] + draw.randbytes(wide) + whole[at + wide :]
        try:
            rows_of(damaged)
        except (unpacking.NoWorkbook, unpacking.TooMuch):
            continue


def test_a_workbook_that_unpacks_to_more_than_is_taken_is_not_unpacked() -> None:
    small = with_part(a_workbook(), SHEET, bytes(MOST))
    assert len(small) < MOST // 100
    with pytest.raises(unpacking.TooMuch):
        rows_of(small)


class Column(StrEnum):
    NAME = "name"


@pytest.mark.parametrize(
    ("most_bytes", "most_unpacked", "most_rows", "said"),
    [
        (MOST, MOST, 3, None),
        (MOST, MOST, 2, "At most 2 rows are taken at once."),
        (MOST, 1_000, 3, "The spreadsheet is too large when unpacked."),
        (1_000, MOST, 3, "The spreadsheet is larger than 0 MB."),
    ],
)
def test_a_table_of_strangers_is_read_within_its_bounds(
    most_bytes: int, most_unpacked: int, most_rows: int, said: str | None
) -> None:
    """Rows are counted over all sheets."""
    book, out = openpyxl.Workbook(), io.BytesIO()
    for names in (["甲", "乙"], ["丙"]):
        sheet = book.create_sheet()
        for name in ("姓名", *names):
            sheet.append([name])
    book.save(out)
    rows = unpacking.rows_of(
        out.getvalue(), {Column.NAME: ["姓名"]}, [Column.NAME],
        most_bytes=most_bytes, most_unpacked=most_unpacked, most_rows=most_rows,
    )  # fmt: skip
    if said is None:
        assert [(number, cells[Column.NAME]) for number, cells in rows] == [(2, "甲"), (3, "乙"), (2, "丙")]
        return
    with pytest.raises(Malformed) as refused:
        list(rows)
    assert (str(refused.value), refused.value.error_code) == (said, "bad_sheet")


@pytest.mark.parametrize("places", [1, 2])
def test_a_name_that_is_no_utf_8_is_damage(places: int) -> None:
    data = a_misnamed_zip(places)
    with pytest.raises(unpacking.BROKEN_ZIP), zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.read("ü")
    with pytest.raises(Malformed):
        Package(data).read("ü")


@pytest.mark.parametrize(
    ("rule", "cells", "is_sum"),
    [
        ("a word for a sum and numbers", ("合计", None, 12, 3.5), True),
        ("wherever the word stands", (None, 12, "总计："), True),
        ("the word alone", ("小计",), True),
        ("with a space in the word, and people counted", ("合 计", "35人", "1,200"), True),
        ("in English", ("Grand total", 4), True),
        ("numbers alone are a row of somebody's", (1, 2, 3), False),
        ("a name beside it is a row", ("合计", "张三", 12), False),
        ("a document number with a letter is a row", ("合计", "53010019900101001X"), False),
        ("a word that only begins so", ("合计中心",), False),
        ("nothing at all", (None, ""), False),
    ],
)
def test_a_row_of_totals_is_told_from_a_row(rule: str, cells: tuple[object, ...], is_sum: bool) -> None:
    assert unpacking.is_sum(cells) is is_sum, rule
