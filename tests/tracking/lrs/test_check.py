"""Which statements the specification allows: each row is one rule, with the property and the clause it names."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.tracking.lrs.rules.check import VOIDED, BadStatement, actor_key, check_statement, key_of
from tests.builders_lrs import HOME, a_statement, an_agent

ID = "5f1c6a52-8d0e-4b7a-9c3f-0d6c2f1e7a11"
MEMBERS = [an_agent("a"), {"mbox": "mailto:b@school.example"}]
GROUP = {"objectType": "Group", "member": MEMBERS}
ACTIVITY = {"id": "https://school.example/units/7"}
REFERENCE = {"objectType": "StatementRef", "id": ID}
SUB = {"objectType": "SubStatement", "actor": an_agent(), "verb": {"id": "http://a/v"}, "object": ACTIVITY}
VOIDING = {"verb": {"id": VOIDED}, "object": REFERENCE}
ATTACHMENT = {
    "usageType": "http://a/usage",
    "display": {"en": "x"},
    "contentType": "text/plain",
    "length": 1,
    "sha2": "a" * 64,
}


def definition(**of: Any) -> dict[str, Any]:
    return {"object": ACTIVITY | {"definition": of}}


def without(whole: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in whole.items() if key != name}


GOOD: dict[str, dict[str, Any]] = {
    "an agent needs no objectType": {"actor": {"mbox": "mailto:a@b.example"}},
    "an agent by the hash of its address": {"actor": {"mbox_sha1sum": "a" * 40}},
    "an agent by OpenID": {"actor": {"openid": "https://id.example/a", "name": "A"}},
    "an anonymous group lists its members": {"actor": GROUP},
    "an identified group need not": {"actor": {"objectType": "Group", "openid": "https://id.example/g"}},
    "a verb without display": {"verb": {"id": "http://a/v"}},
    "an agent as object": {"object": an_agent()},
    "a group as object": {"object": GROUP},
    "a reference as object": {"object": REFERENCE},
    "a sub-statement as object": {"object": SUB},
    "a voiding statement": VOIDING,
    "a definition": definition(
        name={"zh-CN": "课"}, type="http://a/t", moreInfo="http://a/m", extensions={"http://e": 1}
    ),
    "a choice": definition(
        interactionType="choice", correctResponsesPattern=["a"], choices=[{"id": "a", "description": {"en": "A"}}]
    ),
    "a matching": definition(interactionType="matching", source=[{"id": "a"}], target=[{"id": "a"}]),
    "a score at its edges": {"result": {"score": {"scaled": -1, "raw": 5, "min": 5, "max": 5.5}}},
    "a result": {"result": {"success": True, "completion": False, "response": "", "duration": "PT1.5S"}},
    "extension values are free, null too": {"result": {"extensions": {"http://e": None, "http://f": {"": [None]}}}},
    "NUL inside an extension": {"result": {"extensions": {"http://e": "a\0b"}}},
    "numbers no machine word holds, in an extension": {"context": {"extensions": {"http://e": 10**30}}},
    "a context": {
        "context": {
            "registration": ID,
            "instructor": GROUP,
            "team": GROUP,
            "contextActivities": {"parent": ACTIVITY, "grouping": [ACTIVITY], "category": [], "other": [ACTIVITY]},
            "revision": "1",
            "platform": "phone",
            "language": "zh-CN",
            "statement": REFERENCE,
            "extensions": {"http://e": 1},
        }
    },
    "a timestamp ahead of our clock": {"timestamp": "2999-01-01T00:00:00Z"},
    "a sent authority and stored are read": {"authority": an_agent(), "stored": "2026-01-01T00:00:00Z"},
    "an authority of application and user": {"authority": GROUP},
    "a version of 1.0": {"version": "1.0.0"},
    "an attachment": {"attachments": [ATTACHMENT, ATTACHMENT | {"fileUrl": "http://a/f", "description": {"en": "d"}}]},
}


@pytest.mark.parametrize("version", ["1.0.0", "1.0.3", "2.0.0"])
@pytest.mark.parametrize("what", GOOD.values(), ids=GOOD.keys())
def test_an_allowed_statement_is_taken_in_both_versions(what: dict[str, Any], version: str) -> None:
    text = json.dumps(a_statement(**what), ensure_ascii=False)
    assert check_statement(text, version).raw == text


BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("an actor is needed", {"actor": None}, "/actor", "2.4"),
    ("a verb is needed", {"verb": None}, "/verb", "2.4"),
    ("an object is needed", {"object": None}, "/object", "2.4"),
    ("nothing else is allowed", {"extra": 1}, "/extra", "2.2"),
    ("keys keep their case", {"Result": {}}, "/Result", "2.2"),
    ("an id is a UUID", {"id": "7"}, "/id", "2.4.1"),
    ("an id is a string", {"id": 7}, "/id", "2.4.1"),
    ("an actor is an object", {"actor": "me"}, "/actor", "2.4.2.1"),
    (
        "an actor is an agent or a group",
        {"actor": {"objectType": "agent", "mbox": "mailto:a@b"}},
        "/actor/objectType",
        "",
    ),
    ("an odd objectType is no crash", {"actor": {"objectType": []}}, "/actor/objectType", "2.4.2"),
    ("an agent has an identifier", {"actor": {"name": "A"}}, "/actor", "2.4.2.3"),
    ("and only one", {"actor": an_agent(mbox="mailto:a@b")}, "/actor", "2.4.2.3"),
    ("an agent has no members", {"actor": an_agent(member=[])}, "/actor/member", "2.4.2.1"),
    ("a name is a string", {"actor": {"mbox": "mailto:a@b", "name": 1}}, "/actor/name", "2.4.2.1"),
    ("an mbox is a mailto", {"actor": {"mbox": "a@b"}}, "/actor/mbox", "2.4.2.3"),
    ("a hash is a hash", {"actor": {"mbox_sha1sum": "x"}}, "/actor/mbox_sha1sum", "2.4.2.3"),
    ("an OpenID is a URI", {"actor": {"openid": "me"}}, "/actor/openid", "2.4.2.3"),
    ("an account has a home page", {"actor": {"account": {"name": "a"}}}, "/actor/account/homePage", "2.4.2.4"),
    ("an account has a name", {"actor": {"account": {"homePage": HOME}}}, "/actor/account/name", "2.4.2.4"),
    ("an anonymous group has members", {"actor": {"objectType": "Group"}}, "/actor/member", "2.4.2.2"),
    ("a group has one identifier", {"actor": GROUP | {"mbox": "mailto:a@b", "openid": "a:b"}}, "/actor", "2.4.2.2"),
    ("no groups in groups", {"actor": {"objectType": "Group", "member": [GROUP]}}, "/actor/member/0/member", "2.4.2.1"),
    ("a verb has an id", {"verb": {"display": {"en": "x"}}}, "/verb/id", "2.4.3"),
    ("a verb's id is an IRI", {"verb": {"id": "ran"}}, "/verb/id", "2.4.3"),
    ("a display is a language map", {"verb": {"id": "a:v", "display": "ran"}}, "/verb/display", "4.2"),
    ("of language tags", {"verb": {"id": "a:v", "display": {"en_US": "ran"}}}, "/verb/display/en_US", "4.2"),
    ("and strings", {"verb": {"id": "a:v", "display": {"en": None}}}, "/verb/display/en", "4.2"),
    ("an object's kind is known", {"object": ACTIVITY | {"objectType": "activity"}}, "/object/objectType", "2.4.4"),
    ("an activity has an id", {"object": {"definition": {}}}, "/object/id", "2.4.4.1"),
    ("an activity's id is an IRI", {"object": {"id": "unit"}}, "/object/id", "2.4.4.1"),
    ("a definition has no more", definition(title="x"), "/object/definition/title", "2.2"),
    ("a type is an IRI", definition(type="x"), "/object/definition/type", "2.4.4.1"),
    ("an interaction says its type", definition(choices=[]), "/object/definition/interactionType", "2.4.4.1"),
    ("a known one", definition(interactionType="Choice"), "/object/definition/interactionType", "2.4.4.1"),
    ("lists go with types", definition(interactionType="choice", scale=[]), "/object/definition/scale", "2.4.4.1"),
    (
        "components differ",
        definition(interactionType="likert", scale=[{"id": "a"}, {"id": "a"}]),
        "/object/definition/scale/1/id",
        "2.4.4.1",
    ),
    (
        "patterns are strings",
        definition(interactionType="other", correctResponsesPattern=[1]),
        "/object/definition/correctResponsesPattern/0",
        "2.4.4.1",
    ),
    ("extension keys are IRIs", definition(extensions={"x": 1}), "/object/definition/extensions/x", "4.1"),
    ("a reference has a UUID", {"object": REFERENCE | {"id": "x"}}, "/object/id", "2.4.4.3"),
    ("a sub-statement has no id", {"object": SUB | {"id": ID}}, "/object/id", "2.4.4.3"),
    ("nor an authority", {"object": SUB | {"authority": an_agent()}}, "/object/authority", "2.4.4.3"),
    ("nor another inside", {"object": SUB | {"object": SUB}}, "/object/object", "2.4.4.3"),
    ("and keeps every other rule", {"object": SUB | {"verb": {"id": "x"}}}, "/object/verb/id", "2.4.3"),
    ("voiding points at a statement", {"verb": {"id": VOIDED}}, "/object/objectType", "2.3.2"),
    ("no strings for numbers", {"result": {"score": {"scaled": "1"}}}, "/result/score/scaled", "2.4.5.1"),
    ("no booleans for numbers", {"result": {"score": {"raw": True}}}, "/result/score/raw", "2.4.5.1"),
    ("scaled is at most 1", {"result": {"score": {"scaled": 1.01}}}, "/result/score/scaled", "2.4.5.1"),
    ("min is less than max", {"result": {"score": {"min": 1, "max": 1}}}, "/result/score/min", "2.4.5.1"),
    ("raw is at least min", {"result": {"score": {"raw": 0, "min": 1}}}, "/result/score/raw", "2.4.5.1"),
    ("raw is at most max", {"result": {"score": {"raw": 3, "max": 2}}}, "/result/score/raw", "2.4.5.1"),
    ("no strings for booleans", {"result": {"success": "true"}}, "/result/success", "2.4.5"),
    ("no nulls outside extensions", {"result": {"completion": None}}, "/result/completion", "2.4.5"),
    ("a duration is ISO 8601", {"result": {"duration": "90s"}}, "/result/duration", "4.6"),
    ("a registration is a UUID", {"context": {"registration": "x"}}, "/context/registration", "2.4.6.1"),
    ("a team is a group", {"context": {"team": an_agent()}}, "/context/team/objectType", "2.4.2.2"),
    (
        "four kinds of activities",
        {"context": {"contextActivities": {"Parent": []}}},
        "/context/contextActivities/Parent",
        "",
    ),
    ("activities only", {"context": {"contextActivities": {"other": ["x"]}}}, "/context/contextActivities/other/0", ""),
    ("a language is a tag", {"context": {"language": "zh_CN"}}, "/context/language", "2.4.6"),
    (
        "platform goes with activities",
        {"object": an_agent(), "context": {"platform": "x"}},
        "/context/platform",
        "2.4.6",
    ),
    (
        "revision goes with activities",
        {"object": an_agent(), "context": {"revision": "x"}},
        "/context/revision",
        "2.4.6",
    ),
    ("a context statement is a reference", {"context": {"statement": {"id": ID}}}, "/context/statement/objectType", ""),
    ("a timestamp is a moment", {"timestamp": "2026-02-30T00:00:00Z"}, "/timestamp", "2.4.7"),
    ("stored is read too", {"stored": "today"}, "/stored", "2.4.8"),
    ("an authority group is a pair", {"authority": GROUP | {"member": MEMBERS[:1]}}, "/authority/member", "2.4.9"),
    ("a version is one of ours", {"version": "1.1.0"}, "/version", "2.4.10"),
    ("and not a word", {"version": "1.0.0 "}, "/version", "2.4.10"),
    ("an attachment has a hash", {"attachments": [without(ATTACHMENT, "sha2")]}, "/attachments/0/sha2", "2.4.11"),
    ("and a length", {"attachments": [ATTACHMENT | {"length": "1"}]}, "/attachments/0/length", "2.4.11"),
    ("and a usage", {"attachments": [without(ATTACHMENT, "usageType")]}, "/attachments/0/usageType", "2.4.11"),
    ("and a display", {"attachments": [without(ATTACHMENT, "display")]}, "/attachments/0/display", "2.4.11"),
    ("and a type", {"attachments": [ATTACHMENT | {"contentType": "x"}]}, "/attachments/0/contentType", "2.4.11"),
    ("attachments are a list", {"attachments": {}}, "/attachments", "2.4.11"),
]


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
@pytest.mark.parametrize(("what", "where", "clause"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_broken_rule_names_the_property_and_the_clause(
    what: dict[str, Any], where: str, clause: str, version: str
) -> None:
    with pytest.raises(BadStatement) as refused:
        check_statement(json.dumps(a_statement(**what)), version)
    assert refused.value.where == where
    assert clause in refused.value.clause


@pytest.mark.parametrize("path", ["actor", "verb", "object", "result", "context", "timestamp", "id", "version"])
def test_no_property_may_be_null(path: str) -> None:
    with pytest.raises(BadStatement) as refused:
        check_statement(json.dumps(a_statement() | {path: None}))
    assert refused.value.where.startswith(f"/{path}")


RELATED = {"objectType": "contextAgent", "agent": an_agent(), "relevantTypes": ["http://a/t"]}
RELATED_GROUP = {"objectType": "contextGroup", "group": GROUP}


def test_related_agents_and_groups_belong_to_the_second_version() -> None:
    text = json.dumps(a_statement(context={"contextAgents": [RELATED], "contextGroups": [RELATED_GROUP]}))
    assert check_statement(text, "2.0.0").version == "2.0.0"
    with pytest.raises(BadStatement, match="contextAgents"):
        check_statement(text, "1.0.3")


@pytest.mark.parametrize(
    ("related", "where"),
    [
        (without(RELATED, "objectType"), "/objectType"),
        (without(RELATED, "agent"), "/agent"),
        (RELATED | {"agent": GROUP}, "/agent/member"),
        (RELATED | {"relevantTypes": []}, "/relevantTypes"),
        (RELATED | {"relevantTypes": ["x"]}, "/relevantTypes/0"),
        (RELATED | {"more": 1}, "/more"),
    ],
)
def test_a_related_agent_keeps_its_form(related: dict[str, Any], where: str) -> None:
    with pytest.raises(BadStatement) as refused:
        check_statement(json.dumps(a_statement(context={"contextAgents": [related]})), "2.0.0")
    assert refused.value.where == f"/context/contextAgents/0{where}"


def test_the_second_version_wants_the_zone_and_knows_its_own_number() -> None:
    naive = json.dumps(a_statement(timestamp="2026-11-22T03:00:00"))
    assert check_statement(naive).happened_at is not None
    with pytest.raises(BadStatement):
        check_statement(naive, "2.0.0")
    assert check_statement(json.dumps(a_statement(version="2.0.0")), "2.0.0")
    with pytest.raises(BadStatement):
        check_statement(json.dumps(a_statement(version="2.0.0")), "1.0.3")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        '{"id": NaN}',
        '{"id": "\\ud800"}',
        "[" * 10_000 + "]" * 10_000,
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        b"\xff\xfe",
        b'{"id":"\xed\xa0\x80"}',
        "\ufeff{}",
    ],
)
def test_what_is_no_json_object_is_refused_and_nothing_breaks(text: str | bytes) -> None:
    with pytest.raises(BadStatement):
        check_statement(text)


@pytest.mark.parametrize(
    "pair",
    [
        ('"id": "https://school.example/units/7"', '"id": "https://school.example/units/7", "id": "https://other"'),
        ('"id": "https://school.example/units/7"', '"id": "a\\u003ab", "id": "a:b"'),
        ('"id": "https://school.example/units/7"', '"id": "hidden", "id": "a\\u003ab"'),
        ('"id": "https://school.example/units/7"', '"i\\u0064": "a:b", "id": "a:b"'),
        ('"object"', '"object": {"id": "a:b"}, "object"'),
    ],
)
def test_a_key_given_twice_is_refused(pair: tuple[str, str]) -> None:
    text = json.dumps(a_statement())
    assert pair[0] in text
    with pytest.raises(BadStatement, match="twice"):
        check_statement(text.replace(*pair))


def test_escaped_colons_are_no_offence() -> None:
    text = json.dumps(a_statement()).replace("https://school.example/units", "https\\u003A//school.example/units")
    assert check_statement(text).activity == "https://school.example/units/7"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_nothing_an_extension_holds_gets_a_statement_refused_or_changed(value: object) -> None:
    for ascii_only in (True, False):
        text = json.dumps(a_statement(result={"extensions": {"http://e": value}}), ensure_ascii=ascii_only)
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            continue
        assert check_statement(text).raw == text


def test_what_the_store_searches_by_is_drawn_out() -> None:
    checked = check_statement(
        json.dumps(a_statement(id=ID.upper(), context={"registration": ID}, timestamp="2026-11-22T11:00:00+08:00"))
    )
    assert checked.id == UUID(ID)
    assert checked.activity == ACTIVITY["id"]
    assert checked.activity_key == key_of(ACTIVITY["id"])
    assert checked.verb_key == key_of("http://adlnet.gov/expapi/verbs/experienced")
    assert checked.registration == ID
    assert checked.voids is None
    assert str(checked.happened_at) == "2026-11-22 03:00:00+00:00"
    assert check_statement(json.dumps(a_statement(**VOIDING))).voids == ID


def test_a_statement_without_id_gets_one_that_stock_clients_take() -> None:
    assert check_statement(json.dumps(a_statement(id=None))).id.version == 4


def test_an_actor_is_found_by_its_identifier_alone() -> None:
    assert actor_key(an_agent(name="A")) == actor_key(an_agent(name="B"))
    assert actor_key(an_agent("a")) != actor_key(an_agent("b"))
    assert actor_key({"mbox": "mailto:a@B.example"}) == actor_key({"mbox": "mailto:a@b.example"})
    assert actor_key({"mbox": "mailto:A@b.example"}) != actor_key({"mbox": "mailto:a@b.example"})
    assert actor_key(GROUP) is None
    # Parts are told apart: no home page and name can be cut differently into the same key.
    assert key_of("account", "a:b", "c") != key_of("account", "a:", "bc")


SAME: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "what an LRS assigns": (
        {},
        {"stored": "2026-01-01T00:00:00Z", "authority": an_agent("x"), "version": "1.0.0"},
    ),
    "a verb's display": ({"verb": {"id": "a:v"}}, {"verb": {"id": "a:v", "display": {"en": "x"}}}),
    "an activity's definition": (definition(name={"en": "x"}), definition(name={"en": "y"})),
    "the zone of a timestamp": (
        {"timestamp": "2026-11-22T03:00:00Z"},
        {"timestamp": "2026-11-22T11:00:00.000+08:00"},
    ),
    "the order of members": ({"actor": GROUP}, {"actor": GROUP | {"member": MEMBERS[::-1]}}),
    "the case of a domain": ({"actor": {"mbox": "mailto:a@b"}}, {"actor": {"mbox": "mailto:a@B"}}),
    "the case of a UUID": ({"context": {"registration": ID}}, {"context": {"registration": ID.upper()}}),
    "one context activity or a list of it": (
        {"context": {"contextActivities": {"parent": ACTIVITY}}},
        {"context": {"contextActivities": {"parent": [ACTIVITY | {"definition": {}}]}}},
    ),
    "the same inside a sub-statement": ({"object": SUB}, {"object": SUB | definition(name={"en": "x"})}),
}


@pytest.mark.parametrize("pair", SAME.values(), ids=SAME.keys())
def test_differences_that_do_not_count(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    one, other = (check_statement(json.dumps(a_statement(id=ID, **what), indent=i)) for i, what in enumerate(pair))
    assert one.digest == other.digest


DIFFERENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the verb": ({}, {"verb": {"id": "a:v"}}),
    "the moment": ({"timestamp": "2026-11-22T03:00:00Z"}, {"timestamp": "2026-11-22T03:00:00+08:00"}),
    "the form of a duration": ({"result": {"duration": "PT60S"}}, {"result": {"duration": "PT1M"}}),
    "the form of a number": ({"result": {"score": {"raw": 1}}}, {"result": {"score": {"raw": 1.0}}}),
    "a member": ({"actor": GROUP}, {"actor": GROUP | {"member": MEMBERS[:1]}}),
    "the local part of an address": ({"actor": {"mbox": "mailto:a@b"}}, {"actor": {"mbox": "mailto:A@b"}}),
    "an extension": ({"result": {"extensions": {"a:b": 1}}}, {"result": {"extensions": {"a:b": 2}}}),
    "the order of an extension's list": (
        {"result": {"extensions": {"a:b": [1, 2]}}},
        {"result": {"extensions": {"a:b": [2, 1]}}},
    ),
    "an attachment": ({"attachments": [ATTACHMENT]}, {"attachments": [ATTACHMENT | {"sha2": "b" * 64}]}),
}


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_differences_that_count(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    one, other = (check_statement(json.dumps(a_statement(id=ID, **what))) for what in pair)
    assert one.digest != other.digest
