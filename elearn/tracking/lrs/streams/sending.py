"""How a batch goes to another record store, and what its answer means for each statement. Pure: the request itself
is a function that is handed in.

An LRS takes a batch whole or not at all (xAPI Communication 2.1.2), so a batch that is refused is halved until the
statement stands alone that it was refused for; all others arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import msgspec

from elearn.reaching import shown

One = TypeVar("One")

ABOUT_THE_STATEMENT = frozenset({400, 409, 413, 415, 422})
"""Statuses that speak of what was sent. All others speak of the target: it is tried again as a whole."""
BROKEN_AT_MOST = 5
"""Statements in a row that a target breaks at, and takes none before: then it is the target."""


@dataclass(frozen=True, slots=True)
class Taken:
    """All of what was sent is there."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What was sent is not taken, and will not be another time either (`final`), or the target breaks at it."""

    status: int | None
    why: str
    final: bool = True


@dataclass(frozen=True, slots=True)
class Away:
    """The target is not to be had: what was sent may be there or not."""

    why: str
    retry_after_s: float | None = None
    suspect: bool = False
    """Whether what was sent may itself be the cause: the target broke while it had it in hand."""


Answer = Taken | Refused | Away


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a batch: a decision on each of its first statements, None where it was taken."""

    decided: list[Refused | None]
    away: Away | None
    """Set when the rest is undecided."""


def deliver(batch: Sequence[One], send: Callable[[Sequence[One]], Answer], *, doubting: bool = False) -> Sent:
    """Send `batch`, halving what is refused, in order.

    `doubting`, after many failures at the same place: a target that breaks (500, no answer) is taken to break at a
    statement, which is then sought as a refused one is. If it takes nothing at all, it is away after all.
    """
    decided: list[Refused | None] = []
    todo = [batch]
    while todo:
        part = todo.pop()
        answer = send(part)
        if isinstance(answer, Away) and answer.suspect and doubting:
            answer = Refused(None, answer.why, final=False)
        if isinstance(answer, Away):
            return Sent(decided, answer)
        if isinstance(answer, Taken):
            decided += [None] * len(part)
        elif len(part) == 1:
            decided.append(answer)
        else:
            middle = len(part) // 2
            todo += [part[middle:], part[:middle]]
        broken = [one for one in decided if one is not None and not one.final]
        if broken and None not in decided and (len(broken) == BROKEN_AT_MOST or not todo):
            return Sent([], Away(broken[-1].why, suspect=True))
    return Sent(decided, None)


def meaning(status: int, body: bytes, ids: Sequence[UUID], *, retry_after_s: float | None = None) -> Answer:
    """What the answer to a POST of the statements `ids` says. Only their ids, in order, say that they are there: a
    page of some proxy with status 200 does not (Communication 2.1.2)."""
    if status == 200:
        try:
            answered = [UUID(one) for one in msgspec.json.decode(body, type=list[str])]
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return Away(f"200, but not with the statements' ids: {shown(body)}", suspect=True)
        return Taken() if answered == list(ids) else Away("200, but with ids of other statements")
    why = f"{status} {shown(body)}".strip()
    if status in ABOUT_THE_STATEMENT:
        return Refused(status, why)
    return Away(why, retry_after_s, suspect=status == 500)
