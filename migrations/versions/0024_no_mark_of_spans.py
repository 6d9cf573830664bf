"""How far hours are entered is kept for each log; nobody looks through final spans any more."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.drop_table("credit_mark", schema="elearn")
