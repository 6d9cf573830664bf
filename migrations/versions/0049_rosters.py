"""Rosters that employers send: drafts, their lines, sealed; the numbers that employers give their people."""

from __future__ import annotations

from alembic import op

revision = "0049"
down_revision = "0048"

CHANGES = """
CREATE TABLE elearn.roster_draft (
    id uuid NOT NULL CONSTRAINT pk_roster_draft PRIMARY KEY,
    organisation_id uuid NOT NULL
        CONSTRAINT fk_roster_draft_organisation_id_organisation REFERENCES elearn.organisation (id),
    asked_by uuid NOT NULL CONSTRAINT fk_roster_draft_asked_by_person REFERENCES elearn.person (id),
    state text NOT NULL,
    file_name text NOT NULL,
    categories jsonb NOT NULL,
    data_key bytea,
    content_sealed bytea,
    header_sealed bytea,
    problem jsonb,
    total bigint NOT NULL,
    done bigint NOT NULL,
    counts jsonb NOT NULL,
    new_units jsonb NOT NULL,
    present bigint NOT NULL,
    missing bigint NOT NULL,
    wishes jsonb NOT NULL,
    result jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    taken_by uuid CONSTRAINT fk_roster_draft_taken_by_person REFERENCES elearn.person (id),
    taken_at timestamptz
);
CREATE INDEX ix_roster_draft_organisation_id ON elearn.roster_draft (organisation_id);

CREATE TABLE elearn.roster_line (
    draft_id uuid NOT NULL CONSTRAINT fk_roster_line_draft_id_roster_draft REFERENCES elearn.roster_draft (id),
    line bigint NOT NULL,
    document_index bytea,
    verdict text NOT NULL,
    changes text[] NOT NULL,
    taken boolean NOT NULL,
    content_sealed bytea,
    CONSTRAINT pk_roster_line PRIMARY KEY (draft_id, line)
);
CREATE INDEX ix_roster_line_draft_id_verdict_line ON elearn.roster_line (draft_id, verdict, line);
CREATE INDEX ix_roster_line_document_index ON elearn.roster_line (document_index) WHERE document_index IS NOT NULL;

CREATE TABLE elearn.staff_number (
    organisation_id uuid NOT NULL
        CONSTRAINT fk_staff_number_organisation_id_organisation REFERENCES elearn.organisation (id),
    person_id uuid NOT NULL CONSTRAINT fk_staff_number_person_id_person REFERENCES elearn.person (id),
    number text NOT NULL,
    CONSTRAINT pk_staff_number PRIMARY KEY (organisation_id, person_id)
);
CREATE INDEX ix_staff_number_person_id ON elearn.staff_number (person_id);
"""


def upgrade() -> None:
    op.execute(CHANGES)
