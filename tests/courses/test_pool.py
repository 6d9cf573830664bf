"""Which questions may be asked, and when a pool covers a unit (DESIGN 3.6, MODEL 3.2)."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.courses.pool import TAIL_MS, WINDOW_MS, problem_of, uncovered, windows
from tests.builders_courses import a_question, covering_questions

MIN = 60_000


@pytest.mark.parametrize(
    ("rule", "duration_ms", "expected"),
    [
        ("a lesson shorter than five minutes is one stretch", 90_000, [(0, 90_000)]),
        ("a lesson of a second is one stretch", 1_000, [(0, 1_000)]),
        ("exactly five minutes are one stretch", 5 * MIN, [(0, 5 * MIN)]),
        ("a rest of under a minute belongs to what is before it", 6 * MIN - 1, [(0, 6 * MIN - 1)]),
        ("a rest of a minute is a stretch of its own", 6 * MIN, [(0, 5 * MIN), (5 * MIN, 6 * MIN)]),
        ("ten minutes are two", 10 * MIN, [(0, 5 * MIN), (5 * MIN, 10 * MIN)]),
    ],
)
def test_a_unit_falls_into_stretches_of_five_minutes(
    rule: str, duration_ms: int, expected: list[tuple[int, int]]
) -> None:
    assert list(windows(duration_ms)) == expected, rule


@given(st.integers(min_value=1, max_value=10 * 3_600_000))
def test_stretches_tile_any_unit_and_none_is_longer_than_six_minutes(duration_ms: int) -> None:
    found = windows(duration_ms)
    assert found[0][0] == 0
    assert found[-1][1] == duration_ms
    assert all(before[1] == after[0] for before, after in itertools.pairwise(found))
    assert all(0 < end - start < WINDOW_MS + TAIL_MS for start, end in found)


@pytest.mark.parametrize(
    ("rule", "spans", "missing"),
    [
        ("no question covers nothing", [], [(0, 5 * MIN), (5 * MIN, 10 * MIN)]),
        ("a question covers where it ends", [(4 * MIN, 6 * MIN)], [(0, 5 * MIN)]),
        ("ending with a stretch is inside it", [(4 * MIN, 5 * MIN)], [(5 * MIN, 10 * MIN)]),
        ("ending just behind a stretch is in the next", [(4 * MIN, 5 * MIN + 1)], [(0, 5 * MIN)]),
        ("one about everything covers nothing", [(0, 10 * MIN)], [(0, 5 * MIN), (5 * MIN, 10 * MIN)]),
        ("one for each stretch covers the unit", [(0, MIN), (9 * MIN, 10 * MIN)], []),
        ("two in one stretch do not stand for the other", [(0, MIN), (MIN, 2 * MIN)], [(5 * MIN, 10 * MIN)]),
    ],
)
def test_a_pool_covers_a_unit_of_ten_minutes(
    rule: str, spans: list[tuple[int, int]], missing: list[tuple[int, int]]
) -> None:
    assert list(uncovered(10 * MIN, [a_question(*span) for span in spans])) == missing, rule


@given(st.integers(min_value=1, max_value=3_600_000), st.data())
def test_taking_any_question_from_a_pool_that_is_just_enough_leaves_its_stretch_open(
    duration_ms: int, data: st.DataObject
) -> None:
    questions = covering_questions(duration_ms)
    assert uncovered(duration_ms, questions) == ()
    gone = data.draw(st.integers(min_value=0, max_value=len(questions) - 1))
    assert uncovered(duration_ms, questions[:gone] + questions[gone + 1 :]) == (windows(duration_ms)[gone],)


@pytest.mark.parametrize("subset", [tuple(i for i in range(4) if bits >> i & 1) for bits in range(1, 16)])
def test_any_subset_but_the_empty_one_may_be_right(subset: tuple[int, ...]) -> None:
    assert problem_of(a_question(correct=subset), 90_000) is None


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("nothing is right", {"correct": ()}),
        ("a place that is not there", {"correct": (4,)}),
        ("a place below zero", {"correct": (-1,)}),
        ("the same place twice", {"correct": (1, 1)}),
        ("three options", {"options": ("甲", "乙", "丙")}),
        ("five options", {"options": ("甲", "乙", "丙", "丁", "戊")}),
        ("an empty option", {"options": ("甲", "乙", "丙", " ")}),
        ("two options alike", {"options": ("甲", "乙", "丙", "甲 ")}),
        ("a huge option", {"options": ("甲", "乙", "丙", "丁" * 201)}),
        ("no text", {"stem": "  "}),
        ("a huge text", {"stem": "长" * 501}),
        ("before the video", {"from_ms": -1}),
        ("an empty stretch", {"from_ms": 60_000}),
        ("a stretch turned round", {"from_ms": 60_001}),
        ("behind the video", {"to_ms": 90_001}),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(rule: str, change: dict[str, Any]) -> None:
    assert problem_of(replace(a_question(), **change), 90_000) is not None, rule
