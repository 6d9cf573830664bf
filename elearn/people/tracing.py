"""Where a database speaks of a person: asked of the database's own list of references, so no new table is forgotten."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

REFERENCES = sa.text("""
SELECT c.relname, a.attname
FROM pg_constraint f
JOIN pg_class c ON c.oid = f.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
WHERE f.contype = 'f' AND f.confrelid = 'elearn.person'::regclass AND n.nspname = 'elearn' AND NOT c.relispartition
ORDER BY c.relname, a.attname
""")


def traces(session: Session, person_id: UUID) -> dict[str, set[str]]:
    """Tables with a row about or by this person, and by which columns: two queries, each look an `EXISTS`.

    A table without an index over such a column is read to its end, so this is for single acts and nightly jobs.
    """
    references = [(str(table), str(column)) for table, column in session.execute(REFERENCES)]
    looks = [
        sa.select(
            sa.literal(number).label("number"),
            sa.exists().select_from(sa.table(table, schema="elearn")).where(sa.column(column) == person_id).label("is"),
        )
        for number, (table, column) in enumerate(references)
    ]
    found: dict[str, set[str]] = {}
    for number, is_there in session.execute(sa.union_all(*looks)):
        if is_there:
            table, column = references[number]
            found.setdefault(table, set()).add(column)
    return found
