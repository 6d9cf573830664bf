"""Diplomas, health certificates and days of birth of many people from a spreadsheet: all rows are stated, or none.

A row is the first half of a finding, as if it had been typed in (`stating.state`): somebody of another side confirms
it. What cannot be read or stated is told row by row, each with its first reason. Nothing here commits.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

import openpyxl
from sqlalchemy.orm import Session

from elearn.courses.requirements.rows import Education
from elearn.credit_export.findings import stating
from elearn.credit_export.findings.rules import Kind
from elearn.credit_export.findings.stating import About, Paper
from elearn.errors import DomainError, Malformed
from elearn.people import persons
from elearn.people.callers import Caller
from elearn.people.identity import DocumentKind, Keys, blind_index, check_document
from elearn.people.models import Person
from elearn.people.registry import local_day
from elearn.unpacking import day_of, rows_of, text_of

LARGEST_BYTES = 5_000_000
LARGEST_UNPACKED_BYTES = 100_000_000
MOST_ROWS = 500


class Column(StrEnum):
    NAME = "name"
    NUMBER = "number"
    DOCUMENT = "document"
    WHAT = "what"
    LEVEL = "level"
    PAPER = "paper"
    PAPER_NUMBER = "paper_number"
    FROM_ON = "from_on"
    TO_ON = "to_on"
    NOTE = "note"


HEADERS = {
    Column.NAME: ("姓名", "name"),
    Column.NUMBER: ("证件号码", "证件号", "身份证号码", "身份证号", "document number"),
    Column.DOCUMENT: ("证件类型", "document kind"),
    Column.WHAT: ("项目", "what"),
    Column.LEVEL: ("学历", "education level"),
    Column.PAPER: ("证明名称", "证书名称", "paper"),
    Column.PAPER_NUMBER: ("证明编号", "证书编号", "paper number"),
    Column.FROM_ON: ("起始日期", "发证日期", "出生日期", "from"),
    Column.TO_ON: ("截止日期", "有效期至", "last day"),
    Column.NOTE: ("说明", "note"),
}
NEEDED = (Column.NAME, Column.NUMBER, Column.WHAT, Column.PAPER, Column.PAPER_NUMBER, Column.FROM_ON)
WHATS = {
    "学历": Kind.EDUCATION, "健康证明": Kind.HEALTH_CERTIFICATE, "体检": Kind.HEALTH_CERTIFICATE,
    "出生日期": Kind.BORN_ON, **{kind.value: kind for kind in (Kind.EDUCATION, Kind.HEALTH_CERTIFICATE, Kind.BORN_ON)},
}  # fmt: skip
LEVELS = {
    "小学": Education.PRIMARY, "初中": Education.JUNIOR_HIGH, "高中": Education.SENIOR_HIGH,
    "中专": Education.SENIOR_HIGH, "大专": Education.COLLEGE, "本科": Education.BACHELOR,
    **{level.value: level for level in Education},
}  # fmt: skip
DOCUMENTS = {
    "": DocumentKind.RESIDENT_ID, "居民身份证": DocumentKind.RESIDENT_ID, "身份证": DocumentKind.RESIDENT_ID,
    "护照": DocumentKind.PASSPORT, **{kind.value: kind for kind in DocumentKind},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    row: int
    """As the spreadsheet program counts."""
    name: str
    document: DocumentKind
    number: str
    kind: Kind
    paper: Paper
    from_on: date
    to_on: date | None
    note: str


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that cannot be stated, and why: a message id and its facts."""

    row: int
    name: str
    sentence: str
    facts: dict[str, object] = field(default_factory=dict)


class BadRows(Malformed):
    """Nothing was stated. `rows` are all that are wrong, in their order."""

    code = "bad_rows"

    def __init__(self, rows: Sequence[Bad]) -> None:
        self.rows = tuple(sorted(rows, key=lambda one: one.row))
        super().__init__("Nothing was taken: %(count)s rows are wrong.", count=len(self.rows))


def take(session: Session, content: bytes, *, caller: Caller, keys: Keys, at: datetime) -> int:
    """State every row; answers how many. Raises Malformed `bad_sheet`, BadRows: then the caller rolls back."""
    rows, bad = read(content, today=local_day(at))
    people = _people(session, rows, keys)
    for row in rows:
        person = people.get(blind_index(keys.index, row.document, row.number))
        # Of people beyond the caller's reach nothing is told, not even that they are there.
        if person is None or person.name != row.name:
            bad.append(Bad(row.row, row.name, "Nobody of this name and document is in your classes."))
            continue
        try:
            stating.state(
                session, row.kind, About(person_id=person.id), paper=row.paper, from_on=row.from_on, to_on=row.to_on,
                note=row.note, caller=caller, keys=keys, at=at,
            )  # fmt: skip
        except DomainError as error:
            unknown = error.error_code == "not_found"
            sentence = "Nobody of this name and document is in your classes." if unknown else error.detail
            bad.append(Bad(row.row, row.name, sentence, dict(error.facts or {})))
    if bad:
        raise BadRows(bad)
    return len(rows)


def _people(session: Session, rows: Sequence[Row], keys: Keys) -> dict[bytes, Person]:
    wanted = {blind_index(keys.index, row.document, row.number) for row in rows}
    return persons.by_documents(session, wanted)


def read(content: bytes, *, today: date) -> tuple[list[Row], list[Bad]]:
    """The rows below the header, and those that cannot be read. Raises Malformed `bad_sheet`."""
    good: list[Row] = []
    bad: list[Bad] = []
    for number, cells in rows_of(
        content, HEADERS, NEEDED, most_bytes=LARGEST_BYTES, most_unpacked=LARGEST_UNPACKED_BYTES, most_rows=MOST_ROWS
    ):
        try:
            good.append(_row(number, cells, today))
        except Malformed as error:
            bad.append(Bad(number, text_of(cells.get(Column.NAME)), error.detail))
    if not good and not bad:
        raise Malformed("No row was found. Start from the empty form.", code="bad_sheet")
    return good, bad


def _row(number: int, cells: dict[Column, object], today: date) -> Row:
    """Raises Malformed with the first that is wrong."""

    def text(column: Column) -> str:
        return text_of(cells.get(column))

    def day(column: Column) -> date | None:
        found = day_of(cells.get(column))
        if found is None and text(column):
            raise Malformed("A date has the form 2026-07-01.")
        return found

    document, kind = DOCUMENTS.get(text(Column.DOCUMENT)), WHATS.get(text(Column.WHAT))
    if document is None:
        raise Malformed("This kind of document is not known.")
    if kind is None:
        raise Malformed("What it says is 学历, 健康证明 or 出生日期.")
    level = LEVELS.get(text(Column.LEVEL)) if kind is Kind.EDUCATION else None
    begins = day(Column.FROM_ON)
    if begins is None:
        raise Malformed("The first day is missing.")
    if begins > today:
        raise Malformed("A day that has not come yet is on no paper.")
    return Row(
        row=number,
        name=text(Column.NAME),
        document=document,
        number=check_document(document, text(Column.NUMBER)),
        kind=kind,
        paper=Paper(None, text(Column.PAPER), text(Column.PAPER_NUMBER), level),
        from_on=begins,
        to_on=day(Column.TO_ON),
        note=text(Column.NOTE) or "由电子表格导入",
    )


def empty_form() -> bytes:
    """The sheet to start from."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append([names[0] for names in HEADERS.values()])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()
