"""Which columns a receiver wants: mapping profiles, as data that people review. Pure.

A profile is YAML: columns in order, each with a header, the field of ours it shows, and a format; the columns that the
receiver fills in; and the words it uses there. `national.yaml` is the default. A field that a profile does not
name does not leave the house.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from importlib.resources import files
from typing import Any

import yaml

from elearn.errors import Malformed
from elearn.tracking.reviewed import read

Value = str | int | None
"""A cell: text, dates as ISO 8601 text, 学时 as decimal text, whole numbers."""


class Format(StrEnum):
    TEXT = "text"
    WHOLE = "whole"
    HOURS = "hours"
    """学时 with one decimal, rounded down once where they were computed."""
    DATE = "date"


FIELDS = frozenset(
    {
        "number", "record_id", "version", "supersedes", "check_code", "status", "outcome", "reasons", "judged_on",
        "rules", "witnessed", "document_kind", "document_number", "name", "gender", "category_code", "category_name",
        "category_region", "outline_version", "institution", "class_no", "filing_no", "class_from", "class_to",
        "qualification", "trade", "item", "item_code", "training_type", "catalogue_version", "rule_set_id", "basis",
        "certificate", "certificate_number", "mobile", "employer", "employer_code", "employment_type",
        "required_theory", "required_practice", "required_total", "online_theory", "offline_theory",
        "offline_practice", "credited_total", "online_theory_ms", "offline_theory_ms", "offline_practice_ms",
    }
)  # fmt: skip
"""What a row of ours can say (`packages.fields_of`)."""

PERSONAL = frozenset({"document_kind", "document_number", "name", "gender", "mobile", "certificate_number"})
"""Fields about who it is: not part of a check code, and not compared once the person was erased."""

RECORD = "record_id"
VERSION = "version"
MOST_COLUMNS = 60

SERIAL_ZERO, FIRST_SERIAL, LAST_SERIAL = date(1899, 12, 30), 36_526, 73_050
"""A spreadsheet counts days from 1899-12-30; the numbers are those of 2000-01-01 and 2099-12-31."""


class Result(StrEnum):
    """What a receiver can say about a row (RULES 4(c), delivery)."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    """It knows that the record no longer holds."""


class ReceiptField(StrEnum):
    RESULT = "result"
    CODE = "code"
    TEXT = "text"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Column:
    id: str
    """Its name in the JSON."""
    header: str
    source: str
    """One of FIELDS."""
    format: Format
    words: Mapping[str, str]
    """Our value -> the receiver's; empty: as it is."""
    otherwise: str | None
    """What stands there for a value without a word; None: the value itself."""

    def value(self, fields: Mapping[str, Any]) -> Value:
        """What the cell holds."""
        found = fields.get(self.source)
        if isinstance(found, list | tuple):
            return "；".join(self._word(str(one)) for one in found)
        if found is None:
            return None
        if isinstance(found, bool):
            return self._word("true" if found else "false")
        if self.words or self.otherwise is not None:
            return self._word(str(found))
        return int(found) if self.format is Format.WHOLE else str(found)

    def _word(self, text: str) -> str:
        return self.words.get(text, text if self.otherwise is None else self.otherwise)

    def says_the_same(self, ours: Value, cell: object) -> bool:
        """Whether a cell that people may have typed anew still says what we wrote; empty is what None reads as."""
        if ours is None or ours == "":
            return plain(cell) == ""
        if self.format is Format.DATE:
            return as_date(cell) == date.fromisoformat(str(ours))
        if self.format in (Format.HOURS, Format.WHOLE):
            return as_number(cell) == Decimal(str(ours))
        # A spreadsheet that took a long number for a number has lost its last digits; that is no longer our text.
        return plain(cell) == plain(ours)


@dataclass(frozen=True, slots=True)
class Profile:
    name: str
    version: str
    sheet: str
    columns: tuple[Column, ...]
    receipt: Mapping[ReceiptField, str]
    """Header of each column that the receiver fills in."""
    results: Mapping[str, Result]
    """Word (in plain form) -> what it means."""
    sha256: str
    """Of the profile's text: a package names what it was made by."""

    def row(self, fields: Mapping[str, Any]) -> list[Value]:
        return [column.value(fields) for column in self.columns]

    def result_of(self, cell: object) -> Result | None:
        return self.results.get(plain(cell))


def plain(cell: object) -> str:
    """A cell's text in one form: full-width and half-width letters meet, spaces and case do not count."""
    if cell is None:
        return ""
    if isinstance(cell, datetime | date):
        return cell.isoformat()[:10]
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        cell = int(cell)
    return "".join(unicodedata.normalize("NFKC", str(cell)).split()).casefold()


def as_number(cell: object) -> Decimal | None:
    """A number, also one that was typed as text; None when it is none."""
    if isinstance(cell, bool):
        return None
    try:
        # A float of a spreadsheet holds a decimal of few digits.
        found = Decimal(repr(round(cell, 6)) if isinstance(cell, float) else plain(cell).replace(",", ""))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def as_date(cell: object) -> date | None:
    """A day: a real date, or text such as 2026-07-01, 2026/7/1, 2026.7.1, 20260701, 2026年7月1日, or the
    number that a spreadsheet keeps for a day; None when it is none."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, int | float) and FIRST_SERIAL <= cell <= LAST_SERIAL:
        return SERIAL_ZERO + timedelta(days=int(cell))
    text = plain(cell)
    for sign in "年月日/.":
        text = text.replace(sign, "-")
    text = text.strip("-").split("t")[0]
    parts = [text[:4], text[4:6], text[6:]] if len(text) == 8 and text.isdecimal() else text.split("-")[:3]
    try:
        year, month, day = (int(part) for part in parts if part.isascii() and part.isdecimal())
        return date(year, month, day)
    except ValueError:
        return None


def read_profile(text: str) -> Profile:
    """A profile from its YAML. Raises Malformed: the sentence names the place."""
    try:
        given = read(text)
    except yaml.YAMLError as error:
        raise Malformed("The profile is not YAML: %(why)s", why=str(error)) from error
    try:
        return _profile(given, hashlib.sha256(text.encode()).hexdigest())
    except (KeyError, TypeError, AttributeError) as error:
        raise Malformed("The profile does not have the form that a profile has: %(why)s", why=repr(error)) from error


def default_profile() -> Profile:
    """After the names of the national exchange specification (RULES 0.8 and 4(c))."""
    return read_profile(default_text())


def default_text() -> str:
    return (files(__package__) / "national.yaml").read_text(encoding="utf-8")


def _profile(given: dict[str, Any], sha256: str) -> Profile:
    _only(given, {"name", "version", "sheet", "columns", "receipt", "results"}, "profile")
    columns = tuple(_column(one) for one in given["columns"])
    receipt = {ReceiptField(name): str(header) for name, header in _known(given["receipt"], ReceiptField).items()}
    results = {plain(word): Result(name) for name, words in _known(given["results"], Result).items() for word in words}
    headers = [plain(column.header) for column in columns] + [plain(header) for header in receipt.values()]
    for what, several in (("header", headers), ("column", [column.id for column in columns])):
        twice = sorted({one for one in several if several.count(one) > 1} | ({""} & set(several)))
        if twice:
            raise _wrong(f"{what} {', '.join(map(repr, twice))}: empty or there twice")
    sources = {column.source for column in columns if not column.words and column.otherwise is None}
    for needed in (RECORD, VERSION):
        if needed not in sources:
            raise _wrong(f"no column shows {needed} as it is, so no receipt could name its row")
    if ReceiptField.RESULT not in receipt:
        raise _wrong("receipt: no header for result")
    if len(columns) > MOST_COLUMNS:
        raise _wrong(f"more than {MOST_COLUMNS} columns")
    sheet = str(given["sheet"])
    if not 1 <= len(sheet) <= 31 or set(sheet) & set("[]:*?/\\'"):
        raise _wrong("sheet: 1 to 31 letters, none of []:*?/\\'")
    return Profile(str(given["name"]), str(given["version"]), sheet, columns, receipt, results, sha256)


def _column(given: dict[str, Any]) -> Column:
    _only(given, {"column", "header", "from", "format", "words", "otherwise"}, "column")
    name, source = str(given["column"]), str(given["from"])
    if source not in FIELDS:
        raise _wrong(f"column {name}: there is no field {source}")
    words = {str(value): str(word) for value, word in (given.get("words") or {}).items()}
    otherwise = given.get("otherwise")
    format_ = _known({given.get("format", "text"): None}, Format)
    kind = Format(next(iter(format_)))
    if (words or otherwise is not None) and kind is not Format.TEXT:
        raise _wrong(f"column {name}: words are text")
    return Column(name, str(given["header"]), source, kind, words, None if otherwise is None else str(otherwise))


def _known(given: dict[str, Any], kind: type[StrEnum]) -> dict[str, Any]:
    unknown = sorted(str(name) for name in given if name not in set(kind))
    if unknown:
        raise _wrong(f"{', '.join(unknown)}: not one of {', '.join(kind)}")
    return given


def _only(given: dict[str, Any], names: set[str], where: str) -> None:
    unknown = sorted(set(given) - names)
    if unknown:
        raise _wrong(f"{where}: {', '.join(unknown)} is not known")


def _wrong(why: str) -> Malformed:
    return Malformed("The profile does not have the form that a profile has: %(why)s", why=why)
