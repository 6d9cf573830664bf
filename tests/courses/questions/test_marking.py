"""What an answer is worth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.courses.questions.kinds import Answer, Blank, Case, Content, Fill, Multiple, Ordering, require_answer
from elearn.courses.questions.marking import Partial, divided, mark, right_answer
from elearn.errors import Malformed
from tests.builders_questions import (
    a_case,
    a_fill,
    a_multiple,
    a_single,
    a_statement,
    an_ordering,
    one_of_each,
)

SHARE, NONE = Partial.SHARE, Partial.NONE

ROWS: list[tuple[str, Content, object, Partial, int]] = [
    ("single: the right one", a_single(correct=1), 1, SHARE, 1000),
    ("single: another one", a_single(correct=1), 0, SHARE, 0),
    ("single: not answered", a_single(), None, SHARE, 0),
    ("statement: right", a_statement(correct=False), False, SHARE, 1000),
    ("statement: wrong", a_statement(correct=False), True, SHARE, 0),
    ("multiple: all right ones, in any order", a_multiple(correct=(0, 2)), [2, 0], SHARE, 1000),
    ("multiple: one of two, by its share", a_multiple(correct=(0, 2)), [0], SHARE, 500),
    ("multiple: one of three, rounded down", a_multiple(correct=(0, 1, 2)), [1], SHARE, 333),
    ("multiple: one of two, all or nothing", a_multiple(correct=(0, 2)), [0], NONE, 0),
    ("multiple: a wrong one spoils all", a_multiple(correct=(0, 2)), [0, 1, 2], SHARE, 0),
    ("multiple: everything ticked earns nothing", a_multiple(correct=(0, 2)), [0, 1, 2, 3], SHARE, 0),
    ("multiple: nothing ticked", a_multiple(), [], SHARE, 0),
    ("fill: both blanks", a_fill(), ["断电", "36"], SHARE, 1000),
    ("fill: another right text, a number at the edge", a_fill(), ["切断电源", "36.5"], SHARE, 1000),
    ("fill: width and spaces do not matter", a_fill(), [" 断 电 ", "３６"], SHARE, 1000),
    ("fill: case does not matter", Fill(stem="x", blanks=(Blank(texts=("LOTO",)),)), ["loto"], SHARE, 1000),
    ("fill: one of two", a_fill(), ["断电", "40"], SHARE, 500),
    ("fill: one of two, all or nothing", a_fill(), ["断电", "40"], NONE, 0),
    ("fill: empty is no text", a_fill(), ["", ""], SHARE, 0),
    ("fill: a number just outside", a_fill(), ["", "36.5000001"], SHARE, 0),
    ("fill: not a number", a_fill(), ["", "NaN"], SHARE, 0),
    ("ordering: right", an_ordering(), [0, 1, 2], SHARE, 1000),
    ("ordering: one line in its place", an_ordering(), [0, 2, 1], SHARE, 333),
    ("ordering: no line in its place", an_ordering(), [1, 2, 0], SHARE, 0),
    ("ordering: one in its place, all or nothing", an_ordering(), [0, 2, 1], NONE, 0),
    ("case: all parts", a_case(), [0, True, [0, 2]], SHARE, 1000),
    ("case: parts of 334, 333, 333; the first one right", a_case(), [0, False, None], SHARE, 334),
    ("case: half of its last part", a_case(), [None, None, [0]], SHARE, 166),
    ("case: parts are judged one by one, also all or nothing", a_case(), [0, None, [0]], NONE, 334),
]


@pytest.mark.parametrize(("rule", "content", "answer", "partial", "worth"), ROWS, ids=[row[0] for row in ROWS])
def test_an_answer_is_worth(rule: str, content: Content, answer: object, partial: Partial, worth: int) -> None:
    assert mark(content, require_answer(content, answer), 1000, partial) == worth


def answers_to(content: Content) -> st.SearchStrategy[Answer]:
    if isinstance(content, Case):
        parts: st.SearchStrategy[Answer] = st.tuples(*(answers_to(part) for part in content.parts)).map(list)
        return st.none() | parts
    if isinstance(content, Multiple):
        return st.none() | st.lists(st.integers(0, len(content.options) - 1), unique=True)
    if isinstance(content, Ordering):
        return st.none() | st.permutations(range(len(content.lines)))
    if isinstance(content, Fill):
        text = st.sampled_from(["断电", "36", "", "x"])
        return st.none() | st.lists(text, min_size=2, max_size=2)
    if hasattr(content, "options"):
        return st.none() | st.integers(0, 3)
    return st.none() | st.booleans()


@given(st.data(), st.sampled_from(one_of_each()), st.integers(1, 100_000), st.sampled_from(Partial))
def test_a_mark_is_never_less_than_nothing_nor_more_than_the_points(
    data: st.DataObject, content: Content, points: int, partial: Partial
) -> None:
    answer = data.draw(answers_to(content))
    got = mark(content, answer, points, partial)
    assert 0 <= got <= points
    assert mark(content, answer, points, NONE) <= mark(content, answer, points, SHARE)
    assert mark(content, right_answer(content), points, partial) == points


@given(st.integers(0, 10**9), st.integers(1, 50))
def test_points_divided_among_parts_are_all_given_out_and_differ_by_one_at_most(points: int, parts: int) -> None:
    shares = divided(points, parts)
    assert sum(shares) == points
    assert max(shares) - min(shares) <= 1


@pytest.mark.parametrize(
    ("content", "raw"),
    [
        (a_single(), 4),
        (a_single(), -1),
        (a_single(), True),
        (a_single(), "0"),
        (a_single(), [0]),
        (a_statement(), 1),
        (a_statement(), "true"),
        (a_multiple(), [0, 0]),
        (a_multiple(), [4]),
        (a_multiple(), 0),
        (a_multiple(), [True]),
        (a_fill(), ["one"]),
        (a_fill(), ["one", 2]),
        (a_fill(), ["x" * 501, ""]),
        (a_fill(), ["\0", ""]),
        (an_ordering(), [0, 1]),
        (an_ordering(), [0, 1, 1]),
        (a_case(), [0, True]),
        (a_case(), [0, 0, []]),
        (a_case(), {"0": 1}),
    ],
)
def test_what_has_not_the_form_of_an_answer_is_refused(content: Content, raw: object) -> None:
    with pytest.raises(Malformed):
        require_answer(content, raw)


def test_a_number_in_a_blank_may_be_written_as_people_write_it() -> None:
    third = Fill(stem="x", blanks=(Blank(ranges=(("0.3", "0.3"),)),))
    assert mark(third, ["0,3"], 10, SHARE) == 10
    assert mark(third, [".30"], 10, SHARE) == 10
