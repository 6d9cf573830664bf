"""The rules of MODEL 1.2, one row each. Times in milliseconds; the sitting is opened at T."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span
from elearn.tracking.verifier import (
    REFUSAL_CLASS,
    Credited,
    DayUse,
    LearnerState,
    Ordering,
    Refusal,
    RefusalClass,
    Refused,
    Report,
    SittingState,
    UnitState,
    Verdict,
    apply,
    days_touched,
    sequence,
    server_time,
)

T = 1_767_574_800_000  # 2026-01-05 09:00 in Shanghai
TODAY, TOMORROW = date(2026, 1, 5), date(2026, 1, 6)
MIDNIGHT = T + 15 * 3_600_000
HOUR = 3_600_000
D = 600_000
POLICY = Policy()


def a_report(**only: int) -> Report:
    """Fifteen seconds from the start, made and sent 15 s after opening."""
    values = {"seq": 1, "a_ms": 0, "b_ms": 15_000, "cm_ms": 15_000, "play_ms": 15_000, "hidden_ms": 0} | only
    return Report(**{"sent_cm_ms": values["cm_ms"]} | values)


def a_sitting(**only: Any) -> SittingState:
    values: dict[str, Any] = {
        "opened_ms": T,
        "cm_open_ms": 0,
        "e_ms": T,
        "carry_ms": 0,
        "last_cm_ms": 0,
        "seq": 0,
        "gap_late_ms": 0,
        "ended_ms": None,
    }
    return SittingState(**values | only)


def a_learner(**only: Any) -> LearnerState:
    values: dict[str, Any] = {"tau_ms": T, "held": False, "pending_ms": 0, "days": {}}
    return LearnerState(**values | only)


def a_unit(**only: Any) -> UnitState:
    values: dict[str, Any] = {"duration_ms": D, "frontier_ms": 0, "known": (), "delivered": (Span(0, D),)}
    return UnitState(**values | only)


def judge(
    report: Report | None = None,
    *,
    after_ms: int = 15_000,
    sitting: SittingState | None = None,
    learner: LearnerState | None = None,
    unit: UnitState | None = None,
    policy: Policy = POLICY,
) -> Verdict:
    """The verdict on `report` heard `after_ms` after the opening."""
    return apply(
        report or a_report(),
        tau_ms=T + after_ms,
        sitting=sitting or a_sitting(),
        learner=learner or a_learner(),
        unit=unit or a_unit(),
        policy=policy,
    )


def outcome(verdict: Verdict) -> list[tuple[int, int, str]]:
    """Every stretch with what became of it, in the order of the media."""
    believed = [(c.span.start_ms, c.span.end_ms, "late" if c.late else "ok") for c in verdict.credited]
    return sorted(believed + [(r.span.start_ms, r.span.end_ms, str(r.reason)) for r in verdict.refused])


HALF_SEEN = a_unit(frontier_ms=10_000, known=(Span(0, 10_000),))
ISLAND = a_unit(frontier_ms=5_000, known=(Span(0, 5_000), Span(10_000, 20_000)))

ROWS: list[tuple[str, dict[str, Any], list[tuple[int, int, str]]]] = [
    ("real-time playing of delivered media is believed", {}, [(0, 15_000, "ok")]),
    ("a claim of nothing has no outcome", {"report": a_report(b_ms=0)}, []),
    # range
    ("before the beginning", {"report": a_report(a_ms=-1)}, [(-1, 15_000, "OUT_OF_RANGE")]),
    ("backwards", {"report": a_report(a_ms=9, b_ms=8)}, [(9, 8, "OUT_OF_RANGE")]),
    (
        "DELTA beyond the end is rounding, and not media",
        {"report": a_report(a_ms=0, b_ms=16_000, play_ms=16_000), "unit": a_unit(duration_ms=15_000)},
        [(0, 15_000, "ok")],
    ),
    (
        "one millisecond more is out of range",
        {"report": a_report(a_ms=0, b_ms=16_001), "unit": a_unit(duration_ms=15_000)},
        [(0, 16_001, "OUT_OF_RANGE")],
    ),
    # the client's clock
    ("a clock CLK_SLACK and EPS ahead", {"report": a_report(cm_ms=17_150)}, [(0, 15_000, "ok")]),
    ("one millisecond further ahead", {"report": a_report(cm_ms=17_151)}, [(0, 15_000, "CLOCK_FAST")]),
    (
        "which counts from a zero of its own",
        {"report": a_report(cm_ms=97_150), "sitting": a_sitting(cm_open_ms=80_000, last_cm_ms=80_000)},
        [(0, 15_000, "ok")],
    ),
    (
        "and not from ours",
        {"report": a_report(cm_ms=97_151), "sitting": a_sitting(cm_open_ms=80_000, last_cm_ms=80_000)},
        [(0, 15_000, "CLOCK_FAST")],
    ),
    (
        "a clock that stood still since the last report",
        {"report": a_report(cm_ms=15_000, play_ms=1_000, b_ms=1_000), "sitting": a_sitting(last_cm_ms=15_000)},
        [(0, 1_000, "ok")],
    ),
    (
        "a clock that went back",
        {"report": a_report(cm_ms=14_999, play_ms=0, b_ms=500), "sitting": a_sitting(last_cm_ms=15_000)},
        [(0, 500, "CLOCK_FAST")],
    ),
    (
        "playing for RATE_SLACK longer than the clock went",
        {"report": a_report(play_ms=15_000), "sitting": a_sitting(last_cm_ms=1_000)},
        [(0, 15_000, "ok")],
    ),
    (
        "playing for more than that",
        {"report": a_report(play_ms=15_001), "sitting": a_sitting(last_cm_ms=1_000)},
        [(0, 15_000, "CLOCK_FAST")],
    ),
    # age
    (
        "72 hours old",
        {"report": a_report(sent_cm_ms=15_000 + 72 * HOUR), "after_ms": 15_000 + 72 * HOUR},
        [(0, 15_000, "late")],
    ),
    (
        "a millisecond older",
        {"report": a_report(sent_cm_ms=15_001 + 72 * HOUR), "after_ms": 15_001 + 72 * HOUR},
        [(0, 15_000, "TOO_LATE")],
    ),
    # rate and budget
    (
        "RATE_SLACK more media than playing: possible, but no time to pay for it",
        {"report": a_report(b_ms=16_150)},
        [(0, 15_150, "ok"), (15_150, 16_150, "OVER_BUDGET")],
    ),
    ("a millisecond more", {"report": a_report(b_ms=16_151)}, [(0, 16_151, "RATE")]),
    (
        "what was left over pays",
        {"report": a_report(b_ms=16_000), "sitting": a_sitting(carry_ms=850)},
        [(0, 16_000, "ok")],
    ),
    (
        "at most CARRY is left over",
        {
            "report": a_report(b_ms=40_000, play_ms=40_000, cm_ms=40_000),
            "sitting": a_sitting(carry_ms=99_000, e_ms=T + 35_000),
            "after_ms": 40_000,
        },
        [(0, 35_050, "ok"), (35_050, 40_000, "OVER_BUDGET")],
    ),
    (
        "heard after another player took over: time before that counts",
        {"sitting": a_sitting(ended_ms=T + 10_000)},
        [(0, 10_100, "ok"), (10_100, 15_000, "SUPERSEDED")],
    ),
    (
        "no time at all is left of a sitting that ended",
        {"sitting": a_sitting(ended_ms=T)},
        [(0, 15_000, "SUPERSEDED")],
    ),
    # what does not count
    ("a glance of HIDDEN_GRACE", {"report": a_report(hidden_ms=3_000)}, [(0, 15_000, "ok")]),
    ("hidden for longer", {"report": a_report(hidden_ms=3_001)}, [(0, 15_000, "HIDDEN")]),
    ("held by a failed check", {"learner": a_learner(held=True)}, [(0, 15_000, "PRESENCE_REQUIRED")]),
    ("DELTA ahead of the frontier", {"report": a_report(a_ms=1_000)}, [(1_000, 15_000, "ok")]),
    ("further ahead", {"report": a_report(a_ms=1_001)}, [(1_001, 15_000, "FORWARD_SEEK")]),
    (
        "media that was handed out up to a point",
        {"unit": a_unit(delivered=(Span(0, 6_000), Span(12_000, 18_000)))},
        [(0, 6_000, "ok"), (6_000, 15_000, "NOT_DELIVERED")],
    ),
    # once only
    ("seen before", {"unit": HALF_SEEN}, [(0, 10_000, "ALREADY_CREDITED"), (10_000, 15_000, "ok")]),
    (
        "nothing new",
        {"unit": a_unit(frontier_ms=20_000, known=(Span(0, 20_000),))},
        [(0, 15_000, "ALREADY_CREDITED")],
    ),
    (
        "a hole is filled",
        {"unit": ISLAND},
        [(0, 5_000, "ALREADY_CREDITED"), (5_000, 10_000, "ok"), (10_000, 15_000, "ALREADY_CREDITED")],
    ),
    # late
    (
        "sent 45 s after it was made: in time",
        {"report": a_report(sent_cm_ms=60_000), "after_ms": 60_000},
        [(0, 15_000, "ok")],
    ),
    (
        "a millisecond more: late",
        {"report": a_report(sent_cm_ms=60_001), "after_ms": 60_001},
        [(0, 15_000, "late")],
    ),
    (
        "one report of 45 s",
        {"report": a_report(b_ms=45_000, play_ms=45_000, cm_ms=45_000), "after_ms": 45_000},
        [(0, 45_000, "ok")],
    ),
    (
        "one long report after a silence is no better than a queue: late",
        {"report": a_report(b_ms=45_001, play_ms=45_001, cm_ms=45_001), "after_ms": 45_001},
        [(0, 45_001, "late")],
    ),
    (
        "a gap brings in GAP_MAX at most",
        {
            "report": a_report(sent_cm_ms=90_000),
            "after_ms": 90_000,
            "sitting": a_sitting(gap_late_ms=890_000),
        },
        [(0, 10_000, "late"), (10_000, 15_000, "OFFLINE_LIMIT")],
    ),
    (
        "a day brings in LATE_DAY at most",
        {
            "report": a_report(sent_cm_ms=90_000),
            "after_ms": 90_000,
            "learner": a_learner(days={TODAY: DayUse(3_590_000, 3_590_000)}),
        },
        [(0, 10_000, "late"), (10_000, 15_000, "OFFLINE_LIMIT")],
    ),
    (
        "late limits leave reports in time alone",
        {"learner": a_learner(days={TODAY: DayUse(3_600_000, 3_600_000)})},
        [(0, 15_000, "ok")],
    ),
    # caps
    (
        "the day is full",
        {"learner": a_learner(days={TODAY: DayUse(28_795_000)})},
        [(0, 5_000, "ok"), (5_000, 15_000, "DAY_CAP")],
    ),
    (
        "what the day brought on site takes of the same cap",
        {"learner": a_learner(days={TODAY: DayUse(1_000, 0, 28_794_000)})},
        [(0, 5_000, "ok"), (5_000, 15_000, "DAY_CAP")],
    ),
    (
        "at most PEND_MAX waits for a check",
        {"learner": a_learner(pending_ms=899_999)},
        [(0, 1, "ok"), (1, 15_000, "PRESENCE_REQUIRED")],
    ),
    (
        "behind a full cap nothing more is taken, wherever it lies",
        {"unit": ISLAND, "learner": a_learner(pending_ms=898_000), "report": a_report(b_ms=15_000)},
        [
            (0, 5_000, "ALREADY_CREDITED"),
            (5_000, 7_000, "ok"),
            (7_000, 10_000, "PRESENCE_REQUIRED"),
            (10_000, 15_000, "ALREADY_CREDITED"),
        ],
    ),
]


@pytest.mark.parametrize(("rule", "facts", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_verdict(rule: str, facts: dict[str, Any], expected: list[tuple[int, int, str]]) -> None:
    assert outcome(judge(**facts)) == expected, rule


def test_the_first_broken_rule_gives_the_reason() -> None:
    """Everything is wrong at once; mended one by one, the reasons come in the model's order."""
    policy = replace(POLICY, late_age_ms=100_000)
    report = a_report(a_ms=200_000, b_ms=D + 9_999, cm_ms=999_999, play_ms=1_000, sent_cm_ms=10**9, hidden_ms=10_000)
    learner = a_learner(held=True)
    unit = a_unit(delivered=())
    seen = []
    mend: list[dict[str, int]] = [
        {"b_ms": 230_000},
        {"cm_ms": 15_000},
        {"sent_cm_ms": 15_000},
        {"play_ms": 30_000, "cm_ms": 30_000, "sent_cm_ms": 30_000},
        {"hidden_ms": 0},
    ]
    for step in [{}, *mend]:
        report = replace(report, **step)
        seen.append(str(judge(report, after_ms=200_000, unit=unit, learner=learner, policy=policy).refused[0].reason))
    learner = a_learner()
    seen.append(str(judge(report, after_ms=200_000, unit=unit, learner=learner, policy=policy).refused[0].reason))
    unit = replace(unit, frontier_ms=200_000)
    seen.append(str(judge(report, after_ms=200_000, unit=unit, learner=learner, policy=policy).refused[0].reason))
    assert seen == [
        "OUT_OF_RANGE",
        "CLOCK_FAST",
        "TOO_LATE",
        "RATE",
        "HIDDEN",
        "PRESENCE_REQUIRED",
        "FORWARD_SEEK",
        "NOT_DELIVERED",
    ]


@pytest.mark.parametrize(
    ("reason", "report"),
    [
        ("OUT_OF_RANGE", a_report(a_ms=-1)),
        ("CLOCK_FAST", a_report(cm_ms=99_999)),
        ("RATE", a_report(b_ms=300_000)),
    ],
)
def test_a_refused_report_forfeits_its_time(reason: str, report: Report) -> None:
    refused = judge(report)
    assert [part.reason for part in refused.refused] == [reason]
    assert refused.sitting.e_ms == T + 15_000
    assert refused.sitting.carry_ms == 0
    after = judge(a_report(seq=2, cm_ms=15_100, play_ms=1_000, b_ms=1_000), sitting=refused.sitting, after_ms=15_100)
    assert after.credited_ms == 101


def test_hidden_playing_spends_its_time() -> None:
    assert judge(a_report(hidden_ms=9_000)).sitting.carry_ms == 150


def test_the_state_after_a_report() -> None:
    verdict = judge(a_report(seq=7, cm_ms=15_200, b_ms=14_000), after_ms=15_500)
    assert verdict.sitting == a_sitting(e_ms=T + 15_500, carry_ms=15_655 - 14_000, last_cm_ms=15_200, seq=7)
    assert verdict.learner == a_learner(tau_ms=T + 15_500, pending_ms=14_000, days={TODAY: DayUse(14_000, 0)})
    assert verdict.frontier_ms == 14_000


def test_an_impossible_clock_is_not_remembered() -> None:
    assert judge(a_report(cm_ms=99_999)).sitting.last_cm_ms == 0
    assert judge(a_report(b_ms=99_999)).sitting.last_cm_ms == 15_000


def test_late_credit_is_counted_for_the_gap_and_the_day() -> None:
    verdict = judge(a_report(sent_cm_ms=90_000), after_ms=90_000)
    assert verdict.sitting.gap_late_ms == 15_000
    assert verdict.learner.days == {TODAY: DayUse(15_000, 15_000)}
    assert verdict.sitting.e_ms == T + 15_000


def test_a_report_in_time_begins_a_new_gap() -> None:
    full = a_sitting(gap_late_ms=POLICY.gap_max_ms)
    assert judge(sitting=full).sitting.gap_late_ms == 0
    assert judge(a_report(b_ms=0), sitting=full).sitting.gap_late_ms == 0
    late = judge(a_report(sent_cm_ms=90_000), after_ms=90_000, sitting=full)
    assert late.sitting.gap_late_ms == POLICY.gap_max_ms


def test_playing_is_placed_where_the_client_waited_but_never_before_the_last_report() -> None:
    made_at_15_sent_at_95 = a_report(sent_cm_ms=95_000)
    assert judge(made_at_15_sent_at_95, after_ms=95_000).sitting.e_ms == T + 15_000
    later = a_sitting(e_ms=T + 40_000)
    assert judge(made_at_15_sent_at_95, after_ms=95_000, sitting=later).sitting.e_ms == T + 40_000


def test_a_client_cannot_place_its_playing_in_the_future() -> None:
    assert judge(a_report(sent_cm_ms=-(10**9))).sitting.e_ms == T + 15_000


def test_filling_a_hole_moves_the_frontier_over_what_lies_behind_it() -> None:
    assert judge(unit=ISLAND).frontier_ms == 20_000


def test_the_frontier_goes_over_a_hole_of_delta_and_no_longer_one() -> None:
    assert judge(unit=a_unit(known=(Span(16_000, 20_000),))).frontier_ms == 20_000
    assert judge(unit=a_unit(known=(Span(16_001, 20_000),))).frontier_ms == 15_000


@pytest.mark.parametrize(
    ("rule", "heard_ms", "play_ms", "expected"),
    [
        ("wholly before midnight", 0, 15_000, [(0, 15_000, TODAY)]),
        ("wholly after", 15_000, 15_000, [(0, 15_000, TOMORROW)]),
        ("two thirds before", 5_000, 15_000, [(0, 10_000, TODAY), (10_000, 15_000, TOMORROW)]),
        ("by share of playing, not of media", 5_000, 30_000, [(0, 12_500, TODAY), (12_500, 15_000, TOMORROW)]),
        ("rounded down to a whole millisecond", 5_000, 14_500, [(0, 9_827, TODAY), (9_827, 15_000, TOMORROW)]),
    ],
)
def test_midnight(rule: str, heard_ms: int, play_ms: int, expected: list[tuple[int, int, date]]) -> None:
    opened = MIDNIGHT - 100_000
    sitting = a_sitting(opened_ms=opened, e_ms=opened)
    tau_ms = MIDNIGHT + heard_ms
    report = a_report(cm_ms=tau_ms - opened, play_ms=play_ms)
    verdict = apply(report, tau_ms=tau_ms, sitting=sitting, learner=a_learner(), unit=a_unit(), policy=POLICY)
    assert [(c.span.start_ms, c.span.end_ms, c.on) for c in verdict.credited] == expected, rule
    assert set(verdict.learner.days) == {on for _, _, on in expected}
    assert set(days_touched(tau_ms, report, sitting, POLICY)) >= set(verdict.learner.days)


def test_playing_of_no_length_belongs_to_the_day_it_stands_on() -> None:
    after_ms = MIDNIGHT - T
    verdict = judge(a_report(play_ms=0, b_ms=500), after_ms=after_ms)
    assert [c.on for c in verdict.credited] == [TOMORROW]


def test_a_full_day_does_not_fill_the_next_one_first() -> None:
    opened = MIDNIGHT - 100_000
    verdict = apply(
        a_report(cm_ms=105_000),
        tau_ms=MIDNIGHT + 5_000,
        sitting=a_sitting(opened_ms=opened, e_ms=opened),
        learner=a_learner(days={TODAY: DayUse(POLICY.day_cap_ms)}),
        unit=a_unit(),
        policy=POLICY,
    )
    assert verdict.credited == ()
    assert {r.reason for r in verdict.refused} == {Refusal.DAY_CAP}


def test_a_wild_playing_time_touches_no_day_before_the_sitting() -> None:
    wild = a_report(play_ms=10**15)
    assert days_touched(T + 15_000, wild, a_sitting(), POLICY) == (TODAY,)


def test_the_day_is_that_of_the_policys_zone() -> None:
    utc = replace(POLICY, zone="UTC")
    late_evening_in_london = MIDNIGHT + HOUR - T
    verdict = judge(a_report(), after_ms=late_evening_in_london, policy=utc)
    assert [c.on for c in verdict.credited] == [TODAY]


def test_rate_above_one_buys_more_media() -> None:
    fast = replace(POLICY, rate_max_permille=1_250)
    assert judge(a_report(b_ms=18_750), policy=fast).credited_ms == 18_750
    assert judge(a_report(b_ms=19_937), policy=fast).credited_ms == 18_937  # floor(15 000 x 1.2625)


def test_server_time_never_runs_backwards() -> None:
    assert server_time(T - 3_000, a_learner()) == T
    assert server_time(T + 1, a_learner()) == T + 1
    assert judge(after_ms=15_000, learner=a_learner(tau_ms=T + 20_000)).learner.tau_ms == T + 20_000


@pytest.mark.parametrize(
    ("rule", "stored", "seq", "held", "expected"),
    [
        ("the next one is applied", None, 6, 0, Ordering.APPLY),
        ("the next one is applied however many wait", None, 6, 64, Ordering.APPLY),
        ("the same again is acknowledged", b"x", 5, 0, Ordering.DUPLICATE),
        ("another under the same number is a fork", b"y", 5, 0, Ordering.FORK),
        ("a number that was passed without a report is a fork", None, 0, 0, Ordering.FORK),
        ("one that waits already is acknowledged", b"x", 9, 1, Ordering.DUPLICATE),
        ("another under the number of one that waits is a fork", b"y", 9, 1, Ordering.FORK),
        ("one after the next waits", None, 7, 0, Ordering.HOLD),
        ("REORDER ahead waits", None, 69, 0, Ordering.HOLD),
        ("further ahead does not", None, 70, 0, Ordering.TOO_FAR),
        ("no more than REORDER wait", None, 7, 64, Ordering.TOO_FAR),
    ],
)
def test_ordering(rule: str, stored: bytes | None, seq: int, held: int, expected: Ordering) -> None:
    assert sequence(5, stored, seq, b"x", held, POLICY) is expected, rule


def test_every_code_has_its_class_and_only_ignored_ones_have_none() -> None:
    assert set(REFUSAL_CLASS) == set(Refusal)
    assert {r for r, c in REFUSAL_CLASS.items() if c is None} == {Refusal.DUPLICATE, Refusal.ALREADY_CREDITED}
    assert {c for c in REFUSAL_CLASS.values() if c} == set(RefusalClass)
    assert len(RefusalClass) == 7


def test_verdicts_are_values() -> None:
    assert judge() == judge()
    assert judge().credited == (Credited(Span(0, 15_000), TODAY, late=False),)
    assert judge(a_report(hidden_ms=9_000)).refused == (Refused(Span(0, 15_000), Refusal.HIDDEN),)
