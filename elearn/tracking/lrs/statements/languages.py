"""Which entry of a language map an Accept-Language header asks for (RFC 2616 section 14.4). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

MOST_RANGES = 50
"""Of a header; further ones are not read."""


def choose(tags: Iterable[str], accept_language: str) -> str:
    """The one of `tags` (of one language map, not empty) to show.

    A tag is worth the quality of the longest range that is its prefix. When no range is one, a range says less by
    dropping its last part (en-GB, en): somebody who reads British English reads American. When nothing is wanted,
    a map still has to show one (Communication 2.1.3): "und", else the first that was not refused with q=0.
    """
    listed = list(tags)
    if len(listed) == 1:
        return listed[0]
    ranges = _ranges(accept_language)
    worth = [_worth(tag.lower(), ranges) for tag in listed]
    best = max(worth)
    if best > (0.0, 0):
        return listed[worth.index(best)]
    rest = [tag for tag, one in zip(listed, worth, strict=True) if one != _REFUSED] or listed
    for wanted, quality in sorted(ranges, key=lambda one: -one[1]):
        parts = wanted.split("-")
        while quality > 0 and len(parts) > 1:
            parts.pop()
            found = next((tag for tag in rest if _covers("-".join(parts), tag.lower())), None)
            if found is not None:
                return found
    return "und" if "und" in rest else rest[0]


_REFUSED = (0.0, 0)
_NOT_NAMED = (-1.0, 0)


def _worth(tag: str, ranges: Sequence[tuple[str, float]]) -> tuple[float, int]:
    """The quality of `tag`, and of equals the one whose range stands first in the header."""
    named = [(len(wanted), quality, -place) for place, (wanted, quality) in enumerate(ranges) if _covers(wanted, tag)]
    if not named:
        named = [(0, quality, -place) for place, (wanted, quality) in enumerate(ranges) if wanted == "*"]
    if not named:
        return _NOT_NAMED
    _, quality, place = max(named)
    return (quality, place + MOST_RANGES) if quality > 0 else _REFUSED


def _covers(wanted: str, tag: str) -> bool:
    return tag == wanted or tag.startswith(wanted + "-")


@lru_cache(maxsize=256)
def _ranges(header: str) -> tuple[tuple[str, float], ...]:
    """Ranges in lower case with their qualities, in the header's order; what cannot be read is passed over."""
    found = []
    for part in header.split(",", MOST_RANGES)[:MOST_RANGES]:
        wanted, *parameters = part.strip().lower().split(";")
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = -1.0
        if wanted.strip() and 0.0 <= quality <= 1.0:
            found.append((wanted.strip(), quality))
    return tuple(found)
