"""LEDGER section 2: what a leaf is, and that there is one way to write it."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.credit_export.ledger.leaves import (
    LEAF_BYTES_MAX,
    Credit,
    Evidence,
    Key,
    Leaf,
    LeafRefused,
    digest,
    digest_bytes,
    encode,
    read,
)
from tests.credit_export.ledger.formats.leaf_samples import (
    AT,
    CREDIT,
    DIGEST,
    LATER,
    NEW_KEY,
    OLD_KEY,
    SAMPLES,
    SUB,
    a_credit,
)
from tests.credit_export.ledger.formats.vectors import ENTRIES, hashes

MEMBERS = {
    "credit": "v t n sub unit span ms day total prev ev pol at",
    "attend": "v t n sub class kind from to ms day total prev doc by at",
    "void": "v t n sub ref total prev why by at",
    "evidence": "v t root count from to",
    "unit": "v t unit lesson version ms hash item kind at",
    "policy": "v t pol at",
    "key": "v t old new sig at",
}
each_type = pytest.mark.parametrize("name", SAMPLES)


def changed(name: str, /, **members: Any) -> bytes:
    """The JSON of a sample with other members; `...` takes one away."""
    value = {**json.loads(encode(SAMPLES[name])), **members}
    return rfc8785.dumps({member: one for member, one in value.items() if one is not ...})


@pytest.mark.parametrize("index", range(4))
def test_leaves_of_the_vectors_are_written_again_to_the_byte(index: int) -> None:
    assert encode(read(ENTRIES[index])) == ENTRIES[index]


def test_a_leaf_of_the_vectors_means_what_it_says() -> None:
    leaf = read(ENTRIES[3])
    assert isinstance(leaf, Credit)
    assert (leaf.n, leaf.span, leaf.ms, leaf.total) == (2, (600_000, 900_000), 300_000, 900_000)
    assert (leaf.day, leaf.at) == (date(2026, 1, 5), datetime(2026, 1, 5, 1, 15, 2, tzinfo=UTC))
    assert leaf.prev is not None
    assert digest_bytes(leaf.prev) == hashes("leaf_hashes")[1]


@each_type
def test_each_type_has_exactly_its_members(name: str) -> None:
    data = encode(SAMPLES[name])
    assert list(json.loads(data)) == sorted(MEMBERS[name].split())
    assert json.loads(data)["t"] == name
    assert read(data) == SAMPLES[name]
    assert len(data) < 600


@each_type
def test_a_member_too_many_or_too_few_is_refused(name: str) -> None:
    for member in MEMBERS[name].split():
        with pytest.raises(LeafRefused):
            read(changed(name, **{member: ...}))
    for member in ("x", "name", ""):
        with pytest.raises(LeafRefused, match="exactly"):
            read(changed(name, **{member: 1}))


@each_type
def test_no_member_takes_a_value_of_another_kind(name: str) -> None:
    for member in MEMBERS[name].split():
        for value in (True, -1, [], {}, "", "\n", "x\n", [1], [1, 2, 3], {"a": 1}, "ä ö", 2**53 - 1):
            if value == 2**53 - 1 and member in ("n", "ms", "total", "count", "version"):
                continue
            with pytest.raises(LeafRefused):
                read(changed(name, **{member: value}))


@each_type
def test_null_stands_only_where_nothing_may_be(name: str) -> None:
    for member in MEMBERS[name].split():
        if member in ("prev", "item"):
            read(changed(name, **{member: None}))
        else:
            with pytest.raises(LeafRefused):
                read(changed(name, **{member: None}))


GOOD = encode(CREDIT)
NOT_CANONICAL = {
    "nothing": b"",
    "not JSON": b"{",
    "JSON that is no object": b"[]",
    "a text": b'"credit"',
    "null": b"null",
    "a number": b"1",
    "a space": GOOD.replace(b",", b", ", 1),
    "a newline at the end": GOOD + b"\n",
    "CR LF at the end": GOOD + b"\r\n",
    "a space before": b" " + GOOD,
    "two leaves": GOOD + GOOD,
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "members in another order": json.dumps(dict(reversed(json.loads(GOOD).items())), separators=(",", ":")).encode(),
    "a member twice with one value": GOOD.replace(b'"n":1', b'"n":1,"n":1'),
    "a member twice with two values": GOOD.replace(b'"n":1', b'"n":2,"n":1'),
    "a float": GOOD.replace(b'"n":1', b'"n":1.5'),
    "a float that is whole": GOOD.replace(b'"n":1', b'"n":1.0'),
    "an exponent": GOOD.replace(b'"n":1', b'"n":1e0'),
    "minus zero": GOOD.replace(b"[0,", b"[-0,"),
    "a leading zero": GOOD.replace(b'"n":1', b'"n":01'),
    "not a number": GOOD.replace(b'"n":1', b'"n":NaN'),
    "infinity": GOOD.replace(b'"n":1', b'"n":Infinity'),
    "a larger number than RFC 8785 has": GOOD.replace(b'"n":1', b'"n":9007199254740992'),
    "a number of five thousand digits": GOOD.replace(b'"n":1', b'"n":' + b"9" * 5_000),
    "an escape that is not needed": GOOD.replace(b'"unit":"urn', b'"unit":"\\u0075rn'),
    "an escaped slash": GOOD.replace(b"urn:elearn:unit:0b7e", b"urn:elearn:unit\\/0b7e"),
    "half of a surrogate pair": GOOD.replace(b"urn:elearn:unit:0b7e", b"urn:elearn:\\ud800"),
    "half of a surrogate pair as a name": GOOD.replace(b'"n":1', b'"\\ud800":1'),
    "a control character": GOOD.replace(b"urn:elearn", b"urn:\x01elearn"),
    "not UTF-8": GOOD.replace(b"urn:elearn", b"urn:\xffelearn"),
    "UTF-16": GOOD.decode().encode("utf-16"),
    "sixty thousand brackets": b"[" * 60_000,
    "a comment": GOOD + b"/**/",
    "another version": GOOD.replace(b'"v":1', b'"v":2'),
    "true as a version": GOOD.replace(b'"v":1', b'"v":true'),
    "an unknown type": GOOD.replace(b'"credit"', b'"debit"'),
    "a type in capitals": GOOD.replace(b'"credit"', b'"Credit"'),
    "a type that is no text": GOOD.replace(b'"credit"', b"[]"),
}


@pytest.mark.parametrize("why", NOT_CANONICAL)
def test_there_is_one_way_to_write_a_leaf(why: str) -> None:
    assert NOT_CANONICAL[why] != GOOD
    with pytest.raises(LeafRefused):
        read(NOT_CANONICAL[why])


WRONG_VALUES: list[tuple[str, str, Any]] = [
    ("credit", "n", 0),
    ("credit", "ms", 0),
    ("credit", "total", -1),
    ("credit", "sub", "worker@example.com"),
    ("credit", "sub", SUB + "=="),
    ("credit", "sub", SUB[:-1]),
    ("credit", "sub", SUB[:-1] + "x"),
    ("credit", "sub", "320311770706001______x"),
    ("credit", "unit", "0b7e"),
    ("credit", "unit", "urn:elearn:unit:a b"),
    ("credit", "unit", "urn:elearn:unit:" + "x" * 300),
    ("credit", "span", [1, 1]),
    ("credit", "span", [2, 1]),
    ("credit", "span", [-1, 1]),
    ("credit", "span", [False, True]),
    ("credit", "span", "01"),
    ("credit", "span", {"0": 1, "1": 2}),
    ("credit", "day", "2026-02-30"),
    ("credit", "day", "20260105"),
    ("credit", "day", "2026-W02-1"),
    ("credit", "day", "2026-01-05T00:00:00Z"),
    ("credit", "prev", "sha256:00"),
    ("credit", "prev", DIGEST.upper()),
    ("credit", "prev", DIGEST.removeprefix("sha256:")),
    ("credit", "ev", "SHA256:" + "00" * 32),
    ("credit", "ev", "ibkkXVVo1+UYvvoOLB1TpZLST5MMo7+MaExACixEYS8="),
    ("credit", "pol", "sha256:" + "0" * 63 + "g"),
    ("credit", "at", "2026-01-05T01:10:04"),
    ("credit", "at", "2026-01-05 01:10:04Z"),
    ("credit", "at", "2026-01-05T01:10:04+00:00"),
    ("credit", "at", "2026-01-05T09:10:04+08:00"),
    ("credit", "at", "2026-01-05T01:10:04.000Z"),
    ("credit", "at", "2026-01-05T01:10:04.5Z"),
    ("credit", "at", "2026-01-05T01:10:04.123456Z"),
    ("credit", "at", "2026-01-05T24:00:00Z"),
    ("credit", "at", "2026-01-05T01:10:60Z"),
    ("credit", "at", "0000-01-05T01:10:04Z"),
    ("credit", "at", "２026-01-05T01:10:04Z"),
    ("attend", "kind", "examination"),
    ("attend", "by", ["clerk"]),
    ("attend", "by", ["clerk", "clerk"]),
    ("attend", "by", ["clerk", ""]),
    ("attend", "by", ["clerk", "the teacher"]),
    ("attend", "by", "ab"),
    ("attend", "to", "2026-01-05T01:10:04Z"),
    ("void", "why", "because he said so"),
    ("void", "ref", None),
    ("evidence", "to", "2026-01-05T01:10:04Z"),
    ("unit", "version", 0),
    ("unit", "kind", "both"),
    ("key", "new", "hours.example/ledger/2026+00000000+AA=="),
    ("key", "sig", "=="),
]


@pytest.mark.parametrize(("name", "member", "value"), WRONG_VALUES)
def test_a_value_of_the_wrong_form_is_refused(name: str, member: str, value: Any) -> None:
    with pytest.raises(LeafRefused):
        read(changed(name, **{member: value}))


@pytest.mark.parametrize(
    "members",
    [
        {"at": AT.replace(tzinfo=None)},
        {"at": AT.replace(microsecond=1)},
        {"at": AT.replace(microsecond=1_500)},
        {"n": 0},
        {"n": 1.0},
        {"ms": True},
        {"ms": 2**53},
        {"sub": "320311770706001"},
        {"span": (5, 5)},
        {"prev": ""},
        {"unit": "a unit"},
    ],
)
def test_none_is_written_that_could_not_be_read(members: dict[str, Any]) -> None:
    with pytest.raises(LeafRefused):
        encode(a_credit(**members))


def test_a_time_is_written_in_utc_and_to_the_millisecond_only_when_it_has_any() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert b'"at":"2026-01-05T01:10:04Z"' in encode(a_credit(at=AT.astimezone(shanghai)))
    assert b'"at":"2026-01-05T01:10:04.070Z"' in encode(a_credit(at=AT.replace(microsecond=70_000)))
    assert b'"at":"0999-01-05T01:10:04Z"' in encode(a_credit(at=AT.replace(year=999)))


def test_a_minute_ends_after_it_begins() -> None:
    for begin, end in ((AT, AT), (LATER, AT)):
        with pytest.raises(LeafRefused, match="before it begins"):
            Evidence(root=DIGEST, count=1, from_=begin, to=end)


def test_a_leaf_is_as_long_as_an_entry_may_be_and_no_longer() -> None:
    assert LEAF_BYTES_MAX == 65_535
    for too_long in (GOOD + b" " * (65_536 - len(GOOD)), b"x" * 65_536):
        with pytest.raises(LeafRefused, match="at most 65535"):
            read(too_long)


def test_a_leaf_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        CREDIT.ms = 1  # type: ignore[misc]


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_a_digest_is_read_as_it_is_written(hash_: bytes) -> None:
    assert digest_bytes(digest(hash_)) == hash_


@pytest.mark.parametrize("text", ["", "sha256:", "sha256:00", "AA==", "sha256:" + "AB" * 32, DIGEST + "\n"])
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says it in its own words
        digest_bytes(text)


class TestRotationOfTheKey:
    def test_is_signed_by_the_old_one(self) -> None:
        leaf = read(encode(Key.rotation(OLD_KEY, NEW_KEY.verifier, LATER)))
        assert isinstance(leaf, Key)
        leaf.require_signed()

    @pytest.mark.parametrize(
        "members",
        [
            {"new": OLD_KEY.verifier.vkey},
            {"at": LATER},
            {"old": NEW_KEY.verifier.vkey, "new": OLD_KEY.verifier.vkey},
            {"sig": Key.rotation(NEW_KEY, OLD_KEY.verifier, AT).sig},
            {"sig": "AAAA"},
        ],
    )
    def test_and_not_when_anything_in_it_is_another(self, members: dict[str, Any]) -> None:
        with pytest.raises(LeafRefused, match="not signed by the old one"):
            replace(Key.rotation(OLD_KEY, NEW_KEY.verifier, AT), **members).require_signed()


whole = st.integers(0, 2**53 - 1)
digests = st.binary(min_size=32, max_size=32).map(digest)
times = st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=at.microsecond // 1_000 * 1_000))
credits_ = st.builds(
    a_credit,
    n=st.integers(1, 2**53 - 1),
    ms=st.integers(1, 2**53 - 1),
    total=whole,
    span=st.tuples(whole, whole).filter(lambda span: span[0] < span[1]),
    unit=st.from_regex(r"urn:elearn:[!-~]{1,40}", fullmatch=True),
    day=st.dates(),
    prev=st.none() | digests,
    ev=digests,
    at=times,
)


@settings(deadline=None)
@given(credits_)
def test_every_leaf_is_read_as_it_was_written(leaf: Leaf) -> None:
    assert read(encode(leaf)) == leaf


@settings(deadline=None)
@given(credits_, st.data())
def test_no_two_byte_strings_are_one_leaf(leaf: Leaf, data: st.DataObject) -> None:
    """Whatever of one byte is changed, put in or taken out: it is refused, or it is another leaf."""
    good = encode(leaf)
    at = data.draw(st.integers(0, len(good) - 1))
    byte = bytes([data.draw(st.integers(0, 255))])
    other = data.draw(
        st.sampled_from([good[:at] + byte + good[at + 1 :], good[:at] + byte + good[at:], good[:at] + good[at + 1 :]])
    )
    if other == good:
        return
    try:
        found = read(other)
    except LeafRefused:
        return
    assert found != leaf
    assert encode(found) == other


@settings(deadline=None)
@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_nothing_but_a_leaf_is_read(data: bytes) -> None:
    with pytest.raises(LeafRefused):
        read(data)
