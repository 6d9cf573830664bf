"""A spreadsheet of workers' certificates, row by row: one row a certificate. Pure.

A cell that cannot be read is a reason beside its row, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from elearn.errors import Malformed
from elearn.people.identity import DocumentKind, check_document
from elearn.training.certificates.rules import CertificateKind, Paper, checked
from elearn.unpacking import day_of, rows_of, text_of

LARGEST_BYTES = 5_000_000
LARGEST_UNPACKED_BYTES = 100_000_000
MOST_ROWS = 5_000


class Column(StrEnum):
    NAME = "name"
    DOCUMENT = "document"
    KIND = "kind"
    TITLE = "title"
    NUMBER = "number"
    ISSUER = "issuer"
    FROM_ON = "from_on"
    TO_ON = "to_on"
    REVIEWED_ON = "reviewed_on"


HEADERS = {
    Column.NAME: ("姓名", "持证人", "name"),
    Column.DOCUMENT: ("身份证号", "身份证号码", "证件号码", "document number"),
    Column.KIND: ("证书名称", "证书种类", "证件名称", "certificate"),
    Column.TITLE: ("作业项目", "准操项目", "操作项目", "作业类别", "资格类型", "for"),
    Column.NUMBER: ("证书编号", "证号", "证书号", "certificate number"),
    Column.ISSUER: ("发证机关", "发证单位", "issued by"),
    Column.FROM_ON: ("有效期起", "初领日期", "发证日期", "valid from"),
    Column.TO_ON: ("有效期止", "有效期至", "valid to"),
    Column.REVIEWED_ON: ("复审日期", "最近复审日期", "reviewed"),
}
NEEDED = (Column.NAME, Column.DOCUMENT, Column.KIND, Column.TITLE, Column.NUMBER)
KINDS = {
    "特种作业操作证": CertificateKind.OPERATION,
    "安全生产知识和管理能力考核合格证": CertificateKind.ASSESSMENT,
    "考核合格证": CertificateKind.ASSESSMENT,
    "安全合格证": CertificateKind.ASSESSMENT,
    "特种设备作业人员证": CertificateKind.EQUIPMENT,
    "特种设备安全管理和作业人员证": CertificateKind.EQUIPMENT,
    "职业技能等级证书": CertificateKind.SKILL,
    **{kind.value: kind for kind in CertificateKind},
}
OF_CATALOGUE = (CertificateKind.OPERATION, CertificateKind.ASSESSMENT)
"""Kinds whose category has to be known: posts ask for it."""


class Wrong(StrEnum):
    """What is wrong with a row."""

    NO_NAME = "no_name"
    BAD_DOCUMENT = "bad_document"
    BAD_KIND = "bad_kind"
    BAD_TITLE = "bad_title"
    BAD_DAY = "bad_day"
    NO_DAY = "no_day"
    BAD_PAPER = "bad_paper"
    """Its number or issuer is missing, or its days do not fit."""
    NOT_HERE = "not_here"
    """Nobody of this name and document works for this employer."""


@dataclass(frozen=True, slots=True)
class Row:
    row: int
    """As the spreadsheet program counts."""
    name: str
    document: str
    """A resident identity number in its normal form."""
    paper: Paper


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


def read(
    content: bytes, categories: Mapping[str, str], *, today: date, sums: list[int] | None = None
) -> tuple[list[Row], list[Bad]]:
    """The rows below the header, and those that cannot be read. `categories`: name or id -> id.

    Rows of totals are neither: their numbers are added to `sums`. Raises Malformed `bad_sheet`: no spreadsheet, no
    header, no row.
    """
    good: list[Row] = []
    bad: list[Bad] = []
    limits = {"most_bytes": LARGEST_BYTES, "most_unpacked": LARGEST_UNPACKED_BYTES, "most_rows": MOST_ROWS}
    for number, cells in rows_of(content, HEADERS, NEEDED, **limits, sums=sums):
        try:
            good.append(_row(number, cells, categories, today))
        except _Wrong as error:
            bad.append(Bad(number, text_of(cells.get(Column.NAME)), error.wrong))
    if not good and not bad:
        raise Malformed(
            "No row was found. The sheet needs the columns 姓名, 身份证号, 证书名称, 作业项目 and 证书编号.",
            code="bad_sheet",
        )
    return good, bad


def _row(number: int, cells: dict[Column, object], categories: Mapping[str, str], today: date) -> Row:
    """Raises _Wrong with the first that is."""

    def text(column: Column) -> str:
        return text_of(cells.get(column))

    if not text(Column.NAME):
        raise _Wrong(Wrong.NO_NAME)
    try:
        document = check_document(DocumentKind.RESIDENT_ID, text(Column.DOCUMENT))
    except Malformed:
        raise _Wrong(Wrong.BAD_DOCUMENT) from None
    kind = KINDS.get(text(Column.KIND))
    if kind is None:
        raise _Wrong(Wrong.BAD_KIND)
    category = categories.get(text(Column.TITLE))
    if category is None and kind in OF_CATALOGUE:
        raise _Wrong(Wrong.BAD_TITLE)
    from_on = _day(cells.get(Column.FROM_ON))
    if from_on is None:
        raise _Wrong(Wrong.NO_DAY)
    paper = Paper(
        kind, category, text(Column.TITLE), text(Column.NUMBER), text(Column.ISSUER), from_on,
        _day(cells.get(Column.TO_ON)), _day(cells.get(Column.REVIEWED_ON)),
    )  # fmt: skip
    try:
        return Row(number, text(Column.NAME), document, checked(paper, today=today))
    except Malformed:
        raise _Wrong(Wrong.BAD_PAPER) from None


def _day(value: object) -> date | None:
    """None: the cell is empty. Raises _Wrong."""
    found = day_of(value)
    if found is None and text_of(value):
        raise _Wrong(Wrong.BAD_DAY)
    return found
