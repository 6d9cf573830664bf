"""Opening and closing a sitting, and what every answer to the player says (docs/player-protocol.md, section 7)."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from elearn.db import new_id
from elearn.errors import Forbidden, NotFound
from elearn.tracking import checks, policies
from elearn.tracking.models import Ended, LearnerWatch, Sitting, UnitWatch
from elearn.tracking.policy import Policy
from elearn.tracking.presence import check_due, is_complete, next_check_after_ms
from elearn.tracking.spans import total_ms
from elearn.tracking.standing import Locked, UnitStanding, lock_sitting, store
from elearn.tracking.tokens import LIFETIME_MS

NONCES_KEPT = 8


def open_sitting(
    session: Session,
    *,
    learner_id: UUID,
    unit_id: UUID,
    class_id: UUID | None,
    device: str | None,
    actor: str,
    cm_ms: int,
    player: str,
    policy: Policy,
    presence_secret: bytes,
    now_ms: int,
) -> Locked:
    """Open the learner's only live sitting; an older one ends at this moment (newest wins, MODEL 1.2 `open`).

    That the learner may study the unit and owns the device key is the caller's to check. It comes back locked,
    with a check that ran out in the meantime already settled. Raises Forbidden `device_required`: there is no
    device key, and the rules want one.
    """
    if device is None and not policy.unsigned:
        raise Forbidden(
            "This browser cannot sign what it reports, and here that is required. Open the lesson over https in the "
            "current version of WeChat, Chrome, Edge, Firefox or Safari.",
            code="device_required",
        )
    digest = policy.digest()
    policies.keep(session, policy, digest)
    first = {
        "learner_id": learner_id,
        "tau_ms": now_ms,
        "held": False,
        "pending_ms": 0,
        "check_count": 0,
        "check_due_after_ms": next_check_after_ms(presence_secret, learner_id.bytes, 0, policy),
        "check_deadline_ms": None,
    }
    session.execute(insert(LearnerWatch).values(first).on_conflict_do_nothing())
    stored_ms = session.scalars(
        sa.select(LearnerWatch.tau_ms).where(LearnerWatch.learner_id == learner_id).with_for_update(key_share=True)
    ).one()
    tau_ms = max(now_ms, stored_ms)
    expired = Sitting.expires_ms <= tau_ms
    session.execute(
        sa.update(Sitting)
        .where(Sitting.learner_id == learner_id, Sitting.ended_ms.is_(None))
        .values(
            ended_ms=sa.func.least(tau_ms, Sitting.expires_ms),
            ended_reason=sa.case((expired, Ended.EXPIRED.value), else_=Ended.PLAYING_ELSEWHERE.value),
        )
        .execution_options(synchronize_session=False)
    )
    sitting_id = new_id()
    session.execute(
        sa.insert(Sitting).values(
            id=sitting_id,
            learner_id=learner_id,
            unit_id=unit_id,
            class_id=class_id,
            device=device,
            actor=actor,
            player=player,
            policy=digest,
            opened_ms=tau_ms,
            expires_ms=tau_ms + LIFETIME_MS,
            cm_open_ms=cm_ms,
            e_ms=tau_ms,
            carry_ms=0,
            last_cm_ms=cm_ms,
            seq=0,
            gap_late_ms=0,
            nonces=[],
        )
    )
    beginning = {"learner_id": learner_id, "unit_id": unit_id, "frontier_ms": 0, "covered_ms": 0}
    session.execute(insert(UnitWatch).values(beginning).on_conflict_do_nothing())
    locked = lock_sitting(session, learner_id, sitting_id, now_ms=tau_ms)
    checks.settle_overdue(session, locked, secret=presence_secret)
    issue_nonce(locked)
    store(session, locked)
    return locked


def touch(
    session: Session, learner_id: UUID, sitting_id: UUID, *, presence_secret: bytes, now_ms: int
) -> tuple[Locked, Policy]:
    """Lock a sitting for whatever comes next, after settling a check that ran out meanwhile."""
    locked = lock_sitting(session, learner_id, sitting_id, now_ms=now_ms)
    if checks.settle_overdue(session, locked, secret=presence_secret):
        store(session, locked)
    return locked, policies.by_digest(session, locked.policy)


def unit_of(session: Session, learner_id: UUID, sitting_id: UUID) -> UUID:
    """The unit of a learner's own sitting, live or not. Raises NotFound, of somebody else's as of nobody's."""
    unit_id = session.scalar(
        sa.select(Sitting.unit_id).where(Sitting.id == sitting_id, Sitting.learner_id == learner_id)
    )
    if unit_id is None:
        raise NotFound("There is no such sitting.")
    return unit_id


def close(locked: Locked) -> None:
    """End the sitting; a second time changes nothing. The caller stores it."""
    if locked.ended_ms is None:
        locked.ended_ms, locked.ended_reason = locked.tau_ms, Ended.CLOSED.value


def issue_nonce(locked: Locked) -> str:
    """A new nonce for the next message; the one before stays good for a few messages more, when answers get lost."""
    nonce = secrets.token_urlsafe(16)
    locked.nonces = [*locked.nonces[1 - NONCES_KEPT :], nonce]
    return nonce


def is_check_due(locked: Locked, unit: UnitStanding, duration_ms: int, policy: Policy) -> bool:
    """Should the player ask for a check now? Also while one is out and unanswered."""
    return locked.check_deadline_ms is not None or check_due(
        locked.pending_ms,
        locked.check_due_after_ms,
        completed=is_complete(unit.covered_ms, duration_ms, policy),
        asked=False,
        held=locked.held,
    )


def state_block(locked: Locked, unit: UnitStanding, duration_ms: int, policy: Policy) -> dict[str, Any]:
    """Where the learner stands in this sitting's unit, as every answer tells it."""
    final_ms = total_ms(unit.final)
    return {
        "frontier_ms": unit.frontier_ms,
        "spans": {"pending": unit.pending, "final": unit.final},
        "pending_ms": total_ms(unit.pending),
        "pending_all_ms": locked.pending_ms,
        "final_ms": final_ms,
        "complete": is_complete(final_ms, duration_ms, policy),
        "held": locked.held,
        "signed": locked.device is not None,
        "check_due": is_check_due(locked, unit, duration_ms, policy),
        "nonce": locked.nonces[-1],
        "server_time_ms": locked.tau_ms,
        "ended": locked.ended_reason,
    }
