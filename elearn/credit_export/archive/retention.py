"""Until when what a class was must be kept at least. Pure.

RULES 4(b): six years for special operations, three for everybody else, from the end of the class; that is the least
here. A row of the place may ask for more (`retention` of the catalogue: 赣应急字〔2024〕24号, article 15, says the same
of Jiangxi). What an outline trains for is not known: the longer time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from elearn.courses.requirements.choosing import Catalogue
from elearn.courses.requirements.rows import Group, Retention

SPECIAL_YEARS, OTHER_YEARS = 6, 3
RULE = "rules-4b-retention"
"""The name of our own least."""
NAMED = {
    "special_operation_online": frozenset({Group.SPECIAL_OPERATION}),
    "principal_manager_online": frozenset({Group.PRINCIPAL, Group.MANAGER}),
    "enterprise_record": frozenset({Group.EMPLOYEE}),
}
"""Rows of the catalogue about archives of training, and whose; a row that names groups itself needs no entry."""


@dataclass(frozen=True, slots=True)
class Kept:
    years: int
    rule: str
    """Which rule asks for it: ours, or a row of the catalogue by its name."""


def asked(catalogue: Catalogue, group: Group | None, region: str | None, on: date) -> Kept:
    """How long an archive of a class that ended on this day is kept; the longest that anything asks for."""
    least = Kept(OTHER_YEARS if group not in (None, Group.SPECIAL_OPERATION) else SPECIAL_YEARS, RULE)
    rows = [(one.row, one.name) for one in catalogue.on("retention", region, on) if isinstance(one.row, Retention)]
    fitting = [
        Kept(row.years, name)
        for row, name in rows
        if row.years is not None and group in (row.groups or NAMED.get(row.id, frozenset()))
    ]
    # A law of the place that asks for as much is the better reason.
    return max([least, *fitting], key=lambda one: (one.years, one.rule != RULE, one.rule))


def keep_until(ended_on: date, years: int) -> date:
    """The last day on which it must still be there."""
    try:
        return ended_on.replace(year=ended_on.year + years)
    except ValueError:  # 29 February: a day longer, never a day less
        return date(ended_on.year + years, 3, 1)


def latest_end(on: date) -> date:
    """What ended on this day or later is kept on the day `on`, whatever rule it is kept by."""
    leap = (on.month, on.day) == (2, 29)
    return on.replace(year=on.year - OTHER_YEARS, day=28 if leap else on.day)
