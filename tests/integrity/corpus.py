"""A corpus file, read and judged. Pure: no clock, no network, no knowledge of single cases."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from elearn.tracking.policy import Policy
from tests.tracking.pure.script import CHECK_AT_MS, Script, ms, policy_of

DAY_TOLERANCE_S = 1.0


@dataclass(frozen=True)
class Case:
    """One story about watching, with what must come out of it. Seconds unless a name says otherwise."""

    id: str
    kind: str
    title: str
    units_ms: Mapping[str, int]
    policy: Policy
    auto: bool
    start_ms: int
    until_ms: int
    learner: str | None
    """Only this learner's seconds count; None: everybody's."""
    events: list[list[Any]]
    expected: Mapping[str, Any]
    lines: Sequence[int] = ()
    """Where each event stands in its file, from 1."""


@dataclass(frozen=True)
class Got:
    """What the server held when the story was over."""

    final_ms: int
    by_day_ms: tuple[int, ...]
    complete: bool
    reasons: Mapping[str, int] = field(default_factory=dict)
    differences: tuple[str, ...] = ()
    """What `ledger check` had to say about it."""


def read(path: Path) -> tuple[list[Case], list[Mapping[str, Any]]]:
    """The watching cases of a file, and the others (ledger cases), each in the file's order."""
    text = path.read_text(encoding="utf-8")
    whole, lines = yaml.safe_load(text), event_lines(text)
    default = whole.get("policy_default") or {}
    watching = [
        replace(case_of(raw, default), lines=lines[place])
        for place, raw in enumerate(whole["cases"])
        if "events" in raw
    ]
    return watching, [raw for raw in whole["cases"] if "events" not in raw]


def event_lines(text: str) -> list[list[int]]:
    """For each case of a file the lines of its events, from 1."""
    whole = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(whole, yaml.MappingNode):
        raise ValueError("a corpus is a mapping with its cases")
    [cases] = [value for key, value in whole.value if key.value == "cases"]
    found = []
    for case in cases.value:
        events = [value for key, value in case.value if key.value == "events"]
        found.append([event.start_mark.line + 1 for each in events for event in each.value])
    return found


def misread(case: Case) -> list[str]:
    """Events that are not in the vocabulary, each with its line; nothing is told of a case that has any."""
    found = []
    for place, event in enumerate(case.events):
        why = _misread(event)
        if why is not None:
            found.append(f"line {case.lines[place]}: {why}" if case.lines else why)
    return found


def _misread(event: Any) -> str | None:
    """Why this is no event; None when it is one."""
    if not isinstance(event, list) or len(event) not in (2, 3):
        return f"an event is [seconds, command, arguments], not {event!r}"
    at_s, command, arguments = (*event, {})[:3]
    if not isinstance(at_s, int | float) or not isinstance(arguments, dict):
        return f"an event is [seconds, command, arguments], not {event!r}"
    told = getattr(Script, f"do_{command}", None)
    if told is None:
        return f"the vocabulary has no command {command!r}"
    try:
        inspect.signature(told).bind(None, **arguments)
    except TypeError as error:
        return f"{command}: {error}"
    return None


def case_of(raw: Mapping[str, Any], default: Mapping[str, Any]) -> Case:
    """One watching case as it stands in the file, by the file's `policy_default`."""
    policy = policy_of({**default, **raw.get("policy", {})})
    auto = raw.get("presence", "auto") == "auto"
    # The check schedule: due at every 600 s pending, or as late as the rules allow and then as the story says.
    due_ms = min(CHECK_AT_MS if auto else policy.pend_max_ms, policy.pend_max_ms)
    return Case(
        id=str(raw["id"]),
        kind=raw["kind"],
        title=raw.get("title", ""),
        units_ms={name: ms(seconds) for name, seconds in raw["units"].items()},
        policy=replace(policy, presence_min_ms=due_ms, presence_max_ms=due_ms),
        auto=auto,
        start_ms=ms(raw.get("start", 0)),
        until_ms=ms(raw["until"]),
        learner=raw.get("learner"),
        events=raw["events"],
        expected=raw["expected"],
    )


def faults(case: Case, got: Got) -> list[str]:
    """Why `got` is not acceptable; empty when it is. Reasons are advisory and not looked at."""
    expected, found = case.expected, list(got.differences)
    low, high = accepted_s(case)
    if not low <= got.final_ms / 1_000 <= high:
        found.append(f"final seconds outside {low} to {high}")
    if "complete" in expected and got.complete is not expected["complete"]:
        found.append("complete" if got.complete else "not complete")
    if "days" in expected:
        days_s = [of_day / 1_000 for of_day in got.by_day_ms]
        near = len(days_s) == len(expected["days"]) and all(
            abs(one - other) <= DAY_TOLERANCE_S for one, other in zip(days_s, expected["days"], strict=True)
        )
        if not near:
            found.append(f"days {days_s}, not {expected['days']}")
    return found


def accepted_s(case: Case) -> tuple[float, float]:
    """Final seconds that are right: `accept`; a corpus without it means `op` and `seconds`, to a second."""
    expected = case.expected
    if "accept" in expected:
        return expected["accept"]["min_s"], expected["accept"]["max_s"]
    seconds = expected["seconds"]
    return (seconds - 1 if expected["op"] == "==" else 0), seconds + 1


def line(case: Case, got: Got, found: list[str]) -> str:
    """One line for a case: verdict, id, expected, got, reasons."""
    expected = case.expected
    low, high = accepted_s(case)
    accept = f"accept {low:g} to {high:g}"
    parts = [
        f"{'FAIL' if found else 'pass'} {case.id:<5}",
        f"expected {expected['op']} {expected['seconds']:g} ({accept})",
        f"got {got.final_ms / 1_000:g}",
        "reasons " + (" ".join(sorted(got.reasons)) or "none"),
    ]
    missing = sorted(set(expected.get("reasons", ())) - set(got.reasons))
    if missing:
        parts.append("without " + " ".join(missing))
    if found:
        parts.append("; ".join(found))
    return "  ".join(parts)
