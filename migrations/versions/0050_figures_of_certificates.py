"""Figures count certificates of an employer's register: who holds what the post asks for, and what runs out.

Who has certificates already is marked, so that the next run of the job counts them.
"""

from __future__ import annotations

from alembic import op

revision = "0050"
down_revision = "0049"

CHANGES = """
CREATE INDEX ix_worker_certificate_from_on ON elearn.worker_certificate (from_on);
CREATE INDEX ix_worker_certificate_holds_to ON elearn.worker_certificate (holds_to);
CREATE INDEX ix_worker_certificate_ended_on ON elearn.worker_certificate (ended_on) WHERE ended_on IS NOT NULL;

CREATE TRIGGER mark_figures_insert AFTER INSERT ON elearn.worker_certificate
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION elearn.mark_figures();
CREATE TRIGGER mark_figures_update AFTER UPDATE ON elearn.worker_certificate
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION elearn.mark_figures();
CREATE TRIGGER mark_figures_before AFTER UPDATE ON elearn.worker_certificate
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION elearn.mark_figures();
CREATE TRIGGER mark_figures_delete AFTER DELETE ON elearn.worker_certificate
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION elearn.mark_figures();

-- Lists go through the people of a subtree unit by unit.
CREATE INDEX ix_figure_member_unit_id_membership_id ON elearn.figure_member (unit_id, membership_id);
DROP INDEX elearn.ix_figure_member_unit_id;

INSERT INTO elearn.figure_mark (person_id) SELECT DISTINCT person_id FROM elearn.worker_certificate;
"""


def upgrade() -> None:
    op.execute(CHANGES)
