"""Organisations in a tree; where a member stands in it, at what post, from one day to another; days away from it.

Enterprises of before are legal entities on their own (level `enterprise`); whoever belongs to one stands at its top.
"""

from __future__ import annotations

from alembic import op

revision = "0041"
down_revision = "0040"

CHANGES = """
ALTER TABLE elearn.organisation ADD COLUMN level varchar(40);
ALTER TABLE elearn.organisation ADD COLUMN parent_id uuid
    CONSTRAINT fk_organisation_parent_id_organisation REFERENCES elearn.organisation (id);
UPDATE elearn.organisation SET level = 'enterprise' WHERE kind = 'enterprise';
ALTER TABLE elearn.organisation
    ADD CONSTRAINT ck_organisation_level CHECK (CASE WHEN kind = 'enterprise'
        THEN level IS NOT NULL AND level IN ('group', 'enterprise', 'workshop', 'team') ELSE level IS NULL END),
    ADD CONSTRAINT ck_organisation_parent CHECK (CASE WHEN level IN ('workshop', 'team')
        THEN parent_id IS NOT NULL ELSE kind = 'enterprise' OR parent_id IS NULL END);
CREATE INDEX ix_organisation_parent_id ON elearn.organisation (parent_id);

CREATE TABLE elearn.organisation_tree (
    above_id uuid NOT NULL CONSTRAINT fk_organisation_tree_above_id_organisation REFERENCES elearn.organisation (id),
    below_id uuid NOT NULL CONSTRAINT fk_organisation_tree_below_id_organisation REFERENCES elearn.organisation (id),
    depth smallint NOT NULL,
    CONSTRAINT pk_organisation_tree PRIMARY KEY (above_id, below_id)
);
CREATE INDEX ix_organisation_tree_below_id_depth ON elearn.organisation_tree (below_id, depth);
INSERT INTO elearn.organisation_tree SELECT id, id, 0 FROM elearn.organisation;

-- Which units lie below which follows from `parent_id` alone, whatever program writes that.
CREATE FUNCTION elearn.keep_organisation_tree() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    levels constant text[] := ARRAY['group', 'enterprise', 'workshop', 'team'];
    above text;
BEGIN
    IF NEW.parent_id IS NOT NULL THEN
        -- Somebody who moves a unit waits for everybody who adds one, and the other way round.
        IF TG_OP = 'INSERT' THEN
            PERFORM pg_advisory_xact_lock_shared(hashtext('elearn.organisation_tree'));
        ELSE
            PERFORM pg_advisory_xact_lock(hashtext('elearn.organisation_tree'));
        END IF;
        SELECT level INTO above FROM elearn.organisation WHERE id = NEW.parent_id;
        IF above IS NULL OR above = 'team' OR array_position(levels, above) > array_position(levels, NEW.level) THEN
            RAISE EXCEPTION 'a % does not lie below a %', NEW.level, coalesce(above, 'institution')
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_organisation_levels';
        END IF;
    END IF;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO elearn.organisation_tree (above_id, below_id, depth)
        SELECT NEW.id, NEW.id, 0
        UNION ALL
        SELECT t.above_id, NEW.id, t.depth + 1 FROM elearn.organisation_tree t WHERE t.below_id = NEW.parent_id;
    ELSIF NEW.parent_id IS DISTINCT FROM OLD.parent_id THEN
        IF EXISTS (SELECT FROM elearn.organisation_tree WHERE above_id = NEW.id AND below_id = NEW.parent_id) THEN
            RAISE EXCEPTION 'a unit does not lie below itself'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_organisation_circle';
        END IF;
        DELETE FROM elearn.organisation_tree t
        USING elearn.organisation_tree a, elearn.organisation_tree b
        WHERE a.below_id = NEW.id AND a.depth > 0 AND b.above_id = NEW.id
          AND t.above_id = a.above_id AND t.below_id = b.below_id;
        INSERT INTO elearn.organisation_tree (above_id, below_id, depth)
        SELECT a.above_id, b.below_id, a.depth + b.depth + 1
        FROM elearn.organisation_tree a, elearn.organisation_tree b
        WHERE a.below_id = NEW.parent_id AND b.above_id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_organisation_tree AFTER INSERT OR UPDATE OF parent_id, level ON elearn.organisation
    FOR EACH ROW EXECUTE FUNCTION elearn.keep_organisation_tree();

CREATE TABLE elearn.placement (
    id uuid NOT NULL CONSTRAINT pk_placement PRIMARY KEY,
    membership_id uuid NOT NULL CONSTRAINT fk_placement_membership_id_membership REFERENCES elearn.membership (id),
    unit_id uuid NOT NULL CONSTRAINT fk_placement_unit_id_organisation REFERENCES elearn.organisation (id),
    post text NOT NULL,
    category text,
    from_on date NOT NULL,
    to_on date,
    created_at timestamptz NOT NULL,
    CONSTRAINT ck_placement_ends_after_start CHECK (to_on IS NULL OR to_on >= from_on),
    CONSTRAINT ex_placement_once_at_a_time EXCLUDE USING gist
        (membership_id WITH =, daterange(from_on, to_on, '[]') WITH &&)
);
CREATE INDEX ix_placement_unit_id ON elearn.placement (unit_id);
INSERT INTO elearn.placement (id, membership_id, unit_id, post, category, from_on, to_on, created_at)
SELECT gen_random_uuid(), id, organisation_id, '', NULL, from_on, to_on, created_at FROM elearn.membership;

CREATE FUNCTION elearn.check_placement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM elearn.membership m
        JOIN elearn.organisation_tree t ON t.above_id = m.organisation_id AND t.below_id = NEW.unit_id
        WHERE m.id = NEW.membership_id
    ) THEN
        RAISE EXCEPTION 'a member is placed in a unit of the employer'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_placement_unit';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_placement AFTER INSERT OR UPDATE OF membership_id, unit_id ON elearn.placement
    FOR EACH ROW EXECUTE FUNCTION elearn.check_placement();

CREATE TABLE elearn.absence (
    id uuid NOT NULL CONSTRAINT pk_absence PRIMARY KEY,
    membership_id uuid NOT NULL CONSTRAINT fk_absence_membership_id_membership REFERENCES elearn.membership (id),
    from_on date NOT NULL,
    to_on date,
    created_at timestamptz NOT NULL,
    CONSTRAINT ck_absence_ends_after_start CHECK (to_on IS NULL OR to_on >= from_on),
    CONSTRAINT ex_absence_once_at_a_time EXCLUDE USING gist
        (membership_id WITH =, daterange(from_on, to_on, '[]') WITH &&)
);
"""


def upgrade() -> None:
    op.execute(CHANGES)
