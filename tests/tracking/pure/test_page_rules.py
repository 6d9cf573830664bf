"""Pages (DESIGN 3.6a): the rules one row each, then the laws. Times in milliseconds; the sitting is opened at T."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.tracking import page_rules, replay
from elearn.tracking.page_rules import NOTHING_SHOWN, Budget, Page
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span, frontier_ms, merge, total_ms
from elearn.tracking.verifier import (
    REFUSAL_CLASS,
    LearnerState,
    Refusal,
    RefusalClass,
    Report,
    SittingState,
    UnitState,
    Verdict,
    apply,
)

T = 1_767_574_800_000
POLICY = Policy()
PAGES = (Span(0, 60_000), Span(60_000, 90_000), Span(90_000, 400_000))
D = 400_000
MINUTE = 60_000


def a_sitting(**only: int) -> SittingState:
    values: dict[str, int] = {"opened_ms": T, "cm_open_ms": 0, "e_ms": T, "carry_ms": 0, "last_cm_ms": 0, "seq": 0}
    return SittingState(**values | only, gap_late_ms=0, ended_ms=None)


def decide(
    page: Page | None,
    *,
    after_ms: int = 15_000,
    policy: Policy = POLICY,
    **claim: int,
) -> Verdict:
    """What becomes of a report heard `after_ms` after opening, all before page `a_ms` being believed."""
    said = {"seq": 1, "a_ms": 0, "b_ms": 15_000, "cm_ms": after_ms, "play_ms": 15_000, "hidden_ms": 0} | claim
    report = Report(**{"sent_cm_ms": said["cm_ms"], "idle_ms": 0} | said)
    return apply(
        report,
        tau_ms=T + after_ms,
        sitting=a_sitting(),
        learner=LearnerState(T, False, 0, {}),
        unit=UnitState(D, max(0, report.a_ms), [Span(0, report.a_ms)], [Span(0, D)], page),
        policy=policy,
    )


FIRST = Page(PAGES[0], T, 0)
LONG = Page(PAGES[2], T, 0)


@pytest.mark.parametrize(
    ("rule", "page", "after_ms", "claim", "credited", "refused"),
    [
        ("a page shown from the opening on counts", FIRST, 15_000, {}, (0, 15_000), None),
        ("a video has no page", None, 15_000, {}, (0, 15_000), None),
        ("nothing is shown yet", NOTHING_SHOWN, 15_000, {}, None, Refusal.NOT_SHOWN),
        ("another page is shown", LONG, 15_000, {}, None, Refusal.NOT_SHOWN),
        ("up to the border", FIRST, 15_000, {"a_ms": 50_000, "b_ms": 65_000}, (50_000, 60_000), Refusal.NOT_SHOWN),
        ("from the border on", FIRST, 15_000, {"a_ms": 60_000, "b_ms": 75_000}, None, Refusal.NOT_SHOWN),
        ("before the page", LONG, 15_000, {"a_ms": 89_000, "b_ms": 95_000}, None, Refusal.NOT_SHOWN),
        ("it was shown 5 s ago", replace(FIRST, shown_ms=T + 10_000), 15_000, {}, (0, 5_050), Refusal.OVER_BUDGET),
        ("idle as long as it may be", FIRST, 15_000, {"idle_ms": 5 * MINUTE}, (0, 15_000), None),
        ("idle for 10 s more", FIRST, 15_000, {"idle_ms": 5 * MINUTE + 10_000}, (0, 5_000), Refusal.IDLE),
        ("idle for all of it", FIRST, 15_000, {"idle_ms": 5 * MINUTE + 15_000}, None, Refusal.IDLE),
        ("a touch in the future is a touch", FIRST, 15_000, {"idle_ms": -9}, (0, 15_000), None),
        ("hidden, as everywhere", FIRST, 15_000, {"hidden_ms": 4_000}, None, Refusal.HIDDEN),
    ],
)
def test_what_of_a_report_counts_on_a_page(
    rule: str,
    page: Page | None,
    after_ms: int,
    claim: dict[str, Any],
    credited: tuple[int, int] | None,
    refused: Refusal | None,
) -> None:
    verdict = decide(page, after_ms=after_ms, **claim)
    assert [one.span for one in verdict.credited] == ([] if credited is None else [Span(*credited)]), rule
    assert [one.reason for one in verdict.refused] == ([] if refused is None else [refused]), rule


def test_what_was_left_unspent_is_gone_when_a_page_is_shown_and_only_then() -> None:
    budget = Budget(e_ms=T, carry_ms=30_000, real_carry_ms=7)
    page = Page(PAGES[1], shown_ms=T + 5_000, after_seq=4)
    assert page_rules.budget_on(page, 4, budget) == Budget(T + 5_000, 0, 0)
    assert page_rules.budget_on(page, 5, budget) == budget, "later reports on it have their carry as everywhere"
    assert page_rules.budget_on(NOTHING_SHOWN, 0, budget) == budget
    later = Budget(T + 9_000, 30_000, 0)
    assert page_rules.budget_on(page, 4, later).e_ms == T + 9_000, "time that was used up stays used up"


def test_a_page_is_read_at_rate_one_where_videos_may_go_faster() -> None:
    faster = replace(POLICY, rate_max_permille=1_250, real_hours=True)
    claim: dict[str, Any] = {"b_ms": 18_000, "play_ms": 15_000}
    assert decide(None, policy=faster, **claim).credited_ms == 18_000
    assert decide(FIRST, policy=faster, **claim).credited_ms == 0, "more than its own playing time holds"
    assert decide(FIRST, policy=faster, b_ms=16_000, play_ms=15_000).credited_ms == 15_150


def test_without_a_word_of_touches_the_last_one_was_the_turn_of_the_page() -> None:
    page = replace(LONG, shown_ms=T + 10_000)
    for after_ms, kept in ((310_000, 15_000), (320_000, 5_000), (330_000, 0)):
        report = Report(2, 100_000, 115_000, after_ms, 15_000, after_ms, 0)
        verdict = apply(
            report,
            tau_ms=T + after_ms,
            sitting=a_sitting(seq=1, e_ms=T + after_ms - 15_000, last_cm_ms=after_ms - 15_000),
            learner=LearnerState(T, False, 0, {}),
            unit=UnitState(D, 100_000, [Span(0, 100_000)], [Span(0, D)], page),
            policy=POLICY,
        )
        assert verdict.credited_ms == kept


@pytest.mark.parametrize(
    ("rule", "frontier", "covered", "delivered", "opens"),
    [
        ("nothing is read", 0, 0, False, False),
        ("all before it is believed", 60_000, 60_000, False, True),
        ("but for DELTA", 59_000, 59_000, False, True),
        ("a millisecond more is missing", 58_999, 58_999, False, False),
        ("shown before", 0, 0, True, True),
        ("crumbs carry the frontier, and open nothing", 60_000, 2_000, False, False),
    ],
)
def test_when_a_page_may_be_shown(rule: str, frontier: int, covered: int, delivered: bool, opens: bool) -> None:
    may = page_rules.may_show(
        PAGES[1], frontier_ms=frontier, covered_ms=covered, duration_ms=D, policy=POLICY, delivered=delivered
    )
    assert may is opens, rule
    assert page_rules.may_show(PAGES[0], frontier_ms=0, covered_ms=0, duration_ms=D, policy=POLICY, delivered=False)


def test_the_codes_of_pages_have_their_classes() -> None:
    assert REFUSAL_CLASS[Refusal.NOT_SHOWN] is RefusalClass.DEVICE_PROBLEM, "an honest page reports what it shows"
    assert REFUSAL_CLASS[Refusal.IDLE] is RefusalClass.HIDDEN, "it was not being read"


# -- the laws


@dataclass
class Desk:
    """One sitting of a unit of pages, driven by whatever a client says."""

    now_ms: int = T
    sitting: SittingState = field(default_factory=a_sitting)
    learner: LearnerState = field(default_factory=lambda: LearnerState(T, False, 0, {}))
    known: list[Span] = field(default_factory=list)
    shown: set[int] = field(default_factory=set)
    page: Page = NOTHING_SHOWN
    earned_since_shown_ms: int = 0

    @property
    def frontier_ms(self) -> int:
        return frontier_ms(self.known, bridge_ms=POLICY.delta_ms)

    def show(self, index: int) -> None:
        span = PAGES[index]
        may = page_rules.may_show(
            span,
            frontier_ms=self.frontier_ms,
            covered_ms=total_ms(self.known),
            duration_ms=D,
            policy=POLICY,
            delivered=index in self.shown,
        )
        if may and self.page.span != span:
            self.shown.add(index)
            self.page, self.earned_since_shown_ms = Page(span, self.now_ms, self.sitting.seq), 0

    def report(self, **claim: Any) -> Verdict:
        base = {"seq": self.sitting.seq + 1, "cm_ms": self.now_ms - T, "sent_cm_ms": self.now_ms - T, "hidden_ms": 0}
        report = Report(**{**base, **claim})
        delivered = [PAGES[index] for index in self.shown]
        unit = UnitState(D, self.frontier_ms, self.known, delivered, self.page)
        learner = replace(self.learner, pending_ms=0)
        verdict = apply(report, tau_ms=self.now_ms, sitting=self.sitting, learner=learner, unit=unit, policy=POLICY)
        seen = replay.pack(self.sitting, learner, unit, "")
        assert replay.again(report, self.now_ms, seen, POLICY) == verdict, "what was seen decides the same again"
        self.sitting, self.learner = verdict.sitting, verdict.learner
        self.known = list(merge([*self.known, *(one.span for one in verdict.credited)]))
        self.earned_since_shown_ms += verdict.credited_ms
        return verdict


moves = st.one_of(
    st.tuples(st.just("show"), st.integers(0, 2)),
    st.tuples(st.just("wait"), st.sampled_from([0, 1, 900, 15_000, 31_000, 60_000, 400_000])),
    st.tuples(
        st.just("report"),
        st.integers(-2_000, 61_000),
        st.integers(0, 61_000),
        st.integers(0, 61_000),
        st.sampled_from([0, 0, 0, 10_000, 290_000, 300_001, 310_000, None]),
        st.sampled_from([0, 0, 15_000, 60_000]),
    ),
)


@given(st.lists(moves, max_size=40))
def test_no_claims_bring_more_than_the_time_since_the_page_was_shown_nor_more_than_the_lesson(
    done: list[tuple[str, int, int, int, int | None, int]],
) -> None:
    desk = Desk()
    for move in done:
        if move[0] == "show":
            desk.show(move[1])
        elif move[0] == "wait":
            desk.now_ms += move[1]
        else:
            _, back, length, play, idle, queued = move
            start = max(0, desk.frontier_ms - back)
            cm = max(0, desk.now_ms - T - queued)
            verdict = desk.report(a_ms=start, b_ms=start + length, play_ms=play, idle_ms=idle, cm_ms=cm)
            allowed = POLICY.worth_ms(max(0, desk.now_ms - desk.page.shown_ms))
            assert desk.earned_since_shown_ms <= allowed
            assert all(
                desk.page.span.start_ms <= one.span.start_ms and one.span.end_ms <= desk.page.span.end_ms
                for one in verdict.credited
            )
            if idle is not None and idle - play >= POLICY.page_idle_ms:
                assert verdict.credited_ms == 0
    assert total_ms(desk.known) <= D
    assert total_ms(desk.known) <= POLICY.worth_ms(desk.now_ms - T)


@given(
    st.lists(
        st.tuples(st.integers(1, 15_000), st.integers(0, 8_000), st.integers(0, 20_000)), min_size=30, max_size=80
    ),
    st.integers(0, 3_000),
)
def test_an_honest_reader_loses_nothing_to_a_slow_network(
    stretches: list[tuple[int, int, int]], latency_ms: int
) -> None:
    """Each stretch: read so long, the report so long under way, then a pause. Touches happen."""
    desk, at = Desk(), 0
    for read_ms, under_way_ms, pause_ms in stretches:
        index = next((i for i, page in enumerate(PAGES) if page.start_ms <= at < page.end_ms), None)
        if index is None:
            break
        if desk.page.span != PAGES[index]:
            desk.show(index)
            assert desk.page.span == PAGES[index], "the page before is believed whole, so this one opens"
            desk.now_ms += latency_ms
        read_ms = min(read_ms, PAGES[index].end_ms - at)
        desk.now_ms += read_ms
        cm = desk.now_ms - T
        desk.now_ms += under_way_ms
        desk.report(a_ms=at, b_ms=at + read_ms, play_ms=read_ms, idle_ms=pause_ms, cm_ms=cm, sent_cm_ms=cm)
        at += read_ms
        assert desk.frontier_ms == at
        desk.now_ms += pause_ms


def test_days_are_cut_as_for_videos() -> None:
    """A page read over midnight counts on both days."""
    midnight = T + 15 * 3_600_000
    page = Page(PAGES[0], midnight - 10_000, 0)
    verdict = decide(page, after_ms=15 * 3_600_000 + 10_000, b_ms=20_000, play_ms=20_000)
    assert [(one.on, one.span) for one in verdict.credited] == [
        (date(2026, 1, 5), Span(0, 10_000)),
        (date(2026, 1, 6), Span(10_000, 20_000)),
    ]
