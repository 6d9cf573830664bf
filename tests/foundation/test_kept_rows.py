"""Migrations find rows of before and keep them."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from elearn import embedded, schema

FOREIGN_KEYS = """
SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint
WHERE contype = 'f' AND conrelid IN ('elearn.watched_span'::regclass, 'elearn.sitting'::regclass)
"""


def test_devices_enrolled_before_downloads_keep_their_key_and_have_none_to_seal_to(
    services: embedded.Services,
) -> None:
    url = services.create_database("devices_of_before")
    schema.upgrade(url, to="0006")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            sa.text("""
            INSERT INTO elearn.person (id, name, created_at) VALUES (gen_random_uuid(), '王工', now());
            INSERT INTO elearn.device (id, person_id, thumbprint, jwk, enrolled_at)
            SELECT gen_random_uuid(), id, 't', '{"crv": "P-256"}', now() FROM elearn.person
            """)
        )
    schema.upgrade(url, to="0007")
    with engine.connect() as connection:
        row = connection.execute(sa.text("SELECT thumbprint, jwk, agreement_jwk FROM elearn.device")).one()
    engine.dispose()
    assert tuple(row) == ("t", {"crv": "P-256"}, None)


def test_what_was_watched_before_real_time_counted_is_worth_all_of_its_media(services: embedded.Services) -> None:
    url = services.create_database("watched_before")
    schema.upgrade(url, to="0008")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        # The rows of a whole school are not what this is about.
        for table, name in connection.execute(sa.text(FOREIGN_KEYS)).all():
            connection.execute(sa.text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
        connection.execute(
            sa.text("""
            INSERT INTO elearn.watched_span (id, kind, learner_id, unit_id, sitting_id, start_ms, end_ms, "on", late,
                                             statement_id, settles, policy, heard_at)
            VALUES (gen_random_uuid(), 'pending', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 0, 15000,
                    '2026-06-20', false, gen_random_uuid(), '{}', 'p', now());
            INSERT INTO elearn.sitting (id, learner_id, unit_id, device, actor, player, policy, opened_ms, expires_ms,
                                        cm_open_ms, e_ms, carry_ms, last_cm_ms, seq, gap_late_ms, nonces)
            VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'thumb', 'a', 'hls.js', 'p', 0, 1,
                    0, 0, 7, 0, 0, 0, '{}');
            """)
        )
    schema.upgrade(url, to="0009")
    with engine.connect() as connection:
        span = connection.execute(sa.text("SELECT start_ms, end_ms, excess_ms FROM elearn.watched_span")).one()
        sitting = connection.execute(sa.text("SELECT device, carry_ms, real_carry_ms FROM elearn.sitting")).one()
    engine.dispose()
    assert (tuple(span), tuple(sitting)) == ((0, 15_000, 0), ("thumb", 7, 0))


def test_checks_of_before_other_ways_were_questions(services: embedded.Services) -> None:
    url = services.create_database("checks_before")
    schema.upgrade(url, to="0009")
    engine = sa.create_engine(url)
    keys = "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = 'elearn.presence_check'::regclass"
    with engine.begin() as connection:
        for name in connection.scalars(sa.text(keys)).all():
            connection.execute(sa.text(f"ALTER TABLE elearn.presence_check DROP CONSTRAINT {name}"))
        insert = sa.text("""
            INSERT INTO elearn.presence_check (id, learner_id, sitting_id, unit_id, question_id, number, shown, from_ms,
                to_ms, policy, put_ms, deadline_ms, tries, outcome, decided_ms)
            VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 0,
                '[2, 0, 1, 3]', 0, 15000, 'p', 1, 70001, '[[0, 1]]', 'passed', 5)
        """)
        connection.execute(insert)
    schema.upgrade(url, to="0010")
    with engine.begin() as connection:
        connection.execute(insert)  # a program of before that still runs
        rows = connection.execute(
            sa.text("SELECT method, question_id IS NULL, challenge, shown, tries, outcome FROM elearn.presence_check")
        ).all()
    engine.dispose()
    assert [tuple(row) for row in rows] == [("question", False, None, [2, 0, 1, 3], [[0, 1]], "passed")] * 2


def test_units_of_before_pages_were_videos_and_keep_their_keys(services: embedded.Services) -> None:
    url = services.create_database("units_before")
    schema.upgrade(url, to="0012")
    engine = sa.create_engine(url)
    keys = "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY(:tables)"
    insert = """
        INSERT INTO elearn.unit (id, lesson_id, version, title, duration_ms, start_offset_ms, width, height,
                                 content_hash, source_sha256, created_at, published_at)
        VALUES (gen_random_uuid(), gen_random_uuid(), 1, '第一课', 30000, 0, 640, 360, 'h', 's', now(), NULL)
    """
    with engine.begin() as connection:
        tables = connection.scalars(sa.text("SELECT ARRAY['elearn.unit'::regclass::oid]")).one()
        for table, name in connection.execute(sa.text(keys), {"tables": tables}).all():
            connection.execute(sa.text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
        connection.execute(sa.text(insert))
        connection.execute(sa.text("INSERT INTO elearn.unit_block SELECT id, 0, 0, 30000, 'k' FROM elearn.unit"))
    schema.upgrade(url, to="0013")
    with engine.begin() as connection:
        connection.execute(sa.text(insert))  # a program of before that still runs
        kinds = connection.scalars(sa.text("SELECT kind FROM elearn.unit")).all()
        sealed = connection.scalars(sa.text("SELECT key_sealed FROM elearn.unit_block")).all()
    engine.dispose()
    assert (kinds, sealed) == (["video", "video"], [b"k"])


def test_what_was_watched_before_the_log_is_evidence_of_its_first_batch(services: embedded.Services) -> None:
    url = services.create_database("before_the_log")
    schema.upgrade(url, to="0020")
    engine = sa.create_engine(url)
    tables = ("watched_span", "delivery", "presence_check", "hours_entry")
    keys = "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = CAST('elearn.' || :table AS regclass)"
    delivery = (
        "INSERT INTO elearn.delivery (learner_id, unit_id, block, sitting_id, given_ms) VALUES ({}, {}, 0, {}, 1)"
    )
    with engine.begin() as connection:
        for table in tables:
            for name in connection.scalars(sa.text(keys), {"table": table}).all():
                connection.execute(sa.text(f"ALTER TABLE elearn.{table} DROP CONSTRAINT {name}"))
        connection.execute(sa.text(delivery.format(*["gen_random_uuid()"] * 3)))
        connection.execute(
            sa.text("""
            INSERT INTO elearn.presence_check (id, learner_id, sitting_id, unit_id, question_id, number, shown, from_ms,
                to_ms, policy, put_ms, deadline_ms, tries, outcome, decided_ms)
            SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 0,
                '[0]', 0, 15000, 'p', 1, 70001, '[]', outcome, decided
            FROM (VALUES ('passed', 5), (NULL, NULL)) AS v(outcome, decided);
            INSERT INTO elearn.hours_entry (id, person_id, modality, kind, amount_ms, earned_on, learned_at,
                watched_span_id, rule_version, created_at)
            VALUES (gen_random_uuid(), gen_random_uuid(), 'online', 'theory', 5, '2026-06-20', now(),
                gen_random_uuid(), 'x', now());
            """)
        )
    schema.upgrade(url, to="0021")
    with engine.begin() as connection:
        connection.execute(sa.text(delivery.format(*["gen_random_uuid()"] * 3)))  # a program of before that still runs
        connection.execute(
            sa.text("UPDATE elearn.presence_check SET outcome = 'failed', decided_ms = 6 WHERE outcome IS NULL")
        )
        batches = {
            table: sorted(connection.scalars(sa.text(f"SELECT evidence_batch FROM elearn.{table}")).all())
            for table in ("delivery", "presence_check")
        }
        entries = connection.execute(sa.text("SELECT amount_ms, leaf_origin, leaf_index FROM elearn.hours_entry")).all()
    engine.dispose()
    assert batches == {"delivery": [0, 1], "presence_check": [0, 1]}
    assert [tuple(row) for row in entries] == [(5, None, None)]


def test_hours_of_before_attendance_keep_what_earned_them_and_every_entry_has_one_origin(
    services: embedded.Services,
) -> None:
    url = services.create_database("hours_before_attendance")
    schema.upgrade(url, to="0026")
    engine = sa.create_engine(url)
    keys = """SELECT quote_ident(conname) FROM pg_constraint
              WHERE contype = 'f' AND conrelid = 'elearn.hours_entry'::regclass"""
    entry = """
        INSERT INTO elearn.hours_entry (id, person_id, modality, kind, amount_ms, earned_on, learned_at,
            watched_span_id, rule_version, created_at)
        VALUES (gen_random_uuid(), gen_random_uuid(), 'online', 'theory', 5, '2026-06-20', now(), {}, 'x', now())
    """
    with engine.begin() as connection:
        for name in connection.scalars(sa.text(keys)).all():
            connection.execute(sa.text(f"ALTER TABLE elearn.hours_entry DROP CONSTRAINT {name}"))
        connection.execute(sa.text(entry.format("gen_random_uuid()")))
    schema.upgrade(url, to="0027")
    with engine.begin() as connection:
        connection.execute(sa.text(entry.format("gen_random_uuid()")))  # a program of before that still runs
        kept = connection.execute(
            sa.text("SELECT watched_span_id IS NOT NULL, attendance_line_id FROM elearn.hours_entry")
        )
        assert [tuple(row) for row in kept] == [(True, None)] * 2
        with pytest.raises(IntegrityError, match="ck_hours_entry_earned"):
            connection.execute(sa.text(entry.format("NULL")))
    engine.dispose()
