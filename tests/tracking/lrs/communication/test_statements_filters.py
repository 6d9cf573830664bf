"""Which statements a GET of /xapi/statements finds, in which order (Communication 2.1.3, 2.1.4)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.builders_lrs import a_key, a_statement, an_agent
from tests.conftest import ManualClock
from tests.tracking.lrs.communication.statements_client import BEN, UUID_1, Statements, a_reference, a_voiding, ids_of


def test_without_filters_all_come_newest_first(statements: Statements) -> None:
    """XAPI-00154, XAPI-00159."""
    sent = [a_statement() for _ in range(3)]
    statements.post(sent)
    answer = statements.get()
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert "Last-Modified" not in answer.headers  # nor anything else that lets a browser keep a list
    assert answer.headers["Cache-Control"] == "private, no-cache"
    page = json.loads(answer.data)
    assert list(page) == ["statements", "more"]
    assert page["more"] == ""
    assert ids_of(page["statements"]) == ids_of(sent)[::-1]
    assert page["statements"][2] == statements.one(sent[0]["id"])
    assert statements.ids(ascending="true") == ids_of(sent)  # XAPI-00166


def test_nothing_found_is_an_empty_list(statements: Statements) -> None:
    """XAPI-00149, XAPI-00109."""
    assert json.loads(statements.get(verb="urn:none").data) == {"statements": [], "more": ""}


def test_each_filter_finds_its_own(statements: Statements) -> None:
    """XAPI-00164, XAPI-00178 to XAPI-00181."""
    other = a_statement()
    by_actor = a_statement(actor=BEN | {"name": "Ben"})
    as_object = a_statement(object=BEN)
    in_group = a_statement(actor={"objectType": "Group", "member": [BEN]})
    by_verb = a_statement(verb={"id": "urn:v"})
    about = a_statement(object={"id": "urn:a"})
    registered = a_statement(context={"registration": UUID_1})
    statements.post([other, by_actor, as_object, in_group, by_verb, about, registered])
    assert statements.ids(agent=BEN, ascending="true") == ids_of([by_actor, as_object, in_group])
    assert statements.ids(agent={"account": BEN["account"]}) == ids_of([in_group, as_object, by_actor])
    assert statements.ids(verb="urn:v") == [by_verb["id"]]
    assert statements.ids(activity="urn:a") == [about["id"]]
    assert statements.ids(registration=UUID_1.upper()) == [registered["id"]]
    assert statements.ids(agent=BEN, verb="urn:v") == []
    assert statements.ids(agent=BEN, verb=by_actor["verb"]["id"], activity=by_actor["object"]["id"]) == ids_of(
        [in_group, by_actor]
    )


def test_a_group_is_asked_for_by_its_identifier(statements: Statements) -> None:
    crew = {"objectType": "Group", "mbox": "mailto:crew@school.example"}
    sent = a_statement(actor=crew | {"name": "Crew", "member": [BEN]})
    statements.post(sent)
    assert statements.ids(agent=crew) == [sent["id"]]


def test_related_agents_reach_further(statements: Statements) -> None:
    """XAPI-00176: instructor, team, authority, and all of a SubStatement."""
    plain = a_statement(actor=BEN)
    taught = a_statement(context={"instructor": BEN})
    teamed = a_statement(context={"team": {"objectType": "Group", "member": [BEN]}})
    inner = a_statement(id=None, objectType="SubStatement", actor=BEN)
    within = a_statement(object=inner)
    statements.post([a_statement(), plain, taught, teamed, within])
    assert statements.ids(agent=BEN) == [plain["id"]]
    assert statements.ids(agent=BEN, related_agents="true") == ids_of([within, teamed, taught, plain])


def test_the_authority_is_a_related_agent(statements: Statements, client: FlaskClient, session: Session) -> None:
    mine, theirs = a_statement(), a_statement()
    statements.post(mine)
    statements.by(a_key(session)).post(theirs)
    authority = statements.one(mine["id"])["authority"]
    assert statements.ids(agent=authority, related_agents="true") == [mine["id"]]
    assert statements.ids(agent=authority) == []


def test_related_activities_reach_further(statements: Statements) -> None:
    """XAPI-00177: the activities of the context, and all of a SubStatement."""
    plain = a_statement(object={"id": "urn:a"})
    categorised = a_statement(context={"contextActivities": {"category": {"id": "urn:a"}}})
    within = a_statement(object=a_statement(id=None, objectType="SubStatement", object={"id": "urn:a"}))
    statements.post([a_statement(), plain, categorised, within])
    assert statements.ids(activity="urn:a") == [plain["id"]]
    assert statements.ids(activity="urn:a", related_activities="true") == ids_of([within, categorised, plain])


def test_to_relate_without_anybody_changes_nothing(statements: Statements) -> None:
    sent = a_statement()
    statements.post(sent)
    assert statements.ids(related_agents="true", related_activities="true") == [sent["id"]]


def test_since_leaves_its_moment_out_and_until_takes_it_in(statements: Statements, clock: ManualClock) -> None:
    """XAPI-00174, XAPI-00175."""
    first, second = a_statement(), a_statement()
    statements.post(first)
    clock.advance(1000)
    statements.post(second)
    at = statements.one(first["id"])["stored"]
    assert statements.ids(since=at) == [second["id"]]
    assert statements.ids(until=at) == [first["id"]]
    assert statements.ids(since=at, until=at) == []
    assert statements.ids(since="2012-06-01T19:09:13.245Z") == ids_of([second, first])


@pytest.mark.parametrize(
    "moment",
    [
        "2026-07-01T01:00:00.5Z",
        "2026-07-01T09:00:00.500+08:00",
        "2026-07-01T09:00:00.500 08:00",  # the "+" was not escaped
        "2026-06-30T20:00:00.500-05:00",
        "2026-07-01t01:00:00.500z",
    ],
)
def test_moments_may_be_told_in_any_zone(statements: Statements, clock: ManualClock, moment: str) -> None:
    first, second = a_statement(), a_statement()
    assert clock() == datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
    statements.post(first)
    clock.advance(1000)
    statements.post(second)
    assert statements.ids(since=moment) == [second["id"]]
    assert statements.ids(until=moment) == [first["id"]]


def test_a_moment_without_zone_is_utc_in_1_0_3_and_refused_in_2_0(client: FlaskClient, session: Session) -> None:
    """And so are ISO 8601's comma and its zones without a colon, which RFC 3339 does not know."""
    first = Statements(client, a_key(session))
    second = Statements(client, a_key(session, version="2.0.0"))
    for moment in ("2026-07-01T01:00:00", "2026-07-01T01:00:00,5Z", "2026-07-01T01:00:00+0800"):
        assert first.get(since=moment).status_code == 200
        assert second.get(since=moment).status_code == 400


# Statements about statements


def test_what_refers_to_a_statement_is_found_by_what_that_one_says(statements: Statements, clock: ManualClock) -> None:
    """XAPI-00162 and the example of the section; time is the referring statement's own."""
    passed = a_statement(actor=BEN, verb={"id": "urn:passed"})
    confirmed = a_reference(passed["id"], actor=an_agent("andrew"), verb={"id": "urn:confirmed"})
    agreed = a_reference(confirmed["id"], actor=an_agent("carl"))
    for one in (passed, confirmed, agreed):
        statements.post(one)
        clock.advance(1)
    assert statements.ids(agent=BEN) == ids_of([agreed, confirmed, passed])
    assert statements.ids(agent=BEN, verb="urn:passed") == ids_of([agreed, confirmed, passed])
    assert statements.ids(verb="urn:confirmed") == ids_of([agreed, confirmed])
    assert statements.ids(agent=BEN, verb="urn:confirmed") == []
    assert statements.ids(agent=BEN, since=statements.one(passed["id"])["stored"]) == ids_of([agreed, confirmed])


def test_a_voided_statement_is_hidden_but_what_refers_to_it_is_not(statements: Statements, clock: ManualClock) -> None:
    """XAPI-00162, as ADL's suite tells it."""
    voided = a_statement(verb={"id": "urn:v"})
    voiding = a_voiding(voided["id"])
    refers = a_reference(voided["id"], verb={"id": "urn:v"})
    for one in (voided, voiding, refers):
        statements.post(one)
        clock.advance(1)
    assert statements.ids(verb="urn:v") == ids_of([refers, voiding])
    assert statements.ids(verb="urn:v", limit="1") == [refers["id"]]
    assert voided["id"] not in statements.ids()
