"""The register of certificates that each employer keeps of its people, and who looked them up."""

from __future__ import annotations

from alembic import op

revision = "0048"
down_revision = "0047"

CHANGES = """
CREATE TABLE elearn.worker_certificate (
    id uuid NOT NULL CONSTRAINT pk_worker_certificate PRIMARY KEY,
    person_id uuid NOT NULL CONSTRAINT fk_worker_certificate_person_id_person REFERENCES elearn.person (id),
    organisation_id uuid NOT NULL
        CONSTRAINT fk_worker_certificate_organisation_id_organisation REFERENCES elearn.organisation (id),
    kind text NOT NULL,
    category text,
    title text NOT NULL,
    number_sealed bytea NOT NULL,
    issuer text NOT NULL,
    from_on date NOT NULL,
    to_on date,
    reviewed_on date,
    holds_to date,
    ends_by text,
    scan_sha256 text,
    check_state text NOT NULL,
    ended_on date,
    ended_why text NOT NULL,
    created_by uuid NOT NULL CONSTRAINT fk_worker_certificate_created_by_person REFERENCES elearn.person (id),
    created_at timestamptz NOT NULL,
    CONSTRAINT ck_worker_certificate_kind CHECK (kind IN ('operation', 'assessment', 'equipment', 'skill', 'other')),
    CONSTRAINT ck_worker_certificate_check_state CHECK (check_state IN ('unchecked', 'agrees', 'differs')),
    CONSTRAINT ck_worker_certificate_ends_by CHECK (ends_by IN ('paper', 'rule', 'review')),
    CONSTRAINT ck_worker_certificate_dates CHECK (to_on >= from_on),
    CONSTRAINT ck_worker_certificate_why_it_ends CHECK ((holds_to IS NULL) = (ends_by IS NULL)),
    CONSTRAINT ck_worker_certificate_ends_with_words CHECK ((ended_on IS NULL) = (ended_why = '')),
    CONSTRAINT ck_worker_certificate_scan CHECK (scan_sha256 ~ '^[0-9a-f]{64}$')
);
CREATE INDEX ix_worker_certificate_person_id ON elearn.worker_certificate (person_id);
CREATE INDEX ix_worker_certificate_organisation_id_holds_to ON elearn.worker_certificate (organisation_id, holds_to);

CREATE TABLE elearn.worker_certificate_check (
    id uuid NOT NULL CONSTRAINT pk_worker_certificate_check PRIMARY KEY,
    certificate_id uuid NOT NULL CONSTRAINT fk_worker_certificate_check_certificate_id_worker_certificate
        REFERENCES elearn.worker_certificate (id),
    agrees boolean NOT NULL,
    note text NOT NULL,
    by_id uuid NOT NULL CONSTRAINT fk_worker_certificate_check_by_id_person REFERENCES elearn.person (id),
    at timestamptz NOT NULL,
    CONSTRAINT ck_worker_certificate_check_differs_with_words CHECK (agrees OR length(btrim(note)) > 0)
);
CREATE INDEX ix_worker_certificate_check_certificate_id_at ON elearn.worker_certificate_check (certificate_id, at);
SELECT elearn.make_append_only('elearn.worker_certificate_check');
"""


def upgrade() -> None:
    op.execute(CHANGES)
