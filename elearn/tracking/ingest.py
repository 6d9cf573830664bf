"""What a player reports: stored as it came, judged, and believed as far as it is possible (MODEL 1.2 `report`).

One transaction a message: lock, read, store the statements, decide, write. It may be sent again at will: what
was decided stays decided, and an answer that was lost is given again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.courses.catalogue import UnitFacts
from elearn.db import new_id
from elearn.tracking import page_views, recording, replay
from elearn.tracking.lrs.consistency import stale_after
from elearn.tracking.lrs.statements import store as statements
from elearn.tracking.messages import Arrived
from elearn.tracking.page_rules import Page
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span, merge
from elearn.tracking.standing import Locked, UnitStanding, Waiting, read_unit
from elearn.tracking.verifier import (
    REFUSAL_CLASS,
    DayUse,
    Ordering,
    Refusal,
    Report,
    UnitState,
    Verdict,
    apply,
    sequence,
)

IGNORED = frozenset({Refusal.DUPLICATE, Refusal.ALREADY_CREDITED})


@dataclass(frozen=True, slots=True)
class Whose:
    """What every statement of a sitting must be about: the record store's keys of its actor and activity."""

    actor_key: str
    activity_key: str


@dataclass(slots=True)
class Result:
    """What became of one report, as the player is told."""

    seq: int
    id: UUID
    outcome: str
    refusal: Refusal | None = None
    credited_ms: int = 0
    late: bool = False

    def as_json(self) -> dict[str, Any]:
        told = None if self.refusal is None else REFUSAL_CLASS[self.refusal]
        return {
            "seq": self.seq,
            "id": str(self.id),
            "outcome": self.outcome,
            "class": told,
            "credited_ms": self.credited_ms,
            "late": self.late,
        }


@dataclass(slots=True)
class Desk:
    """Everything one message is decided with, and what is to be written down in the end."""

    locked: Locked
    unit: UnitStanding
    facts: UnitFacts
    policy: Policy
    nonce: str
    known: list[Span]
    days: dict[date, DayUse]
    page: Page | None
    """What the sitting shows of a unit of pages; None: the unit is a video."""
    reports: list[dict[str, Any]] = field(default_factory=list)
    spans: list[dict[str, Any]] = field(default_factory=list)
    hold: list[dict[str, Any]] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    results: dict[int, Result] = field(default_factory=dict)


def receive(
    session: Session,
    locked: Locked,
    arrived: Sequence[Arrived],
    *,
    facts: UnitFacts,
    whose: Whose,
    nonce: str,
    policy: Policy,
    heard_at: datetime,
) -> tuple[UnitStanding, list[Result]]:
    """Take a message's reports in order; answer where the unit stands now, and a result for each report.

    `locked` is the sitting under lock, its nonce for the next message already issued; `heard_at` is now.
    """
    unit = read_unit(
        session,
        locked,
        policy,
        blocks=_blocks_touched(facts, [one.report for one in arrived]),
        seqs=[one.report.seq for one in arrived],
    )
    if unit.waiting:
        # What waits may be about any part of the unit; it is rare, so it costs a second look.
        unit.blocks |= read_unit(session, locked, policy, blocks=(0, len(facts.blocks))).blocks
    proved = [_why_not_ours(one, locked, whose) is None for one in arrived]
    conflicting = _store_statements(
        session, [one for one, ours in zip(arrived, proved, strict=True) if ours], locked, unit, heard_at
    )
    page = page_views.shown(session, locked.sitting_id, facts)
    desk = Desk(locked, unit, facts, policy, nonce, list(unit.known), dict(unit.days), page)
    results = [_take(desk, one, whose, conflicting) for one in arrived]
    _write(session, desk)
    return unit, results


def _store_statements(
    session: Session, ours: Sequence[Arrived], locked: Locked, unit: UnitStanding, heard_at: datetime
) -> set[bytes]:
    """Put proved statements into the record store; answers the digests of those whose id stands for something else.

    Other bytes are something else even when xAPI calls the two equal (Data 2.3.1): what is decided about must be
    what the store keeps, else the device's signature would not fit the evidence.
    """
    if not ours:
        return set()
    outcomes = statements.insert(
        session,
        [one.checked for one in ours],
        stored_at=heard_at,
        authority=None,
        sitting_id=locked.sitting_id,
        stale_after=stale_after(),
    )
    conflicting = set()
    for one, outcome in zip(ours, outcomes, strict=True):
        repeated = isinstance(outcome, statements.Duplicate) and unit.decided.get(one.report.seq) != one.sha256
        kept = statements.get(session, one.statement_id) if repeated else None
        if isinstance(outcome, statements.ConflictingId) or (kept is not None and kept.raw != one.raw):
            conflicting.add(one.sha256)
    return conflicting


def _why_not_ours(one: Arrived, locked: Locked, whose: Whose) -> Refusal | None:
    """A report must be signed as its sitting was opened and be about its learner, its unit and itself."""
    if not one.signed_as_opened:
        return Refusal.BAD_SIGNATURE
    stated = (one.checked.actor_key, one.checked.activity_key, one.session_id)
    if stated != (whose.actor_key, whose.activity_key, str(locked.sitting_id)):
        return Refusal.BAD_TOKEN
    return None


def _take(desk: Desk, one: Arrived, whose: Whose, conflicting: set[bytes]) -> Result:
    """One report: refuse it, acknowledge it again, hold it, or decide about it and about what waited for it."""
    seq = one.report.seq
    refusal = _why_not_ours(one, desk.locked, whose)
    if refusal is not None or one.sha256 in conflicting:
        return _refuse(desk, one, refusal or Refusal.FORK, raw=one.raw)
    held = {waiting.seq: waiting.sha256 for waiting in desk.unit.waiting} if desk.unit.waiting else {}
    seen = desk.unit.decided.get(seq) or held.get(seq)
    match sequence(desk.locked.seq, seen, seq, one.sha256, len(held), desk.policy):
        case Ordering.DUPLICATE:
            return Result(seq, one.statement_id, "waiting" if seq in held else "ignored")
        case Ordering.FORK:
            return _refuse(desk, one, Refusal.FORK)
        case Ordering.TOO_FAR:
            return _refuse(desk, one, Refusal.SEQ_TOO_FAR)
        case Ordering.HOLD:
            _hold(desk, one)
            desk.results[seq] = Result(seq, one.statement_id, "waiting")
            return desk.results[seq]
    result = _decide(desk, one.report, _evidence(desk, one), desk.locked.tau_ms)
    desk.unit.decided[seq] = one.sha256
    _decide_successors(desk)
    return result


def _decide_successors(desk: Desk) -> None:
    """The gap is filled: what waited is judged now, by the time at which it was heard."""
    while desk.unit.waiting and desk.unit.waiting[0].seq == desk.locked.seq + 1:
        waiting = desk.unit.waiting.pop(0)
        result = _decide(desk, Report(**waiting.arrived["report"]), waiting.arrived["evidence"], waiting.tau_ms)
        desk.unit.decided[waiting.seq] = waiting.sha256
        desk.released.append(waiting.seq)
        told = desk.results.get(waiting.seq)
        if told is not None:  # it came in this very message: its result is no longer "waiting"
            told.outcome, told.refusal = result.outcome, result.refusal
            told.credited_ms, told.late = result.credited_ms, result.late


def _decide(desk: Desk, report: Report, evidence: Mapping[str, Any], tau_ms: int) -> Result:
    """Ask the pure core about the next report in order, and note what it said and saw."""
    locked, unit = desk.locked, desk.unit
    sitting, learner = locked.sitting_state(), locked.learner_state(desk.days)
    from_ms = min(report.a_ms, unit.frontier_ms)
    state = UnitState(
        duration_ms=desk.facts.duration_ms,
        frontier_ms=unit.frontier_ms,
        known=[span for span in desk.known if span.end_ms > from_ms],
        delivered=_delivered(desk, report),
        page=desk.page,
    )
    verdict = apply(report, tau_ms=tau_ms, sitting=sitting, learner=learner, unit=state, policy=desk.policy)
    broken = evidence["prev"] != (locked.last_digest.hex() if locked.last_digest else None)
    desk.reports.append(
        {
            **evidence,
            "tau_ms": tau_ms,
            "chain_broken": broken,
            "credited": replay.credited_rows(verdict),
            "refused": replay.refused_rows(verdict),
            "seen": replay.pack(sitting, learner, state, locked.policy),
        }
    )
    statement_id = UUID(evidence["statement_id"])
    for piece in verdict.credited:
        desk.spans.append(recording.span_row(new_id(), piece, statement_id, tau_ms))
    fresh = [piece.span for piece in verdict.credited]
    if fresh:
        desk.known = list(merge([*desk.known, *fresh]))
        unit.pending = merge([*unit.pending, *fresh])
        unit.covered_ms += verdict.credited_ms
        unit.frontier_ms = verdict.frontier_ms
        desk.days = dict(verdict.learner.days)
    locked.take(verdict.sitting, verdict.learner)
    locked.last_digest = bytes.fromhex(evidence["sha256"])
    return _told(report.seq, statement_id, verdict)


def _told(seq: int, statement_id: UUID, verdict: Verdict) -> Result:
    """The verdict in the player's words; the first real refusal gives the class."""
    real = [part.reason for part in verdict.refused if part.reason not in IGNORED]
    believed, rest = bool(verdict.credited), bool(real)
    outcome = {(True, False): "believed", (True, True): "partly", (False, True): "refused", (False, False): "ignored"}
    late = any(piece.late for piece in verdict.credited)
    return Result(seq, statement_id, outcome[believed, rest], real[0] if real else None, verdict.credited_ms, late)


def _evidence(desk: Desk, one: Arrived) -> dict[str, Any]:
    """What is kept of a report whatever is decided about it."""
    return {
        "id": str(new_id()),
        "seq": one.report.seq,
        "sha256": one.sha256.hex(),
        "prev": None if one.prev is None else one.prev.hex(),
        "sig": None if one.sig is None else one.sig.hex(),
        "nonce": desk.nonce,
        "statement_id": str(one.statement_id),
        "sent_cm_ms": one.report.sent_cm_ms,
    }


def _refuse(desk: Desk, one: Arrived, reason: Refusal, *, raw: str | None = None) -> Result:
    """Keep it as evidence; its number is not used up, so the right report may still come."""
    desk.reports.append(
        {
            **_evidence(desk, one),
            "tau_ms": desk.locked.tau_ms,
            "raw": raw,
            "refused_as": reason.value,
            "chain_broken": False,
            "credited": [],
            "refused": [],
        }
    )
    return Result(one.report.seq, one.statement_id, "refused", reason)


def _hold(desk: Desk, one: Arrived) -> None:
    """Keep a report that came before its predecessor, with the time at which it was heard."""
    report = one.report
    arrived = {
        "report": {
            "seq": report.seq,
            "a_ms": report.a_ms,
            "b_ms": report.b_ms,
            "cm_ms": report.cm_ms,
            "play_ms": report.play_ms,
            "sent_cm_ms": report.sent_cm_ms,
            "hidden_ms": report.hidden_ms,
            "idle_ms": report.idle_ms,
        },
        "evidence": _evidence(desk, one),
    }
    waiting = Waiting(report.seq, one.sha256, desk.locked.tau_ms, arrived)
    desk.unit.waiting = sorted([*desk.unit.waiting, waiting], key=lambda each: each.seq)
    desk.hold.append({"seq": report.seq, "sha256": one.sha256, "tau_ms": desk.locked.tau_ms, "arrived": arrived})


def _write(session: Session, desk: Desk) -> None:
    changed = {on: use for on, use in desk.days.items() if desk.unit.days.get(on) != use}
    recording.write(
        session,
        desk.locked,
        frontier_ms=desk.unit.frontier_ms,
        covered_ms=desk.unit.covered_ms,
        days=changed,
        reports=desk.reports,
        spans=desk.spans,
    )
    released = set(desk.released)
    if desk.hold or released:
        recording.keep_waiting(
            session, desk.locked.sitting_id, [row for row in desk.hold if row["seq"] not in released], desk.released
        )


def _blocks_touched(facts: UnitFacts, reports: Sequence[Report]) -> tuple[int, int]:
    """First and last block that the reports' media lies in; (0, -1) for none."""
    starts = [block.start_ms for block in facts.blocks]
    touched = [
        (max(0, bisect_right(starts, report.a_ms) - 1), bisect_right(starts, report.b_ms) - 1)
        for report in reports
        if report.b_ms > report.a_ms
    ]
    if not touched:
        return 0, -1
    return min(first for first, _ in touched), max(last for _, last in touched)


def _delivered(desk: Desk, report: Report) -> tuple[Span, ...]:
    """The delivered parts of the blocks that [a, b) touches."""
    first, last = _blocks_touched(desk.facts, [report])
    blocks = desk.facts.blocks[first : last + 1]
    return merge(Span(block.start_ms, block.end_ms) for block in blocks if block.index in desk.unit.blocks)
