"""A bank of reviewed questions, tests drawn from it by blueprints, attempts, and wrong-question books."""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"

TABLES = """
CREATE TABLE elearn.bank_question (
    id UUID NOT NULL,
    institution_id UUID NOT NULL,
    outline_item_id UUID NOT NULL,
    unit_id UUID,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_bank_question PRIMARY KEY (id),
    CONSTRAINT fk_bank_question_institution_id_organisation
        FOREIGN KEY(institution_id) REFERENCES elearn.organisation (id),
    CONSTRAINT fk_bank_question_outline_item_id_outline_item
        FOREIGN KEY(outline_item_id) REFERENCES elearn.outline_item (id),
    CONSTRAINT fk_bank_question_unit_id_unit FOREIGN KEY(unit_id) REFERENCES elearn.unit (id)
);
CREATE INDEX ix_bank_question_institution_id_outline_item_id
    ON elearn.bank_question (institution_id, outline_item_id);
CREATE INDEX ix_bank_question_unit_id ON elearn.bank_question (unit_id);
CREATE TABLE elearn.bank_version (
    id UUID NOT NULL,
    question_id UUID NOT NULL,
    version SMALLINT NOT NULL,
    kind TEXT NOT NULL,
    difficulty TEXT NOT NULL,
    stem TEXT NOT NULL,
    content TEXT NOT NULL,
    digest TEXT NOT NULL,
    written_by UUID NOT NULL,
    written_at TIMESTAMP WITH TIME ZONE NOT NULL,
    reviewed_by UUID,
    reviewed_at TIMESTAMP WITH TIME ZONE,
    review_due_on DATE,
    looked_by UUID,
    looked_at TIMESTAMP WITH TIME ZONE,
    retired_by UUID,
    retired_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_bank_version PRIMARY KEY (id),
    CONSTRAINT uq_bank_version_question_id_version UNIQUE (question_id, version),
    CONSTRAINT ck_bank_version_kind CHECK (kind IN ('single', 'multiple', 'truefalse', 'fill', 'ordering', 'case')),
    CONSTRAINT ck_bank_version_difficulty CHECK (difficulty IN ('easy', 'medium', 'hard')),
    CONSTRAINT ck_bank_version_reviewed_whole CHECK (num_nulls(reviewed_by, reviewed_at, review_due_on) IN (0, 3)),
    CONSTRAINT ck_bank_version_two_people CHECK (reviewed_by <> written_by),
    CONSTRAINT ck_bank_version_looked_whole CHECK (num_nulls(looked_by, looked_at) IN (0, 2)),
    CONSTRAINT ck_bank_version_retired_whole CHECK (num_nulls(retired_by, retired_at) IN (0, 2)),
    CONSTRAINT fk_bank_version_question_id_bank_question
        FOREIGN KEY(question_id) REFERENCES elearn.bank_question (id),
    CONSTRAINT fk_bank_version_written_by_person FOREIGN KEY(written_by) REFERENCES elearn.person (id),
    CONSTRAINT fk_bank_version_reviewed_by_person FOREIGN KEY(reviewed_by) REFERENCES elearn.person (id),
    CONSTRAINT fk_bank_version_looked_by_person FOREIGN KEY(looked_by) REFERENCES elearn.person (id),
    CONSTRAINT fk_bank_version_retired_by_person FOREIGN KEY(retired_by) REFERENCES elearn.person (id)
);
CREATE INDEX ix_bank_version_digest ON elearn.bank_version (digest);
CREATE UNIQUE INDEX uq_bank_version_asked ON elearn.bank_version (question_id)
    WHERE reviewed_at IS NOT NULL AND retired_at IS NULL;
CREATE UNIQUE INDEX uq_bank_version_draft ON elearn.bank_version (question_id)
    WHERE reviewed_at IS NULL AND retired_at IS NULL;
CREATE TABLE elearn.bank_image (
    institution_id UUID NOT NULL,
    sha256 TEXT NOT NULL,
    type TEXT NOT NULL,
    data BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_bank_image PRIMARY KEY (institution_id, sha256),
    CONSTRAINT fk_bank_image_institution_id_organisation
        FOREIGN KEY(institution_id) REFERENCES elearn.organisation (id)
);
CREATE TABLE elearn.bank_import (
    id UUID NOT NULL,
    institution_id UUID NOT NULL,
    outline_id UUID NOT NULL,
    file_name TEXT NOT NULL,
    format TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    taken BIGINT NOT NULL,
    known BIGINT NOT NULL,
    left_out BIGINT NOT NULL,
    imported_by UUID NOT NULL,
    imported_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_bank_import PRIMARY KEY (id),
    CONSTRAINT fk_bank_import_institution_id_organisation
        FOREIGN KEY(institution_id) REFERENCES elearn.organisation (id),
    CONSTRAINT fk_bank_import_outline_id_outline FOREIGN KEY(outline_id) REFERENCES elearn.outline (id),
    CONSTRAINT fk_bank_import_imported_by_person FOREIGN KEY(imported_by) REFERENCES elearn.person (id)
);
CREATE INDEX ix_bank_import_institution_id ON elearn.bank_import (institution_id);
CREATE TABLE elearn.course_test (
    id UUID NOT NULL,
    institution_id UUID NOT NULL,
    outline_id UUID NOT NULL,
    course_id UUID,
    purpose TEXT NOT NULL,
    title TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    retired_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_course_test PRIMARY KEY (id),
    CONSTRAINT ck_course_test_purpose CHECK (purpose IN ('course', 'mock')),
    CONSTRAINT ck_course_test_course_of_its_purpose CHECK ((purpose = 'course') = (course_id IS NOT NULL)),
    CONSTRAINT fk_course_test_institution_id_organisation
        FOREIGN KEY(institution_id) REFERENCES elearn.organisation (id),
    CONSTRAINT fk_course_test_outline_id_outline FOREIGN KEY(outline_id) REFERENCES elearn.outline (id),
    CONSTRAINT fk_course_test_course_id_course FOREIGN KEY(course_id) REFERENCES elearn.course (id)
);
CREATE INDEX ix_course_test_institution_id ON elearn.course_test (institution_id);
CREATE INDEX ix_course_test_outline_id_institution_id ON elearn.course_test (outline_id, institution_id);
CREATE UNIQUE INDEX uq_course_test_of_course ON elearn.course_test (course_id)
    WHERE course_id IS NOT NULL AND retired_at IS NULL;
CREATE TABLE elearn.test_blueprint (
    id UUID NOT NULL,
    test_id UUID NOT NULL,
    version SMALLINT NOT NULL,
    sections JSONB NOT NULL,
    duration_s BIGINT NOT NULL,
    grace_s BIGINT NOT NULL,
    wait_s BIGINT NOT NULL,
    pass_percent SMALLINT NOT NULL,
    partial TEXT NOT NULL,
    shows_answers BOOLEAN NOT NULL,
    made_by UUID NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE,
    retired_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_test_blueprint PRIMARY KEY (id),
    CONSTRAINT uq_test_blueprint_test_id_version UNIQUE (test_id, version),
    CONSTRAINT ck_test_blueprint_partial CHECK (partial IN ('none', 'share')),
    CONSTRAINT ck_test_blueprint_duration CHECK (duration_s BETWEEN 60 AND 36000),
    CONSTRAINT ck_test_blueprint_grace CHECK (grace_s BETWEEN 0 AND 600),
    CONSTRAINT ck_test_blueprint_wait CHECK (wait_s >= 0),
    CONSTRAINT ck_test_blueprint_pass_percent CHECK (pass_percent BETWEEN 1 AND 100),
    CONSTRAINT fk_test_blueprint_test_id_course_test FOREIGN KEY(test_id) REFERENCES elearn.course_test (id),
    CONSTRAINT fk_test_blueprint_made_by_person FOREIGN KEY(made_by) REFERENCES elearn.person (id)
);
CREATE UNIQUE INDEX uq_test_blueprint_offered ON elearn.test_blueprint (test_id)
    WHERE published_at IS NOT NULL AND retired_at IS NULL;
CREATE TABLE elearn.test_attempt (
    id UUID NOT NULL,
    test_id UUID NOT NULL,
    blueprint_id UUID NOT NULL,
    person_id UUID NOT NULL,
    number BIGINT NOT NULL,
    seed BYTEA NOT NULL,
    bank_digest TEXT NOT NULL,
    versions UUID[] NOT NULL,
    points_milli BIGINT[] NOT NULL,
    max_milli BIGINT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    deadline_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    ending TEXT,
    marks_milli BIGINT[],
    score_milli BIGINT,
    passed BOOLEAN,
    CONSTRAINT pk_test_attempt PRIMARY KEY (id),
    CONSTRAINT uq_test_attempt_test_id_person_id_number UNIQUE (test_id, person_id, number),
    CONSTRAINT ck_test_attempt_paper_whole CHECK (cardinality(versions) = cardinality(points_milli)),
    CONSTRAINT ck_test_attempt_closed_whole
        CHECK (num_nulls(closed_at, ending, score_milli, passed, marks_milli) IN (0, 5)),
    CONSTRAINT ck_test_attempt_score CHECK (score_milli BETWEEN 0 AND max_milli),
    CONSTRAINT ck_test_attempt_ending CHECK (ending IN ('submitted', 'time_up')),
    CONSTRAINT fk_test_attempt_test_id_course_test FOREIGN KEY(test_id) REFERENCES elearn.course_test (id),
    CONSTRAINT fk_test_attempt_blueprint_id_test_blueprint
        FOREIGN KEY(blueprint_id) REFERENCES elearn.test_blueprint (id),
    CONSTRAINT fk_test_attempt_person_id_person FOREIGN KEY(person_id) REFERENCES elearn.person (id)
);
CREATE INDEX ix_test_attempt_deadline_at ON elearn.test_attempt (deadline_at) WHERE closed_at IS NULL;
CREATE INDEX ix_test_attempt_passed ON elearn.test_attempt (person_id, test_id) WHERE passed IS TRUE;
CREATE UNIQUE INDEX uq_test_attempt_open ON elearn.test_attempt (person_id, test_id) WHERE closed_at IS NULL;
CREATE TABLE elearn.test_answer (
    attempt_id UUID NOT NULL,
    place SMALLINT NOT NULL,
    n BIGINT NOT NULL,
    answer TEXT NOT NULL,
    saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_test_answer PRIMARY KEY (attempt_id, place),
    CONSTRAINT fk_test_answer_attempt_id_test_attempt FOREIGN KEY(attempt_id) REFERENCES elearn.test_attempt (id)
);
CREATE TABLE elearn.wrong_answer (
    person_id UUID NOT NULL,
    question_id UUID NOT NULL,
    version_id UUID NOT NULL,
    times BIGINT NOT NULL,
    last_wrong_at TIMESTAMP WITH TIME ZONE NOT NULL,
    opens_at TIMESTAMP WITH TIME ZONE NOT NULL,
    shows_answers BOOLEAN NOT NULL,
    CONSTRAINT pk_wrong_answer PRIMARY KEY (person_id, question_id),
    CONSTRAINT fk_wrong_answer_person_id_person FOREIGN KEY(person_id) REFERENCES elearn.person (id),
    CONSTRAINT fk_wrong_answer_question_id_bank_question
        FOREIGN KEY(question_id) REFERENCES elearn.bank_question (id),
    CONSTRAINT fk_wrong_answer_version_id_bank_version FOREIGN KEY(version_id) REFERENCES elearn.bank_version (id)
);
"""

GUARDS = """
-- A question that may have been asked stays as it was: a change is a new version. Where it belongs never changes.
CREATE FUNCTION elearn.guard_bank_question() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR (to_jsonb(NEW) - 'unit_id') <> (to_jsonb(OLD) - 'unit_id') THEN
        RAISE EXCEPTION 'a question stays where it belongs: retire its versions'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER immutable_rows BEFORE UPDATE OR DELETE ON elearn.bank_question
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_bank_question();

CREATE FUNCTION elearn.guard_bank_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := ARRAY['review_due_on', 'looked_by', 'looked_at', 'retired_by', 'retired_at'];
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION 'a version of a question is never deleted: retire it'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.reviewed_at IS NULL AND OLD.retired_at IS NULL THEN
        free := free || ARRAY['kind', 'difficulty', 'stem', 'content', 'digest', 'written_by', 'written_at',
                              'reviewed_by', 'reviewed_at'];
    END IF;
    IF (to_jsonb(NEW) - free) <> (to_jsonb(OLD) - free)
        OR (OLD.retired_at IS NOT NULL AND to_jsonb(NEW) <> to_jsonb(OLD)) THEN
        RAISE EXCEPTION 'a reviewed question never changes: write a new version'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER immutable_rows BEFORE UPDATE OR DELETE ON elearn.bank_version
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_bank_version();

-- How a test was made up and judged stays on record.
CREATE FUNCTION elearn.guard_test_blueprint() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := ARRAY['published_at', 'retired_at'];
BEGIN
    IF TG_OP <> 'UPDATE' OR (to_jsonb(NEW) - free) <> (to_jsonb(OLD) - free)
        OR (OLD.published_at IS NOT NULL AND NEW.published_at IS DISTINCT FROM OLD.published_at)
        OR (OLD.retired_at IS NOT NULL AND NEW.retired_at IS DISTINCT FROM OLD.retired_at) THEN
        RAISE EXCEPTION 'a blueprint never changes: make a new version'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER immutable_rows BEFORE UPDATE OR DELETE ON elearn.test_blueprint
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_test_blueprint();

-- An attempt is closed once; its paper never changes.
CREATE FUNCTION elearn.guard_test_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := ARRAY['closed_at', 'ending', 'marks_milli', 'score_milli', 'passed'];
BEGIN
    IF TG_OP <> 'UPDATE' OR OLD.closed_at IS NOT NULL OR (to_jsonb(NEW) - free) <> (to_jsonb(OLD) - free) THEN
        RAISE EXCEPTION 'an attempt is closed once, and stays' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER immutable_rows BEFORE UPDATE OR DELETE ON elearn.test_attempt
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_test_attempt();

-- Erasing a person forgets what they answered, by whatever program it is done. That a nameless somebody passed stays.
CREATE FUNCTION elearn.forget_answers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM elearn.wrong_answer WHERE person_id = NEW.id;
    DELETE FROM elearn.test_answer WHERE attempt_id IN (SELECT id FROM elearn.test_attempt WHERE person_id = NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER erasure_forgets_answers AFTER UPDATE ON elearn.person
    FOR EACH ROW WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION elearn.forget_answers();
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(GUARDS)
