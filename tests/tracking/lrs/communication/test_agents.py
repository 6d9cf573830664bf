"""/xapi/agents: a Person for an agent (Communication 2.4)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.tracking.lrs.things import persons
from tests.builders_lrs import HOME, a_key, a_statement
from tests.builders_people import an_organisation

ACCOUNT = {"homePage": HOME, "name": "w-1"}
AGENT = {"objectType": "Agent", "account": ACCOUNT}


@pytest.fixture(params=("1.0.3", "2.0.0"))
def headers(session: Session, request: pytest.FixtureRequest) -> dict[str, str]:
    return a_key(session, version=request.param)


def tell(client: FlaskClient, headers: dict[str, str], *names: str, **agent: Any) -> None:
    """Statements of the agent under these names, a second apart."""
    for name in names:
        client.application.extensions["elearn"].clock.advance(1_000)
        sent = a_statement(actor={**(agent or AGENT), "name": name})
        assert client.post("/xapi/statements", json=sent, headers=headers).status_code == 200


def ask(client: FlaskClient, headers: dict[str, str], agent: Any = AGENT) -> Any:
    got = client.get("/xapi/agents", query_string={"agent": json.dumps(agent)}, headers=headers)
    assert (got.status_code, got.mimetype) == (200, "application/json")
    return got.json


@pytest.mark.parametrize(
    "identifier",
    [
        {"account": ACCOUNT},
        {"mbox": "mailto:w@school.example"},
        {"mbox_sha1sum": "a" * 40},
        {"openid": "https://school.example/w"},
    ],
)
def test_xapi_00236_to_00248_a_person_has_arrays_with_what_the_agent_has(
    client: FlaskClient, headers: dict[str, str], identifier: dict[str, Any]
) -> None:
    kind, value = next(iter(identifier.items()))
    assert ask(client, headers, identifier) == {"objectType": "Person", kind: [value]}
    tell(client, headers, "王工", **identifier)
    assert ask(client, headers, identifier) == {"objectType": "Person", "name": ["王工"], kind: [value]}


def test_xapi_00247_an_agent_nobody_spoke_of_is_a_person_of_what_was_asked(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    assert ask(client, headers, AGENT | {"name": "N"}) == {"objectType": "Person", "name": ["N"], "account": [ACCOUNT]}


def test_names_are_those_of_the_agents_statements_the_newest_first_and_each_once(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    tell(client, headers, "first", "second", "first", "third\u0000")
    tell(client, headers, "somebody else", account={"homePage": HOME, "name": "w-2"})
    assert ask(client, headers)["name"] == ["third\u0000", "first", "second"]
    assert ask(client, headers, AGENT | {"name": "second"})["name"] == ["second", "third\u0000", "first"]


def test_names_come_from_what_the_key_may_read_only(client: FlaskClient, session: Session) -> None:
    one, other = an_organisation(session), an_organisation(session)
    ours, theirs = a_key(session, organisation_id=one.id), a_key(session, organisation_id=other.id)
    mine = a_key(session, "statements/write", "statements/read/mine", organisation_id=one.id)
    tell(client, ours, "ours")
    tell(client, theirs, "theirs")
    tell(client, mine, "mine")
    assert ask(client, ours)["name"] == ["mine", "ours"]
    assert ask(client, theirs)["name"] == ["theirs"]
    assert ask(client, mine)["name"] == ["mine"]
    assert ask(client, a_key(session))["name"] == ["mine", "theirs", "ours"]
    assert "name" not in ask(client, a_key(session, "profile"))


def test_only_the_newest_statements_are_looked_at(
    client: FlaskClient, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(client, headers, "old", "x" * persons.MOST_BYTES, "new")
    assert ask(client, headers)["name"] == ["new", "old"]
    monkeypatch.setattr(persons, "LOOKED_AT", 2)
    assert ask(client, headers)["name"] == ["new"]


@pytest.mark.parametrize(
    "agent",
    [
        None,
        "",
        "true",
        "{",
        "[]",
        json.dumps({"objectType": "Agent", "name": "no identifier"}),
        json.dumps({"account": ACCOUNT, "mbox": "mailto:a@b.example"}),
        json.dumps({"objectType": "Group", "account": ACCOUNT}),
        json.dumps({"objectType": "Person", "mbox": ["mailto:a@b.example"]}),
        json.dumps({"mbox": ["mailto:a@b.example"]}),
        json.dumps({"account": {"homePage": HOME}}),
        '{"mbox": "mailto:a@b.example", "mbox": "mailto:a@b.example"}',
    ],
)
def test_xapi_00243_and_00249_without_an_agent_of_one_identifier_it_is_refused(
    client: FlaskClient, headers: dict[str, str], agent: str | None
) -> None:
    got = client.get("/xapi/agents", query_string={} if agent is None else {"agent": agent}, headers=headers)
    assert got.status_code == 400
    assert got.json is not None
    assert got.json["property"].startswith("agent")
