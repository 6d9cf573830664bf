"""Surveys of what people need to be trained in; the ledger of an enterprise's training fund."""

from __future__ import annotations

from alembic import op

revision = "0059"
down_revision = "0058"

SURVEYS = """
CREATE TABLE elearn.training_survey (
    id uuid NOT NULL CONSTRAINT pk_training_survey PRIMARY KEY,
    organisation_id uuid NOT NULL
        CONSTRAINT fk_training_survey_organisation_id_organisation REFERENCES elearn.organisation (id),
    year smallint NOT NULL,
    title text NOT NULL,
    ends_on date NOT NULL,
    kinds text[] NOT NULL,
    anonymous boolean NOT NULL,
    state text NOT NULL,
    created_by uuid NOT NULL CONSTRAINT fk_training_survey_created_by_person REFERENCES elearn.person (id),
    created_at timestamptz NOT NULL,
    opened_at timestamptz,
    closed_at timestamptz,
    CONSTRAINT uq_training_survey_id_anonymous UNIQUE (id, anonymous),
    CONSTRAINT ck_training_survey_state CHECK (state IN ('draft', 'open', 'closed')),
    CONSTRAINT ck_training_survey_year CHECK (year BETWEEN 2000 AND 2100),
    CONSTRAINT ck_training_survey_opened CHECK ((state = 'draft') = (opened_at IS NULL)),
    CONSTRAINT ck_training_survey_closed CHECK ((state = 'closed') = (closed_at IS NOT NULL))
);
CREATE INDEX ix_training_survey_organisation_id_created_at ON elearn.training_survey (organisation_id, created_at);

CREATE TABLE elearn.training_survey_question (
    id uuid NOT NULL CONSTRAINT pk_training_survey_question PRIMARY KEY,
    survey_id uuid NOT NULL
        CONSTRAINT fk_training_survey_question_survey_id_training_survey REFERENCES elearn.training_survey (id),
    position smallint NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    options text[] NOT NULL,
    CONSTRAINT uq_training_survey_question_survey_id_position UNIQUE (survey_id, position),
    CONSTRAINT ck_training_survey_question_kind CHECK (kind IN ('one', 'several', 'scale', 'text')),
    CONSTRAINT ck_training_survey_question_options
        CHECK (cardinality(options) BETWEEN 2 AND 30 = (kind IN ('one', 'several'))
               AND (kind IN ('one', 'several') OR cardinality(options) = 0))
);

-- Who was asked, where they stood then, and whether they answered; not when, and not what.
CREATE TABLE elearn.training_survey_asked (
    survey_id uuid NOT NULL
        CONSTRAINT fk_training_survey_asked_survey_id_training_survey REFERENCES elearn.training_survey (id),
    person_id uuid NOT NULL CONSTRAINT fk_training_survey_asked_person_id_person REFERENCES elearn.person (id),
    unit_id uuid NOT NULL CONSTRAINT fk_training_survey_asked_unit_id_organisation REFERENCES elearn.organisation (id),
    kind text NOT NULL,
    answered boolean NOT NULL,
    CONSTRAINT pk_training_survey_asked PRIMARY KEY (survey_id, person_id)
);
CREATE INDEX ix_training_survey_asked_person_id ON elearn.training_survey_asked (person_id);

-- An anonymous survey's answer names nobody: its mark is a hash of a number that only the answering browser keeps.
CREATE TABLE elearn.training_survey_answer (
    id uuid NOT NULL CONSTRAINT pk_training_survey_answer PRIMARY KEY,
    survey_id uuid NOT NULL,
    anonymous boolean NOT NULL,
    person_id uuid CONSTRAINT fk_training_survey_answer_person_id_person REFERENCES elearn.person (id),
    mark bytea,
    kind text,
    CONSTRAINT fk_training_survey_answer_survey_id_anonymous_training_survey
        FOREIGN KEY (survey_id, anonymous) REFERENCES elearn.training_survey (id, anonymous),
    CONSTRAINT uq_training_survey_answer_survey_id_person_id UNIQUE (survey_id, person_id),
    CONSTRAINT uq_training_survey_answer_survey_id_mark UNIQUE (survey_id, mark),
    CONSTRAINT ck_training_survey_answer_nobody
        CHECK (anonymous = (person_id IS NULL) AND anonymous = (mark IS NOT NULL))
);
CREATE INDEX ix_training_survey_answer_person_id ON elearn.training_survey_answer (person_id);

CREATE TABLE elearn.training_survey_reply (
    answer_id uuid NOT NULL
        CONSTRAINT fk_training_survey_reply_answer_id_training_survey_answer
        REFERENCES elearn.training_survey_answer (id),
    question_id uuid NOT NULL
        CONSTRAINT fk_training_survey_reply_question_id_training_survey_question
        REFERENCES elearn.training_survey_question (id),
    chosen smallint[] NOT NULL,
    text text NOT NULL,
    CONSTRAINT pk_training_survey_reply PRIMARY KEY (answer_id, question_id)
);

ALTER TABLE elearn.training_plan_line
    ADD COLUMN survey_id uuid
        CONSTRAINT fk_training_plan_line_survey_id_training_survey REFERENCES elearn.training_survey (id);

-- What somebody wrote in their own words goes with them, whoever erases them; which options were chosen stays counted.
CREATE FUNCTION elearn.forget_survey_texts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE elearn.training_survey_reply r SET text = ''
    FROM elearn.training_survey_answer a
    WHERE a.id = r.answer_id AND a.person_id = NEW.id AND r.text <> '';
    RETURN NULL;
END $$;
CREATE TRIGGER forget_survey_texts AFTER UPDATE OF data_key ON elearn.person
    FOR EACH ROW WHEN (NEW.data_key IS NULL AND OLD.data_key IS NOT NULL)
    EXECUTE FUNCTION elearn.forget_survey_texts();
"""

FUNDS = """
CREATE TABLE elearn.training_fund_wages (
    id uuid NOT NULL CONSTRAINT pk_training_fund_wages PRIMARY KEY,
    organisation_id uuid NOT NULL
        CONSTRAINT fk_training_fund_wages_organisation_id_organisation REFERENCES elearn.organisation (id),
    year smallint NOT NULL,
    number smallint NOT NULL,
    wages_fen bigint NOT NULL,
    rate text NOT NULL,
    basis_points smallint NOT NULL,
    drawn_fen bigint NOT NULL,
    reason text NOT NULL,
    entered_by uuid NOT NULL CONSTRAINT fk_training_fund_wages_entered_by_person REFERENCES elearn.person (id),
    entered_at timestamptz NOT NULL,
    CONSTRAINT uq_training_fund_wages_organisation_id_year_number UNIQUE (organisation_id, year, number),
    CONSTRAINT ck_training_fund_wages_year CHECK (year BETWEEN 2000 AND 2100),
    CONSTRAINT ck_training_fund_wages_number CHECK (number >= 1),
    CONSTRAINT ck_training_fund_wages_rate CHECK (rate IN ('general', 'demanding')),
    CONSTRAINT ck_training_fund_wages_wages CHECK (wages_fen BETWEEN 1 AND 10000000000000),
    CONSTRAINT ck_training_fund_wages_drawn CHECK (drawn_fen = (wages_fen * basis_points + 5000) / 10000),
    CONSTRAINT ck_training_fund_wages_change_with_reason CHECK (number = 1 OR length(btrim(reason)) > 0)
);

CREATE TABLE elearn.training_fund_line (
    id uuid NOT NULL CONSTRAINT pk_training_fund_line PRIMARY KEY,
    organisation_id uuid NOT NULL
        CONSTRAINT fk_training_fund_line_organisation_id_organisation REFERENCES elearn.organisation (id),
    year smallint NOT NULL,
    spent_on date NOT NULL,
    amount_fen bigint NOT NULL,
    what text NOT NULL,
    kind text,
    tag text NOT NULL,
    receipt text NOT NULL,
    plan_line_id uuid
        CONSTRAINT fk_training_fund_line_plan_line_id_training_plan_line REFERENCES elearn.training_plan_line (id),
    programme_id uuid
        CONSTRAINT fk_training_fund_line_programme_id_training_programme REFERENCES elearn.training_programme (id),
    reverses_id uuid CONSTRAINT uq_training_fund_line_reverses_id UNIQUE
        CONSTRAINT fk_training_fund_line_reverses_id_training_fund_line REFERENCES elearn.training_fund_line (id),
    reason text NOT NULL,
    entered_by uuid NOT NULL CONSTRAINT fk_training_fund_line_entered_by_person REFERENCES elearn.person (id),
    entered_at timestamptz NOT NULL,
    CONSTRAINT ck_training_fund_line_year CHECK (year = date_part('year', spent_on)),
    CONSTRAINT ck_training_fund_line_kind CHECK (kind IN ('employee', 'dispatched', 'flexible', 'contractor',
        'intern', 'apprentice', 'trainee')),
    CONSTRAINT ck_training_fund_line_tag CHECK (tag IN ('training_fund', 'injury_prevention', 'safety_costs',
        'subsidy', 'other')),
    CONSTRAINT ck_training_fund_line_amount CHECK (amount_fen <> 0 AND abs(amount_fen) <= 10000000000000
        AND (amount_fen < 0) = (reverses_id IS NOT NULL)),
    CONSTRAINT ck_training_fund_line_reversed_with_reason CHECK ((reverses_id IS NULL) = (length(btrim(reason)) = 0))
);
CREATE INDEX ix_training_fund_line_organisation_id_year_spent_on
    ON elearn.training_fund_line (organisation_id, year, spent_on);
CREATE INDEX ix_training_fund_line_plan_line_id ON elearn.training_fund_line (plan_line_id);
"""


def upgrade() -> None:
    op.execute(SURVEYS)
    op.execute(FUNDS)
    for table in ("training_fund_wages", "training_fund_line"):
        op.execute(f"SELECT elearn.make_append_only('elearn.{table}')")
