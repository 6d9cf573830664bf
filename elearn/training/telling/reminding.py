"""Which reminders of an assignment are due on a day, and when a phone may ring. Pure.

    assigned                  on its first day
    14, 7, 3, 1 days before   each once, from the day after it was assigned
    on the day it is due
    overdue                   the day after, and every week from then on
    must leave the post       the day after, where the training bars the post

A run that is missed is made up for by the newest reminder alone: whoever was not reminded
for a fortnight gets one, not four.
Text messages and e-mails keep quiet from 21:00 to 08:00 in China, and nobody gets more than one of each a day about
what is due; a session on site of tomorrow is told by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from elearn.zone import LOCAL_ZONE

ASSIGNED = "assigned"
LEAVE_POST = "leave_post"
ON_THE_DAY = "due"
BEFORE_DAYS = (14, 7, 3, 1)
WEEK = timedelta(days=7)
DAY = timedelta(days=1)

LOUD_FROM_H, LOUD_TO_H = 8, 21
"""China's hours in which a phone may ring."""
MOST_LINES = 5


@dataclass(frozen=True, slots=True)
class Duty:
    """An open assignment, as far as reminders ask."""

    id: UUID
    programme: str
    left_ms: int
    """Credited time that is still missing; 0: the test, or a signature."""
    assigned_on: date
    due_on: date
    bars_post: bool

    def overdue(self, on: date) -> bool:
        return self.due_on < on


def steps(duty: Duty, on: date, told: Collection[str]) -> tuple[str, ...]:
    """What is to be told of a duty on this day, as words that are kept: never twice. Nothing before it is assigned.

    At most two: the newest step that has come, and that the post must be left.
    """
    if on < duty.assigned_on:
        return ()
    newest = _newest(duty, on)
    found = [] if newest in told or _later(duty, newest, told) else [newest]
    if duty.bars_post and duty.overdue(on) and LEAVE_POST not in told:
        found.append(LEAVE_POST)
    return tuple(found)


def _newest(duty: Duty, on: date) -> str:
    """The step that came last."""
    if duty.overdue(on):
        return f"overdue_{(on - duty.due_on - DAY) // WEEK}"
    if on == duty.assigned_on:
        return ASSIGNED
    if on == duty.due_on:
        return ON_THE_DAY
    left = (duty.due_on - on).days
    reached = [before for before in BEFORE_DAYS if left <= before and duty.due_on - before * DAY > duty.assigned_on]
    return f"before_{min(reached)}" if reached else ASSIGNED


def _later(duty: Duty, step: str, told: Collection[str]) -> bool:
    """Whether something was told already that comes after this step: the day it is due was moved."""
    order = _place(step)
    return any(_place(one) > order for one in told if one != LEAVE_POST)


def _place(step: str) -> int:
    """In which order steps come."""
    if step == ASSIGNED:
        return -100
    if step == ON_THE_DAY:
        return 0
    name, _, number = step.partition("_")
    return -int(number) if name == "before" else 1 + int(number)


def may_ring(at: datetime) -> bool:
    """Whether a phone may ring now."""
    return LOUD_FROM_H <= at.astimezone(LOCAL_ZONE).hour < LOUD_TO_H


def next_ring(at: datetime) -> datetime:
    """The first moment from `at` on in which a phone may ring."""
    if may_ring(at):
        return at
    local = at.astimezone(LOCAL_ZONE)
    morning = local.replace(hour=LOUD_FROM_H, minute=0, second=0, microsecond=0)
    return (morning if local.hour < LOUD_FROM_H else morning + DAY).astimezone(at.tzinfo)


def summary(duties: Sequence[Duty], on: date) -> dict[str, Any]:
    """The facts of one message about all of these: the most urgent first, no more lines than somebody reads."""
    urgent = sorted(duties, key=lambda one: (not (one.bars_post and one.overdue(on)), one.due_on, one.id))
    lines = [
        {
            "programme": one.programme,
            "left_ms": one.left_ms,
            "due_on": one.due_on.isoformat(),
            "overdue": one.overdue(on),
            "bars_post": one.bars_post,
        }
        for one in urgent[:MOST_LINES]
    ]
    return {"lines": lines, "more": len(urgent) - len(lines)}
