"""A spreadsheet of attendance as institutions really fill it in, row by row. Pure.

Headers are Chinese or English and stand in any order, below titles or not; dates and times are cells of their kind,
text of a dozen forms, or numbers. A cell that cannot be read is a reason beside its row, never a guess.
"""

from __future__ import annotations

import io
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from elearn import unpacking
from elearn.errors import Malformed
from elearn.people.identity import DocumentKind

LARGEST_BYTES = 10_000_000
LARGEST_UNPACKED_BYTES = 200_000_000
MOST_ROWS = 2_000
HEADER_WITHIN = 20
MOST_COLUMNS = 60
MOST_EMPTY = 5_000
MOST_TEXT = 200
EXCEL_DAYS = date(1899, 12, 30)


class Column(StrEnum):
    NAME = "name"
    NUMBER = "number"
    KIND = "kind"
    DAY = "day"
    BEGINS = "begins"
    ENDS = "ends"
    WAY = "way"


HEADERS = {
    Column.NAME: ("姓名", "学员姓名", "name"),
    Column.NUMBER: ("证件号码", "证件号", "身份证号码", "身份证号", "document number"),
    Column.KIND: ("证件类型", "document kind"),
    Column.DAY: ("日期", "上课日期", "培训日期", "签到日期", "date"),
    Column.BEGINS: ("开始时间", "签到时间", "上课时间", "签到", "from"),
    Column.ENDS: ("结束时间", "签退时间", "下课时间", "签退", "to"),
    Column.WAY: ("授课方式", "培训方式", "way"),
}
NEEDED = (Column.NAME, Column.NUMBER, Column.DAY, Column.BEGINS, Column.ENDS)
KINDS = {
    "": DocumentKind.RESIDENT_ID, "居民身份证": DocumentKind.RESIDENT_ID, "身份证": DocumentKind.RESIDENT_ID,
    **{kind.value: kind for kind in DocumentKind},
}  # fmt: skip
ON_SITE = ("", "线下", "面授", "现场", "实操", "集中培训", "on site", "offline")


LATER = {"中午": 11, "下午": 12, "晚上": 12}
"""An hour below that is one of the afternoon."""


class Problem(StrEnum):
    """What is wrong with a row, of what can be seen in the row itself."""

    NO_NAME = "NO_NAME"
    NO_NUMBER = "NO_NUMBER"
    BAD_KIND = "BAD_KIND"
    BAD_DAY = "BAD_DAY"
    BAD_TIME = "BAD_TIME"
    ENDS_BEFORE = "ENDS_BEFORE"
    NOT_ON_SITE = "NOT_ON_SITE"
    """It says that it was online: that is never entered by hand, and practice never online."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the sheet. Times are None where they cannot be read; then `problem` says so."""

    row: int
    """As the spreadsheet program counts."""
    name: str
    number: str
    kind: DocumentKind
    on: date | None
    begins: time | None
    ends: time | None
    problem: Problem | None = None


def read(content: bytes) -> list[Row]:
    """The rows below the header. Raises Malformed: no spreadsheet, too large, no header, or no row."""
    if len(content) > LARGEST_BYTES:
        raise Malformed("A spreadsheet of attendance has at most 10 MB.", code="bad_sheet")
    found: list[Row] = []
    try:
        with unpacking.workbook(io.BytesIO(content), most_bytes=LARGEST_UNPACKED_BYTES) as book:
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # what a file says of its own size is not believed
                for row in _sheet(sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS)):
                    found.append(row)
                    if len(found) > MOST_ROWS:
                        raise Malformed("At most 2,000 rows are taken at once.", code="bad_sheet")
    except unpacking.TooMuch as error:
        raise Malformed("The spreadsheet is too large when unpacked.", code="bad_sheet") from error
    except unpacking.NoWorkbook as error:
        raise Malformed("This is no spreadsheet that can be read (XLSX).", code="bad_sheet") from error
    if not found:
        raise Malformed(
            "No row was found. The sheet needs the columns 姓名, 证件号码, 日期, 开始时间, 结束时间.", code="bad_sheet"
        )
    return found


def _sheet(rows: Iterator[Sequence[object]]) -> Iterator[Row]:
    where: dict[Column, int] = {}
    empty = 0
    for number, cells in enumerate(rows, start=1):
        if not where:
            where = _header(cells)
            if not where and number >= HEADER_WITHIN:
                return
            continue
        values = {column: cells[place] if place < len(cells) else None for column, place in where.items()}
        if all(_text(value) == "" for value in values.values()):
            empty += 1
            if empty > MOST_EMPTY:
                return
            continue
        yield _row(number, values)


def _header(cells: Sequence[object]) -> dict[Column, int]:
    """Where each column stands; empty when this row is no header."""
    texts = [_text(cell).casefold().replace(" ", "") for cell in cells]
    found = {}
    for column, names in HEADERS.items():
        place = next((texts.index(name.replace(" ", "")) for name in names if name.replace(" ", "") in texts), None)
        if place is not None:
            found[column] = place
    return found if all(column in found for column in NEEDED) else {}


def _row(number: int, values: dict[Column, object]) -> Row:
    name, document = _text(values[Column.NAME]), _text(values[Column.NUMBER]).replace(" ", "")
    kind = KINDS.get(_text(values.get(Column.KIND)))
    on = day_of(values[Column.DAY])
    begins, ends = time_of(values[Column.BEGINS]), time_of(values[Column.ENDS])
    problem = None
    if not name:
        problem = Problem.NO_NAME
    elif not document:
        problem = Problem.NO_NUMBER
    elif kind is None:
        problem = Problem.BAD_KIND
    elif _text(values.get(Column.WAY)).casefold() not in ON_SITE:
        problem = Problem.NOT_ON_SITE
    elif on is None:
        problem = Problem.BAD_DAY
    elif begins is None or ends is None:
        problem = Problem.BAD_TIME
    elif begins >= ends:
        problem = Problem.ENDS_BEFORE
    return Row(number, name, document, kind or DocumentKind.RESIDENT_ID, on, begins, ends, problem)


_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T][^-/年月]*)?|(\d{4})(\d{2})(\d{2})")
# A day may stand before the time; a word that may mean another half of the day, or another time, may not.
_TIME = re.compile(
    r"(上午|下午|晚上|中午)?(?:[^:点时午晚夜A-Za-z]*[ T])?(\d{1,2})(?:[:点时](?:(\d{1,2})分?)?)(?:[::](\d{1,2}))?"
)


def day_of(value: object) -> date | None:
    """`2026-07-01`, `2026/7/1`, `2026年7月1日`, `20260701`, a date cell, or Excel's number of days."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 30_000 <= value < 80_000:
        return EXCEL_DAYS + timedelta(days=int(value))
    found = _DAY.fullmatch(_text(value))
    if found is None:
        return None
    year, month, day = (int(part) for part in (found.groups()[:3] if found[1] else found.groups()[3:]))
    try:
        return date(year, month, day)
    except ValueError:
        return None


def time_of(value: object) -> time | None:
    """`9:00`, `09:00:00`, `9点30分`, `下午2:30`, with a date before it or not, a time cell, or a part of a day."""
    if isinstance(value, datetime):
        return value.time().replace(microsecond=0)
    if isinstance(value, time):
        return value.replace(microsecond=0)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if isinstance(value, float) and not math.isfinite(value):
            return None
        seconds = round((value % 1) * 86_400)
        return time(seconds // 3600, seconds // 60 % 60, seconds % 60) if value % 1 > 0 and seconds < 86_400 else None
    found = _TIME.fullmatch(_text(value))
    if found is None:
        return None
    half, hours, minutes, seconds_text = found.groups()
    hour = int(hours) + (12 if int(hours) < LATER.get(half, 0) else 0)
    if half == "晚上" and hour == 12:
        return None  # midnight: before the day, or after it?
    try:
        return time(hour, int(minutes or 0), int(seconds_text or 0))
    except ValueError:
        return None


def _text(value: object) -> str:
    """A cell as text: full-width signs made plain, spaces joined. A number in a number cell keeps its digits."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(unicodedata.normalize("NFKC", str(value)).split())[:MOST_TEXT]
