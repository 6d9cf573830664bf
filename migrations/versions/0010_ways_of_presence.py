"""Presence checks in other ways than by questions: codes, security keys, faces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"

WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    # Every check so far was a question. The default stays for a program of before that still runs meanwhile.
    op.add_column(
        "presence_check", sa.Column("method", sa.Text(), nullable=False, server_default="question"), schema="elearn"
    )
    op.add_column("presence_check", sa.Column("challenge", JSONB()), schema="elearn")
    op.alter_column("presence_check", "question_id", nullable=True, schema="elearn")
    op.execute("""
        ALTER TABLE elearn.presence_check DROP CONSTRAINT ck_presence_check_outcome,
            ADD CONSTRAINT ck_presence_check_outcome
                CHECK (outcome IN ('passed', 'failed', 'expired', 'withdrawn')),
            ADD CONSTRAINT ck_presence_check_method
                CHECK (method IN ('question', 'one_time_code', 'webauthn', 'face')),
            ADD CONSTRAINT ck_presence_check_question_has_question
                CHECK ((method = 'question') = (question_id IS NOT NULL))
    """)
    op.create_table(
        "security_key",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("person_id", sa.Uuid(), sa.ForeignKey("elearn.person.id"), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("attested", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("added_at", WHEN, nullable=False),
        sa.Column("used_at", WHEN),
        sa.Column("removed_at", WHEN),
        sa.CheckConstraint("sign_count >= 0", name="count_not_negative"),
        schema="elearn",
    )
    op.create_index("ix_security_key_person_id", "security_key", ["person_id"], schema="elearn")
    op.execute(
        "CREATE UNIQUE INDEX uq_security_key_live ON elearn.security_key (credential_id) WHERE removed_at IS NULL"
    )
    op.create_table(
        "face_enrolment",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("person_id", sa.Uuid(), sa.ForeignKey("elearn.person.id"), nullable=False),
        sa.Column("image_sealed", sa.LargeBinary()),
        sa.Column("consent", sa.Text(), nullable=False),
        sa.Column("consented_at", WHEN, nullable=False),
        sa.Column("withdrawn_at", WHEN),
        sa.CheckConstraint("(withdrawn_at IS NULL) = (image_sealed IS NOT NULL)", name="withdrawn_has_no_image"),
        schema="elearn",
    )
    op.execute(
        "CREATE UNIQUE INDEX uq_face_enrolment_live ON elearn.face_enrolment (person_id) WHERE withdrawn_at IS NULL"
    )
    op.create_table(
        "face_print",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("enrolment_id", sa.Uuid(), sa.ForeignKey("elearn.face_enrolment.id"), nullable=False),
        sa.Column("print_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sent_at", WHEN, nullable=False),
        schema="elearn",
    )
    op.create_index("ix_face_print_enrolment_id", "face_print", ["enrolment_id"], schema="elearn")
