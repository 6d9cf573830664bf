"""Decision tables of what a statement may be: each rule with what it takes and what it refuses, at both versions.

Each example is judged as a statement of its own and, where the rule is about what a SubStatement has too, in one
(XAPI-00066: a SubStatement keeps all the rules of a statement).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from elearn.tracking.lrs.rules.check import BadStatement, check_statement
from tests.builders_lrs import a_statement, an_agent

VERSIONS = ("1.0.3", "2.0.0")
ID = "5f1c6a52-8d0e-4b7a-9c3f-0d6c2f1e7a11"
ACTIVITY: dict[str, Any] = {"id": "https://school.example/units/7"}
REFERENCE: dict[str, Any] = {"objectType": "StatementRef", "id": ID}
MEMBERS: list[dict[str, Any]] = [an_agent("a"), {"mbox": "mailto:b@school.example"}]
GROUP: dict[str, Any] = {"objectType": "Group", "member": MEMBERS}
_WHOLE_ONLY = ("id", "stored", "authority", "version")

Example = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """`takes` and `refuses` say what an example statement has beside, or instead; None leaves a property out."""

    says: str
    clause: str
    takes: tuple[Example, ...] = ()
    refuses: tuple[tuple[Example, str], ...] = ()
    """With the place (JSON pointer) that the refusal names."""
    versions: tuple[str, ...] = VERSIONS
    inside: bool = True
    """Whether it holds in a SubStatement as well."""


def judged(rules: Iterable[Rule]) -> pytest.MarkDecorator:
    """Parametrizes a test by `rule`; the requirement is its name."""
    return pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.says) for rule in rules])


def judge(rule: Rule) -> None:
    """Each example is taken with its text unchanged, or refused at its place with the rule's clause."""
    assert rule.takes or rule.refuses
    misjudged = []
    for example, wanted in [*((one, None) for one in rule.takes), *rule.refuses]:
        for version in rule.versions:
            misjudged += _misjudged(a_statement(**example), version, wanted, rule.clause)
            thing = example.get("object", {})
            nested = isinstance(thing, dict) and thing.get("objectType") == "SubStatement"
            if rule.inside and not nested and example.keys().isdisjoint(_WHOLE_ONLY):
                whole = a_statement(object=a_sub_statement(**example))
                misjudged += _misjudged(whole, version, wanted and f"/object{wanted}", rule.clause)
    assert not misjudged, misjudged


def _misjudged(statement: Example, version: str, wanted: str | None, clause: str) -> list[tuple[str, ...]]:
    """Nothing when `statement` is judged as wanted: refused at that place, or taken (None)."""
    text = json.dumps(statement, ensure_ascii=False)
    try:
        kept = check_statement(text, version).raw
    except BadStatement as refused:
        right = refused.where == wanted and clause in refused.clause
        told = f"refused: {refused}"
    else:
        right, told = wanted is None and kept == text, "taken"
    return [] if right else [(version, text, f"{wanted} {clause}", told)]


def at(*path: str) -> Callable[[Any], Example]:
    """Makes the example that has a value there."""

    def make(value: Any) -> Example:
        for name in reversed(path):
            value = {name: value}
        made: Example = value
        return made

    return make


def each(make: Callable[[Any], Example], *values: Any) -> tuple[Example, ...]:
    """An example of each value."""
    return tuple(make(value) for value in values)


def wrong(place: str, make: Callable[[Any], Example], *values: Any) -> tuple[tuple[Example, str], ...]:
    """An example of each value, all refused at `place`."""
    return tuple((make(value), place) for value in values)


def a_sub_statement(**what: Any) -> Example:
    made = {name: value for name, value in a_statement(**what).items() if name not in _WHOLE_ONLY}
    return {"objectType": "SubStatement", **made}


def without(whole: Example, name: str) -> Example:
    return {key: value for key, value in whole.items() if key != name}
