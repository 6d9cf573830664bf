"""What a hostile or broken client sends to a served record store: refused with the clause, never 5xx, nothing kept."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import pytest

from tests.builders_lrs import a_multipart, a_part, a_statement, an_attachment
from tests.journeys.record_store import Answer, RecordStore, a_record_store

pytestmark = [pytest.mark.xdist_group("record store")]

STATEMENTS = "/xapi/statements"
STATE = "/xapi/activities/state?activityId=a:x&stateId=s&agent=" + quote('{"mbox":"mailto:a@b.example"}')
FORM_STATE = "/xapi/activities/state?method=PUT"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordStore]:
    with a_record_store(tmp_path_factory.mktemp("attacked")) as made:
        assert made.post(a_statement()).status == 200
        yield made


@pytest.fixture(autouse=True)
def nothing_is_kept(store: RecordStore) -> Iterator[None]:
    """Holds for every test here: what it sends leaves no row, and the server stands afterwards."""
    before = store.rows()
    yield
    assert store.rows() == before
    assert store.ask("GET", STATEMENTS + "?limit=1").status == 200


def text(**what: Any) -> str:
    return json.dumps(a_statement(**what))


def instead(value: str, **place: Any) -> str:
    """A statement's text with `value`, which json.dumps would not write, where `place` has a "?"."""
    made = text(**place)
    assert made.count('"?"') == 1
    return made.replace('"?"', value)


def extension(value: str) -> str:
    return instead(value, context={"extensions": {"a:e": "?"}})


def refused(answer: Answer, *statuses: int, clause: str = "") -> None:
    """One of `statuses`, in the form that refusals have, with a clause."""
    assert answer.status in statuses, answer
    assert clause in answer.told["clause"], answer
    assert answer.told["error"]
    assert answer.told["detail"]
    assert "x-experience-api-version" in answer.headers


TWICE = a_statement()
OTHER = {**TWICE, "verb": {"id": "a:other"}}
FILE = an_attachment(b"hello", fileUrl=None)

BODIES: dict[str, tuple[str | bytes, int, str]] = {
    "a key twice": (text()[:-1] + ',"verb":{"id":"a:b"}}', 400, "Data 2.2"),
    "a key twice in an extension": (extension('{"a":1,"a":1}'), 400, "Data 2.2"),
    "a key twice, one written with an escape": (extension('{"a":1,"\\u0061":1}'), 400, "Data 2.2"),
    "NaN": (extension("NaN"), 400, "Data 2.2"),
    "NaN for a score": (instead("NaN", result={"score": {"raw": "?"}}), 400, "Data 2.2"),
    "Infinity": (extension("Infinity"), 400, "Data 2.2"),
    "-Infinity": (extension("-Infinity"), 400, "Data 2.2"),
    "a number with a zero before it": (extension("01"), 400, "Data 2.2"),
    "a hexadecimal number": (extension("0x1"), 400, "Data 2.2"),
    "a lone high surrogate": (extension('"\\ud800"'), 400, "Data 2.2"),
    "a lone low surrogate": (extension('"\\udc00"'), 400, "Data 2.2"),
    "a lone surrogate in a key": (extension('{"\\ud800":1}'), 400, "Data 2.2"),
    "a surrogate in UTF-8": (extension('"?"').encode().replace(b"?", b"\xed\xa0\x80"), 400, "Communication 1.4"),
    "an overlong NUL": (extension('"?"').encode().replace(b"?", b"\xc0\x80"), 400, "Communication 1.4"),
    "a NUL byte": (extension('"\0"'), 400, "Data 2.2"),
    "a NUL in an IRI": (text(verb={"id": "a:\0"}), 400, "Data 4.3"),
    "UTF-16": (text().encode("utf-16"), 400, "Communication 1.4"),
    "a byte order mark": ("\ufeff" + text(), 400, "Data 2.2"),
    "lists, 500 deep": (extension("[" * 500 + "]" * 500), 400, "Data 2.2"),
    "lists, 10,000 deep": (extension("[" * 10_000 + "]" * 10_000), 400, "Data 2.2"),
    "objects, 10,000 deep": (extension('{"a":' * 10_000 + "1" + "}" * 10_000), 400, "Data 2.2"),
    "lists, 10,000 deep, in a batch": ("[" + extension("[" * 10_000 + "]" * 10_000) + "]", 400, "Data 2.2"),
    "a million opening brackets": ("[" * 1_000_000, 400, "Data 2.2"),
    "nothing": ("", 400, "Data 2.2"),
    "null": ("null", 400, "Data 2.4"),
    "two statements in a row": (text() + text(), 400, "Data 2.2"),
    "a batch with null": ("[" + text() + ",null]", 400, "Data 2.4"),
    "a batch whose last is wrong": ("[" + text() + "," + text(verb=None) + "]", 400, "Data 2.4"),
    "a batch of 1,000,001": ("[" + "1," * 1_000_000 + "1]", 413, "Communication 3.2"),
    "a batch of 1,001": ("[" + ",".join(text() for _ in range(1001)) + "]", 413, "Communication 3.2"),
    "5 MB and a byte": (b" " * 5_000_001, 413, "Communication 3.2"),
    "the same statement twice in a batch": (json.dumps([TWICE, TWICE]), 400, "Communication 2.1.2"),
    "two statements of one id in a batch": (json.dumps([TWICE, OTHER]), 400, "Communication 2.1.2"),
    "a day that does not exist": (text(timestamp="2026-02-29T00:00:00Z"), 400, "Data 4.5"),
    "the year 0": (text(timestamp="0000-01-01T00:00:00Z"), 400, "Data 4.5"),
    "before the year 1 in UTC": (text(timestamp="0001-01-01T00:00:00+14:00"), 400, "Data 4.5"),
    "after the year 9999 in UTC": (text(timestamp="9999-12-31T23:59:59-14:00"), 400, "Data 4.5"),
    "a zone of 99 hours": (text(timestamp="2026-01-01T00:00:00+99:00"), 400, "Data 4.5"),
    "an attachment without its data": (text(attachments=[FILE]), 400, "Communication 1.5.1"),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
def test_a_bad_body_is_refused_with_its_clause(store: RecordStore, name: str, version: str) -> None:
    body, status, clause = BODIES[name]
    sent = body if isinstance(body, bytes) else body.encode()
    refused(store.post(sent, X_Experience_API_Version=version), status, clause=clause)


DATA = b"hello"
NAMED = a_statement(attachments=[an_attachment(DATA)])
MIXED = 'multipart/mixed; boundary="b0undary"'
GOOD = a_multipart(NAMED, a_part(DATA))

PARTS: dict[str, tuple[str, bytes]] = {
    "without a boundary": ("multipart/mixed", GOOD),
    "with an empty boundary": ("multipart/mixed; boundary=", GOOD),
    "with two boundaries": (MIXED + "; boundary=a", GOOD),
    "with another boundary": ("multipart/mixed; boundary=other", GOOD),
    "with a boundary of 71 characters": ("multipart/mixed; boundary=" + "a" * 71, GOOD),
    "as a form": ("multipart/form-data; boundary=b0undary", GOOD),
    "with a wrong hash": (MIXED, GOOD.replace(b"\r\n\r\nhello", b"\r\n\r\nhellx")),
    "with the hash of something else": (MIXED, a_multipart(NAMED, a_part(b"else"))),
    "without a hash": (MIXED, a_multipart(NAMED, a_part(DATA, X_Experience_API_Hash=None))),
    "with a hash that is none": (MIXED, a_multipart(NAMED, a_part(DATA, X_Experience_API_Hash="g" * 64))),
    "in base64": (MIXED, a_multipart(NAMED, a_part(DATA, Content_Transfer_Encoding="base64"))),
    "with a part that nobody names": (MIXED, a_multipart(a_statement(), a_part(DATA))),
    "without the part that is named": (MIXED, a_multipart(NAMED)),
    "whose first part is no JSON": (MIXED, a_multipart(b"Content-Type: text/plain\r\n\r\nx", a_part(DATA))),
    "cut off before its end": (MIXED, GOOD[:-20]),
    "with a header without an end": (MIXED, GOOD.replace(b"Content-Type: text", b"X: " + b"x" * 9000)),
    "of nothing": (MIXED, b""),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_a_bad_multipart_is_refused_with_its_clause(store: RecordStore, name: str) -> None:
    kind, body = PARTS[name]
    refused(store.post(body, Content_Type=kind), 400, clause="Communication 1.5")


WRONG = sha256(b"x").hexdigest()
HEADERS: dict[str, tuple[list[str | bytes | list[str] | None], tuple[int, ...]]] = {
    "Authorization": (
        [None, "", "Basic", "Basic x", "Basic !!!!", "Basic bm9jb2xvbg==", b"Basic \xff", "Basic:x", "Bearer",
         "Bearer x", "Bearer a.b.c", "Bearer " + "e30." * 2000, "Bearer eyJhbGciOiJub25lIn0.e30.", 'Digest a="',
         "OAuth a=b", "\u20ac",
         "Basic YTpi", ["Basic YTpi", "Basic YTpi"]],
        (401,),
    ),
    "X-Experience-API-Version": (
        [None, "", "1", "0.9", "1.0.3, 2.0.0", "1.0.9999999", "2.1.0", "x", b"\xff", "\uff11.0.3", ["1.0.3", "2.0.0"]],
        (400,),
    ),
    "Content-Type": (
        [None, "", "text/plain", "application", "application/json, text/plain", b"application/json\xff", "/",
         "multipart/mixed;" + ";" * 20_000, "multipart/mixed; " + 'a="\\' * 5000, FORM["Content-Type"]],
        (400,),
    ),
    "Content-Encoding": (["gzip", "br", "identity, gzip", "x", ["identity", "gzip"]], (415,)),
    "X-Other": (["a" * 40_000], (431,)),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_a_malformed_header_is_refused_with_its_clause(store: RecordStore, name: str) -> None:
    values, statuses = HEADERS[name]
    for value in values:
        refused(store.ask("POST", STATEMENTS, text().encode(), headers={name: value}), *statuses)


@pytest.mark.parametrize("length", ["", "x", "-1", "+5", "1.5", "5,6", "0x5", "9" * 30, ["5", "6"]])
def test_a_malformed_length_is_refused_before_the_store_is_asked(store: RecordStore, length: str | list[str]) -> None:
    """By the HTTP server itself, so without a word."""
    answer = store.ask("POST", STATEMENTS, text().encode(), headers={"Content-Length": length}, ends=False)
    assert answer.status == 400


MEANT_FOR_BROWSERS: list[str | bytes] = [
    *("", '"', "*", "a" * 8000, ",,;q=;", "*/*;q=x", 'W/"', "%00", "en;q=1e400", '"\\', "1" * 400, "bytes=-1", "-"),
    *("http://[::1", "http://a:99999999", "\u20ac", b"\xff\xfe"),
]


@pytest.mark.parametrize(
    "name",
    ["Accept", "Accept-Language", "If-None-Match", "If-Modified-Since", "Range", "If-Range", "Origin", "Referer",
     "Cookie", "X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Host", "Date", "User-Agent",
     "X-Experience-API-Hash", "X-HTTP-Method-Override", "Access-Control-Request-Method", "Expect", "TE", "Upgrade",
     "Sec-Fetch-Site"],
)  # fmt: skip
def test_no_header_of_a_reader_breaks_the_server(store: RecordStore, name: str) -> None:
    for path in (STATEMENTS + "?format=canonical", STATE, "/xapi/nothing"):
        for value in MEANT_FOR_BROWSERS:
            assert store.ask("GET", path, headers={name: value}).status < 500, (path, value)


@pytest.mark.parametrize("value", MEANT_FOR_BROWSERS)
def test_a_precondition_that_cannot_be_read_lets_nothing_through(store: RecordStore, value: str | bytes) -> None:
    if value in ("*",):
        value = '"' + WRONG[:40] + '"'
    refused(store.ask("PUT", STATE, b"{}", headers={"If-Match": value}), 400, 409, 412)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


IN_CHUNKS = {"Transfer-Encoding": "chunked"}
END = b"0\r\n\r\n"
BROKEN: dict[str, Callable[[RecordStore], Answer]] = {
    "a document shorter than announced": lambda store: store.ask(
        "PUT", STATE, b"hello", headers={"Content-Length": "50", "If-None-Match": "*"}, ends=False
    ),
    "a document in chunks without their end": lambda store: store.ask(
        "PUT", STATE, [chunk(b"hello")], headers=IN_CHUNKS, ends=False
    ),
    "a document in chunks of another size": lambda store: store.ask(
        "PUT", STATE, [b"50\r\nhello"], headers=IN_CHUNKS, ends=False
    ),
    "a document in chunks": lambda store: store.ask("PUT", STATE, [chunk(b"hello"), END], headers=IN_CHUNKS),
    "half a statement": lambda store: store.ask(
        "POST", STATEMENTS, text().encode()[:80], headers={"Content-Length": "500"}, ends=False
    ),
    "a whole statement, shorter than announced": lambda store: store.ask(
        "POST", STATEMENTS, text().encode(), headers={"Content-Length": "5000"}, ends=False
    ),
    "half a statement in chunks": lambda store: store.ask(
        "POST", STATEMENTS, [chunk(text().encode()[:80])], headers=IN_CHUNKS, ends=False
    ),
    "half a batch in chunks": lambda store: store.ask(
        "POST", STATEMENTS, [chunk(b"[" + text().encode() + b",")], headers=IN_CHUNKS, ends=False
    ),
    "a form shorter than announced": lambda store: store.ask(
        "POST", FORM_STATE, b"content=hel", headers=FORM | {"Content-Length": "50"}, ends=False
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_a_broken_connection_cuts_off_is_not_kept(store: RecordStore, name: str) -> None:
    refused(BROKEN[name](store), 400, 411)


@pytest.mark.parametrize(("kind", "most"), [("application/json", 5_000_000), (MIXED, 25_000_000)])
def test_a_long_body_in_chunks_is_refused_and_not_taken_up_to_the_limit(
    store: RecordStore, kind: str, most: int
) -> None:
    """Cut off at the limit, the body would be a statement and blanks, or a whole multipart and an epilogue."""
    good = text().encode() if kind == "application/json" else GOOD
    pieces = [chunk(good), *[chunk(b" " * 1_000_000)] * (most // 1_000_000), END]
    refused(store.ask("POST", STATEMENTS, pieces, headers={**IN_CHUNKS, "Content-Type": kind}), 413)


def test_a_bomb_of_gzip_stays_shut(store: RecordStore) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    refused(store.post(bomb, Content_Encoding="gzip"), 415, clause="Communication 1.4")
    refused(store.ask("PUT", STATE, bomb, headers={"Content-Encoding": "gzip"}), 415)
    packed = {"Transfer-Encoding": "gzip, chunked"}
    refused(store.ask("POST", STATEMENTS, [chunk(bomb), END], headers=packed), 400, clause="Communication 1.4")
    answer = store.ask("POST", STATEMENTS, bomb, headers={"Transfer-Encoding": "gzip"})
    assert answer.status == 400  # by the HTTP server


PATHS: dict[str, tuple[int, ...]] = {
    "/xapi/./statements": (404,),
    "/xapi/../xapi/statements": (404,),
    "/xapi/statements/": (404,),
    "/xapi/statements/..": (404,),
    "/xapi/statements%00": (404,),
    "/xapi/statements;a=b": (404,),
    "/xapi/STATEMENTS": (404,),
    "/xapi/statements%ff": (404,),
    "/xapi/" + "a/" * 3000: (404,),
    "/xapi/about?x=1": (400,),
    "/xapi/openapi.json?x=1": (400,),
    STATEMENTS + "?%ff=a": (400,),
    STATEMENTS + "?limit=%ff": (400,),
    STATEMENTS + "?limit=%00": (400,),
    STATEMENTS + "?limit=" + "9" * 50: (400,),
    STATEMENTS + "?limit=%D9%A1": (400,),
    STATEMENTS + "?limit=1&limit=1": (400,),
    STATEMENTS + "?a=%": (400,),
    STATEMENTS + "?" + "&".join(f"a{number}=1" for number in range(1000)): (400,),
    STATEMENTS + "?" + "limit=1&" * 1000: (400,),
    STATEMENTS + "?more=": (400,),
    STATEMENTS + "?more=" + "A" * 5000: (400,),
    STATEMENTS + "?agent=" + "%5B" * 10_000: (400,),
    STATEMENTS + "?agent=" + quote('{"mbox":"mailto:a@b.example","name":"\\ud800"}'): (400,),
    STATEMENTS + "?agent=" + quote('{"mbox":"mailto:a@b.example","mbox":"mailto:a@b.example"}'): (400,),
    STATEMENTS + "?verb=%00": (400,),
    STATEMENTS + "?since=0001-01-01T00:00:00%2B14:00": (400,),
    STATEMENTS + "?statementId=00000000-0000-0000-0000-000000000000": (404,),
    "/xapi/activities?activityId=a:%00": (400,),
    "/xapi/agents?agent=" + quote('{"mbox":"mailto:a@b.example\\u0000"}'): (400,),
    "/xapi/activities/profile?activityId=a:x&profileId=%00": (400,),
    "/xapi/agents/profile?profileId=a&agent=" + quote('{"account":{"homePage":"a:b","name":"\\u0000"}}'): (400,),
    "/xapi/stream?cursor=" + "A" * 2000: (400,),
    "/xapi/stream?limit=0": (400,),
}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:60])
def test_a_bad_address_or_parameter_is_refused(store: RecordStore, path: str) -> None:
    refused(store.ask("GET", path), *PATHS[path])


def test_an_address_of_64_kb_is_refused_and_an_iri_of_64_kb_is_no_harm(store: RecordStore) -> None:
    assert store.ask("GET", STATEMENTS + "?verb=a:" + "b" * 70_000).status == 414
    assert store.ask("GET", "/xapi/activities?activityId=a:" + "b" * 60_000).status == 200


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "TRACE"])
def test_a_method_that_a_resource_does_not_have_is_refused(store: RecordStore, method: str) -> None:
    refused(store.ask(method, STATEMENTS), 405, clause="Communication 3.2")


@pytest.mark.parametrize("method", ["CONNECT", "PROPFIND", "QUERY", "get\t", "\u20ac", "P" * 2000])
def test_no_method_breaks_the_server(store: RecordStore, method: str) -> None:
    assert 400 <= store.ask(method, STATEMENTS).status < 500


def test_two_slashes_lead_to_the_address_with_one_and_store_nothing(store: RecordStore) -> None:
    answer = store.ask("POST", "/xapi//statements", text().encode())
    assert answer.status == 308
    assert answer.headers["location"].endswith("/xapi/statements")


@pytest.mark.parametrize(
    ("query", "form"),
    [
        ("method=PUT", b""),
        ("method=PUT", b"content=%ff"),
        ("method=PUT&method=PUT", b"content=1"),
        ("method=PUT", b"content=1&content=2"),
        ("method=PUT", b"content=1&Content-Type=a%0d%0aX:y"),
        ("method=PUT", b"content=1&Content-Length=x"),
        ("method=PUT", b"content=1&Content-Length=7"),
        ("method=GET", b"X-Experience-API-Version=%E2%82%AC"),
        ("method=GET", b"&".join(b"a%d=1" % number for number in range(1000))),
        ("method=POST", b"content=" + b"%5B" * 100_000),
        ("method=TRACE", b"a=b"),
        ("method=%00", b"a=b"),
    ],
)
def test_a_bad_form_is_refused_with_its_clause(store: RecordStore, query: str, form: bytes) -> None:
    refused(store.ask("POST", f"{STATEMENTS}?{query}", form, headers=FORM), 400)
