"""Attendance, recomputed: do the lists follow from scans and marks, and did two people say each of them?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import to_ms
from elearn.tracking.attendance import facts
from elearn.tracking.attendance.models import AttendanceLine, AttendanceList, AttendanceMark, ClassSession
from elearn.tracking.attendance.proposing import doc_of
from elearn.tracking.attendance.rules import Scan, presence

AT_ONCE = 200

# Each query answers (which, what) for every row that breaks its sentence.
SENTENCES = {
    "attendance_answer confirms what another proposed who is not on the list, and so is who confirms": """
        SELECT a.list_id::text, 'is confirmed by no second person who is not on the list'
        FROM elearn.attendance_answer a
        LEFT JOIN elearn.attendance_list t ON t.id = a.list_id AND t.by_id = a.proposed_by
        LEFT JOIN elearn.class_session s ON s.id = t.session_id
        WHERE a.confirmed AND (t.id IS NULL OR a.by_id IN (a.proposed_by, s.teacher_id) OR EXISTS (
            SELECT FROM elearn.attendance_line l WHERE l.list_id = a.list_id AND l.refused_as IS NULL
            AND l.person_id IN (a.by_id, a.proposed_by)))""",
    "attendance_file is what its digest says": """
        SELECT id::text, 'its content is not what its digest says' FROM elearn.attendance_file
        WHERE encode(sha256(content), 'hex') <> sha256""",
    "attendance_scan follows the one before: in, out, in, out": """
        SELECT id::text, 'does not follow the scan before it of this person'
        FROM (SELECT id, number, act, at, row_number() OVER w AS nth, lag(at) OVER w AS before
              FROM elearn.attendance_scan WINDOW w AS (PARTITION BY session_id, person_id ORDER BY number)) s
        WHERE number <> nth OR act <> CASE WHEN nth % 2 = 1 THEN 'in' ELSE 'out' END OR at < before""",
    "attendance_mark follows the one before": """
        SELECT id::text, 'a mark before it is missing'
        FROM (SELECT id, number, row_number() OVER (PARTITION BY session_id, person_id ORDER BY number) AS nth
              FROM elearn.attendance_mark) m WHERE number <> nth""",
    "attended_span is where people were by the lines that count": """
        SELECT coalesce(l.id, s.line_id)::text, CASE WHEN l.id IS NULL THEN 'no line that counts says so'
               WHEN s.line_id IS NULL THEN 'a line that counts is not there'
               ELSE 'another person or time than its line' END
        FROM (SELECT l.* FROM elearn.attendance_line l
              JOIN elearn.attendance_list t ON t.id = l.list_id AND t.act = 'record'
              JOIN elearn.attendance_answer a ON a.list_id = t.id AND a.confirmed
              WHERE l.refused_as IS NULL AND NOT EXISTS (
                  SELECT FROM elearn.attendance_line r JOIN elearn.attendance_answer b ON b.list_id = r.list_id
                  WHERE r.reverses_id = l.id AND b.confirmed)) l
        FULL JOIN elearn.attended_span s ON s.line_id = l.id
        WHERE (s.person_id = l.person_id AND s.period = tstzrange(l.from_at, l.to_at)) IS NOT TRUE""",
}


def differences(session: Session) -> Iterator[tuple[str, str, str]]:
    """(table, which row, what is wrong) for every row of attendance that does not hold."""
    for sentence, query in SENTENCES.items():
        for which, what in session.execute(sa.text(query)):
            yield sentence.split()[0], which, what
    last: UUID | None = None
    while True:
        query_lists = sa.select(AttendanceList).order_by(AttendanceList.id).limit(AT_ONCE)
        page = session.scalars(query_lists if last is None else query_lists.where(AttendanceList.id > last)).all()
        if not page:
            return
        last = page[-1].id
        yield from _lists(session, page)


def _lists(session: Session, page: Sequence[AttendanceList]) -> Iterator[tuple[str, str, str]]:
    held = {
        one.id: one
        for one in session.scalars(
            sa.select(ClassSession).where(ClassSession.id.in_({whole.session_id for whole in page}))
        )
    }
    lines: dict[UUID, list[AttendanceLine]] = {}
    for line in session.scalars(
        sa.select(AttendanceLine).where(AttendanceLine.list_id.in_([whole.id for whole in page]))
    ):
        lines.setdefault(line.list_id, []).append(line)
    said = _Said(facts.scans_of(session, list(held)), _marks_of(session, list(held)))
    for whole in page:
        of_list = lines.get(whole.id, [])
        if whole.session_id not in held:
            yield "attendance_list", str(whole.id), "its session is not there"
            continue
        if doc_of(held[whole.session_id], whole, of_list) != whole.doc:
            yield "attendance_list", str(whole.id), "its lines or its session are not what its digest says"
        if whole.act == "record":
            for line in of_list:
                if line.refused_as is None and not said.has(held[whole.session_id], whole, line):
                    yield "attendance_line", str(line.id), "follows from no scan and from no mark of that time"


def _marks_of(session: Session, session_ids: Sequence[UUID]) -> dict[tuple[UUID, UUID], list[AttendanceMark]]:
    """(session, person) -> every mark, in the order they came."""
    found: dict[tuple[UUID, UUID], list[AttendanceMark]] = {}
    for mark in session.scalars(
        sa.select(AttendanceMark).where(AttendanceMark.session_id.in_(session_ids)).order_by(AttendanceMark.number)
    ):
        found.setdefault((mark.session_id, mark.person_id), []).append(mark)
    return found


@dataclass(frozen=True, slots=True)
class _Said:
    """Scans and marks of some sessions, as they were at a time."""

    scans: Mapping[tuple[UUID, UUID], Sequence[Scan]]
    marks: Mapping[tuple[UUID, UUID], Sequence[AttendanceMark]]

    def has(self, held: ClassSession, whole: AttendanceList, line: AttendanceLine) -> bool:
        key = (held.id, line.person_id)
        scans = [one for one in self.scans.get(key, []) if one.at_ms <= to_ms(whole.at)]
        marks = [one for one in self.marks.get(key, []) if one.at <= whole.at]
        there = presence(scans, facts.said(marks[-1] if marks else None), facts.stretch_of(held.from_at, held.to_at))
        return there.how == line.how and facts.stretch_of(line.from_at, line.to_at) in there.stretches
