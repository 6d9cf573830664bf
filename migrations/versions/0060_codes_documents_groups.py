"""Sign-in by a code sent to the phone, numbers that several people share, second documents, rosters of a group.

A number that is another account's sign-in name is kept beside the account that shares it. A document that a merged
duplicate had finds the person who stayed: the check against the same document at somebody else runs after the row is
written, where it sees what a transaction that it waited for committed.
"""

from __future__ import annotations

from alembic import op

revision = "0060"
down_revision = "0059"

CHANGES = """
CREATE TABLE elearn.sign_in_code (
    id uuid NOT NULL CONSTRAINT pk_sign_in_code PRIMARY KEY,
    phone_index bytea NOT NULL,
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    sent_at timestamptz,
    tries bigint NOT NULL,
    wrong_ends bigint NOT NULL,
    account_id uuid CONSTRAINT fk_sign_in_code_account_id_account REFERENCES elearn.account (id),
    session_epoch bigint,
    was_first boolean,
    proved_at timestamptz,
    used_at timestamptz,
    CONSTRAINT ck_sign_in_code_proved_whole
        CHECK ((proved_at IS NULL) = (account_id IS NULL) AND (proved_at IS NULL) = (session_epoch IS NULL)
            AND (proved_at IS NULL) = (was_first IS NULL)),
    CONSTRAINT ck_sign_in_code_used_was_proved CHECK (used_at IS NULL OR proved_at IS NOT NULL)
);
CREATE INDEX ix_sign_in_code_phone_index_asked_at ON elearn.sign_in_code (phone_index, asked_at);
CREATE INDEX ix_sign_in_code_account_id ON elearn.sign_in_code (account_id);
CREATE INDEX ix_sign_in_code_asked_at ON elearn.sign_in_code (asked_at) WHERE used_at IS NULL;

CREATE TABLE elearn.shared_phone (
    account_id uuid NOT NULL CONSTRAINT pk_shared_phone PRIMARY KEY
        CONSTRAINT fk_shared_phone_account_id_account REFERENCES elearn.account (id),
    phone_index bytea NOT NULL,
    phone_sealed bytea NOT NULL,
    noted_at timestamptz NOT NULL
);
CREATE INDEX ix_shared_phone_phone_index ON elearn.shared_phone (phone_index);

CREATE TABLE elearn.other_document (
    document_index bytea NOT NULL CONSTRAINT pk_other_document PRIMARY KEY,
    person_id uuid NOT NULL CONSTRAINT fk_other_document_person_id_person REFERENCES elearn.person (id),
    document_kind varchar(40) NOT NULL,
    document_sealed bytea NOT NULL,
    noted_at timestamptz NOT NULL
);
CREATE INDEX ix_other_document_person_id ON elearn.other_document (person_id);

CREATE FUNCTION elearn.one_document_one_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'person' THEN
        PERFORM 1 FROM elearn.other_document WHERE document_index = NEW.document_index;
    ELSE
        PERFORM 1 FROM elearn.person WHERE document_index = NEW.document_index;
    END IF;
    IF FOUND THEN
        RAISE unique_violation USING MESSAGE = 'duplicate key: uq_person_document_index';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER one_document_one_person AFTER INSERT OR UPDATE OF document_index ON elearn.person
    FOR EACH ROW WHEN (NEW.document_index IS NOT NULL) EXECUTE FUNCTION elearn.one_document_one_person();
CREATE TRIGGER one_document_one_person AFTER INSERT OR UPDATE OF document_index ON elearn.other_document
    FOR EACH ROW EXECUTE FUNCTION elearn.one_document_one_person();

ALTER TABLE elearn.roster_line ADD COLUMN employer_id uuid
    CONSTRAINT fk_roster_line_employer_id_organisation REFERENCES elearn.organisation (id);
ALTER TABLE elearn.roster_draft ADD COLUMN employers jsonb NOT NULL DEFAULT '{}';
"""


def upgrade() -> None:
    op.execute(CHANGES)
