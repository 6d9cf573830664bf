"""Keys at the pace of watching (MODEL 1.8), one row a rule. The sitting is opened at T; blocks of 30 s."""

from __future__ import annotations

from typing import Any

import pytest

from elearn.tracking.pacing import (
    Forbidden,
    Given,
    KeyDecision,
    LicenceDecision,
    NoDownloads,
    Wait,
    key_decision,
    licence_decision,
)
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span
from elearn.tracking.verifier import DayUse
from tests.tracking.pure.test_verifier import MIDNIGHT, TODAY, TOMORROW, T, a_learner, a_sitting

NEW = Given(new=True)


def decide(start_ms: int, *, after_ms: int = 0, **only: Any) -> KeyDecision:
    """The answer to a request for the block at `start_ms`, `after_ms` after the opening."""
    values: dict[str, Any] = {
        "tau_ms": T + after_ms,
        "sitting": a_sitting(),
        "learner": a_learner(),
        "covered_ms": 0,
        "frontier_ms": 0,
        "delivered": False,
        "duration_ms": 3_600_000,
        "policy": Policy(),
    }
    return key_decision(Span(start_ms, start_ms + 30_000), **values | only)


ROWS: list[tuple[str, dict[str, Any], KeyDecision]] = [
    ("the first block at once", {"start_ms": 0}, NEW),
    ("LEAD ahead at once", {"start_ms": 30_000}, NEW),
    ("a millisecond further must wait", {"start_ms": 30_001}, Wait(1)),
    ("the wait is what is missing, in whole seconds up", {"start_ms": 34_001}, Wait(5)),
    ("exact seconds are not rounded up", {"start_ms": 34_000}, Wait(4)),
    ("the wait is one heartbeat at most", {"start_ms": 600_000}, Wait(15)),
    (
        "a faster rate shortens the wait",
        {"start_ms": 40_000, "policy": Policy(rate_max_permille=1_250)},
        Wait(8),
    ),
    ("time without a report opens the way: R (1 + EPS)", {"start_ms": 60_300, "after_ms": 30_000}, NEW),
    ("and no faster", {"start_ms": 60_301, "after_ms": 30_000}, Wait(1)),
    (
        "for GAP_MAX at most",
        {"start_ms": 30_000 + 909_000, "after_ms": 9_000_000, "policy": Policy(pend_max_ms=9_000_000)},
        NEW,
    ),
    (
        "and not beyond",
        {"start_ms": 30_000 + 909_001, "after_ms": 9_000_000, "policy": Policy(pend_max_ms=9_000_000)},
        Wait(1),
    ),
    (
        "time that a report has used up counts no more",
        {"start_ms": 30_001, "after_ms": 30_000, "sitting": a_sitting(e_ms=T + 30_000)},
        Wait(1),
    ),
    ("what a report left over counts", {"start_ms": 40_000, "sitting": a_sitting(carry_ms=10_000)}, NEW),
    (
        "up to CARRY",
        {"start_ms": 60_001, "sitting": a_sitting(carry_ms=99_000)},
        Wait(1),
    ),
    ("what is credited counts", {"start_ms": 130_000, "covered_ms": 100_000, "frontier_ms": 100_000}, NEW),
    (
        "holes count up to TAIL",
        {"start_ms": 166_000, "covered_ms": 100_000, "frontier_ms": 900_000},
        NEW,
    ),
    (
        "a frontier made of holes does not",
        {"start_ms": 166_001, "covered_ms": 100_000, "frontier_ms": 900_000},
        Wait(1),
    ),
    (
        "media beyond the frontier does not count",
        {"start_ms": 130_001, "covered_ms": 900_000, "frontier_ms": 100_000},
        Wait(1),
    ),
    (
        "held by a failed check: nothing but LEAD",
        {"start_ms": 30_001, "after_ms": 30_000, "learner": a_learner(held=True)},
        Wait(1),
    ),
    ("held: LEAD all the same", {"start_ms": 30_000, "learner": a_learner(held=True)}, NEW),
    (
        "a full day leaves LEAD",
        {"start_ms": 31_001, "after_ms": 30_000, "learner": a_learner(days={TODAY: DayUse(28_799_000)})},
        Wait(1),
    ),
    (
        "the day is the server's of now",
        {
            "start_ms": 60_300,
            "after_ms": MIDNIGHT - T,
            "sitting": a_sitting(e_ms=MIDNIGHT - 30_000),
            "learner": a_learner(days={TODAY: DayUse(28_800_000), TOMORROW: DayUse(0)}),
        },
        NEW,
    ),
    (
        "full pending leaves LEAD",
        {"start_ms": 31_001, "after_ms": 30_000, "learner": a_learner(pending_ms=899_000)},
        Wait(1),
    ),
    ("beyond its caps a day takes nothing away", {"start_ms": 30_000, "learner": a_learner(pending_ms=999_000)}, NEW),
    ("had before: always again", {"start_ms": 900_000, "delivered": True}, Given(new=False)),
    (
        "had before, and held: again",
        {"start_ms": 900_000, "delivered": True, "learner": a_learner(held=True)},
        Given(new=False),
    ),
    ("a sitting that ended gets none", {"start_ms": 0, "sitting": a_sitting(ended_ms=T)}, Forbidden()),
    (
        "not even one it had",
        {"start_ms": 0, "delivered": True, "sitting": a_sitting(ended_ms=T)},
        Forbidden(),
    ),
    ("no block of this unit", {"start_ms": 0, "duration_ms": 29_999}, Forbidden()),
    (
        "a report heard after this request takes nothing",
        {"start_ms": 30_000, "sitting": a_sitting(e_ms=T + 9_000)},
        NEW,
    ),
]


@pytest.mark.parametrize(("rule", "facts", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_key(rule: str, facts: dict[str, Any], expected: KeyDecision) -> None:
    assert decide(**facts) == expected, rule


WEEK_MS = Policy().licence_ms

LICENCES: list[tuple[str, dict[str, Any], LicenceDecision]] = [
    ("the first is new", {}, NEW),
    ("in the first half of its time it is given again", {"newest_expires_ms": T + WEEK_MS // 2 + 1}, Given(new=False)),
    ("from the half on it is renewed", {"newest_expires_ms": T + WEEK_MS // 2}, NEW),
    ("one that ran out is new", {"newest_expires_ms": T}, NEW),
    ("one that ran out long ago is new", {"newest_expires_ms": 0}, NEW),
    ("the policy may switch it off", {"policy": Policy(licence_ms=0)}, NoDownloads()),
    (
        "also where one still holds",
        {"policy": Policy(licence_ms=0), "newest_expires_ms": T + WEEK_MS},
        NoDownloads(),
    ),
    ("a sitting that ended gets none", {"ended_ms": T}, Forbidden()),
    ("not even the one that holds", {"ended_ms": T, "newest_expires_ms": T + WEEK_MS}, Forbidden()),
]


@pytest.mark.parametrize(("rule", "facts", "expected"), LICENCES, ids=[row[0] for row in LICENCES])
def test_licence(rule: str, facts: dict[str, Any], expected: LicenceDecision) -> None:
    values: dict[str, Any] = {"tau_ms": T, "ended_ms": None, "newest_expires_ms": None, "policy": Policy()}
    assert licence_decision(**values | facts) == expected, rule
