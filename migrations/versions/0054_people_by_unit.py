"""Who stands in a unit is found without what was before, and in the order of names without sorting everybody."""

from __future__ import annotations

from alembic import op

revision = "0054"
down_revision = "0053"

CHANGES = """
CREATE INDEX ix_placement_unit_id_to_on ON elearn.placement (unit_id, to_on);
DROP INDEX elearn.ix_placement_unit_id;
CREATE INDEX ix_placement_membership_id ON elearn.placement (membership_id);
CREATE INDEX ix_membership_person_id ON elearn.membership (person_id);
CREATE INDEX ix_person_name_id ON elearn.person (name, id);
"""


def upgrade() -> None:
    op.execute(CHANGES)
