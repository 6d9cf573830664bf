"""Rules of watching by region and day; sittings without a signing device; hours in real time where rules say so."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

CHANGES = """
ALTER TABLE elearn.sitting ALTER COLUMN device DROP NOT NULL;
ALTER TABLE elearn.sitting ADD COLUMN real_carry_ms bigint NOT NULL DEFAULT 0;
ALTER TABLE elearn.report ALTER COLUMN sig DROP NOT NULL;

ALTER TABLE elearn.watched_span ADD COLUMN excess_ms bigint NOT NULL DEFAULT 0
    CONSTRAINT ck_watched_span_excess CHECK (0 <= excess_ms AND excess_ms <= end_ms - start_ms);

CREATE TABLE elearn.watch_rule (
    id uuid NOT NULL CONSTRAINT pk_watch_rule PRIMARY KEY,
    region text,
    effective_from date NOT NULL,
    effective_to date,
    policy text NOT NULL CONSTRAINT fk_watch_rule_policy_watch_policy REFERENCES elearn.watch_policy (digest),
    loaded_at timestamptz NOT NULL,
    loaded_by text NOT NULL,
    closed_at timestamptz,
    closed_by text,
    CONSTRAINT ck_watch_rule_dates CHECK (effective_to IS NULL OR effective_from <= effective_to),
    CONSTRAINT ck_watch_rule_region CHECK (region ~ '^[1-9][0-9]{5}$'),
    CONSTRAINT ck_watch_rule_closed_whole CHECK (num_nulls(closed_at, closed_by) IN (0, 2)),
    -- One region has one rule a day; daterange's end is the day after, infinity when open.
    CONSTRAINT ex_watch_rule_one_a_day EXCLUDE USING gist (
        coalesce(region, '') WITH =, daterange(effective_from, effective_to, '[]') WITH &&)
);

CREATE FUNCTION elearn.guard_watch_rule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.effective_to IS NULL AND NEW.effective_to IS NOT NULL AND NEW.closed_at IS NOT NULL
           AND (NEW.id, NEW.region, NEW.effective_from, NEW.policy, NEW.loaded_at, NEW.loaded_by) IS NOT DISTINCT FROM
               (OLD.id, OLD.region, OLD.effective_from, OLD.policy, OLD.loaded_at, OLD.loaded_by) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'watch_rule: a rule is ended once and otherwise never changed' USING ERRCODE = '23000';
END $$;
CREATE TRIGGER guard_watch_rule BEFORE UPDATE OR DELETE ON elearn.watch_rule
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_watch_rule();
CREATE TRIGGER guard_watch_rule_table BEFORE TRUNCATE ON elearn.watch_rule
    FOR EACH STATEMENT EXECUTE FUNCTION elearn.guard_watch_rule();
"""


def upgrade() -> None:
    op.execute(CHANGES)
