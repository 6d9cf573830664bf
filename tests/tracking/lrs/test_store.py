"""Storing: exact text, one copy for each id whoever writes at once, nothing changed afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.db import LedgerViolation, db
from elearn.tracking.lrs.models import Statement
from elearn.tracking.lrs.rules.check import VOIDED, Checked, check_statement
from elearn.tracking.lrs.statements import store
from elearn.tracking.lrs.statements.store import ConflictingId, Duplicate, Stored
from tests.at_once import in_sessions
from tests.builders_lrs import a_checked
from tests.conftest import statements

AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
LATER = AT + timedelta(seconds=9)
ODD = (
    '  {"actor":{"mbox":"mailto:a@b"} , "verb":{"id":"a:v"},\n\t"object":{"id":"a:\\u8bfe"},'
    '"result":{"score":{"raw":1.50e1},"extensions":{"a:x":"\\u0000\\"\\\\ 课 \U0001f6e0",'
    '"a:y":10000000000000000000001}}} '
)


def test_the_text_is_kept_to_the_byte(session: Session) -> None:
    checked = check_statement(ODD)
    assert store.insert(session, [checked], stored_at=AT, authority=None) == [Stored(checked.id, AT)]
    kept = store.get(session, checked.id)
    assert kept is not None
    assert kept.raw.encode() == ODD.encode()
    assert (kept.stored_at, kept.authority_id, kept.version, kept.voided) == (AT, None, "1.0.0", False)


def test_every_column_says_what_the_statement_says(session: Session) -> None:
    registration, sitting, authority = uuid4(), uuid4(), uuid4()
    checked = a_checked(timestamp="2026-07-01T08:59:00+08:00", context={"registration": str(registration)})
    store.insert(session, [checked], stored_at=AT, authority=authority, sitting_id=sitting)
    row = session.execute(sa.select(Statement).where(Statement.id == checked.id)).scalar_one()
    assert row.happened_at == AT - timedelta(minutes=1)
    assert row.registration == registration
    assert (row.sitting_id, row.authority_id) == (sitting, authority)
    assert checked.activity_key is not None
    assert checked.actor_key is not None
    assert row.verb_key == UUID(checked.verb_key)
    assert row.actor_key == UUID(checked.actor_key)
    assert row.activity_key == UUID(checked.activity_key)


def test_the_same_statement_again_changes_nothing_and_another_conflicts(session: Session) -> None:
    first = a_checked()
    equal = check_statement(json.dumps(first.statement | {"stored": "2026-01-01T00:00:00Z"}))
    other = check_statement(json.dumps(first.statement | {"verb": {"id": "a:other"}}))
    new = a_checked()
    store.insert(session, [first], stored_at=AT, authority=None)
    assert store.insert(session, [equal, new, other], stored_at=LATER, authority=None) == [
        Duplicate(first.id, AT),
        Stored(new.id, LATER + timedelta(microseconds=1)),
        ConflictingId(first.id, AT),
    ]
    kept = store.get(session, first.id)
    assert kept is not None
    assert kept.raw == first.raw


@pytest.mark.parametrize("sent_first", [True, False], ids=["sent with a timestamp first", "without one first"])
def test_a_timestamp_that_only_one_of_two_has_may_be_a_stores_and_does_not_tell_them_apart(
    session: Session, sent_first: bool
) -> None:
    bare = a_checked()
    dated = check_statement(json.dumps(bare.statement | {"timestamp": "2026-06-30T00:00:00Z"}))
    late = check_statement(json.dumps(bare.statement | {"timestamp": "2026-06-30T00:00:01Z"}))
    first, second = (dated, bare) if sent_first else (bare, dated)
    third = Duplicate if first is bare else ConflictingId
    store.insert(session, [first], stored_at=AT, authority=None)
    outcomes = store.insert(session, [second, late], stored_at=LATER, authority=None)
    assert outcomes == [Duplicate(bare.id, AT), third(bare.id, AT)]
    in_one = [check_statement(json.dumps(one.statement | {"id": str(UUID(int=7))})) for one in (first, second, late)]
    outcomes = store.insert(session, in_one, stored_at=AT, authority=None)
    assert [type(outcome) for outcome in outcomes] == [Stored, Duplicate, third]


def test_a_digest_made_under_older_rules_makes_no_conflict(session: Session) -> None:
    old = a_checked()
    digest, old.digest = old.digest, b"as it was made once"
    store.insert(session, [old], stored_at=AT, authority=None)
    again = check_statement(old.raw)
    assert again.digest == digest
    with statements(session) as asked:
        assert store.insert(session, [again], stored_at=LATER, authority=None) == [Duplicate(old.id, AT)]
    assert len(asked) == 3
    with statements(session) as asked:
        same = store.insert(session, [old], stored_at=LATER, authority=None)
    assert (same, len(asked)) == ([Duplicate(old.id, AT)], 2)


def test_one_id_twice_in_a_batch_is_written_once(session: Session) -> None:
    first = a_checked()
    other = check_statement(json.dumps(first.statement | {"verb": {"id": "a:other"}}))
    assert store.insert(session, [first, first, other], stored_at=AT, authority=None) == [
        Stored(first.id, AT),
        Duplicate(first.id, AT),
        ConflictingId(first.id, AT),
    ]


def test_an_empty_batch_asks_nothing(session: Session) -> None:
    assert store.insert(session, [], stored_at=AT, authority=None) == []


def test_a_voided_statement_is_known_as_voided_but_its_voiding_cannot_be(session: Session) -> None:
    target = a_checked()

    def voiding(id_: UUID) -> Checked:
        return a_checked(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": str(id_)})

    early = voiding(target.id)
    store.insert(session, [early], stored_at=AT, authority=None)
    store.insert(session, [target, voiding(early.id)], stored_at=LATER, authority=None)
    kept, kept_early = store.get(session, target.id), store.get(session, early.id)
    assert kept is not None
    assert kept_early is not None
    assert kept.voided
    assert not kept_early.voided


@pytest.mark.parametrize("table", ["statement", "statement_id", "statement_voiding", "statement_default"])
@pytest.mark.parametrize("command", ["UPDATE {} SET stored_at = now()", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_database_refuses_every_change(session: Session, table: str, command: str) -> None:
    voiding = a_checked(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": str(uuid4())})
    store.insert(session, [voiding], stored_at=datetime(2199, 1, 1, tzinfo=UTC), authority=None)
    with pytest.raises(IntegrityError, match="append-only"):
        session.execute(sa.text(command.format(f"elearn.{table}")))


def test_the_orm_refuses_a_change_too(session: Session) -> None:
    checked = a_checked()
    store.insert(session, [checked], stored_at=AT, authority=None)
    row = session.execute(sa.select(Statement).where(Statement.id == checked.id)).scalar_one()
    row.raw = "{}"
    with pytest.raises(LedgerViolation):
        session.flush()


def test_a_month_that_was_missing_takes_its_rows_from_the_default(session: Session) -> None:
    at = datetime(2188, 5, 31, 23, 59, 59, tzinfo=UTC)
    first, second = a_checked(), a_checked()
    store.insert(session, [first], stored_at=at, authority=None)
    store.insert(session, [second], stored_at=at + timedelta(seconds=1), authority=None)
    make = sa.text("SELECT elearn.make_statement_months(1, '2188-05-17')")
    assert session.execute(make).scalar() == 2
    assert session.execute(make).scalar() == 0
    where = session.execute(
        sa.text("SELECT tableoid::regclass::text FROM elearn.statement WHERE id IN (:a, :b) ORDER BY stored_at"),
        {"a": first.id, "b": second.id},
    ).scalars()
    assert [name.removeprefix("elearn.") for name in where] == ["statement_2188_05", "statement_2188_06"]
    with pytest.raises(IntegrityError, match="append-only"), session.begin_nested():
        session.execute(sa.text("DELETE FROM elearn.statement_2188_05"))
    with pytest.raises(IntegrityError, match="append-only"):
        session.execute(sa.text("TRUNCATE elearn.statement_2188_06"))


@pytest.mark.parametrize("column", ["actor_key", "verb_key", "activity_key", "registration"])
def test_later_queries_find_an_index(session: Session, column: str) -> None:
    session.execute(sa.text("SET LOCAL enable_seqscan = off"))
    plan = session.execute(
        sa.text(
            f"EXPLAIN SELECT raw FROM elearn.statement WHERE {column} = :key AND stored_at > '2026-07-01' "
            "ORDER BY stored_at DESC LIMIT 50"
        ),
        {"key": uuid4()},
    ).scalars()
    assert f"{column}_stored_at" in "\n".join(plan)


def test_one_id_from_many_connections_leaves_one_copy(own_app: Flask) -> None:
    first = a_checked()
    other = check_statement(json.dumps(first.statement | {"verb": {"id": "a:other"}}))
    outcomes: list[store.Outcome] = []

    def write(checked: Checked) -> Callable[[Session], None]:
        return lambda session: outcomes.extend(store.insert(session, [checked], stored_at=AT, authority=None))

    with own_app.app_context():
        engine = db.engine
    in_sessions(engine, *(write(first if turn % 2 else other) for turn in range(16)))
    counted = {kind: sum(isinstance(one, kind) for one in outcomes) for kind in (Stored, Duplicate, ConflictingId)}
    assert counted == {Stored: 1, Duplicate: 7, ConflictingId: 8}
    with own_app.app_context():
        assert db.session.execute(sa.text("SELECT count(*) FROM elearn.statement")).scalar() == 1


def test_batches_that_share_ids_in_any_order_never_deadlock(own_app: Flask) -> None:
    shared = [a_checked() for _ in range(60)]

    def write(turn: int) -> Callable[[Session], Any]:
        batch = shared if turn % 2 else shared[::-1]
        return lambda session: store.insert(session, [*batch, a_checked()], stored_at=AT, authority=None)

    with own_app.app_context():
        engine = db.engine
    in_sessions(engine, *(write(turn) for turn in range(16)))
    with own_app.app_context():
        assert db.session.execute(sa.text("SELECT count(*) FROM elearn.statement")).scalar() == 60 + 16
