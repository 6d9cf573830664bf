"""Statements in and out of the database: one round trip each way (a second for ids that were there), no objects.

What may be lost: nothing that was committed. What must never be: two different statements under one id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from elearn.tracking.lrs.rules.check import Checked

# One JSON parameter carries the whole batch: a list parameter would be escaped in Python, character by character.
# Ids go in sorted, so that two batches that share ids wait for each other in one order and never in a circle.
# Ids that were there before come back; what they are compared by is asked for in a second command. Only a command of
# its own sees what somebody else committed after the first had begun; and a look-up inside the first would cost each
# request, duplicates or not, a sixth more of PostgreSQL's time (16 partitions opened for nothing).
_INSERT = """
WITH given AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(batch)s::json) AS one(
        id uuid, digest text, happened_at timestamptz, verb_key uuid, actor_key uuid, activity_key uuid,
        registration uuid, voids uuid, version text, raw text)
), fresh AS (
    INSERT INTO elearn.statement_id (id, stored_at, digest)
    SELECT id, %(stored_at)s::timestamptz, decode(digest, 'hex') FROM given ORDER BY id
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), kept AS (
    INSERT INTO elearn.statement (id, stored_at, happened_at, verb_key, actor_key, activity_key, registration,
                                  voids, authority_id, sitting_id, version, raw)
    SELECT given.id, %(stored_at)s::timestamptz, coalesce(given.happened_at, %(stored_at)s::timestamptz),
           given.verb_key, given.actor_key, given.activity_key, given.registration, given.voids,
           %(authority)s::uuid, %(sitting_id)s::uuid, given.version, given.raw
    FROM given JOIN fresh USING (id)
), voided AS (
    INSERT INTO elearn.statement_voiding (id, target_id, stored_at)
    SELECT given.id, given.voids, %(stored_at)s::timestamptz FROM given JOIN fresh USING (id)
    WHERE given.voids IS NOT NULL
)
SELECT given.id FROM given LEFT JOIN fresh USING (id) WHERE fresh.id IS NULL
"""

_THERE = """
SELECT there.id, there.digest, there.stored_at
FROM json_array_elements_text(%(ids)s::json) AS given(id)
JOIN elearn.statement_id AS there ON there.id = given.id::uuid
"""

_GET = """
SELECT kept.raw, kept.stored_at, kept.authority_id, kept.version, kept.sitting_id,
       kept.voids IS NULL AND kept.sitting_id IS NULL
           AND EXISTS (SELECT FROM elearn.statement_voiding WHERE target_id = kept.id),
       sender.organisation_id
FROM elearn.statement_id AS there
JOIN elearn.statement AS kept ON kept.stored_at = there.stored_at AND kept.id = there.id
LEFT JOIN elearn.lrs_credential AS sender ON sender.id = kept.authority_id
WHERE there.id = %(id)s::uuid
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """It is new and was written."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An equal statement (Data 2.3.1) was there; nothing changed."""

    id: UUID
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class ConflictingId:
    """A different statement has this id; this one was not written."""

    id: UUID
    stored_at: datetime


Outcome = Stored | Duplicate | ConflictingId


@dataclass(frozen=True, slots=True)
class Kept:
    """A statement as it lies in the store."""

    id: UUID
    raw: str
    stored_at: datetime
    authority_id: UUID | None
    version: str
    sitting_id: UUID | None
    voided: bool
    """Never of what came by a sitting: that is evidence, and no key of another door takes it back."""
    authority_organisation_id: UUID | None
    """Whose credential it came by."""


def insert(
    session: Session,
    batch: Sequence[Checked],
    *,
    stored_at: datetime,
    authority: UUID | None,
    sitting_id: UUID | None = None,
) -> list[Outcome]:
    """Write what is new of `batch`; answers one outcome each, in the order of `batch`. Does not commit.

    `authority` is the credential it came by, None for this platform itself (a sitting). What is new is written
    even when other statements of the batch conflict: a caller that wants all or nothing rolls back. Waits for
    another transaction that is writing one of the same ids, and then tells what that one left.
    """
    first: dict[UUID, Checked] = {}
    for checked in batch:
        first.setdefault(checked.id, checked)
    if not first:
        return []
    connection = session.connection()
    parameters = {
        "batch": _as_json(first.values()),
        "stored_at": stored_at,
        "authority": authority,
        "sitting_id": sitting_id,
    }
    there: dict[UUID, tuple[bytes, datetime]] = {}
    old = [id_ for (id_,) in connection.exec_driver_sql(_INSERT, parameters)]
    if old:
        ids = msgspec.json.encode(old).decode()
        for id_, digest, earlier in connection.exec_driver_sql(_THERE, {"ids": ids}):
            there[id_] = digest, earlier
    outcomes: list[Outcome] = []
    for checked in batch:
        if checked.id in there:
            digest, earlier = there[checked.id]
            kind = Duplicate if digest == checked.digest else ConflictingId
            outcomes.append(kind(checked.id, earlier.astimezone(UTC)))
        else:
            outcomes.append(Stored(checked.id))
            there[checked.id] = checked.digest, stored_at  # its second time in this batch is a repetition
    return outcomes


def get(session: Session, id_: UUID) -> Kept | None:
    """The statement of this id, voided or not; None when there is none."""
    row = session.connection().exec_driver_sql(_GET, {"id": id_}).one_or_none()
    if row is None:
        return None
    raw, stored_at, authority_id, version, sitting_id, voided, organisation_id = row
    return Kept(id_, raw, stored_at.astimezone(UTC), authority_id, version, sitting_id, voided, organisation_id)


def _as_json(batch: Iterable[Checked]) -> str:
    rows = [
        {
            "id": one.id,
            "digest": one.digest.hex(),
            "happened_at": one.happened_at,
            "verb_key": one.verb_key,
            "actor_key": one.actor_key,
            "activity_key": one.activity_key,
            "registration": one.registration,
            "voids": one.voids,
            "version": one.version,
            "raw": one.raw,
        }
        for one in batch
    ]
    return msgspec.json.encode(rows).decode()
