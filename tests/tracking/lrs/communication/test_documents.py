"""The document resources alike (xAPI 1.0.3 Communication 2.2, 2.3, 2.6, 2.7; 2.0: 4.1.6.2, 4.1.6.5, 4.1.6.6).

The numbers XAPI-00xxx are those of ADL's list of conformance requirements.
"""

from __future__ import annotations

from hashlib import sha1

import pytest
from sqlalchemy.orm import Session

from tests.conftest import ManualClock
from tests.tracking.lrs.communication.documents_client import Documents, count

EVERY_BYTE = bytes(range(256))


# What comes is kept


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (EVERY_BYTE, "application/octet-stream"),
        (b"", "text/plain"),
        ("学习进度".encode("gb18030"), 'text/plain; charset="GB18030"; x=y'),
        (b'{ "a" : 1.50e1,"\\u00e9":[ ] }\n', "application/json; charset=UTF-8"),
        (b"a=1&b=2", "application/x-www-form-urlencoded"),
        (b"--x\r\n\r\n\r\n--x--", "multipart/mixed; boundary=x"),
        (b"2O4q60o1 unquoted", "application/json"),  # as authoring tools in wide use keep a learner's place
    ],
)
def test_a_put_document_comes_back_byte_for_byte_with_its_type_xapi_00188_00192(
    documents: Documents, content: bytes, content_type: str
) -> None:
    documents.make("a", content, content_type)
    answer = documents.get("a")
    assert (answer.status_code, answer.data) == (200, content)
    assert answer.headers["Content-Type"] == content_type


def test_a_put_brings_its_type_with_it(documents: Documents) -> None:
    tag = documents.make("a", {}, "application/json")
    assert documents.by({"If-Match": tag}).put("a", b"<a/>", "text/xml").status_code == 204
    assert documents.get("a").headers["Content-Type"] == "text/xml"


def test_content_without_a_type_is_bytes(documents: Documents) -> None:
    documents.make("a", b"x")
    assert documents.get("a").headers["Content-Type"] == "application/octet-stream"


def test_every_write_is_answered_by_no_content_xapi_00187_00189_00190(documents: Documents) -> None:
    first = documents.by({"If-None-Match": "*"}).put("a", {})
    for answer in (first, documents.post("a", {"x": 1}), documents.post("b", {}), documents.delete("a")):
        assert (answer.status_code, answer.data) == (204, b"")


def test_a_get_names_the_tag_of_the_content_in_quotes_xapi_00322(documents: Documents) -> None:
    documents.make("a", EVERY_BYTE)
    answer = documents.get("a")
    assert answer.headers["ETag"] == f'"{sha1(EVERY_BYTE).hexdigest()}"'
    ids = documents.get(None)
    assert ids.headers["ETag"] == f'"{sha1(ids.data).hexdigest()}"'


def test_a_get_names_when_the_document_was_last_modified(documents: Documents, clock: ManualClock) -> None:
    documents.make("a", {})
    assert documents.get("a").headers["Last-Modified"] == "Wed, 01 Jul 2026 01:00:00 GMT"
    clock.advance(1_500)
    documents.make("b", {})
    documents.post("a", {"x": 1})
    clock.advance(2_000)
    assert documents.get("a").headers["Last-Modified"] == "Wed, 01 Jul 2026 01:00:01 GMT"
    assert documents.get(None).headers["Last-Modified"] == "Wed, 01 Jul 2026 01:00:01 GMT"


def test_head_answers_as_get_does_without_a_body_xapi_00125_00126(documents: Documents) -> None:
    documents.make("a", EVERY_BYTE, "image/png")
    for id_, status in (("a", 200), (None, 200), ("b", 404)):
        got, head = documents.get(id_), documents.send("HEAD", id_)
        assert (head.status_code, head.data) == (status, b"")
        for name in ("Content-Type", "Content-Length", "ETag", "Last-Modified", "X-Experience-API-Version"):
            assert head.headers.get(name) == got.headers.get(name), name


def test_answers_and_refusals_name_the_version_that_was_asked_for(documents: Documents, version: str) -> None:
    documents.make("a", {})
    for answer in (documents.get("a"), documents.get("b"), documents.put("a", {}), documents.delete("a")):
        assert answer.headers["X-Experience-API-Version"] == version


def test_a_browser_keeps_a_document_only_if_it_asks_again_and_shows_it_apart(documents: Documents) -> None:
    tag = documents.make("a", b"<script>alert(1)</script>", "text/html")
    answer = documents.get("a")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = documents.by({"If-None-Match": tag}).get("a")
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert documents.by({"If-None-Match": '"x"'}).get("a").status_code == 200


# POST merges


def test_a_post_where_nothing_is_stores_what_came_xapi_00233_00280_00310(documents: Documents) -> None:
    assert documents.post("a", {"x": 1}).status_code == 204
    assert documents.post("b", EVERY_BYTE, "image/png").status_code == 204
    assert documents.get("a").json == {"x": 1}
    assert documents.get("b").data == EVERY_BYTE


def test_a_post_sets_top_level_members_and_no_deeper_ones_xapi_00183_00184_00234_00279_00308(
    documents: Documents,
) -> None:
    documents.make("a", b'{"x":"foo", "y":{"k":1.50,"l":2}, "w":10000000000000000000000.0}', "application/json")
    assert documents.post("a", {"x": "bash", "z": "faz", "y": {"k": 3}}).status_code == 204
    answer = documents.get("a")
    assert answer.json == {"x": "bash", "y": {"k": 3}, "w": 1e22, "z": "faz"}
    assert b"10000000000000000000000.0" in answer.data
    assert answer.headers["ETag"] == f'"{sha1(answer.data).hexdigest()}"'


JSON = "application/json"


@pytest.mark.parametrize(
    ("there", "sent"),
    [
        ((b'{"a":1}', JSON), (b"abcdefg", "not/json")),
        ((b'{"a":1}', JSON), (b'{"b":1}', "application/octet-stream")),
        ((b'{"a":1}', JSON), (b'{"b":1}', "application/x-www-form-urlencoded")),
        ((b'{"a":1}', JSON), (b'{"b":1}', "application/jsonp")),
        ((b'{"a":1}', JSON), (b'{"b":1}', None)),
        ((b'{"a":1}', "application/octet-stream"), (b'{"b":1}', JSON)),
        ((b"/ asdf /", "application/octet-stream"), (b"x", "application/octet-stream")),
        ((b'{"a":1}', JSON), (b'{"b":1}{', JSON)),
        ((b'{"a":1}', JSON), (b"", JSON)),
        ((b'{"a":1}', JSON), (b"[1]", JSON)),
        ((b'{"a":1}', JSON), (b'{"b":NaN}', JSON)),
        ((b'{"a":1}', JSON), (b'{"b":"\xff"}', JSON)),
        ((b'{"a":1}', JSON), (b'{"b":"\\ud800"}', JSON)),
        ((b'{"a":1}', JSON), (b'{"b":' + b"[" * 100_000 + b"]" * 100_000 + b"}", JSON)),
        ((b"[1]", JSON), (b'{"b":1}', JSON)),
        ((b"not json", JSON), (b'{"b":1}', JSON)),
    ],
)
def test_a_post_that_cannot_be_merged_is_refused_and_changes_nothing_xapi_00229_00232_00278_00281_00309_00313(
    documents: Documents, there: tuple[bytes, str], sent: tuple[bytes, str | None]
) -> None:
    tag = documents.make("a", *there)
    assert documents.post("a", *sent).status_code == 400
    answer = documents.get("a")
    assert (answer.data, answer.headers["ETag"]) == (there[0], tag)


@pytest.mark.parametrize("content", [b'{"a":1}[', b"", b"[1]", b"1", b'"x"', b"null"])
def test_a_post_as_json_that_is_no_json_object_is_refused_also_where_nothing_is_xapi_00314(
    documents: Documents, session: Session, content: bytes
) -> None:
    assert documents.post("a", content, JSON).status_code == 400
    assert count(session) == 0


# Ids and lists


@pytest.mark.parametrize(
    "id_", ["https://a.example/b?c=d&e", "a/b", " ", "+", "%", "x" * 3000, "进度", "é", "'; --", "\u202e", "a\nb", "0"]
)
def test_an_id_is_any_text(documents: Documents, id_: str) -> None:
    documents.make(id_, {"for": id_})
    documents.make("other", {})
    assert documents.get(id_).json == {"for": id_}
    assert documents.ids() == sorted([id_, "other"])
    assert documents.delete(id_).status_code == 204
    assert documents.ids() == ["other"]


@pytest.mark.parametrize("id_", ["", "a\0b"])
def test_an_id_that_says_nothing_or_cannot_be_kept_is_refused(documents: Documents, session: Session, id_: str) -> None:
    documents.make("a", {})
    for answer in (documents.put(id_, {}), documents.post(id_, {}), documents.get(id_), documents.delete(id_)):
        assert answer.status_code == 400
    assert count(session) == 1


def test_two_ids_that_differ_in_case_are_two_documents(documents: Documents) -> None:
    documents.make("a", {"x": 1})
    documents.make("A", {"x": 2})
    assert documents.get("a").json == {"x": 1}


def test_a_get_without_id_lists_the_ids_xapi_00193_00270_00289(documents: Documents) -> None:
    assert documents.ids() == []
    for id_ in ("b", "a", "进"):
        documents.make(id_, {})
    answer = documents.get(None)
    assert answer.mimetype == "application/json"
    assert answer.json == ["a", "b", "进"]


def test_since_leaves_out_what_was_last_written_then_or_before_xapi_00195_00221_00268_00275_00294_00303(
    documents: Documents, clock: ManualClock
) -> None:
    documents.make("a", {})
    clock.advance(1_000)
    documents.make("b", {})
    assert documents.ids(since="2026-07-01T00:59:59.999Z") == ["a", "b"]
    assert documents.ids(since="2026-07-01T01:00:00Z") == ["b"]
    assert documents.ids(since="2026-07-01T09:00:00.5+08:00") == ["b"]
    assert documents.ids(since="2026-07-01T01:00:01Z") == []
    clock.advance(1_000)
    documents.post("a", {"x": 1})
    assert documents.ids(since="2026-07-01T01:00:01Z") == ["a"]


@pytest.mark.parametrize("since", ["", "true", "not a timestamp", "2026-13-01T00:00:00Z", "1782867600"])
def test_since_must_be_a_timestamp_xapi_00204_00260_00295(documents: Documents, since: str) -> None:
    assert documents.get(None, since=since).status_code == 400


def test_2_0_wants_the_zone_of_since_and_1_0_3_takes_utc(documents: Documents, version: str) -> None:
    documents.make("a", {})
    answer = documents.get(None, since="2026-07-01T00:00:00")
    assert answer.status_code == (400 if version == "2.0.0" else 200)


def test_deleting_takes_one_document_away_and_deleting_again_changes_nothing_xapi_00271_00285(
    documents: Documents,
) -> None:
    documents.make("a", {})
    documents.make("b", {})
    assert [documents.delete("a").status_code for _ in range(2)] == [204, 204]
    assert documents.get("a").status_code == 404
    assert documents.ids() == ["b"]
