"""By what a statement is found that has another statement as its object: by all that the other one is found by.

xAPI Communication 2.1.3, "Filter Conditions for StatementRefs": a statement meets a filter when the one it refers to
does, and so on along the chain. The other's columns are written beside the statement, once both are there (its
"face"), so that a query asks one more index instead of walking chains. Whoever arrives second writes it. Two that
arrive at once do not see each other; `mend` finds those pairs.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.tracking.lrs.rules.relations import relations
from elearn.tracking.lrs.rules.text import decode, encode

MAX_STEPS = 8
"""So far a chain is followed. It bounds what a batch of statements, each referring to the last, can make us write."""
MAX_RELATIONS = 100
"""So many of the wider relations of a statement are also found through what refers to it: a group of ten thousand
members with a thousand references to it would be ten million rows."""

_MISSING = """
WITH RECURSIVE given AS MATERIALIZED (
    SELECT one.id::uuid AS id FROM json_array_elements_text(%(ids)s::json) AS one(id)
), up (id, steps) AS (
    SELECT id, 0 FROM given
    UNION
    SELECT reference.id, up.steps + 1
    FROM up JOIN elearn.statement_reference AS reference ON reference.target_id = up.id
    WHERE up.steps < %(max_steps)s
), down (id, stored_at, target_id, steps, through_given) AS (
    SELECT reference.id, reference.stored_at, reference.target_id, 1,
           EXISTS (SELECT FROM given WHERE given.id IN (reference.id, reference.target_id))
    FROM (SELECT DISTINCT id FROM up) AS up JOIN elearn.statement_reference AS reference USING (id)
    UNION
    SELECT down.id, down.stored_at, reference.target_id, down.steps + 1,
           down.through_given OR EXISTS (SELECT FROM given WHERE given.id = reference.target_id)
    FROM down JOIN elearn.statement_reference AS reference ON reference.id = down.target_id
    WHERE down.steps < %(max_steps)s
)
SELECT DISTINCT down.id, down.stored_at, down.target_id, target.stored_at
FROM down JOIN elearn.statement_id AS target ON target.id = down.target_id
WHERE down.through_given AND down.id <> down.target_id AND NOT EXISTS (
    SELECT FROM elearn.statement_face AS face WHERE face.id = down.id AND face.target_id = down.target_id)
"""
_TARGETS = """
SELECT kept.id, kept.raw, kept.actor_key, kept.activity_key
FROM json_to_recordset(%(targets)s::json) AS given(id uuid, stored_at timestamptz)
JOIN elearn.statement AS kept ON kept.stored_at = given.stored_at AND kept.id = given.id
"""
_SHOW = """
WITH given AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(pairs)s::json)
        AS one(id uuid, stored_at timestamptz, target_id uuid, target_stored_at timestamptz)
), faces AS (
    INSERT INTO elearn.statement_face (id, target_id, stored_at, target_stored_at, verb_key, actor_key, activity_key,
                                       registration, authority_id)
    SELECT given.id, given.target_id, given.stored_at, given.target_stored_at, kept.verb_key, kept.actor_key,
           kept.activity_key, kept.registration, kept.authority_id
    FROM given JOIN elearn.statement AS kept ON kept.stored_at = given.target_stored_at AND kept.id = given.target_id
)
INSERT INTO elearn.statement_relation (key, kind, stored_at, id, face_id)
SELECT one.key, one.kind, given.stored_at, given.id, given.target_id
FROM given JOIN json_to_recordset(%(relations)s::json) AS one(id uuid, key uuid, kind smallint)
    ON one.id = given.target_id
"""
_RECENT = "SELECT id FROM elearn.statement_reference WHERE stored_at > %(since)s"


def show_faces(session: Session, ids: Iterable[UUID]) -> int:
    """Write the faces that are missing along chains through one of the statements `ids`; answers how many.

    Called with statements that nobody else can see yet, so no row is written by two transactions: of two statements
    that arrive at once at most one sees the other, and `mend` sees neither.
    """
    connection = session.connection()
    found = connection.exec_driver_sql(_MISSING, {"ids": encode(list(ids)), "max_steps": MAX_STEPS}).all()
    if not found:
        return 0
    targets = {target_id: stored_at for _, _, target_id, stored_at in found}
    given = [{"id": id_, "stored_at": stored_at} for id_, stored_at in targets.items()]
    related: list[dict[str, object]] = []
    for id_, raw, actor, activity in connection.exec_driver_sql(_TARGETS, {"targets": encode(given)}):
        pairs = relations(decode(raw), actor=actor and actor.hex, activity=activity and activity.hex)
        related.extend({"id": id_, "key": key, "kind": kind} for key, kind in pairs[:MAX_RELATIONS])
    rows = [
        {"id": id_, "stored_at": stored_at, "target_id": target_id, "target_stored_at": target_stored_at}
        for id_, stored_at, target_id, target_stored_at in found
    ]
    connection.exec_driver_sql(_SHOW, {"pairs": encode(rows), "relations": encode(related)})
    return len(rows)


def mend(session: Session, since: datetime) -> int:
    """Write the faces that two statements stored at once since then could not see; answers how many.

    Of a raced pair the one that refers, or one that stands between the two, was stored as late as the other.
    """
    session.connection().exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('elearn statement faces'))")
    recent = [id_ for (id_,) in session.connection().exec_driver_sql(_RECENT, {"since": since})]
    return show_faces(session, recent)
