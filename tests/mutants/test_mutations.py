"""The list of mutations cannot rot: each still breaks something that is there. `make mutants` says what sees it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants.mutation import SUITES, Mutation
from tests.mutants.mutations import MUTATIONS
from tests.mutants.runner import ROOT, mutated


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: f"{Path(one.file).stem}-{one.rule}")
def test_a_mutation_breaks_what_stands_there_once(mutation: Mutation) -> None:
    text = (ROOT / mutation.file).read_text(encoding="utf-8")
    broken = mutated(text, mutation)
    assert broken != text
    ast.parse(broken)
    assert mutation.suites
    assert set(mutation.suites) <= set(SUITES)


def test_rules_are_named_once_a_file() -> None:
    names = [(one.file, one.rule) for one in MUTATIONS]
    assert len(names) == len(set(names))


def test_suites_are_there() -> None:
    assert [path for paths in SUITES.values() for path in paths if not (ROOT / path).is_file()] == []
    assert set(SUITES) == {suite for one in MUTATIONS for suite in one.suites}


def test_text_that_is_not_there_or_twice_is_no_mutation() -> None:
    twice = Mutation("none", "some.py", "a", "b", ("verifier",))
    with pytest.raises(ValueError, match="2 times"):
        mutated("a a", twice)
    with pytest.raises(ValueError, match="0 times"):
        mutated("c", twice)


def test_the_two_that_the_model_names_must_be_seen_by_the_laws() -> None:
    named = {one.rule: one.suites for one in MUTATIONS}
    assert "laws" in named["bare F instead of P"]
    assert "laws" in named["time since opening instead of A"]
