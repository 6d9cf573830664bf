"""Half-open stretches of media, in whole milliseconds. Pure.

Every function takes spans in any order, overlapping or not, and returns them merged: sorted, disjoint,
not touching, never empty. An empty or inverted span (`end_ms <= start_ms`) holds nothing and disappears.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """The media milliseconds `start_ms <= x < end_ms`."""

    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        """How much media this is; 0 when empty or inverted."""
        return max(0, self.end_ms - self.start_ms)


def merge(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same media as the fewest spans; touching ones join."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if merged and start <= merged[-1].end_ms:
            if end > merged[-1].end_ms:
                merged[-1] = Span(merged[-1].start_ms, end)
        else:
            merged.append(Span(start, end))
    return tuple(merged)


def subtract(span: Span, taken: Iterable[Span]) -> tuple[Span, ...]:
    """What of `span` lies in none of `taken`."""
    left: list[Span] = []
    start = span.start_ms
    for part in merge(taken):
        if part.end_ms <= start:
            continue
        if part.start_ms >= span.end_ms:
            break
        if part.start_ms > start:
            left.append(Span(start, part.start_ms))
        start = part.end_ms
    if start < span.end_ms:
        left.append(Span(start, span.end_ms))
    return tuple(left)


def intersect(span: Span, others: Iterable[Span]) -> tuple[Span, ...]:
    """What of `span` lies in at least one of `others`."""
    return merge(Span(max(span.start_ms, o.start_ms), min(span.end_ms, o.end_ms)) for o in others)


def leading_covered(span: Span, delivered: Iterable[Span]) -> Span:
    """`span` cut at its first point that is not in `delivered`; empty when its first point is not."""
    missing = subtract(span, delivered)
    return span if not missing else Span(span.start_ms, missing[0].start_ms)


def frontier_ms(spans: Iterable[Span], *, bridge_ms: int, from_ms: int = 0) -> int:
    """The end of the stretch that starts at `from_ms`, holes up to `bridge_ms` bridged (MODEL 1.1, F).

    A hole before the first span is bridged like any other. With `from_ms` set to a frontier that is known
    already, only spans that end after it matter, so the caller need not load the others.
    """
    frontier = from_ms
    for part in merge(spans):
        if part.end_ms <= frontier:
            continue
        if part.start_ms - frontier > bridge_ms:
            break
        frontier = part.end_ms
    return frontier


def total_ms(spans: Iterable[Span]) -> int:
    """How much media the spans hold together, overlaps counted once."""
    return sum(part.length_ms for part in merge(spans))
