"""Keys over HTTP: who is let in, how long a revoked one still is, whose statements a key of an organisation sees."""

from __future__ import annotations

import time
from types import SimpleNamespace
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.errors import Malformed, NotFound
from elearn.tracking.lrs.access import credentials
from elearn.tracking.lrs.access.credentials import Holder
from elearn.tracking.lrs.access.scopes import Reads
from tests.builders_lrs import AT, a_key_and_secret, basic
from tests.builders_people import an_organisation
from tests.tracking.lrs.access.keys import VERSION

CLOCK = "elearn.tracking.lrs.access.credentials.time"
STATEMENTS = "/xapi/statements?verb=a:v"


def holder_of(session: Session, key: str, secret: str) -> Holder | None:
    return credentials.authenticate(session, key, secret, server_key=credentials.server_key())


def look_ups(engine: sa.Engine | sa.Connection) -> list[str]:
    """Fills with a word for each time a key is looked up in the database."""
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if "lrs_credential" in statement and "key =" in statement:
            seen.append("look-up")

    sa.event.listen(engine, "before_cursor_execute", note)
    return seen


def test_a_request_without_a_key_is_told_both_ways_to_prove_itself(client: FlaskClient) -> None:
    answer = client.get(STATEMENTS, headers=VERSION)
    assert answer.status_code == 401
    assert answer.json is not None
    assert answer.json["error"] == "key_needed"
    assert answer.headers.getlist("WWW-Authenticate") == ['Basic realm="xAPI", charset="UTF-8"', 'Bearer realm="xAPI"']


@pytest.mark.parametrize(
    "sent",
    ["", "Basic", "Basic !!!", "Basic Og==", "Basic YQ==", "Bearer", "Bearer x", "Bearer a.b.c", "Digest a=b", "x\x7f"],
)
def test_what_is_no_key_is_refused(client: FlaskClient, sent: str) -> None:
    assert client.get(STATEMENTS, headers=VERSION | {"Authorization": sent}).status_code == 401


def test_an_unknown_key_and_a_wrong_secret_are_answered_alike(client: FlaskClient, session: Session) -> None:
    key, secret = a_key_and_secret(session)
    answers = [
        client.get(STATEMENTS, headers=basic(name, word))
        for name, word in [(key, "wrong"), ("nobody", secret), (key, ""), ("", secret), (f"{key}\0", secret)]
    ]
    assert {(answer.status_code, answer.data) for answer in answers} == {(401, answers[0].data)}


def test_an_unknown_key_and_a_wrong_secret_cost_the_same_look_up(app: Flask, session: Session) -> None:
    key, secret = a_key_and_secret(session)
    assert holder_of(session, key, secret) is not None
    seen = look_ups(session.connection().engine)
    assert holder_of(session, key, "wrong") is None
    assert len(seen) == 1
    assert holder_of(session, "nobody", secret) is None
    assert len(seen) == 2


def test_a_key_in_use_is_looked_up_once_a_second(app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    key, secret = a_key_and_secret(session)
    seen = look_ups(session.connection().engine)
    moment = time.monotonic()
    monkeypatch.setattr(CLOCK, SimpleNamespace(monotonic=lambda: moment))
    for _ in range(50):
        assert holder_of(session, key, secret) is not None
    assert len(seen) == 1
    moment += credentials.KEPT_S
    assert holder_of(session, key, secret) is not None
    assert len(seen) == 2


def test_a_revoked_key_is_shut_here_at_once_and_in_other_processes_within_a_second(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = time.monotonic()
    monkeypatch.setattr(CLOCK, SimpleNamespace(monotonic=lambda: moment))
    here, elsewhere = a_key_and_secret(session), a_key_and_secret(session)
    assert holder_of(session, *here) is not None
    assert holder_of(session, *elsewhere) is not None
    credentials.revoke(session, here[0], at=AT)
    assert holder_of(session, *here) is None
    session.execute(sa.text("UPDATE elearn.lrs_credential SET revoked_at = now()"))
    moment += credentials.KEPT_S - 0.001
    assert holder_of(session, *elsewhere) is not None
    moment += 0.001
    assert holder_of(session, *elsewhere) is None


def test_what_a_key_sees(session: Session) -> None:
    school, other = an_organisation(session), an_organisation(session)
    ids: dict[str, UUID] = {}

    def made(name: str, *scopes: str, organisation_id: UUID | None = None) -> Holder:
        found = holder_of(session, *a_key_and_secret(session, *scopes, organisation_id=organisation_id))
        assert found is not None
        ids[name] = found.id
        return found

    mine = made("mine", "statements/read/mine", organisation_id=school.id)
    writer = made("writer", "statements/write", organisation_id=school.id)
    foreign = made("foreign", "all", organisation_id=other.id)
    reader = made("reader", "all/read", organisation_id=school.id)
    everything = made("everything", "statements/read")
    assert mine.reads == Reads(all=False, credentials=(mine.id,))
    assert writer.reads == Reads(all=False, credentials=())
    assert foreign.reads == Reads(all=False, credentials=(foreign.id,))
    assert reader.reads == Reads(all=False, credentials=tuple(sorted((mine.id, writer.id, reader.id))))
    assert everything.reads == Reads(all=True)
    belongs = {foreign.id: other.id, everything.id: None, **dict.fromkeys((mine.id, writer.id, reader.id), school.id)}
    for one in (mine, writer, foreign, reader, everything):
        for author, organisation_id in belongs.items():
            reads = one.reads
            assert one.may_read(author, organisation_id) == (reads.all or author in reads.credentials)
        assert one.may_read(None, None) == one.reads.all  # what a sitting sent belongs to no key


def test_an_organisation_goes_on_seeing_what_its_revoked_keys_wrote(session: Session) -> None:
    school = an_organisation(session)
    gone = credentials.create(
        session, label="x", scopes=["all"], organisation_id=school.id, at=AT, server_key=credentials.server_key()
    )[0]
    credentials.revoke(session, gone.key, at=AT)
    reader = holder_of(session, *a_key_and_secret(session, "statements/read", organisation_id=school.id))
    assert reader is not None
    assert gone.id in reader.reads.credentials


@pytest.mark.parametrize("speaks", ["1.0.3", "2.0.0"])
def test_an_answer_to_a_request_without_a_version_names_the_one_the_key_is_for(
    client: FlaskClient, session: Session, speaks: str
) -> None:
    headers = basic(*a_key_and_secret(session, "statements/write", speaks=speaks))
    del headers["X-Experience-API-Version"]
    for answer in (client.get("/xapi/statements", headers=headers), client.post("/xapi/statements", headers=headers)):
        assert (answer.status_code, answer.headers["X-Experience-API-Version"]) == (400, speaks)


def test_a_key_for_a_version_or_scope_that_does_not_exist_is_not_made(session: Session) -> None:
    for scopes, speaks in (["all"], "0.95"), (["everything"], "1.0.3"), ([], "1.0.3"):
        with pytest.raises(Malformed):
            credentials.create(
                session, label="x", scopes=scopes, organisation_id=None, at=AT, server_key=b"k" * 32, speaks=speaks
            )


def test_keys_of_other_organisations_are_neither_listed_nor_revoked(session: Session) -> None:
    school, other = an_organisation(session), an_organisation(session)
    ours, theirs, anyones = (a_key_and_secret(session, organisation_id=one)[0] for one in (school.id, other.id, None))
    within = frozenset({school.id})
    assert [one.key for one in credentials.everyone(session, within=within)] == [ours]
    for key in (theirs, anyones, "nobody"):
        with pytest.raises(NotFound):
            credentials.revoke(session, key, at=AT, within=within)
    assert credentials.revoke(session, ours, at=AT, within=within).revoked_at == AT
    assert credentials.revoke(session, theirs, at=AT).revoked_at == AT
