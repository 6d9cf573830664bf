"""Presence checks: when one is due, whether it was passed, what follows (MODEL 1.2, 3.2). Pure."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from elearn.tracking.policy import Policy
from elearn.tracking.verifier import Refusal

TRIES = 2
FAILURES_A_DAY = 3
"""So many failed checks end the day (MODEL 3.2): without it a held learner guesses at leisure, and any question
falls after eight checks."""
OPTIONS = frozenset(range(4))


class HasCreditTime(Protocol):
    """Anything that says when it was credited, in epoch milliseconds of server time."""

    @property
    def credited_at_ms(self) -> int: ...


PieceT = TypeVar("PieceT", bound=HasCreditTime)


@dataclass(frozen=True, slots=True)
class Settled(Generic[PieceT]):
    """What a check did: pieces that became final, and pieces that leave K, each with its reason.

    Afterwards nothing is pending, and the learner is held exactly when the check was not passed. Day counters
    keep what the removed pieces used: real time of that day is gone (I6).
    """

    final: tuple[PieceT, ...]
    removed: tuple[tuple[PieceT, Refusal], ...]
    held: bool


class Judgement(StrEnum):
    """Where the tries at one question stand."""

    PASSED = "passed"
    AGAIN = "again"
    FAILED = "failed"


def next_check_after_ms(secret: bytes, learner_ref: bytes, counter: int, policy: Policy) -> int:
    """How much may become pending before the check number `counter` (from 0) of this learner is due.

    Uniform in [presence_min_ms, presence_max_ms]; nobody without `secret` can tell it beforehand, and the
    server draws the same again after a restart. The bias of the modulus is below 2**-200.
    """
    message = len(learner_ref).to_bytes(4) + learner_ref + counter.to_bytes(8)
    drawn = int.from_bytes(hmac.digest(secret, message, "sha256"))
    return policy.presence_min_ms + drawn % (policy.presence_max_ms - policy.presence_min_ms + 1)


def check_due(pending_ms: int, due_after_ms: int, *, completed: bool, asked: bool, held: bool = False) -> bool:
    """Should a question be put now?

    When enough is pending, when the unit was `completed` or the learner `asked` with anything pending at all,
    and always while `held`: a learner held by a failed check has no other way out.
    """
    if held:
        return True
    return pending_ms > 0 and (pending_ms >= due_after_ms or completed or asked)


def judge_tries(rights: Sequence[bool]) -> Judgement:
    """Two tries, whatever the method: each entry says whether that try was right.

    A right answer after two wrong ones comes too late.
    """
    counted = rights[:TRIES]
    if any(counted):
        return Judgement.PASSED
    return Judgement.AGAIN if len(counted) < TRIES else Judgement.FAILED


def judged_right(correct: frozenset[int], tried: frozenset[int]) -> bool:
    """Any subset of four options: all of the right ones and none of the others.

    Raises ValueError for a question whose `correct` is empty (never asked: choosing nothing would pass it) or names
    an option beyond the four.
    """
    if not correct or not correct <= OPTIONS:
        raise ValueError("a question needs one to four right options out of 0..3")
    return tried == correct


def settle(pending: Sequence[PieceT], passed: bool, tau_ms: int, policy: Policy) -> Settled[PieceT]:
    """Carry out a check's outcome on everything pending, at server time `tau_ms` (MODEL 1.2 `presence`)."""
    if not passed:
        return Settled((), tuple((piece, Refusal.PRESENCE_FAILED) for piece in pending), held=True)
    final: list[PieceT] = []
    removed: list[tuple[PieceT, Refusal]] = []
    for piece in pending:
        if tau_ms - piece.credited_at_ms > policy.pend_age_ms:
            removed.append((piece, Refusal.PRESENCE_EXPIRED))
        else:
            final.append(piece)
    return Settled(tuple(final), tuple(removed), held=False)


def is_complete(covered_ms: int, duration_ms: int, policy: Policy) -> bool:
    """Is so much of the unit covered that at most TAIL is missing? Give |Fin| or |K|, as the question is.

    Coverage, not the frontier: the frontier bridges holes that were never watched (A49).
    """
    return covered_ms > 0 and covered_ms >= duration_ms - policy.tail_ms(duration_ms)
