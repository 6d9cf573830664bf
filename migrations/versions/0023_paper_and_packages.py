"""Mapping profiles of receivers, proofs that people hold in the hand, and keys that the house makes for itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

SCHEMA = "elearn"
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "mapping_profile",
        sa.Column("receiver_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("loaded_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["receiver_id"], [f"{SCHEMA}.receiver.id"], name="fk_mapping_profile_receiver_id_receiver"
        ),
        sa.PrimaryKeyConstraint("receiver_id", "version", name="pk_mapping_profile"),
        schema=SCHEMA,
    )
    op.create_table(
        "training_proof",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("status_list", sa.BigInteger(), nullable=False),
        sa.Column("status_index", sa.BigInteger(), nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"],
            [f"{SCHEMA}.eligibility_record.id"],
            name="fk_training_proof_record_id_eligibility_record",
        ),
        sa.PrimaryKeyConstraint("code", name="pk_training_proof"),
        sa.UniqueConstraint("record_id", name="uq_training_proof_record_id"),
        sa.UniqueConstraint("status_list", "status_index", name="uq_training_proof_status_list_status_index"),
        schema=SCHEMA,
    )
    for ledger in ("mapping_profile", "training_proof"):
        op.execute(f"SELECT elearn.make_append_only('elearn.{ledger}')")
    op.create_table(
        "house_key",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_house_key"),
        schema=SCHEMA,
    )
