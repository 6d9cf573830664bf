"""Courses that are open to everybody, and what stands on the public home: notices and campaigns.

The keys of a course that was ever opened are known to the world, so nothing that may be credited is watched with them:
neither before it is opened nor at any time after. A course that may be credited is one of another centre, one that
teaches an item of an outline, or one that is offered in a class. The guards of 0026 and 0044 keep an open course from
becoming one; the guard here keeps the same packaged video (its keys are the same) from being published in one.
"""

from __future__ import annotations

from alembic import op

revision = "0066"
down_revision = "0065"

OPENINGS = """
CREATE TABLE elearn.course_opening (
    id uuid NOT NULL CONSTRAINT pk_course_opening PRIMARY KEY,
    course_id uuid NOT NULL CONSTRAINT fk_course_opening_course_id_course REFERENCES elearn.course (id),
    film boolean NOT NULL,
    asked_by uuid NOT NULL CONSTRAINT fk_course_opening_asked_by_person REFERENCES elearn.person (id),
    asked_at timestamptz NOT NULL,
    opened_by uuid CONSTRAINT fk_course_opening_opened_by_person REFERENCES elearn.person (id),
    opened_at timestamptz,
    ended_by uuid CONSTRAINT fk_course_opening_ended_by_person REFERENCES elearn.person (id),
    ended_at timestamptz,
    CONSTRAINT ck_course_opening_opened_whole CHECK (num_nulls(opened_by, opened_at) IN (0, 2)),
    CONSTRAINT ck_course_opening_ended_whole CHECK (num_nulls(ended_by, ended_at) IN (0, 2)),
    CONSTRAINT ck_course_opening_two_people CHECK (opened_by <> asked_by)
);
CREATE UNIQUE INDEX uq_course_opening_live ON elearn.course_opening (course_id) WHERE ended_at IS NULL;
CREATE INDEX ix_course_opening_course_id ON elearn.course_opening (course_id) WHERE opened_at IS NOT NULL;
CREATE INDEX ix_course_opening_newest ON elearn.course_opening (film, opened_at DESC, id DESC)
    WHERE opened_at IS NOT NULL AND ended_at IS NULL;
"""

KEYS = """
CREATE FUNCTION elearn.may_be_credited(course uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT c.centre <> 'public' OR c.outline_item_id IS NOT NULL
           OR EXISTS (SELECT FROM elearn.class_course k WHERE k.course_id = c.id)
    FROM elearn.course c WHERE c.id = course
$$;
CREATE FUNCTION elearn.was_opened(course uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM elearn.course_opening o WHERE o.course_id = course AND o.opened_at IS NOT NULL)
$$;

-- Opening a course and publishing a unit wait for each other: neither may miss what the other one does.
CREATE FUNCTION elearn.one_at_the_public_door() RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtext('elearn.course_opening'))
$$;

CREATE FUNCTION elearn.guard_course_opening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'that a course was opened is not forgotten: its keys are known'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND (
        (NEW.course_id, NEW.film, NEW.asked_by, NEW.asked_at) IS DISTINCT FROM
        (OLD.course_id, OLD.film, OLD.asked_by, OLD.asked_at)
        OR OLD.opened_at IS NOT NULL AND (NEW.opened_by, NEW.opened_at) IS DISTINCT FROM (OLD.opened_by, OLD.opened_at)
        OR OLD.ended_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'what was said of an opening stays' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.opened_at IS NOT NULL AND (TG_OP = 'INSERT' OR OLD.opened_at IS NULL) THEN
        PERFORM elearn.one_at_the_public_door();
        IF elearn.may_be_credited(NEW.course_id) OR EXISTS (
            SELECT FROM elearn.unit u JOIN elearn.lesson l ON l.id = u.lesson_id AND l.course_id = NEW.course_id
            JOIN elearn.unit v ON v.content_hash = u.content_hash AND v.published_at IS NOT NULL
            JOIN elearn.lesson m ON m.id = v.lesson_id
            WHERE elearn.may_be_credited(m.course_id)
        ) THEN
            RAISE EXCEPTION 'the keys of what may be credited are not given to everybody'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_course_opening_credited';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON elearn.course_opening
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_course_opening();

CREATE FUNCTION elearn.guard_open_keys() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    course uuid;
BEGIN
    PERFORM elearn.one_at_the_public_door();
    SELECT l.course_id INTO course FROM elearn.lesson l WHERE l.id = NEW.lesson_id;
    IF elearn.may_be_credited(course) AND EXISTS (
        SELECT FROM elearn.unit v JOIN elearn.lesson m ON m.id = v.lesson_id
        WHERE v.content_hash = NEW.content_hash AND v.id <> NEW.id AND elearn.was_opened(m.course_id)
    ) OR elearn.was_opened(course) AND EXISTS (
        SELECT FROM elearn.unit v JOIN elearn.lesson m ON m.id = v.lesson_id
        WHERE v.content_hash = NEW.content_hash AND v.id <> NEW.id AND v.published_at IS NOT NULL
          AND elearn.may_be_credited(m.course_id)
    ) THEN
        RAISE EXCEPTION 'a video whose keys everybody has is never credited'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_unit_open_keys';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER open_keys_insert AFTER INSERT ON elearn.unit
    FOR EACH ROW WHEN (NEW.published_at IS NOT NULL) EXECUTE FUNCTION elearn.guard_open_keys();
CREATE TRIGGER open_keys_publish AFTER UPDATE OF published_at ON elearn.unit
    FOR EACH ROW WHEN (OLD.published_at IS NULL AND NEW.published_at IS NOT NULL)
    EXECUTE FUNCTION elearn.guard_open_keys();

-- Once opened, neither its centre nor its item changes, whatever was published; its centre keeps it out of classes.
CREATE FUNCTION elearn.guard_opened_course() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF elearn.was_opened(NEW.id) THEN
        RAISE EXCEPTION 'a course whose keys everybody has is never credited'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_course_opened';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER opened_course BEFORE UPDATE ON elearn.course
    FOR EACH ROW WHEN ((NEW.centre, NEW.outline_item_id) IS DISTINCT FROM (OLD.centre, OLD.outline_item_id))
    EXECUTE FUNCTION elearn.guard_opened_course();
"""

POSTS = """
CREATE TABLE elearn.public_post (
    id uuid NOT NULL CONSTRAINT pk_public_post PRIMARY KEY,
    kind text NOT NULL,
    organisation_id uuid CONSTRAINT fk_public_post_organisation_id_organisation REFERENCES elearn.organisation (id),
    region text,
    issuer text NOT NULL,
    language text NOT NULL,
    title text NOT NULL,
    text text NOT NULL,
    from_on date NOT NULL,
    until_on date,
    revision smallint NOT NULL,
    written_by uuid NOT NULL CONSTRAINT fk_public_post_written_by_person REFERENCES elearn.person (id),
    written_at timestamptz NOT NULL,
    published_by uuid CONSTRAINT fk_public_post_published_by_person REFERENCES elearn.person (id),
    published_at timestamptz,
    withdrawn_by uuid CONSTRAINT fk_public_post_withdrawn_by_person REFERENCES elearn.person (id),
    withdrawn_at timestamptz,
    CONSTRAINT ck_public_post_kind CHECK (kind IN ('notice', 'campaign')),
    CONSTRAINT ck_public_post_language CHECK (language IN ('zh', 'en')),
    CONSTRAINT ck_public_post_whose CHECK (num_nulls(organisation_id, region) < 2),
    CONSTRAINT ck_public_post_dates CHECK (until_on >= from_on),
    CONSTRAINT ck_public_post_campaign_ends CHECK (kind = 'notice' OR until_on IS NOT NULL),
    CONSTRAINT ck_public_post_published_whole CHECK (num_nulls(published_by, published_at) IN (0, 2)),
    CONSTRAINT ck_public_post_withdrawn_whole CHECK (num_nulls(withdrawn_by, withdrawn_at) IN (0, 2)),
    CONSTRAINT ck_public_post_two_people CHECK (published_by <> written_by)
);
CREATE INDEX ix_public_post_shown ON elearn.public_post (kind, from_on DESC, id DESC)
    WHERE published_at IS NOT NULL AND withdrawn_at IS NULL;
CREATE INDEX ix_public_post_organisation_id ON elearn.public_post (organisation_id, written_at);
CREATE INDEX ix_public_post_region ON elearn.public_post (region text_pattern_ops, written_at);

CREATE TABLE elearn.public_post_course (
    post_id uuid NOT NULL CONSTRAINT fk_public_post_course_post_id_public_post REFERENCES elearn.public_post (id),
    course_id uuid NOT NULL CONSTRAINT fk_public_post_course_course_id_course REFERENCES elearn.course (id),
    position smallint NOT NULL,
    CONSTRAINT pk_public_post_course PRIMARY KEY (post_id, course_id)
);

-- What two people have published stays as they saw it; it is only ever withdrawn, once.
CREATE FUNCTION elearn.guard_public_post() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.withdrawn_at IS NOT NULL OR OLD.published_at IS NOT NULL
       AND to_jsonb(NEW) - '{withdrawn_by,withdrawn_at}'::text[] IS DISTINCT FROM
           to_jsonb(OLD) - '{withdrawn_by,withdrawn_at}'::text[] THEN
        RAISE EXCEPTION 'what was published stays as it was' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON elearn.public_post
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_public_post();
"""


def upgrade() -> None:
    for part in (OPENINGS, KEYS, POSTS):
        op.execute(part)
