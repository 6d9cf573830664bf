"""Lesson plans of a class, as files: added, never changed."""

from __future__ import annotations

from alembic import op

revision = "0039"
down_revision = "0038"

# No reference to the line: it may be taken out while the class is planned, and what was sent stays.
CHANGE = """
CREATE TABLE elearn.class_lesson_plan (
    id uuid NOT NULL CONSTRAINT pk_class_lesson_plan PRIMARY KEY,
    class_id uuid NOT NULL
        CONSTRAINT fk_class_lesson_plan_class_id_training_class REFERENCES elearn.training_class (id),
    number smallint NOT NULL,
    line_id uuid,
    taught_on date,
    outline_item_id uuid
        CONSTRAINT fk_class_lesson_plan_outline_item_id_outline_item REFERENCES elearn.outline_item (id),
    sha256 text NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    content bytea NOT NULL,
    by_id uuid NOT NULL CONSTRAINT fk_class_lesson_plan_by_id_person REFERENCES elearn.person (id),
    at timestamptz NOT NULL,
    CONSTRAINT uq_class_lesson_plan_class_id_number UNIQUE (class_id, number),
    CONSTRAINT ck_class_lesson_plan_line CHECK (num_nulls(line_id, taught_on, outline_item_id) IN (0, 3)),
    CONSTRAINT ck_class_lesson_plan_digest CHECK (sha256 = encode(sha256(content), 'hex'))
)
"""


def upgrade() -> None:
    op.execute(CHANGE)
    op.execute("SELECT elearn.make_append_only('elearn.class_lesson_plan')")
