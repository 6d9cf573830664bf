"""Watching: sittings, what was reported and decided, deliveries, the ledger of watched spans, presence checks."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = """
CREATE TABLE elearn.watch_policy (
    digest text NOT NULL CONSTRAINT pk_watch_policy PRIMARY KEY,
    canonical text NOT NULL
);

CREATE TABLE elearn.learner_watch (
    learner_id uuid NOT NULL CONSTRAINT pk_learner_watch PRIMARY KEY
        CONSTRAINT fk_learner_watch_learner_id_person REFERENCES elearn.person (id),
    tau_ms bigint NOT NULL,
    held boolean NOT NULL,
    pending_ms bigint NOT NULL,
    check_count bigint NOT NULL,
    check_due_after_ms bigint NOT NULL,
    check_deadline_ms bigint,
    CONSTRAINT ck_learner_watch_pending_not_negative CHECK (pending_ms >= 0)
) WITH (fillfactor = 70);
CREATE INDEX ix_learner_watch_check_deadline_ms ON elearn.learner_watch (check_deadline_ms)
    WHERE check_deadline_ms IS NOT NULL;

CREATE TABLE elearn.day_use (
    learner_id uuid NOT NULL CONSTRAINT fk_day_use_learner_id_learner_watch
        REFERENCES elearn.learner_watch (learner_id),
    "on" date NOT NULL,
    used_ms bigint NOT NULL,
    late_ms bigint NOT NULL,
    CONSTRAINT pk_day_use PRIMARY KEY (learner_id, "on"),
    CONSTRAINT ck_day_use_late_within_used CHECK (0 <= late_ms AND late_ms <= used_ms)
) WITH (fillfactor = 70);

CREATE TABLE elearn.unit_watch (
    learner_id uuid NOT NULL CONSTRAINT fk_unit_watch_learner_id_learner_watch
        REFERENCES elearn.learner_watch (learner_id),
    unit_id uuid NOT NULL CONSTRAINT fk_unit_watch_unit_id_unit REFERENCES elearn.unit (id),
    frontier_ms bigint NOT NULL,
    covered_ms bigint NOT NULL,
    CONSTRAINT pk_unit_watch PRIMARY KEY (learner_id, unit_id)
) WITH (fillfactor = 70);

CREATE TABLE elearn.sitting (
    id uuid NOT NULL CONSTRAINT pk_sitting PRIMARY KEY,
    learner_id uuid NOT NULL CONSTRAINT fk_sitting_learner_id_learner_watch
        REFERENCES elearn.learner_watch (learner_id),
    unit_id uuid NOT NULL CONSTRAINT fk_sitting_unit_id_unit REFERENCES elearn.unit (id),
    class_id uuid CONSTRAINT fk_sitting_class_id_training_class REFERENCES elearn.training_class (id),
    device text NOT NULL,
    actor text NOT NULL,
    player text NOT NULL,
    policy text NOT NULL CONSTRAINT fk_sitting_policy_watch_policy REFERENCES elearn.watch_policy (digest),
    opened_ms bigint NOT NULL,
    expires_ms bigint NOT NULL,
    cm_open_ms bigint NOT NULL,
    e_ms bigint NOT NULL,
    carry_ms bigint NOT NULL,
    last_cm_ms bigint NOT NULL,
    seq bigint NOT NULL,
    last_digest bytea,
    gap_late_ms bigint NOT NULL,
    ended_ms bigint,
    ended_reason text,
    nonces text[] NOT NULL,
    CONSTRAINT ck_sitting_ended_has_reason CHECK ((ended_ms IS NULL) = (ended_reason IS NULL)),
    CONSTRAINT ck_sitting_ended_reason CHECK (ended_reason IN ('playing_elsewhere', 'closed', 'expired'))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX uq_sitting_live ON elearn.sitting (learner_id) WHERE ended_ms IS NULL;

CREATE TABLE elearn.held_report (
    sitting_id uuid NOT NULL CONSTRAINT fk_held_report_sitting_id_sitting REFERENCES elearn.sitting (id),
    seq bigint NOT NULL,
    sha256 bytea NOT NULL,
    tau_ms bigint NOT NULL,
    arrived jsonb NOT NULL,
    CONSTRAINT pk_held_report PRIMARY KEY (sitting_id, seq)
);

CREATE TABLE elearn.report (
    id uuid NOT NULL CONSTRAINT pk_report PRIMARY KEY,
    sitting_id uuid NOT NULL CONSTRAINT fk_report_sitting_id_sitting REFERENCES elearn.sitting (id),
    seq bigint NOT NULL,
    sha256 bytea NOT NULL,
    prev bytea,
    sig bytea NOT NULL,
    nonce text NOT NULL,
    statement_id uuid NOT NULL,
    tau_ms bigint NOT NULL,
    sent_cm_ms bigint NOT NULL,
    raw text,
    refused_as text,
    chain_broken boolean NOT NULL,
    credited jsonb NOT NULL,
    refused jsonb NOT NULL,
    seen jsonb
);
CREATE UNIQUE INDEX uq_report_decided ON elearn.report (sitting_id, seq) WHERE refused_as IS NULL;
CREATE UNIQUE INDEX uq_report_evidence ON elearn.report (sitting_id, seq, sha256) WHERE refused_as IS NOT NULL;

CREATE TABLE elearn.delivery (
    learner_id uuid NOT NULL CONSTRAINT fk_delivery_learner_id_learner_watch
        REFERENCES elearn.learner_watch (learner_id),
    unit_id uuid NOT NULL CONSTRAINT fk_delivery_unit_id_unit REFERENCES elearn.unit (id),
    block bigint NOT NULL,
    sitting_id uuid NOT NULL CONSTRAINT fk_delivery_sitting_id_sitting REFERENCES elearn.sitting (id),
    given_ms bigint NOT NULL,
    CONSTRAINT pk_delivery PRIMARY KEY (learner_id, unit_id, block)
);

CREATE TABLE elearn.presence_check (
    id uuid NOT NULL CONSTRAINT pk_presence_check PRIMARY KEY,
    learner_id uuid NOT NULL CONSTRAINT fk_presence_check_learner_id_learner_watch
        REFERENCES elearn.learner_watch (learner_id),
    sitting_id uuid NOT NULL CONSTRAINT fk_presence_check_sitting_id_sitting REFERENCES elearn.sitting (id),
    unit_id uuid NOT NULL CONSTRAINT fk_presence_check_unit_id_unit REFERENCES elearn.unit (id),
    question_id uuid NOT NULL CONSTRAINT fk_presence_check_question_id_question REFERENCES elearn.question (id),
    number bigint NOT NULL,
    shown jsonb NOT NULL,
    from_ms bigint NOT NULL,
    to_ms bigint NOT NULL,
    policy text NOT NULL CONSTRAINT fk_presence_check_policy_watch_policy REFERENCES elearn.watch_policy (digest),
    put_ms bigint NOT NULL,
    deadline_ms bigint NOT NULL,
    tries jsonb NOT NULL,
    outcome text,
    decided_ms bigint,
    CONSTRAINT ck_presence_check_outcome CHECK (outcome IN ('passed', 'failed', 'expired')),
    CONSTRAINT ck_presence_check_decided_has_outcome CHECK ((outcome IS NULL) = (decided_ms IS NULL))
);
CREATE UNIQUE INDEX uq_presence_check_open ON elearn.presence_check (learner_id) WHERE outcome IS NULL;
CREATE INDEX ix_presence_check_learner_id_unit_id ON elearn.presence_check (learner_id, unit_id);

CREATE TABLE elearn.watched_span (
    id uuid NOT NULL CONSTRAINT pk_watched_span PRIMARY KEY,
    kind text NOT NULL,
    learner_id uuid NOT NULL CONSTRAINT fk_watched_span_learner_id_learner_watch
        REFERENCES elearn.learner_watch (learner_id),
    unit_id uuid NOT NULL CONSTRAINT fk_watched_span_unit_id_unit REFERENCES elearn.unit (id),
    class_id uuid CONSTRAINT fk_watched_span_class_id_training_class REFERENCES elearn.training_class (id),
    sitting_id uuid CONSTRAINT fk_watched_span_sitting_id_sitting REFERENCES elearn.sitting (id),
    start_ms bigint NOT NULL,
    end_ms bigint NOT NULL,
    "on" date NOT NULL,
    late boolean NOT NULL,
    statement_id uuid,
    check_id uuid CONSTRAINT fk_watched_span_check_id_presence_check REFERENCES elearn.presence_check (id),
    settles uuid[] NOT NULL,
    reverses_id uuid CONSTRAINT fk_watched_span_reverses_id_watched_span REFERENCES elearn.watched_span (id),
    reason text,
    policy text NOT NULL,
    heard_at timestamptz NOT NULL,
    CONSTRAINT uq_watched_span_reverses_id UNIQUE (reverses_id),
    CONSTRAINT ck_watched_span_holds_media CHECK (0 <= start_ms AND start_ms < end_ms),
    CONSTRAINT ck_watched_span_says_why CHECK (CASE kind
        WHEN 'pending' THEN statement_id IS NOT NULL AND sitting_id IS NOT NULL AND reverses_id IS NULL
        WHEN 'final' THEN check_id IS NOT NULL AND cardinality(settles) > 0 AND reverses_id IS NULL
        WHEN 'reversal' THEN reverses_id IS NOT NULL AND reason IS NOT NULL
        ELSE false END)
);
CREATE INDEX ix_watched_span_learner_id_unit_id ON elearn.watched_span (learner_id, unit_id);

CREATE TABLE elearn.believed_span (
    watched_span_id uuid NOT NULL CONSTRAINT pk_believed_span PRIMARY KEY
        CONSTRAINT fk_believed_span_watched_span_id_watched_span REFERENCES elearn.watched_span (id),
    learner_id uuid NOT NULL,
    unit_id uuid NOT NULL,
    state text NOT NULL,
    media int8range NOT NULL,
    CONSTRAINT ck_believed_span_state CHECK (state IN ('pending', 'final')),
    CONSTRAINT ck_believed_span_holds_media CHECK (NOT isempty(media) AND lower_inf(media) = false),
    CONSTRAINT ex_believed_span_once EXCLUDE USING gist (learner_id WITH =, unit_id WITH =, media WITH &&)
);
CREATE INDEX ix_believed_span_learner_id_unit_id ON elearn.believed_span (learner_id, unit_id);
"""

APPEND_ONLY = ("watch_policy", "report", "delivery", "watched_span")


def upgrade() -> None:
    op.execute(TABLES)
    for table in APPEND_ONLY:
        op.execute(f"SELECT elearn.make_append_only('elearn.{table}')")
