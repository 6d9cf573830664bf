"""xAPI Data 2.3; IEEE 9274.1.1 4.2.3, 4.2.5: when two statements are the same, and which statements void.

What a voided statement is to those who ask (XAPI-00016, XAPI-00018) is tested at the door: `test_at_the_door.py`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from elearn.tracking.lrs.rules.check import VOIDED, Checked, check_statement, equivalent
from tests.builders_lrs import a_statement, an_agent, an_attachment
from tests.tracking.lrs.data.judging import (
    ACTIVITY,
    GROUP,
    ID,
    MEMBERS,
    REFERENCE,
    VERSIONS,
    Example,
    Rule,
    a_sub_statement,
    at,
    judge,
    judged,
    without,
)

VOIDING: Example = {"verb": {"id": VOIDED}, "object": REFERENCE}


def _attached(**what: Any) -> Example:
    return {"attachments": [an_attachment(b"x", **what)]}


def _related(**what: Any) -> Example:
    return {"context": {"contextAgents": [{"objectType": "contextAgent", "agent": an_agent(), **what}]}}


def _durations(one: str, other: str) -> tuple[Example, Example]:
    return {"result": {"duration": one}}, {"result": {"duration": other}}


SAME: tuple[tuple[str, Example, Example], ...] = (
    ("nothing differs", {}, {}),
    ("the id", {"id": ID}, {"id": ID.replace("5", "6")}),
    (
        "authority, stored and version",
        {},
        {"authority": an_agent("x"), "stored": "2026-01-01T00:00:00Z", "version": "1.0.0"},
    ),
    ("a timestamp that an LRS may have set", {}, {"timestamp": "2026-01-01T00:00:00Z"}),
    ("the zone of a timestamp", at("timestamp")("2026-11-22T03:00:00Z"), at("timestamp")("2026-11-22T11:00:00+08:00")),
    ("the digits of a timestamp", at("timestamp")("2026-11-22T03:00:00Z"), at("timestamp")("2026-11-22T03:00:00.000Z")),
    ("a verb's display", {"verb": {"id": "a:v"}}, {"verb": {"id": "a:v", "display": {"en": "x"}}}),
    ("an activity's definition", {}, {"object": ACTIVITY | {"definition": {"type": "a:t"}}}),
    ("the order of members", {"actor": GROUP}, {"actor": GROUP | {"member": MEMBERS[::-1]}}),
    ("the case of a domain", at("actor", "mbox")("mailto:a@B.Example"), at("actor", "mbox")("mailto:a@b.example")),
    ("the case of a hash", at("actor", "mbox_sha1sum")("A" * 40), at("actor", "mbox_sha1sum")("a" * 40)),
    ("the case of a UUID", at("context", "registration")(ID), at("context", "registration")(ID.upper())),
    ("the case of a reference's id", {"object": REFERENCE}, {"object": REFERENCE | {"id": ID.upper()}}),
    ("the case of a language", at("context", "language")("zh-CN"), at("context", "language")("zh-cn")),
    ("the case of an attachment's hash", _attached(sha2="a" * 64), _attached(sha2="A" * 64)),
    ("the case of a media type", _attached(contentType="Text/Plain; x=Y"), _attached(contentType="text/plain; x=Y")),
    ("the case of a map's language", _attached(display={"en-US": "x"}), _attached(display={"en-us": "x"})),
    (
        "a context activity alone or in a list",
        at("context", "contextActivities", "parent")(ACTIVITY),
        at("context", "contextActivities", "parent")([ACTIVITY | {"definition": {}}]),
    ),
    ("XAPI 2.0 4.2.7 a duration below 0.01 s", *_durations("P1DT12H36M0.12S", "P1DT12H36M0.1237S")),
    ("a duration below 0.01 s, with a comma", *_durations("PT1,999S", "PT1,991S")),
    (
        "a definition in a sub-statement",
        {"object": a_sub_statement()},
        {"object": a_sub_statement(object=ACTIVITY | {"definition": {}})},
    ),
    (
        "a moment in a sub-statement",
        {"object": a_sub_statement(timestamp="2026-11-22T03:00:00Z")},
        {"object": a_sub_statement(timestamp="2026-11-22T03:00:00.0Z")},
    ),
    (
        "the order of keys",
        {"actor": {"mbox": "mailto:a@b", "name": "A"}},
        {"actor": {"name": "A", "mbox": "mailto:a@b"}},
    ),
)
DIFFERENT: tuple[tuple[str, Example, Example], ...] = (
    ("the actor", {}, {"actor": an_agent("b")}),
    ("an actor's name", {"actor": an_agent(name="A")}, {"actor": an_agent(name="B")}),
    ("the verb", {}, {"verb": {"id": "a:v"}}),
    ("the case of an IRI", {"object": {"id": "http://a/x"}}, {"object": {"id": "http://A/x"}}),
    ("an IRI escaped and not", {"object": {"id": "http://a/é"}}, {"object": {"id": "http://a/%C3%A9"}}),
    ("the moment", at("timestamp")("2026-11-22T03:00:00Z"), at("timestamp")("2026-11-22T03:00:00.001Z")),
    (
        "a sub-statement's timestamp, which no LRS sets",
        {"object": a_sub_statement()},
        {"object": a_sub_statement(timestamp="2026-01-01T00:00:00Z")},
    ),
    ("a duration in other units", *_durations("PT60S", "PT1M")),
    ("a duration by 0.01 s", *_durations("PT0.12S", "PT0.13S")),
    ("a duration that rounds the same", *_durations("PT0.126S", "PT0.13S")),
    ("the digits of a duration", *_durations("PT1.5S", "PT1.50S")),
    ("the form of a number", at("result", "score", "raw")(1), at("result", "score", "raw")(1.0)),
    (
        "whole numbers that are one to a machine word",
        at("result", "extensions", "a:b")(2**70),
        at("result", "extensions", "a:b")(2**70 + 1),
    ),
    ("members", {"actor": GROUP}, {"actor": GROUP | {"member": MEMBERS[:1]}}),
    ("a member twice", {"actor": GROUP}, {"actor": GROUP | {"member": [*MEMBERS, MEMBERS[0]]}}),
    ("the local part of an address", at("actor", "mbox")("mailto:A@b"), at("actor", "mbox")("mailto:a@b")),
    ("an account's name", {"actor": an_agent("a")}, {"actor": an_agent("A")}),
    ("a response", at("result", "response")("a"), at("result", "response")("A")),
    (
        "the order of an extension's list",
        at("result", "extensions", "a:b")([1, 2]),
        at("result", "extensions", "a:b")([2, 1]),
    ),
    ("an extension that is null", at("result", "extensions")({}), at("result", "extensions")({"a:b": None})),
    (
        "the order of context activities",
        at("context", "contextActivities", "other")([{"id": "a:a"}, {"id": "a:b"}]),
        at("context", "contextActivities", "other")([{"id": "a:b"}, {"id": "a:a"}]),
    ),
    ("an attachment's hash", _attached(), _attached(sha2="b" * 64)),
    ("a media type's parameter", _attached(contentType="text/plain; x=Y"), _attached(contentType="text/plain; x=y")),
    ("a sub-statement's verb", {"object": a_sub_statement()}, {"object": a_sub_statement(verb={"id": "a:v"})}),
)
DIFFERENT_2: tuple[tuple[str, Example, Example], ...] = (
    ("a context agent's types", _related(relevantTypes=["a:t"]), _related(relevantTypes=["a:u"])),
    ("a context agent", _related(agent=an_agent("a")), _related(agent=an_agent("b"))),
)
SAME_2: tuple[tuple[str, Example, Example], ...] = (
    (
        "the case of a context agent's domain",
        _related(agent={"mbox": "mailto:a@B"}),
        _related(agent={"mbox": "mailto:a@b"}),
    ),
)


def _both(one: Example, other: Example, version: str) -> tuple[Checked, Checked]:
    first, second = (check_statement(json.dumps(a_statement(**what)), version) for what in (one, other))
    return first, second


def _rows(for_both: Any, for_2: Any) -> list[Any]:
    return [
        pytest.param(one, other, version, id=f"{what}, {version}")
        for version in VERSIONS
        for what, one, other in (*for_both, *(for_2 if version == "2.0.0" else ()))
    ]


@pytest.mark.parametrize(("one", "other", "version"), _rows(SAME, SAME_2))
def test_a_difference_that_does_not_count(one: Example, other: Example, version: str) -> None:
    first, second = _both(one, other, version)
    assert equivalent(first.statement, second.statement)
    assert equivalent(second.statement, first.statement)
    if ("timestamp" in one) == ("timestamp" in other):
        assert first.digest == second.digest


@pytest.mark.parametrize(("one", "other", "version"), _rows(DIFFERENT, DIFFERENT_2))
def test_a_difference_that_counts(one: Example, other: Example, version: str) -> None:
    first, second = _both(one, other, version)
    assert not equivalent(first.statement, second.statement)
    assert first.digest != second.digest


@pytest.mark.parametrize(
    ("one", "other"), [("1.10", "1.1"), ("1e1", "10.0"), ("0.10", "0.1"), ("1e400", "1e401"), ("1e-400", "0.0")]
)
def test_numbers_written_differently_differ(one: str, other: str) -> None:
    text = json.dumps(a_statement(result={"extensions": {"a:b": "HERE"}}))
    first, second = (check_statement(text.replace('"HERE"', number)) for number in (one, other))
    assert first.digest != second.digest


def test_a_statement_is_the_same_in_both_versions() -> None:
    text = json.dumps(a_statement())
    assert check_statement(text, "1.0.3").digest == check_statement(text, "2.0.0").digest


@judged(
    [
        Rule(
            "XAPI-00017 XAPI-00020 a voiding statement has a reference as its object",
            "2.3.2",
            (VOIDING,),
            tuple(
                (VOIDING | {"object": thing}, "/object/objectType")
                for thing in (ACTIVITY, ACTIVITY | {"objectType": "Activity"}, an_agent(), GROUP, a_sub_statement())
            ),
        ),
        Rule(
            "XAPI-00020 and names the voided statement by its id",
            "2.4.4.3",
            (),
            (
                (VOIDING | {"object": without(REFERENCE, "id")}, "/object/id"),
                (VOIDING | {"object": REFERENCE | {"id": "x"}}, "/object/id"),
            ),
        ),
    ]
)
def test_a_voiding_statement(rule: Rule) -> None:
    judge(rule)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("verb", "voids"),
    [(VOIDED, ID), (VOIDED + "#", None), ("http://example.com/verbs/voided", None), (VOIDED.upper(), None)],
)
def test_xapi_00019_the_verb_alone_makes_a_statement_voiding(verb: str, voids: str | None, version: str) -> None:
    checked = check_statement(json.dumps(a_statement(verb={"id": verb}, object=REFERENCE)), version)
    assert checked.voids == voids
    assert checked.refers_to == ID


def test_what_a_sub_statement_would_void_is_not_voided() -> None:
    checked = check_statement(json.dumps(a_statement(object=a_sub_statement(**VOIDING))))
    assert checked.voids is None
