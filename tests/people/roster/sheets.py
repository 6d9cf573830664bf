"""Rosters for tests, as dirty as HR programs and people make them. Made anew each time, never kept as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import openpyxl

HEADER = (
    "序号",
    "姓名",
    "身份证号码",
    "手机号码",
    "部门",
    "车间",
    "班组",
    "岗位",
    "用工形式",
    "入职日期",
    "离职日期",
    "工号",
)
TITLE = ("云岭建设有限公司在册人员花名册",)


def xlsx(
    rows: Sequence[Sequence[object]],
    *,
    header: Sequence[str] = HEADER,
    above: Sequence[Sequence[object]] = (TITLE, ()),
    merged: Sequence[str] = (),
    other_sheets: bool = False,
) -> bytes:
    """A workbook: what stands above the header, the header, the rows, and cells merged afterwards."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    if other_sheets:
        sheet.append(["填表说明"])
        sheet = book.create_sheet("名单")
    for cells in (*above, header, *rows):
        sheet.append(list(cells))
    for line in sheet.iter_rows():
        for cell in line:
            if cell.data_type == "f":  # what begins with = is text here, as HR programs write it
                cell.data_type = "s"
    for place in merged:
        sheet.merge_cells(place)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def text(
    rows: Sequence[Sequence[object]], *, header: Sequence[str] = HEADER, delimiter: str = ",", encoding: str = "utf-8"
) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows([header, *rows])
    return out.getvalue().encode(encoding)


def cells_of(content: bytes) -> list[list[str]]:
    """Every row of the first sheet, as text."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet = book.worksheets[0]
    return [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
