"""What the law asks, as dated rows; an outline says which category of people it is for, and what it trains them for."""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"

CHANGES = """
CREATE TABLE elearn.requirement_load (
    id uuid NOT NULL CONSTRAINT pk_requirement_load PRIMARY KEY,
    version text NOT NULL,
    file_name text NOT NULL,
    file_sha256 text NOT NULL,
    unconfirmed boolean NOT NULL,
    rows bigint NOT NULL,
    loaded_by text NOT NULL,
    loaded_at timestamptz NOT NULL
);
CREATE TABLE elearn.requirement_row (
    number bigint NOT NULL CONSTRAINT pk_requirement_row PRIMARY KEY,
    load_id uuid NOT NULL CONSTRAINT fk_requirement_row_load_id_requirement_load
        REFERENCES elearn.requirement_load (id),
    section text NOT NULL,
    code text NOT NULL,
    region text NOT NULL,
    effective_from date NOT NULL,
    effective_to date,
    confirmed boolean NOT NULL,
    content jsonb NOT NULL,
    CONSTRAINT ck_requirement_row_dates CHECK (effective_to IS NULL OR effective_to >= effective_from)
);
CREATE INDEX ix_requirement_row_slot ON elearn.requirement_row (section, code, region, effective_from, number);

ALTER TABLE elearn.outline ADD COLUMN category text;
ALTER TABLE elearn.outline ADD COLUMN training text NOT NULL DEFAULT 'initial';
ALTER TABLE elearn.outline ADD CONSTRAINT ck_outline_training
    CHECK (training IN ('initial', 'review', 'renewal', 'yearly', 'transfer'));
CREATE INDEX ix_outline_category ON elearn.outline (category) WHERE category IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(CHANGES)
    for ledger in ("requirement_load", "requirement_row"):
        op.execute(f"SELECT elearn.make_append_only('elearn.{ledger}')")
