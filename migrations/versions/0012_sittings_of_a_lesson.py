"""The sittings of one learner in one unit are found without reading everybody's: what counted, and why not."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_index("ix_sitting_learner_id_unit_id", "sitting", ["learner_id", "unit_id"], schema="elearn")
