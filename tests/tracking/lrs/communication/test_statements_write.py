"""PUT and POST of /xapi/statements (Communication 2.1.1, 2.1.2; immutability Data 2.3.1; batches Communication 3.2)."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.tracking.lrs.doorway import MAX_BODY_BYTES
from elearn.tracking.lrs.statements.routes import MAX_STATEMENTS
from tests.builders_lrs import a_key, a_statement
from tests.conftest import ManualClock
from tests.tracking.lrs.communication.statements_client import Statements, ids_of


@pytest.fixture
def bodies(client: FlaskClient, session: Session) -> Statements:
    """For tables of what either version refuses."""
    return Statements(client, a_key(session))


def count(session: Session) -> int:
    return int(session.execute(sa.text("SELECT count(*) FROM elearn.statement")).scalar_one())


def other(statement: dict[str, Any]) -> dict[str, Any]:
    """The same id on a different statement."""
    return statement | {"verb": {"id": "urn:other"}}


# PUT


def test_put_stores_one_statement_under_the_id_in_the_address(statements: Statements) -> None:
    """XAPI-00143, XAPI-00144."""
    id_ = str(uuid4())
    answer = statements.put(id_, a_statement(id=None))
    assert (answer.status_code, answer.data) == (204, b"")
    assert statements.one(id_)["id"] == id_
    with_id = a_statement()
    assert statements.put(with_id["id"].upper(), with_id).status_code == 204
    assert statements.one(with_id["id"])["id"] == with_id["id"]


def test_what_get_shows_may_be_put_again_in_exactly_these_bytes(statements: Statements, session: Session) -> None:
    """Also with the timestamp, the version and the authority that it was given here (Data 2.3.1, 2.4.7)."""
    profile = {"id": "a:profile", "definition": {"name": {"en": "profile"}}}
    sent = a_statement(id=None, context={"contextActivities": {"category": profile}}, result={"score": {"raw": 1.50}})
    id_ = str(uuid4())
    assert statements.put(id_, sent).status_code == 204
    shown = statements.get(statementId=id_).data
    assert b'"timestamp"' in shown
    assert statements.put(id_, shown).status_code == 204
    assert statements.post(b"[" + shown + b"]").status_code == 200
    assert statements.get(statementId=id_).data == shown
    assert count(session) == 1
    assert statements.put(id_, shown.replace(b"1.5", b"2.5")).status_code == 409


def test_put_needs_an_id_and_nothing_else(statements: Statements, session: Session) -> None:
    """XAPI-00145, XAPI-00325."""
    sent = a_statement()
    for answer in (
        statements.put(None, sent),
        statements.put(None, sent, StatementId=sent["id"]),
        statements.put("x", sent),
        statements.put(sent["id"], sent, format="exact"),
        statements.put(sent["id"], sent, voidedStatementId=sent["id"]),
    ):
        assert answer.status_code == 400
        assert answer.json is not None
        assert answer.json["clause"].startswith("Communication 2.1.1")
    assert count(session) == 0


def test_put_refuses_a_statement_with_another_id(statements: Statements, session: Session) -> None:
    answer = statements.put(str(uuid4()), a_statement())
    assert answer.status_code == 400
    assert answer.json is not None
    assert (answer.json["property"], answer.json["clause"]) == ("/id", "Communication 2.1.1")
    assert count(session) == 0


def test_put_takes_no_array(statements: Statements, session: Session) -> None:
    sent = a_statement()
    assert statements.put(sent["id"], [sent]).status_code == 400
    assert statements.put(sent["id"], [sent, a_statement()]).status_code == 400
    assert statements.put(sent["id"], []).status_code == 400
    assert count(session) == 0


def test_put_again_changes_nothing(statements: Statements, session: Session) -> None:
    """XAPI-00142: equal is 204, different 409, and the first stays as it is."""
    sent = a_statement()
    statements.put(sent["id"], sent)
    first = statements.one(sent["id"])
    assert statements.put(sent["id"], sent).status_code == 204
    conflict = statements.put(sent["id"], other(sent))
    assert conflict.status_code == 409
    assert conflict.json is not None
    assert (conflict.json["error"], conflict.json["clause"]) == ("statement_conflict", "Communication 3.2")
    assert statements.one(sent["id"]) == first
    assert count(session) == 1


# POST


def test_post_answers_the_ids_in_the_order_of_the_statements(statements: Statements) -> None:
    """XAPI-00146, XAPI-00147."""
    sent = [a_statement(), a_statement(id=None), a_statement()]
    answer = statements.post(sent)
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    ids = json.loads(answer.data)
    assert [ids[0], ids[2]] == [sent[0]["id"], sent[2]["id"]]
    assert UUID(ids[1]).version == 4  # what stock clients take for a UUID
    assert statements.ids() == ids[::-1]
    alone = a_statement()
    assert json.loads(statements.post(alone).data) == [alone["id"]]
    assert json.loads(statements.post([alone]).data) == [alone["id"]]


def test_post_takes_no_parameter(statements: Statements, session: Session) -> None:
    for name in ("statementId", "foo"):
        answer = statements.post(a_statement(), **{name: str(uuid4())})
        assert answer.status_code == 400
        assert answer.json is not None
        assert (answer.json["property"], answer.json["clause"]) == (name, "Communication 2.1.2")
    assert count(session) == 0


def test_an_empty_batch_is_nothing(statements: Statements, session: Session) -> None:
    answer = statements.post([])
    assert (answer.status_code, answer.json) == (200, [])
    assert count(session) == 0


def test_post_again_changes_nothing(statements: Statements, session: Session, clock: ManualClock) -> None:
    """XAPI-00142 for POST."""
    sent = a_statement()
    statements.post(sent)
    first = statements.one(sent["id"])
    clock.advance(5000)
    again = statements.post([a_statement(), sent])
    assert again.status_code == 200
    assert json.loads(again.data)[1] == sent["id"]
    assert statements.post(other(sent)).status_code == 409
    assert statements.one(sent["id"]) == first
    assert count(session) == 2


def test_a_batch_is_stored_whole_or_not_at_all(statements: Statements, session: Session) -> None:
    """XAPI-00326."""
    there = a_statement()
    statements.post(there)
    good = a_statement()
    broken = statements.post([good, a_statement(actor=None)])
    assert broken.status_code == 400
    assert broken.json is not None
    assert broken.json["property"] == "/1/actor"
    conflict = statements.post([good, other(there), a_statement()])
    assert conflict.status_code == 409
    assert statements.get(statementId=good["id"]).status_code == 404
    assert count(session) == 1


def test_an_id_may_be_in_a_batch_once(statements: Statements, session: Session) -> None:
    """2.0: a batch with an id twice is refused, equal or not; 1.0.3 recommends it."""
    sent = a_statement()
    for second in (sent, other(sent), sent | {"id": sent["id"].upper()}):
        answer = statements.post([a_statement(), sent, second])
        assert answer.status_code == 400
        assert answer.json is not None
        assert (answer.json["property"], answer.json["clause"]) == ("/2/id", "Communication 2.1.2")
    assert count(session) == 0


def test_a_batch_has_a_size(bodies: Statements, session: Session) -> None:
    assert bodies.post([a_statement() for _ in range(MAX_STATEMENTS)]).status_code == 200
    for body in ("[" + "1," * MAX_STATEMENTS + "1]", "[" + "1," * 1_000_000 + "1]", b" " * (MAX_BODY_BYTES + 1)):
        answer = bodies.post(body)
        assert answer.status_code == 413
        assert answer.json is not None
        assert answer.json["clause"] == "Communication 3.2"
    assert count(session) == MAX_STATEMENTS


# What was sent


def test_a_statement_comes_back_with_what_the_store_sets(statements: Statements) -> None:
    """Data 2.3.1, 2.4.7 to 2.4.10."""
    sent = a_statement(result={"score": {"raw": 1.50}})
    statements.post(sent)
    got = statements.one(sent["id"])
    assert {name: got[name] for name in sent} == sent
    assert got["stored"] == got["timestamp"] == "2026-07-01T01:00:00.000000Z"
    assert got["version"] == statements.headers["X-Experience-API-Version"].replace("1.0.3", "1.0.0")
    assert got["authority"]["account"]["homePage"] == "http://localhost"
    assert set(got) == {*sent, "stored", "timestamp", "version", "authority"}


def test_what_a_client_says_of_the_store_is_not_kept(statements: Statements) -> None:
    """Data 2.4.8, 2.4.9: `stored` and `authority` are the store's own to say; `timestamp` is the sender's."""
    said = {"stored": "2020-01-01T00:00:00Z", "authority": {"mbox": "mailto:a@b"}, "timestamp": "2020-01-01T00:00:00Z"}
    sent = a_statement(**said)
    statements.post(sent)
    got = statements.one(sent["id"])
    assert got["timestamp"] == said["timestamp"]
    assert got["stored"] != said["stored"]
    assert got["authority"] != said["authority"]


def test_numbers_escapes_and_order_come_back_as_they_were_sent(statements: Statements) -> None:
    id_ = str(uuid4())
    result = '{"score": {"raw": 1.50e1, "min":0.0}, "extensions":{"a:x":"\\u8bfe\\u0000", "a:n":[1.0,  2]}}'
    body = f'{{"result":{result},"object":{{"id":"a:o"}},"stored":"2020-01-01T00:00:00Z","verb":{{"id":"a:v"}},'
    body += f'"actor":{{"mbox":"mailto:a@b"}},"id":"{id_}"}}'
    assert statements.post(body).status_code == 200
    for answer in (statements.get(statementId=id_), statements.get()):
        assert f'{{"result":{result},"object":{{"id":"a:o"}},' in answer.data.decode()


def test_context_activities_come_back_as_lists(statements: Statements) -> None:
    """Data 2.4.6.2, also in a SubStatement."""
    context = {"contextActivities": {"parent": {"id": "a:p"}, "other": [{"id": "a:o"}]}}
    lists = {"contextActivities": {"parent": [{"id": "a:p"}], "other": [{"id": "a:o"}]}}
    inner = a_statement(id=None, context=context, objectType="SubStatement")
    sent = a_statement(context=context, object=inner)
    statements.post(sent)
    for style in ("exact", "canonical", "ids"):
        got = statements.one(sent["id"], format=style)
        assert got["context"] == lists
        assert got["object"]["context"] == lists
    assert statements.one(sent["id"])["object"] == inner | {"context": lists}


def test_a_json_request_may_name_where_attachments_lie(statements: Statements) -> None:
    """Communication 1.5.1."""
    attachment = {
        "usageType": "a:u",
        "display": {"en": "x"},
        "contentType": "text/plain",
        "length": 1,
        "sha2": "a" * 64,
    }
    assert statements.post(a_statement(attachments=[attachment])).status_code == 400
    sent = a_statement(attachments=[attachment | {"fileUrl": "https://a.b/c"}])
    assert statements.post(sent).status_code == 200
    assert statements.one(sent["id"])["attachments"] == sent["attachments"]


@pytest.mark.parametrize(
    ("body", "clause"),
    [
        ("", "Data 2.2"),
        ("{", "Data 2.2"),
        ("null", "Data 2.4"),
        ("true", "Data 2.4"),
        ("[{]", "Communication 1.5.1"),
        ("[null]", "Data 2.4"),
        ("[[]]", "Data 2.4"),
        ("[" * 10_000, "Data 2.2"),
        ('{"a":' * 10_000 + "1" + "}" * 10_000, "Data 2.2"),
        ("{} {}", "Data 2.2"),
        ('{"id":NaN}', "Data 2.2"),
        (b"\xff", "Communication 1.4"),
        (b"\xef\xbb\xbf{}", "Data 2.2"),
        ('{"verb":{"id":"a:b"},"verb":{"id":"a:b"},"actor":{"mbox":"mailto:a@b"},"object":{"id":"a:b"}}', "Data 2.2"),
        (json.dumps(a_statement(actor=None)), "Data 2.4"),
        (json.dumps([1]), "Data 2.4"),
        (json.dumps(a_statement(object={"id": "x" * 64_000})), "Data 4.3"),
    ],
)
def test_a_broken_body_is_refused_with_its_clause(
    bodies: Statements, session: Session, body: str | bytes, clause: str
) -> None:
    answer = bodies.post(body)
    assert answer.status_code == 400, answer.data
    assert answer.json is not None
    assert clause in answer.json["clause"]
    assert answer.json["detail"]
    assert count(session) == 0


def test_an_iri_of_64_kb_is_stored_and_found(statements: Statements) -> None:
    sent = a_statement(object={"id": "urn:" + "x" * 64_000})
    assert statements.post(sent).status_code == 200
    assert statements.one(sent["id"])["object"] == sent["object"]
    assert statements.ids(activity=sent["object"]["id"]) == ids_of([sent])


def test_other_content_types_are_refused(bodies: Statements, session: Session) -> None:
    """Communication 3.2: what is said to come must be what comes."""
    body = json.dumps(a_statement())
    for kind in ("text/plain", "multipart/mixed", "application/x-www-form-urlencoded", "application/jsonp", ""):
        assert bodies.post(body, kind).status_code == 400
    assert bodies.post(body, "application/json; charset=utf-8").status_code == 200
    assert bodies.by({"Content-Encoding": "gzip"}).post(body).status_code == 415
    assert count(session) == 1
