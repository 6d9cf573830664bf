"""What a service answered about who somebody is: dated words, nothing of what was compared."""

from __future__ import annotations

from alembic import op

revision = "0053"
down_revision = "0052"

CHANGES = """
CREATE TABLE elearn.identity_check (
    id uuid NOT NULL CONSTRAINT pk_identity_check PRIMARY KEY,
    person_id uuid NOT NULL CONSTRAINT fk_identity_check_person_id_person REFERENCES elearn.person (id),
    asked_at timestamptz NOT NULL,
    asked_of text NOT NULL,
    what text NOT NULL,
    result text NOT NULL,
    CONSTRAINT ck_identity_check_result CHECK (result IN ('matches', 'differs', 'unknown', 'unavailable'))
);
CREATE INDEX ix_identity_check_person_id_asked_at ON elearn.identity_check (person_id, asked_at);
SELECT elearn.make_append_only('elearn.identity_check');
"""


def upgrade() -> None:
    op.execute(CHANGES)
