"""The register of a unit, those that run out first in front: by key, counted up to a bound.

Of few people it is found from those who stand there, of many by walking each employer's register in the list's order
until the page is full: what a page costs says nothing of how many certificates there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from elearn.db import plan_each_time
from elearn.people import naming
from elearn.people.dated import holds_on
from elearn.people.models import Membership, Organisation, Person, Placement
from elearn.people.naming import CALLED
from elearn.training.certificates.models import WorkerCertificate
from elearn.training.certificates.reading import PAGE as PAGE
from elearn.training.certificates.reading import Line, Show, standing_of
from elearn.training.certificates.rules import STAGES

MOST_COUNTED = 500
"""More than these are `more`, and who looks for one of them writes a name."""
MOST_PERSONS = 3_000

Key = tuple[date | None, UUID]
"""Where a page begins: after this last day and certificate."""

HOLDS_TO = "coalesce(c.holds_to, 'infinity'::date)"
"""As the index of the list has it: what is not limited stands last."""
ORDER = f"ORDER BY {HOLDS_TO}, c.id"
HOLDS = "c.from_on <= :on AND (c.ended_on IS NULL OR c.ended_on > :on) AND c.check_state <> 'differs'"
SHOWN = {
    Show.ALL: "TRUE",
    Show.EXPIRING: f"{HOLDS} AND {HOLDS_TO} BETWEEN :on AND :soon",
    Show.EXPIRED: f"c.ended_on IS NULL AND {HOLDS_TO} < :on",
    Show.UNCHECKED: "c.ended_on IS NULL AND c.check_state = 'unchecked'",
    Show.DIFFERS: "c.ended_on IS NULL AND c.check_state = 'differs'",
}
STANDS = """
elearn.membership m
JOIN elearn.placement p ON p.membership_id = m.id AND p.from_on <= :on AND (p.to_on IS NULL OR p.to_on >= :on)
JOIN elearn.organisation_tree t ON t.below_id = p.unit_id AND t.above_id = :node
"""
HOLDING = "m.from_on <= :on AND (m.to_on IS NULL OR m.to_on >= :on)"
OF_FEW = f"""
SELECT c.id FROM {STANDS}
JOIN elearn.worker_certificate c ON c.person_id = m.person_id AND c.organisation_id = m.organisation_id
WHERE {HOLDING} AND {{which}}
"""
OF_MANY = f"""
SELECT c.id FROM unnest(CAST(:employing AS uuid[])) e (id) CROSS JOIN LATERAL (
    SELECT c.id, c.holds_to FROM elearn.worker_certificate c
    WHERE c.organisation_id = e.id AND {{which}} AND EXISTS (
        SELECT FROM {STANDS}
        WHERE m.person_id = c.person_id AND m.organisation_id = c.organisation_id AND {HOLDING} OFFSET 0
    ) {{order}} LIMIT :reach
) c
"""
SO_CALLED = "c.person_id = ANY (:persons)"
LOOKED_AT = f"EXISTS (SELECT FROM elearn.person n WHERE n.id = c.person_id AND {CALLED.format(person='n')} OFFSET 0)"


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of it."""

    lines: Sequence[Line]
    total: int
    """Counted up to one more than `MOST_COUNTED`."""
    next: Key | None
    """None: there are no more."""


def register(
    session: Session,
    node_id: UUID,
    *,
    on: date,
    show: Show = Show.ALL,
    name: str = "",
    after: Key | None = None,
    size: int = PAGE,
) -> Listed:
    """The certificates of whoever stands there on a day: four or five queries."""
    plan_each_time(session)
    text = name.strip()
    values: dict[str, Any] = {"node": node_id, "on": on, "soon": on + timedelta(days=STAGES[-1]), "name": text}
    which = SHOWN[show]
    employing = naming.spelled(session, node_id)
    values["employing"], statement = employing, OF_MANY if employing else OF_FEW
    if text:
        # A common letter is not sought among everybody: its certificates are soon met with.
        common = len(text) == 1 and employing
        persons = None if common else naming.so_called(session, text, most=MOST_PERSONS)
        which = f"{SO_CALLED if persons is not None else LOOKED_AT} AND {which}"
        values["persons"] = persons
    counted = f"SELECT count(*) FROM ({statement.format(which=which, order='')} LIMIT :reach) x"
    total = session.scalar(sa.text(counted), values | {"reach": MOST_COUNTED + 1}) or 0
    if after is not None:
        which += f" AND ({HOLDS_TO}, c.id) > (CAST(:last AS date), :last_id)"
        values |= {"last": "infinity" if after[0] is None else after[0].isoformat(), "last_id": after[1]}
    page = f"{statement.format(which=which, order=ORDER)} {ORDER} LIMIT :reach"
    ids = session.scalars(sa.text(page), values | {"reach": size + 1}).all() if total else []
    lines = _told(session, ids[:size], on)
    last = lines[-1].row if len(ids) > size else None
    return Listed(lines, total, None if last is None else (last.holds_to, last.id))


def _told(session: Session, ids: Sequence[UUID], on: date) -> list[Line]:
    """All that the list tells of these: one query."""
    if not ids:
        return []
    unit, row = aliased(Organisation), WorkerCertificate
    rows = session.execute(
        sa.select(row, Person.name, unit.name.label("unit"), Placement.post)
        .join(Person, Person.id == row.person_id)
        .join(
            Membership,
            sa.and_(Membership.person_id == row.person_id, Membership.organisation_id == row.organisation_id),
        )
        .join(Placement, Placement.membership_id == Membership.id)
        .join(unit, unit.id == Placement.unit_id)
        .where(row.id.in_(ids), holds_on(Membership, on), holds_on(Placement, on))
        .order_by(row.holds_to.asc().nulls_last(), row.id)
    )
    return [Line(found, name, unit_name, post, standing_of(found, on)) for found, name, unit_name, post in rows]
