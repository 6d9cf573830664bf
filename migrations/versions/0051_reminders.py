"""Which reminders were told, and the outbox of what leaves for people's phones."""

from __future__ import annotations

from alembic import op

revision = "0051"
down_revision = "0050"

CHANGES = """
CREATE TABLE elearn.reminder (
    assignment_id uuid NOT NULL CONSTRAINT fk_reminder_assignment_id_assignment REFERENCES elearn.assignment (id),
    step text NOT NULL,
    person_id uuid NOT NULL CONSTRAINT fk_reminder_person_id_person REFERENCES elearn.person (id),
    told_at timestamptz NOT NULL,
    lettered_on date,
    CONSTRAINT pk_reminder PRIMARY KEY (assignment_id, step)
);
CREATE INDEX ix_reminder_person_id ON elearn.reminder (person_id);

CREATE TABLE elearn.outgoing (
    id uuid NOT NULL CONSTRAINT pk_outgoing PRIMARY KEY,
    person_id uuid NOT NULL CONSTRAINT fk_outgoing_person_id_person REFERENCES elearn.person (id),
    organisation_id uuid NOT NULL
        CONSTRAINT fk_outgoing_organisation_id_organisation REFERENCES elearn.organisation (id),
    channel text NOT NULL,
    kind text NOT NULL,
    cause text NOT NULL,
    facts jsonb NOT NULL,
    state text NOT NULL,
    attempts bigint NOT NULL,
    next_try_at timestamptz NOT NULL,
    claimed_until timestamptz,
    last_error text,
    made_at timestamptz NOT NULL,
    done_at timestamptz,
    CONSTRAINT ck_outgoing_channel CHECK (channel IN ('sms', 'email')),
    CONSTRAINT ck_outgoing_state CHECK (state IN ('waiting', 'done', 'dead')),
    CONSTRAINT ck_outgoing_done_at CHECK ((state = 'done') = (done_at IS NOT NULL)),
    CONSTRAINT ck_outgoing_dead_of_something CHECK (state <> 'dead' OR last_error IS NOT NULL),
    CONSTRAINT uq_outgoing_person_id_channel_cause UNIQUE (person_id, channel, cause)
);
CREATE INDEX ix_outgoing_next_try_at ON elearn.outgoing (next_try_at) WHERE state = 'waiting';
CREATE INDEX ix_outgoing_organisation_id_made_at ON elearn.outgoing (organisation_id, made_at);
"""


def upgrade() -> None:
    op.execute(CHANGES)
