"""The life of an eligibility record: its steps, proposals that wait for a second person, and what regions ask."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"

CHANGES = """
ALTER TABLE elearn.eligibility_record
    ADD COLUMN witnessed boolean NOT NULL DEFAULT false,
    ADD COLUMN facts jsonb NOT NULL DEFAULT '{}';
ALTER TABLE elearn.eligibility_record ALTER COLUMN witnessed DROP DEFAULT, ALTER COLUMN facts DROP DEFAULT;

CREATE TABLE elearn.eligibility_proposal (
    id uuid NOT NULL CONSTRAINT pk_eligibility_proposal PRIMARY KEY,
    record_id uuid NOT NULL CONSTRAINT fk_eligibility_proposal_record_id_eligibility_record
        REFERENCES elearn.eligibility_record (id),
    act text NOT NULL,
    by_id uuid NOT NULL CONSTRAINT fk_eligibility_proposal_by_id_person REFERENCES elearn.person (id),
    office text NOT NULL,
    reason text NOT NULL,
    note text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX ix_eligibility_proposal_record_id ON elearn.eligibility_proposal (record_id);

CREATE TABLE elearn.eligibility_answer (
    proposal_id uuid NOT NULL CONSTRAINT pk_eligibility_answer PRIMARY KEY
        CONSTRAINT fk_eligibility_answer_proposal_id_eligibility_proposal REFERENCES elearn.eligibility_proposal (id),
    confirmed boolean NOT NULL,
    by_id uuid NOT NULL CONSTRAINT fk_eligibility_answer_by_id_person REFERENCES elearn.person (id),
    office text NOT NULL,
    note text NOT NULL,
    at timestamptz NOT NULL
);

CREATE TABLE elearn.eligibility_step (
    id uuid NOT NULL CONSTRAINT pk_eligibility_step PRIMARY KEY,
    position bigint NOT NULL CONSTRAINT uq_eligibility_step_position UNIQUE,
    record_id uuid NOT NULL CONSTRAINT fk_eligibility_step_record_id_eligibility_record
        REFERENCES elearn.eligibility_record (id),
    number bigint NOT NULL,
    act text NOT NULL,
    from_state text,
    to_state text NOT NULL,
    by_id uuid CONSTRAINT fk_eligibility_step_by_id_person REFERENCES elearn.person (id),
    second_id uuid CONSTRAINT fk_eligibility_step_second_id_person REFERENCES elearn.person (id),
    proposal_id uuid CONSTRAINT uq_eligibility_step_proposal_id UNIQUE
        CONSTRAINT fk_eligibility_step_proposal_id_eligibility_proposal REFERENCES elearn.eligibility_proposal (id),
    reason text NOT NULL,
    note text NOT NULL,
    rule text NOT NULL,
    at timestamptz NOT NULL,
    submitted_by uuid CONSTRAINT fk_eligibility_step_submitted_by_person REFERENCES elearn.person (id),
    checked_by uuid CONSTRAINT fk_eligibility_step_checked_by_person REFERENCES elearn.person (id),
    verified_by uuid CONSTRAINT fk_eligibility_step_verified_by_person REFERENCES elearn.person (id),
    granted_by uuid CONSTRAINT fk_eligibility_step_granted_by_person REFERENCES elearn.person (id),
    granted_at timestamptz,
    expires_on date,
    returned boolean NOT NULL,
    CONSTRAINT uq_eligibility_step_record_id_number UNIQUE (record_id, number),
    CONSTRAINT ck_eligibility_step_begins_once CHECK ((number = 1) = (from_state IS NULL)),
    CONSTRAINT ck_eligibility_step_two_people
        CHECK (act NOT IN ('suspend', 'resume', 'revoke', 'correct') OR (by_id <> second_id) IS TRUE),
    CONSTRAINT ck_eligibility_step_second_confirms CHECK ((second_id IS NULL) = (proposal_id IS NULL))
);

CREATE TABLE elearn.grant_rule (
    id uuid NOT NULL CONSTRAINT pk_grant_rule PRIMARY KEY,
    number bigint NOT NULL CONSTRAINT uq_grant_rule_number UNIQUE,
    region text NOT NULL,
    effective_from date NOT NULL,
    submits_by_itself boolean NOT NULL,
    regulator_verifies boolean NOT NULL,
    grants_by_itself boolean NOT NULL,
    valid_days bigint,
    loaded_by text NOT NULL,
    loaded_at timestamptz NOT NULL
);

-- Versions that are there began as computed, at their place in the feed. That some of them were superseded since is
-- told at the end of the feed: its places are given out already.
INSERT INTO elearn.eligibility_step (id, position, record_id, number, act, to_state, reason, note, rule, at,
                                     returned)
SELECT gen_random_uuid(), position, id, 1, 'compute', 'computed',
       CASE WHEN version = 1 THEN 'FIRST' ELSE 'HOURS_CHANGED' END, '', 'none loaded', computed_at, false
FROM elearn.eligibility_record;

INSERT INTO elearn.eligibility_step (id, position, record_id, number, act, from_state, to_state, reason, note, rule, at,
                                     returned)
SELECT gen_random_uuid(), (SELECT max(position) FROM elearn.eligibility_record) + row_number() OVER (ORDER BY position),
       supersedes_id, 2, 'supersede', 'computed', 'superseded', 'HOURS_CHANGED', '', 'none loaded', computed_at, false
FROM elearn.eligibility_record WHERE supersedes_id IS NOT NULL;
"""

LEDGERS = ("eligibility_proposal", "eligibility_answer", "eligibility_step", "grant_rule")


def upgrade() -> None:
    op.execute(CHANGES)
    for ledger in LEDGERS:
        op.execute(f"SELECT elearn.make_append_only('elearn.{ledger}')")
