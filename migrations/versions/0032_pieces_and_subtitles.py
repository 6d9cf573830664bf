"""Videos arrive in pieces, and go on after a broken line; units have subtitles in versions of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"

WHEN = sa.DateTime(timezone=True)

GUARD = """
-- What a learner could read stays as it was: a better text is another version, and only the end of one is noted.
CREATE FUNCTION elearn.guard_subtitle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (to_jsonb(NEW) - 'withdrawn_at') = (to_jsonb(OLD) - 'withdrawn_at') AND OLD.withdrawn_at IS NULL THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'subtitles are immutable: a better text is a new version'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER immutable_rows BEFORE UPDATE OR DELETE ON elearn.subtitle
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_subtitle();
CREATE TRIGGER immutable_table BEFORE TRUNCATE ON elearn.subtitle
    FOR EACH STATEMENT EXECUTE FUNCTION elearn.guard_subtitle();
"""


def upgrade() -> None:
    op.create_table(
        "arriving_file",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("lesson_id", sa.Uuid(), sa.ForeignKey("elearn.lesson.id"), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("length_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", WHEN, nullable=False),
        sa.Column("expires_at", WHEN, nullable=False),
        sa.Column("arrived_at", WHEN),
        sa.CheckConstraint("length_bytes > 0", name="length_bytes"),
        schema="elearn",
    )
    op.create_index("ix_arriving_file_lesson_id", "arriving_file", ["lesson_id"], schema="elearn")
    op.create_index("ix_arriving_file_expires_at", "arriving_file", ["expires_at"], schema="elearn")
    op.create_table(
        "subtitle",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("unit_id", sa.Uuid(), sa.ForeignKey("elearn.unit.id"), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("cues", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Uuid(), sa.ForeignKey("elearn.person.id"), nullable=False),
        sa.Column("made_at", WHEN, nullable=False),
        sa.Column("withdrawn_at", WHEN),
        sa.UniqueConstraint("unit_id", "language", "version"),
        sa.CheckConstraint("language ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$'", name="language"),
        sa.CheckConstraint("cues > 0 AND version > 0", name="counts"),
        schema="elearn",
    )
    op.create_index(
        "uq_subtitle_shown",
        "subtitle",
        ["unit_id", "language"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
        schema="elearn",
    )
    op.execute("CREATE INDEX ix_subtitle_words ON elearn.subtitle USING gin (elearn.search_words(words))")
    op.execute(GUARD)
