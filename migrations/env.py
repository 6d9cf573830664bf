"""Runs the steps on the connection that `elearn.schema.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from elearn.db import SCHEMA, Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table_schema=SCHEMA,
    include_schemas=True,
)
with context.begin_transaction():
    context.run_migrations()
