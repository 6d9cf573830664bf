"""Archives of classes: what learners signed, copies that a job prepared, and who took one away."""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"

CHANGES = """
CREATE TABLE elearn.hours_signature (
    id uuid NOT NULL CONSTRAINT pk_hours_signature PRIMARY KEY,
    class_id uuid NOT NULL
        CONSTRAINT fk_hours_signature_class_id_training_class REFERENCES elearn.training_class (id),
    person_id uuid NOT NULL CONSTRAINT fk_hours_signature_person_id_person REFERENCES elearn.person (id),
    number bigint NOT NULL,
    method text NOT NULL,
    said text NOT NULL,
    digest text NOT NULL,
    proof_sealed bytea NOT NULL,
    proof_sha256 text NOT NULL,
    key_id uuid CONSTRAINT fk_hours_signature_key_id_security_key REFERENCES elearn.security_key (id),
    signed_at timestamptz NOT NULL,
    CONSTRAINT uq_hours_signature_class_id_person_id_number UNIQUE (class_id, person_id, number),
    CONSTRAINT ck_hours_signature_number CHECK (number > 0),
    CONSTRAINT ck_hours_signature_method CHECK (method IN ('drawing', 'webauthn')),
    CONSTRAINT ck_hours_signature_key_of_its_method CHECK ((method = 'webauthn') = (key_id IS NOT NULL)),
    CONSTRAINT ck_hours_signature_digest CHECK (digest = encode(sha256(convert_to(said, 'UTF8')), 'hex'))
);
CREATE INDEX ix_hours_signature_person_id ON elearn.hours_signature (person_id);

CREATE TABLE elearn.prepared_archive (
    id uuid NOT NULL CONSTRAINT pk_prepared_archive PRIMARY KEY,
    class_id uuid NOT NULL
        CONSTRAINT fk_prepared_archive_class_id_training_class REFERENCES elearn.training_class (id),
    state text NOT NULL,
    asked_by uuid NOT NULL CONSTRAINT fk_prepared_archive_asked_by_person REFERENCES elearn.person (id),
    asked_at timestamptz NOT NULL,
    expires_at timestamptz,
    sha256 text,
    content_sealed bytea,
    CONSTRAINT ck_prepared_archive_state CHECK (state IN ('waiting', 'ready', 'failed', 'gone')),
    CONSTRAINT ck_prepared_archive_ready_is_there
        CHECK ((state = 'ready') = (num_nulls(content_sealed, sha256, expires_at) = 0))
);
CREATE INDEX ix_prepared_archive_class_id_asked_at ON elearn.prepared_archive (class_id, asked_at);
CREATE INDEX ix_prepared_archive_expires_at ON elearn.prepared_archive (expires_at) WHERE state = 'ready';
CREATE UNIQUE INDEX uq_prepared_archive_waiting ON elearn.prepared_archive (class_id) WHERE state = 'waiting';

CREATE TABLE elearn.archive_taken (
    id uuid NOT NULL CONSTRAINT pk_archive_taken PRIMARY KEY,
    class_id uuid NOT NULL
        CONSTRAINT fk_archive_taken_class_id_training_class REFERENCES elearn.training_class (id),
    by_id uuid CONSTRAINT fk_archive_taken_by_id_person REFERENCES elearn.person (id),
    manifest text NOT NULL,
    people bigint NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX ix_archive_taken_class_id_at ON elearn.archive_taken (class_id, at);

-- A copy that a job prepared holds names and signatures: it goes with the person, whoever erases them.
CREATE FUNCTION elearn.forget_prepared_archives() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE elearn.prepared_archive SET state = 'gone', content_sealed = NULL, sha256 = NULL, expires_at = NULL
    WHERE state IN ('ready', 'waiting')
      AND class_id IN (SELECT class_id FROM elearn.enrolment WHERE person_id = NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER forget_prepared_archives AFTER UPDATE OF data_key ON elearn.person
    FOR EACH ROW WHEN (NEW.data_key IS NULL AND OLD.data_key IS NOT NULL)
    EXECUTE FUNCTION elearn.forget_prepared_archives();
"""

LEDGERS = ("hours_signature", "archive_taken")


def upgrade() -> None:
    op.execute(CHANGES)
    for ledger in LEDGERS:
        op.execute(f"SELECT elearn.make_append_only('elearn.{ledger}')")
