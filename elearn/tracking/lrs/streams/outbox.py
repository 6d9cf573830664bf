"""What a target has had and what comes next: a cursor that moves only by what the target answered, and failures.

The statements themselves are the outbox. A round gathers what comes after the cursor, sends it without holding a
transaction (one that stays open would hold up everybody's `consistent_through`), and records what became of it. A
process that dies between the last two has sent something twice, which does no harm: the same statement under the
same id changes nothing at the target. One that dies before has lost nothing: the cursor still stands before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from elearn.tracking.lrs.access.credentials import reads_of
from elearn.tracking.lrs.models import ForwardFailure, ForwardTarget
from elearn.tracking.lrs.streams import feed
from elearn.tracking.lrs.streams.sending import Away, Refused, Sent

BATCH = 50
"""Statements in one request."""
BATCH_BYTES = 4_000_000
"""Of statements in one request; the first may alone be larger."""
TRIES = 8
"""How often a statement that a target breaks at is tried before it is a dead letter."""
LEASE = timedelta(minutes=15)
"""How long a target stays claimed at most; a job ends long before."""
RETRIES_A_ROUND = 20
FIRST_WAIT_S = 10.0
LONGEST_WAIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Round:
    """What a target is to get now."""

    after: feed.Place | None
    page: feed.Page


def waiting_s(attempts: int, *, chance: float, asked_s: float | None = None) -> float:
    """How long to wait after so many failures in a row: twice as long each time, half of it by chance (0 to 1), so
    that many targets or many processes do not come back at once. What the other side asks for is waited at least."""
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempts - 1, 20))
    return max(longest * (0.5 + chance / 2), min(asked_s or 0.0, LONGEST_WAIT_S))


def claim_due(session: Session, *, at: datetime) -> list[UUID]:
    """The targets that somebody must now take in hand; each is given to one caller. Does not commit."""
    due = (
        sa.select(ForwardTarget.id)
        .where(ForwardTarget.state == "active", ForwardTarget.next_try_at <= at)
        .where(sa.or_(ForwardTarget.claimed_until.is_(None), ForwardTarget.claimed_until <= at))
        .with_for_update(skip_locked=True)
    )
    claim = sa.update(ForwardTarget).where(ForwardTarget.id.in_(due)).values(claimed_until=at + LEASE)
    return list(session.scalars(claim.returning(ForwardTarget.id), execution_options={"synchronize_session": False}))


def release(session: Session, target_id: UUID) -> None:
    """The target may be taken in hand again. Does not commit."""
    session.execute(
        sa.update(ForwardTarget).where(ForwardTarget.id == target_id).values(claimed_until=None),
        execution_options={"synchronize_session": False},
    )


def place_of(target: ForwardTarget) -> feed.Place | None:
    if target.cursor_stored_at is None or target.cursor_id is None:
        return None
    return target.cursor_stored_at, target.cursor_id


def gather(session: Session, target: ForwardTarget, *, through: datetime) -> Round:
    """What comes next for a target."""
    after = place_of(target)
    reads = reads_of(session, target.organisation_id)
    page = feed.page(session, after, through=through, reads=reads, limit=BATCH, most_bytes=BATCH_BYTES)
    return Round(after, page)


def record(session: Session, target_id: UUID, went: Round, sent: Sent, *, at: datetime, chance: float) -> bool:
    """Move the cursor behind what was decided, keep what was refused, and wait if the target was not to be had.

    Answers whether this round counts: not when somebody else has moved the cursor meanwhile, or it was removed.
    Does not commit.
    """
    target = session.get(ForwardTarget, target_id, with_for_update=True, populate_existing=True)
    if target is None or target.state == "removed" or place_of(target) != went.after:
        return False
    decided = went.page.statements[: len(sent.decided)]
    for kept, refused in zip(decided, sent.decided, strict=True):
        if refused is not None:
            fail(session, target_id, kept.id, refused, at=at, chance=chance)
    if decided:
        target.cursor_stored_at, target.cursor_id = decided[-1].stored_at, decided[-1].id
        target.sent += sum(refused is None for refused in sent.decided)
        target.last_sent_at = at
    if sent.away is None:
        target.attempts, target.last_error = 0, None
        target.next_try_at = at
    else:
        target.attempts = 0 if decided else target.attempts
        hold(target, sent.away, at=at, chance=chance)
    session.flush()
    return True


def hold(target: ForwardTarget, away: Away, *, at: datetime, chance: float) -> None:
    """A target was not to be had: nothing goes to it for a while, longer each time."""
    target.attempts += 1
    target.last_error = away.why
    wait_s = waiting_s(target.attempts, chance=chance, asked_s=away.retry_after_s)
    target.next_try_at = at + timedelta(seconds=wait_s)


def fail(
    session: Session, target_id: UUID, statement_id: UUID, refused: Refused, *, at: datetime, chance: float
) -> None:
    """A statement was refused: it is a dead letter, or tried again later if the target broke at it (up to TRIES)."""
    failure = session.get(ForwardFailure, (target_id, statement_id), with_for_update=True, populate_existing=True)
    attempts = 1 if failure is None else failure.attempts + 1
    values = {
        "status": refused.status,
        "error": refused.why,
        "attempts": attempts,
        "next_try_at": at + timedelta(seconds=waiting_s(attempts, chance=chance)),
        "dead": refused.final or attempts >= TRIES,
        "failed_at": at,
    }
    made = postgresql.insert(ForwardFailure).values(target_id=target_id, statement_id=statement_id, **values)
    session.execute(
        made.on_conflict_do_update(index_elements=["target_id", "statement_id"], set_=values),
        execution_options={"synchronize_session": False},
    )


def due_failures(session: Session, target_id: UUID, *, at: datetime) -> Sequence[UUID]:
    """Statements that a target is to be offered once more."""
    found = (
        sa.select(ForwardFailure.statement_id)
        .where(ForwardFailure.target_id == target_id, ~ForwardFailure.dead, ForwardFailure.next_try_at <= at)
        .order_by(ForwardFailure.next_try_at)
        .limit(RETRIES_A_ROUND)
    )
    return session.scalars(found).all()


def taken(session: Session, target_id: UUID, statement_id: UUID, *, at: datetime) -> None:
    """A statement that had failed is there. Does not commit."""
    gone = sa.delete(ForwardFailure).where(
        ForwardFailure.target_id == target_id, ForwardFailure.statement_id == statement_id
    )
    if session.execute(gone.returning(ForwardFailure.statement_id)).scalar_one_or_none() is not None:
        counted = {"sent": ForwardTarget.sent + 1, "last_sent_at": at}
        session.execute(
            sa.update(ForwardTarget).where(ForwardTarget.id == target_id).values(counted),
            execution_options={"synchronize_session": False},
        )
