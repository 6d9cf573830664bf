"""What a file would add to what is loaded, and what it would change. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from elearn.courses.requirements.choosing import Catalogue
from elearn.courses.requirements.rows import Row, as_data, slot_of


@dataclass(frozen=True, slots=True)
class Change:
    """A row of the file that is not loaded as it stands there."""

    section: str
    row: Row
    before: Row | None
    """What is loaded for its id, region and first day; None: nothing."""

    @property
    def fields(self) -> list[tuple[str, Any, Any]]:
        """(field, before, after) of what differs."""
        new = as_data(self.row)
        old: Mapping[str, Any] = {} if self.before is None else as_data(self.before)
        return [(name, old.get(name), value) for name, value in new.items() if old.get(name) != value]


def changes(catalogue: Catalogue, rows: Sequence[tuple[str, Row]]) -> list[Change]:
    """The rows that loading would add, in their order; none when all is loaded already."""
    held = {one.slot: one.row for one in catalogue.newest()}
    compared = ((section, row, held.get(slot_of(section, row))) for section, row in rows)
    return [Change(section, row, before) for section, row, before in compared if row != before]


def told(found: Sequence[Change], *, today: date) -> Iterator[str]:
    """The changes in lines, as they are shown before anything is applied."""
    for one in found:
        where = f"{one.section}/{one.row.id} {one.row.region} from {one.row.effective_from}"
        late = " (from a day that is over)" if one.row.effective_from < today else ""
        doubt = "" if one.row.confirmed else " (not confirmed)"
        if one.before is None:
            yield f"+ {where}{late}{doubt}: {in_brief(one.row)}"
        else:
            yield f"~ {where}{late}{doubt}"
            for name, old, new in one.fields:
                yield f"    {name}: {_value(old)} -> {_value(new)}"


def in_brief(row: Row) -> str:
    """What a new row says, without what every row has."""
    common = {"id", "effective_from", "region", "confirmed", "source", "clause", "note", "read_in", "name_en"}
    parts = [f"{name} {_value(value)}" for name, value in as_data(row).items() if name not in common and _says(value)]
    return ", ".join(parts)


def _says(value: Any) -> bool:
    return value not in (None, "", [], {})


def _value(value: Any) -> str:
    match value:
        case None:
            return "none"
        case dict():
            return "{" + ", ".join(f"{name} {_value(one)}" for name, one in value.items() if _says(one)) + "}"
        case list():
            return "[" + ", ".join(_value(one) for one in value) + "]"
        case _:
            return str(value)
