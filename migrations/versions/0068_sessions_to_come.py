"""Sessions to come, found by their day: whoever is expected is told."""

from __future__ import annotations

from alembic import op

revision = "0068"
down_revision = "0067"


def upgrade() -> None:
    op.execute("CREATE INDEX ix_class_session_from_at ON elearn.class_session (from_at)")
