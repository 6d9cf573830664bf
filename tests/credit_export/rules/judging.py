"""Somebody judged by the catalogue that travels with the program: say only what matters."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from elearn.courses.requirements.choosing import Catalogue
from elearn.courses.requirements.rows import Training
from elearn.credit_export.dated_rules import Aim, rules_on
from elearn.credit_export.eligibility import Candidate, Category, Facts, Ineligible, Judgement, Reason, judge
from elearn.credit_export.hours import MINUTE_MS, Tally
from tests.credit_export.rules.a_catalogue import catalogue

SOMEBODY = Candidate(UUID(int=1))
HOLDER = Candidate(UUID(int=1), "S000033051234")
OLD, NEW = date(2026, 5, 20), date(2026, 7, 1)
LAST_OLD, FIRST_NEW = date(2026, 5, 31), date(2026, 6, 1)
KUNMING, LANZHOU, HANGZHOU, BEIJING = "530100", "620100", "330100", "110105"


def hours(online: float = 0, offline: float = 0, practice: float = 0) -> Tally:
    """学时 by the country's lengths: 30 minutes online, 45 on site."""
    on_site = 45 * MINUTE_MS
    return Tally(round(online * 30 * MINUTE_MS), round(offline * on_site), round(practice * on_site))


def judged(
    category: str,
    on: date,
    done: Tally,
    *,
    training: Training = Training.INITIAL,
    region: str | None = None,
    person: Candidate = SOMEBODY,
    rows: Catalogue | None = None,
    outline: tuple[int, int] = (0, 0),
    ends: date | None = None,
    **facts: Any,
) -> Judgement:
    """Judged by the catalogue; the outline asks nothing of its own unless told so."""
    chosen = rules_on(rows or catalogue(), Aim(category, training, region, *outline), on)
    asked = Category(category, "1", chosen.required_theory, chosen.required_practice, date(2023, 10, 11), ends)
    known = Facts(**{"enrolled": True, "class_filed": True} | facts)
    return judge(person, asked, on, done, known, rules=chosen.rules)


def reasons(*arguments: Any, **more: Any) -> set[Reason]:
    judgement = judged(*arguments, **more)
    return set(judgement.reasons) if isinstance(judgement, Ineligible) else set()


LV = "so_lv_electric"
FULL = hours(61.6, 26.4, 60)
ADULT = {"born_on": date(1990, 1, 1), "health_certificate_to": NEW}
"""Who is of age and in health."""
