"""What counts as hours: modality, kind, the share that may be online. Rounding happens once, here.

Pure. Milliseconds in, milliseconds out; 学时 appear when shown or compared with an outline, and are counted in
whole milliseconds of their rule set (AQ 8011-2023, 4.4: an online hour is at least 30 minutes, an offline one
at least 45), so nothing is lost to rounding on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

MINUTE_MS = 60_000


class Modality(StrEnum):
    ONLINE = "online"
    OFFLINE = "offline"


class Kind(StrEnum):
    THEORY = "theory"
    PRACTICE = "practice"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """How milliseconds become 学时, and how much of theory may be online. Dated data; named in each record."""

    version: str
    online_hour_ms: int
    offline_hour_ms: int
    online_theory_percent: int
    """At most this share of the outline's theory may be online."""


AQ8011_2023 = RuleSet("cn-aq8011-2023", 30 * MINUTE_MS, 45 * MINUTE_MS, 70)
"""AQ 8011-2023, in force from 2024-07-01 (RULES 2.2)."""

_VERSION = re.compile(r"hours-(\d{1,3})-(\d{1,3})-(\d{1,3})")


def rule_set(online_minutes: int, offline_minutes: int, online_theory_percent: int) -> RuleSet:
    """The rule set of dated rows; its version says its values, so that `named` finds them again without the rows."""
    found = RuleSet(
        f"hours-{online_minutes}-{offline_minutes}-{online_theory_percent}",
        online_minutes * MINUTE_MS,
        offline_minutes * MINUTE_MS,
        online_theory_percent,
    )
    return AQ8011_2023 if replace(found, version=AQ8011_2023.version) == AQ8011_2023 else found


def named(rules: str) -> RuleSet:
    """The rule set that a judgement names first: `cn-aq8011-2023; ...` or `hours-45-45-70; ...`."""
    found = _VERSION.fullmatch(rules.partition(";")[0].strip())
    return rule_set(*map(int, found.groups())) if found else AQ8011_2023


@dataclass(frozen=True, slots=True)
class Amount:
    """Credited time of one kind and modality: one row of the ledger's sum."""

    modality: Modality
    kind: Kind
    ms: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Credited time of one person under one outline, in milliseconds."""

    online_theory_ms: int = 0
    offline_theory_ms: int = 0
    offline_practice_ms: int = 0


def tally(amounts: Iterable[Amount]) -> Tally:
    """Add up; practice done online counts for nothing (AQ 8011-2023: practice offline only)."""
    sums = dict.fromkeys(((m, k) for m in Modality for k in Kind), 0)
    for amount in amounts:
        sums[amount.modality, amount.kind] += amount.ms
    return Tally(
        online_theory_ms=max(0, sums[Modality.ONLINE, Kind.THEORY]),
        offline_theory_ms=max(0, sums[Modality.OFFLINE, Kind.THEORY]),
        offline_practice_ms=max(0, sums[Modality.OFFLINE, Kind.PRACTICE]),
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What a tally is worth against required hours, in millionths of a 学时 (whole numbers)."""

    theory: int
    theory_if_all_online_counted: int
    practice: int


MICRO = 1_000_000


def standing(done: Tally, *, required_theory: int, rules: RuleSet) -> Standing:
    """Theory counts as min(online, share of required) + offline (RULES 4(b)); required in whole 学时."""
    online = done.online_theory_ms * MICRO // rules.online_hour_ms
    offline = done.offline_theory_ms * MICRO // rules.offline_hour_ms
    most_online = required_theory * MICRO * rules.online_theory_percent // 100
    return Standing(
        theory=min(online, most_online) + offline,
        theory_if_all_online_counted=online + offline,
        practice=done.offline_practice_ms * MICRO // rules.offline_hour_ms,
    )


@dataclass(frozen=True, slots=True)
class Missing:
    """What is still asked, in millionths of a 学时; theory by where it can be learned."""

    classroom: int
    """Theory that only the classroom gives: what may be online is full, or does not reach."""
    theory: int
    """Theory beside that; it may be learned online."""
    practice: int


def missing(done: Tally, *, required_theory: int, required_practice: int, rules: RuleSet) -> Missing:
    """What is short of the hours asked: together exactly what `standing` lacks."""
    found = standing(done, required_theory=required_theory, rules=rules)
    short = max(0, required_theory * MICRO - found.theory)
    most_online = required_theory * MICRO * rules.online_theory_percent // 100
    online_left = max(0, most_online - done.online_theory_ms * MICRO // rules.online_hour_ms)
    online = min(short, online_left)
    return Missing(short - online, online, max(0, required_practice * MICRO - found.practice))


def shown_tenths(ms: int, hour_ms: int) -> int:
    """学时 for display, in tenths, rounded down once (RULES 4(b) "rounding")."""
    return ms * 10 // hour_ms


def as_text(tenths: int) -> str:
    """Tenths of a 学时 as text: 616 -> '61.6'."""
    return f"{tenths // 10}.{tenths % 10}"
