"""Attachments over HTTP: what goes in by POST or PUT comes out with `attachments=true` (Communication 1.5, 2.1)."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.db import db
from elearn.tracking.lrs.doorway import MAX_BODY_BYTES
from elearn.tracking.lrs.statements.multipart import boundary_of, parts_of
from tests.builders_lrs import a_key, a_multipart, a_part, a_statement, an_attachment
from tests.builders_people import an_organisation
from tests.tracking.lrs.communication.test_signed import a_jws, signed_by

DATA = b"here is a simple attachment"
URL = "https://school.example/file.txt"
Headers = dict[str, str]


@pytest.fixture(params=["1.0.3", "2.0.0"])
def headers(session: Session, request: pytest.FixtureRequest) -> Headers:
    return a_key(session, version=request.param)


def post(client: FlaskClient, headers: Headers, what: Any, *parts: bytes) -> TestResponse:
    kind = "multipart/mixed; boundary=b0undary"
    return client.post("/xapi/statements", data=a_multipart(what, *parts), headers=headers, content_type=kind)


def get(client: FlaskClient, headers: Headers, **query: str) -> TestResponse:
    return client.get("/xapi/statements", query_string={"attachments": "true", **query}, headers=headers)


def told(answer: TestResponse) -> tuple[Any, list[bytes]]:
    """The JSON of a multipart answer and what follows it."""
    assert answer.status_code == 200, answer.text
    first, *rest = parts_of(answer.data, boundary_of(answer.headers["Content-Type"]), most=100)
    assert first.headers == {"content-type": "application/json"}
    return json.loads(first.content), [part.content for part in rest]


def with_one(data: bytes = DATA, **more: Any) -> dict[str, Any]:
    return a_statement(attachments=[an_attachment(data, **more)])


def test_what_is_posted_comes_back_with_its_data(client: FlaskClient, headers: Headers) -> None:
    sent = with_one()
    answer = post(client, headers, sent, a_part(DATA))
    assert (answer.status_code, answer.json) == (200, [sent["id"]])
    one = get(client, headers, statementId=sent["id"])
    statement, data = told(one)
    assert (statement["attachments"], data) == (sent["attachments"], [DATA])
    assert one.data.count(sent["attachments"][0]["sha2"].encode()) == 2  # clients count: the statement's and the part's
    page, data = told(get(client, headers))
    assert ([found["id"] for found in page["statements"]], data) == ([sent["id"]], [DATA])


def test_what_is_put_comes_back_with_its_data(client: FlaskClient, headers: Headers) -> None:
    sent = with_one()
    for _ in range(2):
        answer = client.put(
            "/xapi/statements",
            query_string={"statementId": sent["id"]},
            data=a_multipart(sent, a_part(DATA)),
            headers=headers,
            content_type='Multipart/Mixed; boundary="b0undary"',
        )
        assert answer.status_code == 204
    assert told(get(client, headers, statementId=sent["id"]))[1] == [DATA]


def test_without_asking_there_are_no_data_and_no_parts(client: FlaskClient, headers: Headers) -> None:  # XAPI-00161
    sent = with_one()
    post(client, headers, sent, a_part(DATA))
    for asked in ({}, {"attachments": "false"}):
        answer = client.get("/xapi/statements", query_string={"statementId": sent["id"], **asked}, headers=headers)
        assert answer.mimetype == "application/json"
        assert DATA not in answer.data


def test_an_answer_with_attachments_is_multipart_even_without_any(client: FlaskClient, headers: Headers) -> None:
    assert told(get(client, headers)) == ({"statements": [], "more": ""}, [])


def test_of_a_batch_each_file_comes_once_page_by_page(client: FlaskClient, headers: Headers) -> None:
    batch = [with_one(), with_one(), with_one(b"other", fileUrl=URL)]
    assert post(client, headers, batch, a_part(DATA), a_part(b"other")).status_code == 200
    assert told(get(client, headers, ascending="true"))[1] == [DATA, b"other"]
    page, data = told(get(client, headers, ascending="true", limit="2"))
    assert (len(page["statements"]), data) == (2, [DATA])
    page, data = told(client.get(page["more"], headers=headers))
    assert ([found["id"] for found in page["statements"]], data) == ([batch[2]["id"]], [b"other"])


def test_a_bad_part_is_told_with_its_clause_and_nothing_is_kept(
    client: FlaskClient, headers: Headers, session: Session
) -> None:
    answer = post(client, headers, [with_one(), with_one(b"x")], a_part(DATA))
    assert answer.status_code == 400
    told = answer.json
    assert told is not None
    assert (told["error"], told["property"], told["clause"]) == (
        "bad_statement",
        "/1/attachments/0",
        "Communication 1.5.2",
    )
    for table in ("statement", "statement_attachment", "attachment_content"):
        assert session.execute(sa.text(f"SELECT count(*) FROM elearn.{table}")).scalar_one() == 0


def test_a_signature_is_judged_before_its_statement_is_kept(client: FlaskClient, headers: Headers) -> None:
    """Data 2.6 (XAPI-00115 to XAPI-00117); the rules themselves stand in test_signed.py."""
    statement = a_statement(result={"duration": "PT0.12S"})
    for alg, signed, status in (
        ("RS256", statement, 200),
        ("RS256", statement | {"verb": {"id": "a:other"}}, 400),
        ("HS256", statement, 400),
    ):
        jws = a_jws(signed, alg=alg)
        sent = signed_by(statement, jws)
        answer = post(client, headers, sent, a_part(jws, Content_Type="application/octet-stream"))
        assert answer.status_code == status, answer.text
    assert told(get(client, headers))[1] == [a_jws(statement)]


def test_a_bad_part_is_told_in_chinese(client: FlaskClient, headers: Headers) -> None:
    answer = post(client, headers | {"Accept-Language": "zh"}, with_one(), a_part(DATA, X_Experience_API_Hash="x"))
    assert answer.status_code == 400
    assert answer.json is not None
    assert "必须带有" in answer.json["detail"]


def test_of_two_statements_that_conflict_no_file_is_kept(
    client: FlaskClient, headers: Headers, session: Session
) -> None:
    first = a_statement()
    post(client, headers, first)
    answer = post(client, headers, [with_one(), first | {"verb": {"id": "a:other"}}], a_part(DATA))
    assert answer.status_code == 409
    assert session.execute(sa.text("SELECT count(*) FROM elearn.attachment_content")).scalar_one() == 0


def test_a_file_may_be_larger_than_statements_may(client: FlaskClient, headers: Headers) -> None:
    sent = with_one(data := bytes(MAX_BODY_BYTES + 1))
    assert post(client, headers, sent, a_part(data)).status_code == 200
    assert told(get(client, headers, statementId=sent["id"]))[1] == [data]


def test_a_request_above_the_setting_is_too_large(client: FlaskClient, headers: Headers) -> None:
    assert post(client, headers, with_one(data := bytes(25_000_000)), a_part(data)).status_code == 413


def test_a_key_of_another_organisation_gets_no_file(client: FlaskClient, session: Session) -> None:
    mine, other = (a_key(session, organisation_id=an_organisation(session).id) for _ in range(2))
    sent, thief = with_one(), with_one(fileUrl=URL)
    assert post(client, mine, sent, a_part(DATA)).status_code == 200
    assert post(client, other, thief).status_code == 200
    assert get(client, other, statementId=sent["id"]).status_code == 404
    assert told(get(client, other, statementId=thief["id"]))[1] == []
    assert told(get(client, other))[1] == []
    assert told(get(client, mine))[1] == [DATA]


def test_many_at_once_with_the_same_files_all_succeed(own_app: Flask) -> None:
    """Sixteen writers, each with all of eight files, statements in an order of its own: no deadlock, one copy each."""
    files = [f"file {number}".encode() for number in range(8)]
    with own_app.app_context():
        headers = a_key(db.session())
        db.session.remove()
    statuses: list[int] = []

    def write(turn: int) -> None:
        turned = files[turn % 8 :] + files[: turn % 8]
        for _ in range(3):
            answer = post(own_app.test_client(), headers, [with_one(data) for data in turned], *map(a_part, turned))
            statuses.append(answer.status_code)

    threads = [threading.Thread(target=write, args=(turn,)) for turn in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 48
    with own_app.app_context():
        contents, kept = (
            db.session.execute(sa.text(f"SELECT count(*) FROM elearn.{table}")).scalar_one()
            for table in ("attachment_content", "statement_attachment")
        )
    assert (contents, kept) == (8, 48 * 8)
