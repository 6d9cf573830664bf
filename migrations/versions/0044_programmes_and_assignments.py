"""What enterprises train their people in, by which rules, and who must learn it by when.

A programme's class has no outline: it is never filed, and no judgement about an exam finds it. Courses of the first
centre, whose hours reach exam systems, are never offered in one.
"""

from __future__ import annotations

from alembic import op

revision = "0044"
down_revision = "0043"

CLASSES = """
ALTER TABLE elearn.training_class ALTER COLUMN outline_id DROP NOT NULL;
ALTER TABLE elearn.training_class
    ADD CONSTRAINT ck_training_class_internal_never_filed CHECK (outline_id IS NOT NULL OR filed_at IS NULL);

-- A class without an outline is an enterprise's own, and stays so.
CREATE FUNCTION elearn.check_internal_class() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.outline_id IS NULL) <> (NEW.outline_id IS NULL) THEN
        RAISE EXCEPTION 'a class is internal from the beginning or never'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_training_class_internal';
    END IF;
    IF NEW.outline_id IS NULL AND NOT EXISTS (
        SELECT FROM elearn.organisation WHERE id = NEW.institution_id AND kind = 'enterprise'
    ) THEN
        RAISE EXCEPTION 'only an enterprise has a class without an outline'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_training_class_internal';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_internal_class AFTER INSERT OR UPDATE OF outline_id, institution_id ON elearn.training_class
    FOR EACH ROW EXECUTE FUNCTION elearn.check_internal_class();

CREATE TABLE elearn.class_course (
    class_id uuid NOT NULL CONSTRAINT fk_class_course_class_id_training_class REFERENCES elearn.training_class (id),
    course_id uuid NOT NULL CONSTRAINT fk_class_course_course_id_course REFERENCES elearn.course (id),
    position smallint NOT NULL,
    CONSTRAINT pk_class_course PRIMARY KEY (class_id, course_id)
);
CREATE INDEX ix_class_course_course_id ON elearn.class_course (course_id);

-- What is offered in an internal class: never what trains for an exam. A published course keeps its centre.
CREATE FUNCTION elearn.check_class_course() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM elearn.training_class k, elearn.course c
        WHERE k.id = NEW.class_id AND k.outline_id IS NULL AND c.id = NEW.course_id
          AND (c.centre IN ('employees', 'officials')
               OR c.centre = 'simulation' AND c.institution_id = k.institution_id)
          AND EXISTS (SELECT FROM elearn.lesson l JOIN elearn.unit u ON u.lesson_id = l.id
                      WHERE l.course_id = c.id AND u.published_at IS NOT NULL)
    ) THEN
        RAISE EXCEPTION 'this course is not offered in a class of an enterprise'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_class_course_internal';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_class_course AFTER INSERT OR UPDATE ON elearn.class_course
    FOR EACH ROW EXECUTE FUNCTION elearn.check_class_course();
"""

TABLES = """
CREATE TABLE elearn.training_programme (
    id uuid NOT NULL CONSTRAINT pk_training_programme PRIMARY KEY,
    organisation_id uuid NOT NULL
        CONSTRAINT fk_training_programme_organisation_id_organisation REFERENCES elearn.organisation (id),
    title text NOT NULL,
    purpose text NOT NULL,
    class_id uuid NOT NULL
        CONSTRAINT fk_training_programme_class_id_training_class REFERENCES elearn.training_class (id)
        CONSTRAINT uq_training_programme_class_id UNIQUE,
    required_ms bigint NOT NULL,
    due_days bigint NOT NULL,
    closed_at timestamptz,
    created_by uuid NOT NULL CONSTRAINT fk_training_programme_created_by_person REFERENCES elearn.person (id),
    created_at timestamptz NOT NULL,
    CONSTRAINT ck_training_programme_purpose CHECK (purpose IN ('three_level_factory', 'three_level_workshop',
        'three_level_team', 'yearly', 'transfer', 'back', 'appointment', 'contractor_entry', 'new_technology',
        'campaign', 'other')),
    CONSTRAINT ck_training_programme_required_ms CHECK (required_ms >= 0),
    CONSTRAINT ck_training_programme_due_days CHECK (due_days BETWEEN 0 AND 3650)
);
CREATE INDEX ix_training_programme_organisation_id_created_at
    ON elearn.training_programme (organisation_id, created_at);

CREATE TABLE elearn.assign_rule (
    id uuid NOT NULL CONSTRAINT pk_assign_rule PRIMARY KEY,
    organisation_id uuid NOT NULL
        CONSTRAINT fk_assign_rule_organisation_id_organisation REFERENCES elearn.organisation (id),
    title text NOT NULL,
    occasion text NOT NULL,
    programme_ids uuid[] NOT NULL,
    categories text[] NOT NULL,
    posts text[] NOT NULL,
    kinds text[] NOT NULL,
    due_days bigint,
    bars_post boolean NOT NULL,
    cycle text,
    from_on date NOT NULL,
    closed_at timestamptz,
    created_by uuid NOT NULL CONSTRAINT fk_assign_rule_created_by_person REFERENCES elearn.person (id),
    created_at timestamptz NOT NULL,
    CONSTRAINT ck_assign_rule_occasion CHECK (occasion IN ('hire', 'transfer', 'back', 'appointment', 'yearly',
        'contractor_entry', 'new_technology', 'campaign', 'by_hand')),
    CONSTRAINT ck_assign_rule_cycle CHECK (cycle IN ('calendar', 'anniversary')),
    CONSTRAINT ck_assign_rule_cycle_of_its_occasion CHECK ((occasion = 'yearly') = (cycle IS NOT NULL)),
    CONSTRAINT ck_assign_rule_by_rule CHECK (occasion <> 'by_hand'),
    CONSTRAINT ck_assign_rule_programmes CHECK (cardinality(programme_ids) BETWEEN 1 AND 10),
    CONSTRAINT ck_assign_rule_due_days CHECK (due_days BETWEEN 0 AND 3650)
);
CREATE INDEX ix_assign_rule_organisation_id_created_at ON elearn.assign_rule (organisation_id, created_at);

CREATE TABLE elearn.assignment (
    id uuid NOT NULL CONSTRAINT pk_assignment PRIMARY KEY,
    programme_id uuid NOT NULL
        CONSTRAINT fk_assignment_programme_id_training_programme REFERENCES elearn.training_programme (id),
    organisation_id uuid NOT NULL
        CONSTRAINT fk_assignment_organisation_id_organisation REFERENCES elearn.organisation (id),
    membership_id uuid NOT NULL CONSTRAINT fk_assignment_membership_id_membership REFERENCES elearn.membership (id),
    person_id uuid NOT NULL CONSTRAINT fk_assignment_person_id_person REFERENCES elearn.person (id),
    rule_id uuid CONSTRAINT fk_assignment_rule_id_assign_rule REFERENCES elearn.assign_rule (id),
    occasion text NOT NULL,
    cause text NOT NULL,
    position smallint NOT NULL,
    after_id uuid CONSTRAINT fk_assignment_after_id_assignment REFERENCES elearn.assignment (id),
    state text NOT NULL,
    assigned_on date NOT NULL,
    due_on date NOT NULL,
    bars_post boolean NOT NULL,
    required_ms bigint NOT NULL,
    credited_ms bigint NOT NULL,
    counts_from timestamptz,
    tests_passed boolean NOT NULL,
    round smallint NOT NULL,
    done_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT uq_assignment_membership_id_programme_id_cause UNIQUE (membership_id, programme_id, cause),
    CONSTRAINT ck_assignment_occasion CHECK (occasion IN ('hire', 'transfer', 'back', 'appointment', 'yearly',
        'contractor_entry', 'new_technology', 'campaign', 'by_hand')),
    CONSTRAINT ck_assignment_state CHECK (state IN ('waiting', 'open', 'done', 'withdrawn')),
    CONSTRAINT ck_assignment_done_at CHECK ((state = 'done') = (done_at IS NOT NULL)),
    CONSTRAINT ck_assignment_waits_for_something CHECK ((state = 'waiting') <= (after_id IS NOT NULL)),
    CONSTRAINT ck_assignment_ms CHECK (required_ms >= 0 AND credited_ms >= 0),
    CONSTRAINT ck_assignment_after_another CHECK (after_id <> id)
);
CREATE INDEX ix_assignment_person_id_programme_id ON elearn.assignment (person_id, programme_id);
CREATE INDEX ix_assignment_organisation_id_state_due_on ON elearn.assignment (organisation_id, state, due_on);
CREATE INDEX ix_assignment_programme_id_state ON elearn.assignment (programme_id, state);
CREATE INDEX ix_assignment_after_id ON elearn.assignment (after_id) WHERE after_id IS NOT NULL;

CREATE TABLE elearn.level_signoff (
    id uuid NOT NULL CONSTRAINT pk_level_signoff PRIMARY KEY,
    assignment_id uuid NOT NULL
        CONSTRAINT fk_level_signoff_assignment_id_assignment REFERENCES elearn.assignment (id),
    round smallint NOT NULL,
    side text NOT NULL,
    by_id uuid NOT NULL CONSTRAINT fk_level_signoff_by_id_person REFERENCES elearn.person (id),
    method text NOT NULL,
    said text NOT NULL,
    digest text NOT NULL,
    proof_sealed bytea NOT NULL,
    proof_sha256 text NOT NULL,
    key_id uuid CONSTRAINT fk_level_signoff_key_id_security_key REFERENCES elearn.security_key (id),
    on_site_ms bigint,
    note text NOT NULL,
    signed_at timestamptz NOT NULL,
    CONSTRAINT uq_level_signoff_assignment_id_round_side UNIQUE (assignment_id, round, side),
    CONSTRAINT uq_level_signoff_two_people UNIQUE (assignment_id, round, by_id),
    CONSTRAINT ck_level_signoff_side CHECK (side IN ('learner', 'signer')),
    CONSTRAINT ck_level_signoff_method CHECK (method IN ('drawing', 'webauthn')),
    CONSTRAINT ck_level_signoff_key_of_its_method CHECK ((method = 'webauthn') = (key_id IS NOT NULL)),
    CONSTRAINT ck_level_signoff_digest CHECK (digest = encode(sha256(convert_to(said, 'UTF8')), 'hex')),
    CONSTRAINT ck_level_signoff_on_site_by_signer CHECK ((side = 'signer') = (on_site_ms IS NOT NULL)),
    CONSTRAINT ck_level_signoff_on_site_ms CHECK (on_site_ms BETWEEN 0 AND 360000000)
);
CREATE INDEX ix_level_signoff_by_id ON elearn.level_signoff (by_id);

CREATE TABLE elearn.assign_run (
    id uuid NOT NULL CONSTRAINT pk_assign_run PRIMARY KEY,
    rule_id uuid NOT NULL CONSTRAINT fk_assign_run_rule_id_assign_rule REFERENCES elearn.assign_rule (id),
    state text NOT NULL,
    total bigint NOT NULL,
    looked_at bigint NOT NULL,
    assigned bigint NOT NULL,
    asked_by uuid CONSTRAINT fk_assign_run_asked_by_person REFERENCES elearn.person (id),
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT ck_assign_run_state CHECK (state IN ('waiting', 'running', 'done', 'failed'))
);
CREATE INDEX ix_assign_run_rule_id_created_at ON elearn.assign_run (rule_id, created_at);

CREATE TABLE elearn.assign_due (
    membership_id uuid NOT NULL CONSTRAINT fk_assign_due_membership_id_membership REFERENCES elearn.membership (id),
    due_on date NOT NULL,
    CONSTRAINT pk_assign_due PRIMARY KEY (membership_id, due_on)
);
CREATE INDEX ix_assign_due_due_on ON elearn.assign_due (due_on);

CREATE TABLE elearn.training_settle_mark (
    origin text NOT NULL CONSTRAINT pk_training_settle_mark PRIMARY KEY,
    settled_to bigint NOT NULL
);
-- No hour of before belongs to an internal class.
INSERT INTO elearn.training_settle_mark (origin, settled_to) SELECT origin, entered_to FROM elearn.ledger_mark;
"""

CHANGES = """
-- Whose place, absence or membership changed, whatever program changed it: their rules are asked again.
CREATE FUNCTION elearn.say_placed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO elearn.assign_due (membership_id, due_on)
    SELECT DISTINCT n.membership_id, DATE '1970-01-01' FROM changed n
    JOIN elearn.membership m ON m.id = n.membership_id
    JOIN elearn.organisation o ON o.id = m.organisation_id AND o.kind = 'enterprise'
    ORDER BY 1 ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE FUNCTION elearn.say_belongs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO elearn.assign_due (membership_id, due_on)
    SELECT n.id, DATE '1970-01-01' FROM changed n
    JOIN elearn.organisation o ON o.id = n.organisation_id AND o.kind = 'enterprise'
    ORDER BY 1 ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER say_placed_new AFTER INSERT ON elearn.placement
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION elearn.say_placed();
CREATE TRIGGER say_placed AFTER UPDATE ON elearn.placement
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION elearn.say_placed();
CREATE TRIGGER say_placed_new AFTER INSERT ON elearn.absence
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION elearn.say_placed();
CREATE TRIGGER say_placed AFTER UPDATE ON elearn.absence
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION elearn.say_placed();
CREATE TRIGGER say_belongs AFTER UPDATE ON elearn.membership
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION elearn.say_belongs();
"""


def upgrade() -> None:
    op.execute(CLASSES)
    op.execute(TABLES)
    op.execute("SELECT elearn.make_append_only('elearn.level_signoff')")
    op.execute(CHANGES)
