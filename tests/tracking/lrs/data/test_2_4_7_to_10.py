"""xAPI Data 2.4.7 to 2.4.10; IEEE 9274.1.1 4.2.4: timestamp, stored, authority and version of a statement."""

from __future__ import annotations

import json
from typing import Any

import pytest

from elearn.tracking.lrs.rules.check import check_statement
from tests.builders_lrs import a_checked, a_statement, an_agent
from tests.tracking.lrs.data.judging import GROUP, MEMBERS, VERSIONS, Example, Rule, each, judge, judged, wrong

MOMENTS = ("2026-11-22T03:00:00Z", "2026-11-22T03:00:00.000000001+05:45", "2026-11-22t03:00:00z")
NO_MOMENTS: tuple[Any, ...] = (
    "should fail",
    "01/011/2015",
    "2026-11-22",
    "2026-02-30T00:00:00Z",
    "",
    1_700_000_000,
    {"key": "x"},
)


def _group(*members: Any, **more: Any) -> Example:
    return {"authority": {"objectType": "Group", "member": list(members), **more}}


@judged(
    [
        Rule(
            "XAPI-00022 a timestamp is a timestamp",
            "2.4.7",
            each(lambda one: {"timestamp": one}, *MOMENTS),
            wrong("/timestamp", lambda one: {"timestamp": one}, *NO_MOMENTS),
        ),
        Rule(
            "2.4.7 a timestamp ahead of our clock is no fault",
            "",
            each(lambda one: {"timestamp": one}, "2999-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"),
        ),
        Rule(
            "XAPI-00023 stored is a timestamp, though it is replaced",
            "2.4.8",
            each(lambda one: {"stored": one}, *MOMENTS),
            wrong("/stored", lambda one: {"stored": one}, *NO_MOMENTS),
        ),
        Rule(
            "2.4.8 stored keeps the zone in 1.0.3 only if it has one",
            "2.4.8",
            ({"stored": "2026-11-22T03:00:00"},),
            versions=("1.0.3",),
        ),
        Rule(
            "9274.1.1 4.2.7 stored has a zone in 2.0",
            "2.4.8",
            (),
            (({"stored": "2026-11-22T03:00:00"}, "/stored"),),
            versions=("2.0.0",),
        ),
    ]
)
def test_moments_of_a_statement(rule: Rule) -> None:
    judge(rule)


@judged(
    [
        Rule(
            "XAPI-00024 an authority is an agent, or a group without identifier",
            "2.4",
            each(lambda one: {"authority": one}, an_agent(), {"mbox": "mailto:a@b.example"}, GROUP),
            (
                *wrong("/authority", lambda one: {"authority": one}, "me", 7, [an_agent()], {}),
                ({"authority": {"objectType": "Activity", "id": "a:b"}}, "/authority/objectType"),
                *wrong(
                    "/authority",
                    lambda one: _group(*MEMBERS, **one),
                    {"mbox": "mailto:a@b.example"},
                    {"mbox_sha1sum": "a" * 40},
                    {"openid": "https://id.example/a"},
                    {"account": {"homePage": "https://a.example", "name": "g"}},
                ),
            ),
        ),
        Rule(
            "XAPI-00098 a group as authority has exactly two members",
            "2.4",
            (
                _group(*MEMBERS),
                _group(*MEMBERS[::-1]),
                _group(an_agent("a"), an_agent("b")),
                _group(*MEMBERS, name="G"),
            ),
            (
                (_group(), "/authority/member"),
                (_group(MEMBERS[0]), "/authority/member"),
                (_group(*MEMBERS, an_agent("c")), "/authority/member"),
            ),
        ),
        Rule(
            "XAPI-00100 one of the two is an application, which its account names",
            "2.4.9",
            (),
            ((_group({"mbox": "mailto:a@b.example"}, {"mbox": "mailto:b@b.example"}), "/authority/member"),),
        ),
    ]
)
def test_an_authority(rule: Rule) -> None:
    judge(rule)


@judged(
    [
        Rule(
            "XAPI-00101 a version is 1.0 or 1.0.x",
            "2.4.10",
            each(lambda one: {"version": one}, "1.0", "1.0.0", "1.0.3", "1.0.9", "1.0.32-rc.1+5"),
            wrong(
                "/version",
                lambda one: {"version": one},
                *(
                    "0.9.9",
                    "0.95",
                    "1.1.0",
                    "1",
                    "1.",
                    "1.0.",
                    "1.00",
                    "10.0",
                    "2.1.0",
                    "3.0.0",
                    "latest",
                    "",
                    " 1.0.0",
                ),
                *(1.0, 1, ["1.0.0"], {}),
            ),
        ),
        Rule(
            "9274.1.1 4.2.4.3 a version may be 2.0.x in 2.0",
            "",
            each(lambda one: {"version": one}, "2.0.0", "2.0.1", "2.0"),
            versions=("2.0.0",),
        ),
        Rule(
            "XAPI-00101 and not in 1.0.3",
            "2.4.10",
            (),
            wrong("/version", lambda one: {"version": one}, "2.0.0", "2.0"),
            versions=("1.0.3",),
        ),
    ]
)
def test_a_version(rule: Rule) -> None:
    judge(rule)


@pytest.mark.parametrize(("asked", "shown"), [("1.0.3", "1.0.0"), ("1.0.0", "1.0.0"), ("2.0.0", "2.0.0")])
def test_a_statement_without_version_is_of_the_one_it_was_sent_by(asked: str, shown: str) -> None:
    assert a_checked(asked).version == shown


@pytest.mark.parametrize("version", VERSIONS)
def test_xapi_00332_the_version_it_names_stays_in_its_text(version: str) -> None:
    text = json.dumps(a_statement(version="1.0.2"))
    checked = check_statement(text, version)
    assert (checked.raw, checked.statement["version"]) == (text, "1.0.2")
