"""Pure: what an outline asks and what to watch next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, TypeVar
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ItemHours:
    """One item of an outline: `hours` (学时) of `kind` (theory or practice)."""

    kind: str
    hours: int


class InForce(Protocol):
    """A dated row: from its first day to its last, or open."""

    @property
    def effective_from(self) -> date: ...

    @property
    def effective_to(self) -> date | None: ...


Dated = TypeVar("Dated", bound=InForce)


def required_hours(items: Iterable[ItemHours]) -> Mapping[str, int]:
    """Hours that an outline asks, by kind (AQ 8011-2023 counts theory and practice apart)."""
    asked = {"theory": 0, "practice": 0}
    for item in items:
        asked[item.kind] += item.hours
    return asked


def in_force(versions: Iterable[Dated], on: date) -> Dated | None:
    """The version of an outline that holds on a day; of several the one that came last (DESIGN 3.7)."""
    holding = [
        one for one in versions if one.effective_from <= on and (one.effective_to is None or on <= one.effective_to)
    ]
    return max(holding, key=lambda one: one.effective_from, default=None)


def next_unit(units: Sequence[UUID], complete: Collection[UUID]) -> UUID | None:
    """The first unit in order that is not complete: where "go on" leads. None when all are."""
    return next((unit for unit in units if unit not in complete), None)
