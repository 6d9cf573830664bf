"""What a statement is about beyond its own actor and object (xAPI Communication 2.1.3, agent and related_...)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from elearn.tracking.lrs.rules.check import check_statement
from elearn.tracking.lrs.rules.keys import actor_key, key_of
from elearn.tracking.lrs.rules.relations import RelationKind
from tests.builders_lrs import a_statement

ANNE, BORIS, CHEN = ({"mbox": f"mailto:{name}@a.example"} for name in ("anne", "boris", "chen"))
CREW: dict[str, Any] = {"objectType": "Group", "openid": "https://a.example/crew", "member": [BORIS, CHEN]}
SOME: dict[str, Any] = {"objectType": "Group", "member": [BORIS]}
UNIT, COURSE, PROFILE = ({"id": f"a:{name}"} for name in ("unit", "course", "profile"))
VERB = {"id": "a:did"}
PLAIN, BROAD, WIDE = RelationKind


def sub(**more: Any) -> dict[str, Any]:
    return {"objectType": "SubStatement", "actor": BORIS, "verb": VERB, "object": COURSE, **more}


def context(**what: Any) -> dict[str, Any]:
    return {"actor": ANNE, "object": UNIT, "context": what}


BOTH = (PLAIN, BROAD)
CASES: list[tuple[str, dict[str, Any], dict[str, tuple[RelationKind, ...]]]] = [
    ("nothing but actor and activity is in the columns", {"actor": ANNE, "object": UNIT}, {}),
    ("an agent as object", {"actor": ANNE, "object": {"objectType": "Agent", **BORIS}}, {"boris": BOTH}),
    ("oneself as object is the actor's column", {"actor": ANNE, "object": {"objectType": "Agent", **ANNE}}, {}),
    ("members of the acting group", {"actor": SOME, "object": UNIT}, {"boris": BOTH}),
    (
        "a group as object and its members",
        {"actor": ANNE, "object": CREW},
        {"crew": BOTH, "boris": BOTH, "chen": BOTH},
    ),
    (
        "an identified group's members, itself in the column",
        {"actor": CREW, "object": UNIT},
        {"boris": BOTH, "chen": BOTH},
    ),
    ("an instructor only broadly", context(instructor=BORIS), {"boris": (BROAD,)}),
    ("a team and its members only broadly", context(team=SOME), {"boris": (BROAD,)}),
    ("an instructor who acts is the column's", context(instructor=ANNE), {}),
    (
        "context agents of 2.0",
        context(contextAgents=[{"objectType": "contextAgent", "agent": BORIS}]),
        {"boris": (BROAD,)},
    ),
    (
        "context groups of 2.0 and their members",
        context(contextGroups=[{"objectType": "contextGroup", "group": CREW}]),
        {"crew": (BROAD,), "boris": (BROAD,), "chen": (BROAD,)},
    ),
    (
        "context activities of every kind, single and listed",
        context(contextActivities={"parent": COURSE, "category": [PROFILE, COURSE]}),
        {"course": (WIDE,), "profile": (WIDE,)},
    ),
    ("the object again in its context is the column's", context(contextActivities={"other": UNIT}), {}),
    (
        "a sub-statement's actor and object",
        {"actor": ANNE, "object": sub()},
        {"boris": (BROAD,), "course": (WIDE,)},
    ),
    (
        "a sub-statement's object that is an agent, and its context",
        {
            "actor": ANNE,
            "object": sub(
                object={"objectType": "Agent", **CHEN},
                context={"team": CREW, "contextActivities": {"grouping": [PROFILE]}},
            ),
        },
        {"boris": (BROAD,), "chen": (BROAD,), "crew": (BROAD,), "profile": (WIDE,)},
    ),
    (
        "a statement that is referred to is no activity",
        {"actor": ANNE, "object": {"objectType": "StatementRef", "id": "0b1f6f0e-3f0a-4f4e-9a43-0f7b7c1d2e55"}},
        {},
    ),
]
NAMES = {
    **{actor_key(one) or "": name for one, name in ((ANNE, "anne"), (BORIS, "boris"), (CHEN, "chen"), (CREW, "crew"))},
    **{key_of(one["id"]): one["id"].removeprefix("a:") for one in (UNIT, COURSE, PROFILE)},
}


@pytest.mark.parametrize(("what", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_statement_is_related_to(what: dict[str, Any], expected: dict[str, tuple[RelationKind, ...]]) -> None:
    checked = check_statement(json.dumps(a_statement(verb=VERB, **what)), "2.0.0")
    found: dict[str, tuple[int, ...]] = {}
    for key, kind in sorted(checked.relations, key=lambda one: one[1]):
        found[NAMES[key]] = (*found.get(NAMES[key], ()), kind)
    assert found == expected


def test_only_the_object_makes_a_statement_refer_to_another() -> None:
    reference = {"objectType": "StatementRef", "id": "0B1f6f0e-3f0a-4f4e-9a43-0f7b7c1d2e55"}
    assert check_statement(json.dumps(a_statement(object=reference))).refers_to == reference["id"]
    for other in (sub(object=reference), UNIT):
        statement = a_statement(object=other, context={"statement": reference})
        assert check_statement(json.dumps(statement)).refers_to is None


def test_every_activity_may_be_defined_wherever_it_stands() -> None:
    def defined(name: str) -> dict[str, Any]:
        return {"id": f"a:{name}", "definition": {"name": {"zh": name}}}

    statement = a_statement(
        object=sub(object=defined("inner"), context={"contextActivities": {"parent": defined("near")}}),
        context={"contextActivities": {"category": [defined("far"), COURSE]}},
    )
    assert check_statement(json.dumps(statement)).definitions == (
        ("a:inner", '{"name":{"zh":"inner"}}'),
        ("a:near", '{"name":{"zh":"near"}}'),
        ("a:far", '{"name":{"zh":"far"}}'),
    )
