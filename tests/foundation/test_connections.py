"""Connections that stand open between requests."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Flask

from elearn.db import db

# It waits until they are gone: what the server only intends, nobody can notice.
_END_THE_OTHERS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def test_connections_that_the_server_closed_are_replaced_unnoticed(own_app: Flask) -> None:
    """After a restart of PostgreSQL nobody's request fails for what lay in the pool."""
    with own_app.app_context():
        with db.engine.connect() as one, db.engine.connect() as two:
            assert one.scalar(sa.text("SELECT 1")) == two.scalar(sa.text("SELECT 1"))
        assert db.engine.pool.checkedin() == 2  # type: ignore[attr-defined]
        other = sa.create_engine(db.engine.url, poolclass=sa.NullPool)
        with other.connect() as outside:
            assert len(outside.execute(sa.text(_END_THE_OTHERS)).all()) == 2
        for _each in range(3):
            with db.engine.connect() as again:
                assert again.scalar(sa.text("SELECT 1")) == 1
