"""Which findings hold on a day, and what the page of findings shows. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.requirements.rows import Education
from elearn.credit_export.findings.rules import Kind, Waiting, holds
from elearn.people.callers import Caller
from elearn.people.models import Role
from elearn.people.permissions import regions_of, scope_of
from elearn.people.sides import Side, Voice

PAGE = 30

_HOLDS = """
a.confirmed AND f.ends_id IS NULL AND f.from_on <= :on AND (f.to_on IS NULL OR :on <= f.to_on)
AND NOT EXISTS (SELECT FROM elearn.finding e JOIN elearn.finding_answer b ON b.finding_id = e.id AND b.confirmed
                WHERE e.ends_id = f.id AND e.from_on <= :on)
"""
"""The same as `rules.holds`, of a finding `f` with its answer `a`."""

OF_PERSONS = sa.text(f"""
SELECT f.id, f.kind, f.person_id, f.outline_code, f.paper
FROM elearn.finding f JOIN elearn.finding_answer a ON a.finding_id = f.id
WHERE f.person_id = ANY (:persons) AND {_HOLDS}
ORDER BY f.person_id, f.at, f.id
""")

SUSPENDED = sa.text(f"""
SELECT k.id FROM elearn.training_class k
WHERE k.id = ANY (:classes) AND EXISTS (
    SELECT FROM elearn.finding f JOIN elearn.finding_answer a ON a.finding_id = f.id
    WHERE f.organisation_id = k.institution_id AND {_HOLDS})
""")

LATELY = sa.text("""
SELECT DISTINCT coalesce(f.person_id, n.person_id) AS person_id
FROM elearn.finding_answer a
JOIN elearn.finding f ON f.id = a.finding_id
LEFT JOIN elearn.training_class k ON k.institution_id = f.organisation_id
LEFT JOIN elearn.enrolment n ON n.class_id = k.id
WHERE a.at >= :since AND a.confirmed AND coalesce(f.person_id, n.person_id) IS NOT NULL
""")


@dataclass(frozen=True, slots=True)
class Held:
    """A finding about a person that holds."""

    id: UUID
    kind: Kind
    outline_code: str | None
    paper: str | None


def of_persons(session: Session, person_ids: Collection[UUID], on: date) -> dict[UUID, list[Held]]:
    """By person: what holds on that day. One query."""
    found: dict[UUID, list[Held]] = defaultdict(list)
    for row in session.execute(OF_PERSONS, {"persons": list(person_ids), "on": on}):
        found[row.person_id].append(Held(row.id, Kind(row.kind), row.outline_code, row.paper))
    return found


def suspended_classes(session: Session, class_ids: Collection[UUID], on: date) -> frozenset[UUID]:
    """Those of these classes whose institution is suspended that day. One query."""
    if not class_ids:
        return frozenset()
    return frozenset(session.scalars(SUSPENDED, {"classes": list(class_ids), "on": on}))


def lately_answered(session: Session, since: datetime) -> set[UUID]:
    """The persons whom findings confirmed since then are about: also all who were in classes of an institution."""
    return set(session.scalars(LATELY, {"since": since}))


# --- the page ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FindingLine:
    """A finding with all that was said about it."""

    id: UUID
    kind: Kind
    person_id: UUID | None
    organisation_id: UUID | None
    name: str
    """Of the person, or of the institution."""
    outline_code: str | None
    outline_name: str | None
    paper: str | None
    number_sealed: bytes | None
    level: Education | None
    """Of a diploma."""
    from_on: date
    to_on: date | None
    ends_id: UUID | None
    """This one ends another, whose kind it has."""
    note: str
    by: Voice
    by_name: str
    at: datetime
    confirmed: bool | None
    """None: nobody has answered."""
    second_name: str | None
    second_side: Side | None
    answer_note: str | None
    answered_at: datetime | None
    ended_on: date | None
    """The first day on which it no longer holds, when its end was confirmed."""
    ending: bool
    """An end of it waits for its answer."""

    @property
    def waiting(self) -> Waiting:
        return Waiting(self.kind, self.person_id, self.by)

    def holds_on(self, day: date) -> bool:
        """Whether it was confirmed, ends nothing, and is in force that day."""
        return bool(self.confirmed) and self.ends_id is None and holds(self.from_on, self.to_on, self.ended_on, day)


_REACH = """(:all
 OR EXISTS (SELECT FROM elearn.enrolment n JOIN elearn.training_class k ON k.id = n.class_id
            JOIN elearn.organisation i ON i.id = k.institution_id
            WHERE n.person_id = f.person_id
              AND ((k.institution_id = ANY (:institutions)
                    AND f.kind <> 'blacklisted')
                   OR EXISTS (SELECT FROM unnest(CAST(:regions AS text[])) AS own WHERE starts_with(i.region, own))))
 OR EXISTS (SELECT FROM elearn.organisation i WHERE i.id = f.organisation_id
            AND EXISTS (SELECT FROM unnest(CAST(:regions AS text[])) AS own WHERE starts_with(i.region, own))))"""

_LINES = """
SELECT f.*, coalesce(p.name, o.name) AS about_name, t.name AS outline_name, b.name AS by_name, a.confirmed,
       s.name AS second_name, a.side AS second_side, a.note AS answer_note, a.at AS answered_at, over.ended_on,
       over.ending
FROM elearn.finding f
LEFT JOIN elearn.person p ON p.id = f.person_id
LEFT JOIN elearn.organisation o ON o.id = f.organisation_id
LEFT JOIN LATERAL (SELECT name FROM elearn.outline x WHERE x.code = f.outline_code
                   ORDER BY x.effective_from DESC LIMIT 1) t ON true
JOIN elearn.person b ON b.id = f.by_id
LEFT JOIN elearn.finding_answer a ON a.finding_id = f.id
LEFT JOIN elearn.person s ON s.id = a.by_id
LEFT JOIN LATERAL (
    SELECT min(e.from_on) FILTER (WHERE c.confirmed) AS ended_on,
           coalesce(bool_or(c.finding_id IS NULL), false) AS ending
    FROM elearn.finding e LEFT JOIN elearn.finding_answer c ON c.finding_id = e.id WHERE e.ends_id = f.id
) over ON true
"""


def lines(session: Session, caller: Caller, *, waiting: bool, page: int = 1) -> list[FindingLine]:
    """One page of findings that wait for a second person (oldest first) or of all others (latest first).

    Institutions see what excuses their own people, officers all of their region, operators and auditors all.
    """
    asked = f"a.finding_id IS {'NULL' if waiting else 'NOT NULL'} AND {_REACH}"
    rows = session.execute(
        sa.text(f"{_LINES} WHERE {asked} ORDER BY f.at {'' if waiting else 'DESC'}, f.id LIMIT :size OFFSET :skip"),
        _reach(caller) | {"size": PAGE, "skip": (page - 1) * PAGE},
    )
    return [_line(row) for row in rows]


def counts(session: Session, caller: Caller) -> tuple[int, int]:
    """How many of those that the caller sees wait for a second person, and how many others there are. One query."""
    row = session.execute(
        sa.text(
            "SELECT count(*) FILTER (WHERE a.finding_id IS NULL) AS waiting, count(a.finding_id) AS answered "
            f"FROM elearn.finding f LEFT JOIN elearn.finding_answer a ON a.finding_id = f.id WHERE {_REACH}"
        ),
        _reach(caller),
    ).one()
    return row.waiting, row.answered


def line_of(session: Session, finding_id: UUID) -> FindingLine | None:
    """One finding, for whoever has a say there: ask `stating.voices`."""
    row = session.execute(sa.text(f"{_LINES} WHERE f.id = :id"), {"id": finding_id}).one_or_none()
    return None if row is None else _line(row)


def about_person(session: Session, person_id: UUID) -> list[FindingLine]:
    """What was ever confirmed about a person, the latest first."""
    rows = session.execute(
        sa.text(f"{_LINES} WHERE f.person_id = :person AND a.confirmed AND f.ends_id IS NULL ORDER BY f.at DESC"),
        {"person": person_id},
    )
    return [_line(row) for row in rows]


def _reach(caller: Caller) -> dict[str, Any]:
    return {
        "all": bool(caller.roles & {Role.OPERATOR, Role.AUDITOR}),
        "institutions": list(scope_of(caller, Role.INSTITUTION_CLERK, Role.INSTITUTION_MANAGER)),
        "regions": list(regions_of(caller)),
    }


def _line(row: Any) -> FindingLine:
    return FindingLine(
        id=row.id,
        kind=Kind(row.kind),
        person_id=row.person_id,
        organisation_id=row.organisation_id,
        name=row.about_name,
        outline_code=row.outline_code,
        outline_name=row.outline_name,
        paper=row.paper,
        number_sealed=row.number_sealed,
        level=None if row.level is None else Education(row.level),
        from_on=row.from_on,
        to_on=row.to_on,
        ends_id=row.ends_id,
        note=row.note,
        by=Voice(row.by_id, Side(row.side)),
        by_name=row.by_name,
        at=row.at,
        confirmed=row.confirmed,
        second_name=row.second_name,
        second_side=None if row.second_side is None else Side(row.second_side),
        answer_note=row.answer_note,
        answered_at=row.answered_at,
        ended_on=row.ended_on,
        ending=row.ending,
    )
