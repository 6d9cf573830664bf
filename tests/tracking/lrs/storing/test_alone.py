"""One new statement by one command: the same rows as a batch's, or nothing at all and the batch's way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.db import engine_options
from elearn.tracking.lrs.rules.check import Checked
from elearn.tracking.lrs.statements import alone, store
from elearn.tracking.lrs.statements.store import ConflictingId, Duplicate
from tests.at_once import in_sessions
from tests.builders_lrs import a_checked, a_statement, an_agent
from tests.conftest import statements

AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
UNIT = {"id": "a:unit", "definition": {"name": {"zh": "课"}}}
UNIT_AGAIN = {"id": "a:unit", "definition": {"moreInfo": "a:b"}}
PARENT = {"id": "a:course", "definition": {"name": {"zh": "培训"}}}


@pytest.fixture
def engine(own_database_url: str) -> Iterator[sa.Engine]:
    made = sa.create_engine(own_database_url, **engine_options())
    yield made
    made.dispose()


@pytest.fixture
def session(engine: sa.Engine) -> Iterator[Session]:
    with Session(engine) as made:
        yield made


def write(session: Session, checked: Checked, **way: Any) -> datetime | None:
    given = {"stored_at": AT, "authority": None, "organisation_id": None, "defines": True, "stale_after": None, **way}
    return alone.insert(session, checked, **given)


def rows(session: Session, id_: UUID) -> dict[str, list[Any]]:
    """All that lies in the tables for a statement, but for its id."""
    session.rollback()
    found = {
        table: [
            {**row, "id": None, "statement_id": None, "raw": row.get("raw", "").replace(str(id_), "")}
            for row in session.execute(
                sa.text(f"SELECT * FROM elearn.{table} WHERE {column} = :id ORDER BY stored_at, {order}"), {"id": id_}
            ).mappings()
        ]
        for table, column, order in (
            ("statement_id", "id", "id"),
            ("statement", "id", "id"),
            ("statement_relation", "id", "kind, key"),
            ("activity_definition", "statement_id", "iri, definition"),
        )
    }
    for row in found["activity_definition"]:
        row["organisation_id"] = None
    return found


WHATS: dict[str, dict[str, Any]] = {
    "plain": {},
    "a definition": {"object": UNIT},
    "several": {"object": UNIT, "context": {"contextActivities": {"parent": PARENT, "grouping": [UNIT, PARENT]}}},
    "one activity in two ways": {"object": UNIT, "context": {"contextActivities": {"other": UNIT_AGAIN}}},
    "a group": {"actor": {"objectType": "Group", "member": [an_agent("w-1"), an_agent("w-2")]}},
    "a timestamp": {"timestamp": "2026-01-01T00:00:00Z"},
    "a registration": {"context": {"registration": str(uuid4()), "instructor": an_agent("t")}},
    "a sub-statement": {"object": {**a_statement(id=None), "objectType": "SubStatement"}},
}


@pytest.mark.parametrize("what", WHATS.values(), ids=WHATS)
def test_it_leaves_the_same_rows_as_a_batch_of_one(session: Session, what: dict[str, Any]) -> None:
    mine, theirs = a_checked(**what), a_checked(**what)
    assert write(session, mine, organisation_id=uuid4()) == AT
    session.rollback()  # it is committed already
    store.insert(session, [theirs], stored_at=AT, authority=None, organisation_id=uuid4(), defines=True)
    session.commit()
    written, expected = rows(session, mine.id), rows(session, theirs.id)
    for both in (written, expected):
        for row in both["statement_id"]:
            row["digest"] = None  # of the id, too
    assert written == expected
    assert written["statement"]


def test_it_is_one_command_and_nothing_else(session: Session) -> None:
    with statements(session) as sent:
        session.rollback()
        assert write(session, a_checked(object=UNIT)) == AT
    assert len(sent) == 1
    assert session.connection().connection.dbapi_connection.autocommit is False  # type: ignore[union-attr]


def test_words_that_hold_already_are_not_written_again(session: Session) -> None:
    count = sa.text("SELECT count(*) FROM elearn.activity_definition")
    for expected, what in ((1, UNIT), (1, UNIT), (2, {**UNIT, "definition": {"name": {"zh": "新课"}}}), (3, UNIT)):
        assert write(session, a_checked(object=what), stored_at=AT + timedelta(seconds=expected)) is not None
        session.rollback()
        assert session.scalar(count) == expected
        session.rollback()


def test_what_others_refer_to_already_is_left_to_the_way_that_joins_them(session: Session) -> None:
    one = a_checked()
    about = a_checked(object={"objectType": "StatementRef", "id": str(one.id)})
    assert write(session, about) is None, "one that refers, too"
    store.insert(session, [about], stored_at=AT, authority=None)
    session.commit()
    assert write(session, one) is None
    assert store.get(session, one.id) is None
    store.insert(session, [one], stored_at=AT, authority=None)
    assert session.scalar(sa.text("SELECT count(*) FROM elearn.statement_face")) == 1


def test_an_id_that_is_there_is_left_to_the_way_that_compares(session: Session) -> None:
    one = a_checked()
    assert write(session, one) == AT
    other = a_checked(id=str(one.id), verb={"id": "a:other"})
    for checked, kind in ((one, Duplicate), (other, ConflictingId)):
        assert write(session, checked) is None
        assert isinstance(store.insert(session, [checked], stored_at=AT, authority=None)[0], kind)
        session.rollback()


def test_inside_a_transaction_nothing_is_committed_behind_it(session: Session) -> None:
    session.execute(sa.text("SELECT 1"))
    one = a_checked()
    assert write(session, one) is None
    assert store.get(session, one.id) is None


def test_a_moment_that_is_too_old_is_moved_up(session: Session) -> None:
    stored_at = write(session, a_checked(), stale_after=timedelta(milliseconds=800))
    assert stored_at is not None
    assert datetime.now(UTC) - stored_at < timedelta(seconds=60)


def test_a_command_that_fails_leaves_nothing_and_a_connection_that_goes_on(session: Session) -> None:
    one = a_checked()
    with pytest.raises(sa.exc.DBAPIError):
        write(session, one, authority="no UUID")
    session.rollback()
    assert store.get(session, one.id) is None
    session.rollback()
    assert write(session, one) == AT


def test_of_16_at_once_with_one_id_one_is_kept(engine: sa.Engine) -> None:
    one = a_checked()

    def work(session: Session) -> datetime | None:
        session.rollback()
        return write(session, one)

    answers = in_sessions(engine, *[work] * 16)
    assert sorted(answer is None for answer in answers) == [False] + [True] * 15
