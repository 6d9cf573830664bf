"""Who stands at a post that asks for a certificate they do not hold: a unit's, a person's own, those to be told.

What posts ask for is found out once for each category and region that occurs among these people (`posts.py` decides)
and given to one statement: no query and no decision for each of them. Figures count by the same statement's parts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.requirements.choosing import Catalogue
from elearn.courses.requirements.rows import Group
from elearn.courses.requirements.service import catalogue
from elearn.db import plan_each_time
from elearn.training.certificates.posts import LICENSED, Posts, leaves
from elearn.training.law import Law

PAGE = 50

STANDS: Final = """
elearn.membership m
JOIN elearn.organisation o ON o.id = m.organisation_id AND o.kind = 'enterprise'
JOIN elearn.placement p ON p.membership_id = m.id AND p.from_on <= :today AND (p.to_on IS NULL OR p.to_on >= :today)
"""
"""Who stands where today; whether the membership holds is for `HELD`."""
HELD: Final = "m.from_on <= :today AND (m.to_on IS NULL OR m.to_on >= :today)"
ASKS: Final = """
LEFT JOIN unnest(CAST(:categories AS text[]), CAST(:regions AS text[]), CAST(:kinds AS text[]),
                 CAST(:months AS integer[])) k (category, region, kind, months)
    ON k.category = p.category AND k.region = coalesce(o.region, '')
CROSS JOIN LATERAL (
    SELECT CASE WHEN k.months > 0 THEN (
        -- The appointment: the first day at posts of this category without another one between.
        SELECT min(q.from_on) + make_interval(months => k.months) FROM elearn.placement q
        WHERE q.membership_id = m.id AND q.category = p.category AND q.from_on <= p.from_on AND NOT EXISTS (
            SELECT FROM elearn.placement r WHERE r.membership_id = m.id AND r.category IS DISTINCT FROM p.category
                AND r.from_on > q.from_on AND r.from_on < p.from_on)
    )::date END AS by_on OFFSET 0
) due
"""
"""What the post asks for (`k`), and the day until which it may be missing (`due`): no day, it may not."""
FITS: Final = "w.category = p.category AND (k.kind = '' OR w.kind = k.kind)"
"""A certificate `w` is the one that the post asks for."""
VALID: Final = """
w.person_id = m.person_id AND w.organisation_id = m.organisation_id AND w.from_on <= :today
AND (w.holds_to IS NULL OR w.holds_to >= :today) AND (w.ended_on IS NULL OR w.ended_on > :today)
AND w.check_state <> 'differs'
"""
LEAVES: Final = "(due.by_on IS NULL OR due.by_on < :today)"
"""As `posts.leaves`."""

_PAIRS: Final = f"SELECT DISTINCT p.category, o.region FROM {STANDS} {{within}} WHERE {HELD} AND p.category IS NOT NULL"
_HAS: Final = f"EXISTS (SELECT FROM elearn.worker_certificate w WHERE {VALID} AND {FITS})"
_MISSING: Final = f"""
FROM {STANDS} {{within}} {ASKS}
WHERE {HELD} AND k.category IS NOT NULL AND NOT {_HAS} AND {{which}}
"""
_TOLD: Final = """
SELECT m.person_id, m.id AS membership_id, n.name, u.id AS unit_id, u.name AS unit, o.id AS organisation_id,
       o.name AS organisation, p.post, p.category, p.from_on AS since_on, due.by_on
"""
_NAMED: Final = """
JOIN elearn.person n ON n.id = m.person_id
JOIN elearn.organisation u ON u.id = p.unit_id
"""
_WITHIN: Final = "JOIN elearn.organisation_tree t ON t.below_id = p.unit_id AND t.above_id = :node"


@dataclass(frozen=True, slots=True)
class Missing:
    """Somebody who stands at a post that asks for a certificate they do not hold."""

    person_id: UUID
    membership_id: UUID
    name: str
    unit_id: UUID
    unit: str
    organisation_id: UUID
    organisation: str
    post: str
    category: str
    since_on: date
    by_on: date | None
    """The last day on which it may be missing; None: the post may not be taken up without it."""

    def leaves(self, on: date) -> bool:
        return leaves(self.by_on, on)


@dataclass(frozen=True, slots=True)
class Counted:
    """Of a unit: who stands there without the certificate the post asks for."""

    leave: int
    """They may not work there."""
    until: int
    """They have a day."""

    @property
    def all(self) -> int:
        return self.leave + self.until


@dataclass(frozen=True, slots=True)
class Holding:
    """Of the posts of one group: how many people stand there, how many with a valid certificate of its category."""

    group: Group
    people: int
    holding: int


def asked(held: Catalogue, pairs: Iterable[tuple[str, str | None]], on: date) -> dict[str, Any]:
    """What posts of these categories and regions ask for on a day, as values of `ASKS`."""
    posts = Posts(Law(held), on)
    found = [(category, region, ask) for category, region in pairs if (ask := posts.asks(category, region)) is not None]
    return {
        "categories": [category for category, _region, _ask in found],
        "regions": [region or "" for _category, region, _ask in found],
        "kinds": [ask.kind.value if ask.kind else "" for _category, _region, ask in found],
        "months": [ask.months for _category, _region, ask in found],
    }


def pairs(session: Session, on: date, *, which: str = "TRUE", within: str = "", **values: Any) -> list[tuple[str, str]]:
    """Categories and regions of the posts at which people stand; `which`: a condition on `m`, `p` and `o`."""
    query = sa.text(f"{_PAIRS.format(within=within)} AND {which}")
    return [(row.category, row.region) for row in session.execute(query, {"today": on, **values})]


def counted(session: Session, node_id: UUID, *, on: date) -> Counted:
    """How many in the node or below it."""
    plan_each_time(session)
    values = _values(session, on, within=_WITHIN, node=node_id)
    row = session.execute(
        sa.text(f"SELECT count(*) AS whole, count(*) FILTER (WHERE {LEAVES}) AS leave {_in_node()}"), values
    ).one()
    return Counted(row.leave, row.whole - row.leave)


def missing(session: Session, node_id: UUID, *, on: date, page: int = 1, size: int = PAGE) -> list[Missing]:
    """A page of them: who may not work there by name, then those who have a day, the nearest day first."""
    plan_each_time(session)
    values = _values(session, on, within=_WITHIN, node=node_id)
    return _rows(
        session,
        f"{_TOLD} {_in_node(named=True)} ORDER BY {LEAVES} DESC, CASE WHEN NOT {LEAVES} THEN due.by_on END, n.name,"
        " m.id LIMIT :size OFFSET :skip",
        {**values, "size": size, "skip": (max(1, page) - 1) * size},
    )


def of_person(session: Session, person_id: UUID, *, on: date) -> list[Missing]:
    """What somebody's own posts ask for and they do not hold: two queries, one where no post asks for anything."""
    return of_people(session, [person_id], on=on)


def of_people(session: Session, people: Collection[UUID], *, on: date) -> list[Missing]:
    """The same of many people at once."""
    which = "m.person_id = ANY (:people)"
    values = _values(session, on, which=which, people=list(people))
    if not values["categories"]:
        return []
    statement = _MISSING.format(within=_NAMED, which=which)
    return _rows(session, f"{_TOLD} {statement} ORDER BY m.person_id, {LEAVES} DESC, due.by_on, m.id", values)


def holding(session: Session, node_id: UUID, *, on: date) -> list[Holding]:
    """How many of those whose posts ask for a certificate hold a valid one (100% 持证), by group."""
    plan_each_time(session)
    values = _values(session, on, within=_WITHIN, node=node_id)
    rows = session.execute(
        sa.text(
            f"SELECT p.category, count(*) AS people, count(*) FILTER (WHERE {_HAS}) AS holding"
            f" FROM {STANDS} {_WITHIN} {ASKS} WHERE {HELD} AND k.category IS NOT NULL GROUP BY p.category"
        ),
        values,
    )
    posts, sums = Posts(Law(catalogue(session)), on), dict[Group, list[int]]()
    for row in rows:
        of_group = sums.setdefault(posts.group(row.category), [0, 0])
        of_group[0] += row.people
        of_group[1] += row.holding
    return [Holding(group, *sums[group]) for group in (*LICENSED, Group.EMPLOYEE) if group in sums]


def _values(session: Session, on: date, **where: Any) -> dict[str, Any]:
    said = {name: value for name, value in where.items() if name not in ("which", "within")}
    return {"today": on, **said, **asked(catalogue(session), pairs(session, on, **where), on)}


def _in_node(*, named: bool = False) -> str:
    return _MISSING.format(within=_WITHIN + (_NAMED if named else ""), which="TRUE")


def _rows(session: Session, statement: str, values: dict[str, Any]) -> list[Missing]:
    return [Missing(**row._mapping) for row in session.execute(sa.text(statement), values)]
