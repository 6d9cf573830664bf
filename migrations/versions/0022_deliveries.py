"""What goes to receivers and what they answer: deliveries, receipts, and the outbox of pushes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"

SCHEMA = "elearn"
TIME = sa.DateTime(timezone=True)


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{SCHEMA}.{to}.id"], name=f"fk_{table}_{column}_{to}")


def upgrade() -> None:
    op.create_table(
        "delivery_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("receiver_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("at", TIME, nullable=False),
        _refers("delivery_event", "receiver_id", "receiver"),
        _refers("delivery_event", "record_id", "eligibility_record"),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_event"),
        sa.UniqueConstraint("receiver_id", "record_id", "step", name="uq_delivery_event_receiver_id_record_id_step"),
        schema=SCHEMA,
    )
    op.create_index("ix_delivery_event_receiver_id_at", "delivery_event", ["receiver_id", "at"], schema=SCHEMA)
    op.create_index("ix_delivery_event_record_id", "delivery_event", ["record_id"], schema=SCHEMA)
    op.create_table(
        "receipt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("receiver_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=False),
        _refers("receipt", "receiver_id", "receiver"),
        _refers("receipt", "record_id", "eligibility_record"),
        sa.PrimaryKeyConstraint("id", name="pk_receipt"),
        sa.UniqueConstraint("receiver_id", "receipt_id", name="uq_receipt_receiver_id_receipt_id"),
        schema=SCHEMA,
    )
    op.create_index("ix_receipt_record_id", "receipt", ["record_id"], schema=SCHEMA)
    for ledger in ("delivery_event", "receipt"):
        op.execute(f"SELECT elearn.make_append_only('elearn.{ledger}')")
    op.create_table(
        "push_target",
        sa.Column("receiver_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("takes", sa.Text(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_before", sa.LargeBinary(), nullable=True),
        sa.Column("before_until", TIME, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_try_at", TIME, nullable=False),
        sa.Column("claimed_until", TIME, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_sent_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("state IN ('active', 'paused')", name=op.f("ck_push_target_state")),
        sa.CheckConstraint("takes IN ('granted', 'everything')", name=op.f("ck_push_target_takes")),
        _refers("push_target", "receiver_id", "receiver"),
        sa.PrimaryKeyConstraint("receiver_id", name="pk_push_target"),
        schema=SCHEMA,
    )
    op.create_table(
        "push_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("receiver_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("outline_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_try_at", TIME, nullable=False),
        sa.Column("first_failed_at", TIME, nullable=True),
        sa.Column("last_status", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("made_at", TIME, nullable=False),
        sa.Column("done_at", TIME, nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'done', 'dead')", name=op.f("ck_push_message_state")),
        sa.CheckConstraint("kind IN ('change', 'withdrawal')", name=op.f("ck_push_message_kind")),
        _refers("push_message", "receiver_id", "receiver"),
        _refers("push_message", "record_id", "eligibility_record"),
        _refers("push_message", "person_id", "person"),
        _refers("push_message", "outline_id", "outline"),
        sa.PrimaryKeyConstraint("id", name="pk_push_message"),
        sa.UniqueConstraint("receiver_id", "position", "kind", name="uq_push_message_receiver_id_position_kind"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_push_message_open",
        "push_message",
        ["receiver_id", "person_id", "outline_id", "id"],
        schema=SCHEMA,
        postgresql_where=sa.text("state <> 'done'"),
    )
