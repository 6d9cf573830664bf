"""A check that was put aside is evidence once the one that took its place is decided: until then it may come back.

Before, it was proved as withdrawn, and whoever came back to it and answered changed a row that the log had proved. Such
a row stays as it was proved: it does not come back any more (`asking.hand_out`).
"""

from __future__ import annotations

from alembic import op

revision = "0040"
down_revision = "0039"

CHANGE = """
DROP TRIGGER decided_in_batch ON elearn.presence_check;

CREATE OR REPLACE FUNCTION elearn.decided_in_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.evidence_batch := pg_sequence_last_value('elearn.evidence_batch');
    UPDATE elearn.presence_check SET evidence_batch = NEW.evidence_batch
    WHERE learner_id = NEW.learner_id AND number = NEW.number AND outcome = 'withdrawn' AND evidence_batch IS NULL;
    RETURN NEW;
END $$;

CREATE TRIGGER decided_in_batch BEFORE INSERT OR UPDATE ON elearn.presence_check
    FOR EACH ROW WHEN (NEW.outcome IS NOT NULL AND NEW.outcome <> 'withdrawn' AND NEW.evidence_batch IS NULL)
    EXECUTE FUNCTION elearn.decided_in_batch();
"""


def upgrade() -> None:
    op.execute(CHANGE)
