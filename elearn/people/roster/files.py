"""Pure: the rows of a file as HR programs write it: XLSX with merged cells and titles, CSV in their encodings."""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence

from openpyxl.utils import column_index_from_string

from elearn.errors import Malformed
from elearn.people.roster.columns import HEADER_WITHIN, header_in
from elearn.people.roster.rows import Cells, no_header
from elearn.unpacking import BROKEN_ZIP, MOST_COLUMNS, MOST_EMPTY, NoWorkbook, TooMuch, workbook

LARGEST_BYTES = 20_000_000
LARGEST_UNPACKED_BYTES = 400_000_000
MOST_ROWS = 50_000
MOST_MERGES = 50_000

_ZIP, _OLE, _UTF16 = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
DELIMITERS = ",\t;|，"
_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_PIECE = 1 << 20


def rows_in(content: bytes) -> Iterator[tuple[int, Cells]]:
    """The rows from the first on, as the spreadsheet program counts; of a workbook the first sheet with a header.

    Raises Malformed `bad_roster`, also after some rows.
    """
    if len(content) > LARGEST_BYTES:
        raise Malformed("The file is larger than %(limit)s MB.", code="bad_roster", limit=LARGEST_BYTES // 1_000_000)
    if content.startswith(_ZIP):
        rows = _of_workbook(content)
    elif content.startswith(_OLE):
        raise Malformed(
            "This is an old or a locked Excel file. Save it as XLSX without a password, or as CSV.", code="bad_roster"
        )
    else:
        rows = _of_text(content)
    last = 0
    for number, cells in rows:
        if number > MOST_ROWS + HEADER_WITHIN:
            raise Malformed("At most %(limit)s rows are taken at once.", code="bad_roster", limit=MOST_ROWS)
        if any(cell not in (None, "") for cell in cells):
            last = number
        elif number - last > MOST_EMPTY:
            return
        yield number, cells


# --- XLSX -------------------------------------------------------------------------------------------------------------


def _of_workbook(content: bytes) -> Iterator[tuple[int, Cells]]:
    file = io.BytesIO(content)
    try:
        with workbook(file, most_bytes=LARGEST_UNPACKED_BYTES) as book, zipfile.ZipFile(file) as packed:
            for sheet in book.worksheets:
                # What a file says of its own size is not believed.
                sheet.reset_dimensions()
                merged = _merged_down(packed, getattr(sheet, "_worksheet_path", ""))
                top = list(
                    _filled(sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS, max_row=HEADER_WITHIN), merged)
                )
                if header_in(top) is None:
                    continue
                rows = sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS)
                yield from enumerate(_filled(rows, merged), start=1)
                return
    except TooMuch as error:
        raise Malformed("The file is too large when unpacked.", code="bad_roster") from error
    except NoWorkbook as error:
        raise Malformed("This is no spreadsheet that can be read (XLSX or CSV).", code="bad_roster") from error
    raise no_header()


def _merged_down(packed: zipfile.ZipFile, path: str) -> dict[int, list[tuple[int, int]]]:
    """Column (from 0) -> first and last rows (from 1) of cells that were merged downwards, in order.

    A reader that goes row by row does not tell: the list stands behind the rows. It holds no text, and text holds no
    `<`, so looking for it is enough.
    """
    found: dict[int, list[tuple[int, int]]] = {}
    count, kept = 0, b""
    try:
        with packed.open(path.lstrip("/")) as part:
            while piece := part.read(_PIECE):
                kept += piece
                for match in _MERGE.finditer(kept):
                    top, bottom = int(match[2]), int(match[4])
                    count += 1
                    if bottom > top and count <= MOST_MERGES:
                        column = column_index_from_string(match[1].decode()) - 1
                        found.setdefault(column, []).append((top, bottom))
                end = max((match.end() for match in _MERGE.finditer(kept)), default=0)
                kept = kept[max(end, len(kept) - 200) :]
    except (KeyError, *BROKEN_ZIP):
        return {}
    return {column: sorted(ranges) for column, ranges in found.items()}


def _filled(rows: Iterator[Sequence[object]], merged: dict[int, list[tuple[int, int]]]) -> Iterator[Cells]:
    """Each cell of a merged one holds what its first one does."""
    waiting = {column: iter(ranges) for column, ranges in merged.items()}
    current = {column: next(ranges) for column, ranges in waiting.items()}
    held: dict[int, object] = {}
    for number, cells in enumerate(rows, start=1):
        if not current:
            yield cells
            continue
        filled = list(cells)
        for column in list(current):
            while column in current and current[column][1] < number:
                following = next(waiting[column], None)
                if following is None:
                    del current[column]
                else:
                    current[column] = following
            if column not in current or column >= len(filled):
                continue
            top, _bottom = current[column]
            if number == top:
                held[column] = filled[column]
            elif number > top and filled[column] is None:
                filled[column] = held.get(column)
        yield filled


# --- CSV --------------------------------------------------------------------------------------------------------------


def text_in(content: bytes) -> str:
    """UTF-8 and UTF-16 where their mark stands at the beginning, else UTF-8, else GB 18030 (GBK and GB 2312 are parts
    of it). Raises Malformed.
    """
    try:
        if content.startswith(_UTF16):
            return content.decode("utf-16")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return content.decode("gb18030")
    except UnicodeDecodeError as error:
        raise Malformed("This is no spreadsheet that can be read (XLSX or CSV).", code="bad_roster") from error


def _of_text(content: bytes) -> Iterator[tuple[int, Cells]]:
    text = text_in(content)
    if "\0" in text or text.lstrip()[:1] == "<":
        raise Malformed("This is no spreadsheet that can be read (XLSX or CSV).", code="bad_roster")
    best, most = None, 0
    for delimiter in DELIMITERS:
        found = header_in(list(_split(text, delimiter, HEADER_WITHIN)))
        if found is not None and len(found[1]) > most:
            best, most = delimiter, len(found[1])
    if best is None:
        raise no_header()
    return enumerate(_split(text, best, None), start=1)


def _split(text: str, delimiter: str, most: int | None) -> Iterator[Cells]:
    """Raises Malformed: a cell without an end."""
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)):
            if most is not None and number >= most:
                return
            yield cells[:MOST_COLUMNS]
    except csv.Error as error:
        raise Malformed("This is no spreadsheet that can be read (XLSX or CSV).", code="bad_roster") from error
