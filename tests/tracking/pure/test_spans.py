"""Half-open stretches of media, in milliseconds."""

from __future__ import annotations

import pytest

from elearn.tracking.spans import Span, frontier_ms, leading_covered, merge, subtract


def spans(*pairs: tuple[int, int]) -> tuple[Span, ...]:
    return tuple(Span(*pair) for pair in pairs)


@pytest.mark.parametrize(
    ("rule", "given_spans", "merged"),
    [
        ("nothing stays nothing", [], []),
        ("touching spans are one, for they are half-open", [(0, 10), (10, 20)], [(0, 20)]),
        ("a gap of one millisecond keeps them apart", [(0, 10), (11, 20)], [(0, 10), (11, 20)]),
        ("order does not matter", [(30, 40), (0, 10)], [(0, 10), (30, 40)]),
        ("a span within another disappears", [(0, 100), (20, 30), (90, 110)], [(0, 110)]),
        ("an empty or inverted span holds nothing", [(5, 5), (9, 3)], []),
    ],
)
def test_merge(rule: str, given_spans: list[tuple[int, int]], merged: list[tuple[int, int]]) -> None:
    assert merge(spans(*given_spans)) == spans(*merged), rule


@pytest.mark.parametrize(
    ("rule", "span", "taken", "left"),
    [
        ("nothing taken leaves all", (0, 10), [], [(0, 10)]),
        ("taken before or behind takes nothing", (10, 20), [(0, 10), (20, 30)], [(10, 20)]),
        ("taken from the middle leaves both sides", (0, 30), [(10, 20)], [(0, 10), (20, 30)]),
        ("taken over both ends leaves nothing", (10, 20), [(5, 25)], []),
        ("taken just behind it makes it no longer", (0, 10), [(12, 14)], [(0, 10)]),
        ("overlapping takes count once", (0, 30), [(5, 15), (10, 20)], [(0, 5), (20, 30)]),
        ("an empty span has nothing to leave", (10, 10), [(0, 5)], []),
    ],
)
def test_subtract(rule: str, span: tuple[int, int], taken: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    assert subtract(Span(*span), spans(*taken)) == spans(*left), rule


@pytest.mark.parametrize(
    ("rule", "known", "frontier"),
    [
        ("nothing seen: the beginning", [], 0),
        ("the end of what starts at 0", [(0, 10_000)], 10_000),
        ("a hole of DELTA is bridged", [(0, 10_000), (11_000, 20_000)], 20_000),
        ("one millisecond more is not", [(0, 10_000), (11_001, 20_000)], 10_000),
        ("a hole at the very beginning is a hole like any other", [(1_000, 5_000)], 5_000),
        ("an island from the start onwards does not count", [(1_001, 5_000)], 0),
    ],
)
def test_frontier(rule: str, known: list[tuple[int, int]], frontier: int) -> None:
    assert frontier_ms(spans(*known), bridge_ms=1_000) == frontier, rule


@pytest.mark.parametrize(
    ("rule", "delivered", "covered"),
    [
        ("all of it was handed out", [(0, 100)], (10, 30)),
        ("two deliveries that touch are one", [(0, 20), (20, 40)], (10, 30)),
        ("it ends at the first point that was not", [(0, 15), (20, 40)], (10, 15)),
        ("of several holes the first counts", [(0, 15), (17, 20), (22, 40)], (10, 15)),
        ("without the first point there is none", [(11, 40)], (10, 10)),
    ],
)
def test_leading_covered(rule: str, delivered: list[tuple[int, int]], covered: tuple[int, int]) -> None:
    assert leading_covered(Span(10, 30), spans(*delivered)) == Span(*covered), rule


def test_leading_covered_of_an_empty_span_is_empty() -> None:
    assert leading_covered(Span(10, 10), ()) == Span(10, 10)
