"""Which xAPI a request speaks, and that every answer says which one it speaks (Communication 3.3, 2.8)."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from elearn.tracking.lrs.doorway import RESOURCES
from elearn.tracking.lrs.versions import BadHeader, answered
from tests.builders_lrs import a_key, a_statement

HEADER = "X-Experience-API-Version"

SPOKEN = [("1.0", "1.0.3"), ("1.0.0", "1.0.3"), ("1.0.3", "1.0.3"), ("1.0.9", "1.0.3"), ("1.0.10", "1.0.3"),
          ("2.0", "2.0.0"), ("2.0.0", "2.0.0"), ("2.0.1", "2.0.0")]  # fmt: skip
NOT_SPOKEN = ["", "0.9", "0.95", "0.9.5", "1", "1.1.0", "1.1", "2.1.0", "3.0.0", "10.0.0", "1.0.x", "1.0.", "1.0.3.1",
              "1.0.3, 2.0.0", "v1.0.3", " ", "1.0.9999999", "1.0.-1"]  # fmt: skip


@pytest.mark.parametrize(("asked", "answer"), SPOKEN)
def test_xapi_00331_1_0_x_and_2_0_x_are_spoken_and_answered_with_the_latest_patch_xapi_00333(
    client: FlaskClient, session: Session, asked: str, answer: str
) -> None:
    headers = a_key(session, version=asked)
    got = client.get("/xapi/activities", query_string={"activityId": "a:x"}, headers=headers)
    assert (got.status_code, got.headers[HEADER]) == (200, answer)


@pytest.mark.parametrize("asked", NOT_SPOKEN)
@pytest.mark.parametrize("resource", sorted(RESOURCES))
def test_xapi_00331_any_other_version_is_refused_by_every_resource(
    client: FlaskClient, session: Session, resource: str, asked: str
) -> None:
    got = client.get(f"/xapi/{resource}", headers=a_key(session, version=asked))
    assert got.status_code == 400
    assert got.json is not None
    assert got.json["error"] == "version"
    assert (got.json["property"], got.json["clause"]) == (HEADER, "Communication 3.3")
    assert got.headers[HEADER] == "1.0.3"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("resource", sorted(RESOURCES))
def test_xapi_00321_without_a_version_every_resource_and_method_refuses(
    client: FlaskClient, session: Session, resource: str, method: str
) -> None:
    headers = a_key(session)
    del headers[HEADER]
    got = client.open(f"/xapi/{resource}", method=method, headers=headers)
    assert got.status_code == 400
    assert got.headers[HEADER] == "1.0.3"


def test_every_view_of_a_standard_resource_stands_behind_the_version(app: Flask) -> None:
    """A route that others add here is bound by the check through its address alone."""
    ours = {"about", "", "openapi.json", "oauth/token", "stream"}
    standing = {rule.rule.rpartition("/xapi/")[2] for rule in app.url_map.iter_rules() if "/xapi/" in rule.rule}
    assert standing >= RESOURCES
    assert {name for name in standing - RESOURCES - ours if "<" not in name} <= set()


@pytest.mark.parametrize("asked", [None, "", "0.9", "1.0.3", "2.0.0", "3.0", "nonsense"])
def test_about_refuses_no_version_xapi_00331(client: FlaskClient, asked: str | None) -> None:
    got = client.get("/xapi/about", headers={} if asked is None else {HEADER: asked})
    assert got.status_code == 200
    assert got.headers[HEADER] == ("2.0.0" if asked == "2.0.0" else "1.0.3")


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/xapi/statements?statementId=00000000-0000-4000-8000-000000000000", 404),
        ("GET", "/xapi/statements?statementId=no", 400),
        ("HEAD", "/xapi/activities?activityId=a:x", 200),
        ("HEAD", "/xapi/activities", 400),
        ("DELETE", "/xapi/statements", 405),
        ("GET", "/xapi/nothing", 404),
        ("GET", "/xapi/", 404),
        ("GET", "/xapi", 404),
        ("PATCH", "/xapi/agents", 405),
        ("OPTIONS", "/xapi/statements", 204),
        ("TRACE", "/xapi/about", 405),
    ],
)
def test_xapi_00333_every_answer_names_the_version_refusals_too(
    client: FlaskClient, session: Session, version: str, method: str, path: str, status: int
) -> None:
    got = client.open(path, method=method, headers=a_key(session, version=version))
    assert (got.status_code, got.headers[HEADER]) == (status, version)


def test_a_wrong_secret_is_answered_in_the_version_that_was_asked(client: FlaskClient, session: Session) -> None:
    headers = a_key(session, version="2.0.0") | {"Authorization": "Basic eDp5"}
    got = client.get("/xapi/statements", headers=headers)
    assert (got.status_code, got.headers[HEADER]) == (401, "2.0.0")


def test_xapi_00330_a_statement_of_2_0_is_not_turned_into_one_of_1_0(client: FlaskClient, session: Session) -> None:
    headers = a_key(session, version="2.0.0")
    related = {"objectType": "contextAgent", "agent": {"mbox": "mailto:a@b.example"}}
    sent = a_statement(context={"contextAgents": [related]})
    assert client.post("/xapi/statements", json=sent, headers=headers).status_code == 200
    got = client.get(
        "/xapi/statements", query_string={"statementId": sent["id"]}, headers=headers | {HEADER: "1.0.3"}
    ).json
    assert got is not None
    assert (got["version"], got["context"]) == ("2.0.0", sent["context"])


@given(st.text(max_size=12) | st.from_regex(r"[0-3](\.[0-2]){0,3}", fullmatch=True))
def test_a_version_is_either_spoken_by_its_first_two_numbers_or_refused(asked: str) -> None:
    try:
        answer = answered(asked)
    except BadHeader:
        assert asked not in {"1.0", "2.0", *(f"{major}.0.{patch}" for major in (1, 2) for patch in range(10))}
    else:
        assert asked[:3] == answer[:3]
