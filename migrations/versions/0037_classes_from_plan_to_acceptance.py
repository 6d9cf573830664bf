"""A class's plan, its steps, changes to its roster; classes that were filed before get the step that filed them."""

from __future__ import annotations

from alembic import op

revision = "0037"
down_revision = "0036"

CHANGES = """
ALTER TABLE elearn.training_class ADD COLUMN place text NOT NULL DEFAULT '', ADD COLUMN region text;

CREATE TABLE elearn.class_plan_line (
    id uuid NOT NULL CONSTRAINT pk_class_plan_line PRIMARY KEY,
    class_id uuid NOT NULL
        CONSTRAINT fk_class_plan_line_class_id_training_class REFERENCES elearn.training_class (id),
    taught_on date NOT NULL,
    from_time time,
    to_time time,
    outline_item_id uuid NOT NULL
        CONSTRAINT fk_class_plan_line_outline_item_id_outline_item REFERENCES elearn.outline_item (id),
    modality text NOT NULL,
    hours smallint NOT NULL,
    place text NOT NULL,
    CONSTRAINT ck_class_plan_line_modality CHECK (modality IN ('online', 'offline')),
    CONSTRAINT ck_class_plan_line_hours CHECK (hours BETWEEN 1 AND 24),
    CONSTRAINT ck_class_plan_line_on_site_at_a_time
        CHECK (modality = 'online' OR num_nulls(from_time, to_time) = 0),
    CONSTRAINT ck_class_plan_line_times CHECK (num_nulls(from_time, to_time) IN (0, 2) AND from_time < to_time)
);
CREATE INDEX ix_class_plan_line_class_id_taught_on ON elearn.class_plan_line (class_id, taught_on);

CREATE TABLE elearn.class_step (
    id uuid NOT NULL CONSTRAINT pk_class_step PRIMARY KEY,
    class_id uuid NOT NULL CONSTRAINT fk_class_step_class_id_training_class REFERENCES elearn.training_class (id),
    position smallint NOT NULL,
    act text NOT NULL,
    to_state text NOT NULL,
    by_id uuid CONSTRAINT fk_class_step_by_id_person REFERENCES elearn.person (id),
    office text,
    note text NOT NULL,
    late boolean NOT NULL,
    unmet text[] NOT NULL,
    rule text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT uq_class_step_class_id_position UNIQUE (class_id, position),
    CONSTRAINT ck_class_step_act
        CHECK (act IN ('submit', 'check', 'accept', 'return', 'receipt', 'begin', 'complete')),
    CONSTRAINT ck_class_step_to_state CHECK (
        to_state IN ('planned', 'submitted', 'institution_checked', 'accepted', 'running', 'completed')),
    CONSTRAINT ck_class_step_office CHECK (office IN ('clerk', 'manager', 'officer')),
    CONSTRAINT ck_class_step_somebody_or_nobody CHECK (num_nulls(by_id, office) IN (0, 2)),
    CONSTRAINT ck_class_step_says_why CHECK (act <> 'return' OR length(btrim(note)) > 0)
);

CREATE TABLE elearn.class_roster_change (
    id uuid NOT NULL CONSTRAINT pk_class_roster_change PRIMARY KEY,
    class_id uuid NOT NULL
        CONSTRAINT fk_class_roster_change_class_id_training_class REFERENCES elearn.training_class (id),
    person_id uuid NOT NULL CONSTRAINT fk_class_roster_change_person_id_person REFERENCES elearn.person (id),
    change text NOT NULL,
    reason text NOT NULL,
    by_id uuid CONSTRAINT fk_class_roster_change_by_id_person REFERENCES elearn.person (id),
    two_people boolean NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT ck_class_roster_change_change CHECK (change IN ('join', 'leave')),
    CONSTRAINT ck_class_roster_change_says_why CHECK (by_id IS NULL OR length(btrim(reason)) > 0)
);
CREATE INDEX ix_class_roster_change_class_id_at ON elearn.class_roster_change (class_id, at);
CREATE INDEX ix_class_roster_change_person_id ON elearn.class_roster_change (person_id);

CREATE TABLE elearn.class_roster_answer (
    change_id uuid NOT NULL CONSTRAINT pk_class_roster_answer PRIMARY KEY
        CONSTRAINT fk_class_roster_answer_change_id_class_roster_change REFERENCES elearn.class_roster_change (id),
    confirmed boolean NOT NULL,
    by_id uuid NOT NULL CONSTRAINT fk_class_roster_answer_by_id_person REFERENCES elearn.person (id),
    note text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT ck_class_roster_answer_objects_with_words CHECK (confirmed OR length(btrim(note)) > 0)
);

-- What was submitted does not change under the eyes of those who look at it.
CREATE FUNCTION elearn.guard_class_plan() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stands text := (SELECT to_state FROM elearn.class_step
                    WHERE class_id = CASE WHEN TG_OP = 'INSERT' THEN NEW.class_id ELSE OLD.class_id END
                    ORDER BY position DESC LIMIT 1);
BEGIN
    IF coalesce(stands, 'planned') <> 'planned' THEN
        RAISE EXCEPTION 'the plan of a class stands once it was submitted'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER plan_stands BEFORE INSERT OR UPDATE OR DELETE ON elearn.class_plan_line
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_class_plan();
"""

# Nobody was asked who recorded a receipt or why somebody came later; that they did is known.
FILED_BEFORE = """
INSERT INTO elearn.class_step (id, class_id, position, act, to_state, note, late, unmet, rule, at)
SELECT gen_random_uuid(), id, 1, 'receipt', 'accepted', '',
       filed_at >= starts_on::timestamp AT TIME ZONE 'Asia/Shanghai', '{}', '', filing_recorded_at
FROM elearn.training_class WHERE filed_at IS NOT NULL;

INSERT INTO elearn.class_roster_change (id, class_id, person_id, change, reason, two_people, at)
SELECT gen_random_uuid(), n.class_id, n.person_id, c.change, '', false, c.at
FROM elearn.enrolment n
JOIN elearn.training_class k ON k.id = n.class_id
CROSS JOIN LATERAL (VALUES ('join', n.enrolled_at), ('leave', n.withdrawn_at)) AS c (change, at)
WHERE c.at > k.filing_recorded_at;
"""

LEDGERS = ("class_step", "class_roster_change", "class_roster_answer")


def upgrade() -> None:
    op.execute(CHANGES)
    op.execute(FILED_BEFORE)
    for ledger in LEDGERS:
        op.execute(f"SELECT elearn.make_append_only('elearn.{ledger}')")
