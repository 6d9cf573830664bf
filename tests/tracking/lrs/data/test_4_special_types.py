"""xAPI Data 4; IEEE 9274.1.1 4.2.7: extensions, language maps, IRIs, timestamps and durations."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from elearn.tracking.lrs.rules.check import check_statement
from elearn.tracking.lrs.rules.forms import read_timestamp, show_timestamp
from tests.builders_lrs import a_statement
from tests.tracking.lrs.data.judging import ACTIVITY, VERSIONS, Rule, at, each, judge, judged, wrong

PLACES = (("result", "extensions"), ("context", "extensions"))
VALUES: tuple[Any, ...] = (
    None,
    "",
    {},
    [],
    0,
    False,
    {"": None},
    [[None]],
    "\u0000",
    10**40,
    {"mbox": "x", "id": None},
)


def _extension(value: Any) -> Any:
    return {"object": ACTIVITY | {"definition": {"extensions": value}}}


def _display(value: Any) -> Any:
    return {"verb": {"id": "a:v", "display": value}}


TAGS = (
    "zh",
    "zh-CN",
    "zh-Hans-CN",
    "zh-cmn-Hans-CN",
    "en-US-x-twain",
    "sl-rozaj-biske-1994",
    "de-CH-1901",
    "de-a-value",
    "i-klingon",
    "x-own",
    "EN",
    "und",
    "es-419",
    "qaa-Qaaa-QM-x-own",
    "abcd",
)
NO_TAGS = (
    "",
    "a12345678",
    "en_US",
    "e",
    "en-",
    "-en",
    "en--US",
    "en-USAmerica",
    "en-x",
    "en-a",
    "1en",
    "en US",
    "中文",
    "en-US\n",
)


@judged(
    [
        *(
            Rule(
                f"XAPI-00118 a key of extensions is an IRI: {place}",
                "4.1",
                (make({"http://例え.jp/e": 1, "urn:x:e": 1}), make({})),
                tuple(
                    (make({key: 1}), f"{where}/{key}".replace("a/b", "a~1b")) for key in ("e", "", "a/b", "e e", ":e")
                ),
            )
            for place, make, where in (
                ("a definition's", _extension, "/object/definition/extensions"),
                *((f"a {'/'.join(path)}", at(*path), "/" + "/".join(path)) for path in PLACES),
            )
        ),
        Rule(
            "XAPI-00119 a value of extensions is anything, null and nothing too",
            "",
            tuple(
                make({"http://e": value}) for make in (_extension, *(at(*path) for path in PLACES)) for value in VALUES
            ),
        ),
        Rule(
            "XAPI-00120 extensions are keys with values",
            "4.1",
            (),
            (
                *wrong("/object/definition/extensions", _extension, "x", 7, ["a:b"], None, True),
                *wrong("/result/extensions", at("result", "extensions"), "x", 7, ["a:b"], None, True),
            ),
        ),
        Rule(
            "XAPI-00013 XAPI-00121 a language map's keys have the lengths of RFC 5646's parts",
            "4.2",
            each(lambda tag: _display({tag: "x"}), *TAGS),
            tuple((_display({"en": "x", tag: "x"}), f"/verb/display/{tag}") for tag in NO_TAGS),
        ),
        Rule(
            "4.3 an IRI has a scheme and no sign that must be escaped",
            "4.3",
            each(
                at("verb", "id"),
                "http://例え.jp/パス?問=1#x",
                "urn:ISBN:1",
                "a:b",
                "tag:a,2026:x",
                "x-y+z.1:q",
                "http://a/\U0001f600",
                "http://[::1]/",
            ),
            wrong(
                "/verb/id",
                at("verb", "id"),
                *(f"http://a/{sign}" for sign in ' \t\n"<>\\^`{|}\u007f\u0085\ufffe'),
                ":a",
                "1a:b",
                "ab=c://x",
                "例:x",
                "a",
            ),
        ),
    ]
)
def test_a_special_type(rule: Rule) -> None:
    judge(rule)


def test_an_iri_of_64_kilobytes_is_an_iri() -> None:
    iri = "http://a/" + "é" * 65_536
    assert check_statement(json.dumps(a_statement(verb={"id": iri}))).verb == iri


BOTH = (
    ("2026-11-22T03:00:00Z", "2026-11-22T03:00:00.000000Z"),
    ("2026-11-22T03:00:00.1Z", "2026-11-22T03:00:00.100000Z"),
    ("2026-11-22T03:00:00.123Z", "2026-11-22T03:00:00.123000Z"),
    ("2026-11-22T03:00:00.123456Z", "2026-11-22T03:00:00.123456Z"),
    ("2026-11-22T03:00:00.123456789Z", "2026-11-22T03:00:00.123456Z"),
    ("2026-11-22T11:00:00+08:00", "2026-11-22T03:00:00.000000Z"),
    ("2026-11-21T21:30:00.5-05:30", "2026-11-22T03:00:00.500000Z"),
    ("2026-11-22T03:00:00+00:00", "2026-11-22T03:00:00.000000Z"),
    ("2026-11-22T03:00:00-00:30", "2026-11-22T03:30:00.000000Z"),
    ("2026-11-22t03:00:00z", "2026-11-22T03:00:00.000000Z"),
    ("2026-11-22 03:00:00Z", "2026-11-22T03:00:00.000000Z"),
    ("2026-12-31T23:59:60Z", "2026-12-31T23:59:59.999999Z"),
    ("2026-12-31T23:59:60.5Z", "2026-12-31T23:59:59.999999Z"),
    ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"),
    ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
    ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
)
ISO_8601_ONLY = (
    ("2026-11-22T03:00:00", "2026-11-22T03:00:00.000000Z"),
    ("2026-11-22T03:00:00,5Z", "2026-11-22T03:00:00.500000Z"),
    ("2026-11-22T03:00Z", "2026-11-22T03:00:00.000000Z"),
    ("2026-11-22T11:00:00+08", "2026-11-22T03:00:00.000000Z"),
    ("2026-11-21T21:30:00-0530", "2026-11-22T03:00:00.000000Z"),
    ("20261122T030000Z", "2026-11-22T03:00:00.000000Z"),
    ("20261122T110000.25+0800", "2026-11-22T03:00:00.250000Z"),
    ("20261122T0300", "2026-11-22T03:00:00.000000Z"),
)
NEITHER = (
    *("", "should fail", "01/011/2015", "2026-11-22", "03:00:00Z", "2026-11", "2026-11-22T", "2026-11-22T03Z"),
    *("2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T03:60:00Z"),
    *("2026-11-22T03:00:61Z", "2026-11-22T03:00:00.Z", "2026-11-22T03:00:00+24:00", "2026-11-22T03:00:00+01:60"),
    *("2008-09-15T15:53:00.601-00", "2008-09-15T15:53:00.601-0000", "2008-09-15T15:53:00.601-00:00"),
    *("0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "12026-01-01T00:00:00Z"),
    *("２０２６-11-22T03:00:00Z", " 2026-11-22T03:00:00Z", "2026-11-22T03:00:00Z\n", "2026-11-22T03:00:00ZZ"),
    *("2026-1122T03:00:00Z", "20261122T03:00:00Z", "2026-11-22T030000Z", "2026-11-22T03:00:00 Z", "1763780400"),
)


@pytest.mark.parametrize(("text", "moment"), BOTH)
def test_xapi_00123_both_versions_read_rfc_3339(text: str, moment: str) -> None:
    for zone_needed in (False, True):
        read = read_timestamp(text, zone_needed=zone_needed)
        assert read is not None
        assert (read.tzinfo, show_timestamp(read)) == (UTC, moment)


@pytest.mark.parametrize(("text", "moment"), ISO_8601_ONLY)
def test_xapi_00123_what_else_iso_8601_has_is_of_1_0_3_alone(text: str, moment: str) -> None:
    read = read_timestamp(text)
    assert read is not None
    assert show_timestamp(read) == moment
    assert read_timestamp(text, zone_needed=True) is None


@pytest.mark.parametrize("text", NEITHER)
def test_xapi_00123_what_is_no_timestamp(text: str) -> None:
    assert read_timestamp(text) is None
    assert read_timestamp(text, zone_needed=True) is None


@judged(
    [
        Rule(
            "XAPI-00123 a timestamp in both versions",
            "4.5",
            each(at("timestamp"), *(text for text, _ in BOTH)),
            wrong("/timestamp", at("timestamp"), *NEITHER),
        ),
        Rule(
            "XAPI-00123 a timestamp in 1.0.3",
            "4.5",
            each(at("timestamp"), *(text for text, _ in ISO_8601_ONLY)),
            versions=("1.0.3",),
        ),
        Rule(
            "9274.1.1 4.2.7 a timestamp in 2.0",
            "4.5",
            (),
            wrong("/timestamp", at("timestamp"), *(text for text, _ in ISO_8601_ONLY)),
            ("2.0.0",),
        ),
    ]
)
def test_a_timestamp_of_a_statement(rule: Rule) -> None:
    judge(rule)


@pytest.mark.parametrize("version", VERSIONS)
def test_xapi_00122_a_timestamp_keeps_more_than_milliseconds(version: str) -> None:
    text = json.dumps(a_statement(timestamp="2026-11-22T11:00:00.1234567+08:00"))
    checked = check_statement(text, version)
    assert checked.happened_at == datetime(2026, 11, 22, 3, 0, 0, 123456, tzinfo=UTC)
    assert checked.raw == text


@judged(
    [
        Rule(
            "XAPI-00124 a duration is in ISO 8601's format with designators",
            "4.6",
            each(
                at("result", "duration"),
                *(
                    "PT4H35M59.14S",
                    "PT16559.14S",
                    "P3Y1M29DT4H35M59.14S",
                    "P3Y",
                    "P4W",
                    "PT1H0M0.1S",
                    "P1M",
                    "PT1M",
                    "P0D",
                ),
                *("PT0S", "P1DT1S", "PT0.5H", "P0.5Y", "PT1,5S", "P2.5W", "PT123456789012345S", "PT0.0001S", "P1YT1S"),
            ),
            wrong(
                "/result/duration",
                at("result", "duration"),
                *(
                    "P4W1D",
                    "P1Y4W",
                    "PA1H0M0S",
                    "P",
                    "PT",
                    "P1YT",
                    "1S",
                    "P1S",
                    "T1S",
                    "PT1D",
                    "PT1S1M",
                    "P1D1Y",
                    "p1d",
                    "P 1D",
                ),
                *("P-1D", "-P1D", "+P1D", "P1.D", "P.5D", "P0.5Y1M", "PT1.5H1S", "P1D/P2D", "PT1S\n", "", " PT1S"),
            ),
        ),
        Rule(
            "XAPI-00124 the alternative format of dates is none",
            "4.6",
            (),
            wrong(
                "/result/duration", at("result", "duration"), "P0003-01-29T04:35:59", "P00030129T043559", "P0001-00-00"
            ),
        ),
        Rule(
            "4.6 a duration finer than 0.01 seconds is no fault",
            "",
            each(at("result", "duration"), "PT0.1237S", "PT1.00000000001S"),
        ),
    ]
)
def test_a_duration(rule: Rule) -> None:
    judge(rule)
