"""Pure: one cell of a roster as people and their programs leave it, and what is wrong with it. Nothing is guessed.

A spreadsheet program keeps 15 digits of a number: a document number that was not kept as text has lost its end
(`1.10101E+17`), and that is said instead of inventing one.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from elearn.errors import Malformed
from elearn.people.identity import DocumentKind, check_document, check_phone
from elearn.people.roster.columns import Column
from elearn.unpacking import EXCEL_DAYS, day_of, text_of


class Wrong(StrEnum):
    """Why a row is not taken."""

    NO_NAME = "no_name"
    NAME_FORM = "name_form"
    NO_DOCUMENT = "no_document"
    DOCUMENT_KIND = "document_kind"
    DOCUMENT_FORM = "document_form"
    DOCUMENT_LENGTH = "document_length"
    DOCUMENT_BIRTH = "document_birth"
    DOCUMENT_CHECK = "document_check"
    DOCUMENT_LOST = "document_lost"
    """The spreadsheet program kept 15 digits of it."""
    DOCUMENT_OLD = "document_old"
    """15 digits: of the first generation, not valid since 2013."""
    DOCUMENT_MASKED = "document_masked"
    PHONE_FORM = "phone_form"
    STAFF_NUMBER_FORM = "staff_number_form"
    UNIT_FORM = "unit_form"
    UNIT_DEPTH = "unit_depth"
    POST_FORM = "post_form"
    FIRM_FORM = "firm_form"
    CATEGORY_UNKNOWN = "category_unknown"
    EMPLOYMENT_UNKNOWN = "employment_unknown"
    DATE_FORM = "date_form"
    DATE_FAR = "date_far"
    ENDS_BEFORE = "ends_before"
    BEFORE_BIRTH = "before_birth"
    TWICE = "twice"
    """Another row has the document with other content."""
    TWO_NAMES = "two_names"
    """Other rows have the document with another name: which of them is right?"""
    NAME_DIFFERS = "name_differs"
    UNIT_UNKNOWN = "unit_unknown"
    UNIT_BELOW_TEAM = "unit_below_team"
    UNIT_EMPLOYER = "unit_employer"
    """The unit is an enterprise of its own."""
    NO_COMPANY = "no_company"
    """A group's roster, and the row does not say whose it is."""
    COMPANY_UNKNOWN = "company_unknown"
    COMPANY_TWICE = "company_twice"
    """Two enterprises are called so."""
    BEFORE_PRESENT = "before_present"
    """The last day lies before the membership began."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A wrong cell. `facts` go into the sentence; they may be personal and are kept sealed."""

    column: Column
    wrong: Wrong
    facts: dict[str, str] = field(default_factory=dict)


class BadCell(Exception):
    def __init__(self, wrong: Wrong, **facts: str) -> None:
        super().__init__(wrong)
        self.wrong, self.facts = wrong, facts


DOCUMENT_WORDS = {
    DocumentKind.RESIDENT_ID: """
        居民身份证 身份证 二代身份证 第二代身份证 中华人民共和国居民身份证 resident_id residentidentitycard idcard""",
    DocumentKind.HK_MACAO_PERMIT: "港澳居民来往内地通行证 港澳居民通行证 港澳通行证 回乡证 hk_macao_permit",
    DocumentKind.TAIWAN_PERMIT: "台湾居民来往大陆通行证 台湾居民通行证 台湾通行证 台胞证 taiwan_permit",
    DocumentKind.FOREIGNER_ID: "外国人永久居留身份证 外国人永久居留证 外国人居留证 foreigner_id",
    DocumentKind.PASSPORT: "护照 外国护照 passport",
}
EMPLOYMENT_WORDS = {
    "employee": """
        正式 正式工 正式员工 合同制 合同工 合同制员工 劳动合同 劳动合同制 自有 自有员工 在编 全职 固定期限 无固定期限
        employee regular fulltime permanent""",
    "dispatched": "劳务派遣 派遣 派遣工 派遣制 劳务派遣工 dispatched agency",
    "flexible": """
        灵活用工 灵活 灵活就业 临时 临时工 临时用工 兼职 非全日制 零工 小时工 劳务 劳务工 劳务用工 返聘 退休返聘 季节工
        flexible temporary parttime casual""",
    "contractor": """
        承包 承包商 承包商人员 外包 外包工 劳务外包 业务外包 外协 外来施工 外来施工人员 相关方 分包
        contractor outsourced""",
    "intern": "实习 实习生 实习学生 见习 intern",
    "apprentice": "学徒 学徒工 徒工 apprentice",
}
"""By words of `models.EmploymentKind`, which stands beside tables."""
DOCUMENTS = {one: kind for kind, words in DOCUMENT_WORDS.items() for one in words.split()}
EMPLOYMENTS = {one: kind for kind, words in EMPLOYMENT_WORDS.items() for one in words.split()}

NOTHING = frozenset(
    {"无", "暂无", "-", "--", "—", "——", "/", "\\", "n/a", "na", "none", "null", "长期", "至今", "在职", "."}
)
"""What people write where there is nothing to say."""

MOST_NAME, MOST_POST, MOST_FIRM, MOST_UNIT, MOST_STAFF_NUMBER, MOST_DEPTH = 100, 100, 100, 60, 32, 6
EARLIEST = date(1950, 1, 1)
AHEAD = timedelta(days=366)

_DOTS = re.compile(r"\s*[·•・‧∙．｡●]\s*")
_HAN = r"\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_BETWEEN_HAN = re.compile(rf"(?<=[{_HAN}])\s+(?=[{_HAN}])")
_STAFF_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z._\-/]*")
_LOST = re.compile(r"\d([.]\d+)?[eE]\+?\d+")
_SERIAL = re.compile(r"[3-7]\d{4}(\.\d+)?")


def plain(cell: object) -> str:
    """A cell as text, without hidden characters and without what programs put around text to keep it text."""
    text = text_of(cell)
    if not text.isprintable():
        text = "".join(one for one in text if unicodedata.category(one) not in ("Cc", "Cf", "Co", "Cs", "Cn"))
    if len(text) >= 3 and text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    return text.lstrip("'‘’`").strip()


def said(cell: object) -> str:
    """The same; empty for what people write where there is nothing to say."""
    text = plain(cell)
    return "" if text.casefold() in NOTHING else text


def word(text: str) -> str:
    """For comparing with the words of a list."""
    return re.sub(r"[\s\-]|\([^)]*\)", "", text).casefold()


def name_of(cell: object) -> str:
    """`张 三` (spaced out to look even) is 张三; the dots of longer names become one sign. Raises BadCell."""
    name = _BETWEEN_HAN.sub("", plain(cell))
    name = _DOTS.sub("·", name)
    if not name:
        raise BadCell(Wrong.NO_NAME)
    if len(name) > MOST_NAME or not any(letter.isalpha() for letter in name) or any(one.isdigit() for one in name):
        raise BadCell(Wrong.NAME_FORM)
    return name


def same_name(one: str, other: str) -> bool:
    """Whether two are the same name."""
    return bare_name(one) == bare_name(other)


def bare_name(name: str) -> str:
    """However it was spaced, dotted and capitalised."""
    return re.sub(r"[\s·]", "", _DOTS.sub("·", unicodedata.normalize("NFKC", name))).casefold()


def document_kind_of(cell: object) -> DocumentKind:
    """Raises BadCell. An empty cell: a resident identity card."""
    text = word(said(cell))
    found = DOCUMENTS.get(text) if text else DocumentKind.RESIDENT_ID
    if found is None:
        raise BadCell(Wrong.DOCUMENT_KIND, said=plain(cell)[:20])
    return found


def document_of(cell: object, kind: DocumentKind, today: date) -> str:
    """The number in its normal form. Raises BadCell; what is wrong is said, never put right."""
    text = re.sub(r"\s", "", said(cell))
    if not text:
        raise BadCell(Wrong.NO_DOCUMENT)
    if "*" in text:
        raise BadCell(Wrong.DOCUMENT_MASKED)
    is_number = isinstance(cell, (int, float)) and not isinstance(cell, bool)
    if _LOST.fullmatch(text) or (is_number and len(text) > 15):
        raise BadCell(Wrong.DOCUMENT_LOST)
    if kind is DocumentKind.RESIDENT_ID:
        digits = len(text)
        if digits == 15 and text.isdecimal():
            raise BadCell(Wrong.DOCUMENT_OLD)
        if digits != 18:
            raise BadCell(Wrong.DOCUMENT_LENGTH, length=str(digits))
    try:
        return check_document(kind, text, today=today)
    except Malformed as error:
        raise BadCell(Wrong(error.error_code)) from None


def phone_of(cell: object) -> str:
    """E.164, or empty. Raises BadCell. Of two numbers in a cell nobody says which one is meant."""
    text = said(cell)
    if not text:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        text = str(int(cell))
    try:
        return check_phone(text)
    except Malformed:
        raise BadCell(Wrong.PHONE_FORM) from None


def staff_number_of(cell: object) -> str:
    """Raises BadCell."""
    text = said(cell).replace(" ", "")
    if text and (len(text) > MOST_STAFF_NUMBER or not _STAFF_NUMBER.fullmatch(text)):
        raise BadCell(Wrong.STAFF_NUMBER_FORM)
    return text


def post_of(cell: object) -> str:
    return _short(cell, MOST_POST, Wrong.POST_FORM)


def firm_of(cell: object) -> str:
    return _short(cell, MOST_FIRM, Wrong.FIRM_FORM)


def _short(cell: object, most: int, otherwise: Wrong) -> str:
    text = said(cell)
    if len(text) > most:
        raise BadCell(otherwise, most=str(most))
    return text


def employment_of(cell: object) -> str | None:
    """None: the cell says nothing. Raises BadCell."""
    text = said(cell)
    if not text:
        return None
    found = EMPLOYMENTS.get(word(text)) or EMPLOYMENTS.get(re.sub(r"\s", "", text).casefold())
    if found is None:
        raise BadCell(Wrong.EMPLOYMENT_UNKNOWN, said=text[:20])
    return found


def date_of(cell: object, today: date) -> date | None:
    """A day in any usual form; None: the cell says nothing. Raises BadCell.

    `1/5/2026` and `26-1-5` are refused: nobody knows which part is the month, or the century.
    """
    text = said(cell) if isinstance(cell, str) else text_of(cell)
    if not text:
        return None
    found = day_of(text if isinstance(cell, str) else cell)
    if found is None and isinstance(cell, str) and _SERIAL.fullmatch(text):
        found = EXCEL_DAYS + timedelta(days=int(float(text)))
    if found is None:
        raise BadCell(Wrong.DATE_FORM, said=text[:20])
    if not EARLIEST <= found <= today + AHEAD:
        raise BadCell(Wrong.DATE_FAR, said=found.isoformat())
    return found


# --- units ------------------------------------------------------------------------------------------------------------

_STRONG = re.compile(r"\s*[/\\>→|»]+\s*")
_MIDDLE = re.compile(r"\s*、\s*")
_WEAK = re.compile(r"\s*(?:(?<!\d)[-–—]+|[-–—]+(?!\d))\s*")


def parts_of(text: str) -> tuple[str, ...]:
    """The way through the tree: `生产部/一车间/甲班`. The strongest separator in the cell decides; `1-2车间` is one."""
    for separator in (_STRONG, _MIDDLE, _WEAK):
        parts = [part.strip() for part in separator.split(text)]
        if len(parts) > 1:
            return tuple(part for part in parts if part)
    return (text,) if text else ()


def path_of(cells: dict[Column, object], employer: tuple[str, ...]) -> tuple[str, ...]:
    """From the employer downwards, without it. Raises BadCell (its column: `blamed`).

    Names at the beginning that are the employer's own, or of what stands above it, are left out.
    """
    whole = parts_of(said(cells.get(Column.PATH)))
    if not whole:
        whole = parts_of(said(cells.get(Column.DEPARTMENT)))
        whole += tuple(one for one in (said(cells.get(each)) for each in (Column.WORKSHOP, Column.TEAM)) if one)
    above = {bare_unit(name) for name in employer}
    while whole and bare_unit(whole[0]) in above:
        whole = whole[1:]
    # HR programs repeat a level that has no name of its own: 生产部 / 生产部 / 甲班.
    path = tuple(part for index, part in enumerate(whole) if index == 0 or part != whole[index - 1])
    if any(len(part) > MOST_UNIT for part in path):
        raise BadCell(Wrong.UNIT_FORM, most=str(MOST_UNIT))
    if len(path) > MOST_DEPTH:
        raise BadCell(Wrong.UNIT_DEPTH, most=str(MOST_DEPTH))
    return path


def bare_unit(name: str) -> str:
    """For comparing names of units."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", name)).casefold()
