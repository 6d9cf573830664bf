"""What the pure core costs: one report numbered, judged and its state handed on, in pure Python.

    python -m bench.verifier

Ten thousand reports of one sitting, each with what the service hands in: the believed spans from the report on, its
blocks, the days it touches. The best of several runs counts: what else runs on the machine only adds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise

from bench.figures import Figure, say
from elearn.tracking.pacing import Given, key_decision
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span
from elearn.tracking.verifier import (
    LearnerState,
    Ordering,
    Report,
    SittingState,
    UnitState,
    apply,
    days_touched,
    sequence,
    server_time,
)

LIMIT_US = 60.0
SLOPE_LIMIT = 1.2
REPORTS = 10_000
RUNS = 5
OPENED_MS = 1_767_574_800_000
H_MS = 1_000
"""Reports of a second, so that ten thousand fit one sitting of less than three hours."""
POLICY = Policy(pend_max_ms=10**9, day_cap_ms=10**9)
BLOCKS = [Span(*edge) for edge in pairwise(range(0, (REPORTS + 60) * H_MS, 30_000))]


def reports() -> list[Report]:
    """An honest sitting."""
    return [
        Report(n, (n - 1) * H_MS, n * H_MS, n * H_MS, H_MS, n * H_MS, 0)  # seq, a, b, cm, play, sent_cm, hidden
        for n in range(1, REPORTS + 1)
    ]


def judge_all(said: list[Report]) -> list[float]:
    """Seconds of processor time of each thousand reports."""
    sitting = SittingState(OPENED_MS, 0, OPENED_MS, 0, 0, 0, 0, None)
    learner = LearnerState(OPENED_MS, False, 0, {})
    known: Span | None = None
    frontier_ms, took = 0, []
    begun = time.process_time()
    for report in said:
        tau_ms = server_time(OPENED_MS + report.cm_ms, learner)
        if sequence(sitting.seq, None, report.seq, b"digest", 0, POLICY) is not Ordering.APPLY:
            raise RuntimeError("an honest report is applied in turn")
        touched = days_touched(tau_ms, report, sitting, POLICY)
        days = {day: learner.days[day] for day in touched if day in learner.days}
        block = report.a_ms // 30_000
        unit = UnitState(10**8, frontier_ms, () if known is None else (known,), BLOCKS[block : block + 2])
        verdict = apply(
            report,
            tau_ms=tau_ms,
            sitting=sitting,
            learner=LearnerState(learner.tau_ms, learner.held, learner.pending_ms, days),
            unit=unit,
            policy=POLICY,
        )
        if verdict.credited_ms != H_MS:
            raise RuntimeError(f"an honest report is believed: {verdict.refused}")
        sitting, learner, frontier_ms = verdict.sitting, verdict.learner, verdict.frontier_ms
        known = Span(0, frontier_ms)
        if report.seq % 1_000 == 0:
            took.append(time.process_time() - begun)
            begun = time.process_time()
    return took


def decide_keys() -> float:
    """Seconds of processor time of as many decisions about keys."""
    sitting = SittingState(OPENED_MS, 0, OPENED_MS, 0, 0, 0, 0, None)
    learner = LearnerState(OPENED_MS, False, 0, {})
    begun = time.process_time()
    for n in range(REPORTS):
        decision = key_decision(
            BLOCKS[0],
            tau_ms=OPENED_MS + n,
            sitting=sitting,
            learner=learner,
            covered_ms=n,
            frontier_ms=n,
            delivered=False,
            duration_ms=10**8,
            policy=POLICY,
        )
        if not isinstance(decision, Given):
            raise RuntimeError("the first block is given")
    return time.process_time() - begun


def best_us(measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(RUNS)) * 1_000_000 / REPORTS


def run() -> Iterator[Figure]:
    said = reports()
    runs = [judge_all(said) for _ in range(RUNS)]
    us = min(sum(one) for one in runs) * 1_000_000 / REPORTS
    yield Figure(
        "verifier core / 60 us", us / LIMIT_US, 1.0, f"{us:.1f} us a report, {REPORTS} reports, best of {RUNS}"
    )
    first, last = min(one[0] for one in runs), min(one[-1] for one in runs)
    yield Figure(
        "verifier core, reports 9,001 to 10,000 / 1 to 1,000",
        last / first,
        SLOPE_LIMIT,
        f"{last * 1_000:.1f} us / {first * 1_000:.1f} us a report",
    )
    key_us = best_us(decide_keys)
    yield Figure("key decision / 60 us", key_us / LIMIT_US, 1.0, f"{key_us:.1f} us a key")


if __name__ == "__main__":
    raise SystemExit(say(run()))
