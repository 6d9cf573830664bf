"""Pure: the rows of a roster, each read whole: what it says, or everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from itertools import chain, islice
from typing import TypeVar
from uuid import UUID

from elearn.errors import Malformed
from elearn.people.identity import DocumentKind, born_on
from elearn.people.roster import cells as read
from elearn.people.roster.cells import BadCell, Problem, Wrong
from elearn.people.roster.columns import HEADER_WITHIN, NEEDED, Column, columns_of, header_in, plain_header
from elearn.people.roster.companies import Companies
from elearn.unpacking import is_sum, text_of

T = TypeVar("T")

Cells = Sequence[object]
UNITS = (Column.PATH, Column.DEPARTMENT, Column.WORKSHOP, Column.TEAM)
MOST_CELLS = 60
_FOOT = re.compile(
    r"(合计|总计|小计|共计|制表|填表|审核|审批|备注|说明|注|填报|复核|单位负责人|total).*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says. Empty and None: it says nothing of that, so what is known stays."""

    name: str
    document: DocumentKind
    number: str
    """In its normal form."""
    phone: str = ""
    staff_number: str = ""
    path: tuple[str, ...] = ()
    """The unit, from the employer downwards."""
    post: str = ""
    category: str | None = None
    employment: str | None = None
    from_on: date | None = None
    to_on: date | None = None
    firm: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file: a row, or problems, never both and never neither."""

    line: int
    """As the spreadsheet program counts."""
    cells: tuple[str, ...]
    """As they stood there, for giving them back."""
    row: Row | None
    problems: tuple[Problem, ...] = ()
    name: str = ""
    document: tuple[DocumentKind, str] | None = None
    """Where it could be read, also of a row that is refused for something else."""
    same_as: int | None = None
    """The line that says exactly the same before it."""
    company: UUID | None = None
    """Whose it is, in a group's roster; also of a row that is refused for something else."""
    phone_shared: bool = False
    """A row before it has the number: it is the sign-in name of nobody else."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file turned out to hold."""

    header: tuple[str, ...]
    columns: Mapping[Column, int]
    lines: Sequence[Line]


def sheet(
    rows: Iterable[tuple[int, Cells]],
    *,
    employer: tuple[str, ...],
    categories: Mapping[str, str],
    today: date,
    companies: Companies | None = None,
) -> Sheet | None:
    """All of it; None: no header with a name and a document number stands within the first rows.

    `employer` is what the employer and all above it are called; `categories` are names and ids of categories -> id.
    With `companies`, a column that names the company says whose each row is.
    """
    coming = iter(rows)
    first = list(islice(coming, HEADER_WITHIN))
    found = header_in([cells for _number, cells in first])
    if found is None:
        return None
    index, columns = found
    header = tuple(text_of(cell) for cell in first[index][1][:MOST_CELLS])
    header = header[: max(place for place, text in enumerate(header) if text) + 1]
    rest = chain(first[index + 1 :], coming)
    lines = [
        read_line(
            number,
            cells[: len(header)],
            columns,
            employer=employer,
            categories=categories,
            today=today,
            companies=companies if Column.COMPANY in columns else None,
        )
        for number, cells in rest
        if not _says_nothing(cells, columns)
    ]
    return Sheet(header, columns, among_themselves(lines))


def _says_nothing(cells: Cells, columns: Mapping[Column, int]) -> bool:
    """Empty where we read; a header printed again; a sum or a signature below the table."""

    def said(column: Column) -> str:
        place = columns[column]
        return read.said(cells[place]) if place < len(cells) else ""

    number = said(Column.NUMBER)
    if number:
        return not number[0].isascii() and columns_of(cells).keys() >= NEEDED
    filled = {column for column in columns if said(column)}
    if not filled:
        return True
    if is_sum(cells):
        return True
    if filled <= {Column.NAME, Column.COMPANY, *UNITS}:
        first = next((read.said(cell) for cell in cells if read.said(cell)), "")
        return bool(_FOOT.fullmatch(said(Column.NAME)) or _FOOT.fullmatch(first))
    return False


def read_line(
    line: int,
    cells: Cells,
    columns: Mapping[Column, int],
    *,
    employer: tuple[str, ...],
    categories: Mapping[str, str],
    today: date,
    companies: Companies | None = None,
) -> Line:
    """One line with everything that is wrong with it."""
    values = {column: cells[place] if place < len(cells) else None for column, place in columns.items()}
    problems: list[Problem] = []

    def look(column: Column, how: Callable[[], T]) -> T | None:
        try:
            return how()
        except BadCell as bad:
            problems.append(Problem(column, bad.wrong, bad.facts))
            return None

    at = values.get
    company = None
    if companies is not None:
        company = look(Column.COMPANY, lambda: companies.of(at(Column.COMPANY)))
        employer = companies.known[company].above if company is not None else employer
    name = look(Column.NAME, lambda: read.name_of(at(Column.NAME)))
    kind = look(Column.DOCUMENT, lambda: read.document_kind_of(at(Column.DOCUMENT)))
    number = None
    if kind is not None:
        number = look(Column.NUMBER, lambda: read.document_of(at(Column.NUMBER), kind, today))
    phone = look(Column.PHONE, lambda: read.phone_of(at(Column.PHONE)))
    staff_number = look(Column.STAFF_NUMBER, lambda: read.staff_number_of(at(Column.STAFF_NUMBER)))
    unit = next((one for one in UNITS if one in columns and read.said(at(one))), Column.PATH)
    path = look(unit, lambda: read.path_of(values, employer))
    post = look(Column.POST, lambda: read.post_of(at(Column.POST)))
    category = look(Column.CATEGORY, lambda: _category(at(Column.CATEGORY), categories))
    employment = look(Column.EMPLOYMENT, lambda: read.employment_of(at(Column.EMPLOYMENT)))
    firm = look(Column.FIRM, lambda: read.firm_of(at(Column.FIRM)))
    from_on = look(Column.FROM_ON, lambda: read.date_of(at(Column.FROM_ON), today))
    to_on = look(Column.TO_ON, lambda: read.date_of(at(Column.TO_ON), today))
    if from_on is not None and to_on is not None and to_on < from_on:
        problems.append(Problem(Column.TO_ON, Wrong.ENDS_BEFORE))
    if kind is not None and number is not None and from_on is not None:
        born = born_on(kind, number)
        if born is not None and from_on <= born:
            problems.append(Problem(Column.FROM_ON, Wrong.BEFORE_BIRTH))
    kept = tuple(_shown(cell) for cell in cells)
    document = (kind, number) if kind is not None and number is not None else None
    shown = name or read.plain(at(Column.NAME))[: read.MOST_NAME]
    if problems or name is None or document is None:
        return Line(line, kept, None, tuple(problems), shown, document, company=company)
    row = Row(
        name, *document, phone or "", staff_number or "", path or (), post or "", category, employment, from_on, to_on,
        firm or "",
    )  # fmt: skip
    return Line(line, kept, row, (), name, document, company=company)


def _shown(cell: object) -> str:
    """As it stood there; a day without its midnight."""
    return text_of(cell.date() if isinstance(cell, datetime) and cell.time() == time.min else cell)


def _category(cell: object, categories: Mapping[str, str]) -> str | None:
    text = read.said(cell)
    if not text:
        return None
    found = categories.get(text.casefold()) or categories.get(plain_header(text))
    if found is None:
        raise BadCell(Wrong.CATEGORY_UNKNOWN, said=text[:20])
    return found


def category_names(names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What a cell may say -> id, of (name, id) pairs: the whole name, and the name without what stands in brackets.

    A short name that two categories share is none: nobody knows which one is meant.
    """
    found: dict[str, str] = {}
    short: dict[str, set[str]] = {}
    for name, id_ in names:
        found[name.casefold()] = found[id_.casefold()] = id_
        short.setdefault(plain_header(name), set()).add(id_)
    return {name: next(iter(ids)) for name, ids in short.items() if len(ids) == 1} | found


def among_themselves(lines: Sequence[Line]) -> list[Line]:
    """Lines about one document at one employer: the first is taken; one that says the same is a duplicate, one that
    says else is refused; where the names differ, none is taken. A phone number belongs to the first row that has it.
    """
    names: dict[tuple[DocumentKind, str], set[str]] = {}
    for one in lines:
        if one.row is not None and one.document is not None:
            names.setdefault(one.document, set()).add(read.bare_name(one.row.name))
    first: dict[tuple[UUID | None, tuple[DocumentKind, str]], Line] = {}
    phones: dict[str, tuple[DocumentKind, str]] = {}
    done = []
    for line in lines:
        if line.row is None or line.document is None:
            done.append(line)
            continue
        row, document = line.row, line.document
        known = first.setdefault((line.company, document), line)
        if len(names[document]) > 1:
            line = replace(line, row=None, problems=(Problem(Column.NUMBER, Wrong.TWO_NAMES),))
        elif known is not line and known.row == row:
            line = replace(line, same_as=known.line)
        elif known is not line:
            line = replace(line, row=None, problems=(Problem(Column.NUMBER, Wrong.TWICE, {"line": str(known.line)}),))
        elif row.phone:
            line = replace(line, phone_shared=phones.setdefault(row.phone, document) != document)
        done.append(line)
    return done


def no_header() -> Malformed:
    return Malformed(
        "No row with the columns 姓名 and 证件号码 was found within the first %(most)s rows.",
        code="bad_roster",
        most=HEADER_WITHIN,
    )
