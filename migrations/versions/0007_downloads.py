"""Downloads for offline study: the key a device has them sealed to, and the ledger of licences."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

CHANGES = """
ALTER TABLE elearn.device ADD COLUMN agreement_jwk jsonb;

CREATE TABLE elearn.licence (
    id uuid NOT NULL CONSTRAINT pk_licence PRIMARY KEY,
    learner_id uuid NOT NULL CONSTRAINT fk_licence_learner_id_learner_watch
        REFERENCES elearn.learner_watch (learner_id),
    unit_id uuid NOT NULL CONSTRAINT fk_licence_unit_id_unit REFERENCES elearn.unit (id),
    device text NOT NULL,
    agreement text NOT NULL,
    sitting_id uuid NOT NULL CONSTRAINT fk_licence_sitting_id_sitting REFERENCES elearn.sitting (id),
    issued_ms bigint NOT NULL,
    expires_ms bigint NOT NULL,
    policy text NOT NULL CONSTRAINT fk_licence_policy_watch_policy REFERENCES elearn.watch_policy (digest),
    CONSTRAINT ck_licence_lasts CHECK (issued_ms < expires_ms)
);
CREATE INDEX ix_licence_learner_id_unit_id_device ON elearn.licence (learner_id, unit_id, device);
"""


def upgrade() -> None:
    op.execute(CHANGES)
    op.execute("SELECT elearn.make_append_only('elearn.licence')")
