"""A register of teachers from a spreadsheet (`sheets.py`): all rows are taken, or none. Nothing here commits.

Two rows of one document are one teacher with two certificates. What is wrong is told row by row, each with its first
reason; certificates wait for a second person, as if they had been typed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.teachers import certifying, registering
from elearn.courses.teachers.models import TeacherCertificate, TeacherEntry, TeacherTerm
from elearn.courses.teachers.said import Paper
from elearn.courses.teachers.sheets import Bad, Names, Row, Wrong, read
from elearn.errors import Conflict, Malformed
from elearn.people import persons
from elearn.people.callers import Caller
from elearn.people.identity import DocumentKind, Keys, blind_index
from elearn.people.registry import checked_name, local_day

Document = tuple[DocumentKind, str]


class BadRows(Malformed):
    """Nothing was taken. `rows` are all that are wrong, in their order."""

    code = "bad_rows"

    def __init__(self, rows: Sequence[Bad]) -> None:
        self.rows = tuple(rows)
        super().__init__("Nothing was taken: %(count)s rows are wrong.", count=len(self.rows))


@dataclass(frozen=True, slots=True)
class Taken:
    teachers: int
    certificates: int


def take(
    session: Session, institution_id: UUID, content: bytes, names: Names, *, caller: Caller, keys: Keys, at: datetime
) -> Taken:
    """All rows become teachers of the institution, or none does; the caller acts for the institution.

    Who teaches there already keeps the term, and the same certificate is taken once. Raises Malformed `bad_sheet`,
    BadRows: then the caller rolls back.
    """
    rows, unread = read(content, names)
    bad = [*unread, *_of_others(session, rows, caller, keys)]
    if bad:
        raise BadRows(sorted(bad, key=lambda one: one.row))
    taken: dict[Document, UUID] = {}
    certificates = 0
    for row in rows:
        document = (row.kind, row.number)
        if document not in taken:
            try:
                taken[document] = _teacher(session, row, institution_id, caller, keys, at)
            except Conflict:
                bad.append(Bad(row.row, row.name, Wrong.TEACHES_ALREADY))
                continue
        if row.paper is not None:
            certificates += _certificate(session, taken[document], row.paper, caller, keys, at)
    if bad:
        raise BadRows(bad)
    return Taken(len(taken), certificates)


def _of_others(session: Session, rows: Sequence[Row], caller: Caller, keys: Keys) -> Iterator[Bad]:
    """Rows whose document is registered under another name, here or there; and who would certify themselves."""
    index = {blind_index(keys.index, row.kind, row.number): (row.kind, row.number) for row in rows}
    known = {index[one]: person for one, person in persons.by_documents(session, index).items()}
    called = {document: one.name for document, one in known.items()}
    for row in rows:
        document = (row.kind, row.number)
        try:
            name = checked_name(row.name)
        except Malformed:
            yield Bad(row.row, row.name, Wrong.NO_NAME)
            continue
        if called.setdefault(document, name) != name:
            yield Bad(row.row, row.name, Wrong.OTHER_NAME)
        elif row.paper is not None and document in known and known[document].id == caller.person_id:
            yield Bad(row.row, row.name, Wrong.OWN)


def _teacher(session: Session, row: Row, institution_id: UUID, caller: Caller, keys: Keys, at: datetime) -> UUID:
    """The teacher of a row, who teaches for the institution from then on, or did already. Raises Conflict."""
    person = persons.take_in(
        session, name=row.name, document_kind=row.kind, document_number=row.number, keys=keys, at=at
    )
    teacher_id = registering.register(session, person.id, row.profile, by=caller.person_id, may_level=False, at=at)
    begins = row.from_on or local_day(at)
    teaches = sa.select(TeacherTerm.id).where(
        TeacherTerm.teacher_id == teacher_id,
        TeacherTerm.institution_id == institution_id,
        TeacherTerm.from_on <= begins,
        TeacherTerm.to_on.is_(None) | (TeacherTerm.to_on >= begins),
    )
    if session.scalar(teaches.limit(1)) is None:
        registering.join(
            session, teacher_id, institution_id, full_time=row.full_time, from_on=begins, acting=[institution_id],
            by=caller.person_id, at=at,
        )  # fmt: skip
    return teacher_id


def _certificate(session: Session, teacher_id: UUID, paper: Paper, caller: Caller, keys: Keys, at: datetime) -> int:
    """1 when it is new; the same kind, issuer, first day and number are there when a file is sent twice."""
    same = sa.select(TeacherCertificate).where(
        TeacherCertificate.teacher_id == teacher_id,
        TeacherCertificate.kind == paper.kind,
        TeacherCertificate.issued_by == paper.issued_by,
        TeacherCertificate.from_on == paper.from_on,
    )
    person_id = session.get_one(TeacherEntry, teacher_id).person_id
    for one in session.scalars(same):
        if one.number_sealed and certifying.same_number(session, person_id, one.number_sealed, paper.number, keys):
            return 0
    certifying.state(session, teacher_id, paper, caller=caller, keys=keys, at=at)
    return 1
