"""Is this claim possible? MODEL 1.2, `apply`, in its order. Pure: no I/O, no clock, no log.

Times of the server (`tau_ms`, `opened_ms`, `e_ms`, `ended_ms`) are epoch milliseconds. Times of the client
(`cm_ms`, `sent_cm_ms`, `cm_open_ms`, `last_cm_ms`) are its monotonic clock: they can only lower credit or
make a report late (I8). Media positions and lengths are whole milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from elearn.tracking import page_rules
from elearn.tracking.page_rules import Budget, Page
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span, frontier_ms, intersect, leading_covered, subtract


class Refusal(StrEnum):
    """Why an interval is not believed: MODEL's codes, for auditors and the log."""

    BAD_TOKEN = "BAD_TOKEN"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    STALE = "STALE"
    FORK = "FORK"
    SEQ_TOO_FAR = "SEQ_TOO_FAR"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    CLOCK_FAST = "CLOCK_FAST"
    TOO_LATE = "TOO_LATE"
    RATE = "RATE"
    OVER_BUDGET = "OVER_BUDGET"
    SUPERSEDED = "SUPERSEDED"
    HIDDEN = "HIDDEN"
    FORWARD_SEEK = "FORWARD_SEEK"
    NOT_DELIVERED = "NOT_DELIVERED"
    OFFLINE_LIMIT = "OFFLINE_LIMIT"
    DAY_CAP = "DAY_CAP"
    PRESENCE_REQUIRED = "PRESENCE_REQUIRED"
    PRESENCE_FAILED = "PRESENCE_FAILED"
    PRESENCE_EXPIRED = "PRESENCE_EXPIRED"
    # Of pages (DESIGN 3.6a): another page than the one shown; nothing was touched for too long.
    NOT_SHOWN = "NOT_SHOWN"
    IDLE = "IDLE"
    # Ignored rather than refused: the learner did nothing wrong and loses nothing.
    DUPLICATE = "DUPLICATE"
    ALREADY_CREDITED = "ALREADY_CREDITED"


class RefusalClass(StrEnum):
    """What a learner is told (DESIGN 3.3a): coarse on purpose, cheating tools retry on exact codes."""

    JUMPED_AHEAD = "jumped_ahead"
    TOO_FAST = "too_fast"
    PLAYING_ELSEWHERE = "playing_elsewhere"
    HIDDEN = "hidden"
    CHECK_MISSED = "check_missed"
    LIMIT_REACHED = "limit_reached"
    DEVICE_PROBLEM = "device_problem"


REFUSAL_CLASS: Mapping[Refusal, RefusalClass | None] = {
    Refusal.BAD_TOKEN: RefusalClass.DEVICE_PROBLEM,
    Refusal.BAD_SIGNATURE: RefusalClass.DEVICE_PROBLEM,
    Refusal.STALE: RefusalClass.DEVICE_PROBLEM,
    Refusal.FORK: RefusalClass.DEVICE_PROBLEM,
    Refusal.SEQ_TOO_FAR: RefusalClass.DEVICE_PROBLEM,
    Refusal.OUT_OF_RANGE: RefusalClass.DEVICE_PROBLEM,
    Refusal.CLOCK_FAST: RefusalClass.DEVICE_PROBLEM,
    Refusal.NOT_DELIVERED: RefusalClass.DEVICE_PROBLEM,
    Refusal.NOT_SHOWN: RefusalClass.DEVICE_PROBLEM,
    Refusal.RATE: RefusalClass.TOO_FAST,
    Refusal.OVER_BUDGET: RefusalClass.TOO_FAST,
    Refusal.SUPERSEDED: RefusalClass.PLAYING_ELSEWHERE,
    Refusal.HIDDEN: RefusalClass.HIDDEN,
    Refusal.IDLE: RefusalClass.HIDDEN,
    Refusal.FORWARD_SEEK: RefusalClass.JUMPED_AHEAD,
    Refusal.TOO_LATE: RefusalClass.LIMIT_REACHED,
    Refusal.OFFLINE_LIMIT: RefusalClass.LIMIT_REACHED,
    Refusal.DAY_CAP: RefusalClass.LIMIT_REACHED,
    Refusal.PRESENCE_REQUIRED: RefusalClass.CHECK_MISSED,
    Refusal.PRESENCE_FAILED: RefusalClass.CHECK_MISSED,
    Refusal.PRESENCE_EXPIRED: RefusalClass.CHECK_MISSED,
    Refusal.DUPLICATE: None,
    Refusal.ALREADY_CREDITED: None,
}
"""Every code has its class; None where the learner is told nothing."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the player claims: media [a_ms, b_ms) played at one stretch, in `play_ms` of its own clock.

    Made at `cm_ms`, sent at `sent_cm_ms`, the page hidden for `hidden_ms` of it. Any integer may stand here.
    `idle_ms`: since the learner last touched anything, when it was made; None: not said. It is about pages only.
    """

    seq: int
    a_ms: int
    b_ms: int
    cm_ms: int
    play_ms: int
    sent_cm_ms: int
    hidden_ms: int
    idle_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SittingState:
    """One open player, as the server knows it.

    `e_ms`: up to here real time has been used up; at opening `opened_ms`. `carry_ms`: media not yet spent; at
    opening 0. `last_cm_ms`: at opening `cm_open_ms`. `seq`: of the last report applied; at opening 0.
    `gap_late_ms`: credited late in the present gap. `ended_ms`: None while live. `real_carry_ms`: real time not yet
    spent, at opening 0; it stays 0 where rules do not count real time.
    """

    opened_ms: int
    cm_open_ms: int
    e_ms: int
    carry_ms: int
    last_cm_ms: int
    seq: int
    gap_late_ms: int
    ended_ms: int | None
    real_carry_ms: int = 0


@dataclass(frozen=True, slots=True)
class DayUse:
    """What one local day has brought a learner: all of it, and the part that came late.

    In what counts as hours: media, or the real time it took where rules count that.
    """

    used_ms: int = 0
    late_ms: int = 0
    attended_ms: int = 0
    """What the day brought on site. It is not watched and grows elsewhere; it only leaves less room for watching."""

    @property
    def taken_ms(self) -> int:
        """What the day's cap is about: a person has one day, here and on site."""
        return self.used_ms + self.attended_ms


@dataclass(frozen=True, slots=True)
class LearnerState:
    """What is known of the learner across units. `days` holds the `days_touched`; a missing day is unused.

    `tau_ms` is the latest server time seen (see `server_time`); `held` after a failed check, until one is passed.
    """

    tau_ms: int
    held: bool
    pending_ms: int
    days: Mapping[date, DayUse]


@dataclass(frozen=True, slots=True)
class UnitState:
    """The unit as this learner has it.

    `known` must hold every span of K(L,u) that ends after `min(report.a_ms, frontier_ms)`; `delivered` every
    part of S(L,u) that overlaps [a_ms, b_ms). More does no harm, order does not matter. After several reports
    in one transaction, add what the earlier ones credited before asking about the next. `page`: what the sitting
    shows of a unit of pages; None: the unit is a video.
    """

    duration_ms: int
    frontier_ms: int
    known: Sequence[Span]
    delivered: Sequence[Span]
    page: Page | None = None


@dataclass(frozen=True, slots=True)
class Credited:
    """Media that is believed from now on, pending a presence check, and the local day it counts on.

    `excess_ms` of it is beyond the real time it took: watched, but no hours where rules count real time; else 0.
    """

    span: Span
    on: date
    late: bool
    excess_ms: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """Media that was claimed and is not credited by this report."""

    span: Span
    reason: Refusal


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a report, and the state to store in place of the old one.

    `credited` and `refused` together are exactly the claimed media within the unit, each millisecond once;
    only a claim that is OUT_OF_RANGE is refused as it stands. A claim of nothing has neither.
    """

    credited: tuple[Credited, ...]
    refused: tuple[Refused, ...]
    sitting: SittingState
    learner: LearnerState
    frontier_ms: int

    @property
    def credited_ms(self) -> int:
        """How much media this report added."""
        return sum(c.span.length_ms for c in self.credited)


class Ordering(StrEnum):
    """What to do with a report, by its number alone."""

    APPLY = "apply"
    DUPLICATE = "duplicate"
    FORK = "fork"
    HOLD = "hold"
    TOO_FAR = "too_far"


def sequence(
    seq_seen: int, digest_seen: bytes | None, report_seq: int, digest: bytes, held_count: int, policy: Policy
) -> Ordering:
    """MODEL 1.2 `report`: apply in order, acknowledge repeats, flag two reports under one number.

    `seq_seen` is the last number applied; `digest_seen` is what is stored under `report_seq`, applied or held,
    None for nothing. `held_count` reports wait already. Numbers begin at 1. After APPLY, apply held successors.
    """
    if digest_seen is not None and digest_seen == digest:
        return Ordering.DUPLICATE
    if digest_seen is not None or report_seq <= seq_seen:
        return Ordering.FORK
    if report_seq == seq_seen + 1:
        return Ordering.APPLY
    if report_seq > seq_seen + policy.reorder or held_count >= policy.reorder:
        return Ordering.TOO_FAR
    return Ordering.HOLD


def server_time(now_ms: int, learner: LearnerState) -> int:
    """tau: the server's time, which never runs backwards for a learner even when the clock is stepped back.

    Ask once when a request arrives. A report that is held keeps the tau at which it was heard.
    """
    return max(now_ms, learner.tau_ms)


def days_touched(tau_ms: int, report: Report, sitting: SittingState, policy: Policy) -> tuple[date, ...]:
    """The local days whose counters `apply` may read or raise for this report; load these."""
    e_ms = _ended_playing(report, tau_ms, sitting)
    return tuple(day for day, _ in policy.days(_began_playing(report, e_ms, sitting), e_ms))


def apply(
    report: Report,
    *,
    tau_ms: int,
    sitting: SittingState,
    learner: LearnerState,
    unit: UnitState,
    policy: Policy,
) -> Verdict:
    """Decide about the next report in order, heard at `tau_ms` (from `server_time`)."""
    if unit.page is not None:
        policy, sitting = page_rules.at_rate_one(policy), _on_page(sitting, unit.page)
    e_ms = _ended_playing(report, tau_ms, sitting)
    window_ms = e_ms - sitting.e_ms
    carry_ms = min(sitting.carry_ms, policy.carry_max_ms)
    learner = replace(learner, tau_ms=max(learner.tau_ms, tau_ms))
    # From here on the real time is used up: a report that is refused forfeits its window.
    real_carry_ms = min(sitting.real_carry_ms, policy.carry_ms)
    sitting = replace(sitting, e_ms=e_ms, carry_ms=carry_ms, real_carry_ms=real_carry_ms, seq=report.seq)
    claimed = Span(report.a_ms, report.b_ms)

    impossible = _impossible(report, tau_ms, sitting, unit, policy)
    if impossible is not None:
        return Verdict((), _refuse(claimed, impossible, unit), sitting, learner, unit.frontier_ms)
    sitting = replace(sitting, last_cm_ms=report.cm_ms)
    untimely = _untimely(report, tau_ms, e_ms, policy)
    if untimely is not None:
        return Verdict((), _refuse(claimed, untimely, unit), sitting, learner, unit.frontier_ms)

    available_ms = carry_ms + policy.worth_ms(window_ms)
    spend_ms = min(report.b_ms - report.a_ms, available_ms)
    sitting = replace(sitting, carry_ms=available_ms - spend_ms)
    pace, sitting = _real_time_of(report, spend_ms, window_ms, sitting, policy)
    affordable = Span(report.a_ms, report.a_ms + spend_ms)
    over = Refusal.OVER_BUDGET if sitting.ended_ms is None else Refusal.SUPERSEDED
    refused = _refuse(Span(affordable.end_ms, report.b_ms), over, unit)

    barred = _barred(report, learner, unit, policy)
    if barred is not None:
        refused += _refuse(affordable, barred, unit)
        return Verdict((), refused, sitting, learner, unit.frontier_ms)

    within = Span(affordable.start_ms, min(affordable.end_ms, unit.duration_ms))
    if unit.page is not None:
        within, unread = _read(within, report, e_ms, unit.page, policy)
        refused += unread
    there = leading_covered(within, unit.delivered)
    refused += _refuse(Span(there.end_ms, within.end_ms), Refusal.NOT_DELIVERED, unit)
    refused += tuple(Refused(part, Refusal.ALREADY_CREDITED) for part in intersect(there, unit.known))

    # One long report after a silence says no more than a queue does, so it is no better than one.
    late = tau_ms - e_ms > policy.online_ms or 0 < policy.burst_ms < report.play_ms
    if not late:
        sitting = replace(sitting, gap_late_ms=0)
    began_ms = _began_playing(report, e_ms, sitting)
    pieces = _by_day(subtract(there, unit.known), claimed, began_ms, e_ms, policy)
    credited, limited, sitting, learner = _within_limits(pieces, pace, late, sitting, learner, policy)
    new_frontier_ms = frontier_ms(
        [*unit.known, *(c.span for c in credited)], bridge_ms=policy.delta_ms, from_ms=unit.frontier_ms
    )
    return Verdict(credited, refused + limited, sitting, learner, new_frontier_ms)


def _ended_playing(report: Report, tau_ms: int, sitting: SittingState) -> int:
    """e: when this playing ended, by the server's clock; never before the last one, never after the sitting."""
    limit_ms = tau_ms if sitting.ended_ms is None else min(tau_ms, sitting.ended_ms)
    queued_ms = max(0, report.sent_cm_ms - report.cm_ms)
    return max(sitting.e_ms, min(limit_ms, tau_ms - queued_ms))


def _began_playing(report: Report, e_ms: int, sitting: SittingState) -> int:
    """Where [e - play, e] begins, kept inside the sitting so that a wild `play_ms` touches no other days."""
    return min(e_ms, max(e_ms - report.play_ms, sitting.opened_ms))


def _impossible(report: Report, tau_ms: int, sitting: SittingState, unit: UnitState, policy: Policy) -> Refusal | None:
    """Claims outside the unit, and clocks that ran faster than ours; these do not move `last_cm_ms`."""
    if not 0 <= report.a_ms <= report.b_ms <= unit.duration_ms + policy.delta_ms:
        return Refusal.OUT_OF_RANGE
    if report.cm_ms - sitting.cm_open_ms > policy.clock_limit_ms(tau_ms - sitting.opened_ms):
        return Refusal.CLOCK_FAST
    ticked_ms = report.cm_ms - sitting.last_cm_ms
    if ticked_ms < 0 or report.play_ms > ticked_ms + policy.rate_slack_ms:
        return Refusal.CLOCK_FAST
    return None


def _untimely(report: Report, tau_ms: int, e_ms: int, policy: Policy) -> Refusal | None:
    """Claims older than a queue may be, or of more media than their own playing time holds."""
    if tau_ms - e_ms > policy.late_age_ms:
        return Refusal.TOO_LATE
    if report.b_ms - report.a_ms > policy.worth_ms(report.play_ms) + policy.rate_slack_ms:
        return Refusal.RATE
    return None


def _barred(report: Report, learner: LearnerState, unit: UnitState, policy: Policy) -> Refusal | None:
    """Playing that was real but does not count. Its budget is spent all the same."""
    if report.hidden_ms > policy.hidden_grace_ms:
        return Refusal.HIDDEN
    if learner.held:
        return Refusal.PRESENCE_REQUIRED
    if report.a_ms > unit.frontier_ms + policy.delta_ms:
        return Refusal.FORWARD_SEEK
    return None


def _on_page(sitting: SittingState, page: Page) -> SittingState:
    """The sitting as the next report finds it: a page that was shown since the last one has its time to itself."""
    left = page_rules.budget_on(page, sitting.seq, Budget(sitting.e_ms, sitting.carry_ms, sitting.real_carry_ms))
    return replace(sitting, e_ms=left.e_ms, carry_ms=left.carry_ms, real_carry_ms=left.real_carry_ms)


def _read(within: Span, report: Report, e_ms: int, page: Page, policy: Policy) -> tuple[Span, tuple[Refused, ...]]:
    """What of the claim was read on the page shown, by somebody who was there; and the rest, refused."""
    there = page_rules.shown_part(within, page)
    whole = Span(report.a_ms, report.b_ms)
    awake = page_rules.awake_part(whole, report.play_ms, report.idle_ms, e_ms=e_ms, page=page, policy=policy)
    read = Span(there.start_ms, min(there.end_ms, awake.end_ms))
    parts = ((Span(read.end_ms, there.end_ms), Refusal.IDLE), (Span(there.end_ms, within.end_ms), Refusal.NOT_SHOWN))
    return read, tuple(Refused(span, why) for span, why in parts if span.length_ms)


def _refuse(span: Span, reason: Refusal, unit: UnitState) -> tuple[Refused, ...]:
    """One refusal, or none for no media: what a player rounds beyond the end of the unit is not media."""
    if reason is not Refusal.OUT_OF_RANGE:
        span = Span(span.start_ms, min(span.end_ms, unit.duration_ms))
        if span.length_ms == 0:
            return ()
    return (Refused(span, reason),)


def _by_day(fresh: Sequence[Span], claimed: Span, began_ms: int, e_ms: int, policy: Policy) -> list[tuple[Span, date]]:
    """`fresh` cut at local midnight, the claimed media spread evenly over [began_ms, e_ms)."""
    pieces: list[tuple[Span, date]] = []
    start_ms = claimed.start_ms
    for day, until_ms in policy.days(began_ms, e_ms):
        if until_ms == e_ms:
            end_ms = claimed.end_ms
        else:
            end_ms = claimed.start_ms + claimed.length_ms * (until_ms - began_ms) // (e_ms - began_ms)
        pieces += [(piece, day) for piece in intersect(Span(start_ms, end_ms), fresh)]
        start_ms = end_ms
    return pieces


@dataclass(frozen=True, slots=True)
class _Pace:
    """`media_ms` of media from `from_ms` on are worth `real_ms` (no more) of hours, spread evenly."""

    from_ms: int
    media_ms: int
    real_ms: int

    def worth_ms(self, span: Span) -> int:
        """What `span` is worth; the parts of a whole are worth the whole, to the millisecond, and none its length."""
        if self.real_ms == self.media_ms:
            return span.length_ms
        return self._worth_until(span.end_ms) - self._worth_until(span.start_ms)

    def media_worth(self, start_ms: int, room_ms: int) -> int:
        """The most media from `start_ms` on that is worth at most `room_ms`; none where there is no room."""
        if self.real_ms == self.media_ms or room_ms <= 0:
            return max(0, room_ms)
        if self.real_ms == 0:
            return self.media_ms
        # The last x with x * real // media <= reached, where x counts from `from_ms`.
        reached_ms = self._worth_until(start_ms) + room_ms
        return ((reached_ms + 1) * self.media_ms - 1) // self.real_ms - (start_ms - self.from_ms)

    def _worth_until(self, at_ms: int) -> int:
        return (at_ms - self.from_ms) * self.real_ms // self.media_ms


def _real_time_of(
    report: Report, spend_ms: int, window_ms: int, sitting: SittingState, policy: Policy
) -> tuple[_Pace, SittingState]:
    """What the media spent is worth in hours: itself, or min(media, real time) where rules count that (MODEL 1.6).

    Real time is given out as the budget is: a window's once, with a carry for reports that come unevenly. What the
    player says of its own playing time can only lower it (I8), within the tolerance a report has.
    """
    if not policy.counts_real_time:
        return _Pace(report.a_ms, spend_ms, spend_ms), sitting
    there_ms = sitting.real_carry_ms + window_ms
    took_ms = min(spend_ms, there_ms, max(0, report.play_ms + policy.rate_slack_ms))
    return _Pace(report.a_ms, spend_ms, took_ms), replace(sitting, real_carry_ms=there_ms - took_ms)


def _within_limits(
    pieces: Sequence[tuple[Span, date]],
    pace: _Pace,
    late: bool,
    sitting: SittingState,
    learner: LearnerState,
    policy: Policy,
) -> tuple[tuple[Credited, ...], tuple[Refused, ...], SittingState, LearnerState]:
    """Take the pieces in order until a cap is met; what follows is ahead of the frontier then, so stop."""
    credited: list[Credited] = []
    refused: list[Refused] = []
    pending_ms, gap_late_ms, days = learner.pending_ms, sitting.gap_late_ms, dict(learner.days)
    stopped: Refusal | None = None
    for piece, day in pieces:
        if stopped is not None:
            refused.append(Refused(piece, stopped))
            continue
        use = days.get(day, DayUse())
        rooms = [
            (pace.media_worth(piece.start_ms, policy.day_cap_ms - use.taken_ms), Refusal.DAY_CAP),
            (policy.pend_max_ms - pending_ms, Refusal.PRESENCE_REQUIRED),
        ]
        if late:
            today_ms = pace.media_worth(piece.start_ms, policy.late_day_ms - use.late_ms)
            rooms.append((min(policy.gap_max_ms - gap_late_ms, today_ms), Refusal.OFFLINE_LIMIT))
        room_ms, limit = min(rooms, key=lambda room: room[0])  # the first named wins a tie
        granted_ms = min(piece.length_ms, max(0, room_ms))
        if granted_ms:
            granted = Span(piece.start_ms, piece.start_ms + granted_ms)
            worth_ms = pace.worth_ms(granted)
            credited.append(Credited(granted, day, late, granted_ms - worth_ms))
            late_ms = use.late_ms + (worth_ms if late else 0)
            days[day] = replace(use, used_ms=use.used_ms + worth_ms, late_ms=late_ms)
            pending_ms += granted_ms
            gap_late_ms += granted_ms if late else 0
        if granted_ms < piece.length_ms:
            stopped = limit
            refused.append(Refused(Span(piece.start_ms + granted_ms, piece.end_ms), limit))
    sitting = replace(sitting, gap_late_ms=gap_late_ms)
    learner = replace(learner, pending_ms=pending_ms, days=days)
    return tuple(credited), tuple(refused), sitting, learner
