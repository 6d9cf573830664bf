"""What a browser is given knows nothing of what is right."""

from __future__ import annotations

import itertools
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.courses.questions.kinds import Blank, Case, Content, Fill, Multiple, Ordering, Single, TrueFalse
from elearn.courses.questions.showing import shown, shown_answer, stored_answer
from tests.builders_questions import a_case, a_multiple, a_single, an_ordering, one_of_each
from tests.courses.questions.test_marking import answers_to

SEEDS = st.binary(min_size=1, max_size=32)


def said(content: Content, seed: bytes) -> str:
    return json.dumps(shown(content, seed, "q", str), sort_keys=True)


def with_other_keys(content: Content) -> list[Content]:
    """The same question with every other key that it could have."""
    if isinstance(content, Single):
        return [msgspec.structs.replace(content, correct=place, explanation=str(place)) for place in range(4)]
    if isinstance(content, Multiple):
        sizes = (itertools.combinations(range(4), size) for size in range(1, 5))
        return [msgspec.structs.replace(content, correct=key) for keys in sizes for key in keys]
    if isinstance(content, TrueFalse):
        return [msgspec.structs.replace(content, correct=key) for key in (True, False)]
    if isinstance(content, Fill):
        return [msgspec.structs.replace(content, blanks=(Blank(texts=("a",)), Blank(texts=("b",))))]
    if isinstance(content, Ordering):
        return [msgspec.structs.replace(content, lines=lines) for lines in itertools.permutations(content.lines)]
    keyed = [with_other_keys(part) for part in content.parts]
    return [
        msgspec.structs.replace(content, parts=(*content.parts[:place], other, *content.parts[place + 1 :]))
        for place, others in enumerate(keyed)
        for other in others
    ]


@given(SEEDS, st.sampled_from(one_of_each()))
def test_the_same_is_shown_whatever_is_right(seed: bytes, content: Content) -> None:
    assert {said(other, seed) for other in with_other_keys(content)} == {said(content, seed)}


@given(st.data(), SEEDS, st.sampled_from(one_of_each()))
def test_an_answer_means_the_option_that_was_touched(data: st.DataObject, seed: bytes, content: Content) -> None:
    stored: Any = data.draw(answers_to(content))
    if isinstance(content, Multiple) and isinstance(stored, list):
        stored = sorted(stored)
    if isinstance(content, Case) and isinstance(stored, list):
        stored = [sorted(one) if isinstance(one, list) else one for one in stored]
    there = shown_answer(content, stored, seed, "q")
    assert stored_answer(content, there, seed, "q") == stored


def test_a_touched_option_is_the_one_with_that_text() -> None:
    question = a_single()
    for seed in (b"1", b"2", b"3"):
        texts = [one["text"] for one in shown(question, seed, "q", str)["options"]]
        for place, text in enumerate(texts):
            answer = stored_answer(question, place, seed, "q")
            assert isinstance(answer, int)
            assert question.options[answer].text == text


@pytest.mark.parametrize("question", [a_single(), a_multiple(), an_ordering()])
def test_seeds_shuffle_and_one_seed_shuffles_always_alike(question: Content) -> None:
    orders = {said(question, bytes([number])) for number in range(40)}
    assert len(orders) > 3
    assert said(question, b"x") == said(question, b"x")


def test_each_part_of_a_case_has_an_order_of_its_own() -> None:
    part = a_single()
    case = msgspec.structs.replace(a_case(), parts=(part,) * 6)
    orders = {json.dumps(one["options"]) for one in shown(case, b"seed", "q", str)["parts"]}
    assert len(orders) > 1
