"""What stands in a database, in a form two databases can be compared by."""

from __future__ import annotations

import psycopg

from elearn.embedded import libpq_url

RULES = """
SELECT 'trigger', t.tgrelid::regclass::text, t.tgname::text, t.tgenabled::text || pg_get_triggerdef(t.oid)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
 WHERE NOT t.tgisinternal AND c.relnamespace::regnamespace::text IN ('elearn', 'procrastinate')
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname::text, convalidated::text || pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace::regnamespace::text IN ('elearn', 'procrastinate')
ORDER BY 1, 2, 3
"""


def rows_of(database_url: str) -> dict[str, list[str]]:
    """Every row of every table of ours, as text and sorted; a partitioned table is one table."""
    found = {}
    with psycopg.connect(libpq_url(database_url)) as connection:
        connection.execute("SET timezone = 'UTC'")
        tables = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class c WHERE relkind IN ('r', 'p') AND NOT relispartition "
            "AND relnamespace::regnamespace::text IN ('elearn', 'procrastinate')"
        ).fetchall()
        for (name,) in tables:
            rows = connection.execute(f"SELECT t::text FROM {name} t".encode()).fetchall()
            found[str(name)] = sorted(str(row[0]) for row in rows)
    return found


def rules_of(database_url: str) -> list[tuple[object, ...]]:
    """Triggers and constraints, with whether they are switched on and validated."""
    with psycopg.connect(libpq_url(database_url)) as connection:
        return connection.execute(RULES).fetchall()
