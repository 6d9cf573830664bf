"""/xapi/ over HTTP: what a client sends, what it gets, what is refused."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.tracking.lrs.access import credentials
from elearn.tracking.lrs.doorway import MAX_BODY_BYTES
from elearn.tracking.lrs.rules.check import VOIDED
from elearn.tracking.lrs.statements import store
from elearn.tracking.lrs.statements.routes import MAX_STATEMENTS
from tests.builders_lrs import a_checked, a_statement
from tests.builders_people import an_organisation

AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)


def a_key(session: Session, *scopes: str, organisation_id: UUID | None = None) -> dict[str, str]:
    """The headers of a client with a key of its own."""
    made, secret = credentials.create(
        session,
        label="a client",
        scopes=scopes or ("all",),
        organisation_id=organisation_id,
        at=AT,
        server_key=credentials.server_key(),
    )
    session.commit()
    sent = b64encode(f"{made.key}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {sent}", "X-Experience-API-Version": "1.0.3", "Accept-Language": "en"}


@pytest.fixture
def headers(session: Session) -> dict[str, str]:
    return a_key(session)


def post(client: FlaskClient, headers: dict[str, str], body: Any, **options: Any) -> TestResponse:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post("/xapi/statements", data=data, headers=headers, content_type="application/json", **options)


def put(client: FlaskClient, headers: dict[str, str], id_: str, body: Any) -> TestResponse:
    return client.put(
        "/xapi/statements",
        query_string={"statementId": id_},
        data=json.dumps(body),
        headers=headers,
        content_type="application/json",
    )


def get(client: FlaskClient, headers: dict[str, str], **query: str) -> TestResponse:
    return client.get("/xapi/statements", query_string=query, headers=headers)


def told(answer: TestResponse) -> Any:
    return answer.json


def count(session: Session) -> int:
    return int(session.execute(sa.text("SELECT count(*) FROM elearn.statement")).scalar_one())


def test_about_needs_no_key_and_names_the_versions(client: FlaskClient) -> None:
    answer = client.get("/xapi/about")
    assert answer.status_code == 200
    assert {"1.0.3", "2.0.0"} <= set(told(answer)["version"])
    assert answer.headers["X-Experience-API-Version"] == "1.0.3"


def test_a_statement_comes_back_with_what_the_store_sets(client: FlaskClient, headers: dict[str, str]) -> None:
    sent = a_statement(result={"score": {"raw": 1.50}})
    answer = post(client, headers, sent)
    assert (answer.status_code, answer.json) == (200, [sent["id"]])
    answer = get(client, headers, statementId=sent["id"])
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    got = json.loads(answer.data)
    assert {name: got[name] for name in sent} == sent
    assert got["stored"] == got["timestamp"] == "2026-07-01T01:00:00.000000Z"
    assert got["version"] == "1.0.0"
    assert got["authority"]["account"]["homePage"] == "http://localhost"
    assert answer.headers["ETag"] == f'"{sha1(answer.data).hexdigest()}"'
    assert answer.headers["Last-Modified"] == "Wed, 01 Jul 2026 01:00:00 GMT"
    assert answer.headers["X-Experience-API-Consistent-Through"] < "2026-07-01T01:00:00Z"
    head = client.head("/xapi/statements", query_string={"statementId": sent["id"]}, headers=headers)
    assert head.status_code == 200
    assert head.data == b""
    assert head.headers["ETag"] == answer.headers["ETag"]


def test_numbers_escapes_and_order_come_back_as_they_were_sent(client: FlaskClient, headers: dict[str, str]) -> None:
    id_ = str(uuid4())
    result = '{"score": {"raw": 1.50e1, "min":0.0}, "extensions":{"a:x":"\\u8bfe\\u0000", "a:n":[1.0,  2]}}'
    body = f'{{"result":{result},"object":{{"id":"a:o"}},"stored":"2020-01-01T00:00:00Z","verb":{{"id":"a:v"}},'
    body += f'"actor":{{"mbox":"mailto:a@b"}},"id":"{id_}"}}'
    assert post(client, headers, body).status_code == 200
    text = get(client, headers, statementId=id_).data.decode()
    assert text.startswith(f'{{"result":{result},"object":{{"id":"a:o"}},')
    assert "2020-01-01" not in text


def test_context_activities_come_back_as_lists(client: FlaskClient, headers: dict[str, str]) -> None:
    context = {"contextActivities": {"parent": {"id": "a:p"}, "other": [{"id": "a:o"}]}}
    lists = {"contextActivities": {"parent": [{"id": "a:p"}], "other": [{"id": "a:o"}]}}
    inner = a_statement(id=None, context=context, objectType="SubStatement")
    sent = a_statement(context=context, object=inner)
    assert post(client, headers, sent).status_code == 200
    got = json.loads(get(client, headers, statementId=sent["id"]).data)
    assert got["context"] == lists
    assert got["object"] == inner | {"context": lists}


def test_put_stores_under_the_address_and_repeating_changes_nothing(
    client: FlaskClient, headers: dict[str, str], session: Session
) -> None:
    id_ = str(uuid4())
    body = a_statement(id=None)
    for _ in range(2):
        answer = put(client, headers, id_, body)
        assert (answer.status_code, answer.data) == (204, b"")
    assert "X-Experience-API-Consistent-Through" in answer.headers
    assert count(session) == 1
    assert json.loads(get(client, headers, statementId=id_).data)["id"] == id_
    assert put(client, headers, id_, body | {"verb": {"id": "a:other"}}).status_code == 409
    assert told(put(client, headers, str(uuid4()), a_statement()))["property"] == "/id"


def test_a_batch_is_stored_whole_or_not_at_all(client: FlaskClient, headers: dict[str, str], session: Session) -> None:
    batch = [a_statement(), a_statement(id=None), a_statement()]
    answer = post(client, headers, batch)
    assert answer.status_code == 200
    assert [told(answer)[0], told(answer)[2]] == [batch[0]["id"], batch[2]["id"]]
    assert post(client, headers, [a_statement(), batch[0]]).status_code == 200
    assert count(session) == 4
    conflict = post(client, headers, [a_statement(), batch[0] | {"verb": {"id": "a:other"}}, a_statement()])
    assert (conflict.status_code, told(conflict)["error"]) == (409, "statement_conflict")
    broken = post(client, headers, [a_statement(), a_statement(actor=None)])
    assert broken.status_code == 400
    assert told(broken)["property"] == "/1/actor"
    twice = post(client, headers, [batch[0], batch[0]])
    assert (twice.status_code, told(twice)["property"]) == (400, "/1/id")
    assert count(session) == 4
    assert post(client, headers, []).json == []


@pytest.mark.parametrize(
    ("body", "clause"),
    [
        ("", "Data 2.2"),
        ("{", "Data 2.2"),
        ("[{]", "Communication 1.5.1"),
        ("[" * 10_000, "Data 2.2"),
        (b"\xff", "Communication 1.4"),
        (json.dumps(a_statement(actor=None)), "Data 2.4"),
        (json.dumps([1]), "Data 2.4"),
        (json.dumps(a_statement(object={"id": "x" * 64_000})), "Data 4.3"),
        (
            json.dumps(
                a_statement(
                    attachments=[
                        {
                            "usageType": "a:u",
                            "display": {},
                            "contentType": "text/plain",
                            "length": 1,
                            "sha2": "a" * 64,
                        }
                    ]
                )
            ),
            "Communication 1.5.1",
        ),
    ],
)
def test_a_broken_body_is_refused_with_its_clause(
    client: FlaskClient, headers: dict[str, str], session: Session, body: str | bytes, clause: str
) -> None:
    answer = post(client, headers, body)
    assert answer.status_code == 400
    assert answer.json is not None
    assert clause in answer.json["clause"]
    assert answer.json["detail"]
    assert answer.headers["X-Experience-API-Version"] == "1.0.3"
    assert count(session) == 0


def test_an_iri_of_64_kb_is_stored(client: FlaskClient, headers: dict[str, str]) -> None:
    sent = a_statement(object={"id": "urn:" + "x" * 64_000})
    assert post(client, headers, sent).status_code == 200
    assert json.loads(get(client, headers, statementId=sent["id"]).data)["object"] == sent["object"]


def test_bodies_have_a_size(client: FlaskClient, headers: dict[str, str], session: Session) -> None:
    assert post(client, headers, b" " * (MAX_BODY_BYTES + 1)).status_code == 413
    assert post(client, headers, "[" + "1," * MAX_STATEMENTS + "1]").status_code == 413
    assert count(session) == 0


@pytest.mark.parametrize(
    ("asked", "answered"),
    [("1.0", "1.0.3"), ("1.0.0", "1.0.3"), ("1.0.9", "1.0.3"), ("2.0.0", "2.0.0"), ("2.0.1", "2.0.0")],
)
def test_versions_that_are_spoken(client: FlaskClient, headers: dict[str, str], asked: str, answered: str) -> None:
    answer = post(client, headers | {"X-Experience-API-Version": asked}, a_statement())
    assert answer.status_code == 200
    assert answer.headers["X-Experience-API-Version"] == answered


@pytest.mark.parametrize("asked", ["", "0.9", "0.95", "1.1.0", "2.1.0", "3.0.0", "1.0.x", "1.0.3, 2.0.0", "1"])
def test_versions_that_are_not(client: FlaskClient, headers: dict[str, str], asked: str) -> None:
    answer = post(client, headers | {"X-Experience-API-Version": asked}, a_statement())
    assert (answer.status_code, told(answer)["error"]) == (400, "version")


def test_a_request_without_version_is_refused(client: FlaskClient, headers: dict[str, str]) -> None:
    del headers["X-Experience-API-Version"]
    assert post(client, headers, a_statement()).status_code == 400
    assert get(client, headers, statementId=str(uuid4())).status_code == 400


def test_the_version_decides_the_rules_and_stays_with_the_statement(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    related = {"objectType": "contextAgent", "agent": {"mbox": "mailto:a@b"}}
    sent = a_statement(context={"contextAgents": [related]})
    assert post(client, headers, sent).status_code == 400
    assert post(client, headers | {"X-Experience-API-Version": "2.0.0"}, sent).status_code == 200
    assert json.loads(get(client, headers, statementId=sent["id"]).data)["version"] == "2.0.0"


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Basic", "Basic !!", "Basic " + b64encode(b"nobody").decode(), "Basic " + b64encode(b"a:b").decode(),
     "Basic " + b64encode(b"a\0:b").decode(), "Bearer x"],
)  # fmt: skip
def test_without_a_right_key_nothing_is_stored(
    client: FlaskClient, headers: dict[str, str], session: Session, authorization: str | None
) -> None:
    headers.pop("Authorization")
    if authorization is not None:
        headers["Authorization"] = authorization
    for answer in (post(client, headers, a_statement()), get(client, headers, statementId=str(uuid4()))):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert answer.mimetype == "application/json"
    assert count(session) == 0


def test_a_revoked_key_opens_nothing(client: FlaskClient, headers: dict[str, str], session: Session) -> None:
    key = credentials.everyone(session)[-1].key
    assert post(client, headers, a_statement()).status_code == 200
    credentials.revoke(session, key, at=AT)
    session.commit()
    assert post(client, headers, a_statement()).status_code == 401


def test_a_secret_is_kept_only_as_a_hash_under_the_server_key(session: Session) -> None:
    one, secret = credentials.create(
        session, label="x", scopes=["all"], organisation_id=None, at=AT, server_key=b"k" * 32
    )
    assert secret.encode() not in one.secret_hash
    assert credentials.authenticate(session, one.key, secret, server_key=b"k" * 32) is not None
    assert credentials.authenticate(session, one.key, secret, server_key=b"K" * 32) is None
    assert credentials.authenticate(session, one.key, secret + "x", server_key=b"k" * 32) is None


def test_scopes_say_what_a_key_may_do(client: FlaskClient, session: Session) -> None:
    writer = a_key(session, "statements/write")
    mine = a_key(session, "statements/write", "statements/read/mine")
    reader = a_key(session, "statements/read")
    theirs, own = a_statement(), a_statement()
    assert post(client, writer, theirs).status_code == 200
    assert post(client, mine, own).status_code == 200
    assert post(client, reader, a_statement()).status_code == 403
    assert get(client, writer, statementId=theirs["id"]).status_code == 403
    assert get(client, mine, statementId=own["id"]).status_code == 200
    assert get(client, mine, statementId=theirs["id"]).status_code == 404
    assert get(client, reader, statementId=theirs["id"]).status_code == 200


def test_a_key_of_an_organisation_reads_no_other(client: FlaskClient, session: Session) -> None:
    one, other = an_organisation(session), an_organisation(session)
    first = a_key(session, organisation_id=one.id)
    colleague = a_key(session, organisation_id=one.id)
    stranger = a_key(session, organisation_id=other.id)
    sent, watched = a_statement(), a_checked()
    store.insert(session, [watched], stored_at=AT, authority=None)
    session.commit()
    assert post(client, first, sent).status_code == 200
    assert get(client, colleague, statementId=sent["id"]).status_code == 200
    assert get(client, stranger, statementId=sent["id"]).status_code == 404
    assert get(client, first, statementId=str(watched.id)).status_code == 404
    assert get(client, a_key(session), statementId=str(watched.id)).status_code == 200


def test_a_voided_statement_is_found_only_as_voided(client: FlaskClient, headers: dict[str, str]) -> None:
    sent = a_statement()
    voiding = a_statement(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": sent["id"]})
    post(client, headers, sent)
    assert get(client, headers, voidedStatementId=sent["id"]).status_code == 404
    post(client, headers, voiding)
    assert get(client, headers, statementId=sent["id"]).status_code == 404
    assert get(client, headers, voidedStatementId=sent["id"]).status_code == 200
    assert get(client, headers, statementId=voiding["id"]).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"statementId": "x"},
        {"statementId": str(uuid4()), "voidedStatementId": str(uuid4())},
        {"statementId": str(uuid4()), "limit": "1"},
        {"statementid": str(uuid4())},
        {"statementId": str(uuid4()), "format": "short"},
    ],
)
def test_a_question_that_is_not_understood_is_refused(
    client: FlaskClient, headers: dict[str, str], query: dict[str, str]
) -> None:
    assert get(client, headers, **query).status_code == 400


def test_other_content_types_and_methods_are_refused(client: FlaskClient, headers: dict[str, str]) -> None:
    body = json.dumps(a_statement())
    for kind in ("text/plain", "multipart/mixed", "application/x-www-form-urlencoded"):
        assert client.post("/xapi/statements", data=body, headers=headers, content_type=kind).status_code == 400
    gzip = headers | {"Content-Encoding": "gzip"}
    assert post(client, gzip, body).status_code == 415
    unknown = client.post("/xapi/statements?x=1", data=body, headers=headers, content_type="application/json")
    assert unknown.status_code == 400


@pytest.mark.parametrize(("path", "status"), [("statements", 405), ("about", 405), ("statement", 404)])
def test_what_is_not_offered_is_refused_in_the_same_form(
    client: FlaskClient, headers: dict[str, str], path: str, status: int
) -> None:
    answer = client.delete(f"/xapi/{path}", headers=headers)
    assert (answer.status_code, answer.mimetype) == (status, "application/json")
    assert answer.headers["X-Experience-API-Version"] == "1.0.3"


def test_a_refusal_is_told_in_chinese_unless_english_is_asked_for(client: FlaskClient, headers: dict[str, str]) -> None:
    del headers["Accept-Language"]
    answer = post(client, headers, a_statement(actor=None))
    assert answer.json is not None
    assert answer.json["detail"] == "该陈述在 /actor 处不符合 xAPI Data 2.2, Data 2.4：缺失"
    assert answer.json["property"] == "/actor"
