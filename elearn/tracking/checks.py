"""Presence checks: putting a question, judging the answer, and what that does to everything pending.

A check belongs to the learner, not to one sitting: a learner who goes on elsewhere is asked the same question
there. The right answer never leaves the server. The learner's row is locked by whoever calls.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import from_ms, to_ms
from elearn.courses import catalogue
from elearn.courses.models import Question
from elearn.db import new_id
from elearn.errors import Conflict, NotFound
from elearn.tracking import policies
from elearn.tracking.models import BelievedSpan, Kind, Outcome, PresenceCheck, UnitWatch, WatchedSpan
from elearn.tracking.policy import Policy
from elearn.tracking.presence import (
    FAILURES_A_DAY,
    TRIES,
    Judgement,
    deadline_ms,
    judge_answers,
    next_check_after_ms,
    settle,
)
from elearn.tracking.spans import Span, frontier_ms, intersect, total_ms
from elearn.tracking.standing import Locked, spans_of
from elearn.tracking.verifier import Refusal

DAY_MS = 24 * 3_600_000
LAST_MINUTES_MS = 5 * 60_000
"""Questions are about what was watched last (DESIGN 3.6)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One pending row of the watched ledger."""

    id: UUID
    unit_id: UUID
    class_id: UUID | None
    span: Span
    on: date
    late: bool
    credited_at_ms: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer led to: `passed`, `try_again`, `failed` or `expired`."""

    outcome: str
    tries_left: int


def secret_of(secret_key: bytes) -> bytes:
    """The key of the secret stream that times checks and picks questions."""
    return hmac.digest(secret_key, b"elearn presence", "sha256")


# -- asking


def hand_out(session: Session, locked: Locked, policy: Policy, digest: str, *, secret: bytes) -> PresenceCheck:
    """Put a question to the learner; the time to answer starts now. An open check is handed out again as it is.

    Raises Conflict: `nothing_pending`; `checks_locked` until tomorrow; `no_question` when the unit never had any.
    """
    if locked.check_deadline_ms is not None:
        return _open_check(session, locked.learner_id)
    if _failures_today(session, locked, policy) >= FAILURES_A_DAY:
        raise Conflict(
            "Too many checks were failed today. The next one can be answered tomorrow.", code="checks_locked"
        )
    unit_id, window, askable = _what_to_ask_about(session, locked, secret)
    question = _pick(session, locked, unit_id, window, askable, secret)
    check_id = new_id()
    check = PresenceCheck(
        id=check_id,
        learner_id=locked.learner_id,
        sitting_id=locked.sitting_id,
        unit_id=unit_id,
        question_id=question.id,
        number=locked.check_count,
        shown=sorted(range(len(question.options)), key=lambda option: _drawn(secret, check_id.bytes, bytes([option]))),
        from_ms=window.start_ms,
        to_ms=window.end_ms,
        policy=digest,
        put_ms=locked.tau_ms,
        deadline_ms=deadline_ms(locked.tau_ms, policy),
        tries=[],
    )
    session.add(check)
    session.flush()
    locked.check_deadline_ms = check.deadline_ms
    return check


def as_shown(session: Session, check: PresenceCheck) -> dict[str, Any]:
    """The check as the player gets it: the options in their shuffled order, nothing about which are right."""
    policy = policies.by_digest(session, check.policy)
    question = _question(session, check)
    return {
        "id": str(check.id),
        "kind": "question",
        "stem": question.stem,
        "options": [{"id": place, "text": question.options[option]} for place, option in enumerate(check.shown)],
        "answer_ms": policy.answer_ms,
        "deadline_ms": check.put_ms + policy.answer_ms,
        "tries_left": TRIES - len(check.tries),
    }


def _open_check(session: Session, learner_id: UUID) -> PresenceCheck:
    return session.scalars(
        sa.select(PresenceCheck)
        .where(PresenceCheck.learner_id == learner_id, PresenceCheck.outcome.is_(None))
        .execution_options(populate_existing=True)
    ).one()


def _failures_today(session: Session, locked: Locked, policy: Policy) -> int:
    """Checks failed on this local day: also one that ran out after a wrong try, but not one that nobody tried."""
    decided = session.scalars(
        sa.select(PresenceCheck.decided_ms).where(
            PresenceCheck.learner_id == locked.learner_id,
            PresenceCheck.outcome.in_((Outcome.FAILED.value, Outcome.EXPIRED.value)),
            sa.func.jsonb_array_length(PresenceCheck.tries) > 0,
            PresenceCheck.decided_ms > locked.tau_ms - DAY_MS,
        )
    )
    today = policy.day(locked.tau_ms)
    return sum(policy.day(at_ms) == today for at_ms in decided if at_ms is not None)


def _what_to_ask_about(session: Session, locked: Locked, secret: bytes) -> tuple[UUID, Span, tuple[Span, ...]]:
    """The unit, its last minutes that wait for a check, and all of its media a question may be about.

    Of several units the one in which a drawn moment of everything pending lies: if it were always the last one
    opened, a second of a lesson whose answers somebody knows would confirm all of another.
    """
    pieces = pending_pieces(session, locked.learner_id)
    if pieces:
        unit_id = _unit_drawn(pieces, _drawn(secret, b"unit", _draw(locked)))
        there = [piece for piece in pieces if piece.unit_id == unit_id]
        end_ms = max(there, key=lambda piece: (piece.credited_at_ms, piece.span.end_ms)).span.end_ms
        begin_ms = max(end_ms - LAST_MINUTES_MS, min(piece.span.start_ms for piece in there))
        return unit_id, Span(begin_ms, end_ms), tuple(piece.span for piece in there)
    if locked.held:
        # Nothing is left of what the missed check was about, but the way out is to answer about it.
        missed = session.execute(
            sa.select(PresenceCheck.unit_id, PresenceCheck.from_ms, PresenceCheck.to_ms)
            .where(PresenceCheck.learner_id == locked.learner_id, PresenceCheck.outcome.is_not(None))
            .order_by(PresenceCheck.number.desc())
            .limit(1)
        ).one()
        window = Span(missed.from_ms, missed.to_ms)
        return missed.unit_id, window, (window,)
    raise Conflict("There is nothing to confirm.", code="nothing_pending")


def _unit_drawn(pieces: Sequence[Piece], drawn: bytes) -> UUID:
    """The unit of one moment of the pending media, each moment as likely as any other."""
    left_ms = int.from_bytes(drawn) % sum(piece.span.length_ms for piece in pieces)
    for piece in pieces:
        left_ms -= piece.span.length_ms
        if left_ms < 0:
            return piece.unit_id
    raise AssertionError("the moment lies in one of the pieces")


def _draw(locked: Locked) -> bytes:
    """What the secret stream is asked by: the learner and the number of the check."""
    return locked.learner_id.bytes + locked.check_count.to_bytes(8)


def _pick(
    session: Session, locked: Locked, unit_id: UUID, window: Span, askable: Sequence[Span], secret: bytes
) -> catalogue.QuestionFacts:
    """The question asked least often so far, of those the one about the last minutes, of those a drawn one.

    Least often first means that none repeats until the pool, as far as it was watched, is used up.
    """
    pool = catalogue.questions_about(session, unit_id) or catalogue.questions_about(session, unit_id, retired=True)
    about = [q for q in pool if intersect(Span(q.from_ms, q.to_ms), askable)] or list(pool)
    if not about:
        raise Conflict("This lesson has no questions to confirm with.", code="no_question")
    asked = sa.select(PresenceCheck.question_id, sa.func.count()).where(
        PresenceCheck.learner_id == locked.learner_id, PresenceCheck.unit_id == unit_id
    )
    times = {row[0]: int(row[1]) for row in session.execute(asked.group_by(PresenceCheck.question_id))}
    draw = _draw(locked)

    def rank(question: catalogue.QuestionFacts) -> tuple[int, bool, bytes]:
        recent = bool(intersect(Span(question.from_ms, question.to_ms), (window,)))
        return times.get(question.id, 0), not recent, _drawn(secret, draw, question.id.bytes)

    return min(about, key=rank)


def _question(session: Session, check: PresenceCheck) -> Question:
    """The question as it was put; it may have left the pool since."""
    return session.get_one(Question, check.question_id)


def _drawn(secret: bytes, *parts: bytes) -> bytes:
    return hmac.digest(secret, b"".join(parts), "sha256")


# -- answering


def answer(session: Session, locked: Locked, check_id: UUID, chosen: Sequence[int], *, secret: bytes) -> Answered:
    """Judge one try; `chosen` are option numbers as they were shown.

    A request that is sent again answers the same. Raises NotFound: no such check of this learner.
    """
    check = session.get(PresenceCheck, check_id, populate_existing=True)
    if check is None or check.learner_id != locked.learner_id:
        raise NotFound("There is no such question.")
    if check.outcome is not None:
        return Answered(check.outcome, 0)
    tried = sorted({check.shown[place] for place in chosen})
    if check.tries and check.tries[-1] == tried:
        return Answered("try_again", TRIES - len(check.tries))
    check.tries = [*check.tries, tried]
    correct = frozenset(_question(session, check).correct)
    judgement = judge_answers(correct, [frozenset(one) for one in check.tries])
    if judgement is Judgement.AGAIN:
        session.flush()
        return Answered("try_again", TRIES - len(check.tries))
    outcome = Outcome.PASSED if judgement is Judgement.PASSED else Outcome.FAILED
    _decide(session, locked, check, outcome, secret)
    return Answered(outcome.value, 0)


def settle_overdue(session: Session, locked: Locked, *, secret: bytes) -> bool:
    """A question that was handed out and not answered in time is missed. True when that was so just now."""
    if locked.check_deadline_ms is None or locked.tau_ms <= locked.check_deadline_ms:
        return False
    _decide(session, locked, _open_check(session, locked.learner_id), Outcome.EXPIRED, secret)
    return True


# -- what follows


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
            WatchedSpan.heard_at,
        )
        .join(BelievedSpan, BelievedSpan.watched_span_id == WatchedSpan.id)
        .where(BelievedSpan.learner_id == learner_id, BelievedSpan.state == Kind.PENDING.value)
        .order_by(WatchedSpan.unit_id, WatchedSpan.class_id, WatchedSpan.on, WatchedSpan.start_ms)
    )
    return [
        Piece(row.id, row.unit_id, row.class_id, Span(row.start_ms, row.end_ms), row.on, row.late, to_ms(row.heard_at))
        for row in rows
    ]


def merged(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Pieces of one unit, class and day that lie end to end, together; `pieces` come in that order."""
    runs: list[list[Piece]] = []
    for _, same in groupby(pieces, key=lambda piece: (piece.unit_id, piece.class_id, piece.on)):
        run: list[Piece] = []
        for piece in same:
            if run and run[-1].span.end_ms != piece.span.start_ms:
                runs.append(run)
                run = []
            run.append(piece)
        runs.append(run)
    return runs


def _decide(session: Session, locked: Locked, check: PresenceCheck, outcome: Outcome, secret: bytes) -> None:
    """Carry out a check's outcome on the ledger, on what is believed, and on the learner's row (not yet stored)."""
    policy = policies.by_digest(session, check.policy)
    check.outcome, check.decided_ms = outcome.value, locked.tau_ms
    pieces = pending_pieces(session, locked.learner_id)
    settled = settle(pieces, outcome is Outcome.PASSED, locked.tau_ms, policy)
    common = {
        "learner_id": locked.learner_id,
        "check_id": check.id,
        "policy": check.policy,
        "heard_at": from_ms(locked.tau_ms),
    }
    finals = [_final_row(run) | common for run in merged(settled.final)]
    reversals = [_reversal_row(piece, reason) | common for piece, reason in settled.removed]
    session.flush()
    for rows in (finals, reversals):
        if rows:
            session.execute(sa.insert(WatchedSpan), rows)
    session.execute(
        sa.delete(BelievedSpan)
        .where(BelievedSpan.learner_id == locked.learner_id, BelievedSpan.state == Kind.PENDING.value)
        .execution_options(synchronize_session=False)
    )
    if finals:
        session.execute(
            sa.text(
                "INSERT INTO elearn.believed_span (watched_span_id, learner_id, unit_id, state, media) "
                "SELECT id, learner_id, unit_id, 'final', int8range(start_ms, end_ms) "
                "FROM elearn.watched_span WHERE id = ANY(:ids)"
            ),
            {"ids": [row["id"] for row in finals]},
        )
    recompute_units(session, locked.learner_id, {piece.unit_id for piece, _ in settled.removed}, policy)
    locked.pending_ms, locked.held, locked.check_deadline_ms = 0, settled.held, None
    locked.check_count += 1
    locked.check_due_after_ms = next_check_after_ms(secret, locked.learner_id.bytes, locked.check_count, policy)


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
        "settles": [],
        "reverses_id": piece.id,
        "reason": reason.value,
    }


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
