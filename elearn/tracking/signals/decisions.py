"""Who may do what in a case, and where it then stands. Pure.

To take hours back needs two people of two sides: the institution that teaches, the regulator, the operator of the
platform. So neither a school nor a platform can do it alone, however many accounts it has. Nobody decides about
himself, and whoever took hours back does not answer the appeal against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from elearn.people.sides import Side as Side


class Act(StrEnum):
    PROPOSE = "propose"
    """To take these rows back, for these reasons."""
    CONFIRM = "confirm"
    OBJECT = "object"
    """The proposal is off the table, the case stays open."""
    DISMISS = "dismiss"
    """There is nothing in these flags."""
    UPHOLD = "uphold"
    REJECT = "reject"


class State(StrEnum):
    OPEN = "open"
    PROPOSED = "proposed"
    VOIDED = "voided"
    DISMISSED = "dismissed"
    UPHELD = "upheld"
    REJECTED = "rejected"


AFTER = {
    None: State.OPEN,
    Act.PROPOSE: State.PROPOSED,
    Act.CONFIRM: State.VOIDED,
    Act.OBJECT: State.OPEN,
    Act.DISMISS: State.DISMISSED,
    Act.UPHOLD: State.UPHELD,
    Act.REJECT: State.REJECTED,
}
"""A case stands where its last act left it."""

TAKEN_IN = {
    ("flags", Act.PROPOSE): State.OPEN,
    ("flags", Act.CONFIRM): State.PROPOSED,
    ("flags", Act.OBJECT): State.PROPOSED,
    ("flags", Act.DISMISS): State.OPEN,
    ("appeal", Act.UPHOLD): State.OPEN,
    ("appeal", Act.REJECT): State.OPEN,
}


class No(StrEnum):
    """Why an act is refused."""

    OWN_CASE = "own_case"
    WRONG_STATE = "wrong_state"
    SAME_PERSON = "same_person"
    SAME_SIDE = "same_side"
    WAS_AMONG_THEM = "was_among_them"
    NOTHING_TO_RESTORE = "nothing_to_restore"


@dataclass(frozen=True, slots=True)
class Done:
    """An act that stands in a case."""

    act: Act
    person: UUID
    side: Side


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case: `acts` in order; `took` are those who took back what an appeal is against."""

    kind: str
    learner: UUID
    acts: Sequence[Done] = ()
    took: frozenset[UUID] = frozenset()
    against_void: bool = False

    @property
    def state(self) -> State:
        return AFTER[self.acts[-1].act if self.acts else None]


def why_not(case: CaseFacts, act: Act, person: UUID, side: Side) -> No | None:
    """The reason why `person` may not do this in this case, in the name of `side`; None when it may be done."""
    if person == case.learner:
        return No.OWN_CASE
    if TAKEN_IN.get((case.kind, act)) is not case.state:
        return No.WRONG_STATE
    if act is Act.CONFIRM:
        proposed = case.acts[-1]
        if proposed.person == person:
            return No.SAME_PERSON
        if proposed.side is side:
            return No.SAME_SIDE
    if act in (Act.UPHOLD, Act.REJECT) and person in case.took:
        return No.WAS_AMONG_THEM
    if act is Act.UPHOLD and not case.against_void:
        return No.NOTHING_TO_RESTORE
    return None
