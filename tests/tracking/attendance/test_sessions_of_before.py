"""Sessions and files of before units were known keep what the log proved of them, and stay an institution's."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn import embedded, schema
from elearn.credit_export.ledger.evidence import Batch, canonical_rows

BEFORE = """
ALTER TABLE elearn.training_class DROP CONSTRAINT fk_training_class_institution_id_organisation;
ALTER TABLE elearn.training_class DROP CONSTRAINT fk_training_class_outline_id_outline;
ALTER TABLE elearn.class_session DROP CONSTRAINT fk_class_session_outline_item_id_outline_item;
ALTER TABLE elearn.class_session DROP CONSTRAINT fk_class_session_teacher_id_person;
ALTER TABLE elearn.class_session DROP CONSTRAINT fk_class_session_planned_by_person;
ALTER TABLE elearn.attendance_file DROP CONSTRAINT fk_attendance_file_by_id_person;
INSERT INTO elearn.training_class (id, institution_id, outline_id, class_no, title, starts_on, created_at)
SELECT :class, gen_random_uuid(), gen_random_uuid(), '1', '班', '2026-07-01', '2026-06-01Z';
INSERT INTO elearn.class_session
    (id, class_id, outline_item_id, kind, teacher_id, place, from_at, to_at, planned_by, planned_at, evidence_batch)
SELECT :session, :class, :item, 'theory', :teacher, '201', '2026-07-01T01:00Z', '2026-07-01T02:00Z', :teacher,
       '2026-06-30Z', 7;
INSERT INTO elearn.attendance_file
    (id, class_id, session_id, sha256, name, media_type, content, by_id, at, evidence_batch)
SELECT :file, :class, NULL, :sha, 'x', 'x', 'x', :teacher, '2026-06-30Z', 7;
"""
FILE = """
INSERT INTO elearn.attendance_file (id, class_id, unit_id, sha256, name, media_type, content, by_id, at)
SELECT gen_random_uuid(), :class, :unit, :sha, 'x', 'x', 'x', :teacher, '2026-06-30Z'
"""


def an_id(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


def test_a_session_of_before_is_the_same_evidence_after(services: embedded.Services) -> None:
    url = services.create_database("sessions_of_before")
    schema.upgrade(url, to="0064")
    engine = sa.create_engine(url)
    where = {
        "class": an_id(1), "session": an_id(2), "item": an_id(3), "teacher": an_id(4), "file": an_id(5),
        "sha": "0" * 64,
    }  # fmt: skip
    with engine.begin() as connection:
        for statement in BEFORE.split(";")[:-1]:
            connection.execute(sa.text(statement), where if ":" in statement.split("VALUES")[0] else {})
    schema.upgrade(url, to="0065")
    with Session(engine) as session:
        rows = [one.decode() for one in canonical_rows(session, Batch(7, 6, 0, 1))]
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of `x`
    from_ms = 1_782_867_600_000
    assert rows == [
        f'["class_session","{an_id(2)}","{an_id(1)}","{an_id(3)}","theory","{an_id(4)}","201",{from_ms},'
        f'{from_ms + 3_600_000},"{an_id(4)}",{from_ms - 25 * 3_600_000}]',
        f'["attendance_file","{an_id(5)}","{an_id(1)}",null,"{"0" * 64}","{digest}","x","x","{an_id(4)}",'
        f"{from_ms - 25 * 3_600_000}]",
    ]
    for unit, said in ((None, "uq_attendance_file_of_class"), (an_id(9), "and nothing else is|fk_attendance_file")):
        with pytest.raises(IntegrityError, match=said), engine.begin() as connection:
            connection.execute(sa.text(FILE), where | {"unit": unit})
    engine.dispose()
