"""May this person sit the exam of this category on this day? `judge` answers with all reasons at once.

Pure: values in, a decision out, naming the versions of the rules it used. Teaching and examining are separate
by law (教考分离): this says who has the hours; what the exam system does with it is its decision.
Sources: AQ 8011-2023 and Order 19 as collected in RULES 0, 2.1, 2.2 and 4(b). Which rules hold in a region on a day is
not decided here: `dated_rules.py` chooses them, and a judgement of another day is a judgement by that day's rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from elearn.courses.requirements.rows import Asked, Education, Prerequisite
from elearn.credit_export.hours import MICRO, RuleSet, Tally, standing


class Reason(StrEnum):
    """Why somebody is not eligible (RULES 4(c), reason codes)."""

    HOURS_THEORY_SHORT = "HOURS_THEORY_SHORT"
    HOURS_PRACTICE_SHORT = "HOURS_PRACTICE_SHORT"
    OFFLINE_SHARE_LOW = "OFFLINE_SHARE_LOW"
    CLASS_NOT_FILED = "CLASS_NOT_FILED"
    TEACHER_INVALID = "TEACHER_INVALID"
    COURSE_TEST_MISSING = "COURSE_TEST_MISSING"
    IDENTITY_UNVERIFIED = "IDENTITY_UNVERIFIED"
    PREREQ_AGE = "PREREQ_AGE"
    PREREQ_EDUCATION = "PREREQ_EDUCATION"
    PREREQ_HEALTH = "PREREQ_HEALTH"
    PREREQ_RETRAINING = "PREREQ_RETRAINING"
    """To be trained anew under a regime that asks it of who failed too often (Order 30; Order 19 does not)."""
    INSTITUTION_SUSPENDED = "INSTITUTION_SUSPENDED"
    UNDER_REVIEW = "UNDER_REVIEW"
    OUTLINE_NOT_IN_FORCE = "OUTLINE_NOT_IN_FORCE"
    NO_RECORD = "NO_RECORD"
    BLACKLISTED = "BLACKLISTED"


OF_TRAINING = frozenset(
    {
        Reason.HOURS_THEORY_SHORT,
        Reason.HOURS_PRACTICE_SHORT,
        Reason.OFFLINE_SHARE_LOW,
        Reason.CLASS_NOT_FILED,
        Reason.TEACHER_INVALID,
        Reason.COURSE_TEST_MISSING,
        Reason.PREREQ_RETRAINING,
        Reason.INSTITUTION_SUSPENDED,
        Reason.NO_RECORD,
    }
)
"""What somebody need not have who is exempt from training. Who the person is, and may be, it does not say."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """The person a judgement is about."""

    person_id: UUID
    skill_certificate: str | None = None
    """Number of a 职业技能等级证书 that corresponds; from 2026-06-01 its holder skips training (Order 19)."""
    skill_certificate_from: date | None = None
    skill_certificate_to: date | None = None
    """First and last day on which it is valid; None: not limited."""


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
    """What else the rules ask about. None: nobody has said."""

    enrolled: bool
    class_filed: bool
    """Some class of this outline that the person is enrolled in was filed (事前报告)."""
    identified: bool = True
    """The person's document is known; it is not of somebody who never gave one, or was erased."""
    course_tests: bool | None = None
    """Every course test that binds the person is passed; None: none does."""
    teachers_valid: bool | None = None
    """Every teacher of the class was valid on each date."""
    born_on: date | None = None
    education: Education | None = None
    health_certificate_to: date | None = None
    """The last day on which a health certificate is valid."""
    train_again: bool = False
    """The exam authority told that training begins anew; how often somebody failed it knows, and we do not."""
    admitted_on: date | None = None
    """The first day on which an admission on this training was granted."""
    institution_suspended: bool = False
    under_review: bool = False
    blacklisted: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a region, a category and a day, and how they are called."""

    hours: RuleSet
    exemption_from: date = date(2026, 6, 1)
    """Order 19 of the Ministry of Emergency Management comes into force. `date.max`: nobody is exempt."""
    course_tests: Asked = Asked.IF_KNOWN
    teachers: Asked = Asked.IF_KNOWN
    prerequisites: tuple[Prerequisite, ...] = ()
    retraining_after_failure: bool = True
    """False: whoever was trained and failed is not trained again, whatever becomes of the outline (Order 19)."""
    in_force: bool = True
    """There is this kind of training on that day, and its hours go to an exam system."""
    names: tuple[str, ...] = ()
    """The versions of the dated rows that were used, beside those of `hours` and of the category."""


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
    used = "; ".join((rules.hours.version, f"{category.code}@{category.version}", *rules.names))
    reasons = tuple(sorted(_reasons(category, on, hours, facts, rules), key=list(Reason).index))
    certificate = _exempting(person, on, rules)
    if certificate is not None:
        reasons = tuple(reason for reason in reasons if reason not in OF_TRAINING)
    if reasons:
        return Ineligible(used, reasons)
    return Eligible(used) if certificate is None else EligibleExempt(used, certificate)


def _exempting(person: Candidate, on: date, rules: Rules) -> str | None:
    """The certificate by which nobody asks for training on that day."""
    begun = person.skill_certificate_from is None or person.skill_certificate_from <= on
    valid = begun and (person.skill_certificate_to is None or on <= person.skill_certificate_to)
    return person.skill_certificate if valid and on >= rules.exemption_from else None


def _reasons(category: Category, on: date, hours: Tally, facts: Facts, rules: Rules) -> Iterator[Reason]:
    found = standing(hours, required_theory=category.required_theory, rules=rules.hours)
    needed = category.required_theory * MICRO
    holds = {
        Reason.HOURS_THEORY_SHORT: found.theory_if_all_online_counted < needed,
        Reason.HOURS_PRACTICE_SHORT: found.practice < category.required_practice * MICRO,
        Reason.OFFLINE_SHARE_LOW: found.theory < needed <= found.theory_if_all_online_counted,
        Reason.CLASS_NOT_FILED: facts.enrolled and not facts.class_filed,
        Reason.TEACHER_INVALID: _missing(facts.teachers_valid, rules.teachers),
        Reason.COURSE_TEST_MISSING: _missing(facts.course_tests, rules.course_tests),
        Reason.IDENTITY_UNVERIFIED: not facts.identified,
        Reason.PREREQ_RETRAINING: rules.retraining_after_failure and facts.train_again,
        Reason.BLACKLISTED: facts.blacklisted,
        Reason.INSTITUTION_SUSPENDED: facts.institution_suspended,
        Reason.UNDER_REVIEW: facts.under_review,
        Reason.OUTLINE_NOT_IN_FORCE: not _in_force(category, on, facts, rules),
        Reason.NO_RECORD: not facts.enrolled,
    }
    yield from (reason for reason, true in holds.items() if true)
    yield from unmet(facts, on, rules)


def _missing(fact: bool | None, asked: Asked) -> bool:
    """A known no is a no; not knowing is one where the rules ask."""
    return asked is Asked.ASKED if fact is None else not fact


def _in_force(category: Category, on: date, facts: Facts, rules: Rules) -> bool:
    """The outline holds on that day, or held when the person was admitted and nobody is to be trained again."""
    if not rules.in_force:
        return False
    days = [on] if rules.retraining_after_failure or facts.admitted_on is None else [on, facts.admitted_on]
    return any(
        category.in_force_from <= day and (category.in_force_to is None or day <= category.in_force_to) for day in days
    )


def unmet(facts: Facts, on: date, rules: Rules) -> tuple[Reason, ...]:
    """What of all that is asked beside training is not shown to be true, in the order of the enumeration."""
    found = {reason for asked in rules.prerequisites for reason in _unmet(asked, facts, on)}
    return tuple(reason for reason in Reason if reason in found)


def _unmet(asked: Prerequisite, facts: Facts, on: date) -> Iterator[Reason]:
    """What of a prerequisite is not shown to be true: whoever says nothing has shown nothing."""
    if asked.minimum_age is not None or asked.maximum_age is not None:
        age = None if facts.born_on is None else age_on(facts.born_on, on)
        if age is None or not (asked.minimum_age or 0) <= age <= (asked.maximum_age or 1000):
            yield Reason.PREREQ_AGE
    if asked.education is not None and (facts.education is None or facts.education.rank < asked.education.rank):
        yield Reason.PREREQ_EDUCATION
    if asked.health_certificate and (facts.health_certificate_to is None or facts.health_certificate_to < on):
        yield Reason.PREREQ_HEALTH


def age_on(born_on: date, on: date) -> int:
    """Full years of age; who was born on 29 February is a year older on 1 March of a common year."""
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))
