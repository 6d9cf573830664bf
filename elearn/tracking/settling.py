"""What follows from a presence check, in whatever way it was put: the one place where its outcome is carried out.

Passed: what was pending becomes final. Failed or missed: it leaves, and the learner is held until one is passed.
The learner's row is locked by whoever calls.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import from_ms, to_ms
from elearn.db import new_id
from elearn.tracking import cases, policies
from elearn.tracking.models import BelievedSpan, Kind, Outcome, PresenceCheck, Sitting, UnitWatch, WatchedSpan
from elearn.tracking.policy import Policy
from elearn.tracking.presence import next_check_after_ms, settle
from elearn.tracking.spans import Span, frontier_ms, total_ms
from elearn.tracking.standing import Locked, spans_of
from elearn.tracking.verifier import Refusal

QUESTION = "question"
SERVICE_DOWN = "service_down"
"""Why a check was withdrawn: a service of ours failed it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One pending row of the watched ledger."""

    id: UUID
    unit_id: UUID
    class_id: UUID | None
    span: Span
    on: date
    late: bool
    excess_ms: int
    signed: bool
    """Was its sitting opened with a device that signs?"""
    opened_ms: int
    """When its sitting was opened."""
    policy: str
    """Digest of the rules it was watched under."""
    credited_at_ms: int


def pending_pieces(session: Session, learner_id: UUID) -> list[Piece]:
    """Everything of the learner that waits for a check, by unit, class, day and media position."""
    rows = session.execute(
        sa.select(
            WatchedSpan.id,
            WatchedSpan.unit_id,
            WatchedSpan.class_id,
            WatchedSpan.start_ms,
            WatchedSpan.end_ms,
            WatchedSpan.on,
            WatchedSpan.late,
            WatchedSpan.excess_ms,
            Sitting.device.is_not(None).label("signed"),
            Sitting.opened_ms,
            WatchedSpan.policy,
            WatchedSpan.heard_at,
        )
        .join(BelievedSpan, BelievedSpan.watched_span_id == WatchedSpan.id)
        .join(Sitting, Sitting.id == WatchedSpan.sitting_id)
        .where(BelievedSpan.learner_id == learner_id, BelievedSpan.state == Kind.PENDING.value)
        .order_by(WatchedSpan.unit_id, WatchedSpan.class_id, WatchedSpan.on, WatchedSpan.start_ms)
    )
    return [
        Piece(
            row.id,
            row.unit_id,
            row.class_id,
            Span(row.start_ms, row.end_ms),
            row.on,
            row.late,
            row.excess_ms,
            row.signed,
            row.opened_ms,
            row.policy,
            to_ms(row.heard_at),
        )
        for row in rows
    ]


def merged(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Pieces of one unit, class and day that lie end to end, together; `pieces` come in that order.

    What was signed and what was not stay apart, so that a row of the ledger is one or the other.
    """
    runs: list[list[Piece]] = []
    for _, same in groupby(pieces, key=lambda piece: (piece.unit_id, piece.class_id, piece.on, piece.signed)):
        run: list[Piece] = []
        for piece in same:
            if run and run[-1].span.end_ms != piece.span.start_ms:
                runs.append(run)
                run = []
            run.append(piece)
        runs.append(run)
    return runs


class HasRules(Protocol):
    """A sitting, as far as it says which rules a check is put by."""

    @property
    def class_id(self) -> UUID | None: ...
    @property
    def opened_ms(self) -> int: ...
    @property
    def policy(self) -> str: ...


def rules_for(piece: Piece, asking: HasRules) -> str:
    """Digest of the rules by which `piece` is confirmed: those it was watched under, so that no class's stricter ways
    are got around by asking from another one. A later sitting of the same class brings that class's newer rules."""
    newer = piece.class_id == asking.class_id and piece.opened_ms <= asking.opened_ms
    return asking.policy if newer else piece.policy


def decide(session: Session, locked: Locked, check: PresenceCheck, outcome: Outcome, secret: bytes) -> None:
    """Carry out a check's outcome on the ledger, on what is believed, and on the learner's row (not yet stored).

    What may not be confirmed in this way goes on waiting for a check that may; the end of a case for all its answers.
    """
    policy = policies.by_digest(session, check.policy)
    check.outcome, check.decided_ms = outcome.value, locked.tau_ms
    passed = outcome is Outcome.PASSED
    pieces = pending_pieces(session, locked.learner_id)
    may = {piece.id for piece in pieces} if not passed else _confirmable(session, check, pieces)
    if passed:
        session.flush()  # the question of this check is answered
        may -= _ends_of_cases(session, locked.learner_id, pieces, policy)
    final: list[Piece] = []
    removed: list[tuple[Piece, Refusal]] = []
    left_ms = 0
    for piece in pieces:
        settled = settle([piece], passed, locked.tau_ms, policies.by_digest(session, piece.policy))
        removed += settled.removed
        if piece.id in may:
            final += settled.final
        else:
            left_ms += sum(one.span.length_ms for one in settled.final)
    common = {
        "learner_id": locked.learner_id,
        "check_id": check.id,
        "policy": check.policy,
        "heard_at": from_ms(locked.tau_ms),
    }
    finals = [_final_row(run) | common for run in merged(final)]
    reversals = [_reversal_row(piece, reason) | common for piece, reason in removed]
    session.flush()
    for rows in (finals, reversals):
        if rows:
            session.execute(sa.insert(WatchedSpan), rows)
    disbelieve(session, [one.id for one in (*final, *(piece for piece, _ in removed))])
    if finals:
        believe(session, [row["id"] for row in finals])
    recompute_units(session, locked.learner_id, {piece.unit_id for piece, _ in removed}, policy)
    locked.pending_ms, locked.held, locked.check_deadline_ms = left_ms, not passed, None
    locked.check_count += 1
    locked.check_due_after_ms = next_check_after_ms(secret, locked.learner_id.bytes, locked.check_count, policy)


def _confirmable(session: Session, check: PresenceCheck, pieces: Sequence[Piece]) -> set[UUID]:
    """Which pieces a passed `check` confirms: those whose rules know its method, all when it stood in for a failure."""
    asking = session.get_one(Sitting, check.sitting_id)
    may = {
        piece.id
        for piece in pieces
        if check.method in policies.by_digest(session, rules_for(piece, asking)).presence_methods
    }
    if len(may) < len(pieces) and _stands_in(session, check):
        return {piece.id for piece in pieces}
    return may


def _ends_of_cases(session: Session, learner_id: UUID, pieces: Sequence[Piece], policy: Policy) -> set[UUID]:
    """Which pieces wait for more answers: ends of cases."""
    owed = cases.owed(session, learner_id, {piece.unit_id for piece in pieces}, policy)
    return {piece.id for piece in pieces if piece.unit_id in owed and owed[piece.unit_id].holds(piece)}


def _stands_in(session: Session, check: PresenceCheck) -> bool:
    """Did a service of ours fail under this very check, so that a question is asked whatever the rules?"""
    failed = sa.exists().where(
        PresenceCheck.learner_id == check.learner_id,
        PresenceCheck.number == check.number,
        PresenceCheck.outcome == Outcome.WITHDRAWN.value,
        PresenceCheck.challenge["withdrawn"].astext == SERVICE_DOWN,
    )
    return check.method == QUESTION and bool(session.scalar(sa.select(failed)))


def _final_row(run: Sequence[Piece]) -> dict[str, Any]:
    first, last = run[0], run[-1]
    return {
        "id": new_id(),
        "kind": Kind.FINAL.value,
        "unit_id": first.unit_id,
        "class_id": first.class_id,
        "start_ms": first.span.start_ms,
        "end_ms": last.span.end_ms,
        "on": first.on,
        "late": any(piece.late for piece in run),
        "excess_ms": sum(piece.excess_ms for piece in run),
        "settles": [piece.id for piece in run],
    }


def _reversal_row(piece: Piece, reason: Refusal) -> dict[str, Any]:
    return {
        "id": new_id(),
        "kind": Kind.REVERSAL.value,
        "unit_id": piece.unit_id,
        "class_id": piece.class_id,
        "start_ms": piece.span.start_ms,
        "end_ms": piece.span.end_ms,
        "on": piece.on,
        "late": piece.late,
        "excess_ms": piece.excess_ms,
        "settles": [],
        "reverses_id": piece.id,
        "reason": reason.value,
    }


def believe(session: Session, span_ids: Collection[UUID]) -> None:
    """These final rows of the ledger are believed from now on."""
    session.execute(
        sa.text(
            "INSERT INTO elearn.believed_span (watched_span_id, learner_id, unit_id, state, media) "
            "SELECT id, learner_id, unit_id, 'final', int8range(start_ms, end_ms) "
            "FROM elearn.watched_span WHERE id = ANY(:ids)"
        ),
        {"ids": list(span_ids)},
    )


def disbelieve(session: Session, span_ids: Collection[UUID]) -> None:
    """These rows of the ledger are settled or reversed by others, and are not believed themselves any more."""
    session.execute(
        sa.delete(BelievedSpan)
        .where(BelievedSpan.watched_span_id.in_(span_ids))
        .execution_options(synchronize_session=False)
    )


def recompute_units(session: Session, learner_id: UUID, unit_ids: Iterable[UUID], policy: Policy) -> None:
    """After media left `believed_span`: the frontier falls back to what is still believed (MODEL 1.1, F)."""
    for unit_id in unit_ids:
        media = session.scalar(
            sa.text(
                "SELECT range_agg(media)::text FROM elearn.believed_span "
                "WHERE learner_id = :learner AND unit_id = :unit"
            ),
            {"learner": learner_id, "unit": unit_id},
        )
        known = spans_of(media)
        session.execute(
            sa.update(UnitWatch)
            .where(UnitWatch.learner_id == learner_id, UnitWatch.unit_id == unit_id)
            .values(frontier_ms=frontier_ms(known, bridge_ms=policy.delta_ms), covered_ms=total_ms(known))
            .execution_options(synchronize_session=False)
        )
