"""Which assignments a list has, found at a cost that follows the page and never the history.

    few people ─► their own assignments, by membership
    many ───────► each employer's assignments in the list's order (an index has it), those of whoever stands there

With few people little is read however it is ordered. With many a walk in the list's order soon has a page together,
because a good part of what it meets belongs to them. How many they are is looked at first, and not left to guesses.
A page of many employers is mostly a few lines of each: so many are walked to of each first, and all that the page may
take only of those whose last line stands in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.db import plan_each_time
from elearn.people import naming, tree
from elearn.people.naming import CALLED, SPELLED
from elearn.training.figures import dashboards

MOST_SPELLED = 100_000
"""People of a common name who are kept in mind (in PostgreSQL's `work_mem`) while a list is walked."""
FEW = 3_000
"""People whose assignments are read and put in order; of more than these a walk finds a page sooner."""
LEAST_OF_EACH = 8
"""Lines of each employer that are walked to in any case."""


class Order(StrEnum):
    """Of a list's assignments `a`; indexes have both."""

    SOONEST = "a.due_on, a.id"
    NEWEST = "a.due_on DESC, a.id DESC"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of whom, and for what."""

    node_id: UUID
    name: str = ""
    """Part of the person's name."""
    kind: str | None = None
    purpose: str | None = None
    programme_id: UUID | None = None


# Where somebody stands on a day; who has not come yet: on their first.
STANDS = """
elearn.placement l ON l.membership_id = m.id AND l.from_on <= greatest(:today, m.from_on)
    AND (l.to_on IS NULL OR l.to_on >= greatest(:today, m.from_on))
"""
PEOPLE = """
SELECT m.id FROM elearn.organisation_tree t
JOIN elearn.placement p ON p.unit_id = t.below_id
JOIN elearn.membership m ON m.id = p.membership_id {named}
WHERE t.above_id = :node AND p.from_on <= greatest(:today, m.from_on)
  AND (p.to_on IS NULL OR p.to_on >= greatest(:today, m.from_on)) {which}
LIMIT :few
"""
OF_FEW = """
WITH a AS MATERIALIZED (
    SELECT a.id, a.due_on FROM elearn.assignment a {programme}
    WHERE a.membership_id = ANY (:members) AND {condition} {which}
) SELECT a.id FROM a
"""
"""Materialized, so that nobody walks everything in the list's order to find the few of these."""
OF_MANY = """
{with_named} SELECT a.id, a.due_on, e.id AS employer_id, e.programme_id
FROM unnest(CAST(:employers AS uuid[]), CAST(:programmes AS uuid[])) e (id, programme_id) CROSS JOIN LATERAL (
    SELECT a.id, a.due_on FROM elearn.assignment a {programme}
    WHERE a.organisation_id = e.id {of_each} AND {condition} {of_named} AND EXISTS (
        SELECT FROM elearn.membership m JOIN {stands}
        JOIN elearn.organisation_tree t ON t.below_id = l.unit_id AND t.above_id = :node {named}
        WHERE m.id = a.membership_id {people} OFFSET 0
    ) {order} LIMIT :reach
) a
"""
OF_PURPOSE = sa.text("""
SELECT g.id FROM elearn.training_programme g WHERE g.purpose = :purpose AND g.organisation_id IN (
    SELECT above_id FROM elearn.organisation_tree WHERE below_id = :node
    UNION ALL SELECT below_id FROM elearn.organisation_tree WHERE above_id = :node
)
""")
"""Who stands in a node is assigned programmes of what lies above it and below it."""
OF_EACH = "AND a.programme_id = e.programme_id"
"""An index has each employer's assignments of each programme in the list's order too."""
SPELLED_PEOPLE = f"""
SELECT s.membership_id FROM elearn.member_letter s WHERE {SPELLED} AND EXISTS (
    SELECT FROM elearn.membership m JOIN {STANDS}
    JOIN elearn.organisation_tree t ON t.below_id = l.unit_id AND t.above_id = :node
    WHERE m.id = s.membership_id {{which}} OFFSET 0
) LIMIT :few
"""
WITH_NAMED = f"WITH named AS MATERIALIZED (SELECT s.membership_id FROM elearn.member_letter s WHERE {SPELLED})"
OF_NAMED = "AND (a.membership_id IN (SELECT membership_id FROM named)) IS TRUE"
"""Hashed, and no join: a join would leave the list's order, and read all of it."""
COUNT_NAMED = f"SELECT count(*) FROM (SELECT FROM elearn.member_letter s WHERE {SPELLED} LIMIT :most) x"
PROGRAMME = "JOIN elearn.training_programme g ON g.id = a.programme_id"
NAMED = "JOIN elearn.person n ON n.id = m.person_id"


@dataclass(frozen=True, slots=True)
class Named:
    """How those of a name are found."""

    people: str = PEOPLE
    """Their memberships, as long as they are few."""
    join: str = ""
    which: str = ""
    """Of a membership `m`."""
    many: bool = False
    """More than a few, kept in mind by their letters while the list is walked."""
    values: dict[str, Any] = field(default_factory=dict)


Walked = tuple[UUID, UUID | None]
"""Whose assignments are walked through in the list's order: an employer's, of any programme (None) or of one."""


@dataclass(frozen=True, slots=True)
class Found:
    """A list: how many it has, and which. Conditions and orders are about the assignment `a`."""

    session: Session
    statement: str
    values: dict[str, Any]
    walked: Sequence[Walked] | None = None
    """None: the people are few, and no walk is needed."""

    def count(self, condition: str, most: int) -> int:
        """How many, at most so many."""
        if most < 1:
            return 0
        asked = f"SELECT count(*) FROM ({self._asked(condition, '')} LIMIT :most) x"
        return int(self.session.scalar(sa.text(asked), self._values(self.walked, most) | {"most": most}) or 0)

    def ids(self, condition: str, order: Order, size: int, skip: int) -> list[UUID]:
        """One page of them."""
        if size < 1:
            return []
        whole = skip + size
        first = whole if self.walked is None else first_of_each(whole, len(self.walked))
        found = self._lines(condition, order, self.walked, first, whole)
        if first < whole:
            seen = Counter((row.employer_id, row.programme_id) for row in found)
            if short := [each for each, lines in seen.items() if lines == first]:
                found = [row for row in found if (row.employer_id, row.programme_id) not in short]
                found += self._lines(condition, order, short, whole, whole)
                found.sort(key=lambda row: (row.due_on, row.id), reverse=order is Order.NEWEST)
        return [row.id for row in found[skip:whole]]

    def _lines(
        self, condition: str, order: Order, walked: Sequence[Walked] | None, of_each: int, size: int
    ) -> list[sa.Row[Any]]:
        """The first so many, among so many of each that is walked through."""
        asked = sa.text(f"{self._asked(condition, order)} ORDER BY {order} LIMIT :size")
        return list(self.session.execute(asked, self._values(walked, of_each) | {"size": size}))

    def _asked(self, condition: str, order: str) -> str:
        return self.statement.replace("{condition}", condition).replace("{order}", f"ORDER BY {order}" if order else "")

    def _values(self, walked: Sequence[Walked] | None, of_each: int) -> dict[str, Any]:
        # A limit that is a constant: the planner must know it, or it reads and sorts all of an employer's.
        if walked is None:
            return self.values
        employers, programmes = zip(*walked, strict=True) if walked else ((), ())
        return self.values | {"employers": list(employers), "programmes": list(programmes), "reach": of_each}


def first_of_each(whole: int, walked: int) -> int:
    """How many lines of each are looked at first, of so many that a page may take."""
    return min(whole, max(LEAST_OF_EACH, 4 * whole // max(1, walked)))


def search(session: Session, wanted: Wanted, *, today: date) -> Found:
    """Look how many people a list is about, and so decide how it is found."""
    plan_each_time(session)
    values: dict[str, Any] = {"node": wanted.node_id, "today": today}
    of_kind = ""
    if wanted.kind is not None:
        of_kind, values["kind"] = " AND m.kind = :kind", wanted.kind
    if wanted.name:
        values["name"] = wanted.name
    programmes = _programmes(session, wanted)
    named = _named(session, wanted)
    values |= named.values
    if not named.many and not _are_many(session, wanted):
        asked = named.people.format(named=named.join, which=of_kind + named.which)
        found = session.scalars(sa.text(asked), values | {"few": FEW + 1}).all()
        if len(found) <= FEW:
            about = "" if programmes is None else "AND a.programme_id = ANY (:programmes)"
            statement = OF_FEW.format(programme=PROGRAMME, condition="{condition}", which=about)
            return Found(session, statement, values | {"members": list(found), "programmes": programmes})
    with_named, of_named = (WITH_NAMED, OF_NAMED) if named.many else ("", "")
    statement = OF_MANY.format(
        programme=PROGRAMME, condition="{condition}", order="{order}", stands=STANDS,
        of_each="" if programmes is None else OF_EACH,
        with_named=with_named, of_named=of_named, named=named.join, people=of_kind + named.which,
    )  # fmt: skip
    employing = values.get("employing") or tree.employing(session, wanted.node_id)
    walked = [(one, each) for one in employing for each in (programmes if programmes is not None else [None])]
    return Found(session, statement, values, walked)


def _are_many(session: Session, wanted: Wanted) -> bool:
    """Whether figures say so; else those of a node are looked at until there are more than a few. A list is the same
    either way, so figures that are a minute old, or not there yet, do no harm."""
    if wanted.name:
        return False
    stand = dashboards.of_today(session, wanted.node_id)
    return sum(sums.people for kind, sums in stand.items() if wanted.kind in (None, kind)) > FEW


def _named(session: Session, wanted: Wanted) -> Named:
    """A rare name is found from its people, a common one by letters, in a small node by looking at each."""
    if not wanted.name:
        return Named()
    found = naming.find(session, wanted.node_id, wanted.name, most=FEW)
    if found.persons is not None:
        return Named(which=" AND m.person_id = ANY (:so_called)", values={"so_called": found.persons})
    looking = Named(join=NAMED, which=" AND " + CALLED.format(person="n"))
    if not found.employing:
        return looking
    values: dict[str, Any] = {"employing": found.employing}
    asked = values | {"name": wanted.name, "most": MOST_SPELLED + 1}
    spelled = session.scalar(sa.text(COUNT_NAMED), asked) or 0
    if spelled > MOST_SPELLED:
        return looking
    return Named(people=SPELLED_PEOPLE, values=values) if spelled <= FEW else Named(many=True, values=values)


def _programmes(session: Session, wanted: Wanted) -> list[UUID] | None:
    """Those that are asked for; None: any."""
    if wanted.purpose is None:
        return None if wanted.programme_id is None else [wanted.programme_id]
    found = session.scalars(OF_PURPOSE, {"node": wanted.node_id, "purpose": wanted.purpose}).all()
    return [one for one in found if wanted.programme_id in (None, one)]
