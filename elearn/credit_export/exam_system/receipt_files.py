"""A receiver's receipt as a spreadsheet that people filled in: our own package's sheet, with its yellow columns.

`read` is pure: it finds the sheet and the columns by their headers wherever they were moved to, and answers a line for
each row that names a record. `take` compares each line with what we said and hands what is whole to `receipts.take`.
A line that people edited, that nobody can read or that contradicts another is named and not taken; the rest is, in one
transaction. The same file, or the same line in another file, changes nothing the second time.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import unpacking
from elearn.courses.models import Outline
from elearn.credit_export.exam_system import deliveries, mapping, packages, receipts
from elearn.credit_export.exam_system.answers import outlines_of
from elearn.credit_export.exam_system.deliveries import Happened, Way
from elearn.credit_export.exam_system.delivery import Event
from elearn.credit_export.exam_system.mapping import Column, Profile, ReceiptField, Result
from elearn.credit_export.exam_system.models import Receipt
from elearn.credit_export.exam_system.package_files import TOTAL
from elearn.credit_export.models import EligibilityRecord
from elearn.errors import Malformed
from elearn.people.identity import DocumentKind, Keys, blind_index, check_document
from elearn.people.models import Person

LARGEST_FILE_BYTES = 20_000_000
LARGEST_UNPACKED_BYTES = 300_000_000
MOST_ROWS = 100_000
"""With something in them; a stray format far below is no row."""
LONGEST_GAP = 20_000
"""So many empty rows are the end: a file may name a row a thousand million below."""
MOST_COLUMNS = 300
HEADER_WITHIN = 30
"""A header stands in one of the first rows: people put titles above it."""
MOST_TEXT = 500

CHANGES = frozenset(
    {"number", "status", "supersedes", "institution", "class_no", "filing_no", "class_from", "class_to"}
)  # fmt: skip
"""What may have become different at our side since the package was made, or by sorting: not compared."""


class Verdict(StrEnum):
    TAKEN = "taken"
    SAME = "same"
    """It was taken before."""
    BLANK = "blank"
    """Nothing was filled in."""
    UNKNOWN = "unknown"
    """No record of this receiver: an extra row, or a number that was changed."""
    EDITED = "edited"
    """What we wrote was changed: the columns are named."""
    NO_RESULT = "no_result"
    """The word in the result's place is none that this receiver uses."""
    NO_DATE = "no_date"
    """The date is none."""
    TWICE = "twice"
    """The record stands in several rows that say different things."""
    REFUSED = "refused"
    """It cannot be so: another version, or a withdrawal confirmed that was never sent."""


GOOD = frozenset({Verdict.TAKEN, Verdict.SAME, Verdict.BLANK})


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the file, as people left it."""

    sheet: str
    row: int
    """As the spreadsheet program counts."""
    record: str
    cells: Mapping[str, object]
    """Column id -> cell, of the columns that are still there."""
    result: object
    code: str
    text: str
    on: object


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a line."""

    sheet: str
    row: int
    record: str
    verdict: Verdict
    columns: tuple[str, ...] = ()
    """Headers of the cells that were edited."""
    why: str = ""
    record_status: str = ""
    """Of a line that was taken: how the record stands now. One that was revoked meanwhile says so."""


@dataclass(frozen=True, slots=True)
class Report:
    lines: Sequence[Told] = field(default_factory=tuple)

    @property
    def counts(self) -> Mapping[Verdict, int]:
        return Counter(line.verdict for line in self.lines)

    @property
    def whole(self) -> bool:
        """Whether no line needs somebody to look at it."""
        return all(line.verdict in GOOD for line in self.lines)


# --- reading ----------------------------------------------------------------------------------------------------------


def read(content: bytes, profile: Profile) -> list[Line]:
    """The lines of a receipt file. Raises Malformed: no spreadsheet, or none of its sheets is a receipt."""
    if len(content) > LARGEST_FILE_BYTES:
        raise _too_large()
    lines: list[Line] = []
    found = missing_result = False
    try:
        with unpacking.workbook(io.BytesIO(content), most_bytes=LARGEST_UNPACKED_BYTES) as book:
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # what a file says of its own size is not believed
                rows = _rows(sheet.iter_rows(values_only=True))
                header = _header(rows, profile)
                if header is None:
                    continue
                places, receipt = header
                missing_result = ReceiptField.RESULT not in receipt
                if not missing_result:
                    found = True
                    lines += _lines(rows, str(sheet.title), places, receipt, profile)
    except unpacking.TooMuch as error:
        raise _too_large() from error
    except unpacking.NoWorkbook as error:
        raise Malformed(
            "The file is no spreadsheet that can be read: save it as XLSX.", code="no_spreadsheet"
        ) from error
    if not found:
        needed = next(column.header for column in profile.columns if column.source == mapping.RECORD)
        wanted = profile.receipt[ReceiptField.RESULT]
        if missing_result:
            raise Malformed("No sheet has the column %(header)s any more.", code="no_result_column", header=wanted)
        raise Malformed("No sheet has the column %(header)s any more.", code="no_record_column", header=needed)
    return lines


def _too_large() -> Malformed:
    return Malformed("The file is larger than a receipt is.", code="too_large")


Row = tuple[int, tuple[Any, ...]]


def _rows(values: Iterator[tuple[Any, ...]]) -> Iterator[Row]:
    filled = empty = 0
    for number, cells in enumerate(values, start=1):
        empty = 0 if any(cell is not None for cell in cells) else empty + 1
        filled += not empty
        if filled > MOST_ROWS:
            raise _too_large()
        if empty > LONGEST_GAP:
            return
        yield number, cells[:MOST_COLUMNS]


Header = tuple[dict[int, Column], dict[ReceiptField, int]]


def _header(rows: Iterator[Row], profile: Profile) -> Header | None:
    """Where the columns are; None when this sheet has no column of record numbers near its top."""
    columns = {mapping.plain(column.header): column for column in profile.columns}
    wanted = {mapping.plain(header): name for name, header in profile.receipt.items()}
    record = next(column for column in profile.columns if column.source == mapping.RECORD)
    for number, cells in rows:
        texts = [mapping.plain(cell) for cell in cells]
        if mapping.plain(record.header) in texts:
            twice = sorted({text for text in texts if text in (columns | wanted) and texts.count(text) > 1})
            if twice:
                raise Malformed("The column %(header)s is there twice.", code="column_twice", header=", ".join(twice))
            return (
                {place: columns[text] for place, text in enumerate(texts) if text in columns},
                {wanted[text]: place for place, text in enumerate(texts) if text in wanted},
            )
        if number >= HEADER_WITHIN:
            break
    return None


def _lines(
    rows: Iterator[Row], sheet: str, places: Mapping[int, Column], receipt: Mapping[ReceiptField, int], profile: Profile
) -> Iterator[Line]:
    for number, cells in rows:

        def filled(name: ReceiptField, cells: tuple[Any, ...] = cells) -> object:
            place = receipt.get(name)
            return cells[place] if place is not None and place < len(cells) else None

        ours = {column.id: cells[place] if place < len(cells) else None for place, column in places.items()}
        record = next(
            str(ours[column.id] or "").strip() for column in places.values() if column.source == mapping.RECORD
        )
        said = [mapping.plain(filled(name)) for name in ReceiptField]
        if not record and (not any(said) or TOTAL in [mapping.plain(cell) for cell in cells]):
            continue  # an empty row, or the totals
        yield Line(
            sheet=sheet,
            row=number,
            record=record[:100],
            cells=ours,
            result=filled(ReceiptField.RESULT),
            code=str(filled(ReceiptField.CODE) or "").strip()[:MOST_TEXT],
            text=str(filled(ReceiptField.TEXT) or "").strip()[:MOST_TEXT],
            on=filled(ReceiptField.DATE),
        )


# --- taking -----------------------------------------------------------------------------------------------------------


def take(session: Session, receiver_id: UUID, content: bytes, profile: Profile, keys: Keys, *, at: datetime) -> Report:
    """Read a receipt file and take what is whole; does not commit. Raises Malformed when it is no receipt file."""
    lines = read(content, profile)
    truths = _truths(session, receiver_id, lines)
    told: list[Told] = [_judge(line, truths.get(line.record.lower()), profile, keys) for line in lines]
    said: dict[str, set[tuple[object, ...]]] = {}
    for line, one in zip(lines, told, strict=True):
        if one.verdict is Verdict.TAKEN:
            said.setdefault(one.record, set()).add(_words(line, profile))
    good: dict[str, list[int]] = {}
    for place, one in enumerate(told):
        if one.verdict is Verdict.TAKEN and len(said[one.record]) > 1:
            told[place] = replace(one, verdict=Verdict.TWICE)
        elif one.verdict is Verdict.TAKEN:
            good.setdefault(one.record, []).append(place)
    _hand_on(session, receiver_id, lines, told, good, truths, profile, at)
    return Report(told)


@dataclass(frozen=True, slots=True)
class _Truth:
    """What we say about a record, and whose it is."""

    record: EligibilityRecord
    fields: Mapping[str, Any]
    person: Person


def _truths(session: Session, receiver_id: UUID, lines: Sequence[Line]) -> dict[str, _Truth]:
    """By record id, of those that this receiver may see."""
    wanted = [found for line in lines if (found := _uuid(line.record)) is not None]
    outlines, truths = outlines_of(session, receiver_id), {}
    for start in range(0, len(wanted), packages.AT_ONCE):
        rows = session.execute(
            sa.select(EligibilityRecord, Person)
            .join(Person, Person.id == EligibilityRecord.person_id)
            .join(Outline, Outline.id == EligibilityRecord.outline_id)
            .where(EligibilityRecord.id.in_(wanted[start : start + packages.AT_ONCE]), Outline.code.in_(outlines))
        ).all()
        fields = packages.fields_of(session, [row.EligibilityRecord for row in rows])
        for row in rows:
            record = row.EligibilityRecord
            truths[str(record.id)] = _Truth(record, fields[record.id], row.Person)
    return truths


def _judge(line: Line, truth: _Truth | None, profile: Profile, keys: Keys) -> Told:
    """What is to become of a line by itself; TAKEN means that it may be handed on."""
    told = Told(line.sheet, line.row, line.record.lower(), Verdict.TAKEN)
    if truth is None:
        return replace(told, verdict=Verdict.UNKNOWN)
    edited = tuple(column.header for column in profile.columns if not _stands(column, line, truth, keys))
    if edited:
        return replace(told, verdict=Verdict.EDITED, columns=edited)
    if not any(mapping.plain(cell) for cell in (line.result, line.code, line.text, line.on)):
        return replace(told, verdict=Verdict.BLANK)
    if profile.result_of(line.result) is None:
        return replace(told, verdict=Verdict.NO_RESULT, why=str(line.result or "")[:MOST_TEXT])
    if mapping.plain(line.on) and mapping.as_date(line.on) is None:
        return replace(told, verdict=Verdict.NO_DATE, why=str(line.on)[:MOST_TEXT])
    return told


def _stands(column: Column, line: Line, truth: _Truth, keys: Keys) -> bool:
    """Whether the cell of this column still says what we wrote; a column that was removed says nothing wrong."""
    if column.id not in line.cells or column.source in CHANGES:
        return True
    cell, person = line.cells[column.id], truth.person
    if column.source in mapping.PERSONAL:
        if person.document_kind is None:
            return True  # erased since: nothing is left to compare with
        if column.source == "document_number":
            return _is_document(person, cell, keys)
        known = {"name": person.name, "document_kind": person.document_kind.value}
        return column.source not in known or column.says_the_same(column.value(known), cell)
    return column.says_the_same(column.value(truth.fields), cell)


def _is_document(person: Person, cell: object, keys: Keys) -> bool:
    """By the blind index, so that nothing is unsealed for it."""
    kind = person.document_kind or DocumentKind.RESIDENT_ID
    try:
        return blind_index(keys.index, kind, check_document(kind, str(cell))) == person.document_index
    except Malformed:
        return False


def _words(line: Line, profile: Profile) -> tuple[object, ...]:
    return profile.result_of(line.result), line.code, line.text, mapping.as_date(line.on)


def _hand_on(
    session: Session,
    receiver_id: UUID,
    lines: Sequence[Line],
    told: list[Told],
    good: Mapping[str, Sequence[int]],
    truths: Mapping[str, _Truth],
    profile: Profile,
    at: datetime,
) -> None:
    """Receipts to `receipts.take`; "it arrived" to the deliveries. Each record once, however often it stands there."""
    given: list[receipts.Given] = []
    arrived: list[Happened] = []
    for record, (place, *_again) in good.items():
        line = lines[place]
        result, code, text, on = _words(line, profile)
        detail = " ".join(part for part in (str(text), f"({on})" if on else "") if part) or None
        if result is Result.RECEIVED:
            arrived.append(Happened(UUID(record), Event.ACKNOWLEDGE, str(code) or None, detail))
        else:
            given.append(
                receipts.Given(
                    receipt_id=_number(record, result, code, text, on),
                    record_id=UUID(record),
                    version=truths[record].record.version,  # the cell, where it is still there, says the same
                    outcome=receipts.Outcome(str(result)),
                    code=str(code) or None,
                    detail=detail,
                )
            )
    before = deliveries.states(session, receiver_id, [one.record_id for one in arrived])
    after = deliveries.note(session, receiver_id, arrived, way=Way.PACKAGE, at=at) if arrived else {}
    for came in arrived:
        same = after[came.record_id] == before.get(came.record_id)
        _tell(told, good[str(came.record_id)], Verdict.SAME if same else Verdict.TAKEN)
    known = set(
        session.scalars(
            sa.select(Receipt.receipt_id).where(
                Receipt.receiver_id == receiver_id, Receipt.receipt_id.in_([one.receipt_id for one in given])
            )
        )
    )
    for one, answer in zip(given, receipts.take(session, receiver_id, given, way=Way.PACKAGE, at=at), strict=True):
        places = good[str(one.record_id)]
        if answer["answer"] != receipts.Answered.TAKEN.value:
            _tell(told, places, Verdict.REFUSED, why=answer["answer"])
        else:
            verdict = Verdict.SAME if one.receipt_id in known else Verdict.TAKEN
            _tell(told, places, verdict, status=answer["record_status"])


def _tell(told: list[Told], places: Sequence[int], verdict: Verdict, *, why: str = "", status: str = "") -> None:
    for place in places:
        told[place] = replace(told[place], verdict=verdict, why=why, record_status=status)


def _number(record: str, *words: object) -> str:
    """People give no numbers to their receipts: what a line says is its number, so the same words are the same one."""
    said = json.dumps([record, *(None if word is None else str(word) for word in words)], ensure_ascii=False)
    return f"file-{hashlib.sha256(said.encode()).hexdigest()[:40]}"


def _uuid(text: str) -> UUID | None:
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None
