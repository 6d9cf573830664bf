"""Hours, eligibility records, and the exam systems that may fetch them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "hours_entry",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("person_id", sa.Uuid(), sa.ForeignKey("elearn.person.id"), nullable=False),
        sa.Column("class_id", sa.Uuid(), sa.ForeignKey("elearn.training_class.id")),
        sa.Column("outline_item_id", sa.Uuid(), sa.ForeignKey("elearn.outline_item.id")),
        sa.Column("modality", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_ms", sa.BigInteger(), nullable=False),
        sa.Column("earned_on", sa.Date(), nullable=False),
        sa.Column("learned_at", WHEN, nullable=False),
        sa.Column("watched_span_id", sa.Uuid(), sa.ForeignKey("elearn.watched_span.id"), nullable=False, unique=True),
        sa.Column("reverses_id", sa.Uuid(), sa.ForeignKey("elearn.hours_entry.id"), unique=True),
        sa.Column("rule_version", sa.Text(), nullable=False),
        sa.Column("created_at", WHEN, nullable=False),
        sa.CheckConstraint("(amount_ms > 0) = (reverses_id IS NULL)", name="sign"),
        schema="elearn",
    )
    op.create_index("ix_hours_entry_person", "hours_entry", ["person_id", "outline_item_id"], schema="elearn")
    op.execute("SELECT elearn.make_append_only('elearn.hours_entry')")
    op.create_table(
        "eligibility_record",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False, unique=True),
        sa.Column("person_id", sa.Uuid(), sa.ForeignKey("elearn.person.id"), nullable=False),
        sa.Column("outline_id", sa.Uuid(), sa.ForeignKey("elearn.outline.id"), nullable=False, index=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("supersedes_id", sa.Uuid(), sa.ForeignKey("elearn.eligibility_record.id"), unique=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("hours", postgresql.JSONB(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("class_id", sa.Uuid(), sa.ForeignKey("elearn.training_class.id")),
        sa.Column("judged_on", sa.Date(), nullable=False),
        sa.Column("computed_at", WHEN, nullable=False),
        sa.UniqueConstraint("person_id", "outline_id", "version"),
        schema="elearn",
    )
    op.execute("SELECT elearn.make_append_only('elearn.eligibility_record')")
    op.create_table(
        "credit_mark",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("looked_to", WHEN, nullable=False),
        schema="elearn",
    )
    op.create_table(
        "receiver",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False, unique=True),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", WHEN, nullable=False),
        sa.Column("revoked_at", WHEN),
        schema="elearn",
    )
    op.create_table(
        "receiver_outline",
        sa.Column("receiver_id", sa.Uuid(), sa.ForeignKey("elearn.receiver.id"), primary_key=True),
        sa.Column("outline_code", sa.Text(), primary_key=True),
        schema="elearn",
    )
    op.create_table(
        "access_token",
        sa.Column("token_hash", sa.LargeBinary(), primary_key=True),
        sa.Column("receiver_id", sa.Uuid(), sa.ForeignKey("elearn.receiver.id"), nullable=False, index=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("expires_at", WHEN, nullable=False, index=True),
        schema="elearn",
    )
    op.create_table(
        "exam_query",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("receiver_id", sa.Uuid(), sa.ForeignKey("elearn.receiver.id"), nullable=False),
        sa.Column("asked_at", WHEN, nullable=False, index=True),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), sa.ForeignKey("elearn.person.id"), index=True),
        sa.Column("records", postgresql.ARRAY(sa.Uuid()), nullable=False),
        schema="elearn",
    )
    op.execute("SELECT elearn.make_append_only('elearn.exam_query')")
