"""xAPI Data 2.4.2; IEEE 9274.1.1 4.2.2.1: agents, groups, and what identifies them, wherever they stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.builders_lrs import HOME, an_agent
from tests.tracking.lrs.data.judging import GROUP, MEMBERS, VERSIONS, Example, Rule, judge, judged, wrong

SHA1 = "cd9b00a5611f94eaa7b1661edab976068e364975"
ACCOUNT = {"homePage": HOME, "name": "w-1001"}
IDENTIFIERS: tuple[Example, ...] = (
    {"mbox": "mailto:a@school.example"},
    {"mbox_sha1sum": SHA1},
    {"openid": "https://id.example/a"},
    {"account": ACCOUNT},
)
Place = Callable[[Any], Example]


def _related(kind: str, one: str, actor: Any) -> Example:
    return {"context": {f"{kind}s": [{"objectType": kind, one: actor}]}}


AGENTS: tuple[tuple[str, str, Place, tuple[str, ...]], ...] = (
    ("an actor", "/actor", lambda one: {"actor": one}, VERSIONS),
    ("an object", "/object", lambda one: {"object": {"objectType": "Agent", **one}}, VERSIONS),
    ("an instructor", "/context/instructor", lambda one: {"context": {"instructor": one}}, VERSIONS),
    ("a member", "/actor/member/0", lambda one: {"actor": {"objectType": "Group", "member": [one]}}, VERSIONS),
    ("an authority", "/authority", lambda one: {"authority": one}, VERSIONS),
    (
        "a context agent",
        "/context/contextAgents/0/agent",
        lambda one: _related("contextAgent", "agent", one),
        ("2.0.0",),
    ),
)
GROUPS: tuple[tuple[str, str, Place, tuple[str, ...]], ...] = (
    ("an actor", "/actor", lambda one: {"actor": one}, VERSIONS),
    ("an object", "/object", lambda one: {"object": one}, VERSIONS),
    ("an instructor", "/context/instructor", lambda one: {"context": {"instructor": one}}, VERSIONS),
    ("a team", "/context/team", lambda one: {"context": {"team": one}}, VERSIONS),
    (
        "a context group",
        "/context/contextGroups/0/group",
        lambda one: _related("contextGroup", "group", one),
        ("2.0.0",),
    ),
)


def of_agents() -> list[Rule]:
    return [
        Rule(
            f"{says}: {what}",
            clause,
            tuple(put(one) for one in takes),
            tuple((put(one), place + below) for one, below in refuses),
            versions,
        )
        for what, place, put, versions in AGENTS
        for says, clause, takes, refuses in RULES_OF_AGENTS
    ]


RULES_OF_AGENTS: tuple[tuple[str, str, tuple[Example, ...], tuple[tuple[Any, str], ...]], ...] = (
    (
        "XAPI-00034 an agent has exactly one of the four identifiers",
        "2.4.2.3",
        IDENTIFIERS,
        (
            ({"name": "A"}, ""),
            ({}, ""),
            *((one | other, "") for one in IDENTIFIERS for other in IDENTIFIERS if one != other),
        ),
    ),
    (
        "XAPI-00032 objectType is a string",
        "2.4.2",
        ({"objectType": "Agent", "mbox": "mailto:a@b.example"},),
        (),
    ),
    (
        "XAPI-00033 a name is a string",
        "2.4.2.1",
        (an_agent(name=""), an_agent(name="张三")),
        ((an_agent(name=7), "/name"), (an_agent(name={"en": "A"}), "/name"), (an_agent(name=None), "/name")),
    ),
    (
        "XAPI-00035 only a group has members",
        "2.4.2.1",
        (),
        ((an_agent(member=[]), "/member"), (an_agent(member=MEMBERS), "/member")),
    ),
    ("XAPI-00010 an agent has no other property", "2.2", (), ((an_agent(email="a@b.example"), "/email"),)),
    (
        "XAPI-00038 an mbox is mailto: and one address, of any script",
        "2.4.2.3",
        (
            {"mbox": "mailto:a.b+c'd@school.example"},
            {"mbox": "mailto:张三@例え.jp"},
            {"mbox": "mailto:a@xn--r8jz45g.jp"},
            {"mbox": "mailto:%22not%40me%22@school.example"},
            {"mbox": "mailto:a@[192.0.2.1]"},
        ),
        wrong(
            "/mbox",
            lambda one: {"mbox": one},
            *("a@b.example", "http://a@b.example", "mailto:", "mailto:a", "mailto:@b", "mailto:a@", ""),
            *("mailto:a@b,c@d", "mailto:a@b?subject=x", "mailto:a b@c", "MAILTO:a@b", "mailto:a@b#c", "mailto:a#b@c"),
            *('mailto:"a"@b', "mailto:a@b@c", "mailto:a@b\n", "mailto:a\u0085@b", 7, None, ["mailto:a@b"]),
        ),
    ),
    (
        "XAPI-00039 an mbox_sha1sum is a SHA-1 in hexadecimal",
        "2.4.2.3",
        ({"mbox_sha1sum": SHA1}, {"mbox_sha1sum": SHA1.upper()}),
        wrong("/mbox_sha1sum", lambda one: {"mbox_sha1sum": one}, SHA1[1:], SHA1 + "0", "g" + SHA1[1:], "", 7, None),
    ),
    (
        "XAPI-00040 an openid is a URI",
        "2.4.2.3",
        ({"openid": "https://id.example/a?b#c"}, {"openid": "urn:x:y"}),
        wrong("/openid", lambda one: {"openid": one}, "me", "//id.example", "https://例え.jp", "", 7, None, {}),
    ),
    (
        "XAPI-00041 an account is an object of two properties",
        "2.4.2.4",
        ({"account": ACCOUNT},),
        (
            ({"account": "w-1001"}, "/account"),
            ({"account": None}, "/account"),
            ({"account": [ACCOUNT]}, "/account"),
            ({"account": ACCOUNT | {"id": 1}}, "/account/id"),
        ),
    ),
    (
        "XAPI-00042 an account's home page is an IRL",
        "2.4.2.4",
        ({"account": {"homePage": "https://例え.jp/学", "name": "a"}},),
        (
            ({"account": {"name": "a"}}, "/account/homePage"),
            *wrong(
                "/account/homePage",
                lambda one: {"account": {"homePage": one, "name": "a"}},
                "school.example",
                "/a",
                "",
                7,
                None,
            ),
        ),
    ),
    (
        "XAPI-00043 an account's name is a string",
        "2.4.2.4",
        ({"account": {"homePage": HOME, "name": '张三 \\ " / \u0007'}},),
        (
            ({"account": {"homePage": HOME}}, "/account/name"),
            *wrong("/account/name", lambda one: {"account": {"homePage": HOME, "name": one}}, 7, None, {"en": "a"}),
        ),
    ),
)


@judged(of_agents())
def test_an_agent_is_judged_the_same_wherever_it_stands(rule: Rule) -> None:
    judge(rule)


RULES_OF_GROUPS: tuple[tuple[str, str, tuple[Example, ...], tuple[tuple[Any, str], ...]], ...] = (
    (
        "XAPI-00037 a group has one identifier, or members",
        "2.4.2.2",
        (
            GROUP,
            {"objectType": "Group", "member": MEMBERS[:1]},
            *({"objectType": "Group", **one} for one in IDENTIFIERS),
            *(GROUP | one for one in IDENTIFIERS),
            {"objectType": "Group", "member": [], **IDENTIFIERS[0]},
        ),
        (
            ({"objectType": "Group"}, "/member"),
            ({"objectType": "Group", "name": "G"}, "/member"),
            ({"objectType": "Group", "member": []}, "/member"),
            *((GROUP | one | other, "") for one in IDENTIFIERS for other in IDENTIFIERS if one != other),
        ),
    ),
    (
        "XAPI-00036 members are a list of agents",
        "2.4.2",
        (),
        (
            ({"objectType": "Group", "member": MEMBERS[0]}, "/member"),
            ({"objectType": "Group", "member": None}, "/member"),
            ({"objectType": "Group", "member": ["a"]}, "/member/0"),
            ({"objectType": "Group", "member": [*MEMBERS, {"name": "A"}]}, "/member/2"),
            ({"objectType": "Group", "member": [GROUP]}, "/member/0/member"),
            ({"objectType": "Group", "member": [{"objectType": "Group", **IDENTIFIERS[0]}]}, "/member/0/objectType"),
        ),
    ),
    ("XAPI-00033 a group's name is a string", "2.4.2", (GROUP | {"name": "G"},), ((GROUP | {"name": []}, "/name"),)),
    ("XAPI-00010 a group has no other property", "2.2", (), ((GROUP | {"members": []}, "/members"),)),
)


@judged(
    [
        Rule(
            f"{says}: {what}",
            clause,
            tuple(put(one) for one in takes),
            tuple((put(one), place + below) for one, below in refuses),
            versions,
        )
        for what, place, put, versions in GROUPS
        for says, clause, takes, refuses in RULES_OF_GROUPS
    ]
)
def test_a_group_is_judged_the_same_wherever_it_stands(rule: Rule) -> None:
    judge(rule)


AGENTS_AND_GROUPS: tuple[tuple[str, Place], ...] = (
    ("/actor/objectType", lambda kind: {"actor": _typed(kind)}),
    ("/context/instructor/objectType", lambda kind: {"context": {"instructor": _typed(kind)}}),
)


def _typed(kind: Any) -> Example:
    return {"objectType": kind, **IDENTIFIERS[0]}


@judged(
    [
        Rule(
            "XAPI-00031 XAPI-00032 XAPI-00009 an actor's objectType is Agent or Group, to the letter",
            "2.4.2",
            ({"actor": _typed("Agent")}, {"actor": _typed("Group")}, {"actor": IDENTIFIERS[0]}),
            tuple(
                one
                for place, put in AGENTS_AND_GROUPS
                for one in wrong(place, put, *("agent", "GROUP", "Activity", "Person", "", 7, None, [], {}))
            ),
        ),
        Rule(
            "XAPI-00088 a team is a group and says so",
            "2.4.2.2",
            ({"context": {"team": GROUP}},),
            (
                ({"context": {"team": IDENTIFIERS[0]}}, "/context/team/objectType"),
                ({"context": {"team": _typed("Agent")}}, "/context/team/objectType"),
            ),
        ),
    ]
)
def test_what_an_actor_says_it_is(rule: Rule) -> None:
    judge(rule)
