"""Where a sitting was opened from: address (hashed), network, browser, and what the player says of itself."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

CHANGES = """
CREATE TABLE elearn.sitting_client (
    sitting_id uuid NOT NULL CONSTRAINT pk_sitting_client PRIMARY KEY
        CONSTRAINT fk_sitting_client_sitting_id_sitting REFERENCES elearn.sitting (id),
    learner_id uuid NOT NULL,
    device text,
    opened_ms bigint NOT NULL,
    address bytea,
    network text,
    user_agent text,
    client jsonb NOT NULL
);
CREATE INDEX ix_sitting_client_learner_id_opened_ms ON elearn.sitting_client (learner_id, opened_ms);
CREATE INDEX ix_sitting_client_device_opened_ms ON elearn.sitting_client (device, opened_ms);
CREATE INDEX ix_sitting_client_address_opened_ms ON elearn.sitting_client (address, opened_ms);
CREATE INDEX ix_sitting_client_opened_ms ON elearn.sitting_client (opened_ms);
"""


def upgrade() -> None:
    op.execute(CHANGES)
