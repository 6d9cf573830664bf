"""What a class lacks for a whole archive. Pure. An archive can be made all the same; it says what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from elearn.credit_export.archive.reading import Held
from elearn.credit_export.archive.statement import Standing


class What(StrEnum):
    NO_PLAN = "no_plan"
    WITHOUT_LESSON_PLAN = "without_lesson_plan"
    """Lessons of the plan; a note, no obstacle to anything."""
    NOT_FILED = "not_filed"
    NO_LAST_DAY = "no_last_day"
    GOES_ON = "goes_on"
    """Its last day is still to come."""
    NOBODY = "nobody"
    CHANGES_WAITING = "changes_waiting"
    """Of the roster, for the second person."""
    SESSIONS_WITHOUT_LIST = "sessions_without_list"
    LISTS_WAITING = "lists_waiting"
    """For the second person."""
    HOURS_ON_THEIR_WAY = "hours_on_their_way"
    """Confirmed on site, and not in the ledger yet: a matter of a minute."""
    TEACHERS = "teachers"
    NOT_SIGNED = "not_signed"
    CHANGED = "changed"
    """Signed before something changed."""
    NOT_COMPLETED = "not_completed"
    """Its last day has come, and nobody has closed the class."""


@dataclass(frozen=True, slots=True)
class Gap:
    what: What
    count: int
    """How many of it; 1 of what is there or not."""


def gaps(held: Held, stands: Mapping[UUID, Standing], open_ends: Mapping[str, Any], *, on: date) -> tuple[Gap, ...]:
    """In the order in which they are put right. `stands`: of everybody who is in the class now; `open_ends`: counts
    of what is known by its name."""
    training = held.training
    standing = list(stands.values())
    counted = {
        What.NO_PLAN: open_ends["no_plan"],
        What.WITHOUT_LESSON_PLAN: open_ends["without_lesson_plan"],
        What.NOT_FILED: training.filed_at is None,
        What.NO_LAST_DAY: training.ends_on is None,
        What.GOES_ON: training.ends_on is not None and on < training.ends_on,
        What.NOBODY: not standing,
        What.CHANGES_WAITING: open_ends["changes_waiting"],
        What.SESSIONS_WITHOUT_LIST: open_ends["sessions_without_list"],
        What.LISTS_WAITING: open_ends["lists_waiting"],
        What.HOURS_ON_THEIR_WAY: open_ends["hours_on_their_way"],
        What.TEACHERS: open_ends["teachers"],
        What.NOT_SIGNED: standing.count(Standing.NOT_SIGNED),
        What.CHANGED: standing.count(Standing.CHANGED),
        What.NOT_COMPLETED: held.over(on) and open_ends["not_completed"],
    }
    return tuple(Gap(what, int(count)) for what, count in counted.items() if count)
