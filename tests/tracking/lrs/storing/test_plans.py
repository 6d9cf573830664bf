"""However many statements there are, a page costs what a page costs: the plans, at a size that tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import md5
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import embedded
from elearn.db import engine_options
from elearn.tracking.lrs.access.scopes import Reads
from elearn.tracking.lrs.statements.search import ENOUGH, Filters, search

STATEMENTS = 200_000
"""In one month, of 50 agents, 4 verbs and 20 activities; all belong to one profile and a tenth to one teacher, and all
but a thousandth came by one key."""
FILL = [
    """
    INSERT INTO elearn.statement (stored_at, id, happened_at, verb_key, actor_key, activity_key, authority_id, version,
                                  raw)
    SELECT moment, md5('id' || i)::uuid, moment, md5('verb' || i % 4)::uuid, md5('agent' || i / 4 % 50)::uuid,
           md5('activity' || CASE WHEN i / 4 % 50 = 8 THEN ' of one' ELSE (i / 200 % 20)::text END)::uuid,
           md5(CASE WHEN i % 1000 = 0 THEN 'rare' ELSE 'busy' END || 'key')::uuid, '1.0.0', '{}'
    FROM generate_series(1, :statements) AS i,
         LATERAL (SELECT '2026-07-01'::timestamptz + i * interval '1 second') AS at(moment)
    """,
    """
    INSERT INTO elearn.statement_relation (key, kind, stored_at, id)
    SELECT md5('profile')::uuid, 3, stored_at, id FROM elearn.statement
    UNION ALL
    SELECT md5('teacher')::uuid, 2, stored_at, id FROM elearn.statement
    WHERE extract(second FROM stored_at)::int % 10 = 0
    """,
]


def named(name: str) -> UUID:
    return UUID(md5(name.encode(), usedforsecurity=False).hexdigest())


@pytest.fixture(scope="module")
def filled(services: embedded.Services, template: str) -> Iterator[sa.Engine]:
    """As on a day without statistics: PostgreSQL has not been told what was filled in."""
    url = services.create_database("plans", template=template)
    engine = sa.create_engine(url, **engine_options())
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT elearn.make_statement_months(1, '2026-07-01')"))
        for command in FILL:
            connection.execute(sa.text(command), {"statements": STATEMENTS})
    yield engine
    engine.dispose()
    services.drop_database("plans")


PAGE = Filters(limit=50)
BUSY, RARE = Reads(all=False, credentials=(named("busykey"),)), Reads(all=False, credentials=(named("rarekey"),))
QUESTIONS = {
    "agent and verb": replace(PAGE, agent_key=named("agent7"), verb_key=named("verb1")),
    "agent and activity": replace(PAGE, agent_key=named("agent7"), activity_key=named("activity3")),
    "agent and an activity that others did": replace(
        PAGE, agent_key=named("agent7"), activity_key=named("activity of one")
    ),
    "agent, activity and verb": replace(
        PAGE, agent_key=named("agent7"), activity_key=named("activity3"), verb_key=named("verb1")
    ),
    "agent": replace(PAGE, agent_key=named("agent7")),
    "verb": replace(PAGE, verb_key=named("verb1")),
    "activity, oldest first": replace(PAGE, activity_key=named("activity3"), ascending=True),
    "everything from the middle on": replace(PAGE, after=(datetime(2026, 7, 2, tzinfo=UTC), named("x"))),
    "a verb from the middle on": replace(
        PAGE, verb_key=named("verb1"), after=(datetime(2026, 7, 2, tzinfo=UTC), named("x"))
    ),
    "an activity that all belong to": replace(PAGE, activity_key=named("profile"), related_activities=True),
    "a verb among an activity that all belong to": replace(
        PAGE, verb_key=named("verb1"), activity_key=named("profile"), related_activities=True
    ),
    "a verb that nobody used among them": replace(
        PAGE, verb_key=named("none"), activity_key=named("profile"), related_activities=True
    ),
    "a teacher of many": replace(PAGE, agent_key=named("teacher"), related_agents=True),
    "a teacher of many among all": replace(
        PAGE, agent_key=named("teacher"), related_agents=True, activity_key=named("profile"), related_activities=True
    ),
    "nobody": replace(PAGE, agent_key=named("nobody"), related_agents=True),
    "a registration that nobody has": replace(PAGE, registration=named("none"), verb_key=named("verb1")),
    "what came by one key": replace(PAGE, reads=RARE),
    "what came by two keys": replace(PAGE, reads=Reads(all=False, credentials=(*BUSY.credentials, *RARE.credentials))),
    "a verb that a quiet key may see": replace(PAGE, verb_key=named("verb1"), reads=RARE),
    "a verb that a busy key may see": replace(PAGE, verb_key=named("verb1"), reads=BUSY),
}


BY_ONE_INDEX = {"agent and verb", "agent and activity", "agent and an activity that others did", "agent", "verb"}
"""These read their page and nothing else."""


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("told", [False, True], ids=["no statistics", "statistics"])
def test_no_question_reads_much_more_than_its_page(filled: sa.Engine, question: str, told: bool) -> None:
    if told:
        with filled.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("ANALYZE elearn.statement, elearn.statement_relation"))
    with Session(filled) as session:
        commands: list[tuple[str, dict[str, Any]]] = []

        def note(_connection: object, _cursor: object, command: str, parameters: dict[str, Any], *_: object) -> None:
            commands.append((command, parameters))

        sa.event.listen(filled, "before_cursor_execute", note)
        try:
            search(session, QUESTIONS[question])
        finally:
            sa.event.remove(filled, "before_cursor_execute", note)
        read = 0
        for command, parameters in commands:
            if "elearn." not in command:
                session.connection().exec_driver_sql(command)  # how the planner is to go about it
                continue
            explain = "EXPLAIN (ANALYZE, TIMING off, BUFFERS off, FORMAT JSON) " + command
            plan = session.connection().exec_driver_sql(explain, parameters).scalar_one()
            read += sum(rows_read(plan[0]["Plan"]))
    assert read <= (4 * (PAGE.limit + 1) if question in BY_ONE_INDEX else 6 * ENOUGH), read


def rows_read(node: dict[str, Any]) -> Iterator[int]:
    """Rows that each scan looked at, those thrown away included."""
    if "Relation Name" in node:
        seen = (
            node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        )
        yield round(seen * node["Actual Loops"])
    for child in node.get("Plans", ()):
        yield from rows_read(child)
