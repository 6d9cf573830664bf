"""Migrations go forward only, and a program never runs on another schema than its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy.exc import OperationalError

from elearn import create_app, embedded, schema
from elearn.db import SCHEMA, Base
from elearn.settings import Settings
from elearn.tracking.lrs.models import PARTITION


def test_a_start_on_an_old_schema_names_the_command_to_run(services: embedded.Services, settings: Settings) -> None:
    url = services.create_database("behind")
    schema.upgrade(url, to="0001")
    with pytest.raises(schema.OldSchema, match=r"0001.*elearn db upgrade"):
        create_app(dataclasses.replace(settings, database_url=url))


def test_a_start_on_an_empty_database_names_the_command_to_run(services: embedded.Services, settings: Settings) -> None:
    url = services.create_database("empty")
    with pytest.raises(schema.OldSchema, match=r"empty.*elearn db upgrade"):
        create_app(dataclasses.replace(settings, database_url=url))


def test_the_product_is_loaded_without_its_database_for_whoever_checks_the_schema_later(settings: Settings) -> None:
    nowhere = dataclasses.replace(settings, database_url="postgresql+psycopg://nobody@/none?host=/nowhere")
    assert create_app(nowhere, check_schema=False).url_map
    with pytest.raises(OperationalError):
        create_app(nowhere)


def test_migrations_are_one_numbered_line() -> None:
    script = ScriptDirectory(str(schema.migrations_dir()))
    revisions = [one.revision for one in script.walk_revisions()][::-1]
    assert revisions == [f"{number:04}" for number in range(1, len(revisions) + 1)]
    for one in script.walk_revisions():
        assert Path(one.path).name.startswith(f"{one.revision}_")
    assert schema.newest() == script.get_current_head(), "it is found without loading a step"


def test_an_upgrade_run_twice_changes_nothing(services: embedded.Services, template: str) -> None:
    url = services.create_database("twice", template=template)
    schema.upgrade(url)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        schema.require_current(connection)
    engine.dispose()


def test_the_models_equal_what_the_migrations_make(services: embedded.Services, template: str, app: Flask) -> None:
    assert app.extensions["elearn"], "an application is built, so all models are loaded"
    # The role is called as the schema: without this PostgreSQL would take it for the default one.
    engine = sa.create_engine(
        services.create_database("compared", template=template), connect_args={"options": "-csearch_path=public"}
    )
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "version_table_schema": SCHEMA,
                "compare_server_default": False,
                "include_name": lambda name, kind, parents: kind != "schema" or name == SCHEMA,
                "include_object": _is_ours,
            },
        )
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert differences == []


def _is_ours(thing: object, name: str | None, kind: str, reflected: bool, compared: object) -> bool:
    """Partitions, and their indexes, are made by month and by hash, not by models."""
    table = name if kind == "table" else getattr(getattr(thing, "table", None), "name", None)
    return not (reflected and PARTITION.fullmatch(table or ""))
