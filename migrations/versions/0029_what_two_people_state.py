"""What two people state about persons and institutions; what an outline is called at the exam; grants while held."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

CHANGES = """
CREATE TABLE elearn.finding (
    id uuid NOT NULL CONSTRAINT pk_finding PRIMARY KEY,
    kind text NOT NULL,
    person_id uuid CONSTRAINT fk_finding_person_id_person REFERENCES elearn.person (id),
    organisation_id uuid CONSTRAINT fk_finding_organisation_id_organisation REFERENCES elearn.organisation (id),
    outline_code text,
    paper text,
    number_sealed bytea,
    from_on date NOT NULL,
    to_on date,
    ends_id uuid CONSTRAINT fk_finding_ends_id_finding REFERENCES elearn.finding (id),
    note text NOT NULL,
    by_id uuid NOT NULL CONSTRAINT fk_finding_by_id_person REFERENCES elearn.person (id),
    side text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT ck_finding_kind
        CHECK (kind IN ('skill_certificate', 'earlier_training', 'blacklisted', 'institution_suspended')),
    CONSTRAINT ck_finding_about_a_person CHECK ((kind = 'institution_suspended') = (person_id IS NULL)),
    CONSTRAINT ck_finding_about_one CHECK (num_nonnulls(person_id, organisation_id) = 1),
    CONSTRAINT ck_finding_paper_whole CHECK (
        (kind IN ('skill_certificate', 'earlier_training') AND ends_id IS NULL)
        = (outline_code IS NOT NULL AND paper IS NOT NULL AND number_sealed IS NOT NULL)),
    CONSTRAINT ck_finding_paper_or_none CHECK (num_nulls(outline_code, paper, number_sealed) IN (0, 3)),
    CONSTRAINT ck_finding_side CHECK (side IN ('institution', 'regulator', 'operator')),
    CONSTRAINT ck_finding_dates CHECK (to_on IS NULL OR (to_on >= from_on AND ends_id IS NULL)),
    CONSTRAINT ck_finding_says_why CHECK (length(btrim(note)) > 0)
);
CREATE INDEX ix_finding_person_id ON elearn.finding (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX ix_finding_organisation_id ON elearn.finding (organisation_id) WHERE organisation_id IS NOT NULL;
CREATE INDEX ix_finding_ends_id ON elearn.finding (ends_id) WHERE ends_id IS NOT NULL;

CREATE TABLE elearn.finding_answer (
    finding_id uuid NOT NULL CONSTRAINT pk_finding_answer PRIMARY KEY
        CONSTRAINT fk_finding_answer_finding_id_finding REFERENCES elearn.finding (id),
    confirmed boolean NOT NULL,
    by_id uuid NOT NULL CONSTRAINT fk_finding_answer_by_id_person REFERENCES elearn.person (id),
    side text NOT NULL,
    note text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT ck_finding_answer_side CHECK (side IN ('institution', 'regulator', 'operator')),
    CONSTRAINT ck_finding_answer_objects_with_words CHECK (confirmed OR length(btrim(note)) > 0)
);
CREATE INDEX ix_finding_answer_at ON elearn.finding_answer (at);

CREATE TABLE elearn.exam_target (
    number bigint NOT NULL CONSTRAINT pk_exam_target PRIMARY KEY,
    outline_code text NOT NULL,
    region text NOT NULL,
    effective_from date NOT NULL,
    qualification text NOT NULL,
    trade text NOT NULL,
    item text NOT NULL,
    item_code text NOT NULL,
    training_kind text NOT NULL,
    catalogue_version text NOT NULL,
    loaded_by text NOT NULL,
    loaded_at timestamptz NOT NULL,
    CONSTRAINT ck_exam_target_training_kind
        CHECK (training_kind IN ('initial', 'retraining', 'certificate_change'))
);
CREATE INDEX ix_exam_target_outline_code_region ON elearn.exam_target (outline_code, region);
"""

LEDGERS = ("finding", "finding_answer", "exam_target")


def upgrade() -> None:
    op.execute(CHANGES)
    for ledger in LEDGERS:
        op.execute(f"SELECT elearn.make_append_only('elearn.{ledger}')")
    # Rules that were loaded before did not say it: nobody grants what is held back.
    op.add_column(
        "grant_rule",
        sa.Column("grants_while_held", sa.Boolean(), nullable=False, server_default=sa.false()),
        schema="elearn",
    )
    # What was not believed is summed for a record; most reports have nothing of it.
    op.create_index(
        "ix_report_refused",
        "report",
        ["sitting_id"],
        schema="elearn",
        postgresql_where=sa.text("refused <> '[]'::jsonb"),
    )
