"""What people are told in the application."""

from __future__ import annotations

from alembic import op

revision = "0042"
down_revision = "0041"

CHANGES = """
CREATE TABLE elearn.message (
    id uuid NOT NULL CONSTRAINT pk_message PRIMARY KEY,
    person_id uuid NOT NULL CONSTRAINT fk_message_person_id_person REFERENCES elearn.person (id),
    organisation_id uuid CONSTRAINT fk_message_organisation_id_organisation REFERENCES elearn.organisation (id),
    kind text NOT NULL,
    cause text NOT NULL,
    facts jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    read_at timestamptz,
    CONSTRAINT uq_message_person_id_kind_cause UNIQUE (person_id, kind, cause)
);
CREATE INDEX ix_message_person_id_created_at_id ON elearn.message (person_id, created_at, id);
CREATE INDEX ix_message_unread ON elearn.message (person_id) WHERE read_at IS NULL;
"""


def upgrade() -> None:
    op.execute(CHANGES)
