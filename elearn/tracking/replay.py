"""What a decision saw, in a form that is kept with it, and the same decision taken again. Pure.

`seen` holds the three states that `verifier.apply` was given; the claim itself is in the statement and the
rules are named by their digest. Taking the decision again must give the same verdict, to the millisecond.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from elearn.tracking.page_rules import Page
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span
from elearn.tracking.verifier import (
    DayUse,
    LearnerState,
    Report,
    SittingState,
    UnitState,
    Verdict,
    apply,
)


def pack(sitting: SittingState, learner: LearnerState, unit: UnitState, policy_digest: str) -> dict[str, Any]:
    """The states as JSON values: numbers in the order of the dataclasses' fields.

    `real_carry_ms` stands there where it is not 0, which it is but where rules count real time; `page` where the unit
    is one of pages; a day's time on site where there was any.
    """
    more: dict[str, Any] = {"real_carry_ms": sitting.real_carry_ms} if sitting.real_carry_ms else {}
    if unit.page is not None:
        more["page"] = [*unit.page.span, unit.page.shown_ms, unit.page.after_seq]
    return more | {
        "policy": policy_digest,
        "sitting": [
            sitting.opened_ms,
            sitting.cm_open_ms,
            sitting.e_ms,
            sitting.carry_ms,
            sitting.last_cm_ms,
            sitting.seq,
            sitting.gap_late_ms,
            sitting.ended_ms,
        ],
        "learner": [learner.tau_ms, learner.held, learner.pending_ms],
        "days": [
            [on.isoformat(), use.used_ms, use.late_ms, *([use.attended_ms] if use.attended_ms else [])]
            for on, use in learner.days.items()
        ],
        "unit": [unit.duration_ms, unit.frontier_ms],
        "known": unit.known,
        "delivered": unit.delivered,
    }


def unpack(seen: Mapping[str, Any]) -> tuple[SittingState, LearnerState, UnitState]:
    """The states that `pack` was given."""
    tau_ms, held, pending_ms = seen["learner"]
    days = {date.fromisoformat(on): DayUse(*rest) for on, *rest in seen["days"]}
    duration_ms, frontier_ms = seen["unit"]
    page = seen.get("page")
    return (
        replace(SittingState(*seen["sitting"]), real_carry_ms=seen.get("real_carry_ms", 0)),
        LearnerState(tau_ms, held, pending_ms, days),
        UnitState(
            duration_ms=duration_ms,
            frontier_ms=frontier_ms,
            known=tuple(Span(*span) for span in seen["known"]),
            delivered=tuple(Span(*span) for span in seen["delivered"]),
            page=None if page is None else Page(Span(page[0], page[1]), page[2], page[3]),
        ),
    )


def again(report: Report, tau_ms: int, seen: Mapping[str, Any], policy: Policy) -> Verdict:
    """The decision, taken once more from what is kept."""
    sitting, learner, unit = unpack(seen)
    return apply(report, tau_ms=tau_ms, sitting=sitting, learner=learner, unit=unit, policy=policy)


def credited_rows(verdict: Verdict) -> list[list[Any]]:
    """What was believed, as it is kept with the report."""
    return [
        [c.span.start_ms, c.span.end_ms, c.on.isoformat(), c.late, *([c.excess_ms] if c.excess_ms else [])]
        for c in verdict.credited
    ]


def refused_rows(verdict: Verdict) -> list[list[Any]]:
    """What was not, with MODEL's codes, as it is kept with the report."""
    return [[r.span.start_ms, r.span.end_ms, r.reason.value] for r in verdict.refused]
