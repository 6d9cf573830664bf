"""The database: session, Base, naming convention, column types, and the two guards of a ledger.

All tables live in the schema `elearn`. Times are aware UTC (`UtcDateTime`), ids are UUIDv7 made here
(`new_id`), so that rows made together lie together. Amounts are whole numbers in 64 bits.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import psycopg
import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapper, Session, registry

from elearn import arrays

arrays.register(psycopg.adapters)  # before any engine is made: each takes over the types that are known then

SCHEMA = "elearn"

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """`timestamptz`; refuses a naive datetime, answers an aware one in UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without zone cannot be stored")
        return value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)


class Word(sa.types.TypeDecorator[StrEnum]):
    """Text in the database, one word of a StrEnum in the program."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: StrEnum | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else self.words(value).value

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> StrEnum | None:
        return None if value is None else self.words(value)


class Base(DeclarativeBase):
    registry = registry(
        type_annotation_map={
            datetime: UtcDateTime(),
            int: sa.BigInteger(),
            str: sa.Text(),
            bytes: sa.LargeBinary(),
            UUID: sa.Uuid(),
        }
    )
    metadata = sa.MetaData(schema=SCHEMA, naming_convention=NAMING)


db = SQLAlchemy(model_class=Base, disable_autonaming=True)


class LedgerViolation(RuntimeError):
    """Code of ours tried to change or delete a ledger row: a programming error, never an answer."""


class Ledger:
    """Mixin of tables whose rows are added and read, never changed.

    The ORM refuses here; what never passes the ORM (bulk UPDATE, psql) is refused by the trigger that each
    such table gets in its migration: `SELECT elearn.make_append_only('table_name')`.
    """

    __append_only__: ClassVar[bool] = True


@event.listens_for(Mapper, "before_update")
def _refuse_change(mapper: Mapper[Any], connection: sa.Connection, target: object) -> None:
    # SQLAlchemy asks for every row it looked at; only one that would be written is a change.
    session = Session.object_session(target)
    if isinstance(target, Ledger) and (session is None or session.is_modified(target)):
        raise LedgerViolation(f"{mapper.class_.__name__} rows are append-only: add a reversal")


@event.listens_for(Mapper, "before_delete")
def _refuse_delete(mapper: Mapper[Any], connection: sa.Connection, target: object) -> None:
    if isinstance(target, Ledger):
        raise LedgerViolation(f"{mapper.class_.__name__} rows are append-only: add a reversal")


def one_of(column: str, values: type[StrEnum], name: str) -> sa.CheckConstraint:
    """A column that holds one word of an enumeration."""
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(value.value) for value in values)})", name=name)


def rows_changed(done: sa.Result[Any]) -> int:
    """How many rows a command that answers none has added, changed or deleted."""
    assert isinstance(done, sa.CursorResult)
    return done.rowcount


class _Moments:
    """Moments in 4096ths of a millisecond, each later than the one before, whatever the clock does."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        now = (time.time_ns() << 12) // 1_000_000
        with self._lock:
            self._last = max(now, self._last + 1)
            return self._last


_moments = _Moments()


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7): 48 bits of milliseconds, 12 of their fraction (6.2, method 3), 62 random bits.

    What a process makes later sorts later, also within a millisecond and where its clock is set back: a list by id is
    a list in the order in which its rows were made.
    """
    moment = _moments.next()
    value = (moment >> 12 & (1 << 48) - 1) << 80 | 7 << 76 | (moment & 0xFFF) << 64 | 2 << 62
    return UUID(int=value | int.from_bytes(os.urandom(8), "big") & (1 << 62) - 1)


def among(column: sa.SQLColumnExpression[UUID], ids: Collection[UUID]) -> sa.ColumnElement[bool]:
    """The column is one of these: one parameter, however many. `in_` makes one of each: 280 ms for a group's 11,000."""
    return column == sa.any_(sa.literal(list(ids), sa.ARRAY(sa.Uuid())))


def plan_each_time(session: Session) -> None:
    """Until the transaction ends, statements are planned for their very values, however often they were sent before.

    For lists: of a team of twenty and of a group of a million, of a rare name and of every eighth, the good ways
    differ a thousandfold, and the way that PostgreSQL keeps after a few times suits none of them.
    """
    session.execute(sa.text("SET LOCAL plan_cache_mode = force_custom_plan"))


def abandon(session: Session) -> None:
    """Roll back, whatever is left of the connection: one that takes no ROLLBACK any more has ended, and held nothing.

    For what comes after a refusal or a fault, where an error of its own would replace the answer.
    """
    with contextlib.suppress(SQLAlchemyError):
        session.rollback()


def _still_there(connection: Any, record: Any, proxy: Any) -> None:
    """A pooled connection whose server went away has something to read: what it said last, or that it closed.

    Only then is it asked, which costs a round trip. Raises DisconnectionError: the pool makes another one.
    """
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if not waiting.poll(0):
        return
    try:
        connection.autocommit = True
        connection.execute(";")
        connection.autocommit = False
    except psycopg.Error as error:
        raise sa.exc.InvalidatePoolError from error


def engine_options() -> Mapping[str, Any]:
    """How every connection of the product is made; the pool is as large as the server's threads."""
    return {
        "pool_size": 8,
        "max_overflow": 8,
        "pool_events": [(_still_there, "checkout")],
        # A failed statement is logged with its message, and parameters are names, sealed numbers, statements.
        "hide_parameters": True,
        "connect_args": {
            "options": f"-csearch_path={SCHEMA},procrastinate,public -ctimezone=UTC",
            "application_name": "elearn",
        },
    }
