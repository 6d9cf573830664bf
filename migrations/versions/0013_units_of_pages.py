"""Units of pages: a unit says what it is made of, pages have contents and no key, and each showing is recorded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

WHEN = sa.DateTime(timezone=True)

GUARD = """
-- What a learner reads is what was reviewed: pages come with their draft, and never change.
CREATE FUNCTION elearn.guard_unit_page() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF (SELECT published_at FROM elearn.unit WHERE id = NEW.unit_id) IS NULL THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the pages of a unit are immutable: new pages are a new version'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER immutable_rows BEFORE INSERT OR UPDATE OR DELETE ON elearn.unit_page
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_unit_page();
CREATE TRIGGER immutable_table BEFORE TRUNCATE ON elearn.unit_page
    FOR EACH STATEMENT EXECUTE FUNCTION elearn.guard_unit_page();
"""


def upgrade() -> None:
    # Every unit so far is a video.
    op.add_column("unit", sa.Column("kind", sa.Text(), nullable=False, server_default="video"), schema="elearn")
    op.create_check_constraint("kind", "unit", "kind IN ('video', 'pages')", schema="elearn")
    op.alter_column("unit_block", "key_sealed", nullable=True, schema="elearn")
    op.create_table(
        "unit_page",
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("image", sa.LargeBinary()),
        sa.Column("image_type", sa.Text()),
        sa.Column("reviewed_by", sa.Uuid(), sa.ForeignKey("elearn.person.id"), nullable=False),
        sa.Column("reviewed_at", WHEN, nullable=False),
        sa.PrimaryKeyConstraint("unit_id", "index"),
        sa.ForeignKeyConstraint(["unit_id", "index"], ["elearn.unit_block.unit_id", "elearn.unit_block.index"]),
        sa.CheckConstraint("num_nulls(image, image_type) IN (0, 2)", name="image_whole"),
        schema="elearn",
    )
    op.execute(GUARD)
    op.create_table(
        "page_draft",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("lesson_id", sa.Uuid(), sa.ForeignKey("elearn.lesson.id"), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("image", sa.LargeBinary()),
        sa.Column("image_type", sa.Text()),
        sa.Column("credit_ms", sa.BigInteger(), nullable=False),
        sa.Column("reviewed_by", sa.Uuid(), sa.ForeignKey("elearn.person.id")),
        sa.Column("reviewed_at", WHEN),
        sa.Column("updated_at", WHEN, nullable=False),
        sa.CheckConstraint("num_nulls(image, image_type) IN (0, 2)", name="image_whole"),
        sa.CheckConstraint("num_nulls(reviewed_by, reviewed_at) IN (0, 2)", name="reviewed_whole"),
        sa.CheckConstraint("credit_ms > 0", name="credit"),
        schema="elearn",
    )
    op.create_index("ix_page_draft_lesson_id", "page_draft", ["lesson_id", "position"], schema="elearn")
    op.create_table(
        "page_view",
        sa.Column("sitting_id", sa.Uuid(), sa.ForeignKey("elearn.sitting.id"), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("page", sa.BigInteger(), nullable=False),
        sa.Column("shown_ms", sa.BigInteger(), nullable=False),
        sa.Column("after_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sitting_id", "number"),
        schema="elearn",
    )
    op.execute("SELECT elearn.make_append_only('page_view')")
