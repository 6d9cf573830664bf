"""Migrations find rows of before and keep them."""

from __future__ import annotations

import sqlalchemy as sa

from elearn import embedded, schema


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
