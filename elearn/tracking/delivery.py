"""Keys at the pace of watching: giving one is the record that its media was delivered (MODEL 1.8)."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.catalogue import UnitFacts
from elearn.courses.models import UnitKind
from elearn.errors import Forbidden
from elearn.tracking import pacing
from elearn.tracking.models import Delivery
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span
from elearn.tracking.standing import Locked, UnitStanding, read_unit, store
from elearn.tracking.verifier import DayUse


@dataclass(frozen=True, slots=True)
class TooEarly:
    """Not yet: ask again after `retry_after_s`. `reason` is the code the player explains."""

    reason: str
    retry_after_s: int


def release(session: Session, locked: Locked, facts: UnitFacts, index: int, policy: Policy) -> TooEarly | None:
    """May the key of block `index` be handed out now? None: yes, and the delivery is recorded.

    Raises Forbidden: the sitting is over (`playing_elsewhere`, `closed`, `expired`), or `not_this_unit`.
    """
    if locked.ended_ms is not None:
        raise Forbidden("This sitting is over.", code=locked.ended_reason)
    # Pages have no keys: they are shown, one by one (page_views).
    if facts.kind is not UnitKind.VIDEO or not 0 <= index < len(facts.blocks):
        raise Forbidden("This lesson has no such part.", code="not_this_unit")
    block = facts.blocks[index]
    unit = read_unit(session, locked, policy, blocks=(index, index))
    decision = pacing.key_decision(
        Span(block.start_ms, block.end_ms),
        tau_ms=locked.tau_ms,
        sitting=locked.sitting_state(),
        learner=locked.learner_state(unit.days),
        covered_ms=unit.covered_ms,
        frontier_ms=unit.frontier_ms,
        delivered=index in unit.blocks,
        duration_ms=facts.duration_ms,
        policy=policy,
        player=locked.player,
    )
    store(session, locked)
    match decision:
        case pacing.Forbidden():
            raise Forbidden("This lesson has no such part.", code="not_this_unit")
        case pacing.Wait(retry_after_s):
            return TooEarly(why_not_yet(locked, unit, policy), retry_after_s)
        case pacing.Given(new):
            if new:
                record(session, locked, index)
            return None


def record(session: Session, locked: Locked, index: int) -> None:
    """Block `index` of the sitting's unit is delivered to its learner from now on."""
    session.execute(
        sa.insert(Delivery).values(
            learner_id=locked.learner_id,
            unit_id=locked.unit_id,
            block=index,
            sitting_id=locked.sitting_id,
            given_ms=locked.tau_ms,
        )
    )


def why_not_yet(locked: Locked, unit: UnitStanding, policy: Policy) -> str:
    """What keeps the pace from growing, if anything but time does."""
    today = unit.days.get(policy.day(locked.tau_ms), DayUse())
    if locked.held or locked.pending_ms >= policy.pend_max_ms:
        return "check_missed"
    return "limit_reached" if today.taken_ms >= policy.day_cap_ms else "too_early"
