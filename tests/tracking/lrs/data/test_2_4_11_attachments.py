"""xAPI Data 2.4.11; IEEE 9274.1.1 4.2.2.6: what a statement says of its attachments."""

from __future__ import annotations

from typing import Any

from tests.builders_lrs import an_attachment
from tests.tracking.lrs.data.judging import Example, Rule, at, each, judge, judged, wrong

ONE = an_attachment(b"x")


def _with(**what: Any) -> Example:
    """One attachment; None leaves a property out."""
    return {"attachments": [an_attachment(b"x", **what)]}


def _as(name: str) -> Any:
    """An attachment that has this value there, null too."""
    return lambda one: {"attachments": [ONE | {name: one}]}


@judged(
    [
        Rule(
            "XAPI-00025 attachments are a list of objects",
            "2.4.11",
            ({"attachments": []}, {"attachments": [ONE, ONE]}),
            (
                *wrong("/attachments", at("attachments"), ONE, "x", 7),
                *wrong("/attachments/1", lambda one: {"attachments": [ONE, one]}, "x", 7, None, [ONE]),
            ),
        ),
        Rule(
            "XAPI-00102 a length is a whole number of octets",
            "2.4.11",
            each(_as("length"), 0, 1, 2**53 + 1, 2**70),
            (
                (_with(length=None), "/attachments/0/length"),
                *wrong("/attachments/0/length", _as("length"), "1", -1, 1.5, True, None, []),
            ),
        ),
        Rule(
            "XAPI-00103 a sha2 is a SHA-2 in hexadecimal",
            "2.4.11",
            each(_as("sha2"), "a" * 56, "B" * 64, "0" * 96, "f" * 128),
            (
                (_with(sha2=None), "/attachments/0/sha2"),
                *wrong("/attachments/0/sha2", _as("sha2"), "a" * 40, "g" * 64, "", 7, None),
            ),
        ),
        Rule(
            "XAPI-00104 a fileUrl is an IRL",
            "2.4.11",
            each(_as("fileUrl"), "http://a/f", "https://例え.jp/課.pdf?x"),
            wrong("/attachments/0/fileUrl", _as("fileUrl"), "f.pdf", "/f", "", 7, None),
        ),
        Rule(
            "XAPI-00105 a contentType is a media type",
            "2.4.11",
            each(
                _as("contentType"),
                "text/plain",
                "text/plain; charset=utf-8",
                "application/vnd.a+json",
                'a/b;c="d;\\"e"',
            ),
            (
                (_with(contentType=None), "/attachments/0/contentType"),
                *wrong(
                    "/attachments/0/contentType",
                    _as("contentType"),
                    "text",
                    "text/",
                    "/plain",
                    "",
                    "a/b;",
                    "a b/c",
                    7,
                    None,
                ),
            ),
        ),
        Rule(
            "XAPI-00106 a display is a language map",
            "2.4.11",
            each(_as("display"), {"zh-CN": "课"}, {}),
            (
                (_with(display=None), "/attachments/0/display"),
                *wrong("/attachments/0/display", _as("display"), "x", 7, None, []),
            ),
        ),
        Rule(
            "2.4.11 a description is a language map",
            "2.4.11",
            (_with(description={"en": "x"}),),
            wrong("/attachments/0/description", _as("description"), "x", 7, None, []),
        ),
        Rule(
            "XAPI-00107 a usageType is an IRI",
            "2.4.11",
            each(_as("usageType"), "http://a/u", "urn:x:用"),
            (
                (_with(usageType=None), "/attachments/0/usageType"),
                *wrong("/attachments/0/usageType", _as("usageType"), "u", "", 7, None),
            ),
        ),
        Rule(
            "XAPI-00010 an attachment has no other property",
            "2.2",
            (),
            ((_with(fileURL="a:b"), "/attachments/0/fileURL"),),
        ),
    ]
)
def test_an_attachment(rule: Rule) -> None:
    judge(rule)
