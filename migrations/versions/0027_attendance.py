"""Hours on site: sessions, who came and went, lists that two people agree on, and leaves and entries made from them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"

SCHEMA = "elearn"
TIME = sa.DateTime(timezone=True)

LEDGERS = (
    "class_session", "class_session_cancelled", "attendance_scan", "attendance_file", "attendance_mark",
    "attendance_list", "attendance_line", "attendance_answer",
)  # fmt: skip

GUARDS = """
-- What the check constraint of two people cannot see: nobody confirms a list on which they stand, and none is confirmed
-- that was made by somebody who stands on it.
CREATE FUNCTION elearn.attendance_of_others() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM elearn.attendance_line l
               WHERE l.list_id = NEW.list_id AND l.refused_as IS NULL
                 AND l.person_id IN (NEW.by_id, NEW.proposed_by)) THEN
        RAISE EXCEPTION 'attendance is confirmed by people who are not on the list' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER of_others BEFORE INSERT ON elearn.attendance_answer
    FOR EACH ROW WHEN (NEW.confirmed) EXECUTE FUNCTION elearn.attendance_of_others();

-- A list that was answered is over: nothing is added to it.
CREATE FUNCTION elearn.attendance_list_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM elearn.attendance_answer a WHERE a.list_id = NEW.list_id) THEN
        RAISE EXCEPTION 'this list was answered' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER list_is_open BEFORE INSERT ON elearn.attendance_line
    FOR EACH ROW EXECUTE FUNCTION elearn.attendance_list_is_open();
"""


def _batch() -> sa.Column[int]:
    return sa.Column(
        "evidence_batch", sa.BigInteger(), server_default=sa.text("pg_sequence_last_value('elearn.evidence_batch')"),
        nullable=False,
    )  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "class_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("outline_item_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("teacher_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("from_at", TIME, nullable=False),
        sa.Column("to_at", TIME, nullable=False),
        sa.Column("planned_by", sa.Uuid(), nullable=False),
        sa.Column("planned_at", TIME, nullable=False),
        _batch(),
        sa.CheckConstraint("kind IN ('theory', 'practice')", name=op.f("ck_class_session_kind")),
        sa.CheckConstraint("from_at < to_at", name=op.f("ck_class_session_lasts")),
        sa.CheckConstraint("planned_at < from_at", name=op.f("ck_class_session_planned_before")),
        sa.ForeignKeyConstraint(
            ["class_id"], ["elearn.training_class.id"], name=op.f("fk_class_session_class_id_training_class")
        ),
        sa.ForeignKeyConstraint(
            ["outline_item_id"], ["elearn.outline_item.id"], name=op.f("fk_class_session_outline_item_id_outline_item")
        ),
        sa.ForeignKeyConstraint(["planned_by"], ["elearn.person.id"], name=op.f("fk_class_session_planned_by_person")),
        sa.ForeignKeyConstraint(["teacher_id"], ["elearn.person.id"], name=op.f("fk_class_session_teacher_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_session")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_class_session_class_id_from_at"), "class_session", ["class_id", "from_at"], unique=False, schema=SCHEMA
    )
    op.create_index(
        op.f("ix_class_session_teacher_id_from_at"),
        "class_session",
        ["teacher_id", "from_at"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "attendance_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        _batch(),
        sa.ForeignKeyConstraint(["by_id"], ["elearn.person.id"], name=op.f("fk_attendance_file_by_id_person")),
        sa.ForeignKeyConstraint(
            ["class_id"], ["elearn.training_class.id"], name=op.f("fk_attendance_file_class_id_training_class")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["elearn.class_session.id"], name=op.f("fk_attendance_file_session_id_class_session")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_file")),
        sa.UniqueConstraint("class_id", "sha256", name=op.f("uq_attendance_file_class_id_sha256")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_attendance_file_session_id"), "attendance_file", ["session_id"], unique=False, schema=SCHEMA
    )
    op.create_table(
        "attendance_list",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("files", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        _batch(),
        sa.CheckConstraint("act = 'record' OR reason <> ''", name=op.f("ck_attendance_list_void_has_reason")),
        sa.CheckConstraint("act IN ('record', 'void')", name=op.f("ck_attendance_list_act")),
        sa.ForeignKeyConstraint(["by_id"], ["elearn.person.id"], name=op.f("fk_attendance_list_by_id_person")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["elearn.class_session.id"], name=op.f("fk_attendance_list_session_id_class_session")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_list")),
        sa.UniqueConstraint("id", "by_id", name=op.f("uq_attendance_list_id_by_id")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_attendance_list_session_id"), "attendance_list", ["session_id"], unique=False, schema=SCHEMA
    )
    op.create_table(
        "attendance_scan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        _batch(),
        sa.CheckConstraint("act IN ('in', 'out')", name=op.f("ck_attendance_scan_act")),
        sa.ForeignKeyConstraint(["person_id"], ["elearn.person.id"], name=op.f("fk_attendance_scan_person_id_person")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["elearn.class_session.id"], name=op.f("fk_attendance_scan_session_id_class_session")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_scan")),
        sa.UniqueConstraint(
            "session_id", "person_id", "number", name=op.f("uq_attendance_scan_session_id_person_id_number")
        ),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_attendance_scan_person_id"), "attendance_scan", ["person_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "class_session_cancelled",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        _batch(),
        sa.ForeignKeyConstraint(["by_id"], ["elearn.person.id"], name=op.f("fk_class_session_cancelled_by_id_person")),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["elearn.class_session.id"],
            name=op.f("fk_class_session_cancelled_session_id_class_session"),
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_class_session_cancelled")),
        schema=SCHEMA,
    )
    op.create_table(
        "attendance_answer",
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        _batch(),
        sa.CheckConstraint("NOT confirmed OR by_id <> proposed_by", name=op.f("ck_attendance_answer_two_people")),
        sa.ForeignKeyConstraint(["by_id"], ["elearn.person.id"], name=op.f("fk_attendance_answer_by_id_person")),
        sa.ForeignKeyConstraint(
            ["list_id", "proposed_by"],
            ["elearn.attendance_list.id", "elearn.attendance_list.by_id"],
            name=op.f("fk_attendance_answer_list_id_proposed_by_attendance_list"),
        ),
        sa.ForeignKeyConstraint(
            ["list_id"], ["elearn.attendance_list.id"], name=op.f("fk_attendance_answer_list_id_attendance_list")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["elearn.person.id"], name=op.f("fk_attendance_answer_proposed_by_person")
        ),
        sa.PrimaryKeyConstraint("list_id", name=op.f("pk_attendance_answer")),
        schema=SCHEMA,
    )
    op.create_table(
        "attendance_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("from_at", TIME, nullable=False),
        sa.Column("to_at", TIME, nullable=False),
        sa.Column("ms", sa.BigInteger(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("refused_as", sa.Text(), nullable=True),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        _batch(),
        sa.CheckConstraint("from_at < to_at", name=op.f("ck_attendance_line_lasts")),
        sa.CheckConstraint(
            "ms >= 0 AND (ms > 0) = (refused_as IS NULL)", name=op.f("ck_attendance_line_counts_or_says_why")
        ),
        sa.ForeignKeyConstraint(
            ["list_id"], ["elearn.attendance_list.id"], name=op.f("fk_attendance_line_list_id_attendance_list")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["elearn.person.id"], name=op.f("fk_attendance_line_person_id_person")),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["elearn.attendance_line.id"], name=op.f("fk_attendance_line_reverses_id_attendance_line")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_line")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_attendance_line_list_id"), "attendance_line", ["list_id"], unique=False, schema=SCHEMA)
    op.create_index(
        op.f("ix_attendance_line_person_id_from_at"),
        "attendance_line",
        ["person_id", "from_at"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_attendance_line_reverses_id"),
        "attendance_line",
        ["reverses_id"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("reverses_id IS NOT NULL"),
    )
    op.create_table(
        "attendance_mark",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("from_at", TIME, nullable=True),
        sa.Column("to_at", TIME, nullable=True),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        _batch(),
        sa.CheckConstraint(
            "CASE WHEN present THEN (from_at < to_at) IS TRUE ELSE num_nulls(from_at, to_at) = 2 END",
            name=op.f("ck_attendance_mark_present_has_time"),
        ),
        sa.CheckConstraint("by_id <> person_id", name=op.f("ck_attendance_mark_of_another")),
        sa.CheckConstraint("num_nulls(reason_sealed, file_id) = 1", name=op.f("ck_attendance_mark_says_why")),
        sa.ForeignKeyConstraint(["by_id"], ["elearn.person.id"], name=op.f("fk_attendance_mark_by_id_person")),
        sa.ForeignKeyConstraint(
            ["file_id"], ["elearn.attendance_file.id"], name=op.f("fk_attendance_mark_file_id_attendance_file")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["elearn.person.id"], name=op.f("fk_attendance_mark_person_id_person")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["elearn.class_session.id"], name=op.f("fk_attendance_mark_session_id_class_session")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_mark")),
        sa.UniqueConstraint(
            "session_id", "person_id", "number", name=op.f("uq_attendance_mark_session_id_person_id_number")
        ),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_attendance_mark_person_id"), "attendance_mark", ["person_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "attended_span",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("period", postgresql.TSTZRANGE(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("person_id"), "="), (sa.column("period"), "&&"), using="gist", name="ex_attended_span_one_place"
        ),
        sa.ForeignKeyConstraint(
            ["line_id"], ["elearn.attendance_line.id"], name=op.f("fk_attended_span_line_id_attendance_line")
        ),
        sa.PrimaryKeyConstraint("line_id", name=op.f("pk_attended_span")),
        schema=SCHEMA,
    )
    op.add_column("hours_entry", sa.Column("attendance_line_id", sa.Uuid(), nullable=True), schema=SCHEMA)
    op.alter_column("hours_entry", "watched_span_id", existing_type=sa.UUID(), nullable=True, schema=SCHEMA)
    op.create_unique_constraint(
        op.f("uq_hours_entry_attendance_line_id"), "hours_entry", ["attendance_line_id"], schema=SCHEMA
    )
    op.create_foreign_key(
        op.f("fk_hours_entry_attendance_line_id_attendance_line"),
        "hours_entry",
        "attendance_line",
        ["attendance_line_id"],
        ["id"],
        source_schema=SCHEMA,
        referent_schema=SCHEMA,
    )
    op.add_column("ledger_leaf", sa.Column("attendance_line_id", sa.Uuid(), nullable=True), schema=SCHEMA)
    op.create_unique_constraint(
        op.f("uq_ledger_leaf_attendance_line_id_origin"), "ledger_leaf", ["attendance_line_id", "origin"], schema=SCHEMA
    )
    op.create_foreign_key(
        op.f("fk_ledger_leaf_attendance_line_id_attendance_line"),
        "ledger_leaf",
        "attendance_line",
        ["attendance_line_id"],
        ["id"],
        source_schema=SCHEMA,
        referent_schema=SCHEMA,
    )
    op.create_check_constraint(
        op.f("ck_hours_entry_earned"),
        "hours_entry",
        "num_nulls(watched_span_id, attendance_line_id) = 1",
        schema=SCHEMA,
    )
    for table in LEDGERS:
        op.create_index(
            f"ix_{table}_evidence_batch",
            table,
            ["evidence_batch"],
            schema=SCHEMA,
            postgresql_using="brin",
            postgresql_with={"pages_per_range": 32, "autosummarize": True},
        )
        op.execute(f"SELECT elearn.make_append_only('elearn.{table}')")
    op.execute(GUARDS)
