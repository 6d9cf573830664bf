"""Which firm sent a member: the contractor (B09, 安全生产法 第四十九条), or the agency (第二十八条)."""

from __future__ import annotations

from alembic import op

revision = "0067"
down_revision = "0066"

CHANGES = """
ALTER TABLE elearn.membership ADD COLUMN firm text NOT NULL DEFAULT ''
    CONSTRAINT ck_membership_firm CHECK (length(firm) <= 100);
CREATE INDEX ix_membership_firm ON elearn.membership (organisation_id, firm) WHERE firm <> '';

ALTER TABLE elearn.joining_link ADD COLUMN firm text NOT NULL DEFAULT ''
    CONSTRAINT ck_joining_link_firm CHECK (length(firm) <= 100);

ALTER TABLE elearn.employment_act DROP CONSTRAINT ck_employment_act_act;
ALTER TABLE elearn.employment_act ADD CONSTRAINT ck_employment_act_act
    CHECK (act IN ('moved', 'away', 'back', 'ended', 'left', 'firm')) NOT VALID;
"""


def upgrade() -> None:
    op.execute(CHANGES)
    op.execute("ALTER TABLE elearn.employment_act VALIDATE CONSTRAINT ck_employment_act_act")
