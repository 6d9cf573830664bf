"""Lists of assignments: what is late, who must leave the post, what waits for a signature; and one person's own.

A clerk sees whoever stands in the clerk's tree today (or will first stand there, who has not come yet), and of them
only what this tree's own employer assigned. The learner sees everything of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.training.models import Occasion, Purpose, State

PAGE = 50
MOST_EXPORTED = 100_000


class Show(StrEnum):
    """Which assignments a list has."""

    ALL = "all"
    LATE = "late"
    LEAVE = "leave"
    """Must leave the post until it is done: 先离岗再培训, 先培训后上岗."""
    SIGN = "sign"
    """Of a level that is learned, and not signed by both."""
    OPEN = "open"
    WAITING = "waiting"
    DONE = "done"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list is asked for."""

    node_id: UUID
    """Only who stands here or below."""
    show: Show = Show.ALL
    kind: str | None = None
    """A word of `EmploymentKind`."""
    purpose: Purpose | None = None
    programme_id: UUID | None = None
    name: str = ""
    """Part of the person's name."""


@dataclass(frozen=True, slots=True)
class Line:
    """An assignment in a list."""

    id: UUID
    membership_id: UUID
    person_id: UUID
    name: str
    kind: str
    unit: str
    post: str
    programme_id: UUID
    programme: str
    purpose: Purpose
    occasion: Occasion
    cause: str
    state: State
    position: int
    assigned_on: date
    due_on: date
    bars_post: bool
    required_ms: int
    credited_ms: int
    tests_passed: bool
    done_at: datetime | None
    signed: Sequence[str]
    """Which sides signed."""
    organisation: str

    @property
    def unfinished(self) -> bool:
        return self.state in (State.WAITING, State.OPEN)

    @property
    def left_ms(self) -> int:
        return max(0, self.required_ms - self.credited_ms)

    @property
    def learned(self) -> bool:
        """Time is credited and tests are passed."""
        return self.left_ms == 0 and self.tests_passed

    @property
    def waits_for_signature(self) -> bool:
        return self.state is State.OPEN and self.purpose.level and self.learned

    def late(self, today: date) -> bool:
        return self.unfinished and self.due_on < today

    def must_leave(self, today: date) -> bool:
        """Until this one is done; what comes after it in a chain says nothing of its own."""
        return self.state is State.OPEN and self.bars_post and (self.due_on < today or self.occasion is Occasion.HIRE)


@dataclass(frozen=True, slots=True)
class Counts:
    """Of a tree."""

    late: int
    leave: int
    sign: int
    open: int
    waiting: int
    done: int


UNFINISHED = "a.state IN ('waiting', 'open')"
LEVEL = "g.purpose IN ('three_level_factory', 'three_level_workshop', 'three_level_team')"
CONDITIONS = {
    Show.ALL: "true",
    Show.LATE: f"{UNFINISHED} AND a.due_on < :today",
    Show.LEAVE: "a.state = 'open' AND a.bars_post AND (a.due_on < :today OR a.occasion = 'hire')",
    Show.SIGN: f"a.state = 'open' AND {LEVEL} AND a.credited_ms >= a.required_ms AND a.tests_passed",
    Show.OPEN: "a.state = 'open'",
    Show.WAITING: "a.state = 'waiting'",
    Show.DONE: "a.state = 'done'",
    Show.WITHDRAWN: "a.state = 'withdrawn'",
}

# Where somebody stands on a day; who has not come yet: on their first.
FROM = """
FROM elearn.assignment a
JOIN elearn.training_programme g ON g.id = a.programme_id
JOIN elearn.membership m ON m.id = a.membership_id
JOIN elearn.placement l ON l.membership_id = m.id AND l.from_on <= greatest(:today, m.from_on)
                       AND (l.to_on IS NULL OR l.to_on >= greatest(:today, m.from_on))
"""
WITHIN = "JOIN elearn.organisation_tree t ON t.below_id = l.unit_id AND t.above_id = :node"
COLUMNS = """
SELECT a.id, a.membership_id, a.person_id, p.name, m.kind, u.name AS unit, l.post, a.programme_id, g.title AS programme,
       g.purpose, a.occasion, a.cause, a.state, a.position, a.assigned_on, a.due_on, a.bars_post, a.required_ms,
       a.credited_ms, a.tests_passed, a.done_at, o.name AS organisation,
       ARRAY(SELECT s.side FROM elearn.level_signoff s
             WHERE s.assignment_id = a.id AND s.round = a.round ORDER BY 1) AS signed
"""
NAMED = """
JOIN elearn.person p ON p.id = a.person_id
JOIN elearn.organisation u ON u.id = l.unit_id
JOIN elearn.organisation o ON o.id = a.organisation_id
"""


def counts(session: Session, node_id: UUID, *, today: date) -> Counts:
    """How many of each stand in a tree: one query."""
    sums = ", ".join(
        f"count(*) FILTER (WHERE {CONDITIONS[one]}) AS {one.value}"
        for one in (Show.LATE, Show.LEAVE, Show.SIGN, Show.OPEN, Show.WAITING, Show.DONE)
    )
    row = session.execute(sa.text(f"SELECT {sums} {FROM} {WITHIN}"), {"today": today, "node": node_id}).one()
    return Counts(**row._mapping)


def lines(session: Session, asked: Asked, *, today: date, page: int = 1, size: int = PAGE) -> tuple[list[Line], int]:
    """One page, the most urgent first, and how many there are: two queries."""
    where, values = _where(asked, today)
    total = session.execute(sa.text(f"SELECT count(*) {FROM} {WITHIN} {NAMED} WHERE {where}"), values).scalar_one()
    rows = session.execute(
        sa.text(
            f"{COLUMNS} {FROM} {WITHIN} {NAMED} WHERE {where}"
            f" ORDER BY {UNFINISHED} DESC, a.due_on, p.name, a.id LIMIT :size OFFSET :skip"
        ),
        values | {"size": size, "skip": (max(1, page) - 1) * size},
    )
    return [_line(row) for row in rows], total


def among(session: Session, node_id: UUID, ids: Collection[UUID], *, today: date) -> set[UUID]:
    """Those of these assignments whose people stand in this tree: one query."""
    values = {"ids": list(ids), "node": node_id, "today": today}
    return set(session.scalars(sa.text(f"SELECT a.id {FROM} {WITHIN} WHERE a.id = ANY (:ids)"), values))


def of_member(session: Session, membership_id: UUID, *, today: date) -> list[Line]:
    """All assignments of one membership, by chain; the caller has looked whether it may be seen."""
    rows = session.execute(
        sa.text(
            f"{COLUMNS} {FROM} {NAMED} WHERE a.membership_id = :membership"
            " ORDER BY a.assigned_on DESC, a.cause, a.position, a.id"
        ),
        {"membership": membership_id, "today": today},
    )
    return [_line(row) for row in rows]


def mine(session: Session, person_id: UUID, today: date) -> list[Line]:
    """What somebody has to learn and has learned for all their employers, what is due first standing first."""
    rows = session.execute(
        sa.text(
            f"{COLUMNS} {FROM} {NAMED} WHERE a.person_id = :person AND a.state <> 'withdrawn'"
            f" ORDER BY {UNFINISHED} DESC, a.state = 'waiting', a.due_on, a.position, a.id"
        ),
        {"person": person_id, "today": today},
    )
    return [_line(row) for row in rows]


def _where(asked: Asked, today: date) -> tuple[str, dict[str, Any]]:
    parts = [CONDITIONS[asked.show]]
    values: dict[str, Any] = {"node": asked.node_id, "today": today}
    for column, name, value in (
        ("m.kind", "kind", asked.kind),
        ("g.purpose", "purpose", asked.purpose.value if asked.purpose else None),
        ("a.programme_id", "programme", asked.programme_id),
    ):
        if value is not None:
            parts.append(f"{column} = :{name}")
            values[name] = value
    if asked.name.strip():
        parts.append("strpos(p.name, :name) > 0")
        values["name"] = asked.name.strip()
    return " AND ".join(parts), values


def _line(row: sa.Row[Any]) -> Line:
    said = dict(row._mapping)
    for name, words in (("purpose", Purpose), ("occasion", Occasion), ("state", State)):
        said[name] = words(said[name])
    return Line(**said)
