"""Staff are invited by links; what is done to an organisation is recorded; nobody is placed in a closed unit."""

from __future__ import annotations

from alembic import op

revision = "0045"
down_revision = "0044"

CHANGES = """
CREATE TABLE elearn.organisation_act (
    id uuid NOT NULL CONSTRAINT pk_organisation_act PRIMARY KEY,
    organisation_id uuid NOT NULL
        CONSTRAINT fk_organisation_act_organisation_id_organisation REFERENCES elearn.organisation (id),
    change text NOT NULL,
    before text NOT NULL,
    after text NOT NULL,
    by_id uuid CONSTRAINT fk_organisation_act_by_id_account REFERENCES elearn.account (id),
    at timestamptz NOT NULL,
    CONSTRAINT ck_organisation_act_change
        CHECK (change IN ('opened', 'renamed', 'credit_code', 'region', 'moved', 'closed'))
);
CREATE INDEX ix_organisation_act_organisation_id_at ON elearn.organisation_act (organisation_id, at);
SELECT elearn.make_append_only('elearn.organisation_act');

CREATE TABLE elearn.invitation (
    id uuid NOT NULL CONSTRAINT pk_invitation PRIMARY KEY,
    organisation_id uuid NOT NULL
        CONSTRAINT fk_invitation_organisation_id_organisation REFERENCES elearn.organisation (id),
    role varchar(40) NOT NULL,
    token_hash bytea NOT NULL CONSTRAINT uq_invitation_token_hash UNIQUE,
    for_whom text NOT NULL,
    made_by uuid CONSTRAINT fk_invitation_made_by_account REFERENCES elearn.account (id),
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    used_by uuid CONSTRAINT fk_invitation_used_by_account REFERENCES elearn.account (id),
    withdrawn_at timestamptz,
    withdrawn_by uuid CONSTRAINT fk_invitation_withdrawn_by_account REFERENCES elearn.account (id)
);
CREATE INDEX ix_invitation_organisation_id ON elearn.invitation (organisation_id);

-- Who closes a unit locks its row; a placement waits for that by its foreign key, which is checked before this trigger
-- (triggers fire in the order of their names), and then sees that the unit is closed.
CREATE OR REPLACE FUNCTION elearn.check_placement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM elearn.membership m
        JOIN elearn.organisation_tree t ON t.above_id = m.organisation_id AND t.below_id = NEW.unit_id
        WHERE m.id = NEW.membership_id
    ) THEN
        RAISE EXCEPTION 'a member is placed in a unit of the employer'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_placement_unit';
    END IF;
    IF EXISTS (
        SELECT FROM elearn.organisation o
        WHERE o.id = NEW.unit_id AND o.closed_at IS NOT NULL
          AND (NEW.to_on IS NULL OR NEW.to_on > (o.closed_at AT TIME ZONE 'Asia/Shanghai')::date)
    ) THEN
        RAISE EXCEPTION 'nobody is placed in a closed unit'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_placement_open';
    END IF;
    RETURN NULL;
END $$;
"""


def upgrade() -> None:
    op.execute(CHANGES)
