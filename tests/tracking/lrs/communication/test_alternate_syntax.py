"""Any request as a POST with everything in a form: xAPI 1.0.x only (Communication 1.3, XAPI-00336)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.errors import DomainError
from elearn.tracking.lrs import alternate
from elearn.tracking.lrs.doorway import MAX_BODY_BYTES
from tests.builders_lrs import a_key, a_statement, an_agent

VERSION = "X-Experience-API-Version"
FORM = "application/x-www-form-urlencoded"
STATE = {"activityId": "a:x", "agent": json.dumps(an_agent()), "stateId": "s"}


@pytest.fixture
def in_form(session: Session) -> dict[str, str]:
    """What a page puts into the form: its key and the version, and no header at all."""
    headers = a_key(session)
    return {"Authorization": headers["Authorization"], VERSION: "1.0.3"}


def send(
    client: FlaskClient,
    path: str,
    method: str,
    fields: Any,
    *,
    headers: dict[str, str] | None = None,
    content_type: str | None = FORM,
) -> TestResponse:
    body = fields if isinstance(fields, str | bytes) else urlencode(fields)
    return client.post(f"/xapi/{path}?method={method}", data=body, headers=headers, content_type=content_type)


def asked(session: Session) -> dict[str, str]:
    return a_key(session)


@pytest.mark.parametrize("carrier", [FORM, "text/plain", None, f"{FORM}; charset=utf-8"])
def test_a_statement_is_put_by_a_form_that_holds_key_version_and_parameters(
    client: FlaskClient, session: Session, in_form: dict[str, str], carrier: str | None
) -> None:
    sent = a_statement(id=None, result={"response": "数 & = + % 1"})
    id_ = str(uuid4())
    fields = in_form | {"statementId": id_, "content": json.dumps(sent, ensure_ascii=False)}
    got = send(client, "statements", "PUT", fields, content_type=carrier)
    assert (got.status_code, got.data) == (204, b"")
    assert got.headers[VERSION] == "1.0.3"
    assert "X-Experience-API-Consistent-Through" in got.headers
    kept = client.get("/xapi/statements", query_string={"statementId": id_}, headers=asked(session)).json
    assert kept is not None
    assert kept["result"] == sent["result"]


def test_statements_are_posted_and_asked_for_by_a_form_xapi_00148(client: FlaskClient, in_form: dict[str, str]) -> None:
    sent = a_statement()
    assert send(client, "statements", "POST", in_form | {"content": json.dumps(sent)}).json == [sent["id"]]
    got = send(client, "statements", "GET", in_form | {"limit": "1"})
    assert got.status_code == 200
    assert got.json is not None
    assert [one["id"] for one in got.json["statements"]] == [sent["id"]]
    assert "more" in got.json
    one = send(client, "statements", "GET", in_form | {"statementId": sent["id"]})
    assert one.json is not None
    assert one.json["id"] == sent["id"]


def test_documents_are_put_merged_read_listed_and_deleted_by_forms(
    client: FlaskClient, in_form: dict[str, str]
) -> None:
    at = in_form | STATE
    put = at | {"content": '{"a": 1}', "Content-Type": "application/json", "Content-Length": "8"}
    assert send(client, "activities/state", "PUT", put).status_code == 204
    assert send(client, "activities/state", "POST", at | {"content": '{"b": 2}'}).status_code == 204
    got = send(client, "activities/state", "GET", at)
    assert (got.json, got.mimetype) == ({"a": 1, "b": 2}, "application/json")
    listed = {name: value for name, value in at.items() if name != "stateId"}
    assert send(client, "activities/state", "GET", listed).json == ["s"]
    assert send(client, "activities/state", "DELETE", at).status_code == 204
    assert send(client, "activities/state", "GET", at).status_code == 404


def test_the_headers_of_a_form_are_headers(client: FlaskClient, in_form: dict[str, str]) -> None:
    at = in_form | {"activityId": "a:x", "profileId": "p"}
    text = at | {"content": "héllo", "Content-Type": "text/plain; charset=utf-8", "If-None-Match": "*"}
    assert send(client, "activities/profile", "PUT", text).status_code == 204
    assert send(client, "activities/profile", "PUT", text).status_code == 412
    got = send(client, "activities/profile", "GET", at)
    assert (got.data.decode(), got.headers["Content-Type"]) == ("héllo", "text/plain; charset=utf-8")
    tagged = at | {"content": "other", "if-match": got.headers["ETag"]}
    assert send(client, "activities/profile", "PUT", tagged).status_code == 204
    assert send(client, "activities/profile", "PUT", tagged).status_code == 412


@pytest.mark.parametrize("value", ["text/a\r\nX-Evil: 1", "text/课", "text/\x7f", "text/\0"])
def test_a_value_that_no_header_could_have_is_not_kept_as_one(
    client: FlaskClient, in_form: dict[str, str], value: str
) -> None:
    """A document's content type is a header again when the document is read."""
    at = in_form | {"activityId": "a:x", "profileId": "p", "If-None-Match": "*"}
    got = send(client, "activities/profile", "PUT", at | {"content": "x", "Content-Type": value})
    assert got.status_code == 400
    assert got.json is not None
    assert got.json["error"] == "bad_header"


def test_activities_agents_and_about_are_asked_for_by_forms(client: FlaskClient, in_form: dict[str, str]) -> None:
    assert send(client, "activities", "GET", in_form | {"activityId": "a:x"}).status_code == 200
    assert send(client, "agents", "GET", in_form | {"agent": json.dumps(an_agent())}).status_code == 200
    assert send(client, "about", "GET", {}).status_code == 200
    assert send(client, "nothing", "GET", in_form).status_code == 404
    assert send(client, "agents", "DELETE", in_form).status_code == 405


def test_head_in_a_form_has_no_body(client: FlaskClient, in_form: dict[str, str]) -> None:
    got = send(client, "activities", "HEAD", in_form | {"activityId": "a:x"})
    assert (got.status_code, got.data) == (200, b"")
    assert "ETag" in got.headers


def test_a_header_of_the_form_comes_before_one_of_the_request(client: FlaskClient, session: Session) -> None:
    headers = asked(session)
    fields = {VERSION: "0.8", "statementId": str(uuid4()), "content": json.dumps(a_statement(id=None))}
    got = send(client, "statements", "PUT", fields, headers=headers)
    assert got.status_code == 400
    assert got.json is not None
    assert got.json["property"] == VERSION
    assert send(client, "statements", "GET", {"Authorization": "Basic eDp5"}, headers=headers).status_code == 401


WRONG: list[tuple[str, str, Any, str]] = [
    ("statements?method=PUT", "no body", b"", "content"),
    ("statements?method=PUT", "no content", {"statementId": str(uuid4())}, "content"),
    ("statements?method=PUT", "JSON and no form", json.dumps({"statementId": "x", "content": "{}"}), "/"),
    ("statements?method=GET", "content with GET", {"content": "{}"}, "content"),
    ("statements?method=GET&limit=1", "a parameter in the address", {}, "limit"),
    ("statements?method=GET&method=GET", "two methods", {}, "method"),
    ("statements?method=get", "a method in small letters", {}, "method"),
    ("statements?method=PATCH", "not a method of xAPI", {}, "method"),
    ("statements?method=", "no method", {}, "method"),
    ("statements?method=GET", "a method in the form", {"method": "GET"}, "method"),
    ("statements?method=GET", "an unknown parameter", {"foo": "bar"}, "foo"),
    ("statements?method=GET", "another case", {"Limit": "1"}, "Limit"),
    ("statements?method=GET", "other headers are no headers here", {"Accept-Language": "zh"}, "Accept-Language"),
    ("statements?method=GET", "a parameter twice", [("limit", "1"), ("limit", "2")], "limit"),
    ("statements?method=GET", "a header twice", [("If-Match", '"a"'), ("if-match", '"b"')], "if-match"),
    ("statements?method=POST", "content twice", [("content", "{}"), ("content", "{}")], "content"),
    ("statements?method=GET", "not UTF-8", b"limit=%ff", "/"),
    ("statements?method=GET", "not encoded", "limit=1&agent=课".encode(), "/"),
    ("statements?method=GET", "too many fields", urlencode([("limit", "1")] * 60), "/"),
    ("statements?method=POST", "wrong length", {"content": "{}", "Content-Length": "3"}, "Content-Length"),
    ("statements?method=POST", "no number", {"content": "{}", "Content-Length": "²"}, "Content-Length"),
    ("statements?method=POST", "attachments", {"content": "x", "Content-Type": "multipart/mixed; boundary=b"},
     "Content-Type"),
    ("statements?method=POST", "a line end in a header", {"content": "x", "Content-Type": "text/a\r\nX-Evil: 1"},
     "Content-Type"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "why", "fields", "where"), WRONG, ids=[why for _, why, _, _ in WRONG])
def test_what_is_no_such_request_is_refused(
    client: FlaskClient, session: Session, path: str, why: str, fields: Any, where: str
) -> None:
    body = fields if isinstance(fields, str | bytes) else urlencode(fields)
    got = client.post(f"/xapi/{path}", data=body, content_type=FORM, headers=asked(session))
    assert got.status_code == 400, why
    assert got.json is not None
    assert (got.json["property"], bool(got.json["clause"])) == (where, True)
    assert got.headers[VERSION] == "1.0.3"


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=b", "multipart/mixed"])
def test_the_form_must_come_as_one(client: FlaskClient, session: Session, kind: str) -> None:
    got = send(client, "statements", "GET", {"limit": "1"}, headers=asked(session), content_type=kind)
    assert got.status_code == 400


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_only_a_post_can_mean_another_method(client: FlaskClient, session: Session, method: str) -> None:
    for path in ("statements", "activities", "activities/state", "about"):
        got = client.open(f"/xapi/{path}?method=POST", method=method, data="limit=1", headers=asked(session))
        assert got.status_code == 400
        assert got.json is not None
        assert got.json["property"] == "method"


@pytest.mark.parametrize("where", ["header", "form", "both", "header, though the form says 1.0.3"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_xapi_2_0_has_no_such_requests(client: FlaskClient, session: Session, method: str, where: str) -> None:
    headers = a_key(session, version="2.0.0")
    fields = {"content": json.dumps(a_statement())} if method != "GET" else {}
    if where == "form":
        del headers[VERSION]
    if where != "header":
        fields[VERSION] = "1.0.3" if "1.0.3" in where else "2.0.0"
    for kind in (FORM, "application/json"):
        got = send(client, "statements", method, fields, headers=headers, content_type=kind)
        assert got.status_code == 400


@pytest.mark.parametrize("sender", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"},
                                    {"Origin": "null"}])  # fmt: skip
def test_a_key_that_the_browser_remembers_opens_nothing_for_a_page(
    client: FlaskClient, session: Session, sender: dict[str, str]
) -> None:
    """Any site can post a form here, and a browser adds what it knows of HTTP Basic by itself."""
    headers = asked(session) | sender
    fields = {VERSION: "1.0.3", "content": json.dumps(a_statement())}
    assert send(client, "statements", "POST", fields, headers=headers).status_code == 401
    written = fields | {"Authorization": headers["Authorization"]}
    assert send(client, "statements", "POST", written, headers=sender).status_code == 200


def test_cookies_do_not_reach_what_is_meant(client: FlaskClient, in_form: dict[str, str]) -> None:
    seen: list[str | None] = []
    app = client.application
    view = app.view_functions["elearn.xapi.about"]

    def about() -> Any:
        from flask import request

        seen.append(request.headers.get("Cookie"))
        return view()

    app.view_functions["elearn.xapi.about"] = about
    try:
        client.set_cookie("elearn", "x")
        assert send(client, "about", "GET", {}).status_code == 200
    finally:
        app.view_functions["elearn.xapi.about"] = view
    assert seen == [None]


def test_the_size_of_a_form_has_a_limit(client: FlaskClient, in_form: dict[str, str]) -> None:
    large = in_form | {"content": "x" * MAX_BODY_BYTES}
    got = send(client, "statements", "POST", large)
    assert (got.status_code, got.headers[VERSION]) == (413, "1.0.3")


def test_a_form_without_a_method_is_no_such_request(client: FlaskClient, session: Session) -> None:
    headers = asked(session)
    got = client.post("/xapi/statements", data={"content": json.dumps(a_statement())}, headers=headers)
    assert got.status_code == 400


TEXT = st.text(alphabet="aZ1&=+%;?#/ \r\n\0é课😀", max_size=12)


@given(
    st.sampled_from(alternate.METHODS),
    st.dictionaries(TEXT.filter(bool), TEXT, max_size=6),
    TEXT,
)
def test_parameters_and_content_come_out_as_they_went_in(method: str, parameters: dict[str, str], content: str) -> None:
    parameters = {k: v for k, v in parameters.items() if k.lower() not in alternate.HEADERS and k != "content"}
    fields = parameters | ({"content": content} if method in alternate.WRITES else {})
    meant = alternate.read([method], urlencode(fields).encode())
    assert meant.query == urlencode(list(parameters.items()))
    assert meant.content == (content.encode() if method in alternate.WRITES else b"")


@given(st.lists(st.sampled_from(["GET", "PUT", "", "x"]), max_size=2), st.binary(max_size=60) | TEXT.map(str.encode))
def test_whatever_a_form_holds_it_is_read_or_refused(methods: list[str], form: bytes) -> None:
    try:
        meant = alternate.read(methods, form)
    except DomainError:
        return
    assert meant.method in alternate.METHODS
    assert all(value.isprintable() for value in meant.headers.values())
