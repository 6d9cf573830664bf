"""May this person sit the exam of this category on this day? `judge` answers with all reasons at once.

Pure: values in, a decision out, naming the versions of the rules it used. Teaching and examining are separate
by law (教考分离): this says who has the hours; what the exam system does with it is its decision.
Sources: AQ 8011-2023 and Order 19 as collected in RULES 0, 2.1, 2.2 and 4(b).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from elearn.credit_export.hours import MICRO, RuleSet, Tally, standing


class Reason(StrEnum):
    """Why somebody is not eligible (RULES 4(c), reason codes)."""

    HOURS_THEORY_SHORT = "HOURS_THEORY_SHORT"
    HOURS_PRACTICE_SHORT = "HOURS_PRACTICE_SHORT"
    OFFLINE_SHARE_LOW = "OFFLINE_SHARE_LOW"
    CLASS_NOT_FILED = "CLASS_NOT_FILED"
    IDENTITY_UNVERIFIED = "IDENTITY_UNVERIFIED"
    OUTLINE_NOT_IN_FORCE = "OUTLINE_NOT_IN_FORCE"
    NO_RECORD = "NO_RECORD"
    BLACKLISTED = "BLACKLISTED"


@dataclass(frozen=True, slots=True)
class Candidate:
    """The person a judgement is about."""

    person_id: UUID
    skill_certificate: str | None = None
    """Number of a valid 职业技能等级证书; from 2026-06-01 its holder skips training (Order 19)."""


@dataclass(frozen=True, slots=True)
class Category:
    """What the outline of a category asks, as dated data."""

    code: str
    version: str
    required_theory: int
    """Whole 学时."""
    required_practice: int
    in_force_from: date
    in_force_to: date | None = None
    """The last day in force; open when None."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What else the rules ask about."""

    enrolled: bool
    class_filed: bool
    """Some class of this outline that the person is enrolled in was filed (事前报告)."""
    identified: bool = True
    """The person's document is known; it is not of somebody who never gave one, or was erased."""


@dataclass(frozen=True, slots=True)
class Rules:
    hours: RuleSet
    exemption_from: date = date(2026, 6, 1)
    """Order 19 of the Ministry of Emergency Management comes into force."""


@dataclass(frozen=True, slots=True)
class Eligible:
    rules: str


@dataclass(frozen=True, slots=True)
class EligibleExempt:
    rules: str
    basis: str
    """The certificate that takes the place of training."""


@dataclass(frozen=True, slots=True)
class Ineligible:
    rules: str
    reasons: tuple[Reason, ...]


Judgement = Eligible | EligibleExempt | Ineligible


def judge(person: Candidate, category: Category, on: date, hours: Tally, facts: Facts, *, rules: Rules) -> Judgement:
    """Judge `person` for `category` on the day `on`; `hours` are those credited in filed classes.

    An expected "no" is an `Ineligible` with every reason that holds, in the order of the enumeration.
    """
    used = f"{rules.hours.version}; {category.code}@{category.version}"
    if person.skill_certificate is not None and on >= rules.exemption_from:
        return EligibleExempt(used, person.skill_certificate)
    found = standing(hours, required_theory=category.required_theory, rules=rules.hours)
    needed = category.required_theory * MICRO
    in_force = category.in_force_from <= on and (category.in_force_to is None or on <= category.in_force_to)
    holds = {
        Reason.HOURS_THEORY_SHORT: found.theory_if_all_online_counted < needed,
        Reason.HOURS_PRACTICE_SHORT: found.practice < category.required_practice * MICRO,
        Reason.OFFLINE_SHARE_LOW: found.theory < needed <= found.theory_if_all_online_counted,
        Reason.CLASS_NOT_FILED: facts.enrolled and not facts.class_filed,
        Reason.IDENTITY_UNVERIFIED: not facts.identified,
        Reason.OUTLINE_NOT_IN_FORCE: not in_force,
        Reason.NO_RECORD: not facts.enrolled,
    }
    reasons = tuple(reason for reason in Reason if holds.get(reason))
    return Ineligible(used, reasons) if reasons else Eligible(used)
