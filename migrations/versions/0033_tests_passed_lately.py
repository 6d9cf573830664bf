"""Who passed a course test a short while ago is found without looking at all that were ever taken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.create_index(
        "ix_test_attempt_passed_at",
        "test_attempt",
        ["closed_at"],
        schema="elearn",
        postgresql_where=sa.text("passed IS TRUE"),
    )
