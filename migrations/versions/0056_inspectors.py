"""Inspectors read a node's training by a link; archives of enterprises, made by jobs, and who took one away."""

from __future__ import annotations

from alembic import op

revision = "0056"
down_revision = "0055"

CHANGES = """
CREATE TABLE elearn.inspector_link (
    id uuid NOT NULL CONSTRAINT pk_inspector_link PRIMARY KEY,
    unit_id uuid NOT NULL CONSTRAINT fk_inspector_link_unit_id_organisation REFERENCES elearn.organisation (id),
    year bigint NOT NULL,
    full_names boolean NOT NULL,
    whom text NOT NULL,
    token_hash bytea NOT NULL CONSTRAINT uq_inspector_link_token_hash UNIQUE,
    made_by uuid NOT NULL CONSTRAINT fk_inspector_link_made_by_person REFERENCES elearn.person (id),
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    withdrawn_by uuid CONSTRAINT fk_inspector_link_withdrawn_by_person REFERENCES elearn.person (id),
    CONSTRAINT ck_inspector_link_expires CHECK (expires_at > made_at),
    CONSTRAINT ck_inspector_link_withdrawn CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CONSTRAINT ck_inspector_link_year CHECK (year = 0 OR year BETWEEN 2000 AND 2999)
);
CREATE INDEX ix_inspector_link_unit_id_made_at ON elearn.inspector_link (unit_id, made_at);

CREATE TABLE elearn.inspector_look (
    id uuid NOT NULL CONSTRAINT pk_inspector_look PRIMARY KEY,
    link_id uuid NOT NULL CONSTRAINT fk_inspector_look_link_id_inspector_link REFERENCES elearn.inspector_link (id),
    unit_id uuid NOT NULL CONSTRAINT fk_inspector_look_unit_id_organisation REFERENCES elearn.organisation (id),
    what text NOT NULL,
    network text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT ck_inspector_look_what CHECK (what IN ('board', 'people', 'file', 'archive'))
);
CREATE INDEX ix_inspector_look_link_id_at ON elearn.inspector_look (link_id, at);

CREATE TABLE elearn.enterprise_archive (
    id uuid NOT NULL CONSTRAINT pk_enterprise_archive PRIMARY KEY,
    unit_id uuid NOT NULL CONSTRAINT fk_enterprise_archive_unit_id_organisation REFERENCES elearn.organisation (id),
    year bigint NOT NULL,
    full_names boolean NOT NULL,
    state text NOT NULL,
    asked_by uuid NOT NULL CONSTRAINT fk_enterprise_archive_asked_by_person REFERENCES elearn.person (id),
    asked_at timestamptz NOT NULL,
    expires_at timestamptz,
    sha256 text,
    people bigint,
    content_sealed bytea,
    CONSTRAINT ck_enterprise_archive_state CHECK (state IN ('waiting', 'ready', 'failed', 'gone')),
    CONSTRAINT ck_enterprise_archive_ready_is_there
        CHECK ((state = 'ready') = (num_nulls(content_sealed, sha256, people, expires_at) = 0))
);
CREATE INDEX ix_enterprise_archive_unit_id_asked_at ON elearn.enterprise_archive (unit_id, asked_at);
CREATE INDEX ix_enterprise_archive_expires_at ON elearn.enterprise_archive (expires_at) WHERE state = 'ready';
CREATE UNIQUE INDEX uq_enterprise_archive_waiting ON elearn.enterprise_archive (unit_id, year, full_names)
    WHERE state = 'waiting';

CREATE TABLE elearn.training_archive_taken (
    id uuid NOT NULL CONSTRAINT pk_training_archive_taken PRIMARY KEY,
    unit_id uuid NOT NULL CONSTRAINT fk_training_archive_taken_unit_id_organisation REFERENCES elearn.organisation (id),
    person_id uuid CONSTRAINT fk_training_archive_taken_person_id_person REFERENCES elearn.person (id),
    by_id uuid CONSTRAINT fk_training_archive_taken_by_id_person REFERENCES elearn.person (id),
    link_id uuid CONSTRAINT fk_training_archive_taken_link_id_inspector_link REFERENCES elearn.inspector_link (id),
    manifest text NOT NULL,
    people bigint NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX ix_training_archive_taken_unit_id_at ON elearn.training_archive_taken (unit_id, at);
CREATE INDEX ix_training_archive_taken_person_id_at ON elearn.training_archive_taken (person_id, at);

-- A copy that a job prepared holds names: it goes with the person, whoever erases them.
CREATE FUNCTION elearn.forget_enterprise_archives() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE elearn.enterprise_archive
    SET state = 'gone', content_sealed = NULL, sha256 = NULL, people = NULL, expires_at = NULL
    WHERE state IN ('ready', 'waiting') AND unit_id IN (
        SELECT t.above_id FROM elearn.membership m
        JOIN elearn.placement p ON p.membership_id = m.id
        JOIN elearn.organisation_tree t ON t.below_id = p.unit_id
        WHERE m.person_id = NEW.id
    );
    RETURN NULL;
END $$;
CREATE TRIGGER forget_enterprise_archives AFTER UPDATE OF data_key ON elearn.person
    FOR EACH ROW WHEN (NEW.data_key IS NULL AND OLD.data_key IS NOT NULL)
    EXECUTE FUNCTION elearn.forget_enterprise_archives();
"""


def upgrade() -> None:
    op.execute(CHANGES)
    for table in ("inspector_look", "training_archive_taken"):
        op.execute(f"SELECT elearn.make_append_only('elearn.{table}')")
