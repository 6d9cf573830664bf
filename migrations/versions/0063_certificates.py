"""Who stands at a post without the certificate it asks for must leave it, and principals are assessed until a day.

Figures say so from now on. How far the catalogue was loaded when figures were counted last is not known yet, so the
next run of the job counts everybody again whose post has a category. New columns have a value of their own: what runs
before its update goes on writing rows without them.
"""

from __future__ import annotations

from alembic import op

revision = "0063"
down_revision = "0062"

CHANGES = """
ALTER TABLE elearn.figure_member ADD COLUMN unqualified boolean NOT NULL DEFAULT false;
ALTER TABLE elearn.figure_member ADD COLUMN certificate_by date;
CREATE INDEX ix_figure_member_certificate_by ON elearn.figure_member (certificate_by)
    WHERE certificate_by IS NOT NULL;
ALTER TABLE elearn.unit_figure ADD COLUMN unqualified bigint NOT NULL DEFAULT 0;
ALTER TABLE elearn.figure_day ADD COLUMN rows_through bigint;

-- What a post asks for is said by the row of the employer's region.
CREATE FUNCTION elearn.mark_figures_of_region() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO elearn.figure_mark (person_id)
    SELECT DISTINCT m.person_id FROM elearn.membership m WHERE m.organisation_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER mark_figures_update AFTER UPDATE OF region ON elearn.organisation
    FOR EACH ROW WHEN (OLD.region IS DISTINCT FROM NEW.region) EXECUTE FUNCTION elearn.mark_figures_of_region();
"""


def upgrade() -> None:
    op.execute(CHANGES)
