"""Page after page by `more` (Data 2.5, XAPI-00108 to XAPI-00114) and how much is on one (`limit`, sizes)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.tracking.lrs.rules.whole import VOIDED
from elearn.tracking.lrs.statements import routes
from elearn.tracking.lrs.statements.asked import MAX_PAGE
from elearn.tracking.lrs.statements.search import MAX_PAGE_BYTES, Filters, search
from tests.builders_lrs import a_key, a_statement, an_agent
from tests.builders_people import an_organisation
from tests.conftest import ManualClock
from tests.tracking.lrs.communication.statements_client import Statements, ids_of

BEN = an_agent("ben")


@pytest.fixture
def statements(client: FlaskClient, session: Session) -> Statements:
    return Statements(client, a_key(session))


def link_of(statements: Statements, **query: Any) -> str:
    """The token of the link of a page that is not the last."""
    link = str(json.loads(statements.get(**query).data)["more"])
    return parse_qs(urlsplit(link).query)["more"][0]


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
@pytest.mark.parametrize("ascending", ["false", "true"])
def test_all_pages_together_are_all_statements_once_in_order(
    statements: Statements, clock: ManualClock, limit: int, ascending: str
) -> None:
    sent = [a_statement() for _ in range(4)]
    statements.post(sent)
    clock.advance(1)
    sent += [a_statement() for _ in range(3)]
    statements.post(sent[4:])
    pages = statements.pages(limit=str(limit), ascending=ascending)
    expected = ids_of(sent) if ascending == "true" else ids_of(sent)[::-1]
    assert [id_ for page in pages for id_ in page] == expected
    assert {len(page) for page in pages[:-1]} <= {limit}
    assert len(pages) == -(-7 // limit)  # no empty page at the end, though the last is exactly full


def test_a_link_carries_the_whole_question(statements: Statements, clock: ManualClock) -> None:
    inner = a_statement(id=None, objectType="SubStatement", actor=BEN, object={"id": "urn:a"})
    wanted = [a_statement(object=inner, verb={"id": "urn:v", "display": {"en": "did"}}) for _ in range(3)]
    statements.post([a_statement(), *wanted, a_statement(actor=BEN)])
    until = statements.one(wanted[1]["id"])["stored"]
    query = {
        "agent": BEN,
        "related_agents": "true",
        "activity": "urn:a",
        "related_activities": "true",
        "verb": "urn:v",
        "since": "2026-01-01T00:00:00Z",
        "until": until,
        "ascending": "true",
        "format": "ids",
        "attachments": "true",
        "limit": "1",
    }
    answer = statements.get(**query)
    assert answer.mimetype == "multipart/mixed"
    text = answer.data.decode()
    assert wanted[0]["id"] in text
    token = text.partition("?more=")[2].partition('"')[0]
    rest = statements.get(more=token)
    assert rest.mimetype == "multipart/mixed"
    text = rest.data.decode()
    assert wanted[1]["id"] in text
    assert '"verb":{"id":"urn:v"}' in text
    assert '"more":""' in text
    assert wanted[2]["id"] not in text


def test_a_page_shows_what_is_there_when_it_is_asked_for(statements: Statements, clock: ManualClock) -> None:
    """Data 2.5: what was voided since is gone; what came since stands where its order puts it."""
    sent = [a_statement(verb={"id": "urn:v"}) for _ in range(3)]
    statements.post(sent)
    newest_first = link_of(statements, limit="1", verb="urn:v")
    oldest_first = link_of(statements, limit="1", verb="urn:v", ascending="true")
    clock.advance(1)
    voiding = a_statement(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": sent[1]["id"]})
    late = a_statement(verb={"id": "urn:v"})
    statements.post([voiding, late])
    assert statements.ids(more=newest_first) == [sent[0]["id"]]
    assert statements.pages(more=oldest_first) == [[sent[2]["id"]], [voiding["id"]], [late["id"]]]


def test_a_link_works_again_and_again_and_for_any_key_of_the_organisation(
    client: FlaskClient, session: Session
) -> None:
    one, other = an_organisation(session), an_organisation(session)
    ours = Statements(client, a_key(session, organisation_id=one.id))
    ours.post([a_statement(), a_statement()])
    link = link_of(ours, limit="1")
    colleague = ours.by(a_key(session, "statements/read", organisation_id=one.id))
    assert ours.ids(more=link) == ours.ids(more=link) == colleague.ids(more=link) != []
    stranger = ours.by(a_key(session, organisation_id=other.id))
    for refused in (stranger.get(more=link), ours.by(a_key(session)).get(more=link)):
        assert refused.status_code == 400
        assert refused.json is not None
        assert (refused.json["property"], refused.json["clause"]) == ("more", "Data 2.5")


def test_a_link_shows_nobody_more_than_his_key_may_see(client: FlaskClient, session: Session) -> None:
    writer = Statements(client, a_key(session))
    writer.post([a_statement(), a_statement()])
    link = link_of(writer, limit="1")
    assert writer.by(a_key(session, "statements/read/mine")).ids(more=link) == []


def test_a_link_stands_alone(statements: Statements) -> None:
    statements.post([a_statement(), a_statement()])
    link = link_of(statements, limit="1")
    assert statements.get(more=link, limit="2").status_code == 400
    assert statements.get(more=link[:-4]).status_code == 400
    assert statements.get(more=link, statementId="11111111-2222-4333-8444-555555555555").status_code == 400


@pytest.mark.parametrize("limit", [None, "0", str(MAX_PAGE), str(MAX_PAGE + 1), "999999999999999999"])
def test_no_page_is_longer_than_the_store_allows(statements: Statements, limit: str | None) -> None:
    """Communication 2.1.3: 0 asks for as many as there may be."""
    sent = [a_statement() for _ in range(MAX_PAGE + 1)]
    statements.post(sent)
    query = {} if limit is None else {"limit": limit}
    first, last = statements.pages(**query)
    assert len(first) == MAX_PAGE
    assert last == [sent[0]["id"]]


def test_limit_is_kept_to(statements: Statements) -> None:
    """XAPI-00173."""
    statements.post([a_statement() for _ in range(3)])
    assert len(statements.ids(limit="2")) == 2
    assert len(statements.ids(limit="0002")) == 2


@pytest.mark.parametrize("letter", ["x", "课"])
def test_a_page_of_large_statements_ends_early(statements: Statements, session: Session, letter: str) -> None:
    """Bytes count, and what does not fit is not even fetched."""
    text = letter * (MAX_PAGE_BYTES // 4 // len(letter.encode()))
    sent = [a_statement(result={"extensions": {"urn:x": text}}) for _ in range(5)]
    for one in sent:
        assert statements.post(json.dumps(one, ensure_ascii=False).encode()).status_code == 200
    pages = statements.pages()
    assert [len(page) for page in pages] == [3, 2]
    assert {id_ for page in pages for id_ in page} == set(ids_of(sent))
    assert len(search(session, Filters(limit=10, most_bytes=MAX_PAGE_BYTES))) == 4


def test_a_statement_larger_than_a_page_is_a_page(statements: Statements, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is that large today; but a limit may be lowered."""
    monkeypatch.setattr(routes, "MAX_PAGE_BYTES", 100)
    sent = [a_statement() for _ in range(3)]
    statements.post(sent)
    pages = statements.pages()
    assert [len(page) for page in pages] == [1, 1, 1, 0]
