"""Signals, the cases people decide about them, and what came of those."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"

CHANGES = """
CREATE TABLE elearn.sitting_trace (
    sitting_id uuid NOT NULL CONSTRAINT pk_sitting_trace PRIMARY KEY
        CONSTRAINT fk_sitting_trace_sitting_id_sitting REFERENCES elearn.sitting (id),
    learner_id uuid NOT NULL,
    unit_id uuid NOT NULL,
    seq bigint NOT NULL,
    heard_ms bigint NOT NULL,
    trace jsonb NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX ix_sitting_trace_learner_id_heard_ms ON elearn.sitting_trace (learner_id, heard_ms);
CREATE INDEX ix_sitting_trace_unit_id_heard_ms ON elearn.sitting_trace (unit_id, heard_ms);

CREATE TABLE elearn.signal_mark (
    id bigint NOT NULL CONSTRAINT pk_signal_mark PRIMARY KEY,
    report_id uuid NOT NULL,
    looked_ms bigint NOT NULL
);

CREATE TABLE elearn.signal_thresholds (
    digest text NOT NULL,
    effective_from date NOT NULL,
    canonical text NOT NULL,
    loaded_at timestamptz NOT NULL,
    CONSTRAINT pk_signal_thresholds PRIMARY KEY (digest, effective_from)
);

CREATE TABLE elearn.signal (
    id uuid NOT NULL CONSTRAINT pk_signal PRIMARY KEY,
    rule text NOT NULL,
    weight text NOT NULL,
    learner_id uuid NOT NULL CONSTRAINT fk_signal_learner_id_person REFERENCES elearn.person (id),
    class_id uuid CONSTRAINT fk_signal_class_id_training_class REFERENCES elearn.training_class (id),
    key text NOT NULL,
    sittings uuid[] NOT NULL,
    from_ms bigint NOT NULL,
    to_ms bigint NOT NULL,
    evidence jsonb NOT NULL,
    thresholds text NOT NULL,
    found_at timestamptz NOT NULL,
    CONSTRAINT uq_signal_rule_learner_id_key UNIQUE (rule, learner_id, key)
);
CREATE INDEX ix_signal_learner_id_class_id ON elearn.signal (learner_id, class_id);
CREATE INDEX ix_signal_found_at ON elearn.signal (found_at);

CREATE TABLE elearn.review_case (
    id uuid NOT NULL CONSTRAINT pk_review_case PRIMARY KEY,
    kind text NOT NULL,
    learner_id uuid NOT NULL CONSTRAINT fk_review_case_learner_id_person REFERENCES elearn.person (id),
    class_id uuid CONSTRAINT fk_review_case_class_id_training_class REFERENCES elearn.training_class (id),
    unit_id uuid CONSTRAINT fk_review_case_unit_id_unit REFERENCES elearn.unit (id),
    about_id uuid CONSTRAINT uq_review_case_about_id UNIQUE
        CONSTRAINT fk_review_case_about_id_review_case REFERENCES elearn.review_case (id),
    statement text,
    opened_by uuid NOT NULL CONSTRAINT fk_review_case_opened_by_person REFERENCES elearn.person (id),
    opened_at timestamptz NOT NULL,
    CONSTRAINT ck_review_case_kind CHECK (kind IN ('flags', 'appeal')),
    CONSTRAINT ck_review_case_appeal_says_why CHECK ((kind = 'appeal') = (statement IS NOT NULL)),
    CONSTRAINT ck_review_case_appeal_is_about CHECK (about_id IS NULL OR kind = 'appeal')
);
CREATE INDEX ix_review_case_learner_id_opened_at ON elearn.review_case (learner_id, opened_at);
CREATE INDEX ix_review_case_class_id_opened_at ON elearn.review_case (class_id, opened_at);

CREATE TABLE elearn.review_signal (
    signal_id uuid NOT NULL CONSTRAINT pk_review_signal PRIMARY KEY
        CONSTRAINT fk_review_signal_signal_id_signal REFERENCES elearn.signal (id),
    case_id uuid NOT NULL CONSTRAINT fk_review_signal_case_id_review_case REFERENCES elearn.review_case (id)
);
CREATE INDEX ix_review_signal_case_id ON elearn.review_signal (case_id);

CREATE TABLE elearn.review_act (
    id uuid NOT NULL CONSTRAINT pk_review_act PRIMARY KEY,
    case_id uuid NOT NULL CONSTRAINT fk_review_act_case_id_review_case REFERENCES elearn.review_case (id),
    number bigint NOT NULL,
    act text NOT NULL,
    by_person_id uuid NOT NULL CONSTRAINT fk_review_act_by_person_id_person REFERENCES elearn.person (id),
    side text NOT NULL,
    reason text NOT NULL,
    spans uuid[] NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT uq_review_act_case_id_number UNIQUE (case_id, number),
    CONSTRAINT ck_review_act_act CHECK (act IN ('propose', 'confirm', 'object', 'dismiss', 'uphold', 'reject')),
    CONSTRAINT ck_review_act_side CHECK (side IN ('institution', 'regulator', 'operator')),
    CONSTRAINT ck_review_act_says_why CHECK (length(btrim(reason)) > 0)
);

CREATE TABLE elearn.review_effect (
    watched_span_id uuid NOT NULL CONSTRAINT pk_review_effect PRIMARY KEY
        CONSTRAINT fk_review_effect_watched_span_id_watched_span REFERENCES elearn.watched_span (id),
    undoes_id uuid NOT NULL CONSTRAINT fk_review_effect_undoes_id_watched_span REFERENCES elearn.watched_span (id),
    case_id uuid NOT NULL CONSTRAINT fk_review_effect_case_id_review_case REFERENCES elearn.review_case (id)
);
CREATE INDEX ix_review_effect_undoes_id ON elearn.review_effect (undoes_id);
CREATE INDEX ix_review_effect_case_id ON elearn.review_effect (case_id);
"""

LEDGERS = ("signal_thresholds", "signal", "review_case", "review_signal", "review_act", "review_effect")


def upgrade() -> None:
    op.execute(CHANGES)
    for ledger in LEDGERS:
        op.execute(f"SELECT elearn.make_append_only('elearn.{ledger}')")
