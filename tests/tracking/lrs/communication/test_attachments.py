"""Statements and what is attached to them, in one request and in one answer (Communication 1.5, Data 2.4.11)."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from elearn.errors import TooLarge
from elearn.settings import Settings, SettingsError
from elearn.tracking.lrs.rules.reading import BadStatement
from elearn.tracking.lrs.statements import attachments
from tests.builders_lrs import a_multipart, a_part, a_statement, an_attachment
from tests.tracking.lrs.communication.attached import DATA, MIXED, OTHER, URL, Take, hashed, sha256, with_one

JSON_PART = b"Content-Type: application/json\r\n\r\n"


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
