"""What was stored before there were relations, references and definitions is found by them afterwards."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import embedded, schema
from elearn.db import engine_options
from elearn.tracking.lrs.rules.check import VOIDED, Checked, actor_key, check_statement
from elearn.tracking.lrs.rules.keys import key_of
from elearn.tracking.lrs.statements.search import Filters, search
from tests.builders_lrs import a_checked, an_agent

AT = datetime(2026, 7, 1, tzinfo=UTC)
OLD = """
INSERT INTO elearn.statement (id, stored_at, happened_at, verb_key, actor_key, activity_key, registration, voids,
                              authority_id, version, raw)
VALUES (:id, :at, :at, :verb, :actor, :activity, NULL, :voids, :authority, '2.0.0', :raw)
"""


def lay(session: Session, one: Checked, at: datetime, authority: UUID) -> None:
    """As a program of before wrote it."""
    session.execute(
        sa.text(OLD),
        {
            "id": one.id,
            "at": at,
            "verb": one.verb_key,
            "actor": one.actor_key,
            "activity": one.activity_key,
            "voids": one.voids,
            "authority": authority,
            "raw": one.raw,
        },
    )
    session.execute(sa.text("INSERT INTO elearn.statement_id VALUES (:id, :at, '')"), {"id": one.id, "at": at})


def test_statements_of_before_get_all_that_is_written_beside_new_ones(services: embedded.Services) -> None:
    url = services.create_database("statements_of_before")
    schema.upgrade(url, to="0014")
    engine = sa.create_engine(url, **engine_options())
    teacher, member = an_agent("teacher"), an_agent("member")
    defined = {"id": "a:unit", "definition": {"name": {"zh": "高处"}}}
    target = a_checked(
        "2.0.0",
        object={
            "objectType": "SubStatement",
            "actor": {"objectType": "Group", "member": [member]},
            "verb": {"id": "a:v"},
            "object": defined,
        },
        context={
            "team": {"objectType": "Group", "member": [teacher]},
            "contextActivities": {"parent": [{"id": "a:course"}]},
            "contextAgents": [{"objectType": "contextAgent", "agent": an_agent("helper")}],
        },
    )
    rating = a_checked(verb={"id": "a:rated"}, object={"objectType": "StatementRef", "id": str(target.id)})
    voiding = a_checked(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": str(rating.id)})
    vandal = a_checked(object={"id": "a:unit", "definition": {"name": {"zh": "x"}}})
    ours, define, write = uuid4(), uuid4(), uuid4()
    with Session(engine) as session:
        session.execute(
            sa.text(
                "INSERT INTO elearn.organisation (id, kind, name, created_at) VALUES (:id, 'enterprise', 'a', :at)"
            ),
            {"id": ours, "at": AT},
        )
        for id_, scopes in ((define, "{define}"), (write, "{statements/write}")):
            session.execute(
                sa.text(
                    "INSERT INTO elearn.lrs_credential (id, key, secret_hash, label, organisation_id, scopes, "
                    "created_at) VALUES (:id, CAST(:id AS text), '', '', :ours, :scopes, :at)"
                ),
                {"id": id_, "ours": ours, "scopes": scopes, "at": AT},
            )
        for day, (one, by) in enumerate(((rating, write), (target, define), (voiding, write), (vandal, write)), 1):
            lay(session, one, AT.replace(month=7 + day % 2, day=day), by)
        session.execute(
            sa.text("INSERT INTO elearn.statement_voiding VALUES (:id, :target, :at)"),
            {"id": voiding.id, "target": rating.id, "at": AT.replace(month=8, day=3)},
        )
        session.commit()
    schema.upgrade(url, to="0015")
    with Session(engine) as session:
        assert session.execute(sa.text("SELECT iri, definition FROM elearn.activity_definition")).all() == [
            ("a:unit", '{"name":{"zh":"高处"}}')
        ]
        pairs = session.execute(
            sa.text("SELECT id, key, kind FROM elearn.statement_relation WHERE face_id IS NULL")
        ).all()
        expected = [
            (one.id, UUID(key), kind)
            for one in (rating, target, voiding, vandal)
            for key, kind in check_statement(json.dumps(one.statement), "2.0.0").relations
        ]
        assert sorted(map(tuple, pairs)) == sorted(expected)
        assert session.execute(sa.text("SELECT organisation_id FROM elearn.statement_voiding")).scalars().all() == [
            ours
        ]
        faces = session.execute(sa.text("SELECT id, target_id FROM elearn.statement_face")).all()
        assert sorted(map(tuple, faces)) == sorted(
            [(rating.id, target.id), (voiding.id, rating.id), (voiding.id, target.id)]
        )
    schema.upgrade(url)
    with Session(engine) as session:
        for agent in (teacher, member, an_agent("helper")):
            asked = Filters(agent_key=UUID(actor_key(agent) or ""), related_agents=True, limit=9)
            assert [kept.id for kept in search(session, asked)] == [voiding.id, target.id], "the rating is voided"
        related = Filters(activity_key=UUID(key_of("a:course")), related_activities=True, limit=9, ascending=True)
        assert [kept.id for kept in search(session, related)] == [target.id, voiding.id]
    engine.dispose()
