"""The ground: what makes a table append-only, and the job queue's own schema."""

from __future__ import annotations

from alembic import op
from procrastinate.schema import SchemaManager
from procrastinate.testing import InMemoryConnector

revision = "0001"
down_revision = None

APPEND_ONLY = """
CREATE FUNCTION elearn.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: add a reversal', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- The guard that bulk statements and psql meet. Row triggers follow into partitions; TRUNCATE needs its own.
CREATE FUNCTION elearn.make_append_only(ledger regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON %s '
                   'FOR EACH ROW EXECUTE FUNCTION elearn.refuse_change()', ledger);
    EXECUTE format('CREATE TRIGGER append_only_table BEFORE TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION elearn.refuse_change()', ledger);
END $$;
"""


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS elearn")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public")
    op.execute(APPEND_ONLY)
    op.execute("CREATE SCHEMA procrastinate")
    op.execute("SET LOCAL search_path TO procrastinate, public")
    queue = SchemaManager(InMemoryConnector()).get_schema()
    op.get_bind().exec_driver_sql(queue.replace("%", "%%"))
    op.execute("SET LOCAL search_path TO elearn, procrastinate, public")
