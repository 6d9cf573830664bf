"""The laws of spans, point by point."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.tracking.spans import Span, frontier_ms, intersect, merge, subtract, total_ms

small = st.builds(
    lambda start_ms, length_ms: Span(start_ms, start_ms + length_ms), st.integers(-3, 20), st.integers(-1, 8)
)


@settings(max_examples=800, derandomize=True, deadline=None)
@given(small, st.lists(small, min_size=1, max_size=5))
def test_subtract_and_intersect_split_a_span_point_by_point(span: Span, others: list[Span]) -> None:
    def points(some: tuple[Span, ...] | list[Span]) -> set[int]:
        return {x for s in some for x in range(s.start_ms, s.end_ms)}

    assert points(subtract(span, others)) == points([span]) - points(others)
    assert points(intersect(span, others)) == points([span]) & points(others)
    assert total_ms(others) == len(points(others))
    assert merge(merge(others)) == merge(others)


@settings(max_examples=800, derandomize=True, deadline=None)
@given(st.lists(small, min_size=1, max_size=5), st.integers(0, 3))
def test_a_frontier_known_already_goes_on_from_there(some: list[Span], bridge_ms: int) -> None:
    known = [Span(max(0, s.start_ms), s.end_ms) for s in some]
    whole = frontier_ms(known, bridge_ms=bridge_ms)
    first = frontier_ms(known[:3], bridge_ms=bridge_ms)
    beyond = [s for s in merge(known) if s.end_ms > first]
    assert frontier_ms(beyond, bridge_ms=bridge_ms, from_ms=first) == whole
