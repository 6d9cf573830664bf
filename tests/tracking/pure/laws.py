"""MODEL 1.3, I1-I8, and the property of 1.8, as they must hold whatever a stream did. Each law asserts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise

from elearn.tracking.policy import Policy
from elearn.tracking.spans import frontier_ms, intersect, merge, subtract, total_ms
from elearn.tracking.verifier import Refusal
from tests.tracking.pure.adversary import UNITS, Adversary, L
from tests.tracking.pure.engine import Applied

Law = Callable[[Adversary], None]


def i1_no_more_than_real_time(after: Adversary) -> None:
    """All credit within all windows; and any stretch of time within its own length, one carry and one long report.

    MODEL's words for the last are "what one gap may bring in late (GAP_MAX)". What bounds a first report that spends
    time from before the stretch, late or not, is PEND_MAX; by default the two are one number.
    """
    policy = after.policy
    sittings = [s.state for s in after.engine.sittings.values()]
    windows_ms = sum((s.ended_ms or after.tau_ms) - s.opened_ms for s in sittings)
    credit = sorted((one.verdict.sitting.e_ms, one.verdict.credited_ms) for one in after.engine.applied)
    assert sum(ms for _, ms in credit) <= policy.worth_ms(windows_ms)
    # Of all stretches from one report to a later one the worst, in one pass: in millionths, so nothing is rounded.
    rate = policy.rate_max_permille * (1_000 + policy.eps_permille)
    allowed = 1_000_000 * (policy.carry_max_ms + policy.pend_max_ms)
    total, before = 0, -(10**30)
    for e_ms, ms in credit:
        before = max(before, rate * e_ms - 1_000_000 * total)
        total += ms
        assert 1_000_000 * total - rate * e_ms + before <= allowed


def i1_each_sitting_earns_its_own_window_and_no_bonus(after: Adversary) -> None:
    by_sitting: defaultdict[str, int] = defaultdict(int)
    for one in after.engine.applied:
        by_sitting[one.sitting] += one.verdict.credited_ms
        used_ms = one.verdict.sitting.e_ms - after.engine.sittings[one.sitting].state.opened_ms
        assert by_sitting[one.sitting] <= after.policy.worth_ms(used_ms)


def i2_once(after: Adversary) -> None:
    for one in after.engine.applied:
        spans = [credited.span for credited in one.verdict.credited]
        assert total_ms(spans) == one.verdict.credited_ms
        for span in spans:
            assert span.length_ms > 0
            assert not intersect(span, one.before)
            assert 0 <= span.start_ms < span.end_ms <= UNITS[after.engine.sittings[one.sitting].unit]


def i2_each_number_is_applied_once_and_in_turn(after: Adversary) -> None:
    last: defaultdict[str, int] = defaultdict(int)
    for one in after.engine.applied:
        last[one.sitting] += 1
        assert one.report.seq == last[one.sitting]


def i3_delivered(after: Adversary) -> None:
    for one in after.engine.applied:
        for credited in one.verdict.credited:
            assert not subtract(credited.span, one.delivered)


def i4_one_place(after: Adversary) -> None:
    """Sittings do not overlap, and playing is placed within its own."""
    assert after.most_live <= 1
    states = [after.engine.sittings[sid].state for sid in after.sids]
    for older, newer in pairwise(states):
        assert older.ended_ms is not None
        assert older.ended_ms <= newer.opened_ms
    for one in after.engine.applied:
        state = after.engine.sittings[one.sitting].state
        assert state.opened_ms <= one.verdict.sitting.e_ms <= (state.ended_ms or one.tau_ms)
        assert one.verdict.sitting.e_ms <= max(one.tau_ms, state.opened_ms)


def i5_continuous_and_in_order(after: Adversary) -> None:
    policy, engine = after.policy, after.engine
    for one in engine.applied:
        known = list(one.before)
        for credited in one.verdict.credited:
            reached_ms = max((s.end_ms for s in known if s.start_ms <= credited.span.start_ms), default=0)
            assert credited.span.start_ms - reached_ms <= policy.delta_ms
            known.append(credited.span)
        if one.verdict.credited:
            length_ms = one.report.b_ms - one.report.a_ms
            assert length_ms <= policy.worth_ms(one.report.play_ms) + policy.rate_slack_ms
            assert one.report.hidden_ms <= policy.hidden_grace_ms
            assert one.report.a_ms <= one.frontier_before_ms + policy.delta_ms
    if not engine.reasons[Refusal.PRESENCE_EXPIRED]:
        for known_now in engine.known.values():
            assert frontier_ms(known_now, bridge_ms=policy.delta_ms) == max((s.end_ms for s in known_now), default=0)


def came_late(one: Applied, policy: Policy) -> bool:
    """Heard long after it was played, or so much playing in one report that nothing was heard for long."""
    return one.tau_ms - one.verdict.sitting.e_ms > policy.online_ms or 0 < policy.burst_ms < one.report.play_ms


def i6_no_day_beyond_its_cap(after: Adversary) -> None:
    policy, engine = after.policy, after.engine
    used: defaultdict[date, int] = defaultdict(int)
    late: defaultdict[date, int] = defaultdict(int)
    for one in engine.applied:
        e_ms = one.verdict.sitting.e_ms
        for credited in one.verdict.credited:
            used[credited.on] += credited.span.length_ms
            late[credited.on] += credited.span.length_ms if credited.late else 0
            assert credited.on <= policy.day(e_ms)
            if one.report.play_ms > 0:
                assert credited.on >= policy.day(e_ms - one.report.play_ms)
            assert credited.late == came_late(one, policy)
        assert one.verdict.sitting.gap_late_ms <= policy.gap_max_ms
    assert {d: u.used_ms for d, u in engine.learners[L].days.items() if u.used_ms} == used
    assert all(ms <= policy.day_cap_ms for ms in used.values())
    assert all(ms <= policy.late_day_ms for ms in late.values())


def i6_no_gap_brings_in_more_than_gap_max(after: Adversary) -> None:
    """Between two reports heard in time, one sitting is credited GAP_MAX at most."""
    late: defaultdict[str, int] = defaultdict(int)
    for one in after.engine.applied:
        if not came_late(one, after.policy):
            late[one.sitting] = 0
        late[one.sitting] += sum(piece.span.length_ms for piece in one.verdict.credited if piece.late)
        assert late[one.sitting] <= after.policy.gap_max_ms


def i7_nothing_final_without_a_check_in_time(after: Adversary) -> None:
    policy, engine = after.policy, after.engine
    assert after.most_pending_ms <= policy.pend_max_ms
    assert all(0 <= passed - credited <= policy.pend_age_ms for passed, credited in after.finals)
    assert len(after.finals) == len(engine.final)
    for unit in UNITS:
        believed = [p.span for p in engine.pending + engine.final if p.unit == unit]
        assert merge(believed) == engine.known[L, unit]
        assert sum(s.length_ms for s in believed) == total_ms(believed)


def i8_a_clock_that_runs_ahead_earns_nothing(after: Adversary) -> None:
    """Credited reports were made within the real time since the opening, and after the one before."""
    for one in after.engine.applied:
        if one.verdict.credited:
            state = after.engine.sittings[one.sitting].state
            assert one.report.cm_ms - state.cm_open_ms <= after.policy.clock_limit_ms(one.tau_ms - state.opened_ms)
            assert one.tau_ms - one.verdict.sitting.e_ms <= after.policy.late_age_ms
            assert one.verdict.sitting.last_cm_ms == one.report.cm_ms


def keys_at_the_pace_of_watching(after: Adversary) -> None:
    """1.8, for units without a licence: b0 <= LEAD + TAIL + min(R(1+EPS) w, |K| + R CARRY + R(1+EPS) GAP_MAX)."""
    policy = after.policy
    if after.stream.keys != "paced":
        return
    for key in after.keys:
        earned_ms = key.covered_ms + policy.carry_max_ms + policy.worth_ms(policy.gap_max_ms)
        reach_ms = min(policy.worth_ms(key.open_ms), earned_ms)
        assert key.start_ms <= policy.lead_ms + policy.tail_ms(UNITS[key.unit]) + reach_ms


LAWS: Sequence[Law] = [
    i1_no_more_than_real_time,
    i1_each_sitting_earns_its_own_window_and_no_bonus,
    i2_once,
    i2_each_number_is_applied_once_and_in_turn,
    i3_delivered,
    i4_one_place,
    i5_continuous_and_in_order,
    i6_no_day_beyond_its_cap,
    i6_no_gap_brings_in_more_than_gap_max,
    i7_nothing_final_without_a_check_in_time,
    i8_a_clock_that_runs_ahead_earns_nothing,
    keys_at_the_pace_of_watching,
]
