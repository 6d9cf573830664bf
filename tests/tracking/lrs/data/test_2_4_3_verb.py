"""xAPI Data 2.4.3; IEEE 9274.1.1 4.2.2.2: the verb."""

from __future__ import annotations

from typing import Any

from tests.tracking.lrs.data.judging import Example, Rule, each, judge, judged, wrong


def _verb(**what: Any) -> Example:
    return {"verb": what}


@judged(
    [
        Rule(
            "XAPI-00044 a verb's id is an IRI",
            "2.4.3",
            each(
                lambda one: _verb(id=one),
                "http://a/v",
                "urn:x:v",
                "http://例え.jp/فعل/خواندن",
                "tag:a.example,2026:ran",
            ),
            (
                (_verb(display={"en": "ran"}), "/verb/id"),
                *wrong("/verb/id", lambda one: _verb(id=one), "ran", "/ran", "", 7, None, {}, "ab=c://should.fail.com"),
            ),
        ),
        Rule(
            "XAPI-00045 a verb's display is a language map",
            "2.4.3",
            each(lambda one: _verb(id="a:v", display=one), {}, {"en-US": "ran", "zh-Hans": "跑了", "und": ""}),
            (
                *wrong("/verb/display", lambda one: _verb(id="a:v", display=one), "ran", ["ran"], 7, None, True),
                *wrong("/verb/display/en", lambda one: _verb(id="a:v", display={"en": one}), 7, None, {}, ["ran"]),
            ),
        ),
        Rule(
            "XAPI-00010 a verb has no other property",
            "2.2",
            (),
            ((_verb(id="a:v", objectType="Verb"), "/verb/objectType"), (_verb(id="a:v", Display={}), "/verb/Display")),
        ),
        Rule(
            "XAPI-00006 a verb is an object", "2.4.3", (), wrong("/verb", lambda one: {"verb": one}, "a:v", ["a:v"], 7)
        ),
    ]
)
def test_a_verb(rule: Rule) -> None:
    judge(rule)
