"""What people agreed that an organisation may see of them, and took back: a ledger."""

from __future__ import annotations

from alembic import op

revision = "0043"
down_revision = "0042"

CHANGES = """
CREATE TABLE elearn.consent (
    id uuid NOT NULL CONSTRAINT pk_consent PRIMARY KEY,
    person_id uuid NOT NULL CONSTRAINT fk_consent_person_id_person REFERENCES elearn.person (id),
    organisation_id uuid NOT NULL
        CONSTRAINT fk_consent_organisation_id_organisation REFERENCES elearn.organisation (id),
    what text NOT NULL,
    given boolean NOT NULL,
    wording text NOT NULL,
    at timestamptz NOT NULL,
    by_id uuid NOT NULL CONSTRAINT fk_consent_by_id_person REFERENCES elearn.person (id),
    CONSTRAINT ck_consent_what CHECK (what IN ('hours_elsewhere')),
    CONSTRAINT ck_consent_by_oneself CHECK (by_id = person_id)
);
CREATE INDEX ix_consent_person_id_organisation_id_at ON elearn.consent (person_id, organisation_id, at);
CREATE INDEX ix_consent_organisation_id ON elearn.consent (organisation_id);
SELECT elearn.make_append_only('elearn.consent');
"""


def upgrade() -> None:
    op.execute(CHANGES)
