"""One new statement, the most common request: one command that is a transaction of its own.

A batch needs three round trips (BEGIN, what `store.insert` does, COMMIT), and further ones for what is rare. Here all
that a new statement brings (its id, itself, its relations, its activities' new words) goes in by one command, and
PostgreSQL commits it as it ends. What that command cannot do whole, it does not begin: see `insert`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import cast
from uuid import UUID

import psycopg
import sqlalchemy as sa
from psycopg.pq import TransactionStatus
from sqlalchemy.orm import Session

from elearn.tracking.lrs.models import NIL
from elearn.tracking.lrs.rules.check import Checked
from elearn.tracking.lrs.rules.text import encode
from elearn.tracking.lrs.statements.store import MOMENT, NEW_WORD, said

# One that others refer to already gets faces, which take commands of their own: it is left to `store.insert`.
_INSERT = """
WITH MOMENT, fresh AS (
    INSERT INTO elearn.statement_id (id, stored_at, digest)
    SELECT %(id)s::uuid, moment.at, %(digest)s::bytea FROM moment
    WHERE NOT EXISTS (SELECT FROM elearn.statement_reference WHERE target_id = %(id)s::uuid)
    ON CONFLICT (id) DO NOTHING
    RETURNING id, stored_at
), kept AS (
    INSERT INTO elearn.statement (id, stored_at, happened_at, verb_key, actor_key, activity_key, registration,
                                  authority_id, version, raw)
    SELECT fresh.id, fresh.stored_at, coalesce(%(happened_at)s::timestamptz, fresh.stored_at), %(verb_key)s::uuid,
           %(actor_key)s::uuid, %(activity_key)s::uuid, %(registration)s::uuid, %(authority)s::uuid, %(version)s,
           %(raw)s
    FROM fresh
)
""".replace("MOMENT", MOMENT)
_RELATED = """
, related AS (
    INSERT INTO elearn.statement_relation (key, kind, stored_at, id)
    SELECT one.key, one.kind, fresh.stored_at, fresh.id
    FROM fresh CROSS JOIN json_to_recordset(%(relations)s::json) AS one(key uuid, kind smallint)
)
"""
_DEFINED = """
, defined AS (
    INSERT INTO elearn.activity_definition
        (activity_key, iri, definition, digest, stored_at, statement_id, merged, organisation_id)
    SELECT said.key, said.iri, said.definition, decode(said.digest, 'hex'), fresh.stored_at, fresh.id, false,
           %(definer)s::uuid
    FROM fresh CROSS JOIN json_to_recordset(%(definitions)s::json)
        AS said(key uuid, iri text, definition text, digest text, known text)
    WHERE NEW_WORD
)
""".replace("NEW_WORD", NEW_WORD)


def insert(
    session: Session,
    checked: Checked,
    *,
    stored_at: datetime,
    authority: UUID | None,
    organisation_id: UUID | None,
    defines: bool,
    stale_after: timedelta | None,
) -> datetime | None:
    """Write one statement and commit it; answers when it is stored. Arguments as `store.insert` has them.

    None: nothing was written, and `store.insert` is to be asked. So it is when its id is there or is referred to,
    when it refers to another statement, and when a transaction has begun on this session.
    """
    if checked.refers_to is not None:
        return None
    connection = session.connection()
    driver = cast("psycopg.Connection[tuple[object, ...]]", connection.connection.dbapi_connection)
    if driver.info.transaction_status != TransactionStatus.IDLE:
        return None
    parameters: dict[str, object] = {
        "id": checked.id,
        "digest": checked.digest,
        "stored_at": stored_at,
        "stale_after": stale_after,
        "happened_at": checked.happened_at,
        "verb_key": checked.verb_key,
        "actor_key": checked.actor_key,
        "activity_key": checked.activity_key,
        "registration": checked.registration,
        "authority": authority,
        "version": checked.version,
        "raw": checked.raw,
    }
    if checked.relations:
        parameters["relations"] = encode([{"key": key, "kind": kind} for key, kind in checked.relations])
    if defines and checked.definitions:
        parameters["definer"] = organisation_id or NIL
        parameters["definitions"] = encode(said([checked]))
    command = _command(related="relations" in parameters, defining="definitions" in parameters)
    return _by_itself(connection, driver, command, parameters)


def _by_itself(
    connection: sa.Connection,
    driver: psycopg.Connection[tuple[object, ...]],
    command: str,
    parameters: dict[str, object],
) -> datetime | None:
    driver.autocommit = True
    try:
        moment = connection.exec_driver_sql(command, parameters).scalar()
    finally:
        if not driver.closed:
            driver.autocommit = False
    return moment.astimezone(UTC) if isinstance(moment, datetime) else None


@cache
def _command(*, related: bool, defining: bool) -> str:
    parts = [_INSERT, _RELATED if related else "", _DEFINED if defining else ""]
    return "".join([*parts, "SELECT stored_at FROM fresh"])
