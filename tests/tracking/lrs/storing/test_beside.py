"""What a batch brings beside its statements: its order, definitions of activities, voidings and whose they are."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.tracking.lrs.rules.check import VOIDED, Checked, check_statement
from elearn.tracking.lrs.rules.keys import key_of
from elearn.tracking.lrs.statements import store
from elearn.tracking.lrs.statements.search import Filters, search
from tests.builders_lrs import a_checked, a_credential, an_agent
from tests.builders_people import an_organisation

AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


def moments(session: Session) -> dict[UUID, datetime]:
    return {kept.id: kept.stored_at for kept in search(session, Filters(limit=100))}


def test_a_batch_keeps_its_order_and_tells_when_each_was_stored(session: Session) -> None:
    batch = [a_checked() for _ in range(5)]
    outcomes = store.insert(session, [batch[0], *batch], stored_at=AT, authority=uuid4())
    expected = [AT + MICROSECOND * place for place in range(5)]
    assert [outcome.stored_at for outcome in outcomes] == [AT, *expected]
    assert [moments(session)[one.id] for one in batch] == expected
    assert [kept.id for kept in search(session, Filters(limit=9, ascending=True))] == [one.id for one in batch]


def test_what_a_sitting_sends_together_is_stored_at_one_moment(session: Session) -> None:
    batch = [a_checked() for _ in range(3)]
    store.insert(session, batch, stored_at=AT, authority=None, sitting_id=uuid4())
    assert set(moments(session).values()) == {AT}


def defining(**definition: Any) -> Checked:
    return a_checked(object={"id": "a:unit", "definition": definition})


def said(session: Session) -> list[tuple[str, UUID, datetime]]:
    """Definitions in the order in which they came."""
    rows = session.execute(
        sa.text(
            "SELECT definition, statement_id, stored_at, activity_key, iri, merged FROM elearn.activity_definition "
            "ORDER BY stored_at"
        )
    ).all()
    assert all(row[3:] == (UUID(key_of("a:unit")), "a:unit", False) for row in rows)
    return [(row[0], row[1], row[2].astimezone(UTC)) for row in rows]


def test_what_is_said_again_in_the_same_words_is_not_written_again(session: Session) -> None:
    name = {"zh": "高处"}
    first, second, third = defining(name=name), defining(name=name, type="a:lesson"), defining(name=name)
    store.insert(session, [first, second, third], stored_at=AT, authority=None, defines=True)
    store.insert(session, [defining(name=name)], stored_at=LATER, authority=None, defines=True)
    assert said(session) == [
        ('{"name":{"zh":"高处"},"type":"a:lesson"}', second.id, AT + MICROSECOND),
        ('{"name":{"zh":"高处"}}', third.id, AT + MICROSECOND * 2),
    ]


def test_who_may_not_define_and_what_was_not_stored_defines_nothing(session: Session) -> None:
    store.insert(session, [defining(name={"zh": "a"})], stored_at=AT, authority=None)
    known = a_checked(object={"id": "a:unit"})
    store.insert(session, [known], stored_at=AT, authority=None, defines=True)
    again = check_statement(json.dumps(known.statement | {"object": {"id": "a:unit", "definition": {"type": "a:t"}}}))
    outcomes = store.insert(session, [again], stored_at=LATER, authority=None, defines=True)
    assert [type(outcome) for outcome in outcomes] == [store.Duplicate]
    assert said(session) == []


def test_what_was_rolled_back_is_not_taken_for_said(session: Session) -> None:
    with session.begin_nested() as savepoint:
        store.insert(session, [defining(type="a:t")], stored_at=AT, authority=None, defines=True)
        savepoint.rollback()
    store.insert(session, [defining(type="a:t")], stored_at=AT, authority=None, defines=True)
    assert len(said(session)) == 1


@pytest.mark.parametrize(
    ("by", "sent", "voided"),
    [
        ("ours", "ours", True),
        ("ours", "theirs", False),
        ("ours", "platform", False),
        ("platform", "ours", True),
        ("platform", "platform", True),
        ("platform", "sitting", False),
        ("ours", "sitting", False),
    ],
)
def test_a_voiding_takes_back_what_came_by_its_own_organisation(
    session: Session, by: str, sent: str, voided: bool
) -> None:
    organisations = {"ours": an_organisation(session).id, "theirs": an_organisation(session).id, "platform": None}
    credentials = {name: a_credential(session, organisation_id=id_) for name, id_ in organisations.items()}
    target = a_checked()
    sitting = uuid4() if sent == "sitting" else None
    store.insert(session, [target], stored_at=AT, authority=credentials.get(sent), sitting_id=sitting)
    voiding = a_checked(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": str(target.id)})
    store.insert(session, [voiding], stored_at=LATER, authority=credentials[by], organisation_id=organisations[by])
    kept = store.get(session, target.id)
    assert kept is not None
    assert kept.voided == voided
    assert (target.id not in moments(session)) == voided
    assert voiding.id in moments(session)


BESIDE = (
    "statement_relation",
    "statement_relation_default",
    "statement_reference",
    "statement_face",
    "activity_definition",
    "statement_attachment",
    "attachment_content",
)


@pytest.mark.parametrize("table", BESIDE)
@pytest.mark.parametrize("command", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_database_refuses_every_change(session: Session, table: str, command: str) -> None:
    target = a_checked(object={"id": "a:unit", "definition": {"type": "a:t"}}, context={"instructor": an_agent("t")})
    rating = a_checked(object={"objectType": "StatementRef", "id": str(target.id)})
    far = datetime(2199, 1, 1, tzinfo=UTC)
    store.insert(session, [target, rating], stored_at=far, authority=None, defines=True)
    session.execute(
        sa.text("INSERT INTO elearn.statement_attachment VALUES (:at, :id, 0, 'ab', 'text/plain')"),
        {"at": far, "id": target.id},
    )
    session.execute(sa.text("INSERT INTO elearn.attachment_content VALUES ('ab', 'x', 1)"))
    column = "size" if table == "attachment_content" else "stored_at"
    with pytest.raises(IntegrityError, match="append-only"):
        session.execute(sa.text(command.format(f"elearn.{table}", column, column)))


def test_relations_get_the_months_that_statements_get(session: Session) -> None:
    at = datetime(2188, 5, 31, 23, 59, 59, tzinfo=UTC)
    for moment in (at, at + timedelta(seconds=1)):
        store.insert(session, [a_checked(context={"instructor": an_agent("t")})], stored_at=moment, authority=None)
    make = sa.text("SELECT elearn.make_statement_months(1, '2188-05-17')")
    assert session.execute(make).scalar() == 2
    assert session.execute(make).scalar() == 0
    where = session.execute(
        sa.text("SELECT tableoid::regclass::text FROM elearn.statement_relation ORDER BY stored_at")
    ).scalars()
    assert [name.removeprefix("elearn.") for name in where] == [
        "statement_relation_2188_05",
        "statement_relation_2188_06",
    ]
    with pytest.raises(IntegrityError, match="append-only"):
        session.execute(sa.text("TRUNCATE elearn.statement_relation_2188_06"))
