"""Statements and what is attached to them, in one request and in one answer (Communication 1.5, Data 2.4.11)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.errors import TooLarge
from elearn.settings import Settings, SettingsError
from elearn.tracking.lrs.rules.check import Checked, check_statement
from elearn.tracking.lrs.rules.reading import BadStatement
from elearn.tracking.lrs.statements import attachments, multipart, store
from elearn.tracking.lrs.statements.attachments import Incoming
from tests.builders_lrs import a_multipart, a_part, a_statement, an_attachment

AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
MIXED = "multipart/mixed; boundary=b0undary"
DATA = b"here is a simple attachment"
OTHER = b"here is another one"
URL = "https://school.example/file.txt"
JSON_PART = b"Content-Type: application/json\r\n\r\n"

Take = Callable[..., tuple[list[Checked], Incoming]]


@pytest.fixture
def take(app: Flask) -> Take:
    """Reads a request and judges it whole, as the door does."""

    def take(body: bytes, content_type: str = MIXED, version: str = "1.0.3") -> tuple[list[Checked], Incoming]:
        with app.test_request_context("/xapi/statements", method="POST", data=body, content_type=content_type):
            incoming = attachments.read_request(most=10)
        batch = [check_statement(text, version) for text in incoming.texts]
        attachments.check(batch, incoming)
        return batch, incoming

    return take


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def hashed(name: str) -> str:
    """The hash of DATA by another SHA."""
    return hashlib.new(name, DATA).hexdigest()


def with_one(data: bytes = DATA, **more: Any) -> dict[str, Any]:
    return a_statement(attachments=[an_attachment(data, **more)])


def test_the_statements_come_first_and_then_the_data(take: Take) -> None:
    sent = a_statement(attachments=[an_attachment(DATA), an_attachment(OTHER)])
    batch, incoming = take(a_multipart(sent, a_part(OTHER), a_part(DATA)))
    assert [checked.statement for checked in batch] == [sent]
    assert (incoming.several, incoming.multipart) == (False, True)
    assert incoming.contents == {sha256(data): data for data in (DATA, OTHER)}


def test_each_statement_of_a_batch_is_kept_to_the_byte(take: Take) -> None:
    texts = [json.dumps(with_one(), indent=index) for index in (1, 2)]
    body = a_multipart(JSON_PART + f" [{texts[0]} ,\n{texts[1]}]".encode(), a_part(DATA))
    assert take(body)[1].texts == texts
    in_json = f"[{texts[0]},{texts[1]}]".replace('"sha2"', f'"fileUrl": "{URL}", "sha2"').encode()
    incoming = take(in_json, "application/json; charset=utf-8")[1]
    assert (len(incoming.texts), incoming.several, incoming.multipart, incoming.parts) == (2, True, False, {})


INSIDE = a_statement(
    object={"objectType": "SubStatement", **{name: value for name, value in with_one().items() if name != "id"}}
)
INNER = a_multipart({}, boundary="inner")
BODY = a_multipart(with_one(), a_part(DATA))
TEXT = json.dumps(with_one()).encode()
LETTERS = f"x-experience-API-hash:{sha256(DATA).upper()}\r\nCONTENT-transfer-encoding:BINARY\r\n\r\n".encode()
NEEDLESS = b"Content-Disposition: attachment\r\nX-Any: thing\r\n"
GOOD: list[tuple[str, dict[str, Any] | list[Any], list[bytes]]] = [
    ("no attachment and no data", a_statement(), []),
    ("an empty list of attachments", a_statement(attachments=[]), []),
    ("an attachment that is elsewhere, without data", with_one(fileUrl=URL), []),
    ("an attachment that is elsewhere, with data", with_one(fileUrl=URL), [a_part(DATA)]),
    ("one with data and one elsewhere", [with_one(), with_one(OTHER, fileUrl=URL)], [a_part(DATA)]),
    ("the same data for two statements", [with_one(), with_one()], [a_part(DATA)]),
    ("the same data twice, which only SHOULD not be", [with_one(), with_one()], [a_part(DATA), a_part(DATA)]),
    (
        "the same data under two types, a copy for each",
        [with_one(), with_one(contentType="a/b")],
        [a_part(DATA), a_part(DATA, Content_Type="a/b")],
    ),
    ("no data at all", with_one(b""), [a_part(b"")]),
    ("a hash in capitals", with_one(sha2=sha256(DATA).upper()), [a_part(DATA)]),
    ("a header's name and value in other letters", with_one(), [LETTERS + DATA]),
    ("further headers", with_one(), [NEEDLESS + a_part(DATA)]),
    ("a part without a type (SHOULD)", with_one(), [a_part(DATA, Content_Type=None)]),
    (
        "a type in other letters",
        with_one(contentType="text/plain; charset=UTF-8"),
        [a_part(DATA, Content_Type="TEXT/plain;Charset=utf-8")],
    ),
    ("a length that is right", with_one(), [a_part(DATA, Content_Length=str(len(DATA)))]),
    ("a wrong length in the statement alone", with_one(length=1), [a_part(DATA)]),
    (
        "data that are multipart themselves",
        with_one(INNER, contentType="multipart/mixed"),
        [a_part(INNER, Content_Type="multipart/mixed")],
    ),
    ("an attachment of a SubStatement", INSIDE, [a_part(DATA)]),
    *(
        (name, with_one(sha2=hashed(name)), [a_part(DATA, X_Experience_API_Hash=hashed(name))])
        for name in ("sha224", "sha384", "sha512")
    ),
]


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
@pytest.mark.parametrize(("rule", "what", "parts"), GOOD, ids=[row[0] for row in GOOD])
def test_a_request_with_attachments_is_taken(
    take: Take, rule: str, what: Any, parts: list[bytes], version: str
) -> None:
    batch, _ = take(a_multipart(what, *parts), version=version)
    assert [checked.statement for checked in batch] == (what if isinstance(what, list) else [what]), rule


WRONG = sha256(b"something else")
BAD: list[tuple[str, bytes, str, str]] = [
    ("XAPI-00127: the type of a form", BODY, "multipart/form-data; boundary=b0undary", "Content-Type"),
    ("XAPI-00127: no type", json.dumps(a_statement()).encode(), "", "Content-Type"),
    ("XAPI-00127: text", json.dumps(a_statement()).encode(), "text/plain", "Content-Type"),
    (
        "XAPI-00128: data of no attachment",
        a_multipart(with_one(), a_part(DATA), a_part(OTHER)),
        MIXED,
        f"part {sha256(OTHER)}",
    ),
    (
        "XAPI-00128: data without any attachment",
        a_multipart(a_statement(), a_part(DATA)),
        MIXED,
        f"part {sha256(DATA)}",
    ),
    (
        "XAPI-00129: neither a fileUrl nor data",
        a_multipart(a_statement(attachments=[an_attachment(DATA), an_attachment(OTHER)]), a_part(DATA)),
        MIXED,
        "/attachments/1",
    ),
    ("XAPI-00129: in a batch", a_multipart([with_one(), with_one(OTHER)], a_part(DATA)), MIXED, "/1/attachments/0"),
    ("XAPI-00129: in a SubStatement", a_multipart(INSIDE), MIXED, "/object/attachments/0"),
    ("1.5.1: in JSON, each attachment has a fileUrl", TEXT, "application/json", "/attachments/0"),
    ("XAPI-00130: no boundary in the header", BODY, "multipart/mixed;", "Content-Type"),
    ("XAPI-00130: no boundary before the data", a_multipart(JSON_PART + TEXT + b"\r\n" + a_part(DATA)), MIXED, "/"),
    ("XAPI-00131: no boundary before the statements", BODY[len("--b0undary\r\n") :], MIXED, "part 1"),
    ("XAPI-00132: no hash", a_multipart(with_one(), a_part(DATA, X_Experience_API_Hash=None)), MIXED, "part 2"),
    (
        "XAPI-00132: a hash that is none",
        a_multipart(with_one(), a_part(DATA, X_Experience_API_Hash="abc")),
        MIXED,
        "part 2",
    ),
    (
        "XAPI-00132: another SHA",
        a_multipart(with_one(), a_part(DATA, X_Experience_API_Hash=hashed("sha1"))),
        MIXED,
        "part 2",
    ),
    (
        "XAPI-00132: the hash of something else",
        a_multipart(with_one(), a_part(DATA, X_Experience_API_Hash=WRONG)),
        MIXED,
        "part 2",
    ),
    (
        "1.5.2: data that have another hash than said",
        a_multipart(with_one(sha2=WRONG), a_part(DATA, X_Experience_API_Hash=WRONG)),
        MIXED,
        "part 2",
    ),
    (
        "1.5.2: the right hash by another SHA-2 than the statement's",
        a_multipart(with_one(), a_part(DATA, X_Experience_API_Hash=hashed("sha512"))),
        MIXED,
        "/attachments/0",
    ),
    ("1.5.2: a further part without headers", a_multipart(with_one(), b"\r\n" + DATA), MIXED, "part 2"),
    ("XAPI-00133: statements in two parts", a_multipart(with_one(), JSON_PART + TEXT, a_part(DATA)), MIXED, "part 2"),
    (
        "XAPI-00134: statements as text",
        a_multipart(b"Content-Type: text/plain\r\n\r\n" + TEXT, a_part(DATA)),
        MIXED,
        "part 1",
    ),
    ("XAPI-00134: statements of no type", a_multipart(b"\r\n" + TEXT, a_part(DATA)), MIXED, "part 1"),
    (
        "1.5.2: statements in a multipart of their own",
        a_multipart(b"Content-Type: multipart/mixed; boundary=c\r\n\r\n" + a_multipart(with_one(), boundary="c")),
        MIXED,
        "part 1",
    ),
    (
        "1.5.2: statements in base64",
        a_multipart(b"Content-Type: application/json\r\nContent-Transfer-Encoding: base64\r\n\r\ne30="),
        MIXED,
        "part 1",
    ),
    ("Communication 1.4: statements that are not UTF-8", a_multipart(JSON_PART + b'{"\xff":1}'), MIXED, "part 1"),
    (
        "XAPI-00135: data in base64",
        a_multipart(with_one(), a_part(DATA, Content_Transfer_Encoding="base64")),
        MIXED,
        "part 2",
    ),
    (
        "XAPI-00135: data in an encoding that is not named",
        a_multipart(with_one(), a_part(DATA, Content_Transfer_Encoding=None)),
        MIXED,
        "part 2",
    ),
    (
        "1.5.2: another type than the statement says",
        a_multipart(with_one(), a_part(DATA, Content_Type="image/png")),
        MIXED,
        "/attachments/0",
    ),
    (
        "1.5.2: other parameters than the statement says",
        a_multipart(with_one(contentType="text/plain; charset=ascii"), a_part(DATA)),
        MIXED,
        "/attachments/0",
    ),
    (
        "1.5.2: another length than the statement says",
        a_multipart(with_one(length=1), a_part(DATA, Content_Length=str(len(DATA)))),
        MIXED,
        "/attachments/0",
    ),
    (
        "1.5.2: another length than the data have",
        a_multipart(with_one(length=1), a_part(DATA, Content_Length="1")),
        MIXED,
        "part 2",
    ),
    ("1.5.2: data that hold the boundary", a_multipart(with_one(BODY), a_part(BODY)), MIXED, "part 2"),
    ("1.5.2: a body cut short", BODY[:-4], MIXED, "part 3"),
    ("Data 2.2: an array that is not JSON", a_multipart(JSON_PART + b"[{},"), MIXED, "/"),
    ("Data 2.2: an array nested too deep", b"[" * 100_000, "application/json", "/"),
]


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
@pytest.mark.parametrize(("rule", "body", "content_type", "where"), BAD, ids=[row[0] for row in BAD])
def test_a_request_that_breaks_a_rule_is_refused_with_its_place(
    take: Take, rule: str, body: bytes, content_type: str, where: str, version: str
) -> None:
    with pytest.raises(BadStatement, match=r"Communication 1\.|Data 2\.2") as refusal:
        take(body, content_type, version)
    assert refusal.value.where == where, rule


def test_a_batch_has_an_end(take: Take) -> None:
    for body, content_type in (
        (json.dumps([a_statement()] * 11).encode(), "application/json"),
        (a_multipart([a_statement()] * 11), MIXED),
        (b"[" + b"1," * 1_000_000 + b"1]", "application/json"),
    ):
        with pytest.raises(TooLarge, match="10 statements"):
            take(body, content_type)


def test_a_request_of_ten_thousand_parts_is_too_large(take: Take) -> None:
    with pytest.raises(TooLarge, match="2001 parts"):
        take(a_multipart(with_one(), *([a_part(DATA)] * 10_000)))


def test_the_setting_says_how_large_a_request_with_attachments_may_be(
    take: Take, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = a_multipart(with_one(), a_part(DATA))
    runtime = app.extensions["elearn"]
    for most in (len(body), len(body) - 1):
        settings = dataclasses.replace(runtime.settings, lrs_largest_request_bytes=most)
        monkeypatch.setattr(runtime, "settings", settings)
        if most == len(body):
            take(body)
    with pytest.raises(TooLarge):
        take(body)


@pytest.mark.parametrize("value", ["0", "1001", "-1", "1.5", "many", ""])
def test_the_setting_is_a_number_of_megabytes(value: str, tmp_path: Path) -> None:
    env = {"ELEARN_DATA_DIR": str(tmp_path)}
    assert Settings.from_env(env | {"ELEARN_LRS_LARGEST_REQUEST_MB": "3"}).lrs_largest_request_bytes == 3_000_000
    with pytest.raises(SettingsError, match="ELEARN_LRS_LARGEST_REQUEST_MB"):
        Settings.from_env(env | {"ELEARN_LRS_LARGEST_REQUEST_MB": value})


def test_the_statements_themselves_may_not_be_larger_than_in_json(take: Take) -> None:
    with pytest.raises(TooLarge):
        take(a_multipart(JSON_PART + b" " * (attachments.MAX_JSON_BYTES + 1)))


@pytest.fixture
def keep(take: Take, session: Session) -> Callable[..., list[store.Outcome]]:
    """Takes a request, stores its statements at `AT` and what came with them; answers what became of each."""

    def keep(what: Any, *parts: bytes) -> list[store.Outcome]:
        batch, incoming = take(a_multipart(what, *parts))
        outcomes = store.insert(session, batch, stored_at=AT, authority=None)
        attachments.keep(session, batch, outcomes, incoming.parts)
        return outcomes

    return keep


Keep = Callable[..., list[store.Outcome]]


def places(outcomes: list[store.Outcome]) -> list[tuple[datetime, UUID]]:
    return [(outcome.stored_at, outcome.id) for outcome in outcomes]


def count(session: Session, table: str) -> int:
    return int(session.execute(sa.text(f"SELECT count(*) FROM elearn.{table}")).scalar_one())


def test_what_came_with_a_statement_is_given_out_with_it(keep: Keep, session: Session) -> None:
    odd = bytes(range(256)) + b"\r\n--b0undary"[:-1]
    small = hashed("sha224")
    sent = a_statement(
        attachments=[
            an_attachment(odd, contentType="image/png"),
            an_attachment(OTHER, fileUrl=URL),
            an_attachment(DATA, sha2=small.upper()),
        ]
    )
    kept = keep(sent, a_part(DATA, X_Experience_API_Hash=small), a_part(odd, Content_Type="image/png"))
    assert attachments.of(session, places(kept)) == [
        multipart.Content(sha256(odd), "image/png", odd),
        multipart.Content(small, "text/plain", DATA),
    ]


def test_a_content_lies_once_in_the_store_and_once_in_an_answer(keep: Keep, session: Session) -> None:
    kept = keep([with_one(), a_statement(attachments=[an_attachment(DATA), an_attachment(DATA)])], a_part(DATA))
    kept += keep(with_one(), a_part(DATA))
    assert count(session, "attachment_content") == 1
    assert [content.data for content in attachments.of(session, places(kept))] == [DATA]
    assert [content.data for content in attachments.of(session, places(kept)[2:])] == [DATA]


def test_naming_the_hash_of_somebody_elses_file_gives_nothing(keep: Keep, session: Session) -> None:
    keep(with_one(), a_part(DATA))
    thief = keep(with_one(fileUrl=URL))
    assert attachments.of(session, places(thief)) == []


def test_a_statement_that_was_there_keeps_what_it_came_with(keep: Keep, session: Session) -> None:
    sent = with_one(fileUrl=URL)
    first = keep(sent)
    again = keep(sent, a_part(DATA))
    assert isinstance(again[0], store.Duplicate)
    assert attachments.of(session, places(first)) == []
    assert count(session, "attachment_content") == 0


def test_nothing_is_asked_or_written_for_statements_without_attachments(keep: Keep, session: Session) -> None:
    kept = keep([a_statement(), a_statement()])
    assert attachments.of(session, places(kept)) == []
    assert attachments.of(session, []) == []
    assert attachments.fitting(session, []) == 0
    assert attachments.fitting(session, places(kept)) == 2


def test_a_type_that_no_header_can_say_is_left_out(keep: Keep, session: Session) -> None:
    kind = 'text/plain; name="\u8bfe"'
    kept = keep(with_one(contentType=kind), a_part(DATA, Content_Type=None))
    found = attachments.of(session, places(kept))
    assert [content.content_type for content in found] == [""]
    assert b"Content-Type: \r\n" not in multipart.write(b"{}", found)[0]


def test_an_answer_ends_before_its_contents_are_too_many_but_holds_one_statement(
    keep: Keep, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [bytes([letter]) * 10 for letter in b"abc"]
    batch = [with_one(contents[0]), with_one(contents[0]), a_statement(), with_one(contents[1]), with_one(contents[2])]
    kept = places(keep(batch, *(a_part(content) for content in contents)))
    for most, fitting in ((30, 5), (29, 4), (20, 4), (19, 3), (10, 3), (9, 1), (0, 1)):
        monkeypatch.setattr(attachments, "MAX_ANSWER_BYTES", most)
        assert attachments.fitting(session, kept) == fitting, most
    assert attachments.fitting(session, kept[2:4]) == 1


def test_an_answer_carries_what_a_request_brought(keep: Keep, take: Take, session: Session) -> None:
    sent = with_one()
    kept = keep(sent, a_part(DATA))
    sent["id"] = str(uuid4())
    body, content_type = multipart.write(json.dumps(sent).encode(), attachments.of(session, places(kept)))
    _, incoming = take(body, content_type)
    assert list(incoming.contents.values()) == [DATA]


@pytest.mark.parametrize("table", ["statement_attachment", "attachment_content"])
@pytest.mark.parametrize("change", ["UPDATE elearn.{} SET sha2 = 'x'", "DELETE FROM elearn.{}"])
def test_what_was_attached_is_never_changed(keep: Keep, session: Session, table: str, change: str) -> None:
    keep(with_one(), a_part(DATA))
    with pytest.raises(IntegrityError, match="append-only"):
        session.execute(sa.text(change.format(table)))
