"""What there is to study: outlines, courses, lessons, unit versions, questions, classes, enrolments, uploads."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE elearn.outline (
    id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    region text NOT NULL,
    version text NOT NULL,
    effective_from date NOT NULL,
    effective_to date,
    CONSTRAINT pk_outline PRIMARY KEY (id),
    CONSTRAINT uq_outline_code_region_version UNIQUE (code, region, version),
    CONSTRAINT ck_outline_dates CHECK (effective_to IS NULL OR effective_to >= effective_from)
);

CREATE TABLE elearn.outline_item (
    id uuid NOT NULL,
    outline_id uuid NOT NULL,
    position smallint NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    required_hours smallint NOT NULL,
    CONSTRAINT pk_outline_item PRIMARY KEY (id),
    CONSTRAINT uq_outline_item_outline_id_code UNIQUE (outline_id, code),
    CONSTRAINT ck_outline_item_kind CHECK (kind IN ('theory', 'practice')),
    CONSTRAINT ck_outline_item_required_hours CHECK (required_hours >= 0),
    CONSTRAINT fk_outline_item_outline_id_outline FOREIGN KEY (outline_id) REFERENCES elearn.outline (id)
);

CREATE TABLE elearn.course (
    id uuid NOT NULL,
    institution_id uuid NOT NULL,
    outline_item_id uuid,
    title text NOT NULL,
    summary text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_course PRIMARY KEY (id),
    CONSTRAINT fk_course_institution_id_organisation FOREIGN KEY (institution_id) REFERENCES elearn.organisation (id),
    CONSTRAINT fk_course_outline_item_id_outline_item FOREIGN KEY (outline_item_id)
        REFERENCES elearn.outline_item (id)
);
CREATE INDEX ix_course_institution_id ON elearn.course (institution_id);
CREATE INDEX ix_course_outline_item_id ON elearn.course (outline_item_id);

CREATE TABLE elearn.lesson (
    id uuid NOT NULL,
    course_id uuid NOT NULL,
    position smallint NOT NULL,
    title text NOT NULL,
    CONSTRAINT pk_lesson PRIMARY KEY (id),
    CONSTRAINT uq_lesson_course_id_position UNIQUE (course_id, position),
    CONSTRAINT fk_lesson_course_id_course FOREIGN KEY (course_id) REFERENCES elearn.course (id)
);

CREATE TABLE elearn.unit (
    id uuid NOT NULL,
    lesson_id uuid NOT NULL,
    version smallint NOT NULL,
    title text NOT NULL,
    duration_ms bigint NOT NULL,
    start_offset_ms bigint NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    content_hash text NOT NULL,
    source_sha256 text NOT NULL,
    created_at timestamptz NOT NULL,
    published_at timestamptz,
    retired_at timestamptz,
    CONSTRAINT pk_unit PRIMARY KEY (id),
    CONSTRAINT uq_unit_lesson_id_version UNIQUE (lesson_id, version),
    CONSTRAINT ck_unit_duration CHECK (duration_ms > 0),
    CONSTRAINT ck_unit_retired_after_published
        CHECK (retired_at IS NULL OR (published_at IS NOT NULL AND retired_at >= published_at)),
    CONSTRAINT fk_unit_lesson_id_lesson FOREIGN KEY (lesson_id) REFERENCES elearn.lesson (id)
);
CREATE UNIQUE INDEX uq_unit_offered ON elearn.unit (lesson_id) WHERE published_at IS NOT NULL AND retired_at IS NULL;
CREATE INDEX ix_unit_content_hash ON elearn.unit (content_hash);

CREATE TABLE elearn.unit_block (
    unit_id uuid NOT NULL,
    index integer NOT NULL,
    start_ms bigint NOT NULL,
    end_ms bigint NOT NULL,
    key_sealed bytea NOT NULL,
    CONSTRAINT pk_unit_block PRIMARY KEY (unit_id, index),
    CONSTRAINT ck_unit_block_span CHECK (0 <= start_ms AND start_ms < end_ms),
    CONSTRAINT fk_unit_block_unit_id_unit FOREIGN KEY (unit_id) REFERENCES elearn.unit (id)
);

CREATE TABLE elearn.question (
    id uuid NOT NULL,
    unit_id uuid NOT NULL,
    from_ms bigint NOT NULL,
    to_ms bigint NOT NULL,
    stem text NOT NULL,
    options text[] NOT NULL,
    correct smallint[] NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz,
    CONSTRAINT pk_question PRIMARY KEY (id),
    CONSTRAINT ck_question_span CHECK (0 <= from_ms AND from_ms < to_ms),
    CONSTRAINT ck_question_four_options CHECK (cardinality(options) = 4),
    CONSTRAINT ck_question_correct
        CHECK (cardinality(correct) BETWEEN 1 AND 4 AND correct <@ ARRAY[0,1,2,3]::smallint[]),
    CONSTRAINT fk_question_unit_id_unit FOREIGN KEY (unit_id) REFERENCES elearn.unit (id)
);
CREATE INDEX ix_question_unit_id ON elearn.question (unit_id, from_ms);

CREATE TABLE elearn.training_class (
    id uuid NOT NULL,
    institution_id uuid NOT NULL,
    outline_id uuid NOT NULL,
    class_no text NOT NULL,
    title text NOT NULL,
    starts_on date NOT NULL,
    ends_on date,
    filed_at timestamptz,
    filing_no text,
    filing_recorded_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_training_class PRIMARY KEY (id),
    CONSTRAINT uq_training_class_institution_id_class_no UNIQUE (institution_id, class_no),
    CONSTRAINT ck_training_class_dates CHECK (ends_on IS NULL OR ends_on >= starts_on),
    CONSTRAINT ck_training_class_filing_whole
        CHECK (num_nulls(filed_at, filing_no, filing_recorded_at) IN (0, 3)),
    CONSTRAINT ck_training_class_filing_not_ahead CHECK (filed_at <= filing_recorded_at),
    CONSTRAINT fk_training_class_institution_id_organisation FOREIGN KEY (institution_id)
        REFERENCES elearn.organisation (id),
    CONSTRAINT fk_training_class_outline_id_outline FOREIGN KEY (outline_id) REFERENCES elearn.outline (id)
);
CREATE INDEX ix_training_class_outline_id ON elearn.training_class (outline_id, institution_id);

CREATE TABLE elearn.enrolment (
    id uuid NOT NULL,
    class_id uuid NOT NULL,
    person_id uuid NOT NULL,
    enrolled_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    CONSTRAINT pk_enrolment PRIMARY KEY (id),
    CONSTRAINT ck_enrolment_dates CHECK (withdrawn_at >= enrolled_at),
    CONSTRAINT fk_enrolment_class_id_training_class FOREIGN KEY (class_id) REFERENCES elearn.training_class (id),
    CONSTRAINT fk_enrolment_person_id_person FOREIGN KEY (person_id) REFERENCES elearn.person (id)
);
CREATE INDEX ix_enrolment_person_id ON elearn.enrolment (person_id);
CREATE UNIQUE INDEX uq_enrolment_present ON elearn.enrolment (class_id, person_id) WHERE withdrawn_at IS NULL;

CREATE TABLE elearn.upload (
    id uuid NOT NULL,
    lesson_id uuid NOT NULL,
    file_name text NOT NULL,
    size_bytes bigint NOT NULL,
    state text NOT NULL,
    stage text NOT NULL,
    progress_permille smallint NOT NULL,
    error_code text,
    error_facts jsonb NOT NULL,
    unit_id uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_upload PRIMARY KEY (id),
    CONSTRAINT ck_upload_state CHECK (state IN ('waiting', 'packaging', 'placing', 'done', 'failed')),
    CONSTRAINT ck_upload_progress CHECK (progress_permille BETWEEN 0 AND 1000),
    CONSTRAINT fk_upload_lesson_id_lesson FOREIGN KEY (lesson_id) REFERENCES elearn.lesson (id),
    CONSTRAINT fk_upload_unit_id_unit FOREIGN KEY (unit_id) REFERENCES elearn.unit (id)
);
CREATE INDEX ix_upload_lesson_id ON elearn.upload (lesson_id, created_at);
"""

GUARDS = """
-- What a learner was shown and how long it is never changes: hours already earned rest on it.
CREATE FUNCTION elearn.guard_unit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free text[] := ARRAY['published_at', 'retired_at'];
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION 'a unit is never deleted: retire it' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.published_at IS NULL THEN
        free := free || ARRAY['title'];
    END IF;
    IF (to_jsonb(NEW) - free) <> (to_jsonb(OLD) - free)
        OR (OLD.published_at IS NOT NULL AND NEW.published_at IS DISTINCT FROM OLD.published_at)
        OR (OLD.retired_at IS NOT NULL AND NEW.retired_at IS DISTINCT FROM OLD.retired_at) THEN
        RAISE EXCEPTION 'a unit is immutable: a new video is a new version'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER immutable_rows BEFORE UPDATE OR DELETE ON elearn.unit
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_unit();
CREATE TRIGGER immutable_table BEFORE TRUNCATE ON elearn.unit
    FOR EACH STATEMENT EXECUTE FUNCTION elearn.guard_unit();

-- Blocks: none is added to a published unit; only the sealing of a key may change (a new master key).
CREATE FUNCTION elearn.guard_unit_block() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF (SELECT published_at FROM elearn.unit WHERE id = NEW.unit_id) IS NULL THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'UPDATE' THEN
        IF (to_jsonb(NEW) - 'key_sealed') = (to_jsonb(OLD) - 'key_sealed') THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the blocks of a unit are immutable: a new video is a new version'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER immutable_rows BEFORE INSERT OR UPDATE OR DELETE ON elearn.unit_block
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_unit_block();
CREATE TRIGGER immutable_table BEFORE TRUNCATE ON elearn.unit_block
    FOR EACH STATEMENT EXECUTE FUNCTION elearn.guard_unit_block();

-- Questions that may have been asked stay as they were; a wrong one is retired once.
CREATE FUNCTION elearn.guard_question() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT published_at FROM elearn.unit WHERE id = OLD.unit_id) IS NULL THEN
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        IF NEW.unit_id = OLD.unit_id THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'UPDATE' THEN
        IF (to_jsonb(NEW) - 'retired_at') = (to_jsonb(OLD) - 'retired_at') AND OLD.retired_at IS NULL THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'a question of a published unit is immutable: retire it and enter a new one'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER immutable_rows BEFORE UPDATE OR DELETE ON elearn.question
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_question();

-- A class is filed once, for its outline and institution; exports rest on the moment.
CREATE FUNCTION elearn.guard_training_class() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    filing text[] := ARRAY['filed_at', 'filing_no', 'filing_recorded_at', 'outline_id', 'institution_id', 'class_no'];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.filed_at IS NULL
            OR (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(NEW)) WHERE key = ANY (filing))
             = (SELECT jsonb_object_agg(key, value) FROM jsonb_each(to_jsonb(OLD)) WHERE key = ANY (filing)) THEN
            RETURN NEW;
        END IF;
    ELSIF OLD.filed_at IS NULL THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the filing of a class is immutable' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER immutable_rows BEFORE UPDATE OR DELETE ON elearn.training_class
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_training_class();
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(GUARDS)
