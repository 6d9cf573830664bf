"""Who may state what, and who may confirm it. Pure.

Two people of two sides, as everywhere where hours or an admission are given or taken (DESIGN 5): neither a school nor
an operator can excuse somebody from training, or shut somebody out, alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from elearn.people.sides import No, Side, Voice, why_not_second


class Kind(StrEnum):
    """What can be stated."""

    SKILL_CERTIFICATE = "skill_certificate"
    """The person holds a valid 职业技能等级证书 of this trade: no training is asked (Order 19)."""
    EARLIER_TRAINING = "earlier_training"
    """The person was trained for this before and failed the exam: no training is asked again (Order 19)."""
    TRAIN_AGAIN = "train_again"
    """The exam authority told that training begins anew. How often somebody failed is its knowledge, not ours."""
    EDUCATION = "education"
    """The person's highest diploma, from the day on which it was given."""
    HEALTH_CERTIFICATE = "health_certificate"
    """A medical examination for this work, with its last day."""
    BORN_ON = "born_on"
    """The day of birth, where the document's number does not say it; the first day on which it holds is that day."""
    BLACKLISTED = "blacklisted"
    INSTITUTION_SUSPENDED = "institution_suspended"


EXEMPTS = frozenset({Kind.SKILL_CERTIFICATE, Kind.EARLIER_TRAINING})
"""These name an outline, a paper (kind and number), and take the place of training."""
OF_OUTLINE = EXEMPTS | {Kind.TRAIN_AGAIN}
"""These hold for the training of one outline."""
SHOWN = frozenset({Kind.EDUCATION, Kind.HEALTH_CERTIFICATE, Kind.BORN_ON})
"""What somebody must be or have beside training: of the person, whatever is learned."""
PAPERED = OF_OUTLINE | SHOWN
"""A paper says so; its kind and number are kept."""

SAID_BY: dict[Kind, frozenset[Side]] = {
    Kind.SKILL_CERTIFICATE: frozenset(Side),
    Kind.EARLIER_TRAINING: frozenset(Side),
    Kind.TRAIN_AGAIN: frozenset(Side),
    Kind.EDUCATION: frozenset(Side),
    Kind.HEALTH_CERTIFICATE: frozenset(Side),
    Kind.BORN_ON: frozenset(Side),
    # An institution has an interest in whom another one may send to the exam.
    Kind.BLACKLISTED: frozenset({Side.REGULATOR, Side.OPERATOR}),
    Kind.INSTITUTION_SUSPENDED: frozenset({Side.REGULATOR, Side.OPERATOR}),
}
"""In whose name each may be stated, confirmed and objected to."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A statement that nobody has answered."""

    kind: Kind
    about: UUID | None
    """The person it is about; None: an institution."""
    by: Voice


def why_not_state(kind: Kind, about: UUID | None, voice: Voice) -> No | None:
    """Why `voice` may not state this; None when it may."""
    if about == voice.person:
        return No.OWN
    return None if voice.side in SAID_BY[kind] else No.NOT_YOURS


def why_not_confirm(waiting: Waiting, voice: Voice) -> No | None:
    """Why `voice` may not confirm it; None when it may."""
    return why_not_state(waiting.kind, waiting.about, voice) or why_not_second(waiting.about, waiting.by, voice)


def why_not_object(waiting: Waiting, voice: Voice) -> No | None:
    """Whoever might have stated it may take it off the table; who stated it takes it back so."""
    return why_not_state(waiting.kind, waiting.about, voice)


def holds(from_on: date, to_on: date | None, ended_on: date | None, on: date) -> bool:
    """Whether a confirmed finding holds on a day. `to_on` is its last day; `ended_on` the first on which it is over."""
    return from_on <= on and (to_on is None or on <= to_on) and (ended_on is None or on < ended_on)
