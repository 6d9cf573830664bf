"""What is said of an activity belongs to the organisation whose credential said it, and is folded for its readers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

SCHEMA = "elearn"
TABLE = "activity_definition"
NONE = "00000000-0000-0000-0000-000000000000"


def upgrade() -> None:
    # A program of before, still running, writes for nobody's organisation; what a sitting says is of none either.
    op.add_column(TABLE, sa.Column("organisation_id", sa.Uuid(), nullable=True, server_default=NONE), schema=SCHEMA)
    op.execute(f"ALTER TABLE {SCHEMA}.{TABLE} DISABLE TRIGGER append_only_rows")
    op.execute(
        f"UPDATE {SCHEMA}.{TABLE} AS said SET organisation_id = sender.organisation_id "
        "FROM elearn.statement AS kept JOIN elearn.lrs_credential AS sender ON sender.id = kept.authority_id "
        "WHERE kept.stored_at = said.stored_at AND kept.id = said.statement_id AND sender.organisation_id IS NOT NULL"
    )
    op.execute(f"ALTER TABLE {SCHEMA}.{TABLE} ENABLE TRIGGER append_only_rows")
    op.drop_index("ix_activity_definition_activity_key_digest", TABLE, schema=SCHEMA)
    op.create_index(
        "ix_activity_definition_activity_key_organisation_id_stored_at",
        TABLE,
        ["activity_key", "organisation_id", "stored_at"],
        schema=SCHEMA,
    )
    # Rows lie in order of time. A B-tree would be larger, and the planner takes one for a way to read an activity.
    op.create_index("ix_activity_definition_stored_at", TABLE, ["stored_at"], schema=SCHEMA, postgresql_using="brin")
    op.create_index(
        "ix_activity_definition_folds",
        TABLE,
        ["activity_key", "organisation_id", "stored_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("merged"),
    )
