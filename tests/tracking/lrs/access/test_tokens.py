"""POST /xapi/oauth/token and bearer tokens: RFC 6749 (client credentials), RFC 6750, scopes of xAPI."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import OctKey
from sqlalchemy.orm import Session

from elearn.tracking.lrs.access import bearer, credentials
from elearn.tracking.lrs.access.bearer import LIVES_S, Bearer
from tests.builders_lrs import AT, a_key_and_secret
from tests.conftest import ManualClock
from tests.tracking.lrs.access.keys import VERSION, ask_token, by_token

STATEMENTS = "/xapi/statements?verb=a:v"
SIGNING = b"k" * 32


def token_for(client: FlaskClient, key: str, secret: str, **form: Any) -> str:
    answer = ask_token(client, key, secret, **form)
    assert answer.status_code == 200, answer.data
    assert answer.json is not None
    return str(answer.json["access_token"])


def test_a_key_gets_a_token_and_the_token_opens_what_was_asked_for(client: FlaskClient, session: Session) -> None:
    key, secret = a_key_and_secret(session)
    answer = ask_token(client, key, secret, scope="statements/read state")
    assert answer.status_code == 200
    assert answer.json is not None
    told = dict(answer.json)
    token = told.pop("access_token")
    assert told == {"token_type": "Bearer", "expires_in": LIVES_S, "scope": "statements/read state"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert secret not in token
    assert client.get(STATEMENTS, headers=by_token(token)).status_code == 200
    refused = client.post("/xapi/statements", headers=by_token(token), json={})
    assert refused.status_code == 403
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]


def test_the_secret_may_stand_in_the_form(client: FlaskClient, session: Session) -> None:
    key, secret = a_key_and_secret(session)
    form = {"grant_type": "client_credentials", "client_id": key, "client_secret": secret, "scope": "all"}
    answer = client.post("/xapi/oauth/token", data=form)
    assert answer.status_code == 200
    assert client.post("/xapi/oauth/token", data=form | {"client_secret": "x"}).status_code == 401


def test_asking_for_no_scope_gives_the_two_that_xapi_names(client: FlaskClient, session: Session) -> None:
    answer = ask_token(client, *a_key_and_secret(session))
    assert answer.json is not None
    assert answer.json["scope"] == "statements/write statements/read/mine"


@pytest.mark.parametrize(
    ("granted", "form", "status", "error"),
    [
        ("all", {"grant_type": "password"}, 400, "unsupported_grant_type"),
        ("all", {"grant_type": "authorization_code"}, 400, "unsupported_grant_type"),
        ("all", {"grant_type": ""}, 400, "unsupported_grant_type"),
        ("all", {"scope": "everything"}, 400, "invalid_scope"),
        ("statements/write", {"scope": "statements/read"}, 400, "invalid_scope"),
        ("statements/write", {"scope": "statements/write all"}, 400, "invalid_scope"),
        ("state", {}, 400, "invalid_scope"),
        ("all", {"scope": ["state", "all"]}, 400, "invalid_request"),
        ("all", {"grant_type": ["client_credentials", "client_credentials"]}, 400, "invalid_request"),
    ],
)
def test_a_wrong_request_for_a_token_is_refused_as_rfc_6749_says(
    client: FlaskClient, session: Session, granted: str, form: dict[str, Any], status: int, error: str
) -> None:
    answer = ask_token(client, *a_key_and_secret(session, granted), **form)
    assert answer.json is not None
    assert (answer.status_code, answer.json["error"]) == (status, error)


def test_a_wrong_secret_an_unknown_key_and_none_get_no_token(client: FlaskClient, session: Session) -> None:
    key, secret = a_key_and_secret(session)
    for name, word in (key, "wrong"), ("nobody", secret), ("", ""), (f"{key}\0", secret):
        answer = ask_token(client, name, word)
        assert answer.json is not None
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
        assert "WWW-Authenticate" in answer.headers
    bare = client.post("/xapi/oauth/token", data={"grant_type": "client_credentials"})
    assert bare.status_code == 401
    assert client.get("/xapi/oauth/token").status_code == 405


def test_a_token_opens_nothing_after_ten_minutes(client: FlaskClient, session: Session, clock: ManualClock) -> None:
    token = token_for(client, *a_key_and_secret(session))
    clock.advance(LIVES_S * 1000 - 1)
    assert client.get(STATEMENTS, headers=by_token(token)).status_code == 200
    clock.advance(1)
    answer = client.get(STATEMENTS, headers=by_token(token))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers.getlist("WWW-Authenticate")[1]


def test_a_token_opens_nothing_once_its_key_is_revoked(client: FlaskClient, session: Session) -> None:
    key, secret = a_key_and_secret(session)
    token = token_for(client, key, secret)
    assert client.get(STATEMENTS, headers=by_token(token)).status_code == 200
    credentials.revoke(session, key, at=AT)
    session.commit()
    assert client.get(STATEMENTS, headers=by_token(token)).status_code == 401
    assert ask_token(client, key, secret).status_code == 401


def test_a_token_opens_no_more_than_its_key_does_now(session: Session) -> None:
    key, _ = a_key_and_secret(session, "all/read")
    token = bearer.write(Bearer(key, ("all/read", "statements/read", "state")), at=AT, signing=SIGNING)
    found = credentials.authenticate_token(session, token, at=AT, signing=SIGNING)
    assert found is not None
    assert found.scopes == {"all/read", "statements/read"}
    assert found.speaks == "1.0.3"
    session.execute(sa.text("UPDATE elearn.lrs_credential SET scopes = '{statements/read/mine}'"))
    credentials._kept().pop(key)
    found = credentials.authenticate_token(session, token, at=AT, signing=SIGNING)
    assert found is not None
    assert found.scopes == frozenset()


def test_a_statement_sent_by_a_token_is_the_keys_own(client: FlaskClient, session: Session) -> None:
    key, secret = a_key_and_secret(session)
    token = token_for(client, key, secret, scope="statements/write statements/read/mine")
    one, other = (credentials.authenticate(session, key, secret, server_key=credentials.server_key()),
                  credentials.authenticate_token(session, token, at=AT, signing=credentials.token_key()))  # fmt: skip
    assert one is not None
    assert other is not None
    assert (one.id, one.organisation_id) == (other.id, other.organisation_id)


def test_a_token_of_another_making_is_none() -> None:
    def made(header: dict[str, str], key: bytes = SIGNING, **claims: object) -> str:
        now = int(AT.timestamp())
        whole = {"aud": "xapi", "sub": "k", "scope": "all", "iat": now, "exp": now + 60, **claims}
        return jwt.encode({"typ": "at+jwt", **header}, whole, OctKey.import_key(key), algorithms=["HS256", "HS512"])

    def reads(token: str) -> bool:
        return bearer.read(token, at=AT, signing=SIGNING) is not None

    good = made({"alg": "HS256"})
    assert reads(good)
    assert not reads(made({"alg": "HS256"}, key=b"j" * 32))
    assert not reads(made({"alg": "HS512"}))
    assert not reads(made({"alg": "HS256", "typ": "JWT"}))
    assert not reads(made({"alg": "HS256"}, aud="exam"))
    assert not reads(made({"alg": "HS256"}, exp=int(AT.timestamp())))
    head, body, sign = good.split(".")
    none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0"  # {"alg":"none","typ":"at+jwt"}
    for broken in (
        f"{none}.{body}.",
        f"{head}.{body}.",
        f"{head}.{body}x.{sign}",
        "",
        "..",
        "a.b",
        "é.é.é",
        good + ".",
    ):
        assert not reads(broken)
    assert bearer.read(good, at=AT + timedelta(seconds=60), signing=SIGNING) is None


def test_a_token_of_the_exam_door_opens_nothing_here(client: FlaskClient) -> None:
    assert client.get(STATEMENTS, headers=VERSION | {"Authorization": "Bearer " + "x" * 43}).status_code == 401
