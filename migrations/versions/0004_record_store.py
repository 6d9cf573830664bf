"""The record store: statements by month, their ids by hash, what voids what, and who may write.

A unique index cannot span months, so uniqueness of ids has a table of its own, written in the same command as
the statement. It also holds what two statements under one id are compared by, so that a conflict is seen
without opening a month that may have been archived.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

SCHEMA = "elearn"
ID_PARTS = 16

# A month is made beside the table and then attached, which blocks neither readers nor writers of other months.
# Should the default partition already hold rows of that month (the job stood still), a partition cannot be
# attached beside them; the default is then laid aside, its rows are put through the new months, and it is dropped.
# No row is changed or deleted on the way, so the append-only guard stays on.
MONTHS = """
CREATE FUNCTION elearn.make_statement_month(month date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    part text := format('statement_%s', to_char(month, 'YYYY_MM'));
    starts timestamptz := date_trunc('month', month::timestamp) AT TIME ZONE 'UTC';
    ends timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
    aside boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('elearn statement months'));
    IF to_regclass(format('elearn.%I', part)) IS NOT NULL THEN
        RETURN false;
    END IF;
    SELECT EXISTS (SELECT FROM elearn.statement_default WHERE stored_at >= starts AND stored_at < ends) INTO aside;
    IF aside THEN
        LOCK TABLE elearn.statement IN ACCESS EXCLUSIVE MODE;
        ALTER TABLE elearn.statement DETACH PARTITION elearn.statement_default;
        ALTER TABLE elearn.statement_default RENAME TO statement_aside;
    END IF;
    EXECUTE format('CREATE TABLE elearn.%I (LIKE elearn.statement INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part);
    EXECUTE format('ALTER TABLE elearn.statement ATTACH PARTITION elearn.%I FOR VALUES FROM (%L) TO (%L)',
                   part, starts, ends);
    PERFORM elearn.guard_statement_part(format('elearn.%I', part)::regclass);
    IF aside THEN
        CREATE TABLE elearn.statement_default PARTITION OF elearn.statement DEFAULT;
        PERFORM elearn.guard_statement_part('elearn.statement_default');
        INSERT INTO elearn.statement SELECT * FROM elearn.statement_aside;
        DROP TABLE elearn.statement_aside;
    END IF;
    RETURN true;
END $$;

-- This month and the next n; answers how many were missing.
CREATE FUNCTION elearn.make_statement_months(n integer, starting date DEFAULT (now() AT TIME ZONE 'UTC')::date)
RETURNS integer LANGUAGE sql AS $$
    SELECT count(*) FILTER (WHERE elearn.make_statement_month(
        (date_trunc('month', starting::timestamp) + make_interval(months => i))::date))::integer
    FROM generate_series(0, n) AS i
$$;

-- Row triggers follow from the parent into each partition; the one against TRUNCATE does not.
CREATE FUNCTION elearn.guard_statement_part(part regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER append_only_table BEFORE TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION elearn.refuse_change()', part);
END $$;
"""


def upgrade() -> None:
    op.create_table(
        "statement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verb_key", sa.Uuid(), nullable=False),
        sa.Column("actor_key", sa.Uuid(), nullable=True),
        sa.Column("activity_key", sa.Uuid(), nullable=True),
        sa.Column("registration", sa.Uuid(), nullable=True),
        sa.Column("voids", sa.Uuid(), nullable=True),
        sa.Column("authority_id", sa.Uuid(), nullable=True),
        sa.Column("sitting_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("stored_at", "id", name="pk_statement"),
        schema=SCHEMA,
        postgresql_partition_by="RANGE (stored_at)",
    )
    for column in ("actor_key", "verb_key", "activity_key"):
        op.create_index(f"ix_statement_{column}_stored_at", "statement", [column, "stored_at"], schema=SCHEMA)
    op.create_index(
        "ix_statement_registration_stored_at",
        "statement",
        ["registration", "stored_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("registration IS NOT NULL"),
    )
    op.create_table(
        "statement_id",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_statement_id"),
        schema=SCHEMA,
        postgresql_partition_by="HASH (id)",
    )
    op.create_table(
        "statement_voiding",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_statement_voiding"),
        schema=SCHEMA,
    )
    op.create_index("ix_statement_voiding_target_id", "statement_voiding", ["target_id"], schema=SCHEMA)
    op.create_table(
        "lrs_credential",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_lrs_credential"),
        sa.UniqueConstraint("key", name="uq_lrs_credential_key"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["elearn.organisation.id"], name="fk_lrs_credential_organisation_id_organisation"
        ),
        schema=SCHEMA,
    )
    for part in range(ID_PARTS):
        op.execute(
            f"CREATE TABLE elearn.statement_id_{part:02} PARTITION OF elearn.statement_id "
            f"FOR VALUES WITH (MODULUS {ID_PARTS}, REMAINDER {part})"
        )
    op.execute("CREATE TABLE elearn.statement_default PARTITION OF elearn.statement DEFAULT")
    for table in ("statement", "statement_id", "statement_voiding"):
        op.execute(f"SELECT elearn.make_append_only('elearn.{table}')")
    op.execute(MONTHS)
    for table in ("statement_default", *(f"statement_id_{part:02}" for part in range(ID_PARTS))):
        op.execute(f"SELECT elearn.guard_statement_part('elearn.{table}')")
    op.execute("SELECT elearn.make_statement_months(3)")
