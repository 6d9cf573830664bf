"""Many who write at once: nothing deadlocks, nothing is there twice, and nothing that raced stays apart."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.db import engine_options
from elearn.tracking.lrs.rules.check import check_statement
from elearn.tracking.lrs.rules.keys import key_of
from elearn.tracking.lrs.statements import faces, store
from elearn.tracking.lrs.statements.search import Filters, search
from elearn.tracking.lrs.statements.store import ConflictingId, Duplicate, Stored
from tests.at_once import in_sessions
from tests.builders_lrs import a_checked, an_agent

AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
WRITERS = 32


@pytest.fixture
def engine(own_database_url: str) -> Iterator[sa.Engine]:
    made = sa.create_engine(own_database_url, **{**engine_options(), "pool_size": WRITERS})
    yield made
    made.dispose()


def count(engine: sa.Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.text(f"SELECT count(*) FROM elearn.{table}")).scalar_one())


def test_32_writers_about_the_same_people_and_activities_do_not_deadlock(engine: sa.Engine) -> None:
    units = [{"id": f"a:unit/{number}", "definition": {"name": {"zh": f"课 {number}"}}} for number in range(5)]
    crew = {"objectType": "Group", "member": [an_agent(f"w-{number}") for number in range(5)]}

    def write(turn: int) -> Callable[[Session], None]:
        batches = [
            [
                a_checked(
                    object=units[(turn + place) % 5],
                    actor=crew if place % 2 else an_agent(f"w-{place % 5}"),
                    context={"contextActivities": {"parent": units[(turn * place) % 5]}, "instructor": an_agent("t")},
                )
                for place in range(20)
            ]
            for _ in range(3)
        ]

        def work(session: Session) -> None:
            for batch in batches:
                store.insert(session, batch[:: 1 if turn % 2 else -1], stored_at=AT, authority=None, defines=True)
                session.commit()

        return work

    in_sessions(engine, *(write(turn) for turn in range(WRITERS)))
    assert count(engine, "statement") == count(engine, "statement_id") == WRITERS * 60
    with engine.connect() as connection:
        said = connection.execute(sa.text("SELECT DISTINCT iri FROM elearn.activity_definition")).scalars()
        assert sorted(said) == [unit["id"] for unit in units]


def test_the_same_id_from_32_connections_leaves_one_copy_and_one_of_everything_beside_it(engine: sa.Engine) -> None:
    target = uuid4()
    first = a_checked(object={"objectType": "StatementRef", "id": str(target)}, context={"instructor": an_agent("t")})
    other = check_statement(json.dumps(first.statement | {"verb": {"id": "a:other"}}))
    outcomes: list[store.Outcome] = []

    def write(turn: int) -> Callable[[Session], None]:
        batch = [first if turn % 2 else other]
        return lambda session: outcomes.extend(store.insert(session, batch, stored_at=AT, authority=None))

    in_sessions(engine, *(write(turn) for turn in range(WRITERS)))
    assert Counter(map(type, outcomes)) == {Stored: 1, Duplicate: WRITERS // 2 - 1, ConflictingId: WRITERS // 2}
    for table in ("statement", "statement_id", "statement_reference", "statement_relation"):
        assert count(engine, table) == 1, table


def found(session: Session, verb: str) -> set[UUID]:
    return {kept.id for kept in search(session, Filters(verb_key=UUID(key_of(verb)), limit=100))}


def test_a_reference_and_its_target_that_raced_are_joined_by_the_job_once(engine: sa.Engine) -> None:
    target = a_checked(verb={"id": "a:watched"})
    middle = a_checked(verb={"id": "a:rated"}, object={"objectType": "StatementRef", "id": str(target.id)})
    first = a_checked(verb={"id": "a:replied"}, object={"objectType": "StatementRef", "id": str(middle.id)})
    sessions = [Session(engine) for _ in range(3)]
    for session, one in zip(sessions, (first, target, middle), strict=True):
        store.insert(session, [one], stored_at=AT, authority=None)  # nobody has committed: nobody sees another
    for session in sessions:
        session.commit()
        session.close()
    with Session(engine) as session:
        assert found(session, "a:watched") == {target.id}
        assert faces.mend(session, AT - timedelta(minutes=1)) == 3
        session.commit()
    with Session(engine) as session:
        assert found(session, "a:watched") == {first.id, middle.id, target.id}
        assert found(session, "a:rated") == {first.id, middle.id}
        assert faces.mend(session, AT - timedelta(minutes=1)) == 0


def test_a_writer_leaves_what_raced_before_it_to_the_job(engine: sa.Engine) -> None:
    """Else both could write the same face at once, and one of them would fail."""
    target = a_checked(verb={"id": "a:watched"})
    middle = a_checked(object={"objectType": "StatementRef", "id": str(target.id)})
    first = a_checked(object={"objectType": "StatementRef", "id": str(middle.id)})
    with Session(engine) as one, Session(engine) as other:
        store.insert(one, [first], stored_at=AT, authority=None)
        store.insert(other, [middle], stored_at=AT, authority=None)
        one.commit()
        other.commit()
        store.insert(one, [target], stored_at=AT, authority=None)
        other.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
        faces.mend(other, AT - timedelta(minutes=1))
        other.commit()
        one.commit()
    assert count(engine, "statement_face") == 3


def test_a_statement_sent_again_leaves_what_raced_to_the_job(engine: sa.Engine) -> None:
    target = a_checked()
    rating = a_checked(object={"objectType": "StatementRef", "id": str(target.id)})
    with Session(engine) as one, Session(engine) as other:
        store.insert(one, [rating], stored_at=AT, authority=None)
        store.insert(other, [target], stored_at=AT, authority=None)
        one.commit()
        other.commit()
        assert isinstance(store.insert(one, [rating], stored_at=AT, authority=None)[0], Duplicate)
        other.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
        assert faces.mend(other, AT - timedelta(minutes=1)) == 1
        other.commit()
        one.commit()
    assert count(engine, "statement_face") == 1


def test_jobs_and_writers_about_one_chain_never_write_the_same_face(engine: sa.Engine) -> None:
    target = a_checked()
    ratings = [a_checked(object={"objectType": "StatementRef", "id": str(target.id)}) for _ in range(24)]

    def write(one: int) -> Callable[[Session], Any]:
        batch = [target] if one == 12 else [ratings[one]]
        return lambda session: store.insert(session, batch, stored_at=AT, authority=None)

    def mend(session: Session) -> None:
        for _ in range(5):
            faces.mend(session, AT - timedelta(minutes=1))
            session.commit()

    in_sessions(engine, *(write(one) for one in range(24)), *([mend] * 8))
    with Session(engine) as session:
        faces.mend(session, AT - timedelta(minutes=1))
        session.commit()
    assert count(engine, "statement_face") == 23
