"""A spreadsheet of attendance becomes lists that wait for the second person: all of it, or nothing.

The file is kept when it is looked at, and what was looked at is what is taken. Each row must lie in a session that was
planned before it began: a spreadsheet cannot make a session up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import from_ms, to_ms
from elearn.courses import classes
from elearn.courses.models import TrainingClass
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import persons
from elearn.people.identity import Keys, blind_index, check_document
from elearn.people.registry import LOCAL_ZONE
from elearn.tracking.attendance import facts, files, presence, proposing, sheets
from elearn.tracking.attendance.models import AttendanceFile, AttendanceList, ClassSession, SessionCancelled
from elearn.tracking.attendance.rules import How, Refusal, Stretch
from elearn.tracking.attendance.sheets import Row

UNKNOWN_PERSON = "UNKNOWN_PERSON"
"""Nobody of this name and document is registered: the two are not told apart."""
NO_SESSION = "NO_SESSION"
"""No session of the class was planned for that time."""
TWICE = "TWICE"
"""The person stands in two rows of one session."""
LIST_WAITING = "LIST_WAITING"
"""A list of that session waits for the second person."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a row would become."""

    row: Row
    problem: str | None
    """A `sheets.Problem`, a `rules.Refusal`, or one of the words above."""
    person_id: UUID | None = None
    session: ClassSession | None = None
    stretch: Stretch | None = None
    ms: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    file: AttendanceFile
    lines: Sequence[Line]

    @property
    def whole(self) -> bool:
        """Every row could be taken."""
        return all(line.problem is None for line in self.lines)

    @property
    def problems(self) -> Sequence[Line]:
        return [line for line in self.lines if line.problem is not None]

    @property
    def sessions(self) -> Sequence[ClassSession]:
        found = {line.session.id: line.session for line in self.lines if line.session is not None}
        return sorted(found.values(), key=lambda one: one.from_at)


def look(
    session: Session,
    class_id: UUID,
    *,
    name: str,
    content: bytes,
    by: UUID,
    acting: Collection[UUID],
    keys: Keys,
    now: datetime,
) -> Preview:
    """Keep the file and say of each row what it would become. Raises NotFound; Malformed `bad_sheet`."""
    rows = sheets.read(content)
    classes.own_class(session, class_id, acting, lock=True)
    file = files.keep(session, class_id, None, name=name, content=content, media_type=files.SHEET, by=by, at=now)
    return Preview(file, _lines(session, class_id, rows, by=by, keys=keys, now=now))


def look_in_unit(
    session: Session,
    class_id: UUID,
    *,
    unit_id: UUID,
    name: str,
    content: bytes,
    by: UUID,
    acting: Collection[UUID],
    keys: Keys,
    now: datetime,
) -> Preview:
    """The same of an enterprise's own training: rows lie in sessions of `acting`'s units. The file is the unit's.

    Raises NotFound; Malformed `bad_sheet`.
    """
    rows = sheets.read(content)
    _lock_internal(session, class_id)
    if unit_id not in acting:
        raise NotFound("There is no such class.")
    file = files.keep(
        session, class_id, None, unit_id=unit_id, name=name, content=content, media_type=files.SHEET, by=by, at=now
    )
    return Preview(file, _lines(session, class_id, rows, units=acting, by=by, keys=keys, now=now))


def take(
    session: Session, file_id: UUID, *, by: UUID, acting: Collection[UUID], keys: Keys, now: datetime
) -> list[AttendanceList]:
    """The file that was looked at becomes a list for each session in it.

    Raises NotFound; Conflict `import_changed`: a row of it can be taken no longer, so none is.
    """
    file = files.own_file(session, file_id, acting, teacher=by)
    if file.media_type != files.SHEET:
        raise NotFound("There is no such file.")
    if file.unit_id is None:
        classes.own_class(session, file.class_id, acting, lock=True)
    else:
        _lock_internal(session, file.class_id)
    units = None if file.unit_id is None else acting
    rows = sheets.read(file.content)
    preview = Preview(file, _lines(session, file.class_id, rows, units=units, by=by, keys=keys, now=now))
    if not preview.whole:
        raise Conflict(
            "Nothing was imported: a row can be taken no longer. Look at the file again.", code="import_changed"
        )
    made = []
    for held in preview.sessions:
        session.execute(sa.select(ClassSession.id).where(ClassSession.id == held.id).with_for_update(key_share=True))
        people = {
            line.person_id: (from_ms(line.stretch.from_ms), from_ms(line.stretch.to_ms))
            for line in preview.lines
            if line.session is held and line.person_id is not None and line.stretch is not None
        }
        presence.add_marks(session, held, people, by=by, keys=keys, at=now, file_id=file.id)
        made.append(proposing.propose(session, held.id, by=by, acting=acting, now=now))
    return made


def _lock_internal(session: Session, class_id: UUID) -> None:
    """The class of an enterprise's own training, locked. Raises NotFound."""
    query = sa.select(TrainingClass.id).where(TrainingClass.id == class_id, TrainingClass.outline_id.is_(None))
    if session.scalar(query.with_for_update(key_share=True)) is None:
        raise NotFound("There is no such class.")


def _lines(
    session: Session,
    class_id: UUID,
    rows: Sequence[Row],
    *,
    units: Collection[UUID] | None = None,
    by: UUID,
    keys: Keys,
    now: datetime,
) -> list[Line]:
    people = _people(session, rows, keys)
    sessions = _sessions(session, class_id, rows, units)
    waiting = proposing.waiting(session, [one.id for one in sessions])
    lines = [_line(row, people, sessions, waiting, now) for row in rows]
    seen: set[tuple[UUID, UUID]] = set()
    for index, line in enumerate(lines):
        if line.problem is None and line.person_id is not None and line.session is not None:
            key = (line.person_id, line.session.id)
            lines[index] = replace(line, problem=TWICE) if key in seen else line
            seen.add(key)
    for held in sessions:
        places = {
            line.person_id: (index, line.stretch)
            for index, line in enumerate(lines)
            if line.session is held and line.problem is None and line.person_id is not None and line.stretch is not None
        }
        asked = [(person_id, How.SHEET, stretch, None) for person_id, (_index, stretch) in places.items()]
        for one in proposing.decided(session, held, asked, by=by, now=now):
            index, _stretch = places[one.person_id]
            lines[index] = replace(lines[index], problem=one.refused_as, ms=one.ms)
    return lines


def _line(
    row: Row, people: Mapping[int, UUID], sessions: Sequence[ClassSession], waiting: Collection[UUID], now: datetime
) -> Line:
    if row.problem is not None or row.on is None or row.begins is None or row.ends is None:
        return Line(row, row.problem)
    person_id = people.get(row.row)
    if person_id is None:
        return Line(row, UNKNOWN_PERSON)
    whole = Stretch(
        to_ms(datetime.combine(row.on, row.begins, LOCAL_ZONE)), to_ms(datetime.combine(row.on, row.ends, LOCAL_ZONE))
    )
    cut = [(whole.within(facts.stretch_of(one.from_at, one.to_at)), one) for one in sessions]
    met = [(stretch.length_ms, stretch, one) for stretch, one in cut if stretch is not None]
    if not met:
        return Line(row, NO_SESSION, person_id)
    _length, stretch, held = max(met, key=lambda one: one[0])
    problem = Refusal.NOT_OVER if now < held.to_at else LIST_WAITING if held.id in waiting else None
    return Line(row, problem, person_id, held, stretch)


def _people(session: Session, rows: Sequence[Row], keys: Keys) -> dict[int, UUID]:
    """Row -> the person of that name and document. One query."""
    wanted: dict[bytes, list[Row]] = {}
    for row in rows:
        try:
            number = check_document(row.kind, row.number)
        except Malformed:
            continue
        wanted.setdefault(blind_index(keys.index, row.kind, number), []).append(row)
    return {
        row.row: person.id
        for index, person in persons.by_documents(session, wanted).items()
        for row in wanted[index]
        if person.name == " ".join(row.name.split())
    }


def _sessions(
    session: Session, class_id: UUID, rows: Sequence[Row], units: Collection[UUID] | None
) -> list[ClassSession]:
    """The sessions of the class, or of these units in it, on the days of these rows."""
    days = {row.on for row in rows if row.on is not None}
    cancelled = sa.exists().where(SessionCancelled.session_id == ClassSession.id)
    found = session.scalars(
        sa.select(ClassSession)
        .where(ClassSession.class_id == class_id, ~cancelled)
        .where(sa.true() if units is None else ClassSession.unit_id.in_(units))
        .order_by(ClassSession.from_at)
    )
    return [one for one in found if facts.day_of(one) in days]
