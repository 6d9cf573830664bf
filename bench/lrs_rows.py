"""The record store's tables without the record store: bare INSERTs and SELECTs of the same rows, and a million of them.

What is bare here is as bare as it gets: prepared commands, straight through libpq, one round trip with its commit.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import msgspec
import psycopg
from psycopg.pq import ExecStatus, PGconn
from psycopg.pq.abc import PGresult

from bench.figures import percentile_ms
from bench.lrs_statements import ID, LEARNERS, VERBS, agent, texts, verb
from elearn.embedded import libpq_url
from elearn.tracking.lrs.rules.check import Checked, check_statement
from elearn.tracking.lrs.rules.keys import actor_key, key_of

RELATION_COLUMNS = 4
APART = "50 milliseconds"
"""Between two statements that are copied: a million of them lie within a day."""

# `elearn.statement` in the order of a player's life: what was stored before all that is there now.
_COPY = f"""
WITH made AS MATERIALIZED (
    SELECT gen_random_uuid() AS id, n, kind.*,
           (SELECT coalesce(min(stored_at), now()) FROM elearn.statement) - n * interval '{APART}' AS stored_at
    FROM generate_series(1, %(rows)s::integer) AS n
    JOIN bench_kind AS kind ON kind.place = (n * 7919) %% (SELECT count(*) FROM bench_kind)
), ids AS (
    INSERT INTO elearn.statement_id (id, stored_at, digest)
    SELECT id, stored_at, sha256(uuid_send(id)) FROM made
), related AS (
    INSERT INTO elearn.statement_relation (key, kind, stored_at, id)
    SELECT one.key, one.kind, stored_at, id FROM made, json_to_recordset(relations) AS one(key uuid, kind smallint)
)
INSERT INTO elearn.statement (stored_at, id, happened_at, verb_key, actor_key, activity_key, registration,
                              authority_id, version, raw)
SELECT stored_at, id, happened_at, verb_key, actor_key, activity_key, registration,
       (SELECT id FROM elearn.lrs_credential LIMIT 1), '1.0.0', replace(raw, '{ID}', id::text)
FROM made
"""
_KINDS = """
CREATE TEMPORARY TABLE bench_kind AS
SELECT * FROM json_to_recordset(%(kinds)s::json) AS one(
    place integer, happened_at timestamptz, verb_key uuid, actor_key uuid, activity_key uuid, registration uuid,
    relations json, raw text)
"""
_PAGE = """
SELECT raw FROM elearn.statement WHERE actor_key = $1 AND verb_key = $2 ORDER BY stored_at DESC, id DESC LIMIT 50
"""


@dataclass(frozen=True, slots=True)
class Bare:
    """What bare commands reached."""

    commands: int
    seconds: float
    took_s: list[float]

    @property
    def rate(self) -> float:
        return self.commands / self.seconds

    @property
    def p50_ms(self) -> float:
        return percentile_ms(self.took_s, 50)


def checked() -> list[Checked]:
    return [check_statement(text) for text in texts()]


def fill(url: str, statements: int) -> tuple[int, float]:
    """Copies until the store holds so many; how many that were, and the seconds it took.

    Each has an id and a moment of its own, and the columns and relations that the store itself would have given it.
    They go in by INSERT ... SELECT from generate_series, 50,000 in a transaction, and are tidied as autovacuum would.
    """
    kinds = [
        {
            "place": place,
            "happened_at": one.happened_at,
            "verb_key": one.verb_key,
            "actor_key": one.actor_key,
            "activity_key": one.activity_key,
            "registration": one.registration,
            "relations": [{"key": key, "kind": kind} for key, kind in one.relations],
            "raw": one.raw,
        }
        for place, one in enumerate(checked())
    ]
    begun, copied = time.monotonic(), 0
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")  # of these rows alone: nobody was told that they are kept
        connection.execute(_KINDS, {"kinds": msgspec.json.encode(kinds).decode()})
        row = connection.execute("SELECT count(*) FROM elearn.statement").fetchone()
        missing = max(0, statements - (row[0] if row else 0))
        while copied < missing:
            rows = min(50_000, missing - copied)
            connection.execute(_COPY, {"rows": rows})
            copied += rows
        connection.execute("VACUUM (ANALYZE) elearn.statement, elearn.statement_id, elearn.statement_relation")
    return copied, time.monotonic() - begun


def export(url: str, file: Path, statements: int) -> None:
    """The newest so many, one a line."""
    with psycopg.connect(libpq_url(url)) as connection, file.open("w") as out:
        for (raw,) in connection.cursor("export").execute(
            "SELECT raw FROM elearn.statement ORDER BY stored_at DESC LIMIT %s", [statements]
        ):
            out.write(raw + "\n")


def insert(url: str, *, connections: int, rows: int, seconds: float) -> Bare:
    """So many connections insert `rows` statements a command, ids and relations with them, each its own commit."""
    made = checked()
    each = len(made[0].relations)
    if any(len(one.relations) != each for one in made):
        raise RuntimeError("the statements differ in how many relations they have")
    authority = str(uuid4())
    command = f"""
        WITH ids AS (INSERT INTO elearn.statement_id (id, stored_at, digest) VALUES {_marks(1, rows, 3)}),
        related AS (INSERT INTO elearn.statement_relation (key, kind, stored_at, id)
            VALUES {_marks(1 + 3 * rows, rows * each, RELATION_COLUMNS)})
        INSERT INTO elearn.statement (stored_at, id, happened_at, verb_key, actor_key, activity_key, registration,
            authority_id, version, raw)
        VALUES {_marks(1 + rows * (3 + each * RELATION_COLUMNS), rows, 10)}
    """.encode()

    def parameters(chance: random.Random) -> list[bytes | None]:
        ids: list[bytes | None] = []
        related: list[bytes | None] = []
        kept: list[bytes | None] = []
        now = datetime.now(UTC).isoformat().encode()
        for one in chance.choices(made, k=rows):
            id_ = str(uuid4()).encode()
            ids += (id_, now, b"\\x" + one.digest.hex().encode())
            for key, kind in one.relations:
                related += (key.encode(), b"%d" % kind, now, id_)
            happened = one.happened_at.isoformat().encode() if one.happened_at else now
            keys = (one.verb_key, one.actor_key, one.activity_key, one.registration, authority, one.version, one.raw)
            kept += (now, id_, happened, *(key.encode() if key is not None else None for key in keys))
        return ids + related + kept

    return _in_parallel(url, connections, seconds, command, parameters)


def select(url: str, *, seconds: float) -> Bare:
    """The page itself on one connection: the newest 50 of an agent and a verb."""
    agents = [actor_key(agent(one)) or "" for one in range(LEARNERS)]
    verbs = [key_of(verb(one)) for one in VERBS]

    def parameters(chance: random.Random) -> list[bytes | None]:
        return [chance.choice(agents).encode(), chance.choice(verbs).encode()]

    return _in_parallel(url, 1, seconds, _PAGE.encode(), parameters)


def _marks(first: int, rows: int, columns: int) -> str:
    """($1,$2),($3,$4) ..."""
    starts = range(first, first + rows * columns, columns)
    return ",".join("(" + ",".join(f"${place}" for place in range(start, start + columns)) + ")" for start in starts)


def _in_parallel(
    url: str,
    connections: int,
    seconds: float,
    command: bytes,
    parameters: Callable[[random.Random], Sequence[bytes | None]],
) -> Bare:
    took_s: list[float] = []
    failed: list[str] = []
    gate = threading.Barrier(connections)

    def work(chance: random.Random) -> None:
        connection = PGconn.connect(libpq_url(url).encode())
        try:
            _require(connection.prepare(b"bare", command))
            gate.wait()
            until = time.perf_counter() + seconds
            while (begun := time.perf_counter()) < until:
                _require(connection.exec_prepared(b"bare", parameters(chance)))  # type: ignore[arg-type]  # None is NULL
                took_s.append(time.perf_counter() - begun)
        except RuntimeError as error:
            failed.append(str(error))
            gate.abort()
        finally:
            connection.finish()

    threads = [threading.Thread(target=work, args=(random.Random(n),)) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(failed[0])
    return Bare(len(took_s), seconds, took_s)


def _require(done: PGresult) -> None:
    """Raises RuntimeError."""
    if done.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        raise RuntimeError(done.get_error_message())
