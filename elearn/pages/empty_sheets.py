"""An empty spreadsheet with the columns that a page reads, every cell as text: numbers keep their zeros."""

from __future__ import annotations

import io
from collections.abc import Sequence

import openpyxl
from flask import Response
from openpyxl.utils import get_column_letter

from elearn.web import XLSX

ROWS = 200
"""Cells as text from the head to this row."""


def empty_sheet(title: str, columns: Sequence[tuple[str, int]], name: str) -> Response:
    """`columns`: each head with its width in characters; `name`: of the file."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    sheet.append([head for head, _width in columns])
    for place, (_head, width) in enumerate(columns, start=1):
        letter = get_column_letter(place)
        sheet.column_dimensions[letter].width = width
        for row in range(1, ROWS):
            sheet[f"{letter}{row}"].number_format = "@"
    sheet.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    response = Response(out.getvalue(), content_type=XLSX)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response
