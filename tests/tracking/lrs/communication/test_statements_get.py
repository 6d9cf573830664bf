"""GET and HEAD of /xapi/statements: which parameters there are and what they mean (Communication 2.1.3, 2.1.4)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.http import parse_date

from elearn.tracking.lrs.rules.whole import VOIDED
from tests.builders_lrs import a_key, a_statement, an_agent
from tests.conftest import ManualClock
from tests.tracking.lrs.communication.statements_client import THROUGH, VERSIONS, Statements, ids_of

UUID_1 = "11111111-2222-4333-8444-555555555555"
BEN = an_agent("ben")


@pytest.fixture(params=VERSIONS)
def statements(request: pytest.FixtureRequest, client: FlaskClient, session: Session) -> Statements:
    """At each version: all of this is the same in both."""
    return Statements(client, a_key(session, version=request.param))


@pytest.fixture
def parameters(client: FlaskClient, session: Session) -> Statements:
    """For the long tables: parameters are judged before the version says anything."""
    return Statements(client, a_key(session))


def a_reference(target: str, **what: Any) -> dict[str, Any]:
    return a_statement(object={"objectType": "StatementRef", "id": target}, **what)


def a_voiding(target: str) -> dict[str, Any]:
    return a_reference(target, verb={"id": VOIDED})


# One statement


def test_a_statement_comes_back_by_its_id(statements: Statements) -> None:
    """XAPI-00156, XAPI-00158."""
    sent = a_statement()
    statements.post([sent, a_statement()])
    got = statements.one(sent["id"])
    assert {name: got[name] for name in sent} == sent
    assert statements.one(sent["id"].upper())["id"] == sent["id"]


def test_a_single_statement_tells_when_it_was_stored_and_how_to_know_it_again(statements: Statements) -> None:
    """2.0: Last-Modified matches `stored`."""
    sent = a_statement()
    statements.post(sent)
    answer = statements.get(statementId=sent["id"])
    stored = datetime.fromisoformat(json.loads(answer.data)["stored"])
    assert parse_date(answer.headers["Last-Modified"]) == stored.replace(microsecond=0)
    assert answer.headers["ETag"] == f'"{sha1(answer.data).hexdigest()}"'
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    again = statements.by({"If-None-Match": answer.headers["ETag"]}).get(statementId=sent["id"])
    assert (again.status_code, again.data) == (304, b"")
    assert THROUGH in again.headers


def test_an_id_that_is_not_there_is_404(statements: Statements) -> None:
    for name in ("statementId", "voidedStatementId"):
        answer = statements.get(**{name: str(uuid4())})
        assert answer.status_code == 404
        assert THROUGH in answer.headers


def test_a_voided_statement_is_found_only_as_voided(statements: Statements) -> None:
    """XAPI-00155, XAPI-00157, XAPI-00163."""
    sent = a_statement()
    voiding = a_voiding(sent["id"])
    statements.post(sent)
    assert statements.get(voidedStatementId=sent["id"]).status_code == 404
    statements.post(voiding)
    assert statements.get(statementId=sent["id"]).status_code == 404
    assert statements.get(voidedStatementId=sent["id"]).status_code == 200
    assert statements.get(statementId=voiding["id"]).status_code == 200
    assert statements.get(voidedStatementId=voiding["id"]).status_code == 404


@pytest.mark.parametrize("name", ["statementId", "voidedStatementId"])
@pytest.mark.parametrize(
    ("other", "value"),
    [
        ("agent", BEN),
        ("verb", "urn:v"),
        ("activity", "urn:a"),
        ("registration", UUID_1),
        ("related_activities", "true"),
        ("related_agents", "true"),
        ("since", "2026-01-01T00:00:00Z"),
        ("until", "2026-01-01T00:00:00Z"),
        ("limit", "1"),
        ("ascending", "true"),
        ("more", "x"),
    ],
)
def test_an_id_goes_with_no_filter(parameters: Statements, name: str, other: str, value: Any) -> None:
    """XAPI-00150, XAPI-00151: refused before it is looked for."""
    sent = a_statement()
    parameters.post(sent)
    answer = parameters.get(**{name: sent["id"], other: value})
    assert answer.status_code == 400
    assert answer.json is not None
    assert (answer.json["property"], answer.json["clause"]) == (other, "Communication 2.1.3")


def test_an_id_goes_with_format_and_attachments_only(statements: Statements) -> None:
    sent = a_statement()
    statements.post(sent)
    both = statements.get(statementId=sent["id"], voidedStatementId=sent["id"])
    assert both.status_code == 400
    assert statements.one(sent["id"], format="ids")["verb"] == {"id": sent["verb"]["id"]}
    assert statements.one(sent["id"], attachments="false")["id"] == sent["id"]
    answer = statements.get(statementId=sent["id"], attachments="true")
    assert answer.mimetype == "multipart/mixed"
    assert f'"id":"{sent["id"]}"'.encode() in answer.data
    assert "ETag" not in answer.headers


# What is refused


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("statementId", value) for value in ("", "x", "{" + UUID_1 + "}", UUID_1.replace("-", ""))),
        ("voidedStatementId", "x"),
        ("agent", ""),
        ("agent", "ben"),
        ("agent", "true"),
        ("agent", "[]"),
        ("agent", "{"),
        ("agent", "{}"),
        ("agent", '{"mbox":"mailto:a@b","mbox":"mailto:c@d"}'),
        ("agent", '{"mbox":"mailto:a@b","openid":"urn:x"}'),
        ("agent", '{"mbox":"a@b"}'),
        ("agent", '{"objectType":"Group","member":[{"mbox":"mailto:a@b"}]}'),
        ("agent", '{"mbox":"mailto:a@b","x":1}'),
        ("agent", "[" * 10_000),
        ("agent", '{"account":{"homePage":"urn:x","name":"\\ud800"}}'),
        ("verb", ""),
        ("verb", "not.a.valid.iri.com/verb"),
        ("activity", "no iri"),
        ("activity", "urn:a\0b"),
        ("registration", "x"),
        ("registration", ""),
        ("related_agents", "True"),
        ("related_agents", "1"),
        ("related_activities", ""),
        ("ascending", "yes"),
        ("attachments", "TRUE"),
        ("format", ""),
        ("format", "Exact"),
        ("format", "short"),
        ("since", ""),
        ("since", "yesterday"),
        ("since", "2026-02-30T00:00:00Z"),
        ("until", "2026-01-01T00:00:00-00:00"),
        ("until", "1"),
        ("limit", ""),
        ("limit", "-1"),
        ("limit", "1.0"),
        ("limit", "1e3"),
        ("limit", "+1"),
        ("limit", "١"),
        ("limit", "9" * 40),
        ("more", ""),
        ("more", "x"),
        ("foo", "bar"),
        *((name, "x") for name in ("StatementId", "VoidedStatementId", "Agent", "VERB", "LIMIT", "Related_Agents")),
    ],
)  # fmt: skip
def test_a_value_that_no_parameter_has_is_refused_with_its_clause(
    parameters: Statements, name: str, value: str
) -> None:
    """XAPI-00324, XAPI-00325; Data 2.2: values are judged like those of statements."""
    answer = parameters.get(**{name: value})
    assert answer.status_code == 400, answer.data
    assert answer.json is not None
    assert answer.json["property"].startswith(name)
    assert "Communication 2.1.3" in answer.json["clause"] or answer.json["clause"] == "Data 2.5" or name == "agent"
    assert THROUGH in answer.headers


def test_a_parameter_is_given_once(statements: Statements) -> None:
    answer = statements.client.get("/xapi/statements?limit=1&limit=2", headers=statements.headers)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["property"] == "limit"


# Many statements


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


# Formats


def test_the_formats_of_a_list(statements: Statements) -> None:
    """XAPI-00168 to XAPI-00171."""
    names = {"en-US": "Ladders", "en-GB": "Steps"}
    sent = a_statement(
        actor=BEN | {"name": "Ben"},
        verb={"id": "urn:v", "display": names},
        object={"objectType": "Activity", "id": "urn:a", "definition": {"name": names}},
    )
    statements.post(sent)
    british = statements.by({"Accept-Language": "en-GB"})

    def first(**query: str) -> Any:
        return json.loads(british.get(**query).data)["statements"][0]

    assert first() == first(format="exact") == statements.one(sent["id"])
    ids = first(format="ids")
    assert (ids["actor"], ids["verb"], ids["object"]) == (BEN, {"id": "urn:v"}, {"id": "urn:a"})
    canonical = first(format="canonical")
    assert canonical["actor"] == sent["actor"]
    assert canonical["verb"]["display"] == {"en-GB": "Steps"}
    assert canonical["object"]["definition"] == {"name": {"en-GB": "Steps"}}
    assert british.one(sent["id"], format="canonical")["verb"]["display"] == {"en-GB": "Steps"}  # XAPI-00172


def test_canonical_shows_what_all_statements_said_of_an_activity(statements: Statements) -> None:
    said = a_statement(object={"id": "urn:a", "definition": {"name": {"en": "A", "zh": "甲"}, "type": "urn:t"}})
    bare = a_statement(object={"id": "urn:a"})
    statements.post([said, bare])
    shown = statements.by({"Accept-Language": "zh"}).one(bare["id"], format="canonical")
    assert shown["object"] == {"id": "urn:a", "definition": {"name": {"zh": "甲"}, "type": "urn:t"}}
    assert statements.one(bare["id"])["object"] == {"id": "urn:a"}


# Attachments, HEAD, consistency


def test_a_list_with_attachments_is_multipart_also_without_any(statements: Statements) -> None:
    """XAPI-00161, XAPI-00167."""
    statements.post(a_statement())
    assert statements.get(attachments="false").mimetype == "application/json"
    answer = statements.get(attachments="true")
    assert answer.mimetype == "multipart/mixed"
    assert b'"statements":[' in answer.data


@pytest.mark.parametrize(
    "query", [{}, {"verb": "urn:none"}, {"limit": "x"}, {"statementId": UUID_1}, {"format": "ids"}]
)
def test_head_is_get_without_the_body(statements: Statements, query: dict[str, str]) -> None:
    """Communication 1.1."""
    statements.post(a_statement())
    got, head = statements.get(**query), statements.get("HEAD", **query)
    assert head.data == b""
    assert head.status_code == got.status_code
    assert {name for name, _ in head.headers} >= {name for name, _ in got.headers} - {"Content-Length"}
    if got.status_code == 200:
        assert head.headers["Content-Length"] == str(len(got.data))


def test_every_answer_says_up_to_when_all_can_be_read(statements: Statements) -> None:
    """XAPI-00153: whatever its status."""
    wrong = statements.by({"Authorization": "Basic eDp5"})
    unversioned = statements.by({"X-Experience-API-Version": "3"})
    sent = a_statement()
    for status, answer in (
        (200, statements.post(sent)),
        (204, statements.put(sent["id"], sent)),
        (409, statements.put(sent["id"], sent | {"verb": {"id": "urn:other"}})),
        (400, statements.post("{")),
        (200, statements.get()),
        (400, statements.get(LIMIT="1")),
        (404, statements.get(statementId=UUID_1)),
        (401, wrong.get()),
        (400, unversioned.get()),
        (405, statements.client.delete("/xapi/statements", headers=statements.headers)),
    ):
        assert answer.status_code == status, answer.data
        through = datetime.fromisoformat(answer.headers[THROUGH])
        assert through.tzinfo is not None
        assert through <= datetime(2026, 7, 1, 1, 0, tzinfo=UTC)


def test_a_key_sees_what_its_scopes_allow(client: FlaskClient, session: Session, clock: ManualClock) -> None:
    """Communication 4.2; lists follow the same rules as single statements."""
    all_ = Statements(client, a_key(session))
    mine = all_.by(a_key(session, "statements/write", "statements/read/mine"))
    theirs, own = a_statement(), a_statement()
    all_.post(theirs)
    clock.advance(1)
    mine.post(own)
    assert mine.ids() == [own["id"]]
    assert mine.ids(agent=own["actor"]) == [own["id"]]
    assert all_.ids() == ids_of([own, theirs])
    assert all_.by(a_key(session, "statements/write")).get().status_code == 403
