"""What somebody did in one activity is found as fast as what he did at all."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_index(
        "ix_statement_actor_key_activity_key_stored_at",
        "statement",
        ["actor_key", "activity_key", "stored_at"],
        schema="elearn",
    )
