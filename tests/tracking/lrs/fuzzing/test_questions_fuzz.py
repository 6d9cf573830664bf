"""Any parameters in any number on any resource: an answer, or a refusal with its clause; a form asks the same."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.builders_lrs import a_key, a_statement, an_agent
from tests.tracking.lrs.fuzzing.asking import examples, refused, rows

ID = "5f1c6a52-8d0e-4b7a-9c3f-0d6c2f1e7a11"
RESOURCES = ("statements", "activities", "agents", "activities/state", "activities/profile", "agents/profile", "stream")
RIGHT: dict[str, list[str]] = {
    "statementId": [ID, ID.upper()],
    "voidedStatementId": [ID],
    "agent": [json.dumps(an_agent()), '{"objectType":"Group","openid":"a:g"}', '{"mbox":"mailto:a@b.example"}'],
    "verb": ["a:verb"],
    "activity": ["a:unit"],
    "activityId": ["a:unit", "https://a.example/名"],
    "registration": [ID],
    "related_agents": ["true", "false"],
    "related_activities": ["true", "false"],
    "since": ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00 08:00", "0001-01-01T00:00:00Z"],
    "until": ["2027-01-01T00:00:00.123456789+08:00", "9999-12-31T23:59:59Z"],
    "limit": ["0", "1", "999999999999999999"],
    "format": ["ids", "exact", "canonical"],
    "attachments": ["true", "false"],
    "ascending": ["true", "false"],
    "more": ["", "AAAA"],
    "stateId": ["a", "名 /?#%"],
    "profileId": ["a"],
    "cursor": [""],
    "method": ["GET"],
}  # fmt: skip
WRONG = ["", "\0", "null", "{}", "[]", "TRUE", "-1", "1.5", "1e3", "\u0661", "a b", "::", "a:", "\ud7ff", "\U0010ffff",
         "%00", '{"mbox":null}', '{"mbox":"mailto:a@b.example","x":1}', '{"name":"x"}', '{"a":1,"a":1}', "[" * 2000,
         '{"objectType":"Group","member":[]}', "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "9" * 400]  # fmt: skip

names = st.sampled_from([*RIGHT, "LIMIT", "statementid", "", "x"])


@st.composite
def queries(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Mostly right, so that some get far."""
    asked = []
    for name in draw(st.lists(names, max_size=5)):
        right = st.sampled_from(RIGHT.get(name, ["x"]))
        value = draw(st.one_of(right, right, right, right, st.sampled_from(WRONG), st.text(max_size=8)))
        asked.append((name, value))
    return asked


@pytest.fixture
def headers(client: FlaskClient, session: Session, version: str) -> dict[str, str]:
    """Of a key that may do all, on a store that holds something."""
    made = a_key(session, version=version)
    held = [a_statement(id=ID, object={"id": "a:unit", "definition": {"name": {"en": "u"}}}), a_statement()]
    assert client.post("/xapi/statements", json=held, headers=made).status_code == 200
    return made


@examples(150)
@given(resource=st.sampled_from(RESOURCES), query=queries())
def test_any_question_is_answered_or_refused_with_its_clause(
    client: FlaskClient, session: Session, headers: dict[str, str], resource: str, query: list[tuple[str, str]]
) -> None:
    before = rows(session)
    address = f"/xapi/{resource}?{urlencode(query)}"
    got = client.get(address, headers=headers)
    if got.status_code not in (200, 404):
        refused(got, 400)
    head = client.head(address, headers=headers)
    assert (head.status_code, head.data) == (got.status_code, b"")
    assert rows(session) == before


@examples(60)
@given(resource=st.sampled_from(RESOURCES[:-1]), query=queries())
def test_a_form_asks_what_an_address_asks(
    client: FlaskClient, session: Session, resource: str, query: list[tuple[str, str]]
) -> None:
    """Communication 1.3, except for a parameter that names a header or the content."""
    headers = a_key(session)
    plain = client.get(f"/xapi/{resource}?{urlencode(query)}", headers=headers)
    form = client.post(
        f"/xapi/{resource}?method=GET", data=urlencode(query), content_type="application/x-www-form-urlencoded",
        headers=headers,
    )  # fmt: skip
    if any(name == "method" for name, _ in query):
        refused(form, 400)
    else:
        assert (form.status_code, form.mimetype) == (plain.status_code, plain.mimetype)


header_values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)


@examples(100)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]),
    resource=st.sampled_from([*RESOURCES, "about", "openapi.json", "oauth/token", "nothing", ""]),
    some=st.dictionaries(
        st.sampled_from(["Authorization", "X-Experience-API-Version", "Content-Type", "If-Match", "If-None-Match",
                         "Accept", "Accept-Language", "Origin", "Range", "If-Modified-Since", "Content-Encoding"]),
        header_values | st.sampled_from(['"', "*", 'W/"a"', "Bearer x.y.z", "Basic Og==", "multipart/mixed"]),
        max_size=3,
    ),
    query=queries(),
)  # fmt: skip
def test_no_headers_break_the_door(
    client: FlaskClient,
    headers: dict[str, str],
    method: str,
    resource: str,
    some: dict[str, Any],
    query: list[tuple[str, str]],
) -> None:
    sent = {**headers, **some}
    answer = client.open(f"/xapi/{resource}", method=method, query_string=urlencode(query), headers=sent, data=b"{}")
    assert answer.status_code < 500
    assert "X-Experience-API-Version" in answer.headers
    if answer.status_code >= 400 and answer.mimetype == "application/json" and method != "HEAD":
        told = json.loads(answer.data)
        assert "error" in told
        assert resource == "oauth/token" or told["clause"]
