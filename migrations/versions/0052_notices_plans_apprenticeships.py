"""Public notices of enterprises, their yearly training plans, apprenticeships."""

from __future__ import annotations

from alembic import op

revision = "0052"
down_revision = "0051"

CHANGES = """
CREATE TABLE elearn.public_notice (
    id uuid NOT NULL CONSTRAINT pk_public_notice PRIMARY KEY,
    organisation_id uuid NOT NULL
        CONSTRAINT fk_public_notice_organisation_id_organisation REFERENCES elearn.organisation (id),
    token text NOT NULL CONSTRAINT uq_public_notice_token UNIQUE,
    report_how text NOT NULL,
    report_phone text NOT NULL,
    report_reward text NOT NULL,
    opened_by uuid NOT NULL CONSTRAINT fk_public_notice_opened_by_person REFERENCES elearn.person (id),
    opened_at timestamptz NOT NULL,
    closed_at timestamptz
);
CREATE UNIQUE INDEX uq_public_notice_open ON elearn.public_notice (organisation_id) WHERE closed_at IS NULL;

CREATE TABLE elearn.training_plan (
    id uuid NOT NULL CONSTRAINT pk_training_plan PRIMARY KEY,
    organisation_id uuid NOT NULL
        CONSTRAINT fk_training_plan_organisation_id_organisation REFERENCES elearn.organisation (id),
    year smallint NOT NULL,
    version smallint NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    created_by uuid NOT NULL CONSTRAINT fk_training_plan_created_by_person REFERENCES elearn.person (id),
    created_at timestamptz NOT NULL,
    submitted_by uuid CONSTRAINT fk_training_plan_submitted_by_person REFERENCES elearn.person (id),
    submitted_at timestamptz,
    decided_by uuid CONSTRAINT fk_training_plan_decided_by_person REFERENCES elearn.person (id),
    decided_at timestamptz,
    note text NOT NULL,
    CONSTRAINT uq_training_plan_organisation_id_year_version UNIQUE (organisation_id, year, version),
    CONSTRAINT ck_training_plan_state CHECK (state IN ('draft', 'waiting', 'approved', 'returned', 'superseded')),
    CONSTRAINT ck_training_plan_year CHECK (year BETWEEN 2000 AND 2100),
    CONSTRAINT ck_training_plan_version CHECK (version >= 1),
    CONSTRAINT ck_training_plan_change_with_reason CHECK (version = 1 OR length(btrim(reason)) > 0),
    CONSTRAINT ck_training_plan_decided CHECK ((state IN ('draft', 'waiting')) = (decided_at IS NULL)),
    CONSTRAINT ck_training_plan_two_people CHECK (decided_by IS NULL OR decided_by <> submitted_by)
);
CREATE UNIQUE INDEX uq_training_plan_open ON elearn.training_plan (organisation_id, year)
    WHERE state IN ('draft', 'waiting');

CREATE TABLE elearn.training_plan_line (
    id uuid NOT NULL CONSTRAINT pk_training_plan_line PRIMARY KEY,
    plan_id uuid NOT NULL CONSTRAINT fk_training_plan_line_plan_id_training_plan REFERENCES elearn.training_plan (id),
    quarter smallint NOT NULL,
    title text NOT NULL,
    audience text NOT NULL,
    purpose text NOT NULL,
    programme_id uuid
        CONSTRAINT fk_training_plan_line_programme_id_training_programme REFERENCES elearn.training_programme (id),
    hours bigint NOT NULL,
    people bigint NOT NULL,
    CONSTRAINT ck_training_plan_line_purpose CHECK (purpose IN ('three_level_factory', 'three_level_workshop',
        'three_level_team', 'yearly', 'transfer', 'back', 'appointment', 'contractor_entry', 'new_technology',
        'campaign', 'other')),
    CONSTRAINT ck_training_plan_line_quarter CHECK (quarter BETWEEN 1 AND 4),
    CONSTRAINT ck_training_plan_line_hours CHECK (hours BETWEEN 1 AND 1000),
    CONSTRAINT ck_training_plan_line_people CHECK (people BETWEEN 1 AND 1000000)
);
CREATE INDEX ix_training_plan_line_plan_id ON elearn.training_plan_line (plan_id);

CREATE TABLE elearn.apprenticeship (
    id uuid NOT NULL CONSTRAINT pk_apprenticeship PRIMARY KEY,
    organisation_id uuid NOT NULL
        CONSTRAINT fk_apprenticeship_organisation_id_organisation REFERENCES elearn.organisation (id),
    membership_id uuid NOT NULL
        CONSTRAINT fk_apprenticeship_membership_id_membership REFERENCES elearn.membership (id),
    person_id uuid NOT NULL CONSTRAINT fk_apprenticeship_person_id_person REFERENCES elearn.person (id),
    master_id uuid NOT NULL CONSTRAINT fk_apprenticeship_master_id_person REFERENCES elearn.person (id),
    category text,
    trade text NOT NULL,
    from_on date NOT NULL,
    to_on date NOT NULL,
    rule text NOT NULL,
    done_at timestamptz,
    ended_on date,
    ended_why text NOT NULL,
    created_by uuid NOT NULL CONSTRAINT fk_apprenticeship_created_by_person REFERENCES elearn.person (id),
    created_at timestamptz NOT NULL,
    CONSTRAINT ck_apprenticeship_dates CHECK (to_on >= from_on),
    CONSTRAINT ck_apprenticeship_two_people CHECK (person_id <> master_id),
    CONSTRAINT ck_apprenticeship_ends_with_words CHECK ((ended_on IS NULL) = (ended_why = '')),
    CONSTRAINT ck_apprenticeship_done_or_broken_off CHECK (done_at IS NULL OR ended_on IS NULL)
);
CREATE INDEX ix_apprenticeship_organisation_id_from_on ON elearn.apprenticeship (organisation_id, from_on);
CREATE INDEX ix_apprenticeship_person_id ON elearn.apprenticeship (person_id);
CREATE INDEX ix_apprenticeship_master_id ON elearn.apprenticeship (master_id);

CREATE TABLE elearn.apprenticeship_note (
    id uuid NOT NULL CONSTRAINT pk_apprenticeship_note PRIMARY KEY,
    apprenticeship_id uuid NOT NULL
        CONSTRAINT fk_apprenticeship_note_apprenticeship_id_apprenticeship REFERENCES elearn.apprenticeship (id),
    week smallint NOT NULL,
    text text NOT NULL,
    by_id uuid NOT NULL CONSTRAINT fk_apprenticeship_note_by_id_person REFERENCES elearn.person (id),
    at timestamptz NOT NULL,
    CONSTRAINT uq_apprenticeship_note_apprenticeship_id_week_by_id UNIQUE (apprenticeship_id, week, by_id),
    CONSTRAINT ck_apprenticeship_note_week CHECK (week >= 1)
);
SELECT elearn.make_append_only('elearn.apprenticeship_note');

CREATE TABLE elearn.apprenticeship_signature (
    apprenticeship_id uuid NOT NULL
        CONSTRAINT fk_apprenticeship_signature_apprenticeship_id_apprenticeship REFERENCES elearn.apprenticeship (id),
    part text NOT NULL,
    by_id uuid NOT NULL CONSTRAINT fk_apprenticeship_signature_by_id_person REFERENCES elearn.person (id),
    note text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT pk_apprenticeship_signature PRIMARY KEY (apprenticeship_id, part),
    CONSTRAINT uq_apprenticeship_signature_two_people UNIQUE (apprenticeship_id, by_id),
    CONSTRAINT ck_apprenticeship_signature_part CHECK (part IN ('master', 'apprentice'))
);
SELECT elearn.make_append_only('elearn.apprenticeship_signature');
"""


def upgrade() -> None:
    op.execute(CHANGES)
