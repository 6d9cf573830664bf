"""What is refused and how it is said (Communication 3.2), HEAD and other methods (1.1), encodings (1.4)."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.db import db
from elearn.extension import Elearn
from elearn.settings import Settings
from elearn.tracking.lrs.doorway import MAX_BODY_BYTES, RESOURCES
from tests.builders_lrs import a_key, a_statement, an_agent
from tests.conftest import ManualClock
from tests.lost_connections import ending

AGENT = json.dumps(an_agent())
VERSIONS = ("1.0.3", "2.0.0")
GET_PATHS = {
    "about": {},
    "statements": {},
    "activities": {"activityId": "a:x"},
    "activities/state": {"activityId": "a:x", "agent": AGENT},
    "activities/profile": {"activityId": "a:x"},
    "agents": {"agent": AGENT},
    "agents/profile": {"agent": AGENT},
}
PER_REQUEST = ("Date", "X-Experience-API-Consistent-Through", "Content-Length")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("resource", sorted(GET_PATHS))
def test_xapi_00125_and_00126_head_answers_as_get_without_the_body(
    client: FlaskClient, session: Session, resource: str, version: str
) -> None:
    headers = a_key(session, version=version)
    for query in (GET_PATHS[resource], {"foo": "bar"}):
        get = client.get(f"/xapi/{resource}", query_string=query, headers=headers)
        head = client.head(f"/xapi/{resource}", query_string=query, headers=headers)
        assert head.status_code == get.status_code
        assert head.data == b""
        told, asked = dict(head.headers), dict(get.headers)
        for name in PER_REQUEST:
            told.pop(name, None)
            asked.pop(name, None)
        assert told == asked


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["foo", "", "method", "StatementId", "Agent", "ACTIVITYID", "activity_id", "Since"])
@pytest.mark.parametrize("resource", sorted(GET_PATHS))
def test_xapi_00324_and_00325_unknown_parameters_and_another_case_are_refused(
    client: FlaskClient, session: Session, resource: str, name: str, version: str
) -> None:
    got = client.get(
        f"/xapi/{resource}", query_string={**GET_PATHS[resource], name: "x"}, headers=a_key(session, version=version)
    )
    assert got.status_code == 400
    assert got.json is not None
    assert got.json["property"] == name or name == ""
    assert got.json["clause"]


@pytest.mark.parametrize("resource", sorted(set(GET_PATHS) - {"about", "statements"}))
def test_a_parameter_given_twice_is_refused_even_when_both_are_equal(
    client: FlaskClient, session: Session, resource: str
) -> None:
    name, value = next(iter(GET_PATHS[resource].items()))
    query = [*GET_PATHS[resource].items(), (name, value)]
    got = client.get(f"/xapi/{resource}", query_string=query, headers=a_key(session))
    assert got.status_code == 400
    assert got.json is not None
    assert got.json["property"] == name


@pytest.mark.parametrize("query", ["activityId=a:%ff", "activityId=a:%c3%28", "activityId=a:%ed%a0%80", "%ff=1"])
def test_an_address_that_is_not_utf_8_is_refused(client: FlaskClient, session: Session, query: str) -> None:
    got = client.get(f"/xapi/activities?{query}", headers=a_key(session))
    assert got.status_code == 400
    assert got.json is not None
    assert got.json["clause"] == "Communication 1.4"


ALLOWED = {
    "about": "GET HEAD OPTIONS",
    "statements": "GET HEAD OPTIONS POST PUT",
    "activities": "GET HEAD OPTIONS",
    "agents": "GET HEAD OPTIONS",
    "activities/state": "DELETE GET HEAD OPTIONS POST PUT",
    "activities/profile": "DELETE GET HEAD OPTIONS POST PUT",
    "agents/profile": "DELETE GET HEAD OPTIONS POST PUT",
}


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "POST", "PUT", "TRACE"])
@pytest.mark.parametrize("resource", sorted(ALLOWED))
def test_a_method_that_a_resource_does_not_have_is_405_and_told_which_it_has(
    client: FlaskClient, session: Session, resource: str, method: str
) -> None:
    if method in ALLOWED[resource].split():
        return
    got = client.open(f"/xapi/{resource}", method=method, headers=a_key(session))
    assert got.status_code == 405
    assert sorted(got.headers["Allow"].split(", ")) == ALLOWED[resource].split()
    assert got.json is not None
    assert got.json["error"] == "method_not_allowed"


@pytest.mark.parametrize("resource", sorted(ALLOWED))
def test_options_tells_the_methods_and_needs_neither_key_nor_version(client: FlaskClient, resource: str) -> None:
    got = client.options(f"/xapi/{resource}")
    assert (got.status_code, got.data) == (204, b"")
    assert got.headers["Allow"].split(", ") == ALLOWED[resource].split()


@pytest.mark.parametrize(
    "path", ["/xapi", "/xapi/", "/xapi/nothing", "/xapi/statements/", "/xapi/statements/more", "/xapi/Statements",
             "/xapi/activities/", "/xapi/agents/profiles", "/xapi/%2e%2e/about", "/xapi/statements%00"]
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_address_is_refused_by_this_door_in_its_own_form(
    client: FlaskClient, session: Session, path: str, method: str
) -> None:
    got = client.open(path, method=method, headers=a_key(session))
    assert got.status_code == 404
    assert got.json is not None
    assert got.json["error"] == "not_found"
    assert got.headers["X-Experience-API-Version"] == "1.0.3"


def test_a_refusal_says_which_property_broke_which_clause(client: FlaskClient, session: Session) -> None:
    sent = a_statement(verb={"id": "no iri"})
    got = client.post("/xapi/statements", json=sent, headers=a_key(session))
    assert got.status_code == 400
    assert got.json is not None
    assert set(got.json) == {"error", "detail", "property", "clause"}
    assert got.json["property"] == "/verb/id"
    assert "Data 2.4.3" in got.json["clause"]
    assert "/verb/id" in got.json["detail"]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("text/plain", "text/plain"),
        ("text/plain;q=0.9, application/json;q=0.5", "text/plain"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("image/png", "application/json"),
        ("nonsense", "application/json"),
    ],
)
def test_an_error_comes_in_the_form_the_client_likes_best(
    client: FlaskClient, session: Session, accept: str | None, kind: str
) -> None:
    headers = a_key(session) | ({} if accept is None else {"Accept": accept})
    evil = "<script>"
    got = client.get("/xapi/activities", query_string={"activityId": "a:x", evil: "1"}, headers=headers)
    assert (got.status_code, got.mimetype) == (400, kind)
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    if kind == "text/html":
        assert evil not in got.text
        assert "&lt;script&gt;" in got.text
    else:
        assert evil in got.text


def test_errors_are_told_in_the_readers_language(client: FlaskClient, session: Session) -> None:
    got = client.get("/xapi/activities", headers=a_key(session) | {"Accept-Language": "zh-CN"})
    assert got.json is not None
    assert "参数" in got.json["detail"]
    assert got.json["property"] == "activityId"


def test_xapi_00328_what_is_too_large_is_413(client: FlaskClient, session: Session) -> None:
    headers = a_key(session)
    body = b" " * (MAX_BODY_BYTES + 1)
    got = client.post("/xapi/statements", data=body, content_type="application/json", headers=headers)
    assert got.status_code == 413
    assert got.json is not None
    assert got.json["error"] == "too_large"


def test_xapi_00327_a_key_without_the_scope_is_403(client: FlaskClient, session: Session) -> None:
    headers = a_key(session, "statements/write")
    assert client.get("/xapi/statements", headers=headers).status_code == 403
    assert client.get("/xapi/agents", query_string={"agent": AGENT}, headers=headers).status_code == 403


@pytest.mark.parametrize("resource", sorted(RESOURCES))
def test_xapi_00334_without_a_key_a_resource_is_401(client: FlaskClient, resource: str) -> None:
    got = client.get(f"/xapi/{resource}", headers={"X-Experience-API-Version": "1.0.3"})
    assert got.status_code == 401
    assert got.headers["WWW-Authenticate"].startswith("Basic ")
    assert got.json is not None


def test_what_this_store_breaks_itself_is_500_in_this_doors_form(app: Flask, session: Session) -> None:
    headers = a_key(session)
    app.testing, view = False, app.view_functions["elearn.xapi.get_activity"]
    app.view_functions["elearn.xapi.get_activity"] = lambda: str(1 // 0)
    try:
        got = app.test_client().get("/xapi/activities", headers=headers)
    finally:
        app.testing, app.view_functions["elearn.xapi.get_activity"] = True, view
    assert (got.status_code, got.mimetype) == (500, "application/json")
    assert got.headers["X-Experience-API-Version"] == "1.0.3"


@pytest.mark.parametrize("prefix", ["/training", "/xapi", "/a/xapi"])
def test_in_a_host_application_the_door_is_the_same(
    app: Flask, settings: Settings, clock: ManualClock, prefix: str
) -> None:
    host = Flask("host")
    host.secret_key, host.testing = "host's own", True
    Elearn(host, settings=settings, url_prefix=prefix, clock=clock)
    try:
        client = host.test_client()
        assert client.get(f"{prefix}/xapi/about").status_code == 200
        assert client.post(f"{prefix}/xapi/about?method=GET", data={}).status_code == 200
        assert client.options(f"{prefix}/xapi/agents").headers["Allow"] == "GET, HEAD, OPTIONS"
        for path, method, status in (
            ("agents", "GET", 400),
            ("statements", "DELETE", 400),
            ("about", "DELETE", 405),
            ("x/xapi/agents", "GET", 404),
        ):
            got = client.open(f"{prefix}/xapi/{path}", method=method)
            assert (got.status_code, got.headers["X-Experience-API-Version"]) == (status, "1.0.3")
    finally:
        host.extensions["elearn"].redis.close()
        with host.app_context():
            db.engine.dispose()


def test_a_database_that_goes_away_before_the_last_word_is_a_moment_to_wait_for(own_app: Flask) -> None:
    """What was stored by then is stored: the client sends it again and is told so."""
    with own_app.app_context():
        headers = a_key(db.session())
        db.session.commit()
        engine = db.engine
    client, one = own_app.test_client(), a_statement()

    def send() -> TestResponse:
        return client.post("/xapi/statements", json=one, headers=headers)

    assert send().status_code == 200
    one = a_statement()
    with ending(engine, "min(xact_start)"):
        answer = send()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.headers["X-Experience-API-Version"] == "1.0.3"
    assert answer.json
    assert answer.json["error"] == "unavailable"
    assert send().status_code == 200
    with own_app.app_context():
        assert db.session.scalar(sa.text("SELECT count(*) FROM elearn.statement")) == 2


def test_what_is_refused_stays_refused_where_the_database_goes_away_behind_it(own_app: Flask) -> None:
    """The connection takes no ROLLBACK any more. That is no fault of ours to tell, and the next one has the time."""
    own_app.testing = False
    with own_app.app_context():
        headers = a_key(db.session())
        db.session.commit()
        engine = db.engine
    with ending(engine, "lrs_credential"):
        answer = own_app.test_client().post("/xapi/statements", json={"id": "none"}, headers=headers)
    assert (answer.status_code, (answer.json or {})["error"]) == (400, "bad_statement")
    assert "X-Experience-API-Consistent-Through" in answer.headers
