"""How all that was said of an activity becomes one definition."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.tracking.lrs.things import folding

LANGUAGES = st.sampled_from(["en", "EN", "en-US", "zh"])
MAPS = st.dictionaries(LANGUAGES, st.text(max_size=3), max_size=3)
QUESTIONS = st.sampled_from(
    [
        {"interactionType": "choice", "choices": [{"id": "a"}], "correctResponsesPattern": ["a"]},
        {"interactionType": "likert", "scale": [{"id": "1"}]},
        {"interactionType": "true-false"},
        {},
    ]
)
DEFINITIONS = st.builds(
    lambda question, parts: question | parts,
    QUESTIONS,
    st.fixed_dictionaries(
        {},
        optional={
            "name": MAPS,
            "description": MAPS,
            "type": st.sampled_from(["a:1", "a:2"]),
            "moreInfo": st.just("a:m"),
            "extensions": st.dictionaries(
                st.sampled_from(["a:x", "A:x"]), st.none() | st.integers() | st.lists(st.text(max_size=2), max_size=2)
            ),
        },
    ),
)
SAID = st.lists(st.tuples(st.integers(0, 5), DEFINITIONS), max_size=8)


def one(at_us: int, definition: dict[str, Any]) -> folding.Fold:
    text = json.dumps(definition, ensure_ascii=False)
    return folding.said(text, at_us=at_us, source=text)


def seen(folded: folding.Fold) -> Any:
    return json.loads(msgspec.json.encode(folding.shown(folded)))


ROWS: list[tuple[str, list[dict[str, Any]], dict[str, Any]]] = [
    ("nothing said, nothing shown", [], {}),
    ("one word is the definition", [{"name": {"en": "a"}, "type": "a:t"}], {"name": {"en": "a"}, "type": "a:t"}),
    ("languages come together", [{"name": {"en": "a"}}, {"name": {"fr": "b"}}], {"name": {"en": "a", "fr": "b"}}),
    ("the later word of a language holds", [{"name": {"en": "a"}}, {"name": {"en": "b"}}], {"name": {"en": "b"}}),
    ("a language is one in any case", [{"name": {"en-US": "a"}}, {"name": {"EN-us": "b"}}], {"name": {"EN-us": "b"}}),
    ("an extension's key is not", [{"extensions": {"a:k": 1}}, {"extensions": {"a:K": 2}}],
     {"extensions": {"a:k": 1, "a:K": 2}}),
    ("an extension is replaced whole", [{"extensions": {"a:k": {"x": 1}}}, {"extensions": {"a:k": {"y": None}}}],
     {"extensions": {"a:k": {"y": None}}}),
    ("what is left out stays", [{"type": "a:t", "moreInfo": "a:m"}, {"type": "a:u"}],
     {"type": "a:u", "moreInfo": "a:m"}),
    ("a question is replaced whole",
     [{"interactionType": "choice", "choices": [{"id": "a"}], "correctResponsesPattern": ["a"]},
      {"interactionType": "numeric"}, {"name": {"en": "n"}}],
     {"interactionType": "numeric", "name": {"en": "n"}}),
    ("an empty map says nothing", [{"name": {"en": "a"}}, {"name": {}}], {"name": {"en": "a"}}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "definitions", "expected"), ROWS, ids=[rule for rule, _, _ in ROWS])
def test_the_rules(rule: str, definitions: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    assert seen(folding.fold(one(at, said) for at, said in enumerate(definitions))) == expected, rule


@given(SAID, st.randoms(use_true_random=False), st.integers(0, 8))
def test_order_and_grouping_change_nothing_nor_does_what_is_folded_twice(
    said: list[tuple[int, dict[str, Any]]], random: Any, cut: int
) -> None:
    parts = [one(at, definition) for at, definition in said]
    whole = folding.fold(parts)
    shuffled = parts.copy()
    random.shuffle(shuffled)
    first = folding.read(folding.written(folding.fold(shuffled[:cut])))
    assert folding.fold([*shuffled[cut:], first]) == whole
    assert folding.fold([first, *parts, whole]) == whole
    assert seen(folding.read(folding.written(whole))) == seen(whole)


@given(SAID)
def test_each_part_that_is_shown_was_the_last_word_on_it(said: list[tuple[int, dict[str, Any]]]) -> None:
    definitions = [definition for _, definition in said]
    got = seen(folding.fold(one(at, definition) for at, definition in enumerate(definitions)))
    for member in ("type", "moreInfo", "interactionType", "choices", "scale"):
        words = [one for one in definitions if (member if member in ("type", "moreInfo") else "interactionType") in one]
        assert got.get(member) == (words[-1].get(member) if words else None)
    for tag in ("zh", "a:x", "A:x"):
        for member in ("name", "description", "extensions"):
            texts = [one[member][tag] for one in definitions if tag in one.get(member, {})]
            assert (tag in got.get(member, {})) == bool(texts)
            assert not texts or got[member][tag] == texts[-1]


def test_numbers_and_escapes_stay_as_they_were_written() -> None:
    text = '{"extensions":{"a:n":[1.50,1E2,123456789012345678901234567890,"\\u0000\\/"]}}'
    kept = folding.read(folding.written(folding.said(text, at_us=0, source="")))
    assert msgspec.json.encode(folding.shown(kept)).decode() == text


def test_a_definition_grows_to_a_bound_and_loses_its_oldest_parts() -> None:
    many = [one(at, {"extensions": {f"a:{at}": at}}) for at in range(folding.MOST_PARTS + 5)]
    assert next(iter(seen(folding.fold(many))["extensions"])) == "a:5"
    large = [one(at, {"extensions": {f"a:{at}": "x" * (folding.MOST_BYTES // 3)}}) for at in range(4)]
    assert list(seen(folding.fold(large))["extensions"]) == ["a:2", "a:3"]
