"""Connections that PostgreSQL ends in the middle of a request, as it does with all of them when it dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa


@contextmanager
def ending(engine: sa.Engine, after: str) -> Iterator[None]:
    """PostgreSQL ends the connection on which a command with this word in it was just carried out."""
    other = sa.create_engine(engine.url, poolclass=sa.NullPool)

    def end(connection: sa.Connection, _cursor: object, command: str, *_rest: object) -> None:
        if after in command:
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            with other.connect() as outside:
                outside.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": driver.info.backend_pid})

    sa.event.listen(engine, "after_cursor_execute", end)
    try:
        yield
    finally:
        sa.event.remove(engine, "after_cursor_execute", end)
