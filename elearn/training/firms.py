"""Firms that send people: contractors and agencies, and how far those whom each sent are with their training (B09).

The host answers for whoever works at its place as for its own people (安全生产法 第二十八条), and for contractors
together with their firm (第四十九条). So a gate asks first: whose are they, and has each of them been trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people.models import EmploymentKind
from elearn.training.reading import CONDITIONS, UNFINISHED, Show

PAGE = 50


class Stands(StrEnum):
    """How somebody stands with all that was assigned to them here, the worst first."""

    LEAVE = "leave"
    """Must leave the post: training is not done, or the post's certificate is missing."""
    LATE = "late"
    NONE = "none"
    """Nothing was ever assigned."""
    LEARNING = "learning"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Firm:
    """Whom a firm has here today."""

    name: str
    people: int
    stand: dict[Stands, int]

    @property
    def ready(self) -> int:
        """Per cent of them who have done all that was assigned, rounded down: 100 means everybody."""
        return self.stand[Stands.DONE] * 100 // self.people


@dataclass(frozen=True, slots=True)
class Sent:
    """One whom a firm sent."""

    membership_id: UUID
    firm: str
    name: str
    kind: EmploymentKind
    unit: str
    post: str
    from_on: date
    stands: Stands


# One place a member: today's. Who lacks the post's certificate: as figures counted it last. What stands in the tree
# is what a clerk may see of the employer's people.
_SENT = f"""
SELECT m.id, m.firm, m.person_id, m.kind, m.from_on, p.unit_id, p.post, CASE
    WHEN w.leaves OR f.unqualified THEN 'leave' WHEN w.late THEN 'late' WHEN w.open THEN 'learning'
    WHEN w.done THEN 'done' ELSE 'none'
  END AS stands
FROM elearn.organisation_tree t
JOIN elearn.placement p ON p.unit_id = t.below_id AND p.from_on <= :today AND (p.to_on IS NULL OR p.to_on >= :today)
JOIN elearn.membership m ON m.id = p.membership_id AND m.firm <> '' AND m.from_on <= :today
    AND (m.to_on IS NULL OR m.to_on >= :today)
LEFT JOIN elearn.figure_member f ON f.membership_id = m.id
CROSS JOIN LATERAL (
    SELECT bool_or({UNFINISHED}) AS open, bool_or({CONDITIONS[Show.LATE]}) AS late,
           bool_or({CONDITIONS[Show.LEAVE]}) AS leaves,
           bool_or(a.state = 'done') AS done
    FROM elearn.assignment a WHERE a.membership_id = m.id
) w
WHERE t.above_id = :node AND (CAST(:firm AS text) IS NULL OR m.firm = :firm)
"""
FIRMS = sa.text(f"SELECT firm, stands, count(*) FROM ({_SENT}) sent GROUP BY firm, stands")
PEOPLE = sa.text(
    f"""
    SELECT s.id, s.firm, person.name, s.kind, unit.name, s.post, s.from_on, s.stands FROM ({_SENT}) s
    JOIN elearn.person person ON person.id = s.person_id JOIN elearn.organisation unit ON unit.id = s.unit_id
    ORDER BY CASE WHEN CAST(:firm AS text) IS NULL THEN s.firm END, array_position(CAST(:order AS text[]), s.stands),
        person.name, s.id LIMIT :most OFFSET :skip
    """
)


def firms(session: Session, node_id: UUID, *, on: date, name: str | None = None) -> list[Firm]:
    """Every firm with people in the node or below it today, or this one; those furthest behind first: one query."""
    found: dict[str, dict[Stands, int]] = {}
    for firm, stands, count in session.execute(FIRMS, {"node": node_id, "today": on, "firm": name}):
        found.setdefault(firm, dict.fromkeys(Stands, 0))[Stands(stands)] = count
    made = [Firm(name, sum(stand.values()), stand) for name, stand in found.items()]
    return sorted(made, key=lambda one: (one.ready, -one.people, one.name))


def sent_by(session: Session, node_id: UUID, firm: str, *, on: date, skip: int = 0, most: int = PAGE) -> Sequence[Sent]:
    """Whom this firm has in the node or below it today, who must leave the post first: one query."""
    return _people(session, {"node": node_id, "today": on, "firm": firm, "skip": skip, "most": most})


def everybody(session: Session, node_id: UUID, *, on: date, most: int) -> Sequence[Sent]:
    """Whom any firm has there, firm by firm."""
    return _people(session, {"node": node_id, "today": on, "firm": None, "skip": 0, "most": most})


def _people(session: Session, asked: dict[str, object]) -> Sequence[Sent]:
    rows = session.execute(PEOPLE, asked | {"order": [one.value for one in Stands]})
    return [
        Sent(id_, firm, name, EmploymentKind(kind), unit, post, from_on, Stands(stands))
        for id_, firm, name, kind, unit, post, from_on, stands in rows
    ]
