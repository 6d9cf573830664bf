"""xAPI Data 2.4.6; IEEE 9274.1.1 4.2.2.5: the context, and 2.0's context agents and groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.builders_lrs import an_agent
from tests.tracking.lrs.data.judging import (
    ACTIVITY,
    GROUP,
    ID,
    REFERENCE,
    VERSIONS,
    Example,
    Rule,
    a_sub_statement,
    at,
    each,
    judge,
    judged,
    without,
    wrong,
)

KINDS = ("parent", "grouping", "category", "other")
NOT_ACTIVITIES: tuple[Any, ...] = (an_agent(), GROUP, REFERENCE, {"name": "x"})


def _context(**what: Any) -> Example:
    return {"context": what}


def _activities(**what: Any) -> Example:
    return {"context": {"contextActivities": what}}


def _second_of(kind: str) -> Callable[[Any], Example]:
    return lambda one: _activities(**{kind: [ACTIVITY, one]})


def _only_with_activities(number: str, name: str) -> Rule:
    others = (an_agent(), GROUP, REFERENCE)
    return Rule(
        f"{number} a {name} goes only with an activity as object",
        "2.4.6",
        (_context(**{name: "x"}), _context(**{name: "x"}) | {"object": ACTIVITY | {"objectType": "Activity"}}),
        (
            *((_context(**{name: "x"}) | {"object": thing}, f"/context/{name}") for thing in others),
            (_context(**{name: "x"}) | {"object": a_sub_statement()}, f"/context/{name}"),
        ),
    )


@judged(
    [
        Rule(
            "XAPI-00006 a context is an object",
            "2.4.6",
            (_context(),),
            wrong("/context", at("context"), "x", [], 7),
        ),
        Rule("XAPI-00010 a context has no other property", "2.2", (), ((_context(place="x"), "/context/place"),)),
        _only_with_activities("XAPI-00084", "revision"),
        _only_with_activities("XAPI-00085", "platform"),
        *(
            Rule(
                f"{number} a {name} is a string",
                "2.4.6",
                (_context(**{name: ""}), _context(**{name: "v2 课"})),
                wrong(f"/context/{name}", at("context", name), 7, None, True, {}, ["x"]),
            )
            for number, name in (("XAPI-00089", "revision"), ("XAPI-00090", "platform"))
        ),
        Rule(
            "XAPI-00086 contextActivities are an object",
            "2.4.6.2",
            (_activities(),),
            wrong("/context/contextActivities", lambda one: _context(contextActivities=one), "x", [ACTIVITY], 7, None),
        ),
        Rule(
            "XAPI-00093 contextActivities are of four kinds, to the letter",
            "2.4.6.2",
            each(lambda one: _activities(**{one: [ACTIVITY]}), *KINDS),
            tuple(
                (_activities(**{one: [ACTIVITY]}), f"/context/contextActivities/{one}")
                for one in ("Parent", "parents", "related", "")
            ),
        ),
        *(
            Rule(
                f"XAPI-00094 {kind} is an activity or a list of them",
                "2.4.4.1",
                each(at("context", "contextActivities", kind), ACTIVITY, [], [ACTIVITY, ACTIVITY]),
                (
                    *wrong(
                        f"/context/contextActivities/{kind}",
                        at("context", "contextActivities", kind),
                        "a:b",
                        7,
                        None,
                    ),
                    *wrong(
                        f"/context/contextActivities/{kind}/1",
                        _second_of(kind),
                        "a:b",
                        7,
                        None,
                        [],
                    ),
                    (_activities(**{kind: {"definition": {}}}), f"/context/contextActivities/{kind}/id"),
                    (
                        _activities(**{kind: [ACTIVITY | {"objectType": "activity"}]}),
                        f"/context/contextActivities/{kind}/0/objectType",
                    ),
                    (
                        _activities(**{kind: [ACTIVITY | {"definition": {"type": "x"}}]}),
                        f"/context/contextActivities/{kind}/0/definition/type",
                    ),
                    (_activities(**{kind: [an_agent()]}), f"/context/contextActivities/{kind}/0/account"),
                ),
            )
            for kind in KINDS
        ),
        Rule(
            "XAPI-00087 an instructor is an agent, or a group",
            "2.4.2",
            each(lambda one: _context(instructor=one), an_agent(), {"mbox": "mailto:t@a.example"}, GROUP),
            (
                *wrong("/context/instructor", lambda one: _context(instructor=one), "me", 7, None, [an_agent()]),
                (_context(instructor=ACTIVITY), "/context/instructor/id"),
            ),
        ),
        Rule(
            "XAPI-00091 a language is a tag of RFC 5646",
            "2.4.6",
            each(lambda one: _context(language=one), "zh", "en-US", "zh-Hans-CN", "tlh", "i-klingon", "x-own"),
            wrong(
                "/context/language", lambda one: _context(language=one), "en_US", "", "languages9", 7, None, {"en": 1}
            ),
        ),
        Rule(
            "XAPI-00092 a context's statement is a reference",
            "2.4.6",
            (_context(statement=REFERENCE),),
            (
                (_context(statement={"id": ID}), "/context/statement/objectType"),
                (_context(statement=REFERENCE | {"objectType": "statementRef"}), "/context/statement/objectType"),
                (_context(statement=without(REFERENCE, "id")), "/context/statement/id"),
                (_context(statement=REFERENCE | {"actor": 1}), "/context/statement/actor"),
                *wrong("/context/statement", lambda one: _context(statement=one), ID, None, [REFERENCE]),
            ),
        ),
        Rule(
            "2.4.6 a context's extensions are an object with IRIs as keys",
            "4.1",
            (_context(extensions={"http://e/1": 1}),),
            (
                *wrong("/context/extensions", lambda one: _context(extensions=one), "x", [], 7, None),
                (_context(extensions={"e e": 1}), "/context/extensions/e e"),
            ),
        ),
    ]
)
def test_a_context(rule: Rule) -> None:
    judge(rule)


def _related(name: str, one: str, whom: Example) -> list[Rule]:
    """2.0 alone: `name` is contextAgents or contextGroups."""
    kind, place = name[:-1], f"/context/{name}"
    right: Example = {"objectType": kind, one: whom}

    def of(*related: Any) -> Example:
        return {"context": {name: list(related)}}

    def rule(
        says: str, takes: tuple[Example, ...], refuses: tuple[tuple[Example, str], ...], clause: str = "9274.1.1"
    ) -> Rule:
        return Rule(f"9274.1.1 4.2.2.5 {name}: {says}", clause, takes, refuses, ("2.0.0",))

    types = ["http://id.tincanapi.com/activitytype/tutor", "urn:x:角色"]
    return [
        rule(
            "a list, also with nothing in it",
            (of(), of(right), of(right, right)),
            wrong(place, lambda value: {"context": {name: value}}, right, "x", 7, None),
        ),
        rule(
            f"each an object that says it is a {kind}, to the letter",
            (),
            (
                *wrong(f"{place}/1", lambda value: of(right, value), "x", 7, None, [right]),
                (of(without(right, "objectType")), f"{place}/0/objectType"),
                *wrong(
                    f"{place}/0/objectType",
                    lambda value: of(right | {"objectType": value}),
                    name,
                    kind.lower(),
                    "Agent",
                    "",
                    7,
                    None,
                ),
            ),
        ),
        rule(
            f"each with one {one}",
            (),
            (
                (of(without(right, one)), f"{place}/0/{one}"),
                (of(right | {"name": "x"}), f"{place}/0/name"),
                (
                    of(right | {"agent": an_agent(), "group": GROUP}),
                    f"{place}/0/{'group' if one == 'agent' else 'agent'}",
                ),
            ),
        ),
        rule(
            f"of each the {one} keeps its own rules",
            (),
            (
                *wrong(f"{place}/0/{one}", lambda value: of(right | {one: value}), "x", 7, None),
                (of(right | {one: {"key": "x"}}), f"{place}/0/{one}/key"),
                (
                    of(right | {one: GROUP if one == "agent" else an_agent()}),
                    f"{place}/0/{one}/{'member' if one == 'agent' else 'objectType'}",
                ),
            ),
            "2.4.2",
        ),
        rule(
            "relevantTypes are one IRI or more",
            (of(right | {"relevantTypes": types}), of(right | {"relevantTypes": types[:1]})),
            (
                *wrong(
                    f"{place}/0/relevantTypes",
                    lambda value: of(right | {"relevantTypes": value}),
                    [],
                    types[0],
                    {},
                    7,
                    None,
                ),
                *wrong(
                    f"{place}/0/relevantTypes/1",
                    lambda value: of(right | {"relevantTypes": [types[0], value]}),
                    "tutor",
                    "",
                    7,
                    None,
                ),
            ),
        ),
        Rule(f"2.4.6 {name} are not of 1.0.3", "2.4.6", (), ((of(right), place), (of(), place)), ("1.0.3", "1.0.0")),
    ]


@judged(_related("contextAgents", "agent", an_agent()) + _related("contextGroups", "group", GROUP))
def test_related_agents_and_groups(rule: Rule) -> None:
    judge(rule)


@judged(
    [
        Rule(
            "9274.1.1 4.2.2.5 agents and groups go together, with any object",
            "",
            tuple(
                {
                    "object": thing,
                    "context": {
                        "contextAgents": [{"objectType": "contextAgent", "agent": an_agent()}],
                        "contextGroups": [{"objectType": "contextGroup", "group": GROUP}],
                    },
                }
                for thing in (ACTIVITY, an_agent(), GROUP, REFERENCE)
            ),
            versions=("2.0.0", "2.0.1"),
        ),
        Rule(
            "XAPI-00066 a whole context",
            "",
            (_context(registration=ID, team=GROUP, **{"language": "zh"}),),
            versions=VERSIONS,
        ),
    ]
)
def test_a_context_together(rule: Rule) -> None:
    judge(rule)
