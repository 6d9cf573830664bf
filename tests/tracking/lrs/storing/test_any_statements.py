"""Any statements, any question: the store finds what a plain reading of the specification finds, and pages of any size
join to the same without gap or repetition."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from elearn.tracking.lrs.access.scopes import Reads
from elearn.tracking.lrs.rules.check import VOIDED, actor_key, check_statement
from elearn.tracking.lrs.rules.keys import key_of
from elearn.tracking.lrs.statements import store
from elearn.tracking.lrs.statements.search import EVERYTHING, Filters, search
from tests.builders_lrs import a_credential
from tests.builders_people import an_organisation
from tests.tracking.lrs.storing.naive import Lying, Naive, Question

AT = datetime(2026, 7, 31, 23, 59, 59, 999_990, tzinfo=UTC)
"""Batches cross into another month."""
AGENTS: list[dict[str, Any]] = [{"mbox": f"mailto:w{number}@a.example"} for number in range(3)]
IDENTIFIED: dict[str, Any] = {"objectType": "Group", "openid": "https://a.example/group", "member": [AGENTS[0]]}
VERBS = ["a:watched", "a:rated"]
ACTIVITIES = [{"id": f"a:unit/{number}"} for number in range(3)]
REGISTRATIONS = [str(UUID(int=number, version=4)) for number in range(1, 3)]
IDS = [str(UUID(int=number << 80, version=4)) for number in range(1, 9)]
CREDENTIALS = [UUID(int=number) for number in range(1, 4)]
"""The first two are of one organisation each, the third of none."""

agents = st.sampled_from(AGENTS)
groups = st.one_of(
    st.just(IDENTIFIED),
    st.lists(agents, min_size=1, max_size=2).map(lambda members: {"objectType": "Group", "member": members}),
)
actors = st.one_of(agents, agents, groups)
activities = st.sampled_from(ACTIVITIES)
contexts = st.fixed_dictionaries(
    {},
    optional={
        "registration": st.sampled_from(REGISTRATIONS),
        "instructor": actors,
        "team": groups,
        "contextActivities": st.fixed_dictionaries(
            {}, optional={"parent": activities, "category": st.lists(activities, max_size=2)}
        ),
        "contextAgents": st.lists(
            agents.map(lambda one: {"objectType": "contextAgent", "agent": one}), min_size=1, max_size=1
        ),
        "contextGroups": st.lists(
            groups.map(lambda one: {"objectType": "contextGroup", "group": one}), min_size=1, max_size=1
        ),
    },
)
references = st.sampled_from(IDS).map(lambda id_: {"objectType": "StatementRef", "id": id_})
plain = st.one_of(activities, agents.map(lambda one: one | {"objectType": "Agent"}), groups)
sub_statements = st.fixed_dictionaries(
    {
        "objectType": st.just("SubStatement"),
        "actor": actors,
        "verb": st.just({"id": "a:inner"}),
        "object": st.one_of(plain, references),
    },
    optional={"context": contexts},
)
verbs = st.sampled_from(VERBS).map(lambda verb: {"id": verb})
statements = st.one_of(
    st.fixed_dictionaries(
        {"actor": actors, "verb": verbs, "object": st.one_of(activities, plain, sub_statements)},
        optional={"context": contexts},
    ),
    st.fixed_dictionaries({"actor": actors, "verb": verbs, "object": references}, optional={"context": contexts}),
    st.fixed_dictionaries({"actor": agents, "verb": st.just({"id": VOIDED}), "object": references}),
)


@dataclass(frozen=True)
class Arrival:
    """Statements in one request; no credential: by a sitting."""

    statements: Sequence[dict[str, Any]]
    credential: int | None


arrivals = st.lists(
    st.builds(
        Arrival,
        st.lists(statements, min_size=1, max_size=4),
        st.one_of(st.integers(0, 2), st.integers(0, 2), st.none()),
    ),
    min_size=1,
    max_size=6,
)
moments = st.one_of(st.none(), st.integers(-1, 30).map(lambda number: AT + timedelta(microseconds=number)))
questions = st.builds(
    Question,
    agent=st.one_of(st.none(), agents, st.just(IDENTIFIED)),
    credential_id=st.one_of(st.none(), st.sampled_from(CREDENTIALS)),
    related_agents=st.booleans(),
    verb=st.one_of(st.none(), st.sampled_from([*VERBS, VOIDED])),
    activity=st.one_of(st.none(), activities.map(lambda one: one["id"])),
    related_activities=st.booleans(),
    registration=st.one_of(st.none(), st.none(), st.sampled_from(REGISTRATIONS)),
    since=moments,
    until=moments,
    ascending=st.booleans(),
    readers=st.one_of(st.none(), st.lists(st.sampled_from(CREDENTIALS), unique=True).map(tuple)),
)


@pytest.fixture
def organisations(session: Session) -> list[UUID | None]:
    """Of each of CREDENTIALS, which are there afterwards."""
    found = [an_organisation(session).id, an_organisation(session).id, None]
    for id_, organisation_id in zip(CREDENTIALS, found, strict=True):
        a_credential(session, organisation_id=organisation_id, id_=id_)
    return found


def lay_down(session: Session, arrived: Sequence[Arrival], organisations: Sequence[UUID | None]) -> Naive:
    """Store each arrival's statements under the next of IDS, in a shuffled order of ids."""
    lying: list[Lying] = []
    ids = iter(IDS[::3] + IDS[1::3] + IDS[2::3])
    for number, arrival in enumerate(arrived):
        named = [statement | {"id": id_} for statement, id_ in zip(arrival.statements, ids, strict=False)]
        if not named:
            break
        credential = arrival.credential
        whose = None if credential is None else (CREDENTIALS[credential], organisations[credential])
        outcomes = store.insert(
            session,
            [check_statement(json.dumps(one), "2.0.0") for one in named],
            stored_at=AT + timedelta(microseconds=5 * number),
            authority=whose and whose[0],
            organisation_id=whose and whose[1],
            sitting_id=UUID(int=77) if whose is None else None,
        )
        lying += [
            Lying(one, outcome.stored_at, whose and whose[0], whose and whose[1])
            for one, outcome in zip(named, outcomes, strict=True)
        ]
    return Naive(lying)


def filters_of(asked: Question, *, limit: int, after: tuple[datetime, UUID] | None = None) -> Filters:
    agent = None if asked.agent is None else actor_key(asked.agent)
    return Filters(
        agent_key=None if agent is None else UUID(agent),
        authority_id=asked.credential_id,
        related_agents=asked.related_agents,
        verb_key=None if asked.verb is None else UUID(key_of(asked.verb)),
        activity_key=None if asked.activity is None else UUID(key_of(asked.activity)),
        related_activities=asked.related_activities,
        registration=None if asked.registration is None else UUID(asked.registration),
        since=asked.since,
        until=asked.until,
        ascending=asked.ascending,
        limit=limit,
        after=after,
        reads=EVERYTHING if asked.readers is None else Reads(all=False, credentials=asked.readers),
    )


def paged(session: Session, asked: Question, size: int) -> list[UUID]:
    """All pages of `size`, one after the other."""
    found: list[UUID] = []
    after: tuple[datetime, UUID] | None = None
    while True:
        rows = search(session, filters_of(asked, limit=size, after=after))
        assert len(rows) <= size + 1
        found += [row.id for row in rows[:size]]
        if len(rows) <= size:
            return found
        after = rows[size - 1].stored_at, rows[size - 1].id


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrived=arrivals, asked=st.lists(questions, min_size=1, max_size=8), size=st.integers(1, 5))
def test_the_store_finds_what_the_text_says_and_pages_join_to_it(
    session: Session,
    organisations: list[UUID | None],
    arrived: list[Arrival],
    asked: list[Question],
    size: int,
) -> None:
    with session.begin_nested() as savepoint:
        naive = lay_down(session, arrived, organisations)
        for one in asked:
            expected = naive.search(one)
            rows = search(session, filters_of(one, limit=100))
            assert [row.id for row in rows] == expected
            assert paged(session, one, size) == expected
        savepoint.rollback()
    assert session.execute(sa.text("SELECT count(*) FROM elearn.statement")).scalar() == 0
