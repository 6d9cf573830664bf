"""Courses that were there before they had a centre keep sending hours to exams, and are found like new ones."""

from __future__ import annotations

import sqlalchemy as sa

from elearn import embedded, schema

BEFORE = """
INSERT INTO elearn.organisation (id, kind, name, created_at)
VALUES ('00000000-0000-7000-8000-000000000001', 'institution', '滇池', now());
INSERT INTO elearn.course (id, institution_id, title, summary, created_at)
VALUES ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000001', '触电急救', '断电', now());
INSERT INTO elearn.lesson (id, course_id, position, title)
VALUES ('00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-000000000002', 1, '第一课');
INSERT INTO elearn.unit (id, lesson_id, version, title, duration_ms, start_offset_ms, width, height, content_hash,
                         source_sha256, created_at, published_at)
VALUES ('00000000-0000-7000-8000-000000000004', '00000000-0000-7000-8000-000000000003', 1, '第一课', 1000, 0, 1, 1,
        'x', 'x', now(), now());
"""


def test_a_published_course_of_before_stays_what_it_was(services: embedded.Services) -> None:
    url = services.create_database("courses_of_before")
    schema.upgrade(url, to="0025")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(BEFORE)
    schema.upgrade(url)
    with engine.connect() as connection:
        row = connection.execute(
            sa.text(
                "SELECT centre, level, audiences, industries, teacher_id, textbook, needs_review FROM elearn.course "
                "WHERE elearn.search_words((title || ' ') || summary) @> ARRAY['触电', '断']"
            )
        ).one()
        unit = connection.execute(sa.text("SELECT published_at IS NOT NULL, retired_at FROM elearn.unit")).one()
    engine.dispose()
    assert tuple(row) == ("posts", None, [], [], None, "", False)
    assert tuple(unit) == (True, None)
