"""The fact `teachers_valid` of judgements: were those who taught these people valid on each date? Reads only.

Asked of the class in whose name somebody is judged, and of every class in which hours under the same outline were
earned: another class with better teachers makes nothing good. Hours on site are asked of who taught that meeting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.requirements.choosing import Catalogue
from elearn.courses.requirements.rows import HoursKind
from elearn.courses.teachers.rules import Problem, Taught
from elearn.courses.teachers.standing import Standing, anybody_asks, standings, teaching

EARNED = sa.text("""
SELECT DISTINCT e.person_id, k.outline_id, e.class_id, s.teacher_id, s.kind, s.outline_item_id,
       CASE WHEN s.id IS NOT NULL THEN e.earned_on END AS earned_on
FROM elearn.hours_entry e
JOIN elearn.training_class k ON k.id = e.class_id
LEFT JOIN elearn.attendance_line l ON l.id = e.attendance_line_id
LEFT JOIN elearn.attendance_list t ON t.id = l.list_id
LEFT JOIN elearn.class_session s ON s.id = t.session_id
WHERE e.person_id = ANY (:persons) AND e.reverses_id IS NULL
  AND NOT EXISTS (SELECT FROM elearn.hours_entry r WHERE r.reverses_id = e.id)
""")

TOUCHED = sa.text("""
SELECT DISTINCT n.person_id
FROM (
    SELECT class_id FROM elearn.class_teacher WHERE greatest(added_at, changed_at, removed_at) >= :since
    UNION
    SELECT k.class_id FROM elearn.class_teacher k WHERE k.teacher_id IN (
        SELECT teacher_id FROM elearn.teacher_term WHERE greatest(added_at, ended_at) >= :since
        UNION
        SELECT teacher_id FROM elearn.teacher_certificate WHERE at >= :since
        UNION
        SELECT c.teacher_id FROM elearn.certificate_answer a
        JOIN elearn.teacher_certificate c ON c.id = a.certificate_id WHERE a.at >= :since)
) AS changed
JOIN elearn.enrolment n ON n.class_id = changed.class_id
""")

Line = tuple[UUID, UUID]
"""A person under an outline."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """The classes that are asked of each line, the meetings in them, and how each class stands."""

    classes: dict[Line, set[UUID]]
    taught: Mapping[tuple[UUID, UUID], list[tuple[UUID, date, HoursKind, UUID]]]
    held: Mapping[UUID, Standing]

    def meetings(self, person_id: UUID, class_id: UUID) -> list[Taught]:
        known = self.held[class_id].of_person
        found = self.taught.get((person_id, class_id), ())
        return [Taught(known.get(who), day, kind, item) for who, day, kind, item in found]


def _asked(session: Session, lines: Iterable[tuple[UUID, UUID, UUID | None]]) -> _Asked:
    classes: dict[Line, set[UUID]] = {(person, outline): {held} for person, outline, held in lines if held is not None}
    taught: dict[tuple[UUID, UUID], list[tuple[UUID, date, HoursKind, UUID]]] = defaultdict(list)
    for row in session.execute(EARNED, {"persons": list({person for person, _outline in classes})}):
        if (row.person_id, row.outline_id) in classes:
            classes[row.person_id, row.outline_id].add(row.class_id)
            if row.earned_on is not None:
                meeting = (row.teacher_id, row.earned_on, HoursKind(row.kind), row.outline_item_id)
                taught[row.person_id, row.class_id].append(meeting)
    return _Asked(classes, taught, standings(session, {one for several in classes.values() for one in several}))


def of_cases(
    session: Session, catalogue: Catalogue, cases: Iterable[tuple[UUID, UUID, UUID | None]], *, on: date, today: date
) -> dict[Line, bool | None]:
    """(person, outline) -> the fact, of (person, outline, class) of cases; what is left out is None.

    `on`: the day whose rules are asked; what was taught is asked of the rules of its own day. No query where no
    region says anything of teachers, else six, however many cases.
    """
    if not anybody_asks(catalogue):
        return {}
    asked = _asked(session, cases)
    # Without meetings on site a class stands the same for all who are in it.
    alike = {class_id: one.valid(today, on=on) for class_id, one in asked.held.items()}

    def of(person_id: UUID, class_id: UUID) -> bool | None:
        meetings = asked.meetings(person_id, class_id)
        if not meetings or alike[class_id] is False:
            return alike[class_id]
        return asked.held[class_id].valid(today, meetings, on=on)

    return {line: together([of(line[0], class_id) for class_id in several]) for line, several in asked.classes.items()}


def wrong(
    session: Session, person_id: UUID, outline_id: UUID, class_id: UUID | None, *, today: date
) -> list[tuple[Problem, str]]:
    """What makes the fact a no for one person, with the teacher's name; empty: of somebody unknown."""
    asked = _asked(session, [(person_id, outline_id, class_id)])
    names = {one.teacher_id: one.name for several in teaching(session, asked.held).values() for one in several}
    return [
        (problem, names.get(problem.teacher_id, "") if problem.teacher_id else "")
        for held, one in asked.held.items()
        for problem in one.problems(today, asked.meetings(person_id, held))
        if problem.gates
    ]


def together(several: Collection[bool | None]) -> bool | None:
    """One known no is a no; else one that nobody knows leaves it unknown."""
    if False in several:
        return False
    return None if None in several or not several else True


def lately_touched(session: Session, since: datetime) -> set[UUID]:
    """Who was ever in a class whose teachers, or what is known of them, changed since then."""
    return set(session.scalars(TOUCHED, {"since": since}))
