"""Classes that were filed before steps were kept stand as accepted; the database lets no plan change after that."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from elearn import embedded, schema

BEFORE = """
ALTER TABLE elearn.training_class DROP CONSTRAINT fk_training_class_institution_id_organisation;
ALTER TABLE elearn.training_class DROP CONSTRAINT fk_training_class_outline_id_outline;
ALTER TABLE elearn.enrolment DROP CONSTRAINT fk_enrolment_person_id_person;
INSERT INTO elearn.training_class
    (id, institution_id, outline_id, class_no, title, starts_on, filed_at, filing_no, filing_recorded_at, created_at)
VALUES
 ('00000000-0000-0000-0000-000000000001', gen_random_uuid(), gen_random_uuid(), '1', 'in time', '2026-07-10',
  '2026-07-09T15:59Z', 'BA-1', '2026-07-09T16:30Z', '2026-07-01Z'),
 ('00000000-0000-0000-0000-000000000002', gen_random_uuid(), gen_random_uuid(), '2', 'late', '2026-07-10',
  '2026-07-09T16:00Z', 'BA-2', '2026-07-09T16:30Z', '2026-07-01Z'),
 ('00000000-0000-0000-0000-000000000003', gen_random_uuid(), gen_random_uuid(), '3', 'not filed', '2026-07-10',
  NULL, NULL, NULL, '2026-07-01Z');
INSERT INTO elearn.enrolment (id, class_id, person_id, enrolled_at, withdrawn_at) VALUES
 (gen_random_uuid(), '00000000-0000-0000-0000-000000000001', gen_random_uuid(), '2026-07-02Z', NULL),
 (gen_random_uuid(), '00000000-0000-0000-0000-000000000001', gen_random_uuid(), '2026-07-11Z', '2026-07-12Z'),
 (gen_random_uuid(), '00000000-0000-0000-0000-000000000003', gen_random_uuid(), '2026-07-11Z', '2026-07-12Z');
"""
LINE = """
INSERT INTO elearn.class_plan_line (id, class_id, taught_on, outline_item_id, modality, hours, place)
VALUES (gen_random_uuid(), :class_id, '2026-07-11', gen_random_uuid(), 'online', 4, '')
"""


def test_a_class_filed_before_stands_as_accepted_and_who_came_later_is_a_change(services: embedded.Services) -> None:
    url = services.create_database("classes_of_before")
    schema.upgrade(url, to="0036")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(BEFORE))
        # The new table names a person: here nobody is one.
        connection.execute(sa.text("INSERT INTO elearn.person (id, name, created_at) "
                                   "SELECT person_id, '某人', now() FROM elearn.enrolment"))  # fmt: skip
    schema.upgrade(url, to="0037")
    with engine.begin() as connection:
        steps = connection.execute(
            sa.text(
                "SELECT k.title, s.position, s.act, s.to_state, s.by_id, s.late, s.at = k.filing_recorded_at "
                "FROM elearn.training_class k LEFT JOIN elearn.class_step s ON s.class_id = k.id ORDER BY k.class_no"
            )
        ).all()
        assert [tuple(one) for one in steps] == [
            ("in time", 1, "receipt", "accepted", None, False, True),
            ("late", 1, "receipt", "accepted", None, True, True),
            ("not filed", None, None, None, None, None, None),
        ]
        changes = connection.execute(
            sa.text("SELECT change, reason, at::date::text FROM elearn.class_roster_change ORDER BY at")
        ).all()
        assert [tuple(one) for one in changes] == [("join", "", "2026-07-11"), ("leave", "", "2026-07-12")]
        connection.execute(sa.text("ALTER TABLE elearn.class_plan_line DROP CONSTRAINT "
                                   "fk_class_plan_line_outline_item_id_outline_item"))  # fmt: skip
        planned = {"class_id": "00000000-0000-0000-0000-000000000003"}
        connection.execute(sa.text(LINE), planned)
        connection.execute(sa.text("DELETE FROM elearn.class_plan_line"))
    with pytest.raises(IntegrityError, match="the plan of a class stands"), engine.begin() as connection:
        connection.execute(sa.text(LINE), {"class_id": "00000000-0000-0000-0000-000000000001"})
    engine.dispose()
