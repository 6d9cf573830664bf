"""The stream: every statement once, in the order of storing, none missed however late it commits, at a flat cost."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from elearn.clock import EPOCH
from elearn.db import db
from elearn.tracking.lrs.access.scopes import Reads
from elearn.tracking.lrs.rules.check import VOIDED
from elearn.tracking.lrs.statements import store
from elearn.tracking.lrs.streams import feed
from tests.builders_lrs import a_checked, a_key, a_statement
from tests.builders_people import an_organisation
from tests.conftest import ManualClock, statements

AT = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)
EVERYTHING = Reads(all=True)
HOUR = timedelta(hours=1)
NDJSON = "application/x-ndjson"


def stored(session: Session, count: int, *, at: datetime = AT, authority: UUID | None = None) -> list[UUID]:
    batch = [a_checked() for _ in range(count)]
    store.insert(session, batch, stored_at=at, authority=authority)
    return [one.id for one in batch]


def read_all(session: Session, *, limit: int, reads: Reads = EVERYTHING, through: datetime = AT + HOUR) -> list[UUID]:
    """Everything there is, page by page."""
    found: list[UUID] = []
    place: feed.Place | None = None
    while True:
        page = feed.page(session, place, through=through, reads=reads, limit=limit)
        assert len(page.statements) <= limit
        found += [kept.id for kept in page.statements]
        place = page.place
        if not page.more:
            return found
        assert page.statements


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_put_together_are_every_statement_once_in_the_order_of_storing(session: Session, limit: int) -> None:
    later = stored(session, 3, at=AT + timedelta(minutes=1))
    first = stored(session, 4)
    assert read_all(session, limit=limit) == first + later


def test_statements_of_one_moment_are_in_the_order_of_their_ids(session: Session) -> None:
    batch = [a_checked() for _ in range(9)]
    store.insert(session, batch, stored_at=AT, authority=None, sitting_id=uuid4())
    assert read_all(session, limit=2) == sorted(one.id for one in batch)


def test_months_follow_each_other(session: Session) -> None:
    july, june = stored(session, 2), stored(session, 2, at=AT - timedelta(days=20))
    assert read_all(session, limit=3) == june + july


def test_nothing_beyond_the_bound_is_given_and_its_own_moment_is(session: Session) -> None:
    ids = stored(session, 3)
    assert read_all(session, limit=5, through=AT + timedelta(microseconds=1)) == ids[:2]
    assert read_all(session, limit=5, through=AT - timedelta(microseconds=1)) == []


def test_a_page_ends_by_bytes_too_but_holds_one_at_least(session: Session) -> None:
    batch = [a_checked(result={"response": "x" * 100_000}) for _ in range(3)]
    store.insert(session, batch, stored_at=AT, authority=None)
    page = feed.page(session, None, through=AT + HOUR, reads=EVERYTHING, limit=10, most_bytes=100_500)
    assert [kept.id for kept in page.statements] == [one.id for one in batch[:2]]
    assert page.more
    page = feed.page(session, page.place, through=AT + HOUR, reads=EVERYTHING, limit=10, most_bytes=5)
    assert [kept.id for kept in page.statements] == [batch[2].id]
    assert not page.more


def test_an_empty_page_keeps_its_place(session: Session) -> None:
    assert feed.page(session, None, through=AT, reads=EVERYTHING) == feed.Page([], None, more=False)
    place = AT, uuid4()
    assert feed.page(session, place, through=AT, reads=EVERYTHING) == feed.Page([], place, more=False)


def test_a_voided_statement_stays_in_the_stream_with_the_one_that_voids_it(session: Session) -> None:
    (id_,) = stored(session, 1)
    voider = a_checked(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": str(id_)})
    store.insert(session, [voider], stored_at=AT + timedelta(seconds=1), authority=None)
    page = feed.page(session, None, through=AT + HOUR, reads=EVERYTHING)
    assert [(kept.id, kept.voided) for kept in page.statements] == [(id_, True), (voider.id, False)]


def test_a_page_is_one_command(session: Session) -> None:
    stored(session, 30)
    with statements(session) as sent:
        feed.page(session, None, through=AT + HOUR, reads=EVERYTHING, limit=10)
    assert len(sent) == 1


@given(st.integers(0, 2**60), st.uuids())
def test_a_cursor_names_its_place_to_the_microsecond(us: int, id_: UUID) -> None:
    place = EPOCH + timedelta(microseconds=us % (8_000 * 365 * 86_400 * 1_000_000)), id_
    text = feed.write_cursor(place)
    assert feed.read_cursor(text) == place
    assert len(text) == 32


@pytest.mark.parametrize("text", ["x", "A" * 31, "A" * 33, "A" * 36, "é" * 32, "_" * 32, "A" * 31 + "=", "a b" * 8])
def test_what_is_no_cursor_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(ValueError, match="not"):
        feed.read_cursor(text)


# What the door answers.


def ask(client: FlaskClient, key: dict[str, str], **parameters: Any) -> Any:
    answer = client.get("/xapi/stream", headers=key, query_string=parameters)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def test_the_stream_shows_what_the_statements_resource_shows(
    client: FlaskClient, session: Session, clock: ManualClock
) -> None:
    key = a_key(session)
    sent = [a_statement(result={"score": {"raw": 1}}), a_statement(timestamp="2026-06-30T12:00:00.10Z")]
    assert client.post("/xapi/statements", headers=key, json=sent).status_code == 200
    assert ask(client, key)["statements"] == []  # somebody may still be writing at this moment
    clock.advance(3_600_000)
    page = ask(client, key, limit=1)
    assert page["more"] is True
    rest = ask(client, key, cursor=page["cursor"])
    assert rest["more"] is False
    for one, shown in zip(sent, page["statements"] + rest["statements"], strict=True):
        assert shown == client.get("/xapi/statements", headers=key, query_string={"statementId": one["id"]}).get_json()
    assert ask(client, key, cursor=rest["cursor"]) == {"statements": [], "cursor": rest["cursor"], "more": False}
    lines = client.get("/xapi/stream?limit=1", headers=key | {"Accept": NDJSON})
    assert [json.loads(line) for line in lines.text.splitlines()] == page["statements"]
    assert lines.content_type == NDJSON
    assert (lines.headers["X-Stream-Cursor"], lines.headers["X-Stream-More"]) == (page["cursor"], "true")


def test_a_key_sees_what_its_scope_and_organisation_let_it_see(
    client: FlaskClient, session: Session, clock: ManualClock
) -> None:
    here, there = an_organisation(session).id, an_organisation(session).id
    keys = {
        "mine": a_key(session, "statements/write", "statements/read/mine", organisation_id=here),
        "colleague": a_key(session, "statements/write", "statements/read", organisation_id=here),
        "other": a_key(session, "statements/write", "all/read", organisation_id=there),
        "house": a_key(session, "all"),
    }
    sent = {}
    for name, key in keys.items():
        sent[name] = a_statement()
        assert client.post("/xapi/statements", headers=key, json=sent[name]).status_code == 200
        clock.advance(1)
    clock.advance(3_600_000)
    seen = {
        name: {one["id"] for one in ask(client, key)["statements"]} & {one["id"] for one in sent.values()}
        for name, key in keys.items()
    }
    assert seen == {
        "mine": {sent["mine"]["id"]},
        "colleague": {sent["mine"]["id"], sent["colleague"]["id"]},
        "other": {sent["other"]["id"]},
        "house": {one["id"] for one in sent.values()},
    }


@pytest.mark.parametrize(
    "query",
    ["cursor=x", "limit=0", "limit=1001", "limit=-1", "limit=x", "limit=1&limit=1", "since=2026", "Cursor="],
)
def test_a_wrong_parameter_is_refused(client: FlaskClient, session: Session, query: str) -> None:
    answer = client.get(f"/xapi/stream?{query}", headers=a_key(session))
    assert answer.status_code == 400
    assert answer.get_json()["error"] == "bad_parameter"


def test_a_key_that_only_writes_and_nobody_at_all_are_refused(client: FlaskClient, session: Session) -> None:
    assert client.get("/xapi/stream").status_code == 401
    assert client.get("/xapi/stream", headers=a_key(session, "statements/write")).status_code == 403


# Nothing is missed.


def test_a_statement_that_commits_late_is_not_missed(own_app: Flask) -> None:
    """One connection stores at 12:00:00 and commits late, another stores and commits after it has begun."""
    own_app.extensions["elearn"].clock = lambda: datetime.now(UTC)
    with own_app.app_context():
        key, engine = a_key(db.session()), db.engine
    client = own_app.test_client()

    def stream(cursor: str) -> tuple[list[str], str]:
        page = ask(client, key, cursor=cursor)
        return [one["id"] for one in page["statements"]], page["cursor"]

    late, soon = a_checked(), a_checked()
    with Session(engine) as slow, Session(engine) as quick:
        store.insert(slow, [late], stored_at=datetime.now(UTC), authority=None)
        store.insert(quick, [soon], stored_at=datetime.now(UTC), authority=None)
        quick.commit()
        slow.execute(sa.text("SELECT pg_sleep(1.3)"))  # longer than what passes from the clock to the first command
        seen, cursor = stream("")
        assert seen == []  # though one of them is there to be read: it waits for the other's turn
        slow.commit()
        quick.execute(sa.text("SELECT pg_sleep(1.3)"))
        quick.rollback()
        seen, cursor = stream(cursor)
        assert seen == [str(late.id), str(soon.id)]
        assert stream(cursor)[0] == []


# Its cost.


def plan(session: Session, sql: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    answered = session.connection().exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", parameters)
    found: list[dict[str, Any]] = []
    todo = [answered.scalar_one()[0]["Plan"]]
    while todo:
        node = todo.pop()
        found.append(node)
        todo += node.get("Plans", [])
    return found


def many(session: Session, count: int, credential: UUID) -> None:
    """`count` statements a second apart, every thousandth by `credential`."""
    session.execute(
        sa.text(
            "INSERT INTO elearn.statement (id, stored_at, happened_at, verb_key, version, raw, authority_id) "
            "SELECT gen_random_uuid(), :at + i * interval '1 second', :at, gen_random_uuid(), '1.0.0', "
            "'{\"actor\":{},\"n\":' || i || '}', CASE WHEN i % 1000 = 0 THEN CAST(:credential AS uuid) END "
            "FROM generate_series(1, :count) AS i"
        ),
        {"at": AT - timedelta(days=20), "count": count, "credential": credential},
    )
    session.execute(sa.text("ANALYZE elearn.statement"))


def test_a_page_reads_as_many_rows_as_it_shows_wherever_it_lies(session: Session) -> None:
    credential = uuid4()
    many(session, 60_000, credential)
    for reads in (EVERYTHING, Reads(all=False, credentials=(credential, uuid4()))):
        for at in (None, AT - timedelta(days=20) + timedelta(seconds=30_000)):
            sent: list[tuple[str, Any]] = []

            def note(_c: object, _k: object, sql: str, values: Any, *_r: object, sent: Any = sent) -> None:
                sent.append((sql, values))

            engine = session.connection().engine
            sa.event.listen(engine, "before_cursor_execute", note)
            try:
                place = None if at is None else (at, uuid4())
                page = feed.page(session, place, through=AT + HOUR, reads=reads, limit=20)
            finally:
                sa.event.remove(engine, "before_cursor_execute", note)
            assert len(page.statements) == 20
            nodes = plan(session, *sent[0])
            of_statements = [node for node in nodes if str(node.get("Relation Name", "")).startswith("statement_2")]
            assert of_statements
            read = sum(
                node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
                for node in of_statements
            )
            assert read <= 100
