"""A log that was given up may hold leaves of spans that the one after it credits."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.drop_constraint("uq_ledger_leaf_watched_span_id", "ledger_leaf", schema="elearn")
    op.create_unique_constraint(
        "uq_ledger_leaf_watched_span_id_origin", "ledger_leaf", ["watched_span_id", "origin"], schema="elearn"
    )
