"""Statements go on to other record stores: which ones, how far each has got, and what it did not take."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"

SCHEMA = "elearn"
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "lrs_forward_target",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("speaks", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cursor_stored_at", TIME, nullable=True),
        sa.Column("cursor_id", sa.Uuid(), nullable=True),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_try_at", TIME, nullable=False),
        sa.Column("claimed_until", TIME, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_sent_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("state IN ('active', 'paused', 'removed')", name=op.f("ck_lrs_forward_target_state")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            [f"{SCHEMA}.organisation.id"],
            name="fk_lrs_forward_target_organisation_id_organisation",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_lrs_forward_target"),
        sa.UniqueConstraint("label", name="uq_lrs_forward_target_label"),
        schema=SCHEMA,
    )
    op.create_table(
        "lrs_forward_failure",
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_try_at", TIME, nullable=False),
        sa.Column("dead", sa.Boolean(), nullable=False),
        sa.Column("failed_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["target_id"],
            [f"{SCHEMA}.lrs_forward_target.id"],
            name="fk_lrs_forward_failure_target_id_lrs_forward_target",
        ),
        sa.PrimaryKeyConstraint("target_id", "statement_id", name="pk_lrs_forward_failure"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_lrs_forward_failure_target_id_next_try_at",
        "lrs_forward_failure",
        ["target_id", "next_try_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("NOT dead"),
    )
