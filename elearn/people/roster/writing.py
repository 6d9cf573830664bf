"""Pure: spreadsheets that leave: what was refused and why, the empty form, the roster itself.

Cells are written as text and marked as such, so that what begins with `=` is text in every program, and a document
number keeps its digits.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import xlsxwriter

from elearn.people.roster.columns import NEEDED, PLAIN

OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def refused_book(
    header: Sequence[str], lines: Iterable[tuple[int, Sequence[str], str]], *, line: str, reason: str
) -> bytes:
    """The refused rows as they were sent, with their line and the reason before them: put right, it is sent again."""
    rows = ((str(number), why, *cells) for number, cells, why in lines)
    return book("名单", (line, reason, *header), rows, widths=(8, 46))


def form_book(notes: Sequence[tuple[str, str]]) -> bytes:
    """An empty sheet with these columns, and what they may hold on a second one. A column of a group's is needed."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, OPTIONS) as made:
        text = made.add_format({"num_format": "@"})
        head = made.add_format({"bold": True, "num_format": "@", "bg_color": "#e3f1f0", "border": 1})
        sheet = made.add_worksheet("花名册")
        needed = {PLAIN[one] for one in NEEDED} | {name for name, _note in notes if name not in PLAIN.values()}
        for place, (name, _note) in enumerate(notes):
            sheet.write_string(0, place, f"*{name}" if name in needed else name, head)
        sheet.set_column(0, len(notes) - 1, 18, text)
        sheet.freeze_panes(1, 0)
        told = made.add_worksheet("说明")
        wrap = made.add_format({"text_wrap": True, "valign": "top"})
        for number, (name, note) in enumerate(notes):
            told.write_string(number, 0, name, wrap)
            told.write_string(number, 1, note, wrap)
        told.set_column(0, 0, 14)
        told.set_column(1, 1, 90)
    return out.getvalue()


def roster_book(rows: Iterable[Sequence[str]], *, employer: str) -> bytes:
    """The columns of the empty form after the employer's name."""
    return book("花名册", (employer, *PLAIN.values()), rows, widths=(24, 12))


def book(title: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, widths: Sequence[int]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, OPTIONS) as made:
        text = made.add_format({"num_format": "@", "quote_prefix": True})
        head = made.add_format({"bold": True, "num_format": "@", "quote_prefix": True, "bg_color": "#e3f1f0"})
        sheet = made.add_worksheet(title)
        sheet.set_column(0, max(len(header) - 1, 0), 18)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        for place, name in enumerate(header):
            sheet.write_string(0, place, name, head)
        for number, cells in enumerate(rows, start=1):
            for place, cell in enumerate(cells):
                if cell:
                    sheet.write_string(number, place, cell, text)
        sheet.freeze_panes(1, 0)
    return out.getvalue()
