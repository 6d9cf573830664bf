"""`believed_span` is vacuumed early: each passed check deletes a learner's pending rows, and every heartbeat reads past
what is left of them. By PostgreSQL's defaults a fifth of the whole table may lie dead before anybody tidies up."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE elearn.believed_span "
        "SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500)"
    )
