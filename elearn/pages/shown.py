"""Times, lengths and days as people read them, in the caller's language. Rounding is down: nobody is shown too much."""

from __future__ import annotations

import re
from datetime import datetime

from babel.dates import format_datetime
from markupsafe import Markup

from elearn.courses.teaching import clock_text
from elearn.credit_export.hours import MICRO, as_text
from elearn.locale import language
from elearn.training.telling.wording import day, length
from elearn.zone import LOCAL_ZONE as ZONE

__all__ = [
    "ZONE",
    "class_hours",
    "clock_text",
    "day",
    "hours_minutes",
    "length",
    "moment",
    "per_mille",
    "size",
    "tongue",
]

HAN = re.compile("[\u3400-\u9fff]")


def hours_minutes(ms: int) -> str:
    """Hours and minutes on the clock's face: `12:05`."""
    return f"{max(0, ms) // 3_600_000}:{max(0, ms) // 60_000 % 60:02}"


def moment(at: datetime) -> str:
    """Day and minute in China: `7月1日 09:30`, `Jul 1, 09:30`."""
    return format_datetime(at, "M月d日 HH:mm" if language() == "zh" else "MMM d, HH:mm", tzinfo=ZONE, locale=language())


def size(octets: int) -> str:
    """A file's size, in decimal units."""
    return f"{octets / 1e9:.1f} GB" if octets >= 1e9 else f"{max(1, octets // 100_000) / 10:.1f} MB"


def class_hours(micro: int) -> str:
    """Millionths of a 学时 with one decimal, rounded down once."""
    return as_text(micro * 10 // MICRO)


def per_mille(part: int, whole: int) -> int:
    """Of 1000, rounded down and never more; 0 of nothing."""
    return min(1000, max(0, part) * 1000 // whole) if whole > 0 else 0


def tongue(text: str) -> Markup:
    """The attribute that says that `text` is Chinese, where the page is not: voices have to know. Else nothing."""
    return Markup(' lang="zh-CN"') if language() != "zh" and HAN.search(text) else Markup("")
