"""GET and HEAD of /xapi/statements: one statement, and how statements are given out (Communication 2.1.3, 2.1.4)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.http import parse_date

from tests.builders_lrs import a_key, a_statement
from tests.conftest import ManualClock
from tests.tracking.lrs.communication.statements_client import BEN, THROUGH, UUID_1, Statements, a_voiding, ids_of

# One statement


def test_a_statement_comes_back_by_its_id(statements: Statements) -> None:
    """XAPI-00156, XAPI-00158."""
    sent = a_statement()
    statements.post([sent, a_statement()])
    got = statements.one(sent["id"])
    assert {name: got[name] for name in sent} == sent
    assert statements.one(sent["id"].upper())["id"] == sent["id"]


def test_a_single_statement_tells_when_it_was_stored_and_how_to_know_it_again(statements: Statements) -> None:
    """2.0: Last-Modified matches `stored`."""
    sent = a_statement()
    statements.post(sent)
    answer = statements.get(statementId=sent["id"])
    stored = datetime.fromisoformat(json.loads(answer.data)["stored"])
    assert parse_date(answer.headers["Last-Modified"]) == stored.replace(microsecond=0)
    assert answer.headers["ETag"] == f'"{sha1(answer.data).hexdigest()}"'
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    again = statements.by({"If-None-Match": answer.headers["ETag"]}).get(statementId=sent["id"])
    assert (again.status_code, again.data) == (304, b"")
    assert THROUGH in again.headers


def test_an_id_that_is_not_there_is_404(statements: Statements) -> None:
    for name in ("statementId", "voidedStatementId"):
        answer = statements.get(**{name: str(uuid4())})
        assert answer.status_code == 404
        assert THROUGH in answer.headers


def test_a_voided_statement_is_found_only_as_voided(statements: Statements) -> None:
    """XAPI-00155, XAPI-00157, XAPI-00163."""
    sent = a_statement()
    voiding = a_voiding(sent["id"])
    statements.post(sent)
    assert statements.get(voidedStatementId=sent["id"]).status_code == 404
    statements.post(voiding)
    assert statements.get(statementId=sent["id"]).status_code == 404
    assert statements.get(voidedStatementId=sent["id"]).status_code == 200
    assert statements.get(statementId=voiding["id"]).status_code == 200
    assert statements.get(voidedStatementId=voiding["id"]).status_code == 404


def test_an_id_goes_with_format_and_attachments_only(statements: Statements) -> None:
    sent = a_statement()
    statements.post(sent)
    both = statements.get(statementId=sent["id"], voidedStatementId=sent["id"])
    assert both.status_code == 400
    assert statements.one(sent["id"], format="ids")["verb"] == {"id": sent["verb"]["id"]}
    assert statements.one(sent["id"], attachments="false")["id"] == sent["id"]
    answer = statements.get(statementId=sent["id"], attachments="true")
    assert answer.mimetype == "multipart/mixed"
    assert f'"id":"{sent["id"]}"'.encode() in answer.data
    assert "ETag" not in answer.headers


# Formats


def test_the_formats_of_a_list(statements: Statements) -> None:
    """XAPI-00168 to XAPI-00171."""
    names = {"en-US": "Ladders", "en-GB": "Steps"}
    sent = a_statement(
        actor=BEN | {"name": "Ben"},
        verb={"id": "urn:v", "display": names},
        object={"objectType": "Activity", "id": "urn:a", "definition": {"name": names}},
    )
    statements.post(sent)
    british = statements.by({"Accept-Language": "en-GB"})

    def first(**query: str) -> Any:
        return json.loads(british.get(**query).data)["statements"][0]

    assert first() == first(format="exact") == statements.one(sent["id"])
    ids = first(format="ids")
    assert (ids["actor"], ids["verb"], ids["object"]) == (BEN, {"id": "urn:v"}, {"id": "urn:a"})
    canonical = first(format="canonical")
    assert canonical["actor"] == sent["actor"]
    assert canonical["verb"]["display"] == {"en-GB": "Steps"}
    assert canonical["object"]["definition"] == {"name": {"en-GB": "Steps"}}
    assert british.one(sent["id"], format="canonical")["verb"]["display"] == {"en-GB": "Steps"}  # XAPI-00172


def test_canonical_shows_what_all_statements_said_of_an_activity(statements: Statements) -> None:
    said = a_statement(object={"id": "urn:a", "definition": {"name": {"en": "A", "zh": "甲"}, "type": "urn:t"}})
    bare = a_statement(object={"id": "urn:a"})
    statements.post([said, bare])
    shown = statements.by({"Accept-Language": "zh"}).one(bare["id"], format="canonical")
    assert shown["object"] == {"id": "urn:a", "definition": {"name": {"zh": "甲"}, "type": "urn:t"}}
    assert statements.one(bare["id"])["object"] == {"id": "urn:a"}


# Attachments, HEAD, consistency


def test_a_list_with_attachments_is_multipart_also_without_any(statements: Statements) -> None:
    """XAPI-00161, XAPI-00167."""
    statements.post(a_statement())
    assert statements.get(attachments="false").mimetype == "application/json"
    answer = statements.get(attachments="true")
    assert answer.mimetype == "multipart/mixed"
    assert b'"statements":[' in answer.data


@pytest.mark.parametrize(
    "query", [{}, {"verb": "urn:none"}, {"limit": "x"}, {"statementId": UUID_1}, {"format": "ids"}]
)
def test_head_is_get_without_the_body(statements: Statements, query: dict[str, str]) -> None:
    """Communication 1.1."""
    statements.post(a_statement())
    got, head = statements.get(**query), statements.get("HEAD", **query)
    assert head.data == b""
    assert head.status_code == got.status_code
    assert {name for name, _ in head.headers} >= {name for name, _ in got.headers} - {"Content-Length"}
    if got.status_code == 200:
        assert head.headers["Content-Length"] == str(len(got.data))


def test_every_answer_says_up_to_when_all_can_be_read(statements: Statements) -> None:
    """XAPI-00153: whatever its status."""
    wrong = statements.by({"Authorization": "Basic eDp5"})
    unversioned = statements.by({"X-Experience-API-Version": "3"})
    sent = a_statement()
    for status, answer in (
        (200, statements.post(sent)),
        (204, statements.put(sent["id"], sent)),
        (409, statements.put(sent["id"], sent | {"verb": {"id": "urn:other"}})),
        (400, statements.post("{")),
        (200, statements.get()),
        (400, statements.get(LIMIT="1")),
        (404, statements.get(statementId=UUID_1)),
        (401, wrong.get()),
        (400, unversioned.get()),
        (405, statements.client.delete("/xapi/statements", headers=statements.headers)),
    ):
        assert answer.status_code == status, answer.data
        through = datetime.fromisoformat(answer.headers[THROUGH])
        assert through.tzinfo is not None
        assert through <= datetime(2026, 7, 1, 1, 0, tzinfo=UTC)


def test_a_key_sees_what_its_scopes_allow(client: FlaskClient, session: Session, clock: ManualClock) -> None:
    """Communication 4.2; lists follow the same rules as single statements."""
    all_ = Statements(client, a_key(session))
    mine = all_.by(a_key(session, "statements/write", "statements/read/mine"))
    theirs, own = a_statement(), a_statement()
    all_.post(theirs)
    clock.advance(1)
    mine.post(own)
    assert mine.ids() == [own["id"]]
    assert mine.ids(agent=own["actor"]) == [own["id"]]
    assert all_.ids() == ids_of([own, theirs])
    assert all_.by(a_key(session, "statements/write")).get().status_code == 403
