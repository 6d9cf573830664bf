"""Training on site: a session of a programme for the people of a unit, who is invited, what each assignment has of it.

Who came, and which two people say so, is `tracking.attendance`, as in an institution; what was confirmed is credited in
the programme's own class, and `settling` adds it up with what was watched. Nothing here earns an hour, none commits.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Kind
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import persons, tree
from elearn.people.identity import DocumentKind, Keys
from elearn.people.models import Membership, Person
from elearn.people.registry import local_day
from elearn.tracking.attendance import planning
from elearn.tracking.attendance.models import ClassSession
from elearn.tracking.attendance.reading import MOST_SEATS
from elearn.training.models import Programme

INVITED = """
SELECT a.person_id
FROM elearn.training_programme g
JOIN elearn.assignment a ON a.programme_id = g.id AND a.state = 'open'
JOIN elearn.membership m ON m.id = a.membership_id
JOIN elearn.placement p ON p.membership_id = m.id
JOIN elearn.organisation_tree t ON t.below_id = p.unit_id AND t.above_id = s.unit_id
WHERE g.class_id = s.class_id AND a.person_id <> s.teacher_id
  AND (s.from_at AT TIME ZONE 'Asia/Shanghai')::date BETWEEN m.from_on AND coalesce(m.to_on, 'infinity')
  AND (s.from_at AT TIME ZONE 'Asia/Shanghai')::date BETWEEN p.from_on AND coalesce(p.to_on, 'infinity')
"""
"""To a session `s` of an enterprise's own training: whose assignment is open and who stands in its unit that day."""
INVITED_TO = sa.text(f"""
SELECT DISTINCT i.person_id FROM elearn.class_session s CROSS JOIN LATERAL ({INVITED}) i
WHERE s.id = :session LIMIT :most
""")
ON_SITE = """(
    SELECT coalesce(sum(h.amount_ms), 0)::bigint FROM elearn.hours_entry h
    WHERE h.person_id = a.person_id AND h.class_id = g.class_id AND h.modality = 'offline'
      AND (a.counts_from IS NULL OR h.learned_at >= a.counts_from))"""
"""Of an assignment `a` of a programme `g`: what is credited of it on site."""
ATTENDED = sa.text(f"""
SELECT a.id, {ON_SITE} AS ms FROM elearn.assignment a JOIN elearn.training_programme g ON g.id = a.programme_id
WHERE a.id = ANY (:ids)
""")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form says of a session."""

    programme_id: UUID
    unit_id: UUID
    """Whose people are invited, they and all below."""
    kind: Kind
    giver_id: UUID
    place: str
    from_at: datetime
    to_at: datetime


def plan(session: Session, asked: Asked, *, by: UUID, acting: Collection[UUID], at: datetime) -> ClassSession:
    """A session of a programme. `acting`: units in whose name the caller plans.

    Raises NotFound: no such programme, or none of that unit; Conflict `closed`; and as `planning.plan_in_unit`.
    """
    programme = session.get(Programme, asked.programme_id)
    if programme is None:
        raise NotFound("There is no such programme.")
    if programme.closed_at is not None:
        raise Conflict("This programme is closed.", code="closed")
    return planning.plan_in_unit(
        session, programme.class_id, unit_id=asked.unit_id, kind=asked.kind, giver_id=asked.giver_id,
        place=asked.place, from_at=asked.from_at, to_at=asked.to_at, by=by, acting=acting, at=at,
    )  # fmt: skip


def giver(session: Session, node_id: UUID, name: str, number: str, keys: Keys, *, at: datetime) -> UUID:
    """Who is to give a session, as a form names them: by name in the unit, or by name and document at its employer.

    Raises Malformed `nobody`, `several`: more have that name; `bad_document` and the like for a number that is none.
    """
    said, today = " ".join(name.split()), local_day(at)
    if number.strip():
        employer = tree.employer_of(session, node_id)
        person = persons.find_person(session, DocumentKind.RESIDENT_ID, number, keys)
        if employer is None or person is None or person.name != said:
            raise Malformed("Nobody of this name and document works here.", code="nobody")
        if not planning.placed(session, employer.id, [person.id], on=today):
            raise Malformed("Nobody of this name and document works here.", code="nobody")
        return person.id
    found = session.scalars(
        sa.select(Person.id)
        .where(
            Person.name == said,
            Person.id.in_(sa.select(Membership.person_id).where(Membership.id.in_(tree.placed_in(node_id, on=today)))),
        )
        .limit(2)
    ).all()
    if not found:
        raise Malformed("Nobody of this name works in this unit. With the document number: anybody who works here.",
                        code="nobody")  # fmt: skip
    if len(found) > 1:
        raise Malformed("Several people have this name. Please give the document number too.", code="several")
    return found[0]


def invited(session: Session, held: ClassSession) -> list[UUID]:
    """Whose assignment of the programme is open and who stands in the session's unit that day; 500 at most."""
    return list(session.scalars(INVITED_TO, {"session": held.id, "most": MOST_SEATS}))


def attended_ms(session: Session, assignment_ids: Collection[UUID]) -> dict[UUID, int]:
    """What is credited on site of each of these assignments, of those that have something: one query."""
    rows = session.execute(ATTENDED, {"ids": list(assignment_ids)})
    return {row.id: row.ms for row in rows if row.ms > 0}
