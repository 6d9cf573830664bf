"""Sessions on site of an enterprise's own programmes: of a unit instead of an outline's item; spreadsheets of a unit.

A session, and a file of attendance, is of a unit when its class is internal, and never otherwise: triggers hold that,
so what an enterprise teaches on site can come under no outline, and no exam system is ever told of it. The index of
files is made anew before the constraint goes, so the running program finds each file once at any time.
"""

from __future__ import annotations

from alembic import op

revision = "0065"
down_revision = "0064"

CHANGES = """
ALTER TABLE elearn.class_session ADD COLUMN unit_id uuid
    CONSTRAINT fk_class_session_unit_id_organisation REFERENCES elearn.organisation (id);
ALTER TABLE elearn.class_session ALTER COLUMN outline_item_id DROP NOT NULL;
ALTER TABLE elearn.class_session ADD CONSTRAINT ck_class_session_item_or_unit
    CHECK (num_nulls(outline_item_id, unit_id) = 1);
CREATE INDEX ix_class_session_unit_id_from_at ON elearn.class_session (unit_id, from_at) WHERE unit_id IS NOT NULL;

ALTER TABLE elearn.attendance_file ADD COLUMN unit_id uuid
    CONSTRAINT fk_attendance_file_unit_id_organisation REFERENCES elearn.organisation (id);
CREATE UNIQUE INDEX uq_attendance_file_of_class ON elearn.attendance_file (class_id, sha256) WHERE unit_id IS NULL;
CREATE UNIQUE INDEX uq_attendance_file_of_unit ON elearn.attendance_file (class_id, unit_id, sha256)
    WHERE unit_id IS NOT NULL;
ALTER TABLE elearn.attendance_file DROP CONSTRAINT uq_attendance_file_class_id_sha256;

CREATE FUNCTION elearn.check_attended_unit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM elearn.training_class k
        WHERE k.id = NEW.class_id AND (k.outline_id IS NULL) = (NEW.unit_id IS NOT NULL)
          AND (NEW.unit_id IS NULL OR NEW.unit_id = k.institution_id OR EXISTS (
              SELECT FROM elearn.organisation_tree t WHERE t.above_id = k.institution_id AND t.below_id = NEW.unit_id))
    ) THEN
        RAISE EXCEPTION 'what is attended in a class of an enterprise is of a unit of it, and nothing else is'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_attended_unit';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_attended_unit AFTER INSERT ON elearn.class_session
    FOR EACH ROW EXECUTE FUNCTION elearn.check_attended_unit();
CREATE TRIGGER check_attended_unit AFTER INSERT ON elearn.attendance_file
    FOR EACH ROW EXECUTE FUNCTION elearn.check_attended_unit();
"""


def upgrade() -> None:
    op.execute(CHANGES)
