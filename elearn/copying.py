"""Every row of our schemas out of one database and into another, by COPY, whatever tables there are.

Works as the owner of the tables; no superuser. While rows come in, our triggers and foreign keys stand aside
and are put back in the same transaction: PostgreSQL then checks each foreign key over all rows at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TypeVar

import msgspec
import psycopg
from psycopg import sql

from elearn.db import SCHEMA

SCHEMAS = (SCHEMA, "procrastinate")
UNFINISHED = "elearn_unfinished_restore"
CHUNK = 1 << 20
VERSION_TABLE = "alembic_version"
"""Written by the migrations, never copied."""

Connection = psycopg.Connection[tuple[object, ...]]
Known = TypeVar("Known", bound=msgspec.Struct)


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table that holds rows: its columns without generated ones, in order.

    Rows of a partition go back in through its root, so that they find their place among the partitions of then.
    """

    schema: str
    name: str
    root_schema: str
    root: str
    columns: tuple[str, ...]
    rows: int = 0


class Partition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A partition as `CREATE TABLE name PARTITION OF parent bound` needs it; parents come first.

    `triggers` are its own ones: those of the parent follow by themselves.
    """

    schema: str
    name: str
    parent_schema: str
    parent: str
    bound: str
    divided_by: str | None
    triggers: tuple[str, ...]


class Counter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sequence and where it stands."""

    schema: str
    name: str
    last_value: int
    is_called: bool


class Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything `loading` needs to know."""

    tables: tuple[Table, ...]
    partitions: tuple[Partition, ...]
    sequences: tuple[Counter, ...] = ()


def connect(database_url: str) -> Connection:
    """A session whose COPY text does not depend on anybody's settings."""
    scheme, separator, rest = database_url.partition("://")
    connection = psycopg.connect(scheme.partition("+")[0] + separator + rest, autocommit=True)
    for setting in (
        f"search_path = {', '.join((*SCHEMAS, 'public'))}",
        "timezone = 'UTC'",
        "datestyle = 'ISO'",
        "intervalstyle = 'postgres'",
        "client_encoding = 'UTF8'",
        "statement_timeout = 0",
        "idle_in_transaction_session_timeout = 0",
    ):
        _run(connection, f"SET {setting}")
    return connection


@contextlib.contextmanager
def one_moment(connection: Connection) -> Iterator[None]:
    """All reading inside sees the database as it was at the first look."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def moment(connection: Connection) -> str:
    """The database's time when its transaction began, ISO 8601 in UTC."""
    row = connection.execute('SELECT to_char(now(), \'YYYY-MM-DD"T"HH24:MI:SS"Z"\')').fetchone()
    assert row is not None
    return str(row[0])


def revision(connection: Connection) -> str | None:
    """The migration the database stands at; None when it never saw one."""
    name = f"{SCHEMA}.{VERSION_TABLE}"
    if connection.execute("SELECT to_regclass(%s)", (name,)).fetchone() == (None,):
        return None
    row = connection.execute(f"SELECT version_num FROM {name}".encode()).fetchone()
    return None if row is None else str(row[0])


TABLES = """
SELECT n.nspname, c.relname, rn.nspname, r.relname,
       array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attgenerated = '')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class r ON r.oid = COALESCE(pg_partition_root(c.oid), c.oid) JOIN pg_namespace rn ON rn.oid = r.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE n.nspname = ANY(%s) AND c.relkind = 'r' AND c.relname <> %s
 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2
"""
PARTITIONS = """
SELECT n.nspname, c.relname, pn.nspname, p.relname, pg_get_expr(c.relpartbound, c.oid),
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
       ARRAY(SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t
              WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgparentid = 0 ORDER BY t.tgname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_inherits i ON i.inhrelid = c.oid
  JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
 WHERE n.nspname = ANY(%s) AND c.relispartition AND c.relkind IN ('r', 'p')
 ORDER BY (SELECT count(*) FROM pg_partition_ancestors(c.oid)), 1, 2
"""
SEQUENCES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%s) AND c.relkind = 'S' ORDER BY 1, 2
"""
TRIGGERS = """
SELECT n.nspname, c.relname, t.tgname, t.tgenabled::text
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%s) AND NOT t.tgisinternal AND t.tgenabled <> 'D' ORDER BY 1, 2, 3
"""
FOREIGN_KEYS = """
SELECT n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid)
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%s) AND k.contype = 'f' AND k.conparentid = 0 ORDER BY 1, 2, 3
"""


def look(connection: Connection) -> Contents:
    """What there is to copy. Also keeps the tables from being dropped or emptied until the transaction ends."""
    found = connection.execute(TABLES, (list(SCHEMAS), VERSION_TABLE)).fetchall()
    tables = tuple(_as(Table, row) for row in found)
    if tables:
        named = sql.SQL(", ").join(sql.Identifier(table.schema, table.name) for table in tables)
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(named))
    partitions = tuple(_as(Partition, row) for row in connection.execute(PARTITIONS, (list(SCHEMAS),)).fetchall())
    return Contents(tables, partitions)


def sequences(connection: Connection) -> tuple[Counter, ...]:
    """Where the sequences stand. They know no transactions: ask after the rows, so that none is behind them."""
    found = []
    for schema, name in connection.execute(SEQUENCES, (list(SCHEMAS),)).fetchall():
        statement = sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(str(schema), str(name)))
        row = connection.execute(statement).fetchone()
        assert row is not None
        found.append(_as(Counter, (schema, name, *row)))
    return tuple(found)


def _as(kind: type[Known], row: Iterable[object]) -> Known:
    return msgspec.convert(dict(zip(kind.__struct_fields__, row, strict=False)), kind)


def with_counts(contents: Contents, rows: Sequence[int], stand: tuple[Counter, ...]) -> Contents:
    tables = tuple(
        msgspec.structs.replace(table, rows=count) for table, count in zip(contents.tables, rows, strict=True)
    )
    return Contents(tables, contents.partitions, stand)


def copy_out(connection: Connection, table: Table, out: IO[bytes]) -> int:
    """Write the rows of `table`; answers how many."""
    with connection.cursor() as cursor:
        with cursor.copy(_copy(table, table.schema, table.name, "TO STDOUT")) as copy:
            for data in copy:
                out.write(data)
        return cursor.rowcount


def copy_in(connection: Connection, table: Table, rows: IO[bytes]) -> int:
    """Insert what `copy_out` wrote; answers how many."""
    with connection.cursor() as cursor:
        with cursor.copy(_copy(table, table.root_schema, table.root, "FROM STDIN")) as copy:
            while data := rows.read(CHUNK):
                copy.write(data)
        return cursor.rowcount


def _copy(table: Table, schema: str, name: str, direction: str) -> bytes:
    columns = ", ".join(sql.Identifier(column).as_string() for column in table.columns)
    return f"COPY {_name(schema, name)} ({columns}) {direction}".encode()


def _name(schema: object, name: object) -> str:
    return sql.Identifier(str(schema), str(name)).as_string()


def _quoted(name: object) -> str:
    return sql.Identifier(str(name)).as_string()


@contextlib.contextmanager
def loading(connection: Connection, contents: Contents) -> Iterator[None]:
    """One transaction around the `copy_in` calls; when it ends, every rule holds again or nothing happened."""
    with connection.transaction():
        for part in contents.partitions:
            _make_partition(connection, part)
        triggers = connection.execute(TRIGGERS, (list(SCHEMAS),)).fetchall()
        for schema, table, trigger, _ in triggers:
            _run(connection, f"ALTER TABLE ONLY {_name(schema, table)} DISABLE TRIGGER {_quoted(trigger)}")
        keys = connection.execute(FOREIGN_KEYS, (list(SCHEMAS),)).fetchall()
        for schema, table, key, _ in keys:
            _run(connection, f"ALTER TABLE {_name(schema, table)} DROP CONSTRAINT {_quoted(key)}")
        there = connection.execute(TABLES, (list(SCHEMAS), VERSION_TABLE)).fetchall()
        names = ", ".join(_name(schema, table) for schema, table, *_ in there)
        _run(connection, f"TRUNCATE {names}")  # rows that migrations made are in the backup too
        yield
        _run(connection, "SET CONSTRAINTS ALL IMMEDIATE")
        for counter in contents.sequences:
            name = _name(counter.schema, counter.name)
            connection.execute("SELECT setval(%s::regclass, %s, %s)", (name, counter.last_value, counter.is_called))
        for schema, table, key, definition in keys:
            _run(connection, f"ALTER TABLE {_name(schema, table)} ADD CONSTRAINT {_quoted(key)} {definition}")
        for schema, table, trigger, enabled in triggers:
            way = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA"}[str(enabled)]
            _run(connection, f"ALTER TABLE ONLY {_name(schema, table)} {way} TRIGGER {_quoted(trigger)}")
    _run(connection, "ANALYZE")


def _make_partition(connection: Connection, part: Partition) -> None:
    name = _name(part.schema, part.name)
    if connection.execute("SELECT to_regclass(%s)", (name,)).fetchone() == (None,):
        divided = f" PARTITION BY {part.divided_by}" if part.divided_by else ""
        parent = _name(part.parent_schema, part.parent)
        _run(connection, f"CREATE TABLE {name} PARTITION OF {parent} {part.bound}{divided}")
        for trigger in part.triggers:
            _run(connection, trigger)


def _run(connection: Connection, statement: str) -> None:
    connection.execute(statement.encode())


@contextlib.contextmanager
def alone(connection: Connection) -> Iterator[bool]:
    """True inside when no other restore works on this database."""
    row = connection.execute("SELECT pg_try_advisory_lock(hashtext('elearn restore'))").fetchone()
    yield row == (True,)


def is_empty(connection: Connection) -> bool:
    """Whether our schemas hold no row: they do not exist, or were only just made."""
    tables = connection.execute(TABLES, (list(SCHEMAS), VERSION_TABLE)).fetchall()
    return not any(
        connection.execute(f"SELECT 1 FROM {_name(schema, name)} LIMIT 1".encode()).fetchone()
        for schema, name, *_ in tables
    )


def mark_unfinished(connection: Connection) -> None:
    """From here until `mark_finished` the schemas hold nothing of value."""
    _run(connection, f"CREATE SCHEMA {UNFINISHED}")


def mark_finished(connection: Connection) -> None:
    _run(connection, f"DROP SCHEMA {UNFINISHED}")


def is_unfinished(connection: Connection) -> bool:
    """Whether a restore began and did not come to its end."""
    return connection.execute("SELECT to_regnamespace(%s)", (UNFINISHED,)).fetchone() != (None,)


def clear(connection: Connection) -> None:
    """Drop our schemas and the mark of an unfinished restore."""
    with connection.transaction():
        for schema in (*SCHEMAS, UNFINISHED):
            _run(connection, f"DROP SCHEMA IF EXISTS {schema} CASCADE")
