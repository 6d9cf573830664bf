"""/xapi/statements with the rest of the store around it: whose statements, by which rules, told in which language."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.tracking.lrs.access import credentials
from elearn.tracking.lrs.rules.whole import VOIDED
from elearn.tracking.lrs.statements import store
from tests.builders_lrs import a_checked, a_key, a_statement
from tests.builders_people import an_organisation
from tests.conftest import ManualClock
from tests.tracking.lrs.communication.statements_client import Statements, ids_of

AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)


@pytest.fixture
def statements(client: FlaskClient, session: Session) -> Statements:
    return Statements(client, a_key(session))


def count(session: Session) -> int:
    return int(session.execute(sa.text("SELECT count(*) FROM elearn.statement")).scalar_one())


def test_the_version_decides_the_rules_and_stays_with_the_statement(statements: Statements) -> None:
    related = {"objectType": "contextAgent", "agent": {"mbox": "mailto:a@b"}}
    sent = a_statement(context={"contextAgents": [related]})
    assert statements.post(sent).status_code == 400
    assert statements.by({"X-Experience-API-Version": "2.0.0"}).post(sent).status_code == 200
    assert statements.one(sent["id"])["version"] == "2.0.0"


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Basic", "Basic !!", "Basic " + b64encode(b"nobody").decode(), "Basic " + b64encode(b"a:b").decode(),
     "Basic " + b64encode(b"a\0:b").decode(), "Bearer x"],
)  # fmt: skip
def test_without_a_right_key_nothing_is_stored(
    statements: Statements, session: Session, authorization: str | None
) -> None:
    statements.headers.pop("Authorization")
    if authorization is not None:
        statements.headers["Authorization"] = authorization
    for answer in (statements.post(a_statement()), statements.get(statementId=str(uuid4())), statements.get()):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert answer.mimetype == "application/json"
    assert count(session) == 0


def test_a_secret_is_kept_only_as_a_hash_under_the_server_key(session: Session) -> None:
    one, secret = credentials.create(
        session, label="x", scopes=["all"], organisation_id=None, at=AT, server_key=b"k" * 32
    )
    assert secret.encode() not in one.secret_hash
    assert credentials.authenticate(session, one.key, secret, server_key=b"k" * 32) is not None
    assert credentials.authenticate(session, one.key, secret, server_key=b"K" * 32) is None
    assert credentials.authenticate(session, one.key, secret + "x", server_key=b"k" * 32) is None


def test_scopes_say_what_a_key_may_do(statements: Statements, session: Session) -> None:
    writer = statements.by(a_key(session, "statements/write"))
    mine = statements.by(a_key(session, "statements/write", "statements/read/mine"))
    reader = statements.by(a_key(session, "statements/read"))
    theirs, own = a_statement(), a_statement()
    assert writer.post(theirs).status_code == 200
    assert mine.put(own["id"], own).status_code == 204
    assert reader.post(a_statement()).status_code == 403
    assert writer.get(statementId=theirs["id"]).status_code == writer.get().status_code == 403
    assert mine.ids() == [own["id"]]
    assert mine.get(statementId=theirs["id"]).status_code == 404
    assert reader.one(theirs["id"])["id"] == theirs["id"]
    assert set(reader.ids()) == {theirs["id"], own["id"]}


def test_a_key_of_an_organisation_reads_no_other(statements: Statements, session: Session, clock: ManualClock) -> None:
    """Single statements and lists alike; what a sitting sent is of none."""
    one, other = an_organisation(session), an_organisation(session)
    first = statements.by(a_key(session, organisation_id=one.id))
    colleague = statements.by(a_key(session, organisation_id=one.id))
    stranger = statements.by(a_key(session, organisation_id=other.id))
    sent, watched = a_statement(), a_checked()
    store.insert(session, [watched], stored_at=AT, authority=None)
    session.commit()
    clock.advance(1)
    first.post(sent)
    assert colleague.one(sent["id"])["id"] == sent["id"]
    assert stranger.get(statementId=sent["id"]).status_code == 404
    assert first.get(statementId=str(watched.id)).status_code == 404
    assert (colleague.ids(), stranger.ids()) == ([sent["id"]], [])
    assert stranger.ids(agent=sent["actor"], verb=sent["verb"]["id"], related_agents="true") == []
    assert statements.ids() == [sent["id"], str(watched.id)]


def test_a_key_of_an_organisation_takes_back_nothing_of_another(statements: Statements, session: Session) -> None:
    one, other = an_organisation(session), an_organisation(session)
    ours = statements.by(a_key(session, organisation_id=one.id))
    sent = a_statement()
    voiding = [
        a_statement(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": sent["id"]}) for _ in range(2)
    ]
    ours.post(sent)
    assert statements.by(a_key(session, organisation_id=other.id)).post(voiding[0]).status_code == 200
    assert ours.one(sent["id"])["id"] == sent["id"]
    assert ours.post(voiding[1]).status_code == 200
    assert ours.get(statementId=sent["id"]).status_code == 404
    assert ours.ids() == ids_of([voiding[1]])


def test_what_a_key_without_define_says_of_an_activity_changes_nothing(
    statements: Statements, session: Session
) -> None:
    """Communication 4.2: its statements are kept with it, as they came."""
    writer = statements.by(a_key(session, "statements/write", "statements/read/mine"))
    said = a_statement(object={"id": "urn:a", "definition": {"name": {"en": "Forged"}}})
    true = a_statement(object={"id": "urn:a", "definition": {"name": {"en": "True"}}})
    statements.post(true)
    writer.post(said)
    assert writer.one(said["id"], format="canonical")["object"]["definition"] == {"name": {"en": "True"}}
    assert writer.one(said["id"])["object"] == said["object"]


def test_a_refusal_is_told_in_chinese_unless_english_is_asked_for(statements: Statements) -> None:
    del statements.headers["Accept-Language"]
    answer = statements.post(a_statement(actor=None))
    assert answer.json is not None
    assert answer.json["detail"] == "该陈述在 /actor 处不符合 xAPI Data 2.2, Data 2.4：缺失"
    assert answer.json["property"] == "/actor"
