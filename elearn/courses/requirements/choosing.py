"""What is in force in a region on a day, and what changes between two days. Pure.

Of the rows of one slot (section, id, region, first day) the one that was loaded last holds; of the slots that have
begun, the newest; it holds to its last day. The nearest place wins: county, city, province, the whole country.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import groupby
from typing import Generic, TypeVar

from elearn.courses.requirements.rows import (
    EVERYWHERE,
    SECTIONS,
    Category,
    Certificate,
    ClassHours,
    CreditRules,
    Exemption,
    Group,
    HoursKind,
    ModalityLimit,
    Mode,
    Prerequisite,
    Row,
    Slot,
    Source,
    Training,
    rule_name,
    slot_of,
)

Kind = TypeVar("Kind", bound=Row)


@dataclass(frozen=True, slots=True)
class Found(Generic[Kind]):
    """A row that was chosen, and its name as a rule version."""

    row: Kind
    name: str


@dataclass(frozen=True)
class Loaded:
    """A row with its place in the order of loading."""

    number: int
    section: str
    row: Row

    @property
    def slot(self) -> Slot:
        return slot_of(self.section, self.row)

    @cached_property
    def name(self) -> str:
        """The rule version that a judgement names."""
        return rule_name(self.section, self.row)


def places(region: str | None) -> list[str]:
    """From the nearest to the widest: 530102, 530100, 530000, CN. An unknown place is in the country."""
    if region is None or region == EVERYWHERE:
        return [EVERYWHERE]
    return list(dict.fromkeys([region, f"{region[:4]}00", f"{region[:2]}0000", EVERYWHERE]))


@dataclass
class Catalogue:
    """All rows that were loaded, by when they were. Nothing in it changes."""

    rows: Sequence[Loaded] = ()
    _held: dict[tuple[str, str | None, date], tuple[Loaded, ...]] = field(default_factory=dict, repr=False)

    @property
    def number(self) -> int:
        """How far it was loaded."""
        return self.rows[-1].number if self.rows else 0

    @cached_property
    def _slots(self) -> dict[str, list[list[Loaded]]]:
        """By section: for each id and region, the row that holds in each of its slots, by first day."""
        last: dict[Slot, Loaded] = {}
        for one in self.rows:
            last[one.slot] = one
        found: dict[str, list[list[Loaded]]] = {}
        for key, several in groupby(sorted(last.values(), key=lambda one: one.slot), key=lambda one: one.slot[:3]):
            found.setdefault(key[0], []).append(list(several))
        return found

    def newest(self) -> Iterator[Loaded]:
        """The row that holds in each slot."""
        for lines in self._slots.values():
            for line in lines:
                yield from line

    def named(self, used: Collection[str]) -> Catalogue:
        """Only the rows of these names: with them a judgement that named them can be made again."""
        return Catalogue([one for one in self.rows if one.name in used])

    def on(self, section: str, region: str | None, on: date) -> tuple[Loaded, ...]:
        """What is in force: for each id the row of the nearest place that has one; in the order of ids."""
        key = (section, region, on)
        if key not in self._held:
            nearest: dict[str, tuple[int, Loaded]] = {}
            where = {name: rank for rank, name in enumerate(places(region))}
            for line in self._slots.get(section, ()):
                found = _begun(line, on)
                if found is None or _over(found, on):
                    continue
                rank, id = where.get(found.row.region), found.row.id
                if rank is not None and (id not in nearest or rank < nearest[id][0]):
                    nearest[id] = (rank, found)
            self._held[key] = tuple(nearest[name][1] for name in sorted(nearest))
        return self._held[key]

    def everywhere(self, section: str, on: date) -> list[Loaded]:
        """What is in force in any place."""
        begun = (_begun(line, on) for line in self._slots.get(section, ()))
        return [one for one in begun if one is not None and not _over(one, on)]

    def category(self, id: str, region: str | None, on: date) -> tuple[Category, str] | None:
        """A category with the name of its row."""
        for one in self.on("categories", region, on):
            if one.row.id == id and isinstance(one.row, Category):
                return one.row, one.name
        return None

    def ended(self, section: str, id: str, region: str | None, on: date) -> Loaded | None:
        """The row of the nearest place that was in force for an id and is over on this day; None: there is none."""
        rank = {name: number for number, name in enumerate(places(region))}
        begun = (_begun(line, on) for line in self._slots.get(section, ()) if line[0].row.id == id)
        over = [one for one in begun if one is not None and one.row.region in rank and _over(one, on)]
        return min(over, key=lambda one: rank[one.row.region], default=None)

    def sources(self) -> dict[str, Source]:
        """By id; the newest of each."""
        return {one.row.id: one.row for one in self.newest() if isinstance(one.row, Source)}

    # --- what a judgement asks ----------------------------------------------------------------------------------------

    def class_hour(self, modality: Mode, group: Group | None, region: str | None, on: date) -> Found[ClassHours] | None:
        """The definition that fits best: of this group before of everybody, of this modality before of any."""
        fitting = [
            found for found in self._of(ClassHours, "class_hours", region, on)
            if found.row.modality in (modality, Mode.ANY) and _about(found.row.groups, group)
        ]  # fmt: skip
        return _best(fitting, region, lambda row: (bool(row.groups), row.modality is modality))

    def online_share(
        self, kind: HoursKind, group: Group | None, region: str | None, on: date
    ) -> Found[ModalityLimit] | None:
        """How much of one kind of hours may be online."""
        fitting = [
            found for found in self._of(ModalityLimit, "modality_limits", region, on)
            if found.row.kind is kind and _about(found.row.groups, group)
        ]  # fmt: skip
        return _best(fitting, region, lambda row: (bool(row.groups),))

    def credit_rules(self, region: str | None, on: date) -> list[Found[CreditRules]]:
        """All sets that hold there, the nearest place first: what one does not name, the next may."""
        rank = {name: number for number, name in enumerate(places(region))}
        found = self._of(CreditRules, "credit_rules", region, on)
        return sorted(found, key=lambda one: (rank[one.row.region], -one.row.effective_from.toordinal(), one.row.id))

    def certificate(self, group: Group, region: str | None, on: date) -> Found[Certificate] | None:
        """The regime of the certificate that this group obtains."""
        fitting = [one for one in self._of(Certificate, "certificates", region, on) if group in one.row.groups]
        return _best(fitting, region, lambda row: ())

    def exemptions(
        self, category: str, group: Group, training: Training, region: str | None, on: date
    ) -> list[Found[Exemption]]:
        """What takes the place of this training."""
        return [
            one for one in self._of(Exemption, "exemptions", region, on)
            if training in one.row.training and _concerns(one.row, category, group)
        ]  # fmt: skip

    def prerequisites(self, category: str, group: Group, region: str | None, on: date) -> list[Found[Prerequisite]]:
        """All that must be true beside training."""
        fitting = self._of(Prerequisite, "prerequisites", region, on)
        return [one for one in fitting if _concerns(one.row, category, group)]

    def _of(self, kind: type[Kind], section: str, region: str | None, on: date) -> list[Found[Kind]]:
        return [Found(one.row, one.name) for one in self.on(section, region, on) if isinstance(one.row, kind)]


def _begun(line: Sequence[Loaded], on: date) -> Loaded | None:
    """The newest of the slots of one id and region that has begun."""
    return next((one for one in reversed(line) if one.row.effective_from <= on), None)


def _over(one: Loaded, on: date) -> bool:
    return one.row.effective_to is not None and one.row.effective_to < on


def _about(groups: Collection[Group], group: Group | None) -> bool:
    return not groups or group in groups


def _concerns(row: Exemption | Prerequisite, category: str, group: Group) -> bool:
    """Named categories are all that is meant; without them, the groups; without either, everybody."""
    return category in row.categories if row.categories else _about(row.groups, group)


def _best(
    fitting: Sequence[Found[Kind]], region: str | None, fit: Callable[[Kind], tuple[bool, ...]]
) -> Found[Kind] | None:
    """The nearest place, then what fits best, then what began last."""
    rank = {name: number for number, name in enumerate(places(region))}

    def far(one: Found[Kind]) -> tuple[object, ...]:
        row = one.row
        return rank[row.region], tuple(not yes for yes in fit(row)), -row.effective_from.toordinal(), row.id

    return min(fitting, key=far, default=None)


# --- between two days -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """What was in force for an id before, and what is after; one of them may be nothing."""

    section: str
    before: Loaded | None
    after: Loaded | None

    @property
    def row(self) -> Row:
        shown = self.after or self.before
        assert shown is not None
        return shown.row


def between(catalogue: Catalogue, region: str | None, first: date, second: date) -> list[Turn]:
    """What is not the same in a region on the second day as on the first, in the order of sections."""
    found = []
    for section in SECTIONS:
        before = {one.row.id: one for one in catalogue.on(section, region, first)}
        after = {one.row.id: one for one in catalogue.on(section, region, second)}
        for name in sorted(before.keys() | after.keys()):
            old, new = before.get(name), after.get(name)
            if (old and old.name) != (new and new.name):
                found.append(Turn(section, old, new))
    return found
