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


RULE = """
INSERT INTO elearn.grant_rule (id, number, region, effective_from, submits_by_itself, regulator_verifies,
                               grants_by_itself, valid_days, loaded_by, loaded_at)
VALUES (gen_random_uuid(), 1, 'CN', '2026-06-01', true, false, true, NULL, 'x', now());
"""
REPORT = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'elearn' AND indexname = 'ix_report_refused'"


def test_rules_of_before_let_nobody_grant_what_is_held_back_and_records_stay_as_they_are(
    services: embedded.Services,
) -> None:
    url = services.create_database("rules_of_before")
    schema.upgrade(url, to="0028")
    engine = sa.create_engine(url)
    before = "SELECT r::text FROM elearn.eligibility_record r ORDER BY r.position"
    with engine.begin() as connection:
        for name in connection.scalars(sa.text(KEYS)).all():
            connection.execute(sa.text(f"ALTER TABLE elearn.eligibility_record DROP CONSTRAINT {name}"))
        connection.execute(sa.text(RECORDS.replace("computed_at)", "computed_at, witnessed, facts)").replace(
            "now()\nFROM", "now(), false, '{\"basis\": {\"kind\": \"hours\"}}'\nFROM"
        )))  # fmt: skip
        connection.execute(sa.text(RULE))
        kept = connection.scalars(sa.text(before)).all()
    schema.upgrade(url, to="0029")
    with engine.connect() as connection:
        rule = connection.execute(sa.text("SELECT region, grants_by_itself, grants_while_held FROM elearn.grant_rule"))
        assert [tuple(row) for row in rule] == [("CN", True, False)]
        assert connection.scalars(sa.text(before)).all() == kept
        assert len(kept) == 3
        assert connection.scalar(sa.text(REPORT)) == 1
    engine.dispose()
