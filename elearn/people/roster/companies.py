"""Pure: whose a row of a group's roster is, by name or unified social credit code; what a draft says of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from elearn.people.roster.cells import BadCell, Wrong, bare_unit, said


@dataclass(frozen=True, slots=True)
class Company:
    """An enterprise that a row may name."""

    id: UUID
    name: str
    credit_code: str | None
    above: tuple[str, ...]
    """What it and all above it are called: a way through the tree may begin so."""


@dataclass(frozen=True, slots=True)
class Companies:
    """The group itself and the enterprises below it."""

    known: Mapping[UUID, Company]
    by_said: Mapping[str, frozenset[UUID]] = field(repr=False)

    def of(self, cell: object) -> UUID:
        """Raises BadCell: nobody is meant, or nobody knows who. Nothing is guessed: a name has to be the whole one."""
        text = said(cell)
        if not text:
            raise BadCell(Wrong.NO_COMPANY)
        found = self.by_said.get(bare_unit(text), frozenset())
        if not found:
            raise BadCell(Wrong.COMPANY_UNKNOWN, said=text[:40])
        if len(found) > 1:
            raise BadCell(Wrong.COMPANY_TWICE, said=text[:40])
        return next(iter(found))


def companies(several: Iterable[Company]) -> Companies:
    known = {one.id: one for one in several}
    by_said: dict[str, set[UUID]] = {}
    for one in known.values():
        for text in (one.name, one.credit_code):
            if text:
                by_said.setdefault(bare_unit(text), set()).add(one.id)
    return Companies(known, {text: frozenset(ids) for text, ids in by_said.items()})


class Part(msgspec.Struct):
    """What a draft says of one of them."""

    name: str
    counts: dict[str, int] = {}
    new_units: list[list[str]] = []
    present: int = 0
    missing: int = 0
    result: dict[str, int] = {}
