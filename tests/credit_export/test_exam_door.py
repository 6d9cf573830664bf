"""The exam system's doors: who gets a token, what it may ask, what it is told, and that it can check it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from elearn.credit_export.exam_system.receivers import SCOPES, Credentials, add_receiver, revoke_receiver
from elearn.db import db
from elearn.errors import Malformed, NotFound
from tests.builders_credit import AN_ID, a_learner_with_hours, an_outline
from tests.conftest import ManualClock, scalar

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture
def receiver(session: Session) -> Credentials:
    an_outline(session, code="demo-outline")
    made = add_receiver(
        session, name="Exam centre", outlines=["demo-outline"], scopes=SCOPES, made_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    session.commit()
    return made


def ask_token(client: Any, who: Credentials, scope: str | None = None) -> Any:
    form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
    return client.post("/exam/v1/token", data=form, auth=(who.client_id, who.secret))


def bearer(client: Any, who: Credentials, scope: str | None = None) -> dict[str, str]:
    return {"Authorization": f"Bearer {ask_token(client, who, scope).json['access_token']}"}


def check(client: Any, headers: dict[str, str], **changes: Any) -> Any:
    person = {"document_kind": "resident_id", "document_number": AN_ID} | changes.pop("person", {})
    return client.post(
        "/exam/v1/eligibility:check", json={"person": person, "category": "demo-outline"} | changes, headers=headers
    )


def test_a_receiver_with_its_secret_gets_a_token_for_all_it_was_granted(client: Any, receiver: Credentials) -> None:
    answer = ask_token(client, receiver)
    assert answer.status_code == 200
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["scope"].split() == list(SCOPES)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("what", "who", "status", "error"),
    [
        ("a wrong secret", lambda r: Credentials(r.client_id, "wrong"), 401, "invalid_client"),
        ("an unknown client", lambda r: Credentials("exam-nobody", r.secret), 401, "invalid_client"),
    ],
)
def test_who_does_not_prove_itself_gets_no_token(
    client: Any, receiver: Credentials, what: str, who: Any, status: int, error: str
) -> None:
    answer = ask_token(client, who(receiver))
    assert (answer.status_code, answer.json["error"]) == (status, error), what


@pytest.mark.parametrize("scope", ["everything", "eligibility.read everything"])
def test_an_unknown_scope_is_refused_and_no_token_without_scope_is_given(
    client: Any, receiver: Credentials, scope: str
) -> None:
    answer = ask_token(client, receiver, scope)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_scope")


def test_neither_secrets_nor_tokens_stand_in_the_database(client: Any, receiver: Credentials) -> None:
    token = ask_token(client, receiver).json["access_token"]
    for table in ("receiver", "access_token"):
        rows = str(scalar(db.session(), f"SELECT json_agg(t)::text FROM elearn.{table} t"))
        assert receiver.secret not in rows
        assert token not in rows


def test_without_a_token_nothing_is_told(client: Any, receiver: Credentials) -> None:
    assert check(client, {}).status_code == 401
    assert client.get("/exam/v1/changes").status_code == 401
    assert check(client, {"Authorization": "Bearer invented"}).status_code == 401


def test_a_token_opens_only_the_doors_of_its_scope(client: Any, receiver: Credentials) -> None:
    headers = bearer(client, receiver, "changes.read")
    assert check(client, headers).status_code == 403
    assert client.get("/exam/v1/changes", headers=headers).status_code == 200


def test_a_token_runs_out_after_ten_minutes(client: Any, receiver: Credentials, clock: ManualClock) -> None:
    headers = bearer(client, receiver)
    clock.advance(600_000 - 1)
    assert client.get("/exam/v1/changes", headers=headers).status_code == 200
    clock.advance(1)
    assert client.get("/exam/v1/changes", headers=headers).status_code == 401


def test_a_revoked_receiver_is_shut_out_at_once(client: Any, receiver: Credentials, session: Session) -> None:
    headers = bearer(client, receiver)
    revoke_receiver(session, client_id=receiver.client_id, revoked_at=datetime(2026, 7, 1, tzinfo=UTC))
    session.commit()
    assert client.get("/exam/v1/changes", headers=headers).status_code == 401
    assert ask_token(client, receiver).status_code == 401


def test_what_is_told_is_signed_and_can_be_checked_with_the_published_key(
    client: Any, receiver: Credentials, session: Session
) -> None:
    a_learner_with_hours(session, ms=90_000, outline="demo-outline").record()
    answer = check(client, bearer(client, receiver))
    assert answer.status_code == 200
    keys = KeySet.import_key_set(client.get("/exam/v1/jwks.json").json)
    payload = json.loads(jws.deserialize_compact(answer.json["jws"], keys, algorithms=["Ed25519"]).payload)
    assert payload["record"] == answer.json["record"]
    assert payload["aud"] == receiver.client_id
    record = payload["record"]
    assert record["hours"]["online_theory_ms"] == 90_000
    assert record["hours"]["online_theory"] == "0.0"
    assert record["outcome"] == "ineligible"
    assert record["reasons"] == ["HOURS_THEORY_SHORT"]
    assert record["witnessed"] is False
    assert record["person"]["document_number"] == AN_ID


def test_an_altered_record_does_not_verify(client: Any, receiver: Credentials, session: Session) -> None:
    a_learner_with_hours(session, ms=90_000, outline="demo-outline").record()
    head, payload, signature = check(client, bearer(client, receiver)).json["jws"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    claims["record"]["hours"]["online_theory_ms"] = 90_000_000
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    keys = KeySet.import_key_set(client.get("/exam/v1/jwks.json").json)
    with pytest.raises(Exception, match="bad_signature"):
        jws.deserialize_compact(f"{head}.{forged}.{signature}", keys, algorithms=["Ed25519"])


def test_the_published_keys_hold_nothing_secret(client: Any) -> None:
    (key,) = client.get("/exam/v1/jwks.json").json["keys"]
    assert "d" not in key


def test_hours_of_a_class_filed_only_afterwards_never_leave(
    client: Any, receiver: Credentials, session: Session
) -> None:
    a_learner_with_hours(session, ms=90_000, outline="demo-outline", filed_after=timedelta(seconds=1)).record()
    record = check(client, bearer(client, receiver)).json["record"]
    assert record["hours"]["online_theory_ms"] == 0


def test_a_person_it_may_not_see_and_a_person_nobody_knows_get_the_same_answer(
    client: Any, receiver: Credentials, session: Session
) -> None:
    unknown = check(client, bearer(client, receiver))
    an_outline(session, code="other-outline")
    a_learner_with_hours(session, ms=90_000, outline="other-outline")
    elsewhere = check(client, bearer(client, receiver))
    assert (unknown.status_code, elsewhere.status_code) == (404, 404)
    assert unknown.json == elsewhere.json
    assert unknown.json["error"] == "no_record"


def test_a_category_it_does_not_examine_is_refused(client: Any, receiver: Credentials, session: Session) -> None:
    an_outline(session, code="other-outline")
    a_learner_with_hours(session, ms=90_000, outline="other-outline")
    answer = check(client, bearer(client, receiver), category="other-outline")
    assert (answer.status_code, answer.json["error"]) == (403, "category_not_granted")


def test_a_name_that_is_not_the_persons_gets_no_record(client: Any, receiver: Credentials, session: Session) -> None:
    a_learner_with_hours(session, ms=90_000, outline="demo-outline").record()
    assert check(client, bearer(client, receiver), person={"name": "Somebody Else"}).status_code == 404


@pytest.mark.parametrize(
    ("what", "body", "error"),
    [
        ("not JSON", b"{", "malformed"),
        ("no person", b'{"category": "demo-outline"}', "malformed"),
        ("an unknown member", b'{"person": {}, "category": "x", "extra": 1}', "malformed"),
    ],
)
def test_a_question_that_cannot_be_read_is_refused(
    client: Any, receiver: Credentials, what: str, body: bytes, error: str
) -> None:
    headers = bearer(client, receiver) | {"Content-Type": "application/json"}
    answer = client.post("/exam/v1/eligibility:check", data=body, headers=headers)
    assert (answer.status_code, answer.json["error"]) == (400, error), what


def test_a_document_number_with_a_wrong_check_digit_is_refused_as_such(client: Any, receiver: Credentials) -> None:
    wrong = AN_ID[:-1] + ("0" if AN_ID[-1] != "0" else "1")
    assert check(client, bearer(client, receiver), person={"document_number": wrong}).status_code == 400


def test_every_question_is_written_down_also_one_without_an_answer(
    client: Any, receiver: Credentials, session: Session
) -> None:
    headers = bearer(client, receiver)
    check(client, headers)
    a_learner_with_hours(session, ms=90_000, outline="demo-outline").record()
    check(client, headers)
    client.get("/exam/v1/changes", headers=headers)
    doors = scalar(
        session, "SELECT json_agg(json_build_array(door, cardinality(records)) ORDER BY id) FROM elearn.exam_query"
    )
    assert doors == [["eligibility:check", 0], ["eligibility:check", 1], ["changes", 1]]
    assert scalar(session, "SELECT count(*) FROM elearn.disclosure") == 2


def test_the_feed_tells_each_change_once_in_order_and_can_be_read_again(
    client: Any, receiver: Credentials, session: Session
) -> None:
    learner = a_learner_with_hours(session, ms=60_000, outline="demo-outline")
    learner.record()
    headers = bearer(client, receiver)
    check(client, headers)
    learner.watch(ms=30_000)
    check(client, headers)  # nothing counts before it stands in a checkpoint
    learner.record(days=2)
    check(client, headers)
    check(client, headers)  # nothing new: no new version
    first = client.get("/exam/v1/changes?limit=1", headers=headers).json
    rest = client.get(f"/exam/v1/changes?cursor={first['next_cursor']}", headers=headers).json
    told = first["changes"] + rest["changes"]
    assert [
        (one["record"]["version"], one["record"]["status"], one["record"]["hours"]["online_theory_ms"]) for one in told
    ] == [(1, "computed", 60_000), (1, "superseded", 60_000), (2, "computed", 90_000)]
    assert told[2]["record"]["supersedes"] == told[0]["record"]["record_id"]
    assert (first["more"], rest["more"]) == (True, False)
    assert client.get("/exam/v1/changes", headers=headers).json["changes"][0]["record"] == told[0]["record"]


def test_the_feed_tells_only_of_outlines_the_receiver_examines(
    client: Any, receiver: Credentials, session: Session
) -> None:
    an_outline(session, code="other-outline")
    learner = a_learner_with_hours(session, ms=60_000, outline="other-outline")
    learner.record()
    assert client.get("/exam/v1/changes", headers=bearer(client, receiver)).json["changes"] == []


@pytest.mark.parametrize("query", ["cursor=-1", "cursor=x", "limit=0", "limit=501", "limit=1e9"])
def test_a_cursor_or_limit_that_is_none_is_refused(client: Any, receiver: Credentials, query: str) -> None:
    answer = client.get(f"/exam/v1/changes?{query}", headers=bearer(client, receiver))
    assert (answer.status_code, answer.json["error"]) == (400, "malformed")


def test_a_receiver_of_an_unknown_scope_or_outline_is_not_made(session: Session) -> None:
    an_outline(session, code="demo-outline")
    made_at = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(Malformed, match="all"):
        add_receiver(session, name="x", outlines=["demo-outline"], scopes=["all"], made_at=made_at)
    with pytest.raises(NotFound, match="nowhere"):
        add_receiver(session, name="x", outlines=["nowhere"], scopes=SCOPES, made_at=made_at)


def test_the_description_is_openapi_3_1(client: Any) -> None:
    described = client.get("/exam/v1/openapi.json").json
    assert described["openapi"].startswith("3.1")
    text = json.dumps(described)
    for reference in {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}:
        assert reference in described["components"]["schemas"]
