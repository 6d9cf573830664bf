"""Statements in and out of the database, no objects: one round trip each way, and more for ids that were there, for
activities in new words, and where one statement refers to another.

What may be lost: nothing that was committed. What must never be: two different statements under one id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import blake2b
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.arrays import Array, binaries, integers, moments, texts, uuids
from elearn.tracking.lrs.models import NIL
from elearn.tracking.lrs.rules.check import Checked
from elearn.tracking.lrs.rules.comparing import equivalent
from elearn.tracking.lrs.rules.keys import key_of
from elearn.tracking.lrs.rules.text import decode, encode
from elearn.tracking.lrs.statements.faces import show_faces

# Read once: by it a writer that stood still between reading its clock and coming here is not late.
MOMENT = """moment AS MATERIALIZED (
    SELECT greatest(%(stored_at)s::timestamptz, clock_timestamp() - %(stale_after)s::interval) AS at
)"""

# Each column of the batch is one array. Ids go in sorted, so that two batches that share ids wait for each other in one
# order and never in a circle: nothing else that is written here is unique. Ids that were there before come back; what
# they are compared by is asked for in a second command. Only a command of its own sees what somebody else committed
# after the first had begun; and a look-up inside the first would cost each request, duplicates or not, a sixth more of
# PostgreSQL's time (16 partitions opened for nothing). What a batch does not need (relations, references, definitions)
# is not in its command at all.
_INSERT = """
WITH MOMENT, given AS MATERIALIZED (
    SELECT one.*, moment.at > %(stored_at)s::timestamptz AS late,
           moment.at + (one.place - 1) * %(step)s::interval AS stored_at
    FROM moment CROSS JOIN unnest(
        %(ids)s::uuid[], %(digests)s::bytea[], %(happened_at)s::timestamptz[], %(verb_keys)s::uuid[],
        %(actor_keys)s::uuid[], %(activity_keys)s::uuid[], %(registrations)s::uuid[], %(voids)s::uuid[],
        %(refers_to)s::uuid[], %(versions)s::text[], %(raws)s::text[]
    ) WITH ORDINALITY AS one(id, digest, happened_at, verb_key, actor_key, activity_key, registration, voids,
                             refers_to, version, raw, place)
), fresh AS (
    INSERT INTO elearn.statement_id (id, stored_at, digest)
    SELECT id, stored_at, digest FROM given ORDER BY id
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), kept AS (
    INSERT INTO elearn.statement (id, stored_at, happened_at, verb_key, actor_key, activity_key, registration,
                                  voids, authority_id, sitting_id, version, raw)
    SELECT given.id, given.stored_at, coalesce(given.happened_at, given.stored_at),
           given.verb_key, given.actor_key, given.activity_key, given.registration, given.voids,
           %(authority)s::uuid, %(sitting_id)s::uuid, given.version, given.raw
    FROM given JOIN fresh USING (id)
)
""".replace("MOMENT", MOMENT)
_RELATED = """
, related AS (
    INSERT INTO elearn.statement_relation (key, kind, stored_at, id)
    SELECT one.key, one.kind, given.stored_at, given.id
    FROM unnest(%(related)s::integer[], %(keys)s::uuid[], %(kinds)s::integer[]) AS one(place, key, kind)
    JOIN given USING (place) JOIN fresh USING (id)
)
"""
_REFERRING = """
, referring AS (
    INSERT INTO elearn.statement_reference (id, target_id, stored_at)
    SELECT given.id, given.refers_to, given.stored_at FROM given JOIN fresh USING (id)
    WHERE given.refers_to IS NOT NULL
), voiding AS (
    INSERT INTO elearn.statement_voiding (id, target_id, stored_at, organisation_id)
    SELECT given.id, given.voids, given.stored_at, %(organisation_id)s::uuid FROM given JOIN fresh USING (id)
    WHERE given.voids IS NOT NULL
)
"""
_TELL = """
SELECT given.id, fresh.id IS NULL, NULL, CASE WHEN given.late THEN given.stored_at END
FROM given LEFT JOIN fresh USING (id)
WHERE fresh.id IS NULL OR given.late OR EXISTS (SELECT FROM elearn.statement_reference WHERE target_id = given.id)
"""
# Whether an activity's last word by this definer was another (`said` tells what `known` is).
NEW_WORD = """decode(said.known, 'hex') IS DISTINCT FROM (
    SELECT there.digest FROM elearn.activity_definition AS there
    WHERE there.activity_key = said.key AND there.organisation_id = %(definer)s::uuid AND NOT there.merged
    ORDER BY there.stored_at DESC LIMIT 1)"""
_UNDEFINED = """
UNION ALL
SELECT NULL, false, said.place, NULL
FROM json_to_recordset(%(definitions)s::json) AS said(place integer, key uuid, known text)
WHERE NEW_WORD
""".replace("NEW_WORD", NEW_WORD)
_DEFINE = """
INSERT INTO elearn.activity_definition
    (activity_key, iri, definition, digest, stored_at, statement_id, merged, organisation_id)
SELECT key, iri, definition, decode(digest, 'hex'), stored_at, statement_id, false, %(definer)s::uuid
FROM json_to_recordset(%(definitions)s::json) AS said(
    key uuid, iri text, definition text, digest text, stored_at timestamptz, statement_id uuid)
"""

# What the platform itself says; a probe for each activity, and a row where its last word was another.
_DEFINE_OURS = """
WITH MOMENT
INSERT INTO elearn.activity_definition
    (activity_key, iri, definition, digest, stored_at, statement_id, merged, organisation_id)
SELECT said.key, said.iri, said.definition, decode(said.digest, 'hex'), moment.at, NULL, false, %(definer)s::uuid
FROM moment CROSS JOIN json_to_recordset(%(definitions)s::json)
    AS said(key uuid, iri text, definition text, digest text, known text)
WHERE NEW_WORD
""".replace("MOMENT", MOMENT).replace("NEW_WORD", NEW_WORD)

_THERE = """
SELECT there.id, there.digest, there.stored_at
FROM json_array_elements_text(%(ids)s::json) AS given(id)
JOIN elearn.statement_id AS there ON there.id = given.id::uuid
"""

VOIDED = """(kept.voids IS NULL AND kept.sitting_id IS NULL AND EXISTS (
    SELECT FROM elearn.statement_voiding AS voiding
    WHERE voiding.target_id = kept.id AND (voiding.organisation_id IS NULL OR voiding.organisation_id = (
        SELECT sender.organisation_id FROM elearn.lrs_credential AS sender WHERE sender.id = kept.authority_id))))"""
"""Whether the statement `kept` has been taken back (Data 2.3.2): no voiding one can be, none that a sitting sent, and
none by a key of another organisation."""

_GET = """
SELECT kept.raw, kept.stored_at, kept.authority_id, kept.version, kept.sitting_id,
       sender.organisation_id, there.id, VOIDED
FROM json_array_elements_text(%(ids)s::json) AS given(id)
JOIN elearn.statement_id AS there ON there.id = given.id::uuid
JOIN elearn.statement AS kept ON kept.stored_at = there.stored_at AND kept.id = there.id
LEFT JOIN elearn.lrs_credential AS sender ON sender.id = kept.authority_id
""".replace("VOIDED", VOIDED)


Place = tuple[datetime, UUID]
"""Where a statement stands in the store: its `stored` and its id."""


@dataclass(frozen=True, slots=True)
class Stored:
    """It is new and was written."""

    id: UUID
    stored_at: datetime


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
    authority_organisation_id: UUID | None
    """Whose credential it came by."""
    voided: bool = False
    """Never of what came by a sitting: that is evidence, and no key of another door takes it back."""

    @property
    def place(self) -> Place:
        return self.stored_at, self.id


def insert(
    session: Session,
    batch: Sequence[Checked],
    *,
    stored_at: datetime,
    authority: UUID | None,
    sitting_id: UUID | None = None,
    organisation_id: UUID | None = None,
    defines: bool = False,
    stale_after: timedelta | None = None,
) -> list[Outcome]:
    """Write what is new of `batch`; answers one outcome each, in the order of `batch`. Does not commit.

    `authority` is the credential it came by, None for this platform itself (a sitting), `organisation_id` that
    credential's: its voidings take back only what came by its own, and its definitions of activities hold for its
    own readers (`things/definitions.py`). `defines`: whether they count at all. Statements of a batch are stored a
    microsecond apart, so that its order lasts; those of a sitting at one moment. A `stored_at` that is older than
    `stale_after` by the database's clock when the command runs is moved up to that age: readers count on it
    (`consistency.py`, which says how long); None for moments of another clock. What is new is written even when
    other statements of the batch conflict: a caller that wants all or nothing rolls back. Waits for another
    transaction that is writing one of the same ids, and then tells what that one left.
    """
    first: dict[UUID, Checked] = {}
    for checked in batch:
        first.setdefault(checked.id, checked)
    if not first:
        return []
    connection = session.connection()
    step = 0 if sitting_id else 1
    stored = {id_: stored_at + timedelta(microseconds=step * place) for place, id_ in enumerate(first)}
    parameters: dict[str, object] = _columns(list(first.values())) | {
        "step": timedelta(microseconds=step),
        "stored_at": stored_at,
        "stale_after": stale_after,
        "authority": authority,
        "sitting_id": sitting_id,
    }
    related = [(place, key, kind) for place, one in enumerate(first.values(), 1) for key, kind in one.relations]
    if related:
        places, keys, kinds = zip(*related, strict=True)
        parameters |= {"related": integers(places), "keys": uuids(keys), "kinds": integers(kinds)}
    referring = [one.id for one in first.values() if one.refers_to is not None]
    if referring:
        parameters["organisation_id"] = organisation_id
    words = said(first.values()) if defines else []
    definer = organisation_id or NIL
    if words:
        parameters["definer"] = definer
        parameters["definitions"] = encode(
            [{"place": place, "key": one["key"], "known": one["known"]} for place, one in enumerate(words)]
        )
    old: list[UUID] = []
    referred: list[UUID] = []
    new_words: list[dict[str, Any]] = []
    command = _command(related=bool(related), referring=bool(referring), defining=bool(words))
    for id_, was_there, place, moved_to in connection.exec_driver_sql(command, parameters):
        if place is not None:
            new_words.append(words[place])
            continue
        (old if was_there else referred).append(id_)
        if moved_to is not None:
            stored[id_] = moved_to.astimezone(UTC)
    there: dict[UUID, tuple[bytes, datetime]] = {}
    if old:
        for id_, digest, earlier in connection.exec_driver_sql(_THERE, {"ids": encode(old)}):
            there[id_] = digest, earlier.astimezone(UTC)
        new_words = [one for one in new_words if one["statement_id"] not in there]
    if new_words:
        dated = [one | {"stored_at": stored[one["statement_id"]]} for one in new_words]
        connection.exec_driver_sql(_DEFINE, {"definitions": encode(dated), "definer": definer})
    # One that was there is not ours alone: another transaction may be writing its faces (`faces.py`).
    joined = [id_ for id_ in (*referring, *referred) if id_ not in there]
    if joined:
        show_faces(session, joined)
    return _outcomes(session, batch, stored, there)


def _outcomes(
    session: Session,
    batch: Sequence[Checked],
    stored: Mapping[UUID, datetime],
    there: dict[UUID, tuple[bytes, datetime]],
) -> list[Outcome]:
    """What became of each of `batch`. `stored`: when each id is stored if it is new; `there`: what was there before.

    Equal digests are equal statements. What is equal may have another digest: with the timestamp that was assigned
    here, or when the kept one's was made under older rules.
    """
    differing = {one.id for one in batch if one.id in there and there[one.id][0] != one.digest}
    kept = {id_: decode(one.raw) for id_, one in get_many(session, differing).items()} if differing else {}
    outcomes: list[Outcome] = []
    for checked in batch:
        if checked.id not in there:
            outcomes.append(Stored(checked.id, stored[checked.id]))
            # Its second time in this batch is a repetition.
            there[checked.id], kept[checked.id] = (checked.digest, stored[checked.id]), checked.statement
            continue
        digest, earlier = there[checked.id]
        equal = digest == checked.digest or equivalent(kept[checked.id], checked.statement)
        outcomes.append((Duplicate if equal else ConflictingId)(checked.id, earlier))
    return outcomes


@cache
def _command(*, related: bool, referring: bool, defining: bool) -> str:
    parts = [_INSERT, _RELATED if related else "", _REFERRING if referring else "", _TELL]
    return "".join([*parts, _UNDEFINED if defining else ""])


def define(
    session: Session,
    definitions: Iterable[tuple[str, dict[str, Any]]],
    *,
    stored_at: datetime,
    stale_after: timedelta | None = None,
) -> int:
    """Keep what this platform itself says of activities, IRI and definition of each; answers how many words were new.

    It stands beside what keys of the whole platform say, and holds for all readers until one of these says otherwise;
    then it is written again the next time. Does not commit.
    """
    parameters = {
        "definitions": encode([_word(iri, encode(definition)) for iri, definition in definitions]),
        "stored_at": stored_at,
        "stale_after": stale_after,
        "definer": NIL,
    }
    return session.connection().exec_driver_sql(_DEFINE_OURS, parameters).rowcount


def get(session: Session, id_: UUID) -> Kept | None:
    """The statement of this id, voided or not; None when there is none."""
    return get_many(session, [id_]).get(id_)


def get_many(session: Session, ids: Iterable[UUID]) -> dict[UUID, Kept]:
    """The statements of these ids, voided or not, as far as there are any."""
    rows = session.connection().exec_driver_sql(_GET, {"ids": encode(list(ids))})
    return {kept.id: kept for kept in map(kept_of, rows)}


def kept_of(row: Sequence[Any]) -> Kept:
    """From the columns raw, stored_at, authority_id, version, sitting_id, its organisation_id, id, voided."""
    raw, stored_at, authority_id, version, sitting_id, organisation_id, id_, voided = row
    return Kept(id_, raw, stored_at.astimezone(UTC), authority_id, version, sitting_id, organisation_id, voided)


def _columns(batch: Sequence[Checked]) -> dict[str, object]:
    return {
        "ids": Array("uuid", [one.id.bytes for one in batch]),
        "digests": binaries(one.digest for one in batch),
        "happened_at": moments(one.happened_at for one in batch),
        "verb_keys": uuids(one.verb_key for one in batch),
        "actor_keys": uuids(one.actor_key for one in batch),
        "activity_keys": uuids(one.activity_key for one in batch),
        "registrations": uuids(one.registration for one in batch),
        "voids": uuids(one.voids for one in batch),
        "refers_to": uuids(one.refers_to for one in batch),
        "versions": texts(one.version for one in batch),
        "raws": texts(one.raw for one in batch),
    }


def said(batch: Iterable[Checked]) -> list[dict[str, Any]]:
    """What a batch says of activities, each in the same words once: the last time, for the later word holds.

    `known` is the digest of a last word that would make this one nothing new. An activity that the batch describes in
    several ways is written in all of them, for which of them holds depends on the one before: there no digest does.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in batch:
        for iri, definition in one.definitions:
            found[iri, definition] = _word(iri, definition) | {"statement_id": one.id}
    ways = Counter(iri for iri, _definition in found)
    return [word if ways[word["iri"]] == 1 else word | {"known": ""} for word in found.values()]


def _word(iri: str, definition: str) -> dict[str, Any]:
    digest = blake2b(definition.encode(), digest_size=16).hexdigest()
    return {"key": key_of(iri), "iri": iri, "definition": definition, "digest": digest, "known": digest}
