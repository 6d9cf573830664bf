"""Workbooks (XLSX) of archives and figures: a sheet is a header and rows.

Cells are written by their kind and never guessed from their text, as in packages for exam systems: what begins with `=`
is text. Times are those of China.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import xlsxwriter

from elearn.zone import LOCAL_ZONE

OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}

Cell = str | int | float | datetime | date | None


class Workbook:
    """One workbook; each sheet is a header and rows. The same rows give the same bytes."""

    def __init__(self, out: io.BytesIO, *, title: str, as_of: datetime) -> None:
        self._book = xlsxwriter.Workbook(out, OPTIONS)
        self._book.set_properties({"title": title, "created": as_of.astimezone(LOCAL_ZONE)})
        add, base = self._book.add_format, {"valign": "top", "border": 1, "border_color": "#B8C4C6"}
        self._head = add({**base, "bold": True, "bg_color": "#D7E6E7", "text_wrap": True})
        self._text = add({**base, "num_format": "@", "quote_prefix": True})
        self._number = add(base)
        self._moment = add({**base, "num_format": "yyyy-mm-dd hh:mm"})
        self._day = add({**base, "num_format": "yyyy-mm-dd"})

    def __enter__(self) -> Workbook:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._book.close()

    def add(self, name: str, columns: Mapping[str, int], rows: Iterable[Sequence[Cell]]) -> None:
        """`columns`: header -> width."""
        sheet = self._book.add_worksheet(name)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.freeze_panes(1, 0)
        for place, (header, width) in enumerate(columns.items()):
            sheet.set_column(place, place, width)
            sheet.write_string(0, place, header, self._head)
        for number, row in enumerate(rows, start=1):
            for place, cell in enumerate(row):
                self._write(sheet, number, place, cell)

    def _write(self, sheet: Any, row: int, place: int, cell: Cell) -> None:
        match cell:
            case None | "":
                sheet.write_blank(row, place, None, self._number)
            case datetime():
                sheet.write_datetime(row, place, cell.astimezone(LOCAL_ZONE).replace(tzinfo=None), self._moment)
            case date():
                sheet.write_datetime(row, place, cell, self._day)
            case str():
                sheet.write_string(row, place, cell, self._text)
            case _:
                sheet.write_number(row, place, cell, self._number)
