"""A stock xAPI client, tincan 1.0.0, uses our store over a real socket.

Not asked of it: `about()`. It raises ValueError on any version it does not know, so on "2.0.0", which we speak.
It also refuses UUIDs of version 7, which is why the ids we give are of version 4.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import tincan
from tincan.http_request import HTTPRequest

from tests.builders_lrs import a_statement, an_agent
from tests.tracking.lrs.clients.conftest import Served

ACTIVITY = tincan.Activity(id="https://school.example/units/7")
AGENT = tincan.Agent(an_agent())


@pytest.fixture
def remote(served: Served) -> tincan.RemoteLRS:
    return tincan.RemoteLRS(version="1.0.3", endpoint=served.endpoint, username=served.key, password=served.secret)


def a_tincan_statement() -> tincan.Statement:
    return tincan.Statement(a_statement(id=str(uuid4()), result={"score": {"scaled": 0.5}, "duration": "PT90S"}))


def test_what_it_saves_by_put_it_retrieves(remote: tincan.RemoteLRS) -> None:
    sent = a_tincan_statement()
    for _ in range(2):
        saved = remote.save_statement(sent)
        assert saved.success, saved.data
    got = remote.retrieve_statement(sent.id)
    assert got.success, got.data
    assert got.content.id == sent.id
    assert got.content.actor.account.name == "w-1001"
    assert got.content.result.score.scaled == 0.5
    assert got.content.stored is not None


def test_what_it_saves_without_ids_gets_ids_that_it_takes(remote: tincan.RemoteLRS) -> None:
    batch = [tincan.Statement(a_statement(id=None)) for _ in range(3)]
    saved = remote.save_statements(batch)
    assert saved.success, saved.data
    for statement in saved.content:
        assert remote.retrieve_statement(statement.id).success


def test_a_conflict_and_a_wrong_secret_reach_it(remote: tincan.RemoteLRS) -> None:
    sent = a_tincan_statement()
    assert remote.save_statement(sent).success
    sent.verb = tincan.Verb(id="http://a/other")
    assert remote.save_statement(sent).response.status == 409
    remote.auth = "Basic eDp5"
    assert remote.save_statement(sent).response.status == 401


def test_what_it_asks_for_it_gets_page_after_page(remote: tincan.RemoteLRS) -> None:
    sent = [a_tincan_statement() for _ in range(5)]
    assert remote.save_statements(sent).success
    assert remote.save_statement(tincan.Statement(a_statement(actor=an_agent("w-2"), id=str(uuid4())))).success
    query = {"agent": AGENT, "verb": sent[0].verb, "activity": ACTIVITY, "limit": 2, "ascending": "true"}
    page = remote.query_statements(query)
    assert page.success, page.data
    found = [one.id for one in page.content.statements]
    while page.content.more:
        page = remote.more_statements(page.content)
        assert page.success, page.data
        found += [one.id for one in page.content.statements]
    assert found == [one.id for one in sent]
    since = {"since": datetime.now(UTC).isoformat(), "related_agents": "true", "format": "ids"}
    assert remote.query_statements(since).content.statements == []


def test_what_it_voids_it_finds_as_voided_only(remote: tincan.RemoteLRS) -> None:
    sent = a_tincan_statement()
    assert remote.save_statement(sent).success
    voiding = tincan.Statement(
        id=str(uuid4()),
        actor=AGENT,
        verb=tincan.Verb(id="http://adlnet.gov/expapi/verbs/voided"),
        object=tincan.StatementRef(id=sent.id),
    )
    assert remote.save_statement(voiding).success
    assert remote.retrieve_statement(sent.id).response.status == 404
    assert remote.retrieve_voided_statement(sent.id).content.id == sent.id


def with_its_tag(answer: Any) -> Any:
    """The document of an answer, with what its headers say of it: the client looks for them by other names."""
    answer.content.etag = answer.response.getheader("ETag")
    answer.content.content_type = answer.response.getheader("Content-Type")
    return answer.content


def test_states_come_back_as_they_went(remote: tincan.RemoteLRS) -> None:
    content = bytearray(b"lesson 3")  # what is not Latin-1 this client cannot send
    state = tincan.StateDocument(
        id="bookmark", activity=ACTIVITY, agent=AGENT, content=content, content_type="text/plain"
    )
    assert remote.save_state(state).success
    got = remote.retrieve_state(ACTIVITY, AGENT, "bookmark").content
    assert bytes(got.content) == content
    assert remote.retrieve_state_ids(ACTIVITY, AGENT).content == ["bookmark"]
    got.content = bytearray(b"lesson 4")
    assert remote.save_state(got).success  # twice: this client sends a state, and sends it again
    assert bytes(remote.retrieve_state(ACTIVITY, AGENT, "bookmark").content.content) == b"lesson 4"
    assert remote.clear_state(ACTIVITY, AGENT).success
    assert remote.retrieve_state_ids(ACTIVITY, AGENT).content == []


PROFILES = {
    "activities/profile": ("activity", ACTIVITY, {"activityId": ACTIVITY.id}),
    "agents/profile": ("agent", AGENT, {"agent": json.dumps(an_agent())}),
}


@pytest.mark.parametrize("resource", PROFILES)
def test_profiles_are_read_changed_and_deleted(remote: tincan.RemoteLRS, resource: str) -> None:
    kind, whose, parameters = PROFILES[resource]
    document = tincan.ActivityProfileDocument if kind == "activity" else tincan.AgentProfileDocument
    content = bytearray(b'{"a":1}')
    mine = document(id="p", content=content, content_type="application/json", **{kind: whose})
    save, retrieve = getattr(remote, f"save_{kind}_profile"), getattr(remote, f"retrieve_{kind}_profile")
    # It makes new ones without If-None-Match, which 1.0.3 does not let a store take; another client makes it.
    assert save(mine).response.status == 400
    made = HTTPRequest(method="POST", resource=resource)
    made.headers = {"Content-Type": "application/json"}
    made.query_params = parameters | {"profileId": "p"}
    made.content = content
    assert remote._send_request(made).success
    got = with_its_tag(retrieve(whose, "p"))
    assert bytes(got.content) == content
    assert getattr(remote, f"retrieve_{kind}_profile_ids")(whose).content == ["p"]
    got.content = bytearray(b'{"a":2}')
    assert save(got).success
    assert save(got).response.status == 412
    assert getattr(remote, f"delete_{kind}_profile")(with_its_tag(retrieve(whose, "p"))).success
    assert retrieve(whose, "p").response.status == 404
