"""Pure: whether a link still opens, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Stands(StrEnum):
    """How a link stands on a day."""

    OPEN = "open"
    NOT_YET = "not_yet"
    OVER = "over"
    """Its last day has passed."""
    USED_UP = "used_up"
    WITHDRAWN = "withdrawn"
    UNIT_CLOSED = "unit_closed"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a link says of itself."""

    from_on: date
    until_on: date
    most_uses: int
    withdrawn: bool
    unit_open: bool


def stands(terms: Terms, *, today: date, used: int) -> Stands:
    """What ends a link for good is said before what may pass. `used`: who joined by it or waits."""
    if terms.withdrawn:
        return Stands.WITHDRAWN
    if not terms.unit_open:
        return Stands.UNIT_CLOSED
    if today > terms.until_on:
        return Stands.OVER
    if today < terms.from_on:
        return Stands.NOT_YET
    return Stands.USED_UP if used >= terms.most_uses else Stands.OPEN
