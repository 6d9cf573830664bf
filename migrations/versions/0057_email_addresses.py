"""Where people want reminders by e-mail, sealed; it counts once a code has confirmed it."""

from __future__ import annotations

from alembic import op

revision = "0057"
down_revision = "0056"

CHANGES = """
CREATE TABLE elearn.email_address (
    person_id uuid NOT NULL CONSTRAINT pk_email_address PRIMARY KEY
        CONSTRAINT fk_email_address_person_id_person REFERENCES elearn.person (id),
    address_sealed bytea NOT NULL,
    code_hash text NOT NULL,
    code_at timestamptz NOT NULL,
    tries bigint NOT NULL,
    verified_at timestamptz
);
"""


def upgrade() -> None:
    op.execute(CHANGES)
