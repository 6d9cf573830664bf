"""What a page of figures shows: a node's sums by employment kind, purpose and quarter, and those of the nodes below it.

Everything is read from `unit_figure`, by its key: a page costs the rows that it shows, however many people stand behind
them. Only the list of people reads members, and only those of nodes in which a figure says that there is somebody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from elearn.db import plan_each_time
from elearn.people.models import EMPLOYERS, Organisation, OrganisationLevel
from elearn.training.figures.counted import UnitFigure
from elearn.training.models import Purpose

PAGE = 50
LINES = 5_000
"""Of units in an export; a node with more below it is exported by what lies one level down."""
UNITS_AT_ONCE = 20
"""Whose people are looked at together for a list."""
FEW = 500
"""People of a list who are looked for where they are; more are soon met wherever one looks."""
QUARTERS = 8
"""Of the trend."""


@dataclass(frozen=True, slots=True)
class Sums:
    """The measures of `unit_figure`, added up."""

    people: int = 0
    trained: int = 0
    assigned: int = 0
    done: int = 0
    overdue: int = 0
    barred: int = 0
    required_ms: int = 0
    credited_ms: int = 0
    asked: int = 0
    holding: int = 0
    certificates: int = 0
    expiring: int = 0
    unqualified: int = 0

    @property
    def until(self) -> int:
        """People without the certificate who have a day until which they may go on."""
        return self.asked - self.holding - self.unqualified

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Sums)))

    def __bool__(self) -> bool:
        return any(getattr(self, one.name) for one in fields(Sums))

    @classmethod
    def of(cls, rows: Iterable[Any]) -> Sums:
        return sum((cls(*(getattr(row, one) for one in MEASURES)) for row in rows), cls())


MEASURES = tuple(one.name for one in fields(Sums))
ALWAYS = ("people", "asked", "holding", "certificates", "expiring", "unqualified")
"""Of today, whatever period and purpose are chosen."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the reader wants to see of a node."""

    period: int = 0
    """0: all; a year; or a quarter, `20263`."""
    purpose: str = ""
    kind: str = ""

    @property
    def of_today(self) -> frozenset[str]:
        """The measures that are of today whatever the period: also who must leave the post, unless a purpose is chosen,
        to which no certificate belongs."""
        return frozenset(ALWAYS if self.purpose else (*ALWAYS, "barred"))


@dataclass(frozen=True, slots=True)
class Line:
    unit_id: UUID
    name: str
    level: OrganisationLevel | None
    sums: Sums


@dataclass(frozen=True, slots=True)
class Board:
    """One node, as chosen."""

    whole: Sums
    kinds: dict[str, Sums]
    """Of the period and purpose, by employment kind: all of them, also when one is chosen."""
    purposes: dict[str, Sums]
    """Of the period and kind."""
    quarters: dict[int, Sums]
    """Of the purpose and kind: the newest `QUARTERS` that there are, in their order."""
    periods: list[int]
    """To choose from: years and quarters, the newest first."""
    computed_at: datetime | None


def board(session: Session, unit_id: UUID, chosen: Chosen) -> Board:
    """The figures of a node; one query."""
    of_today = sa.and_(UnitFigure.period == 0, UnitFigure.purpose == "")
    rows = session.execute(
        sa.select(UnitFigure.__table__).where(
            UnitFigure.unit_id == unit_id,
            sa.or_(UnitFigure.period == chosen.period, UnitFigure.purpose == chosen.purpose, of_today),
        )
    ).all()
    today = [one for one in rows if one.period == 0 and one.purpose == ""]
    here = [one for one in rows if one.period == chosen.period and one.purpose == chosen.purpose]
    kinds = {
        kind: _together(
            Sums.of(one for one in today if one.kind == kind),
            Sums.of(one for one in here if one.kind == kind),
            chosen.of_today,
        )
        for kind in sorted({one.kind for one in [*today, *here]})
    }
    mine = [one for one in rows if not chosen.kind or one.kind == chosen.kind]
    quarters = sorted({one.period for one in mine if one.period > 9999 and one.purpose == chosen.purpose})[-QUARTERS:]
    shown = [kinds[kind] for kind in kinds if not chosen.kind or kind == chosen.kind]
    return Board(
        whole=sum(shown, Sums()),
        kinds={kind: found for kind, found in kinds.items() if found},
        purposes={
            one.value: found
            for one in Purpose
            if (found := Sums.of(row for row in mine if row.period == chosen.period and row.purpose == one.value))
        },
        quarters={
            one: Sums.of(row for row in mine if row.period == one and row.purpose == chosen.purpose) for one in quarters
        },
        periods=sorted({one.period for one in rows if one.period} | ({chosen.period} - {0}), key=_newest_first),
        computed_at=max((one.computed_at for one in rows), default=None),
    )


def of_today(session: Session, unit_id: UUID) -> dict[str, Sums]:
    """By employment kind the sums of a node over all periods and purposes, as they stand: a few rows."""
    rows = session.execute(
        sa.select(UnitFigure.__table__).where(
            UnitFigure.unit_id == unit_id, UnitFigure.period == 0, UnitFigure.purpose == ""
        )
    )
    return {one.kind: sums for one in rows if (sums := Sums.of([one]))}


def _together(today: Sums, period: Sums, of_today: Collection[str]) -> Sums:
    """People and certificates of today with what a period and purpose add up to."""
    return Sums(**{one: getattr(today if one in of_today else period, one) for one in MEASURES})


def _newest_first(period: int) -> tuple[int, int]:
    year = period if period < 10_000 else period // 10
    return -year, period if period < 10_000 else -period


class Order(StrEnum):
    """How nodes are listed."""

    LATE = "late"
    """Those with the most to do first."""
    NAME = "name"


def lines(
    session: Session, which: sa.ColumnElement[bool], chosen: Chosen, *, order: Order, page: int = 1, size: int = PAGE
) -> list[Line]:
    """Nodes that fit a condition on organisations, each with its sums."""
    today = sa.and_(UnitFigure.period == 0, UnitFigure.purpose == "")
    here = sa.and_(UnitFigure.period == chosen.period, UnitFigure.purpose == chosen.purpose)
    sums = {
        one: sa.func.coalesce(
            sa.func.sum(getattr(UnitFigure, one)).filter(today if one in chosen.of_today else here), 0
        ).label(one)
        for one in MEASURES
    }
    wanted = [UnitFigure.unit_id == Organisation.id, sa.or_(today, here)]
    if chosen.kind:
        wanted.append(UnitFigure.kind == chosen.kind)
    late = (sums["barred"].desc(), sums["overdue"].desc()) if order is Order.LATE else ()
    rows = session.execute(
        sa.select(Organisation.id, Organisation.name, Organisation.level, *sums.values())
        .outerjoin(UnitFigure, sa.and_(*wanted))
        .where(which)
        .group_by(Organisation.id)
        .order_by(*late, Organisation.name, Organisation.id)
        .limit(size)
        .offset((page - 1) * size)
    )
    return [Line(row[0], row[1], row[2], Sums(*(int(one) for one in row[3:]))) for row in rows]


def count(session: Session, which: sa.ColumnElement[bool]) -> int:
    return session.scalars(sa.select(sa.func.count()).select_from(Organisation).where(which)).one()


def children(unit_id: UUID) -> sa.ColumnElement[bool]:
    """The nodes right below, but for those that are closed and that nobody stands in any more."""
    there = aliased(UnitFigure)
    peopled = sa.exists().where(
        there.unit_id == Organisation.id, there.period == 0, there.purpose == "", there.people > 0
    )
    return sa.and_(Organisation.parent_id == unit_id, sa.or_(Organisation.closed_at.is_(None), peopled))


def employers_in(prefixes: Iterable[str] | None) -> sa.ColumnElement[bool]:
    """Legal entities registered in one of these regions (what their codes begin with); None: wherever."""
    employs = Organisation.level.in_([one.value for one in EMPLOYERS])
    if prefixes is None:
        return employs
    return sa.and_(employs, sa.or_(sa.false(), *(Organisation.region.startswith(one) for one in sorted(prefixes))))


# --- people -----------------------------------------------------------------------------------------------------------


class Show(StrEnum):
    """Which people a list is of."""

    ALL = "all"
    OVERDUE = "overdue"
    BARRED = "barred"
    UNTRAINED = "untrained"
    UNLICENSED = "unlicensed"


@dataclass(frozen=True, slots=True)
class Somebody:
    """A member in a list, with what their own figures say."""

    person_id: UUID
    membership_id: UUID
    name: str
    kind: str
    unit_id: UUID
    unit: str
    post: str
    assigned: int
    done: int
    overdue: int
    barred: int
    """Assignments because of which the post must be left."""
    credited_ms: int
    unqualified: bool
    """The post must be left because the certificate it asks for is missing."""
    certificate_by: date | None
    """Until when it may be missing."""
    first_due_on: date | None
    """Of what is not done."""


_THERE = """
EXISTS (
    SELECT FROM elearn.unit_figure u
    WHERE u.unit_id = {unit} AND u.period = 0 AND u.purpose = '' AND (:kind = '' OR u.kind = :kind) AND {there} > 0
)
"""
_MANY = """
SELECT coalesce(sum({there}), 0)::bigint FROM elearn.unit_figure u
WHERE u.unit_id = :unit AND u.period = 0 AND u.purpose = '' AND (:kind = '' OR u.kind = :kind)
"""
_UNITS = """
SELECT t.below_id FROM elearn.organisation_tree t
WHERE t.above_id = :unit AND (CAST(:from_unit AS uuid) IS NULL OR t.below_id >= :from_unit) AND {there}
ORDER BY t.below_id LIMIT :size
"""
_BRANCHES = """
WITH RECURSIVE branch (id) AS (
    SELECT CAST(:unit AS uuid)
    UNION ALL
    SELECT o.id FROM branch b JOIN elearn.organisation o ON o.parent_id = b.id WHERE {there}
)
SELECT id FROM branch WHERE CAST(:from_unit AS uuid) IS NULL OR id >= :from_unit ORDER BY id LIMIT :size
"""
"""Of a few people: down those branches in which there is somebody, and no other unit is looked at."""
_PEOPLE = """
SELECT f.person_id, f.membership_id, n.name, f.kind, f.unit_id, o.name, p.post, c.assigned, c.done, c.overdue,
       c.barred, c.credited_ms, f.unqualified, f.certificate_by,
       (SELECT min(a.due_on) FROM elearn.assignment a WHERE a.person_id = f.person_id
        AND a.membership_id = f.membership_id AND a.state IN ('waiting', 'open'))
FROM elearn.figure_member f
JOIN elearn.organisation o ON o.id = f.unit_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(assigned), 0)::bigint AS assigned, coalesce(sum(done), 0)::bigint AS done,
           coalesce(sum(overdue), 0)::bigint AS overdue, coalesce(sum(barred), 0)::bigint AS barred,
           coalesce(sum(credited_ms), 0)::bigint AS credited_ms
    FROM elearn.figure_cell WHERE membership_id = f.membership_id OFFSET 0
) c
JOIN elearn.person n ON n.id = f.person_id
JOIN elearn.placement p ON p.membership_id = f.membership_id AND p.from_on <= :today
     AND (p.to_on IS NULL OR p.to_on >= :today)
WHERE f.unit_id = ANY(:units) AND {wanted} AND {kind} AND {after}
ORDER BY f.unit_id, f.membership_id LIMIT :size
"""
_WANTED = {
    Show.ALL: ("u.people", "TRUE"),
    Show.OVERDUE: ("u.overdue", "c.overdue > 0"),
    Show.BARRED: ("u.barred", "(c.barred > 0 OR f.unqualified)"),
    Show.UNTRAINED: ("(u.people - u.trained)", "c.done = 0"),
    Show.UNLICENSED: ("(u.asked - u.holding)", "f.asked AND NOT f.holding"),
}
"""How many of a node (of a kind of employment in it), and of a member."""


def people(
    session: Session,
    unit_id: UUID,
    show: Show,
    *,
    today: date,
    kind: str = "",
    after: tuple[UUID, UUID] | None = None,
    size: int = PAGE,
) -> Sequence[Somebody]:
    """Who stands in the node or below it, unit by unit. `after`: unit and membership of the last one that was seen."""
    plan_each_time(session)
    there, wanted = _WANTED[show]
    many = session.scalar(sa.text(_MANY.format(there=there)), {"unit": unit_id, "kind": kind}) or 0
    if not many:
        return []
    asked_units = _BRANCHES if many < FEW else _UNITS
    unit = "o.id" if many < FEW else "t.below_id"
    units, members = (
        sa.text(asked_units.format(there=_THERE.format(there=there, unit=unit))),
        _PEOPLE.format(
            wanted=wanted,
            kind="f.kind = :kind" if kind else "TRUE",
            after="(f.unit_id, f.membership_id) > (:after_unit, :after_member)" if after else "TRUE",
        ),
    )
    values: dict[str, Any] = {"today": today, "kind": kind}
    if after:
        values |= {"after_unit": after[0], "after_member": after[1]}
    found: list[Somebody] = []
    begin = after[0] if after else None
    while len(found) < size:
        # Some units at a time: where few are late, nobody else's figures are read.
        some = session.scalars(
            units, {"unit": unit_id, "kind": kind, "from_unit": begin, "size": UNITS_AT_ONCE + 1}
        ).all()
        asked = {**values, "units": list(some[:UNITS_AT_ONCE]), "size": size - len(found)}
        found += [Somebody(*row) for row in session.execute(sa.text(members), asked)]
        if len(some) <= UNITS_AT_ONCE:
            break
        begin = some[-1]
    return found
