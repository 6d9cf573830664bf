"""People join an employer by a link; what is done to a membership is recorded with its day and reason."""

from __future__ import annotations

from alembic import op

revision = "0047"
down_revision = "0046"

CHANGES = """
CREATE TABLE elearn.joining_link (
    id uuid NOT NULL CONSTRAINT pk_joining_link PRIMARY KEY,
    organisation_id uuid NOT NULL
        CONSTRAINT fk_joining_link_organisation_id_organisation REFERENCES elearn.organisation (id),
    unit_id uuid NOT NULL CONSTRAINT fk_joining_link_unit_id_organisation REFERENCES elearn.organisation (id),
    kind varchar(40) NOT NULL,
    post text NOT NULL,
    category text,
    from_on date NOT NULL,
    until_on date NOT NULL,
    most_uses bigint NOT NULL,
    confirms boolean NOT NULL,
    token_hash bytea NOT NULL CONSTRAINT uq_joining_link_token_hash UNIQUE,
    made_by uuid NOT NULL CONSTRAINT fk_joining_link_made_by_person REFERENCES elearn.person (id),
    made_at timestamptz NOT NULL,
    withdrawn_by uuid CONSTRAINT fk_joining_link_withdrawn_by_person REFERENCES elearn.person (id),
    withdrawn_at timestamptz,
    CONSTRAINT ck_joining_link_ends_after_start CHECK (until_on >= from_on),
    CONSTRAINT ck_joining_link_some_uses CHECK (most_uses > 0),
    CONSTRAINT ck_joining_link_withdrawn_whole CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
CREATE INDEX ix_joining_link_organisation_id ON elearn.joining_link (organisation_id);
CREATE INDEX ix_joining_link_unit_id ON elearn.joining_link (unit_id);

CREATE TABLE elearn.joining (
    id uuid NOT NULL CONSTRAINT pk_joining PRIMARY KEY,
    link_id uuid NOT NULL CONSTRAINT fk_joining_link_id_joining_link REFERENCES elearn.joining_link (id),
    person_id uuid NOT NULL CONSTRAINT fk_joining_person_id_person REFERENCES elearn.person (id),
    state text NOT NULL,
    registered boolean NOT NULL,
    came_at timestamptz NOT NULL,
    membership_id uuid CONSTRAINT fk_joining_membership_id_membership REFERENCES elearn.membership (id),
    decided_by uuid CONSTRAINT fk_joining_decided_by_person REFERENCES elearn.person (id),
    decided_at timestamptz,
    CONSTRAINT ck_joining_state CHECK (state IN ('waiting', 'joined', 'refused', 'taken_back')),
    CONSTRAINT ck_joining_joined_is_a_member CHECK ((state = 'joined') = (membership_id IS NOT NULL)),
    CONSTRAINT ck_joining_waiting_is_undecided CHECK ((state = 'waiting') = (decided_at IS NULL))
);
CREATE INDEX ix_joining_link_id ON elearn.joining (link_id);
CREATE INDEX ix_joining_person_id ON elearn.joining (person_id);
CREATE UNIQUE INDEX uq_joining_waiting ON elearn.joining (link_id, person_id) WHERE state = 'waiting';
CREATE INDEX ix_joining_open ON elearn.joining (came_at) WHERE state = 'waiting';

CREATE TABLE elearn.employment_act (
    id uuid NOT NULL CONSTRAINT pk_employment_act PRIMARY KEY,
    membership_id uuid NOT NULL CONSTRAINT fk_employment_act_membership_id_membership REFERENCES elearn.membership (id),
    act text NOT NULL,
    "on" date NOT NULL,
    reason text NOT NULL,
    by_id uuid NOT NULL CONSTRAINT fk_employment_act_by_id_person REFERENCES elearn.person (id),
    at timestamptz NOT NULL,
    CONSTRAINT ck_employment_act_act CHECK (act IN ('moved', 'away', 'back', 'ended', 'left'))
);
CREATE INDEX ix_employment_act_membership_id_at ON elearn.employment_act (membership_id, at);
SELECT elearn.make_append_only('elearn.employment_act');
"""


def upgrade() -> None:
    op.execute(CHANGES)
