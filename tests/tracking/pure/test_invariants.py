"""MODEL 1.3, I1-I8, and the property of 1.8, under random streams of an adversary near every edge.

The policy's caps are small so that short streams reach them, and the day ends two minutes in. After every move
the adversary takes each key he is given.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elearn.tracking.pacing import Given
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span, frontier_ms, intersect, merge, subtract, total_ms
from elearn.tracking.verifier import LearnerState, Refusal, Report, SittingState, UnitState, Verdict, apply
from tests.tracking.pure.engine import Engine, Sitting

MIDNIGHT = 1_767_574_800_000 + 15 * 3_600_000
POLICY = Policy(
    gap_max_ms=60_000,
    pend_max_ms=60_000,
    presence_min_ms=30_000,
    presence_max_ms=60_000,
    late_day_ms=90_000,
    late_age_ms=200_000,
    online_ms=10_000,
    pend_age_ms=100_000,
    day_cap_ms=150_000,
    block_ms=6_000,
    lead_ms=15_000,
)
UNITS = {"U": 400_000, "V": 90_000}
L = "L"

often_0 = st.sampled_from([0, 0, 0, 0])


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    ms: int


@dataclass(frozen=True)
class Claim:
    """After `wait_ms`, one report about as long as the wait, off by each of the other figures."""

    wait_ms: int
    ahead_ms: int
    longer_ms: int
    play_ms: int
    fast_ms: int
    queued_ms: int
    hidden_ms: int
    older: bool


@dataclass(frozen=True)
class Again:
    """The beginning is played again for `wait_ms`."""

    wait_ms: int


@dataclass(frozen=True)
class Crumbs:
    """Reports of one millisecond, each DELTA beyond the frontier, all at once."""

    n: int


@dataclass(frozen=True)
class Backlog:
    """Silence, then reports of 5 s spread over it."""

    n: int


@dataclass(frozen=True)
class Open:
    """Another sitting takes over."""

    unit: str


@dataclass(frozen=True)
class Close:
    """The sitting is closed."""


@dataclass(frozen=True)
class Check:
    """A presence check was passed or not."""

    passed: bool


Move = Wait | Claim | Again | Crumbs | Backlog | Open | Close | Check

waits = st.sampled_from([0, 1, 1_000, 5_000, 5_000, 10_000, 15_000, 30_000, 61_000])
claims = st.builds(
    Claim,
    wait_ms=waits,
    ahead_ms=often_0 | st.sampled_from([1, 999, 1_000, 1_001, -1, -4_000, 20_000]),
    longer_ms=often_0 | st.sampled_from([-4_000, 1, 50, 150, 1_000, 1_050, 1_150, 2_000, 30_000]),
    play_ms=often_0 | st.sampled_from([-1_000, 1_000, 1_001, 30_000, 10**9]),
    fast_ms=often_0 | st.sampled_from([2_000, 3_000, 10**9, -1_000, -(10**9)]),
    queued_ms=often_0 | st.sampled_from([5_000, 10_001, 40_000, 200_001, 10**9, -(10**9)]),
    hidden_ms=often_0 | st.sampled_from([3_000, 3_001]),
    older=st.sampled_from([False, False, False, False, False, True]),
)
plain = st.builds(
    Claim,
    wait_ms=st.sampled_from([5_000, 15_000, 30_000]),
    ahead_ms=st.just(0),
    longer_ms=st.sampled_from([0, 50, 150]),
    play_ms=st.just(0),
    fast_ms=st.just(0),
    queued_ms=st.just(0),
    hidden_ms=st.just(0),
    older=st.just(False),
)
moves = st.one_of(
    plain,
    plain,
    plain,
    claims,
    claims,
    st.builds(Wait, st.sampled_from([1, 5_000, 20_000, 60_000, 101_000, -3_000])),
    st.builds(Again, st.sampled_from([5_000, 15_000, 30_000])),
    st.builds(Crumbs, st.sampled_from([3, 40])),
    st.builds(Backlog, st.sampled_from([3, 8, 30])),
    st.builds(Open, st.sampled_from(["U", "U", "V"])),
    st.builds(Close),
    st.builds(Check, st.sampled_from([True, True, True, False])),
)


class Adversary:
    """Carries the moves out against an `Engine` and keeps what the invariants speak about."""

    def __init__(self, policy: Policy, *, paced: bool = True, greedy: bool = True) -> None:
        self.engine = Engine(policy, UNITS, paced=paced)
        self.policy = policy
        self.greedy = greedy
        self.now_ms = MIDNIGHT - 120_000
        self.sids: list[str] = []
        self.finals: list[tuple[int, int]] = []
        self.most_pending_ms = 0
        self.seqs: defaultdict[str, int] = defaultdict(int)
        self.open("U")

    @property
    def tau_ms(self) -> int:
        return max(self.now_ms, self.engine.learners[L].tau_ms)

    def open(self, unit: str) -> None:
        self.sids.append(f"s{len(self.sids)}")
        self.engine.open(self.sids[-1], L, unit, "d", cm_ms=7, now_ms=self.now_ms)

    def sitting(self, older: bool = False) -> Sitting:
        return self.engine.sittings[self.sids[-2 if older and len(self.sids) > 1 else -1]]

    def send(self, sitting: Sitting, a: int, b: int, play: int, cm: int, sent_cm: int, hidden: int) -> None:
        self.seqs[sitting.sid] += 1
        report = Report(self.seqs[sitting.sid], a, b, cm, play, sent_cm, hidden)
        self.engine.report(sitting.sid, report, key=None, now_ms=self.now_ms)

    def cm(self, sitting: Sitting) -> int:
        return self.now_ms - sitting.state.opened_ms + 7

    def take_keys(self) -> None:
        """Every key that is given, each held against the property of MODEL 1.8."""
        if not self.greedy:
            return
        sitting = self.sitting()
        duration_ms = UNITS[sitting.unit]
        for start_ms in range(0, duration_ms, self.policy.block_ms):
            block = Span(start_ms, min(start_ms + self.policy.block_ms, duration_ms))
            if not subtract(block, self.engine.delivered[L, sitting.unit]):
                continue
            if self.engine.key(sitting.sid, block, now_ms=self.now_ms) != Given(new=True):
                break
            if self.engine.paced:
                self.key_in_pace(sitting.unit, start_ms)

    def key_in_pace(self, unit: str, start_ms: int) -> None:
        policy = self.policy
        open_ms = sum(
            min(s.state.ended_ms or self.tau_ms, self.tau_ms) - s.state.opened_ms
            for s in self.engine.sittings.values()
            if s.unit == unit
        )
        covered_ms = total_ms(self.engine.known[L, unit])
        earned_ms = covered_ms + policy.carry_max_ms + policy.worth_ms(policy.gap_max_ms)
        tail_ms = policy.tail_ms(UNITS[unit])
        assert start_ms <= policy.lead_ms + tail_ms + min(policy.worth_ms(open_ms), earned_ms)

    def do(self, move: Move) -> None:
        engine = self.engine
        sitting = self.sitting()
        match move:
            case Wait(wait_ms):
                self.now_ms += wait_ms
            case Claim():
                self.now_ms += move.wait_ms
                sitting = self.sitting(move.older)
                a = engine.frontier_ms(L, sitting.unit) + move.ahead_ms
                b = max(a, a + move.wait_ms + move.longer_ms)
                made = self.cm(sitting) + move.fast_ms - max(0, move.queued_ms)
                self.send(sitting, a, b, move.wait_ms + move.play_ms, made, made + move.queued_ms, move.hidden_ms)
            case Again(wait_ms):
                self.now_ms += wait_ms
                self.send(sitting, 0, wait_ms, wait_ms, self.cm(sitting), self.cm(sitting), 0)
            case Crumbs(n):
                for _ in range(n):
                    a = engine.frontier_ms(L, sitting.unit) + self.policy.delta_ms
                    self.send(sitting, a, a + 1, 1, self.cm(sitting), self.cm(sitting), 0)
                    self.take_keys()
            case Backlog(n):
                self.now_ms += n * 5_000
                for i in range(n):
                    a = engine.frontier_ms(L, sitting.unit)
                    made = self.cm(sitting) - (n - 1 - i) * 5_000
                    self.send(sitting, a, a + 5_000, 5_000, made, self.cm(sitting), 0)
                    self.take_keys()
            case Open(unit):
                self.open(unit)
            case Close():
                engine.close(sitting.sid, now_ms=self.now_ms)
            case Check(passed):
                before = len(engine.final)
                engine.presence(L, passed=passed, now_ms=self.now_ms)
                self.finals += [(self.tau_ms, p.credited_at_ms) for p in engine.final[before:]]
        self.take_keys()
        assert len(engine.live(L)) <= 1
        self.most_pending_ms = max(self.most_pending_ms, engine.pending_ms(L))


def after(stream: list[Move], policy: Policy = POLICY, *, paced: bool = True) -> Adversary:
    """The adversary when all is done."""
    adversary = Adversary(policy, paced=paced)
    for move in stream:
        adversary.do(move)
    return adversary


streams = st.lists(moves, min_size=4, max_size=40)
thorough = settings(
    max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


def earned(adversary: Adversary) -> list[tuple[int, int]]:
    """(e, credited milliseconds) of every report, in the order of e."""
    applied = adversary.engine.applied
    return sorted((one.verdict.sitting.e_ms, one.verdict.credited_ms) for one in applied)


@thorough
@given(streams, st.booleans(), st.sampled_from([1_000, 1_250]))
def test_i1_no_stream_earns_more_than_real_time(stream: list[Move], paced: bool, rate: int) -> None:
    policy = replace(POLICY, rate_max_permille=rate)
    adversary = after(stream, policy, paced=paced)
    sittings = [s.state for s in adversary.engine.sittings.values()]
    windows_ms = sum((s.ended_ms or adversary.tau_ms) - s.opened_ms for s in sittings)
    credit = earned(adversary)
    assert sum(ms for _, ms in credit) <= policy.worth_ms(windows_ms)
    for i, (from_ms, _) in enumerate(credit):
        total = 0
        for to_ms, ms in credit[i:]:
            total += ms
            assert total <= policy.worth_ms(to_ms - from_ms) + policy.carry_max_ms + policy.gap_max_ms


@thorough
@given(streams)
def test_i1_each_sitting_earns_its_own_window_and_no_bonus(stream: list[Move]) -> None:
    adversary = after(stream, paced=False)
    by_sitting: defaultdict[str, int] = defaultdict(int)
    for one in adversary.engine.applied:
        by_sitting[one.sitting] += one.verdict.credited_ms
        state = adversary.engine.sittings[one.sitting].state
        used_ms = one.verdict.sitting.e_ms - state.opened_ms
        assert by_sitting[one.sitting] <= POLICY.worth_ms(used_ms)


@thorough
@given(streams)
def test_i2_i3_only_new_media_that_was_handed_out(stream: list[Move]) -> None:
    for one in after(stream).engine.applied:
        spans = [c.span for c in one.verdict.credited]
        assert total_ms(spans) == one.verdict.credited_ms
        for span in spans:
            assert span.length_ms > 0
            assert not intersect(span, one.before)
            assert not subtract(span, one.delivered)
            assert 0 <= span.start_ms < span.end_ms <= max(UNITS.values())


@thorough
@given(streams)
def test_i3_with_hardly_any_media_handed_out(stream: list[Move]) -> None:
    """Few keys: every second block is missing, so that claims run over the edges of S."""
    adversary = Adversary(POLICY, greedy=False)
    for unit, duration_ms in UNITS.items():
        adversary.engine.delivered[L, unit] = tuple(
            Span(at, at + 9_500) for at in range(0, duration_ms - 10_000, 10_000)
        )
    for move in stream:
        adversary.do(move)
    for one in adversary.engine.applied:
        for c in one.verdict.credited:
            assert not subtract(c.span, one.delivered)


@thorough
@given(streams)
def test_i4_sittings_do_not_overlap_and_earn_nothing_after_their_end(stream: list[Move]) -> None:
    adversary = after(stream)
    states = [adversary.engine.sittings[sid].state for sid in adversary.sids]
    for older, newer in pairwise(states):
        assert older.ended_ms is not None
        assert older.ended_ms <= newer.opened_ms
    for one in adversary.engine.applied:
        last = adversary.engine.sittings[one.sitting].state
        assert last.opened_ms <= one.verdict.sitting.e_ms <= (last.ended_ms or one.tau_ms)
        assert one.verdict.sitting.e_ms <= max(one.tau_ms, last.opened_ms)


@thorough
@given(streams)
def test_i5_each_piece_joins_what_was_credited_before(stream: list[Move]) -> None:
    engine = after(stream, paced=False).engine
    for one in engine.applied:
        known = list(one.before)
        for credited in one.verdict.credited:
            reached_ms = max((s.end_ms for s in known if s.start_ms <= credited.span.start_ms), default=0)
            assert credited.span.start_ms - reached_ms <= POLICY.delta_ms
            known.append(credited.span)
        length_ms = one.report.b_ms - one.report.a_ms
        if one.verdict.credited:
            assert length_ms <= POLICY.worth_ms(one.report.play_ms) + POLICY.rate_slack_ms
            assert one.report.hidden_ms <= POLICY.hidden_grace_ms
            assert one.report.a_ms <= one.frontier_before_ms + POLICY.delta_ms
    if not engine.reasons[Refusal.PRESENCE_EXPIRED]:
        for known_now in engine.known.values():
            assert frontier_ms(known_now, bridge_ms=POLICY.delta_ms) == max((s.end_ms for s in known_now), default=0)


@thorough
@given(streams)
def test_i6_no_day_holds_more_than_its_cap(stream: list[Move]) -> None:
    engine = after(stream, paced=False).engine
    used: defaultdict[date, int] = defaultdict(int)
    late: defaultdict[date, int] = defaultdict(int)
    for one in engine.applied:
        e_ms = one.verdict.sitting.e_ms
        for credited in one.verdict.credited:
            used[credited.on] += credited.span.length_ms
            late[credited.on] += credited.span.length_ms if credited.late else 0
            assert credited.on <= POLICY.day(e_ms)
            if one.report.play_ms > 0:
                assert credited.on >= POLICY.day(e_ms - one.report.play_ms)
            assert credited.late == (one.tau_ms - e_ms > POLICY.online_ms)
        assert one.verdict.sitting.gap_late_ms <= POLICY.gap_max_ms
    assert {d: u.used_ms for d, u in engine.learners[L].days.items() if u.used_ms} == used
    assert all(ms <= POLICY.day_cap_ms for ms in used.values())
    assert all(ms <= POLICY.late_day_ms for ms in late.values())


@thorough
@given(streams)
def test_i7_nothing_is_final_without_a_check_in_time(stream: list[Move]) -> None:
    adversary = after(stream, paced=False)
    engine = adversary.engine
    assert adversary.most_pending_ms <= POLICY.pend_max_ms
    assert all(0 <= passed - credited <= POLICY.pend_age_ms for passed, credited in adversary.finals)
    assert len(adversary.finals) == len(engine.final)
    for unit in UNITS:
        believed = [p.span for p in engine.pending + engine.final if p.unit == unit]
        assert merge(believed) == engine.known[L, unit]
        assert sum(s.length_ms for s in believed) == total_ms(believed)


@thorough
@given(streams)
def test_1_8_keys_come_no_sooner_than_watching_allows(stream: list[Move]) -> None:
    after(stream)  # each key is held against the property when it is given


@thorough
@given(st.lists(st.sampled_from([Crumbs(40), Open("U"), Wait(1_000), Check(True)]), min_size=3, max_size=12))
def test_1_8_crumbs_do_not_open_the_lesson(stream: list[Move]) -> None:
    after(stream)


repeats = st.one_of(
    st.builds(Again, st.sampled_from([15_000, 30_000])),
    st.builds(Wait, st.sampled_from([1_000, 30_000])),
    st.just(Check(True)),
    st.just(Open("U")),
)


@thorough
@given(st.lists(repeats, min_size=5, max_size=20))
def test_1_8_playing_the_beginning_again_does_not_open_the_lesson(stream: list[Move]) -> None:
    after(stream)


wild = st.integers(-(10**13), 10**13) | st.integers(-5_000, 70_000)


@settings(thorough, max_examples=600)
@given(
    report=st.builds(
        Report,
        seq=st.just(1),
        a_ms=st.integers(-10, 3_000),
        b_ms=st.integers(-10, 120_000),
        cm_ms=wild,
        play_ms=wild,
        sent_cm_ms=wild,
        hidden_ms=wild,
    ),
    elapsed_ms=st.integers(0, 100_000),
    used_ms=st.integers(0, 100_000),
    carry_ms=st.integers(0, 60_000),
    ended_after_ms=st.none() | st.integers(0, 100_000),
    late_ms=st.integers(0, 60_000),
)
def test_i8_the_clients_clock_can_only_lose(
    report: Report,
    elapsed_ms: int,
    used_ms: int,
    carry_ms: int,
    ended_after_ms: int | None,
    late_ms: int,
) -> None:
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

    def verdict_on(one: Report) -> Verdict:
        return apply(
            one,
            tau_ms=opened_ms + elapsed_ms,
            sitting=sitting,
            learner=LearnerState(opened_ms, False, 0, {}),
            unit=UnitState(120_000, 2_000, (Span(0, 2_000),), (Span(0, 120_000),)),
            policy=replace(POLICY, pend_max_ms=900_000),
        )

    verdict = verdict_on(report)
    assert sitting.e_ms <= verdict.sitting.e_ms <= limit_ms
    real_ms = POLICY.worth_ms(limit_ms - sitting.e_ms) + min(carry_ms, POLICY.carry_max_ms)
    assert verdict.credited_ms <= real_ms
    assert verdict.credited_ms + verdict.sitting.carry_ms <= real_ms
    # Every claimed millisecond within the unit has exactly one outcome.
    told = [c.span for c in verdict.credited] + [r.span for r in verdict.refused]
    if not any(r.reason is Refusal.OUT_OF_RANGE for r in verdict.refused):
        assert merge(told) == merge([Span(report.a_ms, min(report.b_ms, 120_000))])
        assert sum(s.length_ms for s in told) == total_ms(told)
    if verdict.sitting.last_cm_ms == report.cm_ms and report.cm_ms > sitting.last_cm_ms:
        # A clock further on takes from the next report what it gave to this one.
        assert report.cm_ms <= POLICY.clock_limit_ms(elapsed_ms)
