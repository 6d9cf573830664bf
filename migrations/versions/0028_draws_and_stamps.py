"""What authorities may ask the raw evidence of, and RFC 3161 time stamps over checkpoints."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"

SCHEMA = "elearn"
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "evidence_draw",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("receiver_id", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("from_index", sa.BigInteger(), nullable=False),
        sa.Column("to_index", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=True),
        sa.Column("per_million", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("ordered_by", sa.Text(), nullable=True),
        sa.Column("at", TIME, nullable=False),
        sa.CheckConstraint("0 <= from_index AND from_index < to_index", name=op.f("ck_evidence_draw_leaves")),
        sa.CheckConstraint("num_nulls(root, per_million) IN (0, 2)", name=op.f("ck_evidence_draw_draw")),
        sa.CheckConstraint("num_nulls(reason, ordered_by) IN (0, 2)", name=op.f("ck_evidence_draw_order")),
        sa.CheckConstraint("(root IS NULL) = (reason IS NOT NULL)", name=op.f("ck_evidence_draw_draw_or_order")),
        sa.ForeignKeyConstraint(
            ["receiver_id"], [f"{SCHEMA}.receiver.id"], name="fk_evidence_draw_receiver_id_receiver"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_evidence_draw"),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_evidence_draw_once",
        "evidence_draw",
        ["receiver_id", "origin", "from_index"],
        unique=True,
        postgresql_where=sa.text("root IS NOT NULL"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_evidence_draw_receiver_id_origin_to_index",
        "evidence_draw",
        ["receiver_id", "origin", "to_index"],
        schema=SCHEMA,
    )
    op.create_table(
        "ledger_stamp",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("reply", sa.LargeBinary(), nullable=False),
        sa.Column("stamped_at", TIME, nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["origin", "size"],
            [f"{SCHEMA}.ledger_checkpoint.origin", f"{SCHEMA}.ledger_checkpoint.size"],
            name="fk_ledger_stamp_origin_ledger_checkpoint",
        ),
        sa.PrimaryKeyConstraint("origin", "size", name="pk_ledger_stamp"),
        schema=SCHEMA,
    )
    for table in ("evidence_draw", "ledger_stamp"):
        op.execute(f"SELECT elearn.make_append_only('elearn.{table}')")
