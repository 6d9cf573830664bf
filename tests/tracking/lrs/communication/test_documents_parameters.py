"""What a request for documents must and may say of itself
(xAPI 1.0.3 Communication 2.2, 2.3, 2.6, 2.7; 2.0: 4.1.6.2, 4.1.6.5, 4.1.6.6).

The numbers XAPI-00xxx are those of ADL's list of conformance requirements.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.builders_lrs import HOME, a_key, an_agent
from tests.tracking.lrs.communication.documents_client import ACTIVITY, RESOURCES, Documents, count


def refused(documents: Documents, **parameters: Any) -> None:
    """Each method refuses a request about one document with these parameters, and its refusal is for programs."""
    by = documents.by({"If-None-Match": "*"})
    for answer in (by.put(**parameters), by.post(**parameters), by.get(**parameters), by.delete(**parameters)):
        assert answer.status_code == 400
        assert answer.mimetype == "application/json"


NEEDED = [
    ("activities/state", "activityId"),
    ("activities/state", "agent"),
    ("activities/profile", "activityId"),
    ("agents/profile", "agent"),
]


@pytest.mark.parametrize(("resource", "name"), NEEDED)
def test_the_place_must_be_named_xapi_00207_to_00215_00261_to_00264_00296_to_00299(
    client: FlaskClient, session: Session, version: str, resource: str, name: str
) -> None:
    documents = Documents(client, a_key(session, version=version), resource)
    refused(documents, **{name: None})
    assert documents.get(None, **{name: None}).status_code == 400
    assert count(session) == 0


def test_a_write_must_name_its_document_xapi_00206_00211_00265_to_00267_00300_to_00302(
    documents: Documents, session: Session
) -> None:
    assert documents.by({"If-None-Match": "*"}).put(None, {}).status_code == 400
    assert documents.post(None, {}).status_code == 400
    if documents.resource != "activities/state":
        assert documents.delete(None).status_code == 400
    assert count(session) == 0


@pytest.mark.parametrize("iri", ["", "7", "units/7", "//school.example/7", "https://a b", 'a:"', "a:\0b"])
@pytest.mark.parametrize("resource", ["activities/state", "activities/profile"])
def test_an_activity_is_an_iri_with_a_scheme(
    client: FlaskClient, session: Session, version: str, resource: str, iri: str
) -> None:
    refused(Documents(client, a_key(session, version=version), resource), activityId=iri)


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "true",
        "not JSON",
        "[]",
        "{}",
        "null",
        '{"mbox":"mailto:a@b"',
        '{"mbox":"mailto:a@b","mbox":"mailto:c@d"}',
        '{"mbox":"a@b"}',
        '{"mbox":"mailto:a@b","openid":"a:b"}',
        '{"mbox":"mailto:a@b","more":1}',
        '{"objectType":"Group","mbox":"mailto:a@b"}',
        '{"objectType":"Group","member":[{"mbox":"mailto:a@b"}]}',
        '{"account":{"homePage":"school","name":"x"}}',
        '{"account":{"homePage":"https://a.example","name":"\\u0000"}}',
        '{"mbox":"mailto:a@b","name":"\\u0000"}',
        '{"mbox":"mailto:a@b","name":"\\ud800"}',
        '{"mbox":"mailto:a@b","name":' + "9" * 5000 + "}",
        '{"mbox":"mailto:a@b","name":' + "[" * 5000 + "}",
    ],
)
@pytest.mark.parametrize("resource", ["activities/state", "agents/profile"])
def test_an_agent_is_an_agent_in_json_xapi_00196_to_00199_00235_00255_to_00258_00284(
    client: FlaskClient, session: Session, version: str, resource: str, agent: str
) -> None:
    refused(Documents(client, a_key(session, version=version), resource), agent=agent)


def test_a_wrong_agent_is_told_with_its_place_and_clause(client: FlaskClient, session: Session) -> None:
    documents = Documents(client, a_key(session), "agents/profile")
    told: Any = documents.get("a", agent={"mbox": "a@b"}).json
    assert (told["error"], told["property"], told["clause"]) == ("bad_parameter", "agent/mbox", "Data 2.4.2.3")
    assert told["detail"].startswith("The parameter breaks xAPI Data 2.4.2.3 at agent/mbox: ")


@pytest.mark.parametrize("name", ["foo", "stateid", "StateId", "profileid", "ActivityId", "Agent", "limit"])
def test_parameters_nobody_knows_and_those_in_another_case_are_refused(documents: Documents, name: str) -> None:
    documents.make("a", {})
    refused(documents, **{name: "x"})
    assert documents.get(None, **{name: "x"}).status_code == 400


def test_one_document_is_not_asked_for_since_a_moment(documents: Documents) -> None:
    documents.make("a", {})
    refused(documents, since="2026-07-01T00:00:00Z")


def test_a_parameter_given_twice_is_refused(documents: Documents) -> None:
    documents.make("a", {})
    asked = [*documents.parameters("a").items(), (documents.id_name, "b")]
    answer = documents.client.get(f"/xapi/{documents.resource}", query_string=asked, headers=documents.headers)
    assert answer.status_code == 400


def test_a_profile_knows_no_registration(client: FlaskClient, session: Session) -> None:
    for resource in ("activities/profile", "agents/profile"):
        refused(Documents(client, a_key(session), resource), registration=str(uuid4()))


def test_an_agent_is_who_its_identifier_says_whatever_its_name(client: FlaskClient, session: Session) -> None:
    documents = Documents(client, a_key(session), "agents/profile")
    documents.make("a", {"x": 1}, agent=an_agent(name="Zhang Wei"))
    assert documents.get("a", agent={"account": {"name": "w-1001", "homePage": HOME}}).json == {"x": 1}
    assert documents.get("a", agent=an_agent("w-1002")).status_code == 404


def test_places_that_nobody_spoke_of_before_are_taken_and_kept_apart(client: FlaskClient, session: Session) -> None:
    headers = a_key(session)
    for resource in RESOURCES:
        Documents(client, headers, resource).make("a", {"of": resource})
    profiles = Documents(client, headers, "activities/profile")
    profiles.make("a", {"of": "another"}, activityId=ACTIVITY + "8")
    for resource in RESOURCES:
        assert Documents(client, headers, resource).get("a").json == {"of": resource}
