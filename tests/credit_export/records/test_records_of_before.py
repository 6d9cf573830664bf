"""Records that were there before records had lives begin as computed, each at its place in the feed."""

from __future__ import annotations

import sqlalchemy as sa

from elearn import embedded, schema

KEYS = """
SELECT quote_ident(conname) FROM pg_constraint
WHERE contype = 'f' AND conrelid = 'elearn.eligibility_record'::regclass
"""
RECORDS = """
INSERT INTO elearn.eligibility_record (id, position, person_id, outline_id, version, supersedes_id, status, outcome,
                                       reasons, hours, rules, judged_on, computed_at)
SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid, n, '00000000-0000-0000-0000-0000000000aa',
       '00000000-0000-0000-0000-0000000000bb', n,
       CASE WHEN n > 1 THEN ('00000000-0000-0000-0000-00000000000' || n - 1)::uuid END,
       'computed', 'ineligible', '{}', '{}', 'r', '2026-07-01', now()
FROM generate_series(1, 3) AS n
"""
LIVES = """
SELECT s.position, r.version, s.number, s.act, s.to_state, s.returned, r.witnessed, r.facts
FROM elearn.eligibility_step s JOIN elearn.eligibility_record r ON r.id = s.record_id ORDER BY s.position
"""


def test_records_of_before_get_the_life_they_had(services: embedded.Services) -> None:
    url = services.create_database("records_of_before")
    schema.upgrade(url, to="0019")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for name in connection.scalars(sa.text(KEYS)).all():
            connection.execute(sa.text(f"ALTER TABLE elearn.eligibility_record DROP CONSTRAINT {name}"))
        connection.execute(sa.text(RECORDS))
    schema.upgrade(url, to="0020")
    with engine.connect() as connection:
        lives = [tuple(row) for row in connection.execute(sa.text(LIVES))]
    engine.dispose()
    assert lives == [
        (1, 1, 1, "compute", "computed", False, False, {}),
        (2, 2, 1, "compute", "computed", False, False, {}),
        (3, 3, 1, "compute", "computed", False, False, {}),
        (4, 1, 2, "supersede", "superseded", False, False, {}),
        (5, 2, 2, "supersede", "superseded", False, False, {}),
    ]
