"""Rules of watching as reviewed data (DESIGN 3.7): a catalogue in YAML, checked whole before any of it holds. Pure.

    rules:
      - region: everywhere      # or the six digits of GB/T 2260: the institution's; the nearest rule wins
        from: 2026-06-01
        to: 2027-05-31          # the last day; left out: until further notice
        values:                 # MODEL's names in `Policy`; what is left out has MODEL's value
          rate_max_permille: 1250
          real_hours: true

Opening a sitting asks which rule holds that day; the sitting keeps it to its end. A rule that was loaded is never
changed: it is ended, and another one begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from difflib import get_close_matches
from typing import Any
from zoneinfo import available_timezones

import yaml

from elearn.errors import DomainError
from elearn.people.identity import is_region
from elearn.tracking import reviewed
from elearn.tracking.policy import Policy

EVERYWHERE = "everywhere"
DAY_MS = 86_400_000

RANGES: dict[str, tuple[int, int]] = {
    "heartbeat_ms": (5_000, 60_000),
    "rate_max_permille": (1_000, 2_000),
    "eps_permille": (1, 50),
    "clk_slack_ms": (0, 10_000),
    "rate_slack_ms": (0, 5_000),
    "carry_ms": (0, 120_000),
    "online_ms": (15_000, 300_000),
    "burst_ms": (0, 300_000),
    "gap_max_ms": (0, 4 * 3_600_000),
    "late_day_ms": (0, DAY_MS),
    "late_age_ms": (0, 14 * DAY_MS),
    "hidden_grace_ms": (0, 15_000),
    "pend_max_ms": (60_000, 2 * 3_600_000),
    "pend_age_ms": (3_600_000, 14 * DAY_MS),
    "presence_min_ms": (30_000, 2 * 3_600_000),
    "presence_max_ms": (60_000, 2 * 3_600_000),
    "answer_ms": (15_000, 600_000),
    "answer_grace_ms": (0, 60_000),
    "code_answer_ms": (30_000, 900_000),
    "day_cap_ms": (0, DAY_MS),
    "reorder": (1, 1_024),
    # MODEL 1.8: below 15 s an honest player runs dry.
    "lead_ms": (15_000, 300_000),
    "lead_native_ms": (15_000, 300_000),
    "licence_ms": (0, 90 * DAY_MS),
    "page_idle_ms": (30_000, 3_600_000),
}
"""What a rule may say, both ends included: beyond it the rule would be a slip of the pen."""

SAME_EVERYWHERE = ("delta_ms", "tail_permille", "tail_min_ms", "block_ms")
"""Where watching has got to and when a unit is complete: pages, checks and exports of all regions must agree on that,
and blocks are cut when a lesson is packaged."""


class BadRules(DomainError):
    """A catalogue that cannot be loaded; the sentence names each thing that is wrong with it."""

    code = "bad_rules"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("%(problems)s", problems="; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Rule:
    """Values that hold in a region (None: everywhere) from one day to another, the last included (None: open)."""

    region: str | None
    effective_from: date
    effective_to: date | None
    policy: Policy

    def __str__(self) -> str:
        until = f"to {self.effective_to}" if self.effective_to else "until further notice"
        return f"{self.region or EVERYWHERE} from {self.effective_from} {until}"

    def overlaps(self, other: Rule) -> bool:
        return (
            self.region == other.region
            and (other.effective_to is None or self.effective_from <= other.effective_to)
            and (self.effective_to is None or other.effective_from <= self.effective_to)
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What loading a catalogue would do: rules to end (as they will be), rules to add, rules there already."""

    end: tuple[Rule, ...]
    add: tuple[Rule, ...]
    same: tuple[Rule, ...]


def regions_for(region: str | None) -> list[str]:
    """The regions whose rules reach `region`, nearest first: 530102, 530100, 530000."""
    return [] if region is None else list(dict.fromkeys((region, f"{region[:4]}00", f"{region[:2]}0000")))


def values_of(policy: Policy) -> list[tuple[str, Any]]:
    """Each value by its name, in the order `Policy` explains them."""
    return list(asdict(policy).items())


def read(text: str) -> list[Rule]:
    """The rules of a catalogue. Raises BadRules naming all that is wrong: form, names, values, overlaps."""
    try:
        said = reviewed.read(text)
    except yaml.YAMLError as error:
        raise BadRules([f"this is not YAML: {' '.join(str(error).split())}"]) from error
    if not isinstance(said, dict) or set(said) != {"rules"} or not isinstance(said["rules"], list):
        raise BadRules(["a catalogue is one list called rules"])
    problems: list[str] = []
    rules: list[Rule] = []
    for number, entry in enumerate(said["rules"], 1):
        found: list[str] = []
        rule = _rule(entry, found)
        problems += [f"rule {number}: {problem}" for problem in found]
        if rule is not None:
            problems += [f"rule {number}: overlaps with {earlier}" for earlier in rules if rule.overlaps(earlier)]
            rules.append(rule)
    if problems:
        raise BadRules(problems)
    return rules


def plan(loaded: Sequence[Rule], wanted: Iterable[Rule], *, today: date) -> Plan:
    """How to get from the rules that are `loaded` to where the `wanted` ones hold as well; nothing else is touched.

    Raises BadRules: a loaded rule would change, be ended before today, or be overlapped.
    """
    end: list[Rule] = []
    add: list[Rule] = []
    same: list[Rule] = []
    problems: list[str] = []
    for rule in wanted:
        there = next((one for one in loaded if _begins_as(one, rule)), None)
        if there is None:
            add.append(rule)
        elif there.policy != rule.policy:
            changed = ", ".join(name for name, *_ in differences(there.policy, rule.policy))
            problems.append(f"{there} is loaded with other values ({changed}): end it and let another one begin")
        elif there.effective_to == rule.effective_to:
            same.append(rule)
        elif there.effective_to is not None or rule.effective_to is None:
            problems.append(f"{there} has its last day already")
        elif rule.effective_to < today:
            problems.append(f"{there} cannot be ended before today, {today}")
        else:
            end.append(rule)
    after = [one for one in loaded if not any(_begins_as(one, ended) for ended in end)] + end
    problems += [f"{rule} overlaps with {other}" for rule in add for other in after if rule.overlaps(other)]
    if problems:
        raise BadRules(problems)
    return Plan(tuple(end), tuple(add), tuple(same))


def differences(before: Policy, after: Policy) -> list[tuple[str, Any, Any]]:
    """Each value that differs: its name, what it was, what it is."""
    old, new = asdict(before), asdict(after)
    return [(name, old[name], new[name]) for name in new if old[name] != new[name]]


def _begins_as(one: Rule, other: Rule) -> bool:
    return (one.region, one.effective_from) == (other.region, other.effective_from)


def _rule(entry: object, problems: list[str]) -> Rule | None:
    """One entry; what is wrong with it is added to `problems`, and then there is no rule."""
    if not isinstance(entry, dict):
        problems.append("a rule has region, from, to and values")
        return None
    for name in entry.keys() - {"region", "from", "to", "values"}:
        problems.append(f"{name!r} is no part of a rule (region, from, to, values)")
    region = str(entry.get("region", ""))
    if region != EVERYWHERE and not is_region(region):
        problems.append(f"region is {EVERYWHERE!r} or the six digits of GB/T 2260, not {region!r}")
    first, last = entry.get("from"), entry.get("to")
    # A datetime is a date to Python, and would be cut at a midnight of nobody's choice.
    if type(first) is not date:
        problems.append(f"from is a day like 2026-06-01, not {first!r}")
    if last is not None and type(last) is not date:
        problems.append(f"to is a day like 2026-06-01, not {last!r}")
    elif type(first) is date and type(last) is date and last < first:
        problems.append(f"it ends ({last}) before it begins ({first})")
    values = entry.get("values", {})
    if not isinstance(values, dict):
        problems.append("values are names with a value each")
        return None
    policy = _policy(values, problems)
    if problems or policy is None or type(first) is not date:
        return None
    return Rule(None if region == EVERYWHERE else region, first, last, policy)


def _policy(values: dict[Any, Any], problems: list[str]) -> Policy | None:
    known = {field.name: getattr(Policy(), field.name) for field in fields(Policy)}
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            near = get_close_matches(str(name), known, 1)
            problems.append(f"there is no value {name!r}" + (f"; is {near[0]} meant?" if near else ""))
            continue
        problem = _what_is_wrong(name, value, known[name])
        if problem is not None:
            problems.append(f"{name} {problem}")
        checked[name] = tuple(value) if isinstance(value, list) else value
    if problems:
        return None
    try:
        return replace(Policy(), **checked)
    except ValueError as error:
        problems.append(str(error))
        return None


def _what_is_wrong(name: str, value: object, default: object) -> str | None:
    """The end of the sentence about a value of the wrong kind or out of range; None: it will do."""
    if name in SAME_EVERYWHERE:
        return None if value == default and type(value) is type(default) else f"is {default} everywhere"
    if isinstance(default, bool):
        return None if isinstance(value, bool) else f"is true or false, not {value!r}"
    if isinstance(default, int):
        least, most = RANGES[name]
        fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return None if fits else f"is a whole number from {least} to {most}, not {value!r}"
    if isinstance(default, str):
        return None if value in available_timezones() else f"is no time zone of the IANA: {value!r}"
    words = isinstance(value, list) and all(isinstance(word, str) for word in value)
    return None if words else f"is a list of words, not {value!r}"
