"""Ways through an employer's tree (`生产部/一车间/甲班`), and the units that are missing on them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, aliased

from elearn.db import new_id
from elearn.people.models import EMPLOYERS, Organisation, OrganisationKind, OrganisationLevel, OrganisationTree
from elearn.people.registry import checked_name
from elearn.people.roster.cells import Wrong, bare_unit
from elearn.people.roster.companies import Companies, Company, companies
from elearn.people.roster.deciding import bare_path

TEAM_ENDS = ("班", "班组", "组", "队", "team", "crew")
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    id: UUID
    level: OrganisationLevel | None


@dataclass(slots=True)
class Units:
    """An employer's open workshops and teams, by the way to them."""

    employer_id: UUID
    names: dict[UUID, Path] = field(default_factory=dict)
    """Unit -> the way to it from the employer, without it; the employer itself: ()."""
    found: dict[Path, Unit] = field(default_factory=dict)
    """By the bare way."""

    def at(self, path: Sequence[str]) -> UUID | None:
        """The unit there; the employer for an empty way; None: it is missing."""
        if not path:
            return self.employer_id
        unit = self.found.get(bare_path(path))
        return None if unit is None else unit.id

    def wrong(self, path: Sequence[str]) -> Wrong | None:
        """Why nobody can be placed there, and no unit be made."""
        bare = bare_path(path)
        for length in range(1, len(bare) + 1):
            unit = self.found.get(bare[:length])
            if unit is None:
                continue
            if unit.level in EMPLOYERS:
                return Wrong.UNIT_EMPLOYER
            if unit.level is OrganisationLevel.TEAM and length < len(bare):
                return Wrong.UNIT_BELOW_TEAM
        return None

    def missing(self, paths: Collection[Path]) -> list[Path]:
        """The units that are missing on these ways, each after what it lies in, once."""
        asked: dict[Path, Path] = {}
        for path in paths:
            if self.wrong(path) is None:
                for length in range(1, len(path) + 1):
                    bare = bare_path(path[:length])
                    if bare not in self.found:
                        asked.setdefault(bare, path[:length])
        return sorted(asked.values(), key=lambda one: (len(one), one))


def units_of(session: Session, employer_id: UUID) -> Units:
    """Two of one name beside each other: the older one. Enterprises below stand there so that nobody is put in them."""
    rows = session.execute(
        sa.select(Organisation.id, Organisation.parent_id, Organisation.level, Organisation.name)
        .join(OrganisationTree, OrganisationTree.below_id == Organisation.id)
        .where(OrganisationTree.above_id == employer_id, Organisation.closed_at.is_(None))
        .order_by(OrganisationTree.depth, Organisation.created_at, Organisation.id)
    )
    units = Units(employer_id, {employer_id: ()})
    for one in rows:
        if one.id == employer_id or one.parent_id not in units.names:
            continue
        path = (*units.names[one.parent_id], one.name)
        if one.level not in EMPLOYERS:
            units.names[one.id] = path
        units.found.setdefault(bare_path(path), Unit(one.id, one.level))
    return units


def companies_of(session: Session, employer_id: UUID) -> Companies | None:
    """An employer and the open ones below it; None: there is none below."""
    found = companies_named(session, employer_id)
    return companies(found) if len(found) > 1 else None


def companies_named(session: Session, employer_id: UUID) -> list[Company]:
    """The same, one by one: one query."""
    above, name = aliased(OrganisationTree), aliased(Organisation)
    rows = session.execute(
        sa.select(
            Organisation.id,
            Organisation.name,
            Organisation.credit_code,
            sa.func.array_agg(aggregate_order_by(name.name, above.depth.desc())),
        )
        .join(OrganisationTree, OrganisationTree.below_id == Organisation.id)
        .join(above, above.below_id == Organisation.id)
        .join(name, name.id == above.above_id)
        .where(
            OrganisationTree.above_id == employer_id,
            Organisation.level.in_([one.value for one in EMPLOYERS]),
            Organisation.closed_at.is_(None),
        )
        .group_by(Organisation.id)
    ).all()
    return [Company(id_, called, code, tuple(names)) for id_, called, code, names in rows]


def make_missing(session: Session, units: Units, paths: Collection[Path], *, at: datetime) -> int:
    """Add the units that are missing on these ways; answers how many. A last one that is called a team is one."""
    missing = units.missing(paths)
    inner = {bare_path(path[:-1]) for path in missing}
    for _depth, several in groupby(missing, key=len):
        rows = []
        for path in several:
            is_team = bare_path(path) not in inner and bare_unit(path[-1]).endswith(TEAM_ENDS)
            level = OrganisationLevel.TEAM if is_team else OrganisationLevel.WORKSHOP
            made = Unit(new_id(), level)
            rows.append(
                {
                    "id": made.id,
                    "kind": OrganisationKind.ENTERPRISE,
                    "level": level,
                    "parent_id": units.at(path[:-1]),
                    "name": checked_name(path[-1]),
                    "created_at": at,
                }
            )
            units.names[made.id], units.found[bare_path(path)] = path, made
        session.execute(sa.insert(Organisation), rows)
    return len(missing)
