"""What a key may do: the scopes of xAPI Communication 4.2, what each opens and what it includes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

SCOPES = (
    "statements/write",
    "statements/read/mine",
    "statements/read",
    "state",
    "define",
    "profile",
    "all/read",
    "all",
)
"""As xAPI Communication 4.2 names them."""
DEFAULT_SCOPES = ("statements/write", "statements/read/mine")
"""What the same section gives a client that asks for nothing."""

WRITES = frozenset({"statements/write", "all"})
READS_ALL = frozenset({"statements/read", "all/read", "all"})
READS = READS_ALL | {"statements/read/mine"}
STATE_WRITES = frozenset({"state", "all"})
STATE_READS = STATE_WRITES | {"all/read"}
PROFILE_WRITES = frozenset({"profile", "all"})
PROFILE_READS = PROFILE_WRITES | {"all/read"}
DEFINES = frozenset({"define", "all"})
KNOWS_THINGS = READS | {"define", "profile"}
"""May ask what an activity or an agent is. The section names no scope for that: whoever reads statements sees the same
there, and whoever describes activities or agents must be able to see what he describes."""

_INCLUDES = {
    "statements/read": {"statements/read/mine"},
    "all/read": {"statements/read", "statements/read/mine"},
    "all": set(SCOPES),
}


@dataclass(frozen=True, slots=True)
class Reads:
    """Whose statements a key may see: `all`, or those that came by the `credentials` named."""

    all: bool
    credentials: tuple[UUID, ...] = ()


def included(granted: Iterable[str]) -> frozenset[str]:
    """All that is granted with `granted`: who may read any statement may read its own."""
    return frozenset(each for one in granted for each in {one} | _INCLUDES.get(one, set()))


def narrowed(granted: Iterable[str], asked: Iterable[str]) -> list[str] | None:
    """What a token gets when `asked` is asked for (RFC 6749, 3.3); None: more than the key was granted, or nothing.

    Asking for nothing means the two default scopes (Communication 4.2), as far as they were granted.
    """
    whole = included(granted)
    wanted = list(dict.fromkeys(asked))
    given = wanted or [one for one in DEFAULT_SCOPES if one in whole]
    return given if given and whole.issuperset(given) else None
