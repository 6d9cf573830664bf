"""A multipart/mixed body is read in one way only, or refused (RFC 2046 5.1, Communication 1.5.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.errors import TooLarge
from elearn.tracking.lrs.rules.reading import BadStatement
from elearn.tracking.lrs.statements.multipart import (
    MAX_HEADERS_BYTES,
    Content,
    Part,
    boundary_of,
    parts_of,
    write,
)

A = b"--b\r\nA: 1\r\n\r\n"


def read(body: bytes, boundary: str = "b", most: int = 10) -> list[tuple[dict[str, str], bytes]]:
    return [(part.headers, part.content) for part in parts_of(body, boundary, most=most)]


BOUNDARIES = [
    ("a plain word", "multipart/mixed; boundary=abc", "abc"),
    ("in quotes, with what may stand there", 'multipart/mixed; boundary="aZ09\'()+_,-./:=?"', "aZ09'()+_,-./:=?"),
    ("without quotes, as clients send it", "multipart/mixed; boundary=-------3141:5=9", "-------3141:5=9"),
    ("in any case, after other parameters", 'Multipart/MIXED ;charset="a;boundary=x"; Boundary=abc ', "abc"),
    ("with a blank inside", 'multipart/mixed; boundary="a b"', "a b"),
    ("as long as it may be", "multipart/mixed; boundary=" + 70 * "x", 70 * "x"),
    ("with something escaped", 'multipart/mixed; boundary="a\\b"', "ab"),
]


@pytest.mark.parametrize(("rule", "content_type", "boundary"), BOUNDARIES)
def test_a_boundary_is_named_by_the_content_type(rule: str, content_type: str, boundary: str) -> None:
    assert boundary_of(content_type) == boundary, rule


NO_BOUNDARIES = [
    ("no type at all", ""),
    ("the type of a form (XAPI-00127)", "multipart/form-data; boundary=abc"),
    ("another type", "text/plain; boundary=abc"),
    ("none (XAPI-00130)", "multipart/mixed"),
    ("none, though a parameter is begun", "multipart/mixed;"),
    ("an empty one", 'multipart/mixed; boundary=""'),
    ("one too long", "multipart/mixed; boundary=" + 71 * "x"),
    ("two, of which each reader would take another", "multipart/mixed; boundary=a; boundary=b"),
    ("one in pieces (RFC 2231)", "multipart/mixed; boundary*0=a; boundary*1=b"),
    ("one that ends with a blank", 'multipart/mixed; boundary="a "'),
    ("one with what RFC 2046 does not allow", "multipart/mixed; boundary=a\u00e9"),
    ("one with a star", "multipart/mixed; boundary=a*b"),
    ("quotes that do not end", 'multipart/mixed; boundary="abc'),
    ("a line break", 'multipart/mixed; boundary="a\r\nb"'),
    ("something behind it", "multipart/mixed; boundary=a b"),
]


@pytest.mark.parametrize(("rule", "content_type"), NO_BOUNDARIES)
def test_a_content_type_without_one_good_boundary_is_refused(rule: str, content_type: str) -> None:
    with pytest.raises(BadStatement, match=r"Communication 1\.5"):
        boundary_of(content_type)


GOOD = [
    ("one part", A + b"x\r\n--b--", [b"x"]),
    ("a line break at the very end", A + b"x\r\n--b--\r\n", [b"x"]),
    ("a line break before the first boundary", b"\r\n" + A + b"x\r\n--b--", [b"x"]),
    ("a preamble and an epilogue, which are not looked at", b"hello\r\n" + A + b"x\r\n--b--\r\nbye\r\n--b--", [b"x"]),
    ("the boundary inside a line of the preamble", b"see --b\r\n" + A + b"x\r\n--b--", [b"x"]),
    ("blanks after a boundary", b"--b \t\r\nA: 1\r\n\r\nx\r\n--b-- \t\r\n", [b"x"]),
    ("blanks at the very end", A + b"x\r\n--b--  ", [b"x"]),
    ("two parts", A + b"x\r\n" + A + b"y\r\n--b--", [b"x", b"y"]),
    ("line breaks at the end of the data are data", A + b"\r\nx\r\n\r\n--b--", [b"\r\nx\r\n"]),
    ("bare line ends and zeros are data", A + b"\n\r\0\r\n--b--", [b"\n\r\0"]),
    ("the boundary inside a line of the data", A + b"x--b\n--b\r--b\r\n-b\r\n--b--", [b"x--b\n--b\r--b\r\n-b"]),
    ("no data", A + b"\r\n--b--", [b""]),
    ("no data, nor the line break before it", b"--b\r\nA: 1\r\n\r\n--b--", [b""]),
    ("a part without headers", b"--b\r\n\r\nx\r\n--b--", [b"x"]),
]


@pytest.mark.parametrize(("rule", "body", "contents"), GOOD)
def test_what_stands_between_two_boundaries_is_a_part(rule: str, body: bytes, contents: list[bytes]) -> None:
    assert [content for _, content in read(body)] == contents, rule


BAD = [
    ("nothing", b""),
    ("no boundary (XAPI-00131)", b"A: 1\r\n\r\nx"),
    ("only another boundary", b"--c\r\nA: 1\r\n\r\nx\r\n--c--"),
    ("no part", b"--b--\r\n"),
    ("no closing boundary", A + b"x"),
    ("no closing boundary, though another part begins", A + b"x\r\n" + A),
    ("a body that ends within the closing boundary", A + b"x\r\n--b-"),
    ("lines that end with LF only", b"--b\nA: 1\n\nx\n--b--\n"),
    ("lines that end with CR only", b"--b\rA: 1\r\rx\r--b--\r"),
    ("LF after a boundary", b"--b\nA: 1\r\n\r\nx\r\n--b--"),
    ("a boundary with something behind it: is it one, or data?", A + b"x\r\n--bc\r\ny\r\n--b--"),
    ("the closing boundary with something behind it", A + b"x\r\n--b--c\r\n"),
    ("a longer boundary first", b"--bc\r\nA: 1\r\n\r\nx\r\n--b--"),
    ("a boundary that is its own part's line break", b"--b\r\n--b--"),
    ("headers without an end", b"--b\r\nA: 1\r\n--b--"),
    ("headers that are too long", b"--b\r\nA: " + MAX_HEADERS_BYTES * b"1" + b"\r\n\r\nx\r\n--b--"),
    ("a header without a name", b"--b\r\n: 1\r\n\r\nx\r\n--b--"),
    ("a header without a colon", b"--b\r\nA 1\r\n\r\nx\r\n--b--"),
    ("a blank before the colon", b"--b\r\nA : 1\r\n\r\nx\r\n--b--"),
    ("a folded header", b"--b\r\nA: 1\r\n 2\r\n\r\nx\r\n--b--"),
    ("a header twice", b"--b\r\nA: 1\r\na: 2\r\n\r\nx\r\n--b--"),
    ("LF inside a header", b"--b\r\nA: 1\nB: 2\r\n\r\nx\r\n--b--"),
    ("a zero inside a header", b"--b\r\nA: \0\r\n\r\nx\r\n--b--"),
]


@pytest.mark.parametrize(("rule", "body"), BAD)
def test_a_body_that_two_readers_could_read_in_two_ways_is_refused(rule: str, body: bytes) -> None:
    with pytest.raises(BadStatement, match=r"Communication 1\.5\.2, RFC 2046"):
        read(body)


def test_headers_are_found_by_their_names_in_any_case_without_the_blanks_around_them() -> None:
    body = b"--b\r\nContent-TYPE:  text/plain;a=b \t\r\nX:\r\nY: \xe9\r\n\r\n\r\n--b--"
    assert read(body) == [({"content-type": "text/plain;a=b", "x": "", "y": "\u00e9"}, b"")]


def test_so_many_parts_are_read_and_no_more() -> None:
    body = 10 * (A + b"x\r\n") + b"--b--"
    assert len(read(body, most=10)) == 10
    with pytest.raises(TooLarge, match="9 parts"):
        read(body, most=9)
    with pytest.raises(TooLarge):
        read(10_000 * (A + b"x\r\n") + b"--b--")


def test_what_is_written_carries_each_content_with_its_hash() -> None:
    body, content_type = write(b"{}", [Content("ab", "image/png", b"\r\n--x"), Content("cd", "a/b\u00e9", b"")])
    kind, _, boundary = content_type.partition("; boundary=")
    assert (kind, boundary.replace("_", "").isalnum()) == ("multipart/mixed", True)  # clients build patterns of it
    encoding = {"content-transfer-encoding": "binary"}
    assert read(body, boundary) == [
        ({"content-type": "application/json"}, b"{}"),
        ({"x-experience-api-hash": "ab", "content-type": "image/png", **encoding}, b"\r\n--x"),
        ({"x-experience-api-hash": "cd", **encoding}, b""),
    ]


@given(st.binary(), st.lists(st.binary()))
def test_whatever_is_written_is_read_again(first: bytes, contents: list[bytes]) -> None:
    body, content_type = write(first, [Content("ab", "a/b", data) for data in contents])
    parts = parts_of(body, boundary_of(content_type), most=len(contents) + 1)
    assert [part.content for part in parts] == [first, *contents]


PIECES = st.sampled_from([b"--b", b"--", b"\r\n", b"\r", b"\n", b"A: 1", b"a:2", b"x", b" ", b"\0", b"--b--", b":"])


@given(st.lists(PIECES, max_size=30))
def test_any_bytes_are_parts_or_a_refusal(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    try:
        parts = parts_of(body, "b", most=5)
    except (BadStatement, TooLarge):
        return
    again = b"".join(_written(part) for part in parts) + b"--b--"
    assert parts_of(again, "b", most=5) == parts
    assert not any(b"\r\n--b" in part.content for part in parts)


def _written(part: Part) -> bytes:
    lines = "".join(f"{name}:{value}\r\n" for name, value in part.headers.items())
    return b"--b\r\n" + lines.encode("latin-1") + b"\r\n" + part.content + b"\r\n"
