"""A spreadsheet of a register of teachers, row by row: one row a teacher and certificate. Pure.

A cell that cannot be read is a reason beside its row, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from elearn.courses.centres import Industry
from elearn.courses.teachers.said import Paper, Profile, checked, checked_works
from elearn.errors import Malformed
from elearn.people.identity import DocumentKind, check_document
from elearn.unpacking import day_of, rows_of, text_of

LARGEST_BYTES = 5_000_000
LARGEST_UNPACKED_BYTES = 100_000_000
MOST_ROWS = 2_000
MOST_TEXT = 400


class Column(StrEnum):
    NAME = "name"
    NUMBER = "number"
    KIND = "kind"
    INDUSTRIES = "industries"
    WORKS = "works"
    FULL_TIME = "full_time"
    FROM_ON = "from_on"
    PAPER = "paper"
    PAPER_NUMBER = "paper_number"
    ISSUER = "issuer"
    VALID_FROM = "valid_from"
    VALID_TO = "valid_to"
    COVERS = "covers"


HEADERS = {
    Column.NAME: ("姓名", "教师姓名", "name"),
    Column.NUMBER: ("证件号码", "证件号", "身份证号码", "身份证号", "document number"),
    Column.KIND: ("证件类型", "document kind"),
    Column.INDUSTRIES: ("行业", "所属行业", "industries"),
    Column.WORKS: ("作业类别", "任教工种", "works"),
    Column.FULL_TIME: ("专职/兼职", "专兼职", "full time"),
    Column.FROM_ON: ("聘用日期", "到岗日期", "teaches from"),
    Column.PAPER: ("证书名称", "certificate"),
    Column.PAPER_NUMBER: ("证书编号", "证书号", "certificate number"),
    Column.ISSUER: ("发证机关", "发证单位", "issued by"),
    Column.VALID_FROM: ("有效期起", "发证日期", "valid from"),
    Column.VALID_TO: ("有效期止", "有效期至", "valid to"),
    Column.COVERS: ("证书适用范围", "准教类别", "certificate is for"),
}
NEEDED = (Column.NAME, Column.NUMBER)
OF_PAPER = (Column.PAPER, Column.PAPER_NUMBER, Column.ISSUER, Column.VALID_FROM, Column.VALID_TO, Column.COVERS)
KINDS = {
    "": DocumentKind.RESIDENT_ID, "居民身份证": DocumentKind.RESIDENT_ID, "身份证": DocumentKind.RESIDENT_ID,
    **{kind.value: kind for kind in DocumentKind},
}  # fmt: skip
FULL_TIME = {"": True, "专职": True, "full": True, "兼职": False, "联聘": False, "part": False}
SEPARATORS = re.compile(r"[,，、;；\n]+")


class Wrong(StrEnum):
    """What is wrong with a row."""

    NO_NAME = "no_name"
    NO_NUMBER = "no_number"
    BAD_KIND = "bad_kind"
    BAD_NUMBER = "bad_number"
    OTHER_NAME = "other_name"
    BAD_INDUSTRY = "bad_industry"
    BAD_WORK = "bad_work"
    BAD_DAY = "bad_day"
    BAD_TERM = "bad_term"
    ENDS_BEFORE = "ends_before"
    NO_PAPER = "no_paper"
    """A certificate is begun and not whole."""
    BAD_COVER = "bad_cover"
    TEACHES_ALREADY = "teaches_already"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Names:
    """What cells may name."""

    industries: Mapping[str, Industry]
    """By every name that it has."""
    works: frozenset[str]
    categories: Mapping[str, str]
    """Name or id of a category, or of an outline that stands for itself -> its id."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was read. The certificate is None where its cells are empty."""

    row: int
    """As the spreadsheet program counts."""
    name: str
    number: str
    kind: DocumentKind
    profile: Profile
    full_time: bool
    from_on: date | None
    """None: today."""
    paper: Paper | None


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that cannot be taken."""

    row: int
    name: str
    wrong: Wrong


class _Wrong(Exception):
    def __init__(self, wrong: Wrong) -> None:
        super().__init__(wrong)
        self.wrong = wrong


def read(content: bytes, names: Names) -> tuple[list[Row], list[Bad]]:
    """The rows below the header, and those that cannot be read. Raises Malformed: no spreadsheet, no header, no row."""
    good: list[Row] = []
    bad: list[Bad] = []
    for number, cells in rows_of(
        content, HEADERS, NEEDED, most_bytes=LARGEST_BYTES, most_unpacked=LARGEST_UNPACKED_BYTES, most_rows=MOST_ROWS
    ):
        try:
            good.append(_row(number, cells, names))
        except _Wrong as error:
            bad.append(Bad(number, text_of(cells.get(Column.NAME)), error.wrong))
    if not good and not bad:
        raise Malformed("No row was found. The sheet needs the columns 姓名 and 证件号码.", code="bad_sheet")
    return good, bad


def _row(number: int, cells: dict[Column, object], names: Names) -> Row:
    """Raises _Wrong with the first that is."""

    def text(column: Column) -> str:
        return text_of(cells.get(column))

    if not text(Column.NAME):
        raise _Wrong(Wrong.NO_NAME)
    if not text(Column.NUMBER):
        raise _Wrong(Wrong.NO_NUMBER)
    kind = KINDS.get(text(Column.KIND))
    if kind is None:
        raise _Wrong(Wrong.BAD_KIND)
    try:
        document = check_document(kind, text(Column.NUMBER).replace(" ", ""))
    except Malformed:
        raise _Wrong(Wrong.BAD_NUMBER) from None
    full_time = FULL_TIME.get(text(Column.FULL_TIME).casefold())
    if full_time is None:
        raise _Wrong(Wrong.BAD_TERM)
    industries = [names.industries.get(one.casefold()) for one in _parts(text(Column.INDUSTRIES))]
    if None in industries:
        raise _Wrong(Wrong.BAD_INDUSTRY)
    try:
        works = checked_works(_parts(text(Column.WORKS)))
    except Malformed:
        raise _Wrong(Wrong.BAD_WORK) from None
    return Row(
        number,
        text(Column.NAME),
        document,
        kind,
        Profile(industries=frozenset(one for one in industries if one), works=works),
        full_time,
        _day(cells.get(Column.FROM_ON)),
        _paper(cells, names) if any(text(column) for column in OF_PAPER) else None,
    )


def _paper(cells: dict[Column, object], names: Names) -> Paper:
    needed = [text_of(cells.get(column)) for column in OF_PAPER if column is not Column.VALID_TO]
    if not all(needed):
        raise _Wrong(Wrong.NO_PAPER)
    begins, ends = _day(cells.get(Column.VALID_FROM)), _day(cells.get(Column.VALID_TO))
    assert begins is not None, "the cell is not empty"
    if ends is not None and ends < begins:
        raise _Wrong(Wrong.ENDS_BEFORE)
    parts = _parts(text_of(cells.get(Column.COVERS)))
    works = [one for one in parts if one in names.works]
    if any(one not in names.works and one not in names.categories for one in parts):
        raise _Wrong(Wrong.BAD_COVER)
    try:
        return checked(
            Paper(
                text_of(cells.get(Column.PAPER)),
                text_of(cells.get(Column.PAPER_NUMBER)),
                text_of(cells.get(Column.ISSUER)),
                begins,
                ends,
                [names.categories[one] for one in parts if one not in names.works],
                works,
            )
        )
    except Malformed:
        raise _Wrong(Wrong.NO_PAPER) from None


def _day(value: object) -> date | None:
    """None: the cell is empty. Raises _Wrong."""
    found = day_of(value)
    if found is None and text_of(value):
        raise _Wrong(Wrong.BAD_DAY)
    return found


def _parts(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in SEPARATORS.split(text) if part.strip()))
