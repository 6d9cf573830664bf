"""How all that was said about an activity becomes one definition (xAPI Data 2.4.4.1, Communication 2.5). Pure.

The later word holds, part by part: of `name` and `description` each language is a part, of `extensions` each key,
what makes an interaction is one part together (choices of one question and the answers to another are none), and
`type` and `moreInfo` are parts. What a later definition does not speak of stays.

Each part carries when it was said. So folding does not depend on order or grouping: folds may be folded again, and
a fold twice changes nothing. Values stay the JSON that came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from elearn.tracking.lrs.rules.activities import INTERACTION

BY_LANGUAGE = ("name", "description")
BY_KEY = "extensions"
QUESTION = "interaction"
"""The part under which an interaction's members stand together."""

MOST_PARTS = 1_000
MOST_BYTES = 500_000
"""What one activity's definition may grow to. Beyond it the oldest parts are left out."""

Spot = tuple[str, str]
"""Where a part stands: the member, and in it the language (in small letters) or the key, else empty."""


class Part(NamedTuple):
    """One part of a definition, as it was last said."""

    at_us: int
    """When it was stored, in microseconds since 1970."""
    source: str
    """Of two at the same moment, the greater holds: any rule does that is always the same."""
    name: str
    """The language or key as it was written."""
    value: msgspec.Raw
    """Its JSON."""


Fold = dict[Spot, Part]


def said(definition: str | bytes, *, at_us: int, source: str) -> Fold:
    """The parts of one definition as a statement brought it. It keeps the rules (`rules/activities.py`)."""
    made: Fold = {}
    question: dict[str, msgspec.Raw] = {}
    for member, value in msgspec.json.decode(definition, type=dict[str, msgspec.Raw]).items():
        if member in BY_LANGUAGE or member == BY_KEY:
            for name, inner in msgspec.json.decode(value, type=dict[str, msgspec.Raw]).items():
                made[member, name if member == BY_KEY else name.lower()] = Part(at_us, source, name, _own(inner))
        elif member in INTERACTION:
            question[member] = value
        else:
            made[member, ""] = Part(at_us, source, "", _own(value))
    if question:
        made[QUESTION, ""] = Part(at_us, source, "", msgspec.Raw(msgspec.json.encode(question)))
    return made


def fold(folds: Iterable[Mapping[Spot, Part]]) -> Fold:
    """Of each part the latest, within the bounds."""
    made: Fold = {}
    for one in folds:
        for spot, part in one.items():
            if spot not in made or _age(made[spot]) < _age(part):
                made[spot] = part
    return _bounded(made)


def shown(folded: Mapping[Spot, Part]) -> dict[str, Any]:
    """The definition that the parts make: values are JSON (`Raw`), those by language and by key in a dict."""
    made: dict[str, Any] = {}
    for (member, _), part in sorted(folded.items(), key=lambda one: (*_age(one[1])[:2], one[0])):
        if member in BY_LANGUAGE:
            made.setdefault(member, {})[part.name] = msgspec.json.decode(part.value, type=str)
        elif member == BY_KEY:
            made.setdefault(member, {})[part.name] = part.value
        elif member == QUESTION:
            made |= msgspec.json.decode(part.value, type=dict[str, msgspec.Raw])
        else:
            made[member] = part.value
    return made


def written(folded: Mapping[Spot, Part]) -> str:
    """A fold as text, to be kept; `read` is the way back."""
    return msgspec.json.encode([(*spot, *part) for spot, part in sorted(folded.items())]).decode()


def read(text: str | bytes) -> Fold:
    rows = msgspec.json.decode(text, type=list[tuple[str, str, int, str, str, msgspec.Raw]])
    return {(member, key): Part(at, source, name, _own(value)) for member, key, at, source, name, value in rows}


def _age(part: Part) -> tuple[int, str, bytes]:
    return part.at_us, part.source, bytes(part.value)


def _own(value: msgspec.Raw) -> msgspec.Raw:
    """A copy: a `Raw` out of a decoder keeps the whole message alive."""
    return value.copy()


def _bounded(folded: Fold) -> Fold:
    size = sum(len(bytes(part.value)) + len(part.name) for part in folded.values())
    if len(folded) <= MOST_PARTS and size <= MOST_BYTES:
        return folded
    made: Fold = {}
    left = MOST_BYTES
    for spot, part in sorted(folded.items(), key=lambda one: (_age(one[1]), one[0]), reverse=True)[:MOST_PARTS]:
        left -= len(bytes(part.value)) + len(part.name)
        if left < 0:
            break
        made[spot] = part
    return made
