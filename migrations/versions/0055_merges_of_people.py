"""One human being registered twice: what was proposed, by whom, and what a second person decided."""

from __future__ import annotations

from alembic import op

revision = "0055"
down_revision = "0054"

CHANGES = """
CREATE TABLE elearn.person_merge (
    id uuid NOT NULL CONSTRAINT pk_person_merge PRIMARY KEY,
    kept_id uuid NOT NULL CONSTRAINT fk_person_merge_kept_id_person REFERENCES elearn.person (id),
    gone_id uuid NOT NULL CONSTRAINT fk_person_merge_gone_id_person REFERENCES elearn.person (id),
    proposed_by uuid NOT NULL CONSTRAINT fk_person_merge_proposed_by_person REFERENCES elearn.person (id),
    proposed_at timestamptz NOT NULL,
    state text NOT NULL,
    answered_by uuid CONSTRAINT fk_person_merge_answered_by_person REFERENCES elearn.person (id),
    answered_at timestamptz,
    CONSTRAINT ck_person_merge_two_people CHECK (kept_id <> gone_id),
    CONSTRAINT ck_person_merge_state CHECK (state IN ('open', 'done', 'refused', 'taken_back')),
    CONSTRAINT ck_person_merge_answered CHECK ((state = 'open') = (answered_at IS NULL)),
    CONSTRAINT ck_person_merge_answered_whole CHECK ((answered_at IS NULL) = (answered_by IS NULL)),
    CONSTRAINT ck_person_merge_second_person CHECK ((state = 'taken_back') = (answered_by = proposed_by))
);
CREATE INDEX ix_person_merge_kept_id ON elearn.person_merge (kept_id);
CREATE INDEX ix_person_merge_gone_id ON elearn.person_merge (gone_id);
CREATE INDEX ix_person_merge_proposed_by ON elearn.person_merge (proposed_by);
CREATE INDEX ix_person_merge_proposed_at ON elearn.person_merge (proposed_at);
CREATE UNIQUE INDEX uq_person_merge_open ON elearn.person_merge (gone_id) WHERE state = 'open';
"""


def upgrade() -> None:
    op.execute(CHANGES)
