"""Courses have a centre, a grade, industries, a teacher and a textbook; drafts are reviewed; words are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0026"
down_revision = "0025"

WORDS = """
-- Both sides of a search are folded alike: wide letters as narrow ones, capitals as small ones.
CREATE FUNCTION elearn.folded(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN lower(normalize(given, NFKC));

-- Chinese is written without spaces and its words have mostly two signs, which is one too few for trigrams. So a text
-- is found by its signs and pairs of signs: the same in every language, without a dictionary.
-- It costs a thousand times what comparing does: without saying so, a search for a common sign would compute it anew
-- for each row instead of reading the index.
CREATE FUNCTION elearn.search_words(given text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 10000
    AS $$
    SELECT coalesce(array_agg(DISTINCT w.word), '{}')
    FROM (SELECT sign, lead(sign) OVER (ORDER BY place) AS next
          FROM unnest(string_to_array(elearn.folded(given), NULL))
               WITH ORDINALITY AS s (sign, place)) AS pair
    CROSS JOIN LATERAL (VALUES (pair.sign), (pair.sign || pair.next)) AS w (word)
    WHERE w.word !~ '\\s'
    $$;
"""

GUARDS = """
-- Hours rest on a course's centre and on what it teaches; and nobody takes a review back that was asked for.
CREATE FUNCTION elearn.guard_course() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.needs_review AND NOT NEW.needs_review THEN
        RAISE EXCEPTION 'the review of a course is not taken back' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.centre, NEW.outline_item_id) IS DISTINCT FROM (OLD.centre, OLD.outline_item_id) AND EXISTS (
        SELECT FROM elearn.unit u JOIN elearn.lesson l ON l.id = u.lesson_id
        WHERE l.course_id = OLD.id AND u.published_at IS NOT NULL) THEN
        RAISE EXCEPTION 'hours rest on the centre and the item of a published course: make a new one'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER published_course BEFORE UPDATE ON elearn.course
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_course();

CREATE FUNCTION elearn.guard_lesson() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.course_id, NEW.outline_item_id) IS DISTINCT FROM (OLD.course_id, OLD.outline_item_id) AND EXISTS (
        SELECT FROM elearn.unit WHERE lesson_id = OLD.id AND published_at IS NOT NULL) THEN
        RAISE EXCEPTION 'hours rest on the item of a published lesson: make a new one'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER published_lesson BEFORE UPDATE ON elearn.lesson
    FOR EACH ROW EXECUTE FUNCTION elearn.guard_lesson();
"""

CENTRES = "centre IN ('posts', 'officials', 'employees', 'public', 'coaching', 'simulation')"


def upgrade() -> None:
    # Every course so far is one of the first centre: its hours went to exam systems, and go on doing so.
    op.add_column("course", sa.Column("centre", sa.Text(), nullable=False, server_default="posts"), schema="elearn")
    op.alter_column("course", "centre", server_default=None, schema="elearn")
    op.add_column("course", sa.Column("level", sa.Text()), schema="elearn")
    for tags in ("audiences", "industries"):
        empty = sa.text("'{}'")
        op.add_column(
            "course", sa.Column(tags, ARRAY(sa.Text()), nullable=False, server_default=empty), schema="elearn"
        )
        op.alter_column("course", tags, server_default=None, schema="elearn")
    op.add_column("course", sa.Column("teacher_id", sa.Uuid(), sa.ForeignKey("elearn.person.id")), schema="elearn")
    op.add_column("course", sa.Column("textbook", sa.Text(), nullable=False, server_default=""), schema="elearn")
    op.alter_column("course", "textbook", server_default=None, schema="elearn")
    op.add_column("course", sa.Column("textbook_url", sa.Text()), schema="elearn")
    # Who publishes alone today goes on doing so; new courses choose.
    no = sa.false()
    op.add_column("course", sa.Column("needs_review", sa.Boolean(), nullable=False, server_default=no), schema="elearn")
    op.alter_column("course", "needs_review", server_default=None, schema="elearn")
    op.create_check_constraint("centre", "course", CENTRES, schema="elearn")
    op.create_check_constraint("level", "course", "level IN ('entry', 'intermediate', 'advanced')", schema="elearn")
    op.create_check_constraint(
        "tags", "course", "cardinality(audiences) <= 6 AND cardinality(industries) <= 26", schema="elearn"
    )
    op.create_check_constraint("textbook_url", "course", "textbook_url ~ '^https?://'", schema="elearn")
    op.create_index("ix_course_newest", "course", ["created_at", "id"], schema="elearn")
    op.add_column(
        "lesson", sa.Column("outline_item_id", sa.Uuid(), sa.ForeignKey("elearn.outline_item.id")), schema="elearn"
    )
    op.create_table(
        "unit_review",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("unit_id", sa.Uuid(), sa.ForeignKey("elearn.unit.id"), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("by_person_id", sa.Uuid(), sa.ForeignKey("elearn.person.id"), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("unit_id", "number"),
        sa.CheckConstraint("act IN ('submit', 'withdraw', 'return', 'approve')", name="act"),
        sa.CheckConstraint("number > 0", name="number"),
        schema="elearn",
    )
    op.execute("SELECT elearn.make_append_only('elearn.unit_review')")
    op.execute(GUARDS)
    op.execute(WORDS)
    for table, text in (
        ("course", "title || ' ' || summary"),
        ("lesson", "title"),
        ("unit_page", "title || ' ' || text"),
    ):
        op.execute(f"CREATE INDEX ix_{table}_words ON elearn.{table} USING gin (elearn.search_words({text}))")
