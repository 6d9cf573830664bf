"""In whose name somebody acts, where two people of two sides decide together (DESIGN 5). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from elearn.errors import Forbidden


class Side(StrEnum):
    """In whose name somebody acts."""

    INSTITUTION = "institution"
    REGULATOR = "regulator"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Voice:
    """Somebody who acts, and in whose name."""

    person: UUID
    side: Side


class No(StrEnum):
    """Why somebody may not state something, or confirm it."""

    NOT_YOURS = "not_yours"
    OWN = "own"
    """It is about the person who acts."""
    SAME_PERSON = "same_person"
    SAME_SIDE = "same_side"


SENTENCES = {
    No.NOT_YOURS: "This belongs to somebody else's office.",
    No.OWN: "Nobody states anything about themselves here.",
    No.SAME_PERSON: "Somebody else has to confirm what you stated.",
    No.SAME_SIDE: "The second person has to be of another side: institution, regulator or operator.",
}


def why_not_second(about: UUID | None, first: Voice, second: Voice) -> No | None:
    """Why this voice may not confirm what that one stated about a person (None: about nobody); None: it may."""
    if second.person == about:
        return No.OWN
    if second.person == first.person:
        return No.SAME_PERSON
    return No.SAME_SIDE if second.side is first.side else None


def refusal(no: No) -> Forbidden:
    """Why it is refused, in words."""
    return Forbidden(SENTENCES[no], code=no.value)
