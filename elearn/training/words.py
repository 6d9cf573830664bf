"""Words of training, each once: what a programme is for, what makes somebody learn, how an assignment stands. Pure."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """What a programme is for."""

    THREE_LEVEL_FACTORY = "three_level_factory"
    THREE_LEVEL_WORKSHOP = "three_level_workshop"
    THREE_LEVEL_TEAM = "three_level_team"
    YEARLY = "yearly"
    TRANSFER = "transfer"
    BACK = "back"
    APPOINTMENT = "appointment"
    CONTRACTOR_ENTRY = "contractor_entry"
    NEW_TECHNOLOGY = "new_technology"
    CAMPAIGN = "campaign"
    OTHER = "other"

    @property
    def level(self) -> bool:
        """One of the three levels (三级安全教育): it is done once two people signed for it."""
        return self in (Purpose.THREE_LEVEL_FACTORY, Purpose.THREE_LEVEL_WORKSHOP, Purpose.THREE_LEVEL_TEAM)


class Occasion(StrEnum):
    """What makes somebody have to learn."""

    HIRE = "hire"
    TRANSFER = "transfer"
    BACK = "back"
    APPOINTMENT = "appointment"
    YEARLY = "yearly"
    CONTRACTOR_ENTRY = "contractor_entry"
    NEW_TECHNOLOGY = "new_technology"
    CAMPAIGN = "campaign"
    BY_HAND = "by_hand"
    """Somebody assigned it to one person, by no rule."""


class Cycle(StrEnum):
    """When a year of yearly training begins."""

    CALENDAR = "calendar"
    ANNIVERSARY = "anniversary"
    """Of the day on which the membership began."""


class State(StrEnum):
    WAITING = "waiting"
    """An earlier one of its chain is not done."""
    OPEN = "open"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class Side(StrEnum):
    """Who of the two a signature under a level is of."""

    LEARNER = "learner"
    SIGNER = "signer"


class RunState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
