"""Who: persons, accounts, organisations, memberships, roles, sign-in, devices, disclosures."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = """
CREATE TABLE elearn.person (
    id uuid CONSTRAINT pk_person PRIMARY KEY,
    name text NOT NULL,
    document_kind varchar(40),
    document_sealed bytea,
    document_index bytea CONSTRAINT uq_person_document_index UNIQUE,
    data_key bytea,
    pseudonym text CONSTRAINT uq_person_pseudonym UNIQUE,
    created_at timestamptz NOT NULL,
    erased_at timestamptz
);

CREATE TABLE elearn.account (
    id uuid CONSTRAINT pk_account PRIMARY KEY,
    person_id uuid NOT NULL
        CONSTRAINT uq_account_person_id UNIQUE
        CONSTRAINT fk_account_person_id_person REFERENCES elearn.person,
    name text CONSTRAINT uq_account_name UNIQUE,
    phone_sealed bytea,
    phone_index bytea CONSTRAINT uq_account_phone_index UNIQUE,
    password_hash text,
    must_change boolean NOT NULL,
    session_epoch bigint NOT NULL,
    created_at timestamptz NOT NULL,
    closed_at timestamptz
);

CREATE TABLE elearn.organisation (
    id uuid CONSTRAINT pk_organisation PRIMARY KEY,
    kind varchar(40) NOT NULL,
    name text NOT NULL,
    credit_code text CONSTRAINT uq_organisation_credit_code UNIQUE,
    region text,
    created_at timestamptz NOT NULL,
    closed_at timestamptz
);

CREATE TABLE elearn.membership (
    id uuid CONSTRAINT pk_membership PRIMARY KEY,
    person_id uuid NOT NULL CONSTRAINT fk_membership_person_id_person REFERENCES elearn.person,
    organisation_id uuid NOT NULL CONSTRAINT fk_membership_organisation_id_organisation REFERENCES elearn.organisation,
    kind varchar(40) NOT NULL,
    from_on date NOT NULL,
    to_on date,
    created_at timestamptz NOT NULL,
    CONSTRAINT ck_membership_ends_after_start CHECK (to_on IS NULL OR to_on >= from_on),
    CONSTRAINT ex_membership_once_at_a_time EXCLUDE USING gist
        (person_id WITH =, organisation_id WITH =, daterange(from_on, to_on, '[]') WITH &&)
);
CREATE INDEX ix_membership_organisation_id ON elearn.membership (organisation_id);

CREATE TABLE elearn.role_grant (
    id uuid CONSTRAINT pk_role_grant PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT fk_role_grant_account_id_account REFERENCES elearn.account,
    role varchar(40) NOT NULL,
    organisation_id uuid CONSTRAINT fk_role_grant_organisation_id_organisation REFERENCES elearn.organisation,
    region text,
    granted_at timestamptz NOT NULL,
    granted_by uuid CONSTRAINT fk_role_grant_granted_by_account REFERENCES elearn.account,
    revoked_at timestamptz,
    revoked_by uuid CONSTRAINT fk_role_grant_revoked_by_account REFERENCES elearn.account
);
CREATE INDEX ix_role_grant_organisation_id ON elearn.role_grant (organisation_id);
-- One live grant of a role in one place; also how an account's grants are found.
CREATE UNIQUE INDEX uq_role_grant_live ON elearn.role_grant (account_id, role, organisation_id, region)
    NULLS NOT DISTINCT WHERE revoked_at IS NULL;

CREATE TABLE elearn.browser_session (
    id uuid CONSTRAINT pk_browser_session PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT fk_browser_session_account_id_account REFERENCES elearn.account,
    epoch bigint NOT NULL,
    started_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    idle_ms bigint NOT NULL,
    ended_at timestamptz
);
CREATE INDEX ix_browser_session_account_id ON elearn.browser_session (account_id);

CREATE TABLE elearn.password_reset (
    id uuid CONSTRAINT pk_password_reset PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT fk_password_reset_account_id_account REFERENCES elearn.account,
    issued_by uuid CONSTRAINT fk_password_reset_issued_by_account REFERENCES elearn.account,
    organisation_id uuid CONSTRAINT fk_password_reset_organisation_id_organisation REFERENCES elearn.organisation,
    password_hash text NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    withdrawn_at timestamptz
);
CREATE INDEX ix_password_reset_account_id ON elearn.password_reset (account_id);

CREATE TABLE elearn.sign_in_try (
    key bytea NOT NULL,
    "window" bigint NOT NULL,
    tries bigint NOT NULL,
    CONSTRAINT pk_sign_in_try PRIMARY KEY (key, "window")
);

CREATE TABLE elearn.device (
    id uuid CONSTRAINT pk_device PRIMARY KEY,
    person_id uuid NOT NULL CONSTRAINT fk_device_person_id_person REFERENCES elearn.person,
    thumbprint text NOT NULL,
    jwk jsonb NOT NULL,
    enrolled_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT uq_device_person_id_thumbprint UNIQUE (person_id, thumbprint)
);
CREATE INDEX ix_device_thumbprint ON elearn.device (thumbprint);

CREATE TABLE elearn.disclosure (
    id uuid CONSTRAINT pk_disclosure PRIMARY KEY,
    person_id uuid NOT NULL CONSTRAINT fk_disclosure_person_id_person REFERENCES elearn.person,
    receiver text NOT NULL,
    what text NOT NULL,
    reason text NOT NULL,
    disclosed_at timestamptz NOT NULL
);
CREATE INDEX ix_disclosure_person_id ON elearn.disclosure (person_id);
SELECT elearn.make_append_only('elearn.disclosure');
"""


def upgrade() -> None:
    op.execute(TABLES)
