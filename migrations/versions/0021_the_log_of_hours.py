"""Hours stand in a log: its leaves and checkpoints, the keys of its subjects, and entries that name their leaf.

Entries of before keep their place and name no leaf; their spans get leaves as all others do. Rows of watching
say which batch of evidence they belong to.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

SCHEMA = "elearn"
TIME = sa.DateTime(timezone=True)

ERASURE = """
-- Erasing a person unlinks the leaves of the log from them, by whatever program it is done.
CREATE FUNCTION elearn.unlink_subject() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM elearn.subject_key WHERE person_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER erasure_unlinks AFTER UPDATE ON elearn.person
    FOR EACH ROW WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION elearn.unlink_subject();
"""

BATCHES = """
-- Each row of evidence is in the batch that is open when it is written. A sequence is read by everybody at once and
-- waits for nobody; a column's default costs a heartbeat microseconds.
CREATE SEQUENCE elearn.evidence_batch;
SELECT setval('elearn.evidence_batch', 1);

CREATE FUNCTION elearn.decided_in_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.evidence_batch := pg_sequence_last_value('elearn.evidence_batch');
    RETURN NEW;
END $$;
"""

ROWS = ("report", "delivery", "licence", "page_view", "watched_span")
"""Written once. What was there before is in batch 0, the first that is proved."""

DECIDED = """
ALTER TABLE elearn.presence_check ADD COLUMN evidence_batch bigint;
UPDATE elearn.presence_check SET evidence_batch = 0 WHERE outcome IS NOT NULL;
CREATE TRIGGER decided_in_batch BEFORE INSERT OR UPDATE ON elearn.presence_check
    FOR EACH ROW WHEN (NEW.outcome IS NOT NULL AND NEW.evidence_batch IS NULL)
    EXECUTE FUNCTION elearn.decided_in_batch();
"""


def upgrade() -> None:
    _batches()
    op.create_table(
        "subject_key",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], [f"{SCHEMA}.person.id"], name="fk_subject_key_person_id_person"),
        sa.PrimaryKeyConstraint("person_id", name="pk_subject_key"),
        schema=SCHEMA,
    )
    op.execute(ERASURE)
    _leaves()
    op.create_table(
        "ledger_checkpoint",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("witnessed", sa.Boolean(), nullable=False),
        sa.Column("signed_at", TIME, nullable=False),
        sa.CheckConstraint("size > 0", name=op.f("ck_ledger_checkpoint_size")),
        sa.CheckConstraint("octet_length(root) = 32", name=op.f("ck_ledger_checkpoint_root")),
        sa.PrimaryKeyConstraint("origin", "size", name="pk_ledger_checkpoint"),
        schema=SCHEMA,
    )
    op.execute("SELECT elearn.make_append_only('elearn.ledger_checkpoint')")
    op.create_table(
        "ledger_mark",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("entered_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("origin", name="pk_ledger_mark"),
        schema=SCHEMA,
    )
    op.add_column("hours_entry", sa.Column("leaf_origin", sa.Text(), nullable=True), schema=SCHEMA)
    op.add_column("hours_entry", sa.Column("leaf_index", sa.BigInteger(), nullable=True), schema=SCHEMA)
    op.create_foreign_key(
        "fk_hours_entry_leaf_origin_leaf_index_ledger_leaf",
        "hours_entry",
        "ledger_leaf",
        ["leaf_origin", "leaf_index"],
        ["origin", "index"],
        source_schema=SCHEMA,
        referent_schema=SCHEMA,
    )
    op.create_unique_constraint(
        "uq_hours_entry_leaf_origin_leaf_index", "hours_entry", ["leaf_origin", "leaf_index"], schema=SCHEMA
    )
    op.create_check_constraint(
        op.f("ck_hours_entry_leaf"), "hours_entry", "num_nulls(leaf_origin, leaf_index) IN (0, 2)", schema=SCHEMA
    )


def _batches() -> None:
    op.execute(BATCHES)
    for table in ROWS:
        # The first default fills the rows of before without writing them anew, the second is for those to come.
        op.execute(f"ALTER TABLE elearn.{table} ADD COLUMN evidence_batch bigint NOT NULL DEFAULT 0")
        op.execute(
            f"ALTER TABLE elearn.{table} ALTER COLUMN evidence_batch "
            "SET DEFAULT pg_sequence_last_value('elearn.evidence_batch')"
        )
    op.execute(DECIDED)
    for table in (*ROWS, "presence_check"):
        op.create_index(
            f"ix_{table}_evidence_batch",
            table,
            ["evidence_batch"],
            schema=SCHEMA,
            postgresql_using="brin",
            postgresql_with={"pages_per_range": 32, "autosummarize": True},
        )
    op.create_table(
        "evidence_closing",
        sa.Column("batch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("waits_for", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("from_ms < to_ms", name=op.f("ck_evidence_closing_minute")),
        sa.PrimaryKeyConstraint("batch", name="pk_evidence_closing"),
        schema=SCHEMA,
    )
    op.execute("SELECT elearn.make_append_only('elearn.evidence_closing')")


def _leaves() -> None:
    op.create_table(
        "ledger_leaf",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("sub", sa.Text(), nullable=True),
        sa.Column("n", sa.BigInteger(), nullable=True),
        sa.Column("counts_as", sa.Text(), nullable=True),
        sa.Column("ms", sa.BigInteger(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("names", sa.Text(), nullable=True),
        sa.Column("from_ms", sa.BigInteger(), nullable=True),
        sa.Column("to_ms", sa.BigInteger(), nullable=True),
        sa.Column("batch", sa.BigInteger(), nullable=True),
        sa.Column("watched_span_id", sa.Uuid(), nullable=True),
        sa.Column("voids_index", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("index >= 0", name=op.f("ck_ledger_leaf_index")),
        sa.CheckConstraint("octet_length(hash) = 32", name=op.f("ck_ledger_leaf_hash")),
        sa.CheckConstraint("octet_length(raw) <= 65535", name=op.f("ck_ledger_leaf_raw")),
        sa.CheckConstraint(
            "kind IN ('credit', 'attend', 'void', 'evidence', 'unit', 'policy', 'key')",
            name=op.f("ck_ledger_leaf_kind"),
        ),
        sa.CheckConstraint(
            "(kind IN ('credit', 'attend', 'void')) = (num_nulls(sub, n, counts_as, ms, total) = 0) "
            "AND num_nulls(sub, n, counts_as, ms, total) IN (0, 5)",
            name=op.f("ck_ledger_leaf_chain"),
        ),
        sa.CheckConstraint(
            "(kind = 'evidence') = (num_nulls(from_ms, to_ms, batch) = 0) "
            "AND num_nulls(from_ms, to_ms, batch) IN (0, 3)",
            name=op.f("ck_ledger_leaf_minute"),
        ),
        sa.CheckConstraint("(kind = 'void') = (voids_index IS NOT NULL)", name=op.f("ck_ledger_leaf_void")),
        sa.PrimaryKeyConstraint("origin", "index", name="pk_ledger_leaf"),
        sa.ForeignKeyConstraint(
            ["origin", "voids_index"],
            [f"{SCHEMA}.ledger_leaf.origin", f"{SCHEMA}.ledger_leaf.index"],
            name="fk_ledger_leaf_origin_voids_index_ledger_leaf",
        ),
        sa.ForeignKeyConstraint(
            ["batch"], [f"{SCHEMA}.evidence_closing.batch"], name="fk_ledger_leaf_batch_evidence_closing"
        ),
        sa.ForeignKeyConstraint(
            ["watched_span_id"], [f"{SCHEMA}.watched_span.id"], name="fk_ledger_leaf_watched_span_id_watched_span"
        ),
        sa.UniqueConstraint("watched_span_id", name="uq_ledger_leaf_watched_span_id"),
        schema=SCHEMA,
    )

    def index(name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
        op.create_index(
            name, "ledger_leaf", columns, unique=unique, schema=SCHEMA, postgresql_where=sa.text(f"{where} IS NOT NULL")
        )

    index("uq_ledger_leaf_chain", ["origin", "sub", "n"], "n", unique=True)
    index("uq_ledger_leaf_voids", ["origin", "voids_index"], "voids_index", unique=True)
    index("uq_ledger_leaf_batch", ["batch"], "batch", unique=True)
    index("ix_ledger_leaf_total", ["origin", "sub", "counts_as", "n"], "n")
    index("ix_ledger_leaf_names", ["origin", "names", "index"], "names")
    op.create_index("ix_ledger_leaf_hash", "ledger_leaf", ["hash"], schema=SCHEMA)
    op.execute("SELECT elearn.make_append_only('elearn.ledger_leaf')")
