"""What pages and other packages may ask about attendance. Reads only; each is a fixed number of queries."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people.models import OrganisationTree, Person
from elearn.tracking.attendance import facts
from elearn.tracking.attendance.models import AttendanceLine, ClassSession
from elearn.tracking.attendance.rules import Presence, presence

PAGE = 50


class Stage(StrEnum):
    """Where a session, or a line, stands."""

    CANCELLED = "cancelled"
    PLANNED = "planned"
    RUNNING = "running"
    OVER = "over"
    """It is over, and nobody has proposed a list."""
    WAITING = "waiting"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session in a list."""

    id: UUID
    class_title: str
    item: str
    """Of an enterprise's own training: the unit."""
    kind: str
    teacher: str
    place: str
    from_at: datetime
    to_at: datetime
    stage: Stage
    present: int
    """People whose attendance counts."""


SESSIONS = """
SELECT s.id, k.title AS class_title, coalesce(i.name, o.name) AS item, s.kind, p.name AS teacher, s.place, s.from_at,
       s.to_at, c.session_id IS NOT NULL AS cancelled, coalesce(w.waiting, false) AS waiting,
       coalesce(n.present, 0)::bigint AS present
FROM elearn.class_session s
JOIN elearn.training_class k ON k.id = s.class_id
LEFT JOIN elearn.outline_item i ON i.id = s.outline_item_id
LEFT JOIN elearn.organisation o ON o.id = s.unit_id
JOIN elearn.person p ON p.id = s.teacher_id
LEFT JOIN elearn.class_session_cancelled c ON c.session_id = s.id
LEFT JOIN LATERAL (SELECT bool_or(a.list_id IS NULL) AS waiting FROM elearn.attendance_list t
                   LEFT JOIN elearn.attendance_answer a ON a.list_id = t.id WHERE t.session_id = s.id) w ON true
LEFT JOIN LATERAL (SELECT count(DISTINCT d.person_id) AS present FROM elearn.attendance_list t
                   JOIN elearn.attendance_line l ON l.list_id = t.id
                   JOIN elearn.attended_span d ON d.line_id = l.id WHERE t.session_id = s.id) n ON true
"""

OF_CLASS = sa.text(f"{SESSIONS} WHERE s.class_id = :class_id ORDER BY s.from_at DESC, s.id LIMIT :most OFFSET :skip")
OF_NODE = sa.text(f"""{SESSIONS}
WHERE s.unit_id IN (SELECT below_id FROM elearn.organisation_tree WHERE above_id = :node)
  AND (CAST(:class_id AS uuid) IS NULL OR s.class_id = :class_id)
ORDER BY s.from_at DESC, s.id LIMIT :most OFFSET :skip""")
OF_TEACHER = sa.text(f"{SESSIONS} WHERE s.teacher_id = :teacher ORDER BY s.from_at DESC, s.id LIMIT :most OFFSET :skip")
ONE = sa.text(f"{SESSIONS} WHERE s.id = :session")


def of_class(session: Session, class_id: UUID, *, now: datetime, page: int = 1) -> tuple[list[SessionLine], int]:
    """One page of the sessions of a class, newest first, and how many there are."""
    total = session.scalars(
        sa.select(sa.func.count()).select_from(ClassSession).where(ClassSession.class_id == class_id)
    ).one()
    rows = session.execute(OF_CLASS, {"class_id": class_id, "most": PAGE, "skip": (max(1, page) - 1) * PAGE})
    return [_line(row, now) for row in rows], total


def of_node(
    session: Session, node_id: UUID, class_id: UUID | None, *, now: datetime, page: int = 1
) -> tuple[list[SessionLine], int]:
    """The same of the own training of a node of an enterprise and of all below it; of one class of it."""
    inside = sa.select(OrganisationTree.below_id).where(OrganisationTree.above_id == node_id)
    counted = sa.select(sa.func.count()).select_from(ClassSession).where(ClassSession.unit_id.in_(inside))
    total = session.scalars(counted.where(ClassSession.class_id == class_id) if class_id else counted).one()
    where = {"node": node_id, "class_id": class_id, "most": PAGE, "skip": (max(1, page) - 1) * PAGE}
    return [_line(row, now) for row in session.execute(OF_NODE, where)], total


def of_teacher(session: Session, teacher: UUID, *, now: datetime, page: int = 1) -> tuple[list[SessionLine], int]:
    """The same of what somebody teaches."""
    total = session.scalars(
        sa.select(sa.func.count()).select_from(ClassSession).where(ClassSession.teacher_id == teacher)
    ).one()
    rows = session.execute(OF_TEACHER, {"teacher": teacher, "most": PAGE, "skip": (max(1, page) - 1) * PAGE})
    return [_line(row, now) for row in rows], total


def gives(session: Session, person_id: UUID) -> bool:
    """Whether somebody teaches any session."""
    return bool(session.scalar(sa.select(sa.exists().where(ClassSession.teacher_id == person_id))))


def one(session: Session, session_id: UUID, *, now: datetime) -> SessionLine:
    return _line(session.execute(ONE, {"session": session_id}).one(), now)


def _line(row: sa.Row[tuple[object, ...]], now: datetime) -> SessionLine:
    if row.cancelled:
        stage = Stage.CANCELLED
    elif row.waiting:
        stage = Stage.WAITING
    elif row.present:
        stage = Stage.CONFIRMED
    elif now < row.from_at:
        stage = Stage.PLANNED
    else:
        stage = Stage.RUNNING if now < row.to_at else Stage.OVER
    return SessionLine(
        row.id, row.class_title, row.item, row.kind, row.teacher, row.place, row.from_at, row.to_at, stage, row.present,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody of the class in one session."""

    person_id: UUID
    name: str
    presence: Presence
    marked: bool
    """The teacher, or a spreadsheet, said so."""

    @property
    def here(self) -> bool:
        """Checked in and not out."""
        return self.presence.open_since_ms is not None


MOST_SEATS = 500
"""People of an enterprise's training beside those who came; more are found by a spreadsheet."""

ROSTER = sa.text("""
SELECT DISTINCT p.id, p.name FROM elearn.enrolment e JOIN elearn.person p ON p.id = e.person_id
WHERE e.class_id = :class_id AND e.enrolled_at < :to_at AND (e.withdrawn_at IS NULL OR e.withdrawn_at > :from_at)
ORDER BY p.name, p.id
""")


NAMED = sa.text("SELECT id, name FROM elearn.person WHERE id = ANY (:people) ORDER BY name, id")


def seats(session: Session, held: ClassSession, invited: Collection[UUID] | None = None) -> list[Seat]:
    """Everybody who was in the class during a session, by name; of an enterprise's training those who are invited, at
    most 500 of them, and whoever came. Three queries.
    """
    scans, marks = facts.scans_of(session, [held.id]), facts.marks_of(session, [held.id])
    if invited is None:
        where = {"class_id": held.class_id, "from_at": held.from_at, "to_at": held.to_at}
        roster = session.execute(ROSTER, where).all()
    else:
        came = {person_id for _session, person_id in (*scans, *marks)}
        roster = session.execute(NAMED, {"people": [*came, *sorted(set(invited) - came)[:MOST_SEATS]]}).all()
    stretch = facts.stretch_of(held.from_at, held.to_at)
    found = []
    for row in roster:
        own, mark = scans.get((held.id, row.id), []), marks.get((held.id, row.id))
        found.append(Seat(row.id, row.name, presence(own, facts.said(mark), stretch), mark is not None))
    return found


@dataclass(frozen=True, slots=True)
class ListLine:
    """A list as whoever confirms sees it."""

    id: UUID
    act: str
    class_title: str
    item: str
    kind: str
    place: str
    from_at: datetime
    to_at: datetime
    proposed_by: str
    proposed_by_id: UUID
    proposed_at: datetime
    reason: str
    people: int
    ms: int
    stage: Stage
    answered_by: str | None
    answered_at: datetime | None
    note: str
    class_id: UUID


LISTS = """
SELECT t.id, t.act, k.id AS class_id, k.title AS class_title, coalesce(i.name, o.name) AS item, s.kind, s.place,
       s.from_at, s.to_at, p.name AS proposed_by, t.by_id AS proposed_by_id, t.at AS proposed_at, t.reason,
       count(DISTINCT l.person_id) FILTER (WHERE l.refused_as IS NULL) AS people, sum(l.ms)::bigint AS ms,
       a.confirmed, q.name AS answered_by, a.at AS answered_at, coalesce(a.note, '') AS note
FROM elearn.attendance_list t
JOIN elearn.class_session s ON s.id = t.session_id
JOIN elearn.training_class k ON k.id = s.class_id
LEFT JOIN elearn.outline_item i ON i.id = s.outline_item_id
LEFT JOIN elearn.organisation o ON o.id = s.unit_id
JOIN elearn.person p ON p.id = t.by_id
JOIN elearn.attendance_line l ON l.list_id = t.id
LEFT JOIN elearn.attendance_answer a ON a.list_id = t.id
LEFT JOIN elearn.person q ON q.id = a.by_id
WHERE {where}
GROUP BY t.id, k.id, i.id, o.id, s.id, p.id, a.list_id, q.id
ORDER BY t.at DESC, t.id LIMIT 200
"""


def waiting_lists(session: Session, houses: Collection[UUID]) -> list[ListLine]:
    """Lists of these institutions, or units of an enterprise, that wait for a second person: 200 newest first."""
    query = sa.text(LISTS.format(where="a.list_id IS NULL AND coalesce(s.unit_id, k.institution_id) = ANY (:houses)"))
    return [_list(row) for row in session.execute(query, {"houses": list(houses)})]


def lists_of(session: Session, session_id: UUID) -> list[ListLine]:
    """Every list of a session, newest first."""
    query = sa.text(LISTS.format(where="t.session_id = :session"))
    return [_list(row) for row in session.execute(query, {"session": session_id})]


def one_list(session: Session, list_id: UUID) -> ListLine:
    query = sa.text(LISTS.format(where="t.id = :list"))
    return _list(session.execute(query, {"list": list_id}).one())


def _list(row: sa.Row[tuple[object, ...]]) -> ListLine:
    stages = {None: Stage.WAITING, True: Stage.CONFIRMED, False: Stage.REFUSED}
    return ListLine(
        row.id, row.act, row.class_title, row.item, row.kind, row.place, row.from_at, row.to_at, row.proposed_by,
        row.proposed_by_id, row.proposed_at, row.reason, row.people, row.ms, stages[row.confirmed], row.answered_by,
        row.answered_at, row.note, row.class_id,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class OwnLine:
    """A stretch on site, to the person themselves."""

    class_title: str
    item: str
    kind: str
    place: str
    on: date
    from_at: datetime
    to_at: datetime
    ms: int
    stage: Stage
    refused_as: str | None
    filed: bool
    """The class was filed before the session began: without that it counts nowhere outside."""
    class_id: UUID
    internal: bool
    """An enterprise's own training: of no exam, and told by the clock."""


OWN = sa.text("""
SELECT k.id AS class_id, k.title AS class_title, coalesce(i.name, o.name) AS item, s.kind, s.place, l."on", l.from_at,
       l.to_at, l.ms, s.unit_id IS NOT NULL AS internal, l.refused_as, a.confirmed, d.line_id IS NOT NULL AS counts,
       coalesce(k.filed_at <= s.from_at, false) AS filed
FROM elearn.attendance_line l
JOIN elearn.attendance_list t ON t.id = l.list_id AND t.act = 'record'
JOIN elearn.class_session s ON s.id = t.session_id
JOIN elearn.training_class k ON k.id = s.class_id
LEFT JOIN elearn.outline_item i ON i.id = s.outline_item_id
LEFT JOIN elearn.organisation o ON o.id = s.unit_id
LEFT JOIN elearn.attendance_answer a ON a.list_id = t.id
LEFT JOIN elearn.attended_span d ON d.line_id = l.id
WHERE l.person_id = :person AND a.confirmed IS NOT FALSE
ORDER BY l.from_at DESC LIMIT 200
""")


def own(session: Session, person_id: UUID) -> list[OwnLine]:
    """A learner's own stretches on site, newest first; at most 200. One query."""

    def stage(row: sa.Row[tuple[object, ...]]) -> Stage:
        if row.refused_as is not None:
            return Stage.REFUSED
        if row.confirmed is None:
            return Stage.WAITING
        return Stage.CONFIRMED if row.counts else Stage.TAKEN_BACK

    return [
        OwnLine(row.class_title, row.item, row.kind, row.place, row.on, row.from_at, row.to_at, row.ms, stage(row),
                row.refused_as, row.filed, row.class_id, row.internal)
        for row in session.execute(OWN, {"person": person_id})
    ]  # fmt: skip


def names(session: Session, lines: Sequence[AttendanceLine]) -> Mapping[UUID, str]:
    """Whose lines these are."""
    rows = session.execute(sa.select(Person.id, Person.name).where(Person.id.in_({line.person_id for line in lines})))
    return {row.id: row.name for row in rows}
