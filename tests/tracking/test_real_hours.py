"""Above rate 1.0 media counts, unless rules count real time: then min(media, real time) does (MODEL 1.6; DESIGN 3.5).

What was watched, waits and is complete is media as ever; hours and the day's limit are in what counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.tracking import replay
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span, merge
from elearn.tracking.verifier import LearnerState, Refusal, Report, SittingState, UnitState, Verdict, _Pace, apply

T = 1_767_574_800_000  # 2026-01-05 09:00 in Shanghai
MIDNIGHT = T + 15 * 3_600_000
LONG = 36_000_000
ROOMY = replace(Policy(), pend_max_ms=LONG, rate_max_permille=1_250)
REAL = replace(ROOMY, real_hours=True)


def test_at_rate_one_the_flag_means_nothing() -> None:
    assert not replace(Policy(), real_hours=True).counts_real_time
    assert not ROOMY.counts_real_time
    assert REAL.counts_real_time


@dataclass
class Watching:
    """One sitting of a long lesson, all of it delivered, judged report by report."""

    policy: Policy
    opened_ms: int = T
    tau_ms: int = T
    verdicts: list[Verdict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sitting = SittingState(self.opened_ms, 0, self.opened_ms, 0, 0, 0, 0, None)
        self.learner = LearnerState(self.opened_ms, held=False, pending_ms=0, days={})
        self.known: tuple[Span, ...] = ()
        self.tau_ms = self.opened_ms
        self.frontier_ms = 0

    def say(
        self,
        wait_ms: int,
        media_ms: int,
        play_ms: int,
        *,
        back_ms: int = 0,
        queued_ms: int = 0,
        hidden_ms: int = 0,
        cm_ms: int | None = None,
    ) -> Verdict:
        """After `wait_ms`: a report of so much media from the frontier (or `back_ms` before it), made at `cm_ms`."""
        self.tau_ms += wait_ms
        a_ms = max(0, self.frontier_ms - back_ms)
        cm_ms = self.tau_ms - self.opened_ms if cm_ms is None else cm_ms
        report = Report(self.sitting.seq + 1, a_ms, a_ms + media_ms, cm_ms, play_ms, cm_ms + queued_ms, hidden_ms)
        unit = UnitState(LONG, self.frontier_ms, self.known, (Span(0, LONG),))
        state = (self.sitting, self.learner, unit)
        verdict = apply(report, tau_ms=self.tau_ms, sitting=state[0], learner=state[1], unit=unit, policy=self.policy)
        assert replay.again(report, self.tau_ms, replay.pack(*state, "digest"), self.policy) == verdict
        self.sitting, self.learner, self.frontier_ms = verdict.sitting, verdict.learner, verdict.frontier_ms
        self.known = merge((*self.known, *(one.span for one in verdict.credited)))
        self.verdicts.append(verdict)
        return verdict

    @property
    def media_ms(self) -> int:
        return sum(verdict.credited_ms for verdict in self.verdicts)

    @property
    def worth_ms(self) -> int:
        return sum(one.span.length_ms - one.excess_ms for verdict in self.verdicts for one in verdict.credited)


@pytest.mark.parametrize(
    ("rule", "policy", "wait_ms", "media_ms", "play_ms", "worth_ms"),
    [
        ("media counts unless rules say otherwise", ROOMY, 12_000, 15_000, 12_000, 15_000),
        ("real time, when they do", REAL, 12_000, 15_000, 12_000, 12_000),
        ("never more than the media: a pause is no study", REAL, 20_000, 15_000, 15_000, 15_000),
        ("never more than it took, within a report's tolerance", REAL, 20_000, 15_000, 12_000, 13_000),
        ("never more than there was, whatever the player says of itself", REAL, 12_000, 15_000, 13_000, 12_000),
        ("at rate 1.0 nothing is cut", REAL, 15_000, 15_000, 15_000, 15_000),
        ("a clock ahead of ours gains nothing", REAL, 15_000, 15_150, 15_150, 15_000),
    ],
)
def test_what_a_report_is_worth(
    rule: str, policy: Policy, wait_ms: int, media_ms: int, play_ms: int, worth_ms: int
) -> None:
    watching = Watching(policy)
    watching.say(wait_ms, media_ms, play_ms)
    assert (watching.media_ms, watching.worth_ms) == (media_ms, worth_ms), rule
    assert sum(use.used_ms for use in watching.learner.days.values()) == worth_ms


def test_a_report_that_came_late_in_its_window_leaves_real_time_for_the_next() -> None:
    watching = Watching(REAL)
    watching.say(32_000, 15_000, 12_000, cm_ms=12_000)
    assert watching.sitting.real_carry_ms == 19_000
    watching.say(0, 15_000, 12_000, cm_ms=24_000)
    assert watching.worth_ms == 13_000 + 13_000


def test_no_more_than_carry_is_left_over() -> None:
    watching = Watching(REAL)
    watching.say(600_000, 15_000, 12_000)
    watching.say(0, 0, 0)
    assert watching.sitting.real_carry_ms == REAL.carry_ms


def test_playing_again_or_hidden_takes_real_time_as_playing_does() -> None:
    watching = Watching(REAL)
    watching.say(12_000, 15_000, 12_000)
    watching.say(12_000, 15_000, 12_000, back_ms=15_000)
    watching.say(12_000, 15_000, 12_000, hidden_ms=12_000)
    assert (watching.media_ms, watching.worth_ms, watching.sitting.real_carry_ms) == (15_000, 12_000, 0)


def test_the_day_s_limit_is_of_hours_and_its_rest_is_used_up_exactly() -> None:
    watching = Watching(replace(REAL, day_cap_ms=20_000))
    watching.say(12_000, 15_000, 12_000)
    verdict = watching.say(12_000, 15_000, 12_000)
    assert [one.reason for one in verdict.refused] == [Refusal.DAY_CAP]
    assert watching.worth_ms == 20_000
    assert watching.media_ms == 25_001, "the last millisecond of hours is reached when the next would begin"
    more = watching.say(12_000, 15_000, 12_000)
    assert more.credited == (), "at the limit not even media that would be worth nothing"


def test_midnight_divides_hours_as_it_divides_media() -> None:
    watching = Watching(REAL, opened_ms=MIDNIGHT - 4_000)
    watching.say(12_000, 15_000, 12_000)
    assert [use.used_ms for use in watching.learner.days.values()] == [4_000, 8_000]
    assert [one.span.length_ms for one in watching.verdicts[0].credited] == [5_000, 10_000]


def test_late_media_is_limited_as_ever_and_counts_on_its_day_for_what_it_is_worth() -> None:
    watching = Watching(replace(REAL, gap_max_ms=20_000, late_day_ms=30_000))
    watching.say(24_000, 30_000, 24_000, queued_ms=0)
    first = watching.learner.days
    watching.tau_ms += 60_000
    watching.say(12_000, 15_000, 12_000, queued_ms=50_000)
    [use] = watching.learner.days.values()
    [before] = first.values()
    assert (use.used_ms - before.used_ms, use.late_ms) == (13_000, 13_000)
    assert watching.sitting.gap_late_ms == 15_000, "a gap is limited in media, as MODEL has it"


def test_evidence_from_before_real_time_counted_reads_as_it_was_written() -> None:
    sitting = SittingState(T, 0, T, 7, 0, 0, 0, None)
    learner, unit = LearnerState(T, held=False, pending_ms=0, days={}), UnitState(LONG, 0, (), ())
    seen = replay.pack(sitting, learner, unit, "digest")
    assert "real_carry_ms" not in seen
    assert replay.unpack(seen)[0] == sitting
    counted = replace(sitting, real_carry_ms=5)
    assert replay.unpack(replay.pack(counted, learner, unit, "digest"))[0] == counted


waits = st.sampled_from([0, 1, 999, 5_000, 11_999, 12_000, 15_000, 30_000, 46_000, 200_000]) | st.integers(0, 60_000)
moves = st.tuples(
    waits,
    st.sampled_from([0, 1, 2, 7, 1_000, 15_000, 18_750]) | st.integers(0, 80_000),
    st.sampled_from([-500, 0, 999, 12_000, 15_000, 16_000]) | st.integers(0, 60_000),
    st.sampled_from([0, 0, 0, 500, 15_000]),
    st.sampled_from([0, 0, 0, 40_000, 50_000, 300_000]),
)
rates = st.sampled_from([1_001, 1_250, 1_500, 2_000])


def told(policy: Policy, script: Sequence[tuple[int, int, int, int, int]], before_midnight_ms: int) -> Watching:
    watching = Watching(policy, opened_ms=MIDNIGHT - before_midnight_ms)
    for wait_ms, media_ms, play_ms, back_ms, queued_ms in script:
        watching.say(wait_ms, media_ms, play_ms, back_ms=back_ms, queued_ms=queued_ms)
    return watching


@given(st.lists(moves, max_size=25), rates, st.integers(0, 400_000), st.sampled_from([40_000, 28_800_000]))
def test_nothing_anybody_says_makes_hours_of_more_than_real_time_or_of_more_than_media(
    script: list[tuple[int, int, int, int, int]], rate: int, before_midnight_ms: int, day_cap_ms: int
) -> None:
    policy = replace(REAL, rate_max_permille=rate, day_cap_ms=day_cap_ms)
    watching = Watching(policy, opened_ms=MIDNIGHT - before_midnight_ms)
    for wait_ms, media_ms, play_ms, back_ms, queued_ms in script:
        verdict = watching.say(wait_ms, media_ms, play_ms, back_ms=back_ms, queued_ms=queued_ms)
        assert all(0 <= one.excess_ms <= one.span.length_ms for one in verdict.credited)
        assert watching.worth_ms <= watching.tau_ms - watching.opened_ms
    assert sum(use.used_ms for use in watching.learner.days.values()) == watching.worth_ms
    assert all(0 <= use.late_ms <= use.used_ms <= day_cap_ms for use in watching.learner.days.values())


@given(st.lists(moves, max_size=25), rates, st.integers(0, 400_000))
def test_what_is_watched_is_the_same_whatever_counts(
    script: list[tuple[int, int, int, int, int]], rate: int, before_midnight_ms: int
) -> None:
    """But for the limits of a day, which are in what counts."""
    policy = replace(ROOMY, rate_max_permille=rate, late_day_ms=LONG)
    media = told(policy, script, before_midnight_ms)
    real = told(replace(policy, real_hours=True), script, before_midnight_ms)
    assert [
        [(one.span, one.on, one.late) for one in verdict.credited] + [verdict.refused] for verdict in media.verdicts
    ] == [[(one.span, one.on, one.late) for one in verdict.credited] + [verdict.refused] for verdict in real.verdicts]
    assert media.worth_ms == media.media_ms == real.media_ms


@given(st.lists(moves, max_size=25), st.integers(0, 400_000), st.sampled_from([40_000, 28_800_000]))
def test_with_rate_one_nothing_changes(
    script: list[tuple[int, int, int, int, int]], before_midnight_ms: int, day_cap_ms: int
) -> None:
    policy = replace(ROOMY, rate_max_permille=1_000, day_cap_ms=day_cap_ms)
    media = told(policy, script, before_midnight_ms)
    real = told(replace(policy, real_hours=True), script, before_midnight_ms)
    assert media.verdicts == real.verdicts
    assert all(one.excess_ms == 0 for verdict in real.verdicts for one in verdict.credited)


@given(st.integers(1_000, 1_250), st.lists(st.integers(0, 30_000), min_size=1, max_size=60))
def test_an_honest_learner_loses_no_real_time_while_reports_are_delayed_by_no_more_than_carry(
    rate: int, delays: list[int]
) -> None:
    """Reports every 15 s, each so much later as the network has it, in order: all the time of playing is hours."""
    watching, heard_ms = Watching(REAL), 0
    for number, delay_ms in enumerate(delays, 1):
        arrives_ms = max(heard_ms, number * 15_000 + delay_ms)
        watching.say(arrives_ms - heard_ms, 15_000 * rate // 1_000, 15_000, cm_ms=number * 15_000)
        heard_ms = arrives_ms
    assert 15_000 * len(delays) <= watching.worth_ms <= min(heard_ms, watching.media_ms)


@given(
    st.integers(0, 1_000),
    st.integers(1, 200),
    st.data(),
)
def test_parts_are_worth_the_whole_and_a_limit_is_used_up_to_the_last_millisecond(
    start_ms: int, media_ms: int, data: st.DataObject
) -> None:
    pace = _Pace(start_ms, media_ms, data.draw(st.integers(0, media_ms)))
    cuts = sorted(data.draw(st.sets(st.integers(start_ms, start_ms + media_ms), max_size=5)))
    edges = [start_ms, *cuts, start_ms + media_ms]
    parts = [pace.worth_ms(Span(*edge)) for edge in pairwise(edges)]
    assert sum(parts) == pace.real_ms
    at_ms, room_ms = data.draw(st.sampled_from(edges)), data.draw(st.integers(-3, 250))
    most = min(pace.media_worth(at_ms, room_ms), start_ms + media_ms - at_ms)
    assert pace.worth_ms(Span(at_ms, at_ms + most)) <= max(0, room_ms)
    if room_ms > 0 and at_ms + most < start_ms + media_ms:
        assert pace.worth_ms(Span(at_ms, at_ms + most + 1)) > room_ms, "one more would be too much"


def test_a_limit_is_used_up_to_the_last_millisecond_at_every_pace() -> None:
    """Each small case there is: where the division comes out even is where an error would hide."""
    for media_ms in range(1, 9):
        for real_ms in range(1, media_ms + 1):
            pace = _Pace(0, media_ms, real_ms)
            for at_ms in range(media_ms):
                for room_ms in range(1, real_ms + 2):
                    fits = [n for n in range(media_ms - at_ms + 1) if pace.worth_ms(Span(at_ms, at_ms + n)) <= room_ms]
                    assert min(pace.media_worth(at_ms, room_ms), media_ms - at_ms) == fits[-1]
