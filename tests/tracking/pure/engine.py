"""A whole server of watching in memory, built from the pure functions alone.

It holds what the real one keeps in its database: learners, units, sittings, deliveries, believed and final
spans, day counters. No locks, no signatures beyond "which key", no clock of its own: `now_ms` is passed in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from elearn.tracking import pacing, presence
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span, frontier_ms, intersect, merge, subtract, total_ms
from elearn.tracking.verifier import (
    Credited,
    DayUse,
    LearnerState,
    Ordering,
    Refusal,
    Report,
    SittingState,
    UnitState,
    Verdict,
    apply,
    days_touched,
    sequence,
    server_time,
)


@dataclass(frozen=True)
class Piece:
    """One believed piece of media."""

    learner: str
    unit: str
    span: Span
    on: date
    late: bool
    e_ms: int
    credited_at_ms: int


@dataclass
class Sitting:
    """One open player and the reports that wait for their turn."""

    sid: str
    learner: str
    unit: str
    device: str
    state: SittingState
    digests: dict[int, bytes] = field(default_factory=dict)
    held: dict[int, tuple[Report, int]] = field(default_factory=dict)


@dataclass
class Learner:
    """One learner's row; `days` is the whole calendar, of which each report sees only what it may touch."""

    tau_ms: int = 0
    held: bool = False
    days: dict[date, DayUse] = field(default_factory=dict)


@dataclass(frozen=True)
class Applied:
    """One report that reached the verifier, with what it met: for the properties."""

    sitting: str
    report: Report
    tau_ms: int
    before: tuple[Span, ...]
    delivered: tuple[Span, ...]
    frontier_before_ms: int
    verdict: Verdict


class Engine:
    """The watching server of one policy. Units are name -> duration in milliseconds.

    With `paced` off every key is given to the live sitting at once: I1-I7 must hold without MODEL 1.8.
    """

    def __init__(self, policy: Policy, units: dict[str, int], *, paced: bool = True) -> None:
        self.paced = paced
        self.policy = policy
        self.units = units
        self.learners: defaultdict[str, Learner] = defaultdict(Learner)
        self.sittings: dict[str, Sitting] = {}
        self.known: defaultdict[tuple[str, str], tuple[Span, ...]] = defaultdict(tuple)
        self.delivered: defaultdict[tuple[str, str], tuple[Span, ...]] = defaultdict(tuple)
        self.frontiers: dict[tuple[str, str], tuple[tuple[Span, ...], int]] = {}
        self.first_given: dict[tuple[str, str, int], int] = {}
        self.pending: list[Piece] = []
        self.pending_of: Counter[str] = Counter()
        self.final: list[Piece] = []
        self.reasons: Counter[str] = Counter()
        self.applied: list[Applied] = []

    # -- what a player may ask

    def frontier_ms(self, learner: str, unit: str) -> int:
        """F(L,u), counted anew when K(L,u) is another."""
        known = self.known[learner, unit]
        counted, frontier = self.frontiers.get((learner, unit), ((), 0))
        if counted is not known:
            frontier = frontier_ms(known, bridge_ms=self.policy.delta_ms)
            self.frontiers[learner, unit] = known, frontier
        return frontier

    def pending_ms(self, learner: str) -> int:
        """|Pend(L)|."""
        return self.pending_of[learner]

    def live(self, learner: str) -> list[Sitting]:
        """The sittings of this learner that are not ended: one at most (I4)."""
        return [s for s in self.sittings.values() if s.learner == learner and s.state.ended_ms is None]

    def open(
        self, sid: str, learner: str, unit: str, device: str, *, cm_ms: int, now_ms: int, skew_ms: int = 0
    ) -> None:
        """A new sitting; the newest wins. `skew_ms` of the client's wall clock is never an input."""
        tau_ms = self._tau(learner, now_ms)
        for other in self.live(learner):
            other.state = replace(other.state, ended_ms=tau_ms)
        state = SittingState(
            opened_ms=tau_ms,
            cm_open_ms=cm_ms,
            e_ms=tau_ms,
            carry_ms=0,
            last_cm_ms=cm_ms,
            seq=0,
            gap_late_ms=0,
            ended_ms=None,
        )
        self.sittings[sid] = Sitting(sid, learner, unit, device, state)

    def close(self, sid: str, *, now_ms: int) -> None:
        """The player says good-bye."""
        sitting = self.sittings[sid]
        if sitting.state.ended_ms is None:
            sitting.state = replace(sitting.state, ended_ms=self._tau(sitting.learner, now_ms))

    def message(
        self, sid: str, reports: Sequence[Report], *, key: str | None, now_ms: int, length_ms: int | None = None
    ) -> None:
        """Reports that arrive together; the duration is the server's own, whatever `length_ms` says."""
        for report in reports:
            self.report(sid, report, key=key, now_ms=now_ms)

    def report(self, sid: str, report: Report, *, key: str | None, now_ms: int) -> None:
        """One report arrives; `key` is the device it is signed by, None for the right one."""
        sitting = self.sittings.get(sid)
        if sitting is None:
            self.reasons[Refusal.BAD_TOKEN] += 1
            return
        if key is not None and key != sitting.device:
            self.reasons[Refusal.BAD_SIGNATURE] += 1
            return
        tau_ms = self._tau(sitting.learner, now_ms)
        digest = repr(replace(report, sent_cm_ms=0)).encode()  # sent_cm is the envelope's, not the statement's
        stored = sitting.digests.get(report.seq)
        order = sequence(sitting.state.seq, stored, report.seq, digest, len(sitting.held), self.policy)
        match order:
            case Ordering.DUPLICATE:
                self.reasons[Refusal.DUPLICATE] += 1
            case Ordering.FORK:
                self.reasons[Refusal.FORK] += 1
            case Ordering.TOO_FAR:
                self.reasons[Refusal.SEQ_TOO_FAR] += 1
            case Ordering.HOLD:
                sitting.digests[report.seq] = digest
                sitting.held[report.seq] = (report, tau_ms)
            case Ordering.APPLY:
                sitting.digests[report.seq] = digest
                self._apply(sitting, report, tau_ms)
                while (waiting := sitting.held.pop(sitting.state.seq + 1, None)) is not None:
                    self._apply(sitting, *waiting)

    def key(self, sid: str, block: Span, *, now_ms: int) -> pacing.KeyDecision:
        """One key request; giving the key is the delivery."""
        sitting = self.sittings[sid]
        learner, unit = sitting.learner, sitting.unit
        tau_ms = self._tau(learner, now_ms)
        decision = pacing.key_decision(
            block,
            tau_ms=tau_ms,
            sitting=sitting.state,
            learner=self._learner_state(learner, (self.policy.day(tau_ms),)),
            covered_ms=total_ms(self.known[learner, unit]),
            frontier_ms=self.frontier_ms(learner, unit),
            delivered=not subtract(block, self.delivered[learner, unit]),
            duration_ms=self.units[unit],
            policy=self.policy,
        )
        if not self.paced and isinstance(decision, pacing.Wait):
            decision = pacing.Given(new=True)
        if decision == pacing.Given(new=True):
            self.delivered[learner, unit] = merge([*self.delivered[learner, unit], block])
            self.first_given[learner, unit, block.start_ms] = tau_ms
        return decision

    def licence(self, sid: str) -> None:
        """Download for offline study: every key at once."""
        sitting = self.sittings[sid]
        duration_ms = self.units[sitting.unit]
        self.delivered[sitting.learner, sitting.unit] = (Span(0, duration_ms),)

    def presence(self, learner: str, *, passed: bool, now_ms: int) -> None:
        """A check was passed, failed or timed out."""
        tau_ms = self._tau(learner, now_ms)
        mine = [p for p in self.pending if p.learner == learner]
        settled = presence.settle(mine, passed, tau_ms, self.policy)
        self.pending = [p for p in self.pending if p.learner != learner]
        self.pending_of[learner] = 0
        self.final += settled.final
        for piece, reason in settled.removed:
            self.reasons[reason] += 1
            where = (learner, piece.unit)
            self.known[where] = merge(part for known in self.known[where] for part in subtract(known, [piece.span]))
        self.learners[learner].held = settled.held

    # -- inside

    def _tau(self, learner: str, now_ms: int) -> int:
        row = self.learners[learner]
        row.tau_ms = server_time(now_ms, LearnerState(row.tau_ms, row.held, 0, {}))
        return row.tau_ms

    def _learner_state(self, learner: str, days: tuple[date, ...]) -> LearnerState:
        row = self.learners[learner]
        loaded = {day: row.days[day] for day in days if day in row.days}
        return LearnerState(row.tau_ms, row.held, self.pending_ms(learner), loaded)

    def _apply(self, sitting: Sitting, report: Report, tau_ms: int) -> None:
        where = (sitting.learner, sitting.unit)
        known = self.known[where]
        frontier = self.frontier_ms(*where)
        touched = days_touched(tau_ms, report, sitting.state, self.policy)
        verdict = apply(
            report,
            tau_ms=tau_ms,
            sitting=sitting.state,
            learner=self._learner_state(sitting.learner, touched),
            # Exactly the window the verifier asks for, so that asking for too little would show.
            unit=UnitState(
                duration_ms=self.units[sitting.unit],
                frontier_ms=frontier,
                known=[s for s in known if s.end_ms > min(report.a_ms, frontier)],
                delivered=intersect(Span(report.a_ms, report.b_ms), self.delivered[where]),
            ),
            policy=self.policy,
        )
        self.applied.append(Applied(sitting.sid, report, tau_ms, known, self.delivered[where], frontier, verdict))
        sitting.state = verdict.sitting
        row = self.learners[sitting.learner]
        assert set(verdict.learner.days) <= set(touched)
        row.days.update(verdict.learner.days)
        for refused in verdict.refused:
            self.reasons[refused.reason] += 1
        if verdict.credited:
            self.known[where] = merge([*known, *(c.span for c in verdict.credited)])
        self.pending += [self._piece(sitting, c, tau_ms) for c in verdict.credited]
        self.pending_of[sitting.learner] += verdict.credited_ms
        assert verdict.frontier_ms == self.frontier_ms(*where)

    def _piece(self, sitting: Sitting, credited: Credited, tau_ms: int) -> Piece:
        return Piece(
            learner=sitting.learner,
            unit=sitting.unit,
            span=credited.span,
            on=credited.on,
            late=credited.late,
            e_ms=sitting.state.e_ms,
            credited_at_ms=tau_ms,
        )
