"""Pure: what the rules of the field say about training at work, on a day and in a place, from the dated rows.

Where a row was not loaded (one that nobody has confirmed is not, unless asked for), the national rule as it is quoted
holds: longer away than a year, assessed within six months of the appointment (RULES 2.1).
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field
from datetime import date

from elearn.courses.requirements.choosing import Catalogue, places
from elearn.courses.requirements.rows import Category, Group

COUNTRY_AWAY_MONTHS = 12
COUNTRY_ASSESSED_MONTHS = 6
HIGHRISK = ("principal_", "manager_")
"""How the ids of posts begin whose holders are assessed, where no row says more."""
GENERAL = "_general"
"""How the ids of posts in general industries end: their holders are trained, and nobody assesses them."""


@dataclass(frozen=True, slots=True)
class Term:
    """So many months, and the clause that says so."""

    months: int
    clause: str


@dataclass(frozen=True, slots=True)
class Law:
    """What holds where and when. Questions that come again are answered from what was found before."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    _away: dict[tuple[str | None, date], Term] = field(default_factory=dict, repr=False)

    three_level = "令3 第十四、十五条"
    contractor = "安全生产法 第四十九条; 岗前"
    yearly = "令3 第九、十三条: 每年再培训"
    new_technology = "安全生产法 第二十九条"
    campaign = "宣贯培训"

    def away(self, region: str | None, on: date) -> Term:
        """How long somebody must have been away to be trained again (转岗 asks it at any time)."""
        key = (region, on)
        if key not in self._away:
            rank = {name: number for number, name in enumerate(places(region))}
            rows = [
                one.row for one in self.catalogue.on("categories", region, on)
                if isinstance(one.row, Category) and one.row.away_months is not None
            ]  # fmt: skip
            nearest = min(rows, key=lambda row: (rank[row.region], row.id), default=None)
            self._away[key] = (
                Term(nearest.away_months, nearest.clause or nearest.id)
                if nearest is not None and nearest.away_months is not None
                else Term(COUNTRY_AWAY_MONTHS, "令3 第十七条")
            )
        return self._away[key]

    def appointed(self, category: str | None, region: str | None, on: date) -> Term | None:
        """Within how many months of the appointment a principal or manager is assessed; None: not a post of these."""
        if category is None:
            return None
        found = self.catalogue.category(category, region, on)
        if found is None:
            return Term(COUNTRY_ASSESSED_MONTHS, "安全生产法 第二十七条") if category.startswith(HIGHRISK) else None
        row, _name = found
        if row.group not in (Group.PRINCIPAL, Group.MANAGER):
            return None
        return Term(row.assess_within_months or COUNTRY_ASSESSED_MONTHS, row.clause or "安全生产法 第二十七条")

    def assessed(self, category: str, region: str | None, on: date) -> Term | None:
        """Within how many months of the appointment the authority assesses the holder of a post; None: it does not."""
        found = self.catalogue.category(category, region, on)
        spared = category.endswith(GENERAL) if found is None else found[0].exam_required is False
        return None if spared else self.appointed(category, region, on)


def add_months(on: date, months: int) -> date:
    """The same day so many months later; the last day of a month that is too short."""
    year, month = divmod(on.year * 12 + on.month - 1 + months, 12)
    return date(year, month + 1, min(on.day, calendar.monthrange(year, month + 1)[1]))
