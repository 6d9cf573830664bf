"""Lists of assignments: what is late, who must leave the post, what waits for a signature; and one person's own.

A clerk sees whoever stands in the clerk's tree today (or will first stand there, who has not come yet), and of them
only what this tree's own employer assigned. The learner sees everything of their own.

A page costs what it shows, not the history behind it: sums are read from figures, lists are found by `listing`, and
what is told of a line is read for the lines of one page.
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

from elearn.training import listing
from elearn.training.figures import dashboards
from elearn.training.figures.dashboards import Sums
from elearn.training.listing import Order
from elearn.training.models import Occasion, Purpose, State

PAGE = 50
MOST_COUNTED = 500
"""More than these are `more`, and who looks for somebody among them narrows the list down."""
MOST_EXPORTED = 100_000


class Show(StrEnum):
    """Which assignments a list has."""

    ALL = "all"
    LATE = "late"
    LEAVE = "leave"
    """Must leave the post until it is done: 先离岗再培训, 先培训后上岗."""
    SIGN = "sign"
    """Of a level that is learned, and not signed by both."""
    UNFINISHED = "unfinished"
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
    tested: bool
    """Whether its programme has a test at all."""
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
    """Of a tree. All but `sign` are figures: they follow within a minute."""

    late: int
    leave: int
    """People, as on the start page; the rest are assignments."""
    sign: int
    """Counted up to one more than `MOST_COUNTED`."""
    unfinished: int
    done: int
    kinds: dict[str, dict[Show, int]]
    """The same by employment kind, of those kinds that there are (B24); what waits for a signature is not split."""


UNFINISHED = "a.state IN ('waiting', 'open')"
LEVEL = "g.purpose IN ('three_level_factory', 'three_level_workshop', 'three_level_team')"
CONDITIONS = {
    Show.LATE: f"{UNFINISHED} AND a.due_on < :today",
    Show.LEAVE: "a.state = 'open' AND a.bars_post AND (a.due_on < :today OR a.occasion = 'hire')",
    Show.SIGN: f"a.state = 'open' AND a.tests_passed AND a.credited_ms >= a.required_ms AND {LEVEL}",
    Show.UNFINISHED: UNFINISHED,
    Show.OPEN: "a.state = 'open'",
    Show.WAITING: "a.state = 'waiting'",
    Show.DONE: "a.state = 'done'",
    Show.WITHDRAWN: "a.state = 'withdrawn'",
}

PARTS: dict[Show, tuple[tuple[str, Order], ...]] = {
    **{one: ((condition, Order.SOONEST),) for one, condition in CONDITIONS.items()},
    Show.DONE: ((CONDITIONS[Show.DONE], Order.NEWEST),),
    Show.WITHDRAWN: ((CONDITIONS[Show.WITHDRAWN], Order.NEWEST),),
    Show.ALL: (
        (UNFINISHED, Order.SOONEST), (CONDITIONS[Show.DONE], Order.NEWEST), (CONDITIONS[Show.WITHDRAWN], Order.NEWEST),
    ),
}  # fmt: skip
"""What a list has, part after part, each in an order that an index has: the most urgent first."""

# Where somebody stands on a day; who has not come yet: on their first.
JOINED = """
JOIN elearn.training_programme g ON g.id = a.programme_id
JOIN elearn.membership m ON m.id = a.membership_id
JOIN elearn.placement l ON l.membership_id = m.id AND l.from_on <= greatest(:today, m.from_on)
                       AND (l.to_on IS NULL OR l.to_on >= greatest(:today, m.from_on))
"""
FROM = f"FROM elearn.assignment a {JOINED}"
WITHIN = "JOIN elearn.organisation_tree t ON t.below_id = l.unit_id AND t.above_id = :node"
TESTED = """EXISTS (
    SELECT FROM elearn.class_course c
    JOIN elearn.course_test t ON t.course_id = c.course_id AND t.purpose = 'course' AND t.retired_at IS NULL
    JOIN elearn.test_blueprint b ON b.test_id = t.id AND b.published_at IS NOT NULL AND b.retired_at IS NULL
    WHERE c.class_id = g.class_id
) AS tested"""
"""Of a programme, which the query calls `g`."""
COLUMNS = f"""
SELECT a.id, a.membership_id, a.person_id, p.name, m.kind, u.name AS unit, l.post, a.programme_id, g.title AS programme,
       g.purpose, a.occasion, a.cause, a.state, a.position, a.assigned_on, a.due_on, a.bars_post, a.required_ms,
       a.credited_ms, a.tests_passed, {TESTED}, a.done_at, o.name AS organisation,
       ARRAY(SELECT s.side FROM elearn.level_signoff s
             WHERE s.assignment_id = a.id AND s.round = a.round ORDER BY 1) AS signed
"""
NAMED = """
JOIN elearn.person p ON p.id = a.person_id
JOIN elearn.organisation u ON u.id = l.unit_id
JOIN elearn.organisation o ON o.id = a.organisation_id
"""

# Materialized, so that a page is read once, also where a planner that knows little of the other tables puts them first.
TOLD = f"""
WITH a AS MATERIALIZED (SELECT * FROM elearn.assignment WHERE id = ANY (:ids))
{COLUMNS} FROM a {JOINED} {NAMED} ORDER BY array_position(:ids, a.id)
"""


def counts(session: Session, node_id: UUID, *, today: date) -> Counts:
    """How many of each stand in a tree: from its figures, and what waits for a signature by an index of its own."""
    kinds = dashboards.of_today(session, node_id)
    figures = sum(kinds.values(), Sums())
    waiting = listing.search(session, _wanted(Asked(node_id, Show.SIGN)), today=today)
    whole = _by_show(figures)
    return Counts(
        late=whole[Show.LATE],
        leave=whole[Show.LEAVE],
        sign=sum(waiting.count(condition, MOST_COUNTED + 1) for condition, _order in PARTS[Show.SIGN]),
        unfinished=whole[Show.UNFINISHED],
        done=whole[Show.DONE],
        kinds={kind: _by_show(one) for kind, one in kinds.items()},
    )


def _by_show(figures: Sums) -> dict[Show, int]:
    return {
        Show.LATE: figures.overdue, Show.LEAVE: figures.barred, Show.UNFINISHED: figures.assigned - figures.done,
        Show.DONE: figures.done,
    }  # fmt: skip


def lines(session: Session, asked: Asked, *, today: date, page: int = 1, size: int = PAGE) -> tuple[list[Line], int]:
    """One page, the most urgent first, and how many there are, counted up to one more than `MOST_COUNTED`."""
    found = listing.search(session, _wanted(asked), today=today)
    skip, total = (max(1, page) - 1) * size, 0
    ids: list[UUID] = []
    for condition, order in PARTS[asked.show]:
        here = found.count(condition, MOST_COUNTED + 1 - total)
        if len(ids) < size and skip < total + here:
            ids += found.ids(condition, order, size - len(ids), max(0, skip - total))
        total += here
    return _told(session, ids, today), total


def first(session: Session, asked: Asked, *, today: date, most: int) -> list[Line]:
    """The first so many of a list, not counted."""
    found, ids = listing.search(session, _wanted(asked), today=today), list[UUID]()
    for condition, order in PARTS[asked.show]:
        ids += found.ids(condition, order, most - len(ids), 0)
    return _told(session, ids, today)


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


def is_tested(session: Session, programme_id: UUID) -> bool:
    """Whether somebody who learns this programme has a test to pass."""
    query = sa.text(f"SELECT {TESTED} FROM elearn.training_programme g WHERE g.id = :programme")
    return bool(session.scalar(query, {"programme": programme_id}))


def _wanted(asked: Asked) -> listing.Wanted:
    return listing.Wanted(
        asked.node_id,
        name=asked.name.strip(),
        kind=asked.kind,
        purpose=asked.purpose.value if asked.purpose else None,
        programme_id=asked.programme_id,
    )


def _told(session: Session, ids: Collection[UUID], today: date) -> list[Line]:
    """All that a list tells of these, in their order: one query."""
    if not ids:
        return []
    return [_line(row) for row in session.execute(sa.text(TOLD), {"ids": list(ids), "today": today})]


def _line(row: sa.Row[Any]) -> Line:
    said = dict(row._mapping)
    for name, words in (("purpose", Purpose), ("occasion", Occasion), ("state", State)):
        said[name] = words(said[name])
    return Line(**said)
