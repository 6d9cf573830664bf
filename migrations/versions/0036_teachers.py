"""Teachers: the register, terms with institutions, certificates that two people state, who teaches in which class."""

from __future__ import annotations

from alembic import op

revision = "0036"
down_revision = "0035"

CHANGES = """
CREATE TABLE elearn.teacher (
    id uuid NOT NULL CONSTRAINT pk_teacher PRIMARY KEY,
    person_id uuid NOT NULL CONSTRAINT uq_teacher_person_id UNIQUE
        CONSTRAINT fk_teacher_person_id_person REFERENCES elearn.person (id),
    level text NOT NULL,
    industries text[] NOT NULL,
    works text[] NOT NULL,
    created_by uuid NOT NULL CONSTRAINT fk_teacher_created_by_person REFERENCES elearn.person (id),
    created_at timestamptz NOT NULL,
    changed_by uuid CONSTRAINT fk_teacher_changed_by_person REFERENCES elearn.person (id),
    changed_at timestamptz,
    CONSTRAINT ck_teacher_level CHECK (level IN ('institution', 'prefecture', 'province'))
);

CREATE TABLE elearn.teacher_term (
    id uuid NOT NULL CONSTRAINT pk_teacher_term PRIMARY KEY,
    teacher_id uuid NOT NULL CONSTRAINT fk_teacher_term_teacher_id_teacher REFERENCES elearn.teacher (id),
    institution_id uuid NOT NULL
        CONSTRAINT fk_teacher_term_institution_id_organisation REFERENCES elearn.organisation (id),
    full_time boolean NOT NULL,
    from_on date NOT NULL,
    to_on date,
    added_by uuid NOT NULL CONSTRAINT fk_teacher_term_added_by_person REFERENCES elearn.person (id),
    added_at timestamptz NOT NULL,
    ended_by uuid CONSTRAINT fk_teacher_term_ended_by_person REFERENCES elearn.person (id),
    ended_at timestamptz,
    CONSTRAINT ck_teacher_term_dates CHECK (to_on IS NULL OR to_on >= from_on),
    CONSTRAINT ex_teacher_term_once_at_a_time EXCLUDE USING gist
        (teacher_id WITH =, institution_id WITH =, daterange(from_on, to_on, '[]') WITH &&)
);
CREATE INDEX ix_teacher_term_institution_id ON elearn.teacher_term (institution_id);
CREATE INDEX ix_teacher_term_changed_at ON elearn.teacher_term (greatest(added_at, ended_at));

CREATE TABLE elearn.teacher_certificate (
    id uuid NOT NULL CONSTRAINT pk_teacher_certificate PRIMARY KEY,
    teacher_id uuid NOT NULL CONSTRAINT fk_teacher_certificate_teacher_id_teacher REFERENCES elearn.teacher (id),
    kind text,
    number_sealed bytea,
    issued_by text,
    from_on date NOT NULL,
    to_on date,
    categories text[] NOT NULL,
    works text[] NOT NULL,
    ends_id uuid CONSTRAINT fk_teacher_certificate_ends_id_teacher_certificate
        REFERENCES elearn.teacher_certificate (id),
    note text NOT NULL,
    by_id uuid NOT NULL CONSTRAINT fk_teacher_certificate_by_id_person REFERENCES elearn.person (id),
    side text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT ck_teacher_certificate_side CHECK (side IN ('institution', 'regulator', 'operator')),
    CONSTRAINT ck_teacher_certificate_dates CHECK (to_on IS NULL OR (to_on >= from_on AND ends_id IS NULL)),
    CONSTRAINT ck_teacher_certificate_paper_or_none CHECK (num_nulls(kind, number_sealed, issued_by) IN (0, 3)),
    CONSTRAINT ck_teacher_certificate_paper_or_end CHECK ((kind IS NULL) = (ends_id IS NOT NULL)),
    CONSTRAINT ck_teacher_certificate_covers_something
        CHECK (ends_id IS NOT NULL OR cardinality(categories) + cardinality(works) > 0),
    CONSTRAINT ck_teacher_certificate_ends_with_words CHECK (ends_id IS NULL OR length(btrim(note)) > 0)
);
CREATE INDEX ix_teacher_certificate_teacher_id ON elearn.teacher_certificate (teacher_id);
CREATE INDEX ix_teacher_certificate_ends_id ON elearn.teacher_certificate (ends_id) WHERE ends_id IS NOT NULL;
CREATE INDEX ix_teacher_certificate_at ON elearn.teacher_certificate (at);

CREATE TABLE elearn.certificate_answer (
    certificate_id uuid NOT NULL CONSTRAINT pk_certificate_answer PRIMARY KEY
        CONSTRAINT fk_certificate_answer_certificate_id_teacher_certificate
        REFERENCES elearn.teacher_certificate (id),
    confirmed boolean NOT NULL,
    by_id uuid NOT NULL CONSTRAINT fk_certificate_answer_by_id_person REFERENCES elearn.person (id),
    side text NOT NULL,
    note text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT ck_certificate_answer_side CHECK (side IN ('institution', 'regulator', 'operator')),
    CONSTRAINT ck_certificate_answer_objects_with_words CHECK (confirmed OR length(btrim(note)) > 0)
);
CREATE INDEX ix_certificate_answer_at ON elearn.certificate_answer (at);

CREATE TABLE elearn.class_teacher (
    id uuid NOT NULL CONSTRAINT pk_class_teacher PRIMARY KEY,
    class_id uuid NOT NULL CONSTRAINT fk_class_teacher_class_id_training_class REFERENCES elearn.training_class (id),
    teacher_id uuid NOT NULL CONSTRAINT fk_class_teacher_teacher_id_teacher REFERENCES elearn.teacher (id),
    outline_item_id uuid CONSTRAINT fk_class_teacher_outline_item_id_outline_item REFERENCES elearn.outline_item (id),
    kind text,
    from_on date NOT NULL,
    to_on date,
    added_by uuid NOT NULL CONSTRAINT fk_class_teacher_added_by_person REFERENCES elearn.person (id),
    added_at timestamptz NOT NULL,
    changed_by uuid CONSTRAINT fk_class_teacher_changed_by_person REFERENCES elearn.person (id),
    changed_at timestamptz,
    removed_by uuid CONSTRAINT fk_class_teacher_removed_by_person REFERENCES elearn.person (id),
    removed_at timestamptz,
    CONSTRAINT ck_class_teacher_kind CHECK (kind IN ('theory', 'practice')),
    CONSTRAINT ck_class_teacher_item_or_kind CHECK (num_nonnulls(outline_item_id, kind) <= 1),
    CONSTRAINT ck_class_teacher_dates CHECK (to_on IS NULL OR to_on >= from_on),
    CONSTRAINT ck_class_teacher_removed_whole CHECK (num_nulls(removed_by, removed_at) IN (0, 2))
);
CREATE INDEX ix_class_teacher_class_id ON elearn.class_teacher (class_id);
CREATE INDEX ix_class_teacher_teacher_id ON elearn.class_teacher (teacher_id);
CREATE INDEX ix_class_teacher_changed_at ON elearn.class_teacher (greatest(added_at, changed_at, removed_at));
"""

LEDGERS = ("teacher_certificate", "certificate_answer")


def upgrade() -> None:
    op.execute(CHANGES)
    for ledger in LEDGERS:
        op.execute(f"SELECT elearn.make_append_only('elearn.{ledger}')")
