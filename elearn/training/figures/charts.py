"""Charts as SVG text: bars with their values beside them, and columns along quarters. Pure; no library, no script.

Each is one picture with a title and a sentence for whoever hears it; the page says the same numbers in a table beside
it. Colours stand as attributes, for paper; a page's style sheet may say others by class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

WIDTH = 360
"""Units across; a letter is 12 of them high, so on a phone it is as large as on paper."""
ROW, TOP = 38, 4
BAR_HIGH = 12
INK, QUIET, BAR, BACK = "#16302f", "#54706d", "#0b6b70", "#dfe8e7"
LETTERS = 30
"""Of a label, Latin ones; Chinese ones are twice as wide."""


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    part: int
    whole: int
    said: str
    """The value as it is read: `83 % (25 of 30)`."""


@dataclass(frozen=True, slots=True)
class Column:
    label: str
    value: int
    said: str


def bars(title: str, description: str, rows: Sequence[Bar], *, name: str) -> str:
    """A bar for each row, filled by its part of the whole. `name`: unique on the page."""
    drawn = []
    for number, row in enumerate(rows):
        y = TOP + number * ROW
        filled = _of(row.part, row.whole, WIDTH)
        drawn.append(
            f'<text x="0" y="{y + 13}" class="chart-ink" fill="{INK}">{escape(_cut(row.label))}</text>'
            f'<text x="{WIDTH}" y="{y + 13}" text-anchor="end" class="chart-ink chart-strong" fill="{INK}">'
            f"{escape(row.said)}</text>"
            f'<rect x="0" y="{y + 19}" width="{WIDTH}" height="{BAR_HIGH}" rx="3" class="chart-back" fill="{BACK}"/>'
        )
        if filled:
            drawn.append(
                f'<rect x="0" y="{y + 19}" width="{filled}" height="{BAR_HIGH}" rx="3" class="chart-bar" fill="{BAR}"/>'
            )
    return _picture(title, description, drawn, TOP + ROW * len(rows), name)


def columns(title: str, description: str, rows: Sequence[Column], *, name: str) -> str:
    """A column for each row, as high as its value beside the highest."""
    high, foot = 120, 148
    most = max([row.value for row in rows], default=0)
    step = WIDTH // max(1, len(rows))
    wide = min(48, step - 8)
    drawn = [f'<line x1="0" y1="{foot - 8}" x2="{WIDTH}" y2="{foot - 8}" class="chart-rule" stroke="{BACK}"/>']
    for number, row in enumerate(rows):
        middle = number * step + step // 2
        tall = _of(max(0, row.value), most, high - 16)
        top = foot - 8 - tall
        drawn.append(
            f'<rect x="{middle - wide // 2}" y="{top}" width="{wide}" height="{tall}" class="chart-bar" fill="{BAR}"/>'
            f'<text x="{middle}" y="{top - 4}" text-anchor="middle" class="chart-ink" fill="{INK}">'
            f"{escape(row.said)}</text>"
            f'<text x="{middle}" y="{foot + 6}" text-anchor="middle" class="chart-quiet" fill="{QUIET}">'
            f"{escape(row.label)}</text>"
        )
    return _picture(title, description, drawn, foot + 10, name)


def _picture(title: str, description: str, drawn: Sequence[str], high: int, name: str) -> str:
    ids = quoteattr(f"{name}-title {name}-desc")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {WIDTH} {high}" role="img"'
        f' aria-labelledby={ids} font-size="12" font-family="sans-serif">'
        f"<title id={quoteattr(name + '-title')}>{escape(title)}</title>"
        f"<desc id={quoteattr(name + '-desc')}>{escape(description)}</desc>{''.join(drawn)}</svg>"
    )


def _of(part: int, whole: int, length: int) -> int:
    """So much of a length, rounded down; something is never drawn as nothing, and never as more than all."""
    if whole <= 0 or part <= 0:
        return 0
    return min(length, max(1, part * length // whole))


def _cut(label: str) -> str:
    """As many letters as fit beside a value."""
    room = LETTERS
    for place, letter in enumerate(label):
        room -= 2 if ord(letter) > 0x2E7F else 1
        if room < 0:
            return label[: max(1, place - 1)] + "…"
    return label
