"""MODEL 1.3, I1-I8, and the property of 1.8: 3,000 random streams of an adversary, every law after each (laws.py)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from elearn.tracking.spans import Span, merge, total_ms
from elearn.tracking.verifier import LearnerState, Refusal, Report, SittingState, UnitState, apply
from tests.tracking.pure.adversary import MIDNIGHT, POLICY, Adversary, Backlog, Check, Claim, Open, Stream, stream_of
from tests.tracking.pure.laws import LAWS
from tests.tracking.pure.seeds import batches, named, shortest

STREAMS = 3_000
CLOCKS = 3_000
MET = set(Refusal) - {Refusal.BAD_TOKEN, Refusal.BAD_SIGNATURE, Refusal.STALE, Refusal.SEQ_TOO_FAR}
MET -= {reason for reason in Refusal if reason.value in ("NOT_SHOWN", "IDLE")}
"""What streams must bring about: not the door's, not longer queues than they have, not units made of pages."""


def broken_law(stream: Stream) -> str | None:
    """The first law that does not hold after `stream`, or what went wrong in the middle of it."""
    law_name = "the engine"
    try:
        after = Adversary(stream)
        for law in LAWS:
            law_name = law.__name__
            law(after)
    except (AssertionError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        return f"{law_name}: {type(error).__name__} {error}"
    return None


def minimised(stream: Stream) -> Stream:
    """The stream with the fewest of its moves after which any law is still broken."""
    moves = shortest(stream.moves, lambda some: broken_law(replace(stream, moves=tuple(some))) is not None)
    return replace(stream, moves=moves)


@pytest.mark.parametrize("seeds", batches(STREAMS, 250), ids=named)
def test_no_stream_breaks_a_law(seeds: range) -> None:
    for seed in seeds:
        stream = stream_of(seed)
        broken = broken_law(stream)
        if broken is not None:
            pytest.fail(f"seed {seed}: {broken}\nshortest: {minimised(stream)!r}")


def test_streams_reach_what_the_laws_are_about() -> None:
    """Streams that earn nothing, or meet no rule, would prove nothing."""
    reasons: Counter[str] = Counter()
    credited, late, final, applied = 0, 0, 0, 0
    for seed in range(400):
        engine = Adversary(stream_of(seed)).engine
        reasons += engine.reasons
        applied += len(engine.applied)
        for one in engine.applied:
            credited += bool(one.verdict.credited)
            late += any(piece.late for piece in one.verdict.credited)
        final += len(engine.final)
    assert {reason for reason in MET if reasons[reason] < 10} == set()
    assert credited > applied // 5
    assert late > 100
    assert final > 500


def test_a_seed_is_the_same_stream_every_time() -> None:
    assert stream_of(7) == stream_of(7)
    assert stream_of(7) != stream_of(8)


def test_what_broke_is_told_as_short_as_it_can_be() -> None:
    assert shortest([1, 2, 3, 4, 5, 6, 7], lambda some: {2, 6} <= set(some)) == (2, 6)
    assert shortest([1, 2, 3], lambda some: True) == ()
    assert shortest([1], lambda some: 1 in some) == (1,)


def test_a_stream_without_checks_stops_at_what_may_be_pending() -> None:
    """One stream by hand, to read how they run: minutes of watching, nothing confirmed in time, nothing final."""
    after = Adversary(Stream("free", moves=(Claim(30_000),) * 4 + (Open("V"), Backlog(8), Check(True))))
    assert after.most_pending_ms == POLICY.pend_max_ms
    assert sum(piece.span.length_ms for piece in after.engine.final) == POLICY.pend_max_ms
    assert after.engine.reasons[Refusal.PRESENCE_REQUIRED]


# -- I8: one report with any numbers at all


@pytest.mark.parametrize("seeds", batches(CLOCKS, 1_000), ids=named)
def test_i8_the_clients_clock_can_only_lose(seeds: range) -> None:
    for seed in seeds:
        wild_report(Random(seed))


def wild_report(random: Random) -> None:
    def wild() -> int:
        return random.randint(-(10**13), 10**13) if random.random() < 0.4 else random.randint(-5_000, 70_000)

    report = Report(1, random.randint(-10, 3_000), random.randint(-10, 120_000), wild(), wild(), wild(), wild())
    if random.random() < 0.6:  # else hardly any report is possible at all
        length_ms = max(0, report.b_ms - report.a_ms)
        report = replace(report, play_ms=length_ms + random.randint(-1_000, 1_000), hidden_ms=0)
    elapsed_ms, used_ms = random.randint(0, 100_000), random.randint(0, 100_000)
    ended_after_ms = random.choice([None, random.randint(0, 100_000)])
    carry_ms, late_ms = random.randint(0, 60_000), random.randint(0, 60_000)
    opened_ms = MIDNIGHT - 50_000
    limit_ms = opened_ms + min(elapsed_ms, elapsed_ms if ended_after_ms is None else ended_after_ms)
    sitting = SittingState(
        opened_ms=opened_ms,
        cm_open_ms=0,
        e_ms=min(opened_ms + used_ms, limit_ms),
        carry_ms=carry_ms,
        last_cm_ms=min(used_ms, limit_ms - opened_ms),
        seq=0,
        gap_late_ms=late_ms,
        ended_ms=None if ended_after_ms is None else opened_ms + ended_after_ms,
    )
    verdict = apply(
        report,
        tau_ms=opened_ms + elapsed_ms,
        sitting=sitting,
        learner=LearnerState(opened_ms, False, 0, {}),
        unit=UnitState(120_000, 2_000, (Span(0, 2_000),), (Span(0, 120_000),)),
        policy=replace(POLICY, pend_max_ms=900_000),
    )
    assert sitting.e_ms <= verdict.sitting.e_ms <= limit_ms
    real_ms = POLICY.worth_ms(limit_ms - sitting.e_ms) + min(carry_ms, POLICY.carry_max_ms)
    assert verdict.credited_ms + verdict.sitting.carry_ms <= real_ms
    # Every claimed millisecond within the unit has exactly one outcome.
    told = [c.span for c in verdict.credited] + [r.span for r in verdict.refused]
    if not any(r.reason is Refusal.OUT_OF_RANGE for r in verdict.refused):
        assert merge(told) == merge([Span(report.a_ms, min(report.b_ms, 120_000))])
        assert sum(s.length_ms for s in told) == total_ms(told)
    if verdict.sitting.last_cm_ms == report.cm_ms and report.cm_ms > sitting.last_cm_ms:
        # A clock further on takes from the next report what it gave to this one.
        assert report.cm_ms <= POLICY.clock_limit_ms(elapsed_ms)
