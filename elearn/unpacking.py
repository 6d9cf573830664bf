"""Pure: zip files and spreadsheets of strangers; what Python's readers raise over them, and a workbook within bounds.

Headers of a sheet are Chinese or English and stand in any order, below titles or not; days are cells of their kind,
text of a dozen forms, or numbers.

Each list stands here once: damage that one reader knew and another did not was a crash there.
"""

from __future__ import annotations

import io
import lzma
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import IO, TypeVar

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook import Workbook

from elearn.errors import Malformed

BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError)
"""At damage, at what is locked or packed in a way that is not known (RuntimeError), at a name that is no UTF-8."""
BROKEN_SHEET = (
    *BROKEN_ZIP, InvalidFileException, SyntaxError, LookupError, AttributeError, TypeError, ArithmeticError,
    AssertionError,
)  # fmt: skip
"""What openpyxl raises over files that are none; SyntaxError: XML that is broken off."""


class NoWorkbook(Exception):
    """It is no XLSX, or a damaged one."""


class TooMuch(Exception):
    """Unpacked it holds more than is taken."""


@contextmanager
def workbook(file: IO[bytes], *, most_bytes: int) -> Iterator[Workbook]:
    """The XLSX in `file`, to be read row by row inside the block. Raises NoWorkbook, also inside; TooMuch.

    A few hundred bytes can hold gigabytes: what its parts are said to hold is added up before any is unpacked, and
    Python's reader unpacks no part further than that.
    """
    try:
        with zipfile.ZipFile(file) as packed:
            if sum(part.file_size for part in packed.infolist()) > most_bytes:
                raise TooMuch
        with closing(openpyxl.load_workbook(file, read_only=True, data_only=True)) as book:
            yield book
    except BROKEN_SHEET as error:
        raise NoWorkbook(repr(error)) from error


HEADER_WITHIN = 20
MOST_COLUMNS = 60
MOST_EMPTY = 5_000
MOST_TEXT = 200
EXCEL_DAYS = date(1899, 12, 30)

Column = TypeVar("Column", bound=StrEnum)


def rows_of(
    content: bytes,
    headers: Mapping[Column, Sequence[str]],
    needed: Collection[Column],
    *,
    most_bytes: int,
    most_unpacked: int,
    most_rows: int,
    sums: list[int] | None = None,
) -> Iterator[tuple[int, dict[Column, object]]]:
    """The rows of every sheet of an XLSX, as `table` gives them.

    Raises Malformed `bad_sheet`, also after some rows: it is none, or holds more bytes, packed or unpacked, or rows.
    """
    if len(content) > most_bytes:
        raise Malformed("The spreadsheet is larger than %(limit)s MB.", code="bad_sheet", limit=most_bytes // 1_000_000)
    try:
        with workbook(io.BytesIO(content), most_bytes=most_unpacked) as book:
            count = 0
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # what a file says of its own size is not believed
                for row in table(sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS), headers, needed, sums):
                    count += 1
                    if count > most_rows:
                        raise Malformed("At most %(limit)s rows are taken at once.", code="bad_sheet", limit=most_rows)
                    yield row
    except TooMuch as error:
        raise Malformed("The spreadsheet is too large when unpacked.", code="bad_sheet") from error
    except NoWorkbook as error:
        raise Malformed("This is no spreadsheet that can be read (XLSX).", code="bad_sheet") from error


def table(
    rows: Iterator[Sequence[object]],
    headers: Mapping[Column, Sequence[str]],
    needed: Collection[Column],
    sums: list[int] | None = None,
) -> Iterator[tuple[int, dict[Column, object]]]:
    """The rows below the header that hold anything, as the spreadsheet program counts, with their cells by column.

    Nothing when no header with all `needed` columns stands within the first rows. A row of totals is nobody's: it is
    left out, and its number added to `sums`.
    """
    where: dict[Column, int] = {}
    empty = 0
    for number, cells in enumerate(rows, start=1):
        if not where:
            where = _header(cells, headers, needed)
            if not where and number >= HEADER_WITHIN:
                return
            continue
        values = {column: cells[place] if place < len(cells) else None for column, place in where.items()}
        if all(text_of(value) == "" for value in values.values()):
            empty += 1
            if empty > MOST_EMPTY:
                return
            continue
        if is_sum(cells):
            if sums is not None:
                sums.append(number)
            continue
        yield number, values


_SUM = re.compile(r"(合 ?计|小 ?计|总 ?计|共 ?计|(sub|grand )?total)[:：]?", re.IGNORECASE)
_COUNT = re.compile(r"[-+]?[\d,. ]+ ?%?(人|名|个|张|本|条|项|份|次)?")


def is_sum(cells: Sequence[object]) -> bool:
    """Whether all that a row holds is a word for a total, in whichever column it stands, and numbers."""
    texts = [text for text in map(text_of, cells) if text]
    words = [text for text in texts if _SUM.fullmatch(text)]
    return bool(words) and all(text in words or _COUNT.fullmatch(text) for text in texts)


def _header(
    cells: Sequence[object], headers: Mapping[Column, Sequence[str]], needed: Collection[Column]
) -> dict[Column, int]:
    """Where each column stands; empty when this row is no header."""
    texts = [text_of(cell).casefold().replace(" ", "") for cell in cells]
    found = {}
    for column, names in headers.items():
        place = next((texts.index(name.replace(" ", "")) for name in names if name.replace(" ", "") in texts), None)
        if place is not None:
            found[column] = place
    return found if all(column in found for column in needed) else {}


_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T][^-/年月]*)?|(\d{4})(\d{2})(\d{2})")


def day_of(value: object) -> date | None:
    """`2026-07-01`, `2026/7/1`, `2026年7月1日`, `20260701`, a date cell, or Excel's number of days; None: no day."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 30_000 <= value < 80_000:
        return EXCEL_DAYS + timedelta(days=int(value))
    found = _DAY.fullmatch(text_of(value))
    if found is None:
        return None
    year, month, day = (int(part) for part in (found.groups()[:3] if found[1] else found.groups()[3:]))
    try:
        return date(year, month, day)
    except ValueError:
        return None


def text_of(value: object, most: int = MOST_TEXT) -> str:
    """A cell as text: full-width signs made plain, spaces joined. A number in a number cell keeps its digits."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(unicodedata.normalize("NFKC", str(value)).split())[:most]
