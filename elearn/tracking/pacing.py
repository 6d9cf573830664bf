"""Keys at the pace of watching, or all at once for offline study: MODEL 1.8. Pure.

A key never gives credit; it decides what can be played, and giving it is the delivery record.
"""

from __future__ import annotations

from dataclasses import dataclass

from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span
from elearn.tracking.verifier import DayUse, LearnerState, SittingState


@dataclass(frozen=True, slots=True)
class Given:
    """Hand out the key. `new` when the block joins S(L,u) now, at this moment of server time."""

    new: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Too early: 425 with this Retry-After."""

    retry_after_s: int


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Never for this request: 403. The sitting is over, or there is no such block."""


@dataclass(frozen=True, slots=True)
class NoDownloads:
    """The policy lets nobody take lessons along."""


KeyDecision = Given | Wait | Forbidden
LicenceDecision = Given | NoDownloads | Forbidden


def key_decision(
    block: Span,
    *,
    tau_ms: int,
    sitting: SittingState,
    learner: LearnerState,
    covered_ms: int,
    frontier_ms: int,
    delivered: bool,
    duration_ms: int,
    policy: Policy,
    player: str = "hls.js",
) -> KeyDecision:
    """May the live sitting of this very unit have the key of `block` now?

    `covered_ms` is |K(L,u)|, `frontier_ms` F(L,u), `delivered` whether S(L,u) holds the block; `learner.days`
    holds at least the local day of `tau_ms` (from `server_time`). That the sitting belongs to the learner and
    the unit is the caller's to check.
    """
    if sitting.ended_ms is not None or not 0 <= block.start_ms < block.end_ms <= duration_ms:
        return Forbidden()
    if delivered:
        return Given(new=False)
    credible_ms = _credible_ms(tau_ms, sitting, learner, covered_ms, frontier_ms, duration_ms, policy)
    ahead_ms = block.start_ms - credible_ms - policy.lead_for(player)
    if ahead_ms <= 0:
        return Given(new=True)
    # ceil(ahead / R) in milliseconds, then in whole seconds, within [1 s, H].
    wait_ms = -(-ahead_ms * 1_000 // policy.rate_max_permille)
    return Wait(max(1, min(-(-wait_ms // 1_000), policy.heartbeat_ms // 1_000)))


def licence_decision(
    *, tau_ms: int, ended_ms: int | None, newest_expires_ms: int | None, policy: Policy
) -> LicenceDecision:
    """May a sitting that ended at `ended_ms` have all keys of its unit now? `new` when that is a new licence.

    `newest_expires_ms` is when the last one of this learner, unit and device runs out; None: there was none. It is
    given again in the first half of its time only: who leaves for a week without network can renew on the day before.
    """
    if ended_ms is not None:
        return Forbidden()
    if policy.licence_ms == 0:
        return NoDownloads()
    left_ms = 0 if newest_expires_ms is None else newest_expires_ms - tau_ms
    return Given(new=2 * left_ms <= policy.licence_ms)


def _credible_ms(
    tau_ms: int,
    sitting: SittingState,
    learner: LearnerState,
    covered_ms: int,
    frontier_ms: int,
    duration_ms: int,
    policy: Policy,
) -> int:
    """P + A: where watching could be at most. A new block may start LEAD beyond it."""
    # Not the bare frontier: it bridges holes free of charge, so crumbs could carry it to the end in moments.
    reached_ms = min(frontier_ms, covered_ms + policy.tail_ms(duration_ms))
    # Not the time since opening: refused and repeated playing would raise it.
    silent_ms = max(0, min(tau_ms - sitting.e_ms, policy.gap_max_ms))
    worth_ms = min(sitting.carry_ms, policy.carry_max_ms) + policy.worth_ms(silent_ms)
    taken_ms = learner.days.get(policy.day(tau_ms), DayUse()).taken_ms
    worth_ms = max(0, min(worth_ms, policy.day_cap_ms - taken_ms, policy.pend_max_ms - learner.pending_ms))
    if learner.held:
        worth_ms = 0
    return reached_ms + worth_ms
