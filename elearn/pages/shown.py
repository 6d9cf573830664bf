"""Times, lengths and days as people read them, in the caller's language. Rounding is down: nobody is shown too much."""

from __future__ import annotations

from datetime import date, datetime

from babel.dates import format_date, format_datetime

from elearn.courses.teaching import clock_text
from elearn.credit_export.hours import MICRO, as_text
from elearn.locale import gettext as _
from elearn.locale import language
from elearn.zone import LOCAL_ZONE as ZONE

__all__ = ["ZONE", "class_hours", "clock_text", "day", "length", "moment", "per_mille", "size"]


def length(ms: int) -> str:
    """How long: `1 h 20 min`, `12 min`, `1 min 30 s` under ten minutes, `45 s`."""
    seconds = max(0, ms) // 1000
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        text = _("%(hours)s h", hours=hours)
        return f"{text} {_('%(minutes)s min', minutes=minutes)}" if minutes else text
    if minutes >= 10 or (minutes and not seconds):
        return _("%(minutes)s min", minutes=minutes)
    text = _("%(seconds)s s", seconds=seconds)
    return f"{_('%(minutes)s min', minutes=minutes)} {text}" if minutes else text


def day(on: date | datetime) -> str:
    """A day: `2026年7月1日`, `Jul 1, 2026`. A moment is shown as its day in China."""
    if isinstance(on, datetime):
        on = on.astimezone(ZONE).date()
    return format_date(on, "long" if language() == "zh" else "medium", locale=language())


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
