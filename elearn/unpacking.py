"""Pure: zip files and spreadsheets of strangers; what Python's readers raise over them, and a workbook within bounds.

Each list stands here once: damage that one reader knew and another did not was a crash there.
"""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import IO

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook import Workbook

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
