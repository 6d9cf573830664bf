"""Which posts ask for a certificate, from which day on nobody stands there without it, and when that is told. Pure.

    special operations        the certificate before the post is taken up (令3 第二十三条, B03)
    principals and managers   assessed within months of the appointment (安全生产法 第二十七条, B02); until then
                              they have a day, and keep the post
    exam_required: false      nothing is asked, as of principals and managers of general industries
    exam_required: true       a certificate of the category before the post is taken up, whatever the group

The row of the category decides, the one in force in the employer's region on the day. Where a category has no row
there, what its row elsewhere says of the group holds; where it has none at all, the national rule (`law.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from elearn.courses.requirements.rows import Category, Group
from elearn.training.certificates.rules import STAGES, CertificateKind
from elearn.training.law import COUNTRY_ASSESSED_MONTHS, GENERAL, Law

LICENSED = (Group.SPECIAL_OPERATION, Group.PRINCIPAL, Group.MANAGER)
"""三项岗位人员: whose posts ask for a certificate (B01, B20)."""
AGAIN = timedelta(days=7)
"""After so long somebody who may not work there, or is late, is told again."""
LEAVE = "leave"
PRINCIPAL = "principal_"


@dataclass(frozen=True, slots=True)
class Ask:
    """What a post asks for."""

    kind: CertificateKind | None
    """None: any certificate of the category."""
    months: int
    """After the appointment; 0: before the post is taken up."""


class Posts:
    """What the posts of a place ask for on a day; questions that come again are answered from what was found."""

    def __init__(self, law: Law, on: date) -> None:
        self._law, self._on = law, on
        self._rows: dict[str | None, dict[str, Category]] = {}
        self._anywhere = {
            one.row.id: one.row for one in law.catalogue.everywhere("categories", on) if isinstance(one.row, Category)
        }

    def asks(self, category: str, region: str | None) -> Ask | None:
        """What a post of this category asks for; None: no certificate."""
        row = self._row(category, region)
        required = None if row is None else row.exam_required
        if required is False or (row is None and category.endswith(GENERAL)):
            return None
        term = self._law.assessed(category, region, self._on)
        if term is not None:
            return Ask(CertificateKind.ASSESSMENT, term.months)
        known = row or self._anywhere.get(category)
        group = None if known is None else known.group
        if group is Group.SPECIAL_OPERATION:
            return Ask(CertificateKind.OPERATION, 0)
        if group in LICENSED:
            return Ask(CertificateKind.ASSESSMENT, COUNTRY_ASSESSED_MONTHS)
        return Ask(None, 0) if required else None

    def group(self, category: str) -> Group:
        """Whose posts they are, for figures: one of `LICENSED`, else all others together."""
        found = self._anywhere.get(category)
        if found is None:
            return Group.PRINCIPAL if category.startswith(PRINCIPAL) else Group.MANAGER
        return found.group if found.group in LICENSED else Group.EMPLOYEE

    def named(self, category: str) -> tuple[str, str]:
        """What a category is called in Chinese and in English; by its id where no row names it."""
        found = self._anywhere.get(category)
        return (category, category) if found is None else (found.name, found.name_en or found.name)

    def _row(self, category: str, region: str | None) -> Category | None:
        if region not in self._rows:
            rows = [one.row for one in self._law.catalogue.on("categories", region, self._on)]
            self._rows[region] = {row.id: row for row in rows if isinstance(row, Category)}
        return self._rows[region].get(category)


def leaves(by_on: date | None, on: date) -> bool:
    """Whether somebody without the certificate leaves the post. `by_on`: the day until which it may be missing."""
    return by_on is None or by_on < on


def warning(by_on: date | None, on: date) -> str | None:
    """What is due to be told: `LEAVE`, or how long before: `90`, `60`, `30` days, the nearest; None: nothing yet."""
    if by_on is None or leaves(by_on, on):
        return LEAVE
    left = (by_on - on).days
    return next((str(one) for one in STAGES if left <= one), None)
