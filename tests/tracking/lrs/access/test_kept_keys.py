"""Keys that were made before a key said what its client speaks."""

from __future__ import annotations

import sqlalchemy as sa

from elearn import embedded, schema

INSERT = """
INSERT INTO elearn.lrs_credential (id, key, secret_hash, label, scopes, created_at)
VALUES (gen_random_uuid(), :key, 'h', 'x', '{all}', now())
"""


def test_keys_of_before_speak_1_0_3_and_go_on(services: embedded.Services) -> None:
    url = services.create_database("keys_before")
    schema.upgrade(url, to="0015")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(INSERT), {"key": "before"})
    schema.upgrade(url, to="0016")
    with engine.begin() as connection:
        connection.execute(sa.text(INSERT), {"key": "made by a program of before that still runs"})
        kept = connection.execute(sa.text("SELECT secret_hash, scopes, revoked_at, speaks FROM elearn.lrs_credential"))
        rows = [tuple(row) for row in kept]
    engine.dispose()
    assert rows == [(b"h", ["all"], None, "1.0.3")] * 2
