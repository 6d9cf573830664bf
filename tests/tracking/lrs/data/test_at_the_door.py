"""What xAPI Data demands of a statement once it is kept, seen by those who send it and ask for it over HTTP."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.tracking.lrs.rules.check import VOIDED
from elearn.tracking.lrs.rules.forms import read_timestamp
from tests.builders_lrs import a_key, a_statement, an_agent
from tests.tracking.lrs.communication.statements_client import VERSIONS, Statements
from tests.tracking.lrs.data.judging import ACTIVITY, ID, a_sub_statement
from tests.tracking.lrs.data.test_2_2_formatting import NUMBERS

FORMATS = ("exact", "ids", "canonical")


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def door(client: FlaskClient, session: Session, version: str) -> Statements:
    return Statements(client, a_key(session, version=version))


def _kept(door: Statements, statement: dict[str, Any]) -> Any:
    answer = door.post(statement)
    assert answer.status_code == 200, answer.data
    (id_,) = json.loads(answer.data)
    return door.one(id_)


def _voiding(target: str) -> dict[str, Any]:
    return a_statement(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": target})


def test_xapi_00002_numbers_and_escapes_come_back_in_every_format_as_they_were_sent(door: Statements) -> None:
    values = f'[{", ".join(NUMBERS)}, "\\u0000\\ud83d\\ude00\\/", {{"b" : 1,"a":-0}}]'
    sent = a_statement(id=ID, result={"score": {"raw": "HERE"}, "extensions": {"http://e": "THERE"}})
    text = json.dumps(sent).replace('"HERE"', "1e400").replace('"THERE"', values)
    assert door.post(text).status_code == 200
    for shown in FORMATS:
        whole = door.get(statementId=ID, format=shown).get_data(as_text=True)
        page = door.get(format=shown).get_data(as_text=True)
        assert values in whole
        assert '"raw": 1e400' in whole
        assert values in page


def test_numbers_of_a_definition_come_back_as_they_were_sent(door: Statements) -> None:
    sent = a_statement(id=ID, object=ACTIVITY | {"definition": {"extensions": {"http://e": "HERE"}}})
    numbers = ",".join(NUMBERS)
    assert door.post(json.dumps(sent).replace('"HERE"', f"[{numbers}]")).status_code == 200
    shown = door.get(statementId=ID, format="canonical").get_data(as_text=True)
    assert f"[{numbers}]".replace("-0,", "0,", 1) in shown.replace("-0,", "0,", 1)


def test_a_statement_with_such_numbers_can_be_referred_to(door: Statements) -> None:
    text = json.dumps(a_statement(id=ID, result={"score": {"raw": "HERE"}})).replace('"HERE"', "1e400")
    assert door.post(text).status_code == 200
    referring = a_statement(verb={"id": "a:commented"}, object={"objectType": "StatementRef", "id": ID})
    assert door.post(referring).status_code == 200
    assert referring["id"] in door.ids(activity="https://school.example/units/7") + door.ids(verb="a:commented")


def test_a_statement_as_deep_as_may_be_comes_back_in_every_format(door: Statements) -> None:
    deep = "[" * 390 + "]" * 390
    text = json.dumps(a_statement(id=ID, result={"extensions": {"http://e": "HERE"}})).replace('"HERE"', deep)
    assert door.post(text).status_code == 200
    assert door.post(_voiding(str(uuid4()))).status_code == 200
    for shown in FORMATS:
        for answer in (door.get(statementId=ID, format=shown), door.get(format=shown)):
            assert (answer.status_code, deep in answer.get_data(as_text=True)) == (200, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statementId", "wrong"),
        ("registration", ID.replace("-", "")),
        ("verb", "a.example/verb"),
        ("activity", ""),
        ("agent", '{"mbox": "a@b"}'),
        ("since", "2026-02-30T00:00:00Z"),
        ("until", "2026-11-22T03:00:00-00:00"),
        ("related_agents", "TRUE"),
        ("format", "Exact"),
    ],
)
def test_xapi_00012_parameters_are_held_to_the_standard_of_statements(door: Statements, name: str, value: str) -> None:
    assert door.get(**{name: value}).status_code == 400


def test_xapi_00015_strings_are_utf_8_both_ways(door: Statements) -> None:
    name = "张三 é \U0001f600"
    sent = a_statement(actor=an_agent(name=name))
    for text in (json.dumps(sent), json.dumps(sent | {"id": str(uuid4())}, ensure_ascii=False)):
        answer = door.post(text)
        assert answer.status_code == 200
        assert door.one(json.loads(answer.data)[0])["actor"]["name"] == name
    assert door.post(json.dumps(sent, ensure_ascii=False).encode("utf-16")).status_code == 400


def test_xapi_00016_a_voiding_statement_is_not_voided(door: Statements) -> None:
    first, second = a_statement(), None
    voiding = _voiding(first["id"])
    door.post([first, voiding])
    second = _voiding(voiding["id"])
    assert door.post(second).status_code in (200, 400)
    assert door.one(voiding["id"])["id"] == voiding["id"]
    assert door.get(statementId=first["id"]).status_code == 404


@pytest.mark.parametrize("voided_first", [True, False])
def test_xapi_00018_a_voided_statement_is_found_only_as_voided(door: Statements, voided_first: bool) -> None:
    voided = a_statement()
    order = [voided, _voiding(voided["id"])]
    for one in order if voided_first else order[::-1]:
        assert door.post(one).status_code == 200
    assert door.get(statementId=voided["id"]).status_code == 404
    assert json.loads(door.get(voidedStatementId=voided["id"]).data)["id"] == voided["id"]
    assert voided["id"] not in door.ids()


def test_xapi_00023_xapi_00097_stored_is_set_by_the_store_whatever_was_sent(door: Statements) -> None:
    kept = _kept(door, a_statement(stored="2001-01-01T00:00:00Z"))
    assert read_timestamp(kept["stored"], zone_needed=True) is not None
    assert not kept["stored"].startswith("2001")


def test_xapi_00026_an_id_is_made_for_a_statement_without_one(door: Statements) -> None:
    assert UUID(_kept(door, a_statement(id=None))["id"]).version == 4


@pytest.mark.parametrize("kind", ["parent", "grouping", "category", "other"])
def test_xapi_00096_a_single_context_activity_comes_back_in_a_list(door: Statements, kind: str) -> None:
    context = {"contextActivities": {kind: ACTIVITY}}
    kept = _kept(door, a_statement(context=context, object=a_sub_statement(context=context)))
    assert kept["context"]["contextActivities"] == {kind: [ACTIVITY]}
    assert kept["object"]["context"]["contextActivities"] == {kind: [ACTIVITY]}


@pytest.mark.parametrize("sent", [None, an_agent("somebody-else")])
def test_xapi_00099_the_authority_is_the_one_who_sent_it(door: Statements, sent: dict[str, Any] | None) -> None:
    kept = _kept(door, a_statement(authority=sent))
    assert kept["authority"]["objectType"] == "Agent"
    assert kept["authority"] != sent
    assert set(kept["authority"]["account"]) == {"homePage", "name"}


def test_xapi_00332_a_version_is_kept_and_set_where_there_is_none(door: Statements, version: str) -> None:
    assert _kept(door, a_statement(version="1.0.2"))["version"] == "1.0.2"
    assert _kept(door, a_statement())["version"] == {"1": "1.0.0", "2": "2.0.0"}[version[0]]


def test_a_timestamp_is_set_to_stored_where_there_is_none(door: Statements) -> None:
    kept = _kept(door, a_statement())
    assert kept["timestamp"] == kept["stored"]


def test_xapi_00122_moments_come_back_with_milliseconds_and_the_same(door: Statements) -> None:
    kept = _kept(door, a_statement(timestamp="2026-11-22T11:00:00.123456+08:00"))
    assert read_timestamp(kept["timestamp"]) == read_timestamp("2026-11-22T03:00:00.123456Z")
    assert re.search(r"\.\d{3,}", kept["stored"])


def test_xapi_00108_to_00114_a_list_comes_in_pages_that_lead_on(door: Statements) -> None:
    assert json.loads(door.get().data) == {"statements": [], "more": ""}  # XAPI-00112
    sent = [a_statement() for _ in range(5)]
    door.post(sent)
    first = json.loads(door.get(limit="2").data)
    assert set(first) == {"statements", "more"}  # XAPI-00110, XAPI-00113
    assert first["more"].startswith("/xapi/statements?")  # XAPI-00108: of this very path, no scheme or host
    pages = door.pages(limit="2")
    assert [len(page) for page in pages] == [2, 2, 1]  # XAPI-00109, XAPI-00111, XAPI-00114
    assert [id_ for page in pages for id_ in page] == [one["id"] for one in sent[::-1]]
