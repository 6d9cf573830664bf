"""Pure: how the simulator behaves. A JSON file, read anew at each step, so that a test changes it while it runs.

    {"pushes":    [{"do": "error", "times": 2}, {"do": "lose_answer"}, {"do": "late", "seconds": 2}],
     "decisions": [{"do": "reject", "code": "PHOTO_MISSING", "detail": "..."}],
     "receipts":  {"times": 2, "after_s": 1, "newest_first": true, "hold": false},
     "pull": true}

Steps are taken one after the other, each `times` times (once unless told); after the last of them pushes are taken
well and records accepted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Push(StrEnum):
    """What is done with a push."""

    TAKE = "take"
    ERROR = "error"
    """500, and nothing is kept."""
    AWAY = "away"
    """503, and nothing is kept."""
    REFUSE = "refuse"
    """422, and nothing is kept."""
    GONE = "gone"
    TIME_OUT = "time_out"
    """Says nothing for `seconds`, keeps nothing, hangs up."""
    LOSE_ANSWER = "lose_answer"
    """Keeps it and hangs up."""
    LATE = "late"
    """Keeps it and answers after `seconds`."""


class Decide(StrEnum):
    ACCEPT = "accept"
    REJECT = "reject"
    NOTHING = "nothing"


class PlanRefused(ValueError):
    """The file is no plan."""


@dataclass(frozen=True, slots=True)
class PushStep:
    do: Push = Push.TAKE
    times: int = 1
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    do: Decide = Decide.ACCEPT
    times: int = 1
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Receipts:
    times: int = 1
    """How often each is sent."""
    after_s: float = 0.0
    newest_first: bool = False
    hold: bool = False
    """Send none for now."""


@dataclass(frozen=True, slots=True)
class Plan:
    pushes: tuple[PushStep, ...] = ()
    decisions: tuple[Decision, ...] = ()
    receipts: Receipts = field(default_factory=Receipts)
    pull: bool = True


def push_step(plan: Plan, number: int) -> PushStep:
    """What is done with the push of this number, from 0."""
    return _nth(plan.pushes, number) or PushStep()


def decision(plan: Plan, number: int) -> Decision:
    """What is decided about the record of this number, from 0."""
    return _nth(plan.decisions, number) or Decision()


def _nth(steps: Sequence[Any], number: int) -> Any:
    for step in steps:
        if number < step.times:
            return step
        number -= step.times
    return None


def read_plan(text: str) -> Plan:
    """Raises PlanRefused."""
    try:
        given = json.loads(text)
        return Plan(
            pushes=tuple(PushStep(**{**one, "do": Push(one["do"])}) for one in given.pop("pushes", ())),
            decisions=tuple(Decision(**{**one, "do": Decide(one["do"])}) for one in given.pop("decisions", ())),
            receipts=Receipts(**given.pop("receipts", {})),
            **given,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise PlanRefused(f"this is no plan: {error}") from error
