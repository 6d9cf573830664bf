"""Files that could do harm are not opened, and broken ones are refused in words."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.courses.questions import formats
from elearn.courses.questions.formats import qti
from elearn.courses.questions.formats.draft import MAX_FILE_BYTES, MOST_QUESTIONS, Reading, TooManyQuestions, Unsafe
from elearn.courses.questions.formats.safe_zip import Package, beside
from elearn.errors import Malformed
from tests.courses.questions.formats.test_qti import GOOD_ITEM, MANIFEST, packed

BOMB = b'<!DOCTYPE q [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><quiz>&b;</quiz>'
FILES = b'<!DOCTYPE q [<!ENTITY f SYSTEM "file:///etc/passwd">]><quiz>&f;</quiz>'


@pytest.mark.parametrize(
    "data",
    [
        BOMB,
        FILES,
        b'<!DOCTYPE quiz SYSTEM "http://localhost/x.dtd"><quiz/>',
        b"<quiz>" + b"<a>" * 200 + b"</a>" * 200 + b"</quiz>",
        packed({"imsmanifest.xml": BOMB}),
        packed({"imsmanifest.xml": MANIFEST, "../out.xml": b"x"}),
        packed({"imsmanifest.xml": MANIFEST, "/etc/x": b"x"}),
        packed({"imsmanifest.xml": MANIFEST, "a\\..\\x": b"x"}),
        packed({"imsmanifest.xml": MANIFEST, "a/one.xml": GOOD_ITEM, "a/two.xml": b" " * 30_000_000}),
        packed({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": BOMB}),
        packed({"[Content_Types].xml": b"<Types/>", "xl/sheet.xml": b"<a/>" + b" " * 30_000_000}),
    ],
)
def test_files_that_could_do_harm_are_not_opened(data: bytes) -> None:
    with pytest.raises(Unsafe):
        formats.read("x", data)


def test_a_link_an_encrypted_entry_and_a_double_name_are_refused() -> None:
    link = zipfile.ZipInfo("a/link")
    link.external_attr = 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr(link, "/etc/passwd")
    locked = bytearray(packed({"a": b"x"}))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        place = locked.index(mark) + (6 if mark == b"PK\x03\x04" else 8)
        locked[place] |= 1
    twice = packed({"a": b"x", "b": b"y"}).replace(b"b", b"a")
    for data in (out.getvalue(), bytes(locked), twice):
        with pytest.raises(Unsafe):
            Package(data)
    with pytest.raises(Unsafe):
        Package(b"PK" + b"\0" * MAX_FILE_BYTES)


@pytest.mark.parametrize("cut", range(0, 900, 60))
def test_a_damaged_package_is_refused_in_words(cut: int) -> None:
    whole = packed({"imsmanifest.xml": MANIFEST, "a/one.xml": GOOD_ITEM, "a/two.xml": GOOD_ITEM})
    broken = whole[:cut] + b"\xff" * 8 + whole[cut + 8 :]
    try:
        reading = qti.read_package(Package(broken))
    except Malformed:
        return
    assert isinstance(reading, Reading)


@pytest.mark.parametrize(
    "data",
    [
        "是吗？{T}\n\n".encode() * (MOST_QUESTIONS + 1),
        "没有答案\n\n".encode() * (MOST_QUESTIONS + 1),
        b"<quiz>" + b"<question type='essay'/>" * (MOST_QUESTIONS + 1) + b"</quiz>",
    ],
    ids=["good", "bad", "of other kinds"],
)
def test_more_questions_than_anybody_looks_over_are_not_kept(data: bytes) -> None:
    with pytest.raises(TooManyQuestions):
        formats.read("x", data)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("x.png", "items/x.png"),
        ("../images/x.png?v=1", "images/x.png"),
        ("./a/./b.png#f", "items/a/b.png"),
        ("../../x.png", None),
        ("/etc/passwd", None),
        ("http://h/x.png", None),
        ("file:x", None),
        ("", None),
    ],
)
def test_addresses_stay_within_the_package(address: str, found: str | None) -> None:
    assert beside("items/one.xml", address) == found


@given(st.binary(max_size=400))
def test_whatever_comes_is_read_or_refused_and_never_breaks(data: bytes) -> None:
    for begin in (b"", b"PK\x03\x04", b"<quiz><question type='cloze'>", b"::x::"):
        try:
            formats.read("x", begin + data)
        except Malformed:
            continue
