"""xAPI Data 2.4.4; IEEE 9274.1.1 4.2.2.3: what a statement is about."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders_lrs import a_statement, an_agent
from tests.tracking.lrs.data.judging import (
    ACTIVITY,
    GROUP,
    ID,
    REFERENCE,
    VERSIONS,
    Example,
    Rule,
    a_sub_statement,
    each,
    judge,
    judged,
    without,
    wrong,
)

LISTS = {
    "choice": ("choices",),
    "sequencing": ("choices",),
    "likert": ("scale",),
    "matching": ("source", "target"),
    "performance": ("steps",),
}
KINDS = (*LISTS, "true-false", "fill-in", "long-fill-in", "numeric", "other")
NUMBERS = {
    "choices": "XAPI-00055",
    "scale": "XAPI-00054",
    "source": "XAPI-00053",
    "target": "XAPI-00052",
    "steps": "XAPI-00051",
}
MAP = {"en-US": "x", "zh-CN": "课"}


def _object(**what: Any) -> Example:
    return {"object": what}


def _definition(**what: Any) -> Example:
    return {"object": ACTIVITY | {"definition": what}}


def _kind(name: str) -> Any:
    """An object that is of this kind to the last letter but nothing else."""
    return lambda one: {"object": {"objectType": one, "id": ACTIVITY["id"] if name == "Activity" else ID}}


@judged(
    [
        Rule(
            "XAPI-00046 an object is an activity, an agent, a group, a reference or a sub-statement",
            "2.4.4",
            each(
                lambda one: {"object": one},
                *(ACTIVITY, ACTIVITY | {"objectType": "Activity"}, an_agent(), GROUP, REFERENCE),
            ),
            (
                *wrong("/object/objectType", _kind("Activity"), "activity", "Statement", "Person", "", 7, None, [], {}),
                *wrong("/object/objectType", _kind("StatementRef"), "statementRef", "StatementREF", "Substatement"),
                *wrong("/object", lambda one: {"object": one}, "a:b", 7, [ACTIVITY], True),
            ),
        ),
        Rule(
            "XAPI-00065 an agent or group as object says so",
            "2.4.4.1",
            each(lambda one: {"object": one}, an_agent(), GROUP),
            (
                ({"object": without(an_agent(), "objectType")}, "/object/account"),
                ({"object": without(GROUP, "objectType")}, "/object/member"),
            ),
        ),
        Rule(
            "XAPI-00073 a reference or sub-statement says so",
            "2.4.4.1",
            (),
            (
                ({"object": {"id": ID}}, "/object/id"),
                ({"object": without(a_sub_statement(), "objectType")}, "/object/actor"),
            ),
        ),
        Rule(
            "XAPI-00072 a reference has the id of a statement and nothing else",
            "2.4.4.3",
            ({"object": REFERENCE},),
            (
                (_object(objectType="StatementRef"), "/object/id"),
                (_object(**REFERENCE, definition={}), "/object/definition"),
            ),
        ),
        Rule(
            "XAPI-00047 an activity has an IRI as its id",
            "2.4.4.1",
            each(lambda one: _object(id=one), "http://a/b", "https://例え.jp/課?a=b#c", "urn:x:y", "act:a"),
            (
                (_object(objectType="Activity"), "/object/id"),
                *wrong("/object/id", lambda one: _object(id=one), "unit", "//a/b", "", " http://a", 7, None, ["a:b"]),
            ),
        ),
        Rule(
            "XAPI-00010 an activity has no other property",
            "2.2",
            (),
            (
                (_object(**ACTIVITY, name="x"), "/object/name"),
                (_object(**ACTIVITY, extensions={}), "/object/extensions"),
            ),
        ),
    ]
)
def test_an_object(rule: Rule) -> None:
    judge(rule)


@judged(
    [
        Rule(
            "XAPI-00048 a definition is an object",
            "2.4.4.1",
            (_definition(), _definition(name=MAP, description=MAP, type="a:t", moreInfo="http://a/m", extensions={})),
            wrong("/object/definition", lambda one: _object(**ACTIVITY, definition=one), "x", [], 7, None, True),
        ),
        Rule(
            "XAPI-00056 a definition's name is a language map",
            "2.4.4.1",
            (_definition(name=MAP), _definition(name={})),
            wrong("/object/definition/name", lambda one: _definition(name=one), "x", [], 7, None),
        ),
        Rule(
            "XAPI-00059 a definition's description is a language map",
            "2.4.4.1",
            (_definition(description=MAP), _definition(description={})),
            wrong("/object/definition/description", lambda one: _definition(description=one), "x", [], 7, None),
        ),
        Rule(
            "XAPI-00060 a definition's type is an IRI",
            "2.4.4.1",
            (_definition(type="http://例え.jp/t"),),
            wrong("/object/definition/type", lambda one: _definition(type=one), "lesson", "", 7, None, {}),
        ),
        Rule(
            "XAPI-00061 a definition's moreInfo is an IRL",
            "2.4.4.1",
            (_definition(moreInfo="http://a/more?x=課"),),
            wrong("/object/definition/moreInfo", lambda one: _definition(moreInfo=one), "more", "/m", "", 7, None),
        ),
        Rule(
            "XAPI-00057 a definition's extensions are an object with IRIs as keys",
            "4.1",
            (_definition(extensions={"http://e/1": None, "urn:x:e": {}}),),
            (
                *wrong("/object/definition/extensions", lambda one: _definition(extensions=one), "x", [], 7, None),
                (_definition(extensions={"e": 1}), "/object/definition/extensions/e"),
            ),
        ),
        Rule(
            "XAPI-00010 a definition has no other property",
            "2.2",
            (),
            (
                (_definition(title="x"), "/object/definition/title"),
                (_definition(moreinfo="a:b"), "/object/definition/moreinfo"),
            ),
        ),
        Rule(
            "XAPI-00049 an interaction is of one of ten types, to the letter",
            "2.4.4.1",
            each(lambda one: _definition(interactionType=one), *KINDS),
            wrong(
                "/object/definition/interactionType",
                lambda one: _definition(interactionType=one),
                *("Choice", "true_false", "essay", "", 7, None, ["choice"], {}),
            ),
        ),
        Rule(
            "XAPI-00050 the pattern of correct responses is a list of strings, of any length",
            "2.4.4.1",
            each(
                lambda one: _definition(interactionType="fill-in", correctResponsesPattern=one),
                *([], ["a[,]b", ""], ["{case_matters=odd}x"], ["x" * 5000] * 50),
            ),
            (
                *wrong(
                    "/object/definition/correctResponsesPattern",
                    lambda one: _definition(interactionType="fill-in", correctResponsesPattern=one),
                    *("a", {"a": 1}, 7, None),
                ),
                *wrong(
                    "/object/definition/correctResponsesPattern/1",
                    lambda one: _definition(interactionType="fill-in", correctResponsesPattern=["a", one]),
                    *(7, None, ["a"], True),
                ),
            ),
        ),
        Rule(
            "XAPI-00064 what only interactions have needs an interactionType",
            "2.4.4.1",
            (),
            (
                (_definition(correctResponsesPattern=["a"]), "/object/definition/interactionType"),
                *wrong("/object/definition/interactionType", lambda one: _definition(**{one: []}), *NUMBERS),
            ),
        ),
        Rule(
            "2.4.4.1 a list of components goes with its own types only",
            "2.4.4.1",
            (),
            tuple(
                (_definition(interactionType=kind, **{name: [{"id": "a"}]}), f"/object/definition/{name}")
                for kind in KINDS
                for name in NUMBERS
                if name not in LISTS.get(kind, ())
            ),
        ),
    ]
)
def test_a_definition(rule: Rule) -> None:
    judge(rule)


def _components(kind: str, name: str) -> list[Rule]:
    place = f"/object/definition/{name}"

    def of(*components: Any) -> Example:
        return _definition(interactionType=kind, **{name: list(components)})

    return [
        Rule(
            f"{NUMBERS[name]} {name} of a {kind} is a list",
            "2.4.4.1",
            (of(), of({"id": "a"}, {"id": "b", "description": MAP})),
            wrong(place, lambda one: _definition(interactionType=kind, **{name: one}), "a", {"id": "a"}, 7, None),
        ),
        Rule(
            f"XAPI-00063 each of {name} of a {kind} is an object of id and description",
            "2.4.4.1",
            (),
            (
                *wrong(f"{place}/1", lambda one: of({"id": "a"}, one), "b", 7, None, ["b"]),
                (of({"id": "a", "name": "A"}), f"{place}/0/name"),
            ),
        ),
        Rule(
            f"XAPI-00058 each of {name} of a {kind} has an id of its own, a string",
            "2.4.4.1",
            (of({"id": "a"}, {"id": "A"}, {"id": "a b"}),),
            (
                (of({"description": MAP}), f"{place}/0/id"),
                *wrong(f"{place}/0/id", lambda one: of({"id": one}), 7, None, {}, True),
                (of({"id": "a"}, {"id": "b"}, {"id": "a"}), f"{place}/2/id"),
            ),
        ),
        Rule(
            f"XAPI-00062 the description of each of {name} of a {kind} is a language map",
            "2.4.4.1",
            (),
            wrong(f"{place}/0/description", lambda one: of({"id": "a", "description": one}), "A", [], 7, None),
        ),
    ]


@judged([rule for kind, names in LISTS.items() for name in names for rule in _components(kind, name)])
def test_components_of_an_interaction(rule: Rule) -> None:
    judge(rule)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_ids_of_source_and_target_are_counted_apart(version: str) -> None:
    judge(
        Rule(
            "2.4.4.1",
            "",
            (_definition(interactionType="matching", source=[{"id": "a"}], target=[{"id": "a"}]),),
            versions=(version,),
        )
    )


@judged(
    [
        Rule(
            "XAPI-00066 a sub-statement is a statement",
            "2.4",
            (
                {"object": a_sub_statement()},
                {"object": a_sub_statement(timestamp="2999-01-01T00:00:00Z", object=REFERENCE, attachments=[])},
            ),
            tuple(
                ({"object": without(a_sub_statement(), name)}, f"/object/{name}")
                for name in ("actor", "verb", "object")
            ),
        ),
        *(
            Rule(
                f"{number} a sub-statement has no {name}",
                "2.4.4.3",
                (),
                (({"object": a_sub_statement() | {name: a_statement(**{name: value})[name]}}, f"/object/{name}"),),
            )
            for number, name, value in (
                ("XAPI-00067", "authority", an_agent()),
                ("XAPI-00068", "version", "1.0.0"),
                ("XAPI-00069", "stored", "2026-01-01T00:00:00Z"),
                ("XAPI-00070", "id", ID),
            )
        ),
        Rule(
            "XAPI-00071 a sub-statement holds no sub-statement",
            "2.4.4.3",
            (),
            (({"object": a_sub_statement(object=a_sub_statement())}, "/object/object"),),
        ),
        Rule(
            "XAPI-00010 a sub-statement has no other property",
            "2.2",
            (),
            (({"object": a_sub_statement() | {"name": "x"}}, "/object/name"),),
        ),
    ]
)
def test_a_sub_statement(rule: Rule) -> None:
    judge(rule)
