"""Which rules judge somebody of a category, in a region, on a day: chosen from the catalogue of requirements. Pure.

What the catalogue does not say stays as it is without one: hours by AQ 8011-2023, requirements by the outline, nobody
exempt before Order 19. Every row that was used is named, so that `Catalogue.named` finds the same rules again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from elearn.courses.requirements.choosing import Catalogue, Found
from elearn.courses.requirements.rows import (
    Asked,
    AskedHours,
    Category,
    Certificate,
    CreditRules,
    Cycle,
    Group,
    HoursKind,
    Mode,
    Training,
)
from elearn.credit_export.eligibility import Rules
from elearn.credit_export.hours import AQ8011_2023, MINUTE_MS, RuleSet, rule_set


@dataclass(frozen=True, slots=True)
class Aim:
    """What somebody is trained for, and where."""

    category: str | None
    """In the catalogue; None: the outline stands for itself."""
    training: Training
    region: str | None
    """Where the institution is."""
    theory: int
    practice: int
    """学时 of the outline's own items."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rules of a day, and the hours that it takes by them and by the outline: whichever is more."""

    rules: Rules
    required_theory: int
    required_practice: int


def rules_on(catalogue: Catalogue, aim: Aim, on: date) -> Chosen:
    """The rules of this day."""
    found = None if aim.category is None else catalogue.category(aim.category, aim.region, on)
    names: list[str] = []
    group = None if found is None else found[0].group
    hours = _rule_set(catalogue, group, aim.region, on, names)
    course_tests, teachers = _asked(catalogue, aim.region, on, names)
    if found is None or group is None or aim.category is None:
        ended = aim.category and catalogue.ended("categories", aim.category, aim.region, on)
        if ended:
            names.append(ended.name)
        rules = Rules(hours, course_tests=course_tests, teachers=teachers, in_force=not ended, names=tuple(names))
        return Chosen(rules, aim.theory, aim.practice)
    category, name = found
    names.append(name)
    certificate = catalogue.certificate(group, aim.region, on)
    if certificate is not None:
        names.append(certificate.name)
    regime = None if certificate is None else certificate.row
    in_force, theory, practice = required(category, regime, aim)
    if practice:
        _use(catalogue.online_share(HoursKind.PRACTICE, group, aim.region, on), names)
    exemptions = catalogue.exemptions(aim.category, group, aim.training, aim.region, on)
    prerequisites = catalogue.prerequisites(aim.category, group, aim.region, on)
    names += [one.name for one in exemptions]
    names += [one.name for one in prerequisites]
    rules = Rules(
        hours,
        exemption_from=min((one.row.effective_from for one in exemptions), default=date.max),
        course_tests=course_tests,
        teachers=teachers,
        prerequisites=tuple(one.row for one in prerequisites),
        retraining_after_failure=regime is None or regime.retraining_after_failure,
        in_force=in_force and category.exports,
        names=tuple(names),
    )
    return Chosen(rules, theory, practice)


def required(category: Category, regime: Certificate | None, aim: Aim) -> tuple[bool, int, int]:
    """Is there this kind of training, and the 学时 of theory and practice that it takes."""
    asked = category.hours.get(aim.training)
    if regime is not None and aim.training in (Training.REVIEW, Training.RENEWAL):
        cycle = regime.review if aim.training is Training.REVIEW else regime.renewal
        if cycle is None:
            return False, aim.theory, aim.practice
        return True, *_of_cycle(cycle, asked, aim)
    return True, *_at_least(asked, aim)


def _of_cycle(cycle: Cycle, asked: AskedHours | None, aim: Aim) -> tuple[int, int]:
    if not cycle.theory_only:
        return _at_least(asked or (AskedHours(cycle.hours) if cycle.hours else None), aim)
    least = max(cycle.hours or 0, (asked.theory if asked.theory is not None else asked.total) if asked else 0)
    return max(aim.theory, least), 0


def _at_least(asked: AskedHours | None, aim: Aim) -> tuple[int, int]:
    """What the outline asks, and no less than the category; hours of which nobody knows the kind are theory."""
    if asked is None:
        return aim.theory, aim.practice
    theory, practice = max(aim.theory, asked.theory or 0), max(aim.practice, asked.practice or 0)
    return theory + max(0, asked.total - theory - practice), practice


def _rule_set(catalogue: Catalogue, group: Group | None, region: str | None, on: date, names: list[str]) -> RuleSet:
    """The length of an hour and the online share; what no row says is as AQ 8011-2023 says."""
    online = catalogue.class_hour(Mode.ONLINE, group, region, on)
    offline = catalogue.class_hour(Mode.OFFLINE, group, region, on)
    share = catalogue.online_share(HoursKind.THEORY, group, region, on)
    for one in (online, offline, share):
        _use(one, names)
    return rule_set(
        online.row.minutes if online else AQ8011_2023.online_hour_ms // MINUTE_MS,
        offline.row.minutes if offline else AQ8011_2023.offline_hour_ms // MINUTE_MS,
        share.row.online_max_percent if share else AQ8011_2023.online_theory_percent,
    )


def _asked(catalogue: Catalogue, region: str | None, on: date, names: list[str]) -> tuple[Asked, Asked]:
    """Whether course tests and teachers are asked for where nothing is known of them: the nearest set that says so."""
    sets = catalogue.credit_rules(region, on)
    tests = next((one for one in sets if one.row.course_tests is not None), None)
    teachers = next((one for one in sets if one.row.teachers is not None), None)
    for one in (tests, teachers, _cap(sets)):
        _use(one, names)
    return (
        (tests and tests.row.course_tests) or Asked.IF_KNOWN,
        (teachers and teachers.row.teachers) or Asked.IF_KNOWN,
    )


def _cap(sets: list[Found[CreditRules]]) -> Found[CreditRules] | None:
    return next((one for one in sets if one.row.daily_cap_hours is not None), None)


def daily_cap(catalogue: Catalogue, region: str | None, on: date) -> int | None:
    """At most so many 学时 of one person on one day, of all employers together; None: no row limits them."""
    found = _cap(catalogue.credit_rules(region, on))
    return None if found is None else found.row.daily_cap_hours


def _use(found: Found[Any] | None, names: list[str]) -> None:
    if found is not None and found.name not in names:
        names.append(found.name)
