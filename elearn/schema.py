"""The database's schema: brought up by numbered, forward-only migrations, and checked at every start.

alembic is loaded to take a step, not to find that there is none to take.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from elearn.db import SCHEMA, engine_options
from elearn.errors import DomainError

if TYPE_CHECKING:
    from alembic.config import Config


class OldSchema(DomainError):
    """The database is at another schema than this program; the message holds the command to run."""


def migrations_dir() -> Path:
    """In the wheel they travel inside the package; in a checkout they stand beside it."""
    package = Path(__file__).parent
    inside = package / "_migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def _config(connection: sa.Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def newest() -> str:
    """The revision this program is written for: the number that its last step's file begins with."""
    numbers = [step.name.partition("_")[0] for step in (migrations_dir() / "versions").glob("[0-9]*_*.py")]
    if not numbers:
        raise OldSchema("no migrations found: the installation is broken")
    return max(numbers)


def current(connection: sa.Connection) -> str | None:
    """The revision the database stands at; None when it is empty."""
    if connection.scalar(sa.text(f"SELECT to_regclass('{SCHEMA}.alembic_version')")) is None:
        return None
    found: str | None = connection.scalar(sa.text(f"SELECT version_num FROM {SCHEMA}.alembic_version"))
    return found


def upgrade(database_url: str, *, to: str = "head") -> None:
    """Bring the database to `to`. All of it happens in one transaction, and only one upgrade runs at a time."""
    engine = sa.create_engine(database_url, connect_args=engine_options()["connect_args"])
    try:
        with engine.begin() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('elearn upgrade'))"))
            if current(connection) == (newest() if to == "head" else to):
                return
            from alembic import command

            connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            command.upgrade(_config(connection), to)
    finally:
        engine.dispose()


def require_current(connection: sa.Connection) -> None:
    """Raises OldSchema unless the database stands at this program's revision."""
    found, wanted = current(connection), newest()
    if found != wanted:
        raise OldSchema(
            f"the database's schema is {found or 'empty'}, this program needs {wanted}: run `elearn db upgrade`"
        )
