"""What is made for training is compared with the law: what was said is kept, and what asks for nothing is not made."""

from __future__ import annotations

from alembic import op

revision = "0064"
down_revision = "0063"

CHANGES = """
ALTER TABLE elearn.assign_rule ADD COLUMN levels_reason text
    CONSTRAINT ck_assign_rule_levels_reason CHECK (char_length(levels_reason) BETWEEN 1 AND 300);

CREATE TABLE elearn.law_note (
    id uuid NOT NULL CONSTRAINT pk_law_note PRIMARY KEY,
    rule_id uuid CONSTRAINT fk_law_note_rule_id_assign_rule REFERENCES elearn.assign_rule (id),
    programme_id uuid CONSTRAINT fk_law_note_programme_id_training_programme REFERENCES elearn.training_programme (id),
    training text NOT NULL,
    category text NOT NULL,
    asked_hours bigint NOT NULL,
    given_micro bigint NOT NULL,
    clause text NOT NULL,
    rule_version text NOT NULL,
    by_id uuid NOT NULL CONSTRAINT fk_law_note_by_id_person REFERENCES elearn.person (id),
    at timestamptz NOT NULL,
    CONSTRAINT ck_law_note_of_one CHECK (num_nonnulls(rule_id, programme_id) = 1),
    CONSTRAINT ck_law_note_short CHECK (given_micro >= 0 AND given_micro < asked_hours * 1000000::bigint),
    CONSTRAINT ck_law_note_training CHECK (training IN ('initial', 'yearly'))
);
CREATE INDEX ix_law_note_rule_id ON elearn.law_note (rule_id) WHERE rule_id IS NOT NULL;
CREATE INDEX ix_law_note_programme_id ON elearn.law_note (programme_id) WHERE programme_id IS NOT NULL;
SELECT elearn.make_append_only('elearn.law_note');

-- Which categories stand in a tree: a few questions, never everybody's placement.
CREATE INDEX ix_placement_category ON elearn.placement (category, unit_id) WHERE category IS NOT NULL;

-- No time, no test and no signatures: it would be done as soon as it is assigned. What is there already stays.
CREATE FUNCTION elearn.programme_asks_something() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM elearn.class_course c
        JOIN elearn.course_test t ON t.course_id = c.course_id AND t.purpose = 'course' AND t.retired_at IS NULL
        JOIN elearn.test_blueprint b ON b.test_id = t.id AND b.published_at IS NOT NULL AND b.retired_at IS NULL
        WHERE c.class_id = NEW.class_id
    ) THEN
        RAISE check_violation USING MESSAGE = 'training_programme_asks_something';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER asks_something AFTER INSERT ON elearn.training_programme FOR EACH ROW
    WHEN (NEW.required_ms = 0 AND NEW.purpose NOT LIKE 'three_level_%')
    EXECUTE FUNCTION elearn.programme_asks_something();
"""


def upgrade() -> None:
    op.execute(CHANGES)
