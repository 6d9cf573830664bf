"""A spreadsheet of attendance as institutions really fill it in, row by row. Pure.

A cell that cannot be read is a reason beside its row, never a guess.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum

from elearn.errors import Malformed
from elearn.people.identity import DocumentKind
from elearn.unpacking import day_of, rows_of, text_of

LARGEST_BYTES = 10_000_000
LARGEST_UNPACKED_BYTES = 200_000_000
MOST_ROWS = 2_000


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
    rows = rows_of(
        content, HEADERS, NEEDED, most_bytes=LARGEST_BYTES, most_unpacked=LARGEST_UNPACKED_BYTES, most_rows=MOST_ROWS
    )
    found = [_row(number, values) for number, values in rows]
    if not found:
        raise Malformed(
            "No row was found. The sheet needs the columns 姓名, 证件号码, 日期, 开始时间, 结束时间.", code="bad_sheet"
        )
    return found


def _row(number: int, values: dict[Column, object]) -> Row:
    name, document = text_of(values[Column.NAME]), text_of(values[Column.NUMBER]).replace(" ", "")
    kind = KINDS.get(text_of(values.get(Column.KIND)))
    on = day_of(values[Column.DAY])
    begins, ends = time_of(values[Column.BEGINS]), time_of(values[Column.ENDS])
    problem = None
    if not name:
        problem = Problem.NO_NAME
    elif not document:
        problem = Problem.NO_NUMBER
    elif kind is None:
        problem = Problem.BAD_KIND
    elif text_of(values.get(Column.WAY)).casefold() not in ON_SITE:
        problem = Problem.NOT_ON_SITE
    elif on is None:
        problem = Problem.BAD_DAY
    elif begins is None or ends is None:
        problem = Problem.BAD_TIME
    elif begins >= ends:
        problem = Problem.ENDS_BEFORE
    return Row(number, name, document, kind or DocumentKind.RESIDENT_ID, on, begins, ends, problem)


# A day may stand before the time; a word that may mean another half of the day, or another time, may not.
_TIME = re.compile(
    r"(上午|下午|晚上|中午)?(?:[^:点时午晚夜A-Za-z]*[ T])?(\d{1,2})(?:[:点时](?:(\d{1,2})分?)?)(?:[::](\d{1,2}))?"
)


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
    found = _TIME.fullmatch(text_of(value))
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
