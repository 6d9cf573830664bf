"""Pure: what a receiver is pushed, what its answer means, and how long to wait.

A receiver that is away holds up its own queue and nothing is given up, however many days it takes. A message that it
breaks at, while it takes others, is tried for five days and then is a dead letter; one that it refuses is one at once.
Dead letters stay until an operator sends them again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from elearn.credit_export.exam_system.delivery import State as Delivery
from elearn.credit_export.lifecycle import State

ABOUT_THE_MESSAGE = frozenset({400, 409, 413, 415, 422})
"""Statuses that speak of what was sent: another time they will say the same."""
BROKEN = frozenset({500})
"""It may be the message, or the receiver."""
GONE = 410
"""Standard Webhooks: the address is given up, send nothing more."""
BROKEN_IN_A_ROW = 3
"""So many messages in a row that it breaks at, and it is the receiver."""
GIVEN_UP_AFTER = timedelta(days=5)
FIRST_WAIT_S = 10.0
LONGEST_WAIT_S = 3600.0


class Takes(StrEnum):
    GRANTED = "granted"
    """What may be acted on, and what changes it."""
    EVERYTHING = "everything"
    """Every step of every record."""


class Kind(StrEnum):
    CHANGE = "change"
    WITHDRAWAL = "withdrawal"
    """Something that was told no longer holds."""


ENDED = frozenset({State.SUSPENDED, State.REVOKED, State.SUPERSEDED})


def what_to_tell(now: State, stands: Delivery | None, takes: Takes, *, rerouted: bool = False) -> Kind | None:
    """What a receiver is to be told of a version that is now `now`; None: nothing.

    `stands`: this version's delivery; `rerouted`: the person's matter was given to another receiver.
    """
    if rerouted:
        return None
    if now in ENDED and stands is not None:
        return Kind.WITHDRAWAL
    if takes is Takes.EVERYTHING or now is State.GRANTED:
        return Kind.CHANGE
    return None


def waiting_s(attempts: int, *, chance: float, asked_s: float | None = None) -> float:
    """How long to wait after so many failures in a row: twice as long each time, half of it by chance (0 to 1), so
    that what failed together does not come back together. What the other side asks for is waited at least."""
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(max(attempts - 1, 0), 20))
    return max(longest * (0.5 + chance / 2), min(asked_s or 0.0, LONGEST_WAIT_S))


@dataclass(frozen=True, slots=True)
class Taken:
    """It is there."""

    status: int = 200


@dataclass(frozen=True, slots=True)
class Refused:
    """It is not taken, and will not be another time either."""

    why: str
    status: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The receiver broke at it, or its answer was lost: it may be there or not."""

    why: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Away:
    """The receiver is not to be had."""

    why: str
    status: int | None = None
    retry_after_s: float | None = None
    gone: bool = False
    """It wants nothing more at this address."""


Answer = Taken | Refused | Broken | Away


def meaning(status: int, said: str, *, retry_after_s: float | None = None) -> Answer:
    """What an answer to a push says."""
    if 200 <= status < 300:
        return Taken(status)
    why = f"{status} {said}".strip()
    if status in ABOUT_THE_MESSAGE:
        return Refused(why, status)
    if status in BROKEN:
        return Broken(why, status)
    return Away(why, status, retry_after_s, gone=status == GONE)


def is_given_up(first_failed_at: datetime, *, at: datetime) -> bool:
    return at - first_failed_at >= GIVEN_UP_AFTER


Letter = TypeVar("Letter")


@dataclass(frozen=True, slots=True)
class Sent(Generic[Letter]):
    """What became of some letters: an answer for each that was tried; the others were not."""

    answers: list[tuple[Letter, Answer]]
    away: Away | None
    """Set when the receiver itself is not to be had; the letter that showed it is the last of `answers`."""


def probe(
    letters: Sequence[Letter], *, matter: Callable[[Letter], Hashable], attempts: Callable[[Letter], int]
) -> list[Letter]:
    """The one letter by which a receiver that was away is tried: the first of its matter that failed least often, so
    that one letter it breaks at does not speak for all."""
    first: dict[Hashable, Letter] = {}
    for letter in letters:
        first.setdefault(matter(letter), letter)
    return [min(first.values(), key=attempts)] if first else []


def deliver(
    letters: Sequence[Letter],
    send: Callable[[Letter], Answer],
    *,
    matter: Callable[[Letter], Hashable],
    attempts: Callable[[Letter], int],
) -> Sent[Letter]:
    """Send letters in order. What follows a failed one in the same matter waits, so nothing overtakes there.

    A receiver that breaks at everything is away, unless it broke at these before: then it is they.
    """
    answers: list[tuple[Letter, Answer]] = []
    held: set[Hashable] = set()
    broken = 0
    for letter in letters:
        if matter(letter) in held:
            continue
        answer = send(letter)
        answers.append((letter, answer))
        if isinstance(answer, Away):
            return Sent(answers, answer)
        broken = broken + 1 if isinstance(answer, Broken) else 0
        if isinstance(answer, Broken):
            held.add(matter(letter))
            if broken == BROKEN_IN_A_ROW:
                return Sent(answers, Away(answer.why, answer.status))
    if broken and broken == len(answers) and not all(attempts(letter) for letter, _ in answers):
        last = answers[-1][1]
        assert isinstance(last, Broken)
        return Sent(answers, Away(last.why, last.status))
    return Sent(answers, None)
