"""What people show beside training: education, health, day of birth, and that training begins anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"

CHANGES = """
ALTER TABLE elearn.person ADD COLUMN born_on date;
ALTER TABLE elearn.finding
    ADD COLUMN level text,
    DROP CONSTRAINT ck_finding_kind,
    DROP CONSTRAINT ck_finding_paper_whole,
    DROP CONSTRAINT ck_finding_paper_or_none;
ALTER TABLE elearn.finding
    ADD CONSTRAINT ck_finding_kind CHECK (kind IN ('skill_certificate', 'earlier_training', 'train_again', 'education',
        'health_certificate', 'born_on', 'blacklisted', 'institution_suspended')),
    ADD CONSTRAINT ck_finding_paper_whole CHECK (
        (kind NOT IN ('blacklisted', 'institution_suspended') AND ends_id IS NULL) = (paper IS NOT NULL)),
    ADD CONSTRAINT ck_finding_paper_or_none CHECK (num_nulls(paper, number_sealed) IN (0, 2)),
    ADD CONSTRAINT ck_finding_of_an_outline CHECK (
        (kind IN ('skill_certificate', 'earlier_training', 'train_again') AND ends_id IS NULL)
        = (outline_code IS NOT NULL)),
    ADD CONSTRAINT ck_finding_education_level
        CHECK ((kind = 'education' AND ends_id IS NULL) = (level IS NOT NULL)),
    ADD CONSTRAINT ck_finding_level_is_one
        CHECK (level IN ('primary', 'junior_high', 'senior_high', 'college', 'bachelor')),
    ADD CONSTRAINT ck_finding_health_has_its_last_day
        CHECK (kind <> 'health_certificate' OR ends_id IS NOT NULL OR to_on IS NOT NULL);
"""


def upgrade() -> None:
    op.execute(sa.text(CHANGES))
