"""A column of a batch as one parameter: PostgreSQL's own binary form of an array (`array_recv`).

As JSON the same would be escaped here and unescaped there, character by character: of what a batch of statements cost
PostgreSQL that was an eighth. Of a Python list psycopg would ask each element what it is. An engine takes over the
types that are known when it is made: `db.py` brings this one in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import postgres
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format

_HEAD = struct.Struct("!iiIii")
"""Dimensions, whether there are nulls, the elements' type, how many, the first one's place."""
_LENGTH = struct.Struct("!i")
_NULL = _LENGTH.pack(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Array:
    """One parameter of a command, cast to its type there: `%(ids)s::uuid[]`."""

    type: str
    """PostgreSQL's name of the elements' type."""
    items: list[bytes | None]
    """Each in that type's binary form; None is NULL."""


def uuids(ids: Iterable[str | None]) -> Array:
    """From hexadecimal, with hyphens or without."""
    return Array("uuid", [None if id_ is None else bytes.fromhex(id_.replace("-", "")) for id_ in ids])


def texts(values: Iterable[str]) -> Array:
    return Array("text", [value.encode() for value in values])


def binaries(values: Iterable[bytes]) -> Array:
    return Array("bytea", list(values))


def moments(values: Iterable[datetime | None]) -> Array:
    """`timestamptz`: microseconds since 2000."""
    return Array(
        "timestamptz",
        [None if at is None else ((at - _EPOCH) // _MICROSECOND).to_bytes(8, signed=True) for at in values],
    )


def integers(values: Iterable[int]) -> Array:
    return Array("int4", [value.to_bytes(4, signed=True) for value in values])


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> bytes:
        parts = [_HEAD.pack(1, None in obj.items, postgres.types[obj.type].oid, len(obj.items), 1)]
        for item in obj.items:
            if item is None:
                parts.append(_NULL)
            else:
                parts += (_LENGTH.pack(len(item)), item)
        return b"".join(parts)


def register(adapters: AdaptersMap) -> None:
    """Make `Array` a type that commands take."""
    adapters.register_dumper(Array, _ArrayDumper)
