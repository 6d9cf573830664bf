"""A key of the record store says which xAPI its client speaks, for answers to requests that do not say so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    # A program of before, still running, makes keys without it.
    op.add_column(
        "lrs_credential", sa.Column("speaks", sa.Text(), nullable=False, server_default="1.0.3"), schema="elearn"
    )
    op.create_check_constraint("speaks", "lrs_credential", "speaks IN ('1.0.3', '2.0.0')", schema="elearn")
