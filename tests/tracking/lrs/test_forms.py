"""The forms of simple values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.tracking.lrs.rules import forms


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-22T03:00:00Z", "2026-11-22T03:00:00.000000Z"),
        ("2026-11-22T03:00:00.123Z", "2026-11-22T03:00:00.123000Z"),
        ("2026-11-22T11:00:00.1234567+08:00", "2026-11-22T03:00:00.123456Z"),
        ("2026-11-21T21:30:00-0530", "2026-11-22T03:00:00.000000Z"),
        ("2026-11-22T11:00+08", "2026-11-22T03:00:00.000000Z"),
        ("2026-12-31T23:59:60Z", "2026-12-31T23:59:59.999999Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_a_timestamp_is_a_moment_in_utc(value: str, moment: str) -> None:
    read = forms.read_timestamp(value)
    assert read is not None
    assert forms.show_timestamp(read) == moment


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2026-11-22",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T03:00:00-00:00",
        "2026-11-22T03:00:00-00",
        "2026-11-22T03:00:00-0000",
        "2026-11-22T03:00:00+24:00",
        "2026-11-22T03:00:00+01:60",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "２０２６-11-22T03:00:00Z",
        "2026-11-22T03:00:00Z\n",
        1_700_000_000,
        None,
    ],
)
def test_what_is_no_moment_is_no_timestamp(value: object) -> None:
    assert forms.read_timestamp(value) is None


def test_only_the_older_version_takes_a_timestamp_without_zone() -> None:
    assert forms.read_timestamp("2026-11-22T03:00:00") == datetime(2026, 11, 22, 3, tzinfo=UTC)
    assert forms.read_timestamp("2026-11-22T03:00:00", zone_needed=True) is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_shown_moment_reads_as_itself(moment: datetime) -> None:
    assert forms.read_timestamp(forms.show_timestamp(moment)) == moment


GOOD: dict[Callable[[object], bool], list[object]] = {
    forms.is_iri: ["http://a", "urn:elearn:x", "mailto:a@b", "https://例え.jp/課", "tag:a.example,2026:x"],
    forms.is_uuid: ["12345678-1234-1234-1234-123456789abc", "12345678-1234-7234-8234-123456789ABC"],
    forms.is_mbox: ["mailto:a@b.example", "mailto:a.b+c@d"],
    forms.is_sha1: ["a" * 40, "A" * 40],
    forms.is_sha2: ["a" * 56, "b" * 64, "c" * 96, "D" * 128],
    forms.is_media_type: ["text/plain", "text/plain; charset=utf-8", 'a/b;c="d e"', "application/vnd.x+json"],
    forms.is_duration: ["PT1S", "P1Y2M3DT4H5M6.78S", "P4W", "PT0.5H", "P1D", "PT1,5S", "P0D"],
    forms.is_language: ["zh", "zh-CN", "zh-Hans-CN", "en-US-x-a", "i-klingon", "x-own", "de-1996", "sl-rozaj-biske"],
}
BAD: dict[Callable[[object], bool], list[object]] = {
    forms.is_iri: ["", "a", "/a", "http:", "http://a b", "http://a<b", "1http://a", "http://a\n", 7, None, []],
    forms.is_uuid: ["", "1234", "123456781234123412341234567890ab", "12345678-1234-1234-1234-123456789abg", 1, None],
    forms.is_mbox: ["a@b", "mailto:", "mailto:a", "mailto:a@", "mailto:@b", "MAILTO:a@b", "mailto:a@b?subject=x", 1],
    forms.is_sha1: ["a" * 39, "g" * 40, 1],
    forms.is_sha2: ["a" * 63, "g" * 64, None],
    forms.is_media_type: ["", "text", "text/", "text/plain; charset", "text/plain\n", 1],
    forms.is_duration: ["", "P", "PT", "1S", "P1S", "P1YT", "P0.5Y1M", "P1W2D", "PT1.S", "P-1D", "P0001-00-00", 5],
    forms.is_language: ["", "a", "en_US", "en-", "-en", "toolonglang", "en-USAA-US-DE-u", 1, "e" * 300],
}


@pytest.mark.parametrize(("form", "value"), [(form, value) for form, values in GOOD.items() for value in values])
def test_a_value_of_the_form_is_taken(form: Callable[[object], bool], value: object) -> None:
    assert form(value) is True


@pytest.mark.parametrize(("form", "value"), [(form, value) for form, values in BAD.items() for value in values])
def test_a_value_of_another_form_is_not(form: Callable[[object], bool], value: object) -> None:
    assert form(value) is False
