"""Documents in and out of the database: one row each, changed under its lock.

What must never be: a write that is lost because another one came at the same moment. So each change reads the row
under its lock, decides by what it read, and writes. Where there is no row to lock, the insert finds out whether
somebody else was first, and then the change begins again with what that one left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.orm import Session

from elearn.tracking.lrs.documents.merging import Document
from elearn.tracking.lrs.models import NIL
from elearn.tracking.lrs.rules.check import actor_key, key_of
from elearn.tracking.lrs.tags import tag_of


class Kind(IntEnum):
    STATE = 1
    ACTIVITY_PROFILE = 2
    AGENT_PROFILE = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where documents lie: what each of them is about, and for whose keys."""

    kind: Kind
    organisation_id: UUID | None
    activity: str | None = None
    """The activity's IRI."""
    agent: dict[str, Any] | None = None
    """As xAPI writes it; two that name the same identifier are the same agent."""
    registration: UUID | None = None
    """Of one document: it lies with this registration, or with none. Of many: None means any."""

    def columns(self) -> dict[str, object]:
        return {
            "organisation": self.organisation_id or NIL,
            "kind": int(self.kind),
            "activity": NIL if self.activity is None else key_of(self.activity),
            "agent": NIL if self.agent is None else actor_key(self.agent),
        }


@dataclass(frozen=True, slots=True)
class Kept:
    document: Document
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """The ids of documents, sorted."""

    ids: tuple[str, ...]
    updated_at: datetime | None
    """When the newest of them was written."""

    @property
    def content(self) -> bytes:
        return msgspec.json.encode(self.ids)

    @property
    def tag(self) -> str:
        return tag_of(self.content)


_MANY = """
organisation_id = %(organisation)s::uuid AND kind = %(kind)s AND activity_key = %(activity)s::uuid
    AND agent_key = %(agent)s::uuid AND (%(registration)s::uuid IS NULL OR registration = %(registration)s::uuid)
"""
_ONE = """
organisation_id = %(organisation)s::uuid AND kind = %(kind)s AND activity_key = %(activity)s::uuid
    AND agent_key = %(agent)s::uuid AND registration = %(registration)s::uuid AND id_key = %(id_key)s::uuid
"""
_GET = f"SELECT content, content_type, updated_at FROM elearn.lrs_document WHERE {_ONE}"
_INSERT = """
INSERT INTO elearn.lrs_document (organisation_id, kind, activity_key, agent_key, registration, id_key, document_id,
                                 activity_iri, agent, content, content_type, etag, updated_at)
VALUES (%(organisation)s::uuid, %(kind)s, %(activity)s::uuid, %(agent)s::uuid, %(registration)s::uuid,
        %(id_key)s::uuid, %(id)s, %(activity_iri)s, %(agent_json)s::jsonb, %(content)s, %(content_type)s, %(etag)s,
        %(at)s::timestamptz)
ON CONFLICT DO NOTHING
RETURNING true
"""
# A later write is never shown as an earlier one, also when two processes' clocks differ by a little.
_UPDATE = f"""
UPDATE elearn.lrs_document
SET content = %(content)s, content_type = %(content_type)s, etag = %(etag)s,
    updated_at = greatest(%(at)s::timestamptz, updated_at + interval '1 microsecond')
WHERE {_ONE}
"""
_DELETE = f"DELETE FROM elearn.lrs_document WHERE {_ONE}"
_LIST = f"""
SELECT document_id, max(updated_at) FROM elearn.lrs_document
WHERE {_MANY} AND (%(since)s::timestamptz IS NULL OR updated_at > %(since)s::timestamptz)
GROUP BY document_id ORDER BY document_id COLLATE "C"
"""
# All in one order, so that two of these never wait for each other in a circle.
_LOCK_MANY = f"SELECT document_id FROM elearn.lrs_document WHERE {_MANY} ORDER BY registration, id_key FOR UPDATE"
_DELETE_MANY = f"DELETE FROM elearn.lrs_document WHERE {_MANY} AND document_id = ANY(%(ids)s)"


def get(session: Session, place: Place, id_: str) -> Kept | None:
    """The document of this id; None when there is none."""
    return _read(session, _GET, _key(place, id_))


def change(
    session: Session, place: Place, id_: str, decide: Callable[[Document | None], Document], *, at: datetime
) -> None:
    """Write what `decide` makes of the document that is there (None: none is). What it raises changes nothing.

    Nobody else changes the document between the two; `decide` is asked again when somebody else was first to make
    it. Does not commit.
    """
    key = _key(place, id_)
    connection = session.connection()
    while True:
        kept = _read(session, f"{_GET} FOR UPDATE", key)
        made = decide(None if kept is None else kept.document)
        values = {
            **key,
            "id": id_,
            "activity_iri": place.activity,
            "agent_json": None if place.agent is None else msgspec.json.encode(place.agent).decode(),
            "content": made.content,
            "content_type": made.content_type,
            "etag": made.tag,
            "at": at,
        }
        if kept is not None:
            connection.exec_driver_sql(_UPDATE, values)
            return
        if connection.exec_driver_sql(_INSERT, values).scalar_one_or_none():
            return


def remove(session: Session, place: Place, id_: str, check: Callable[[str | None], None]) -> None:
    """Take the document away unless `check`, given its tag or None, raises. None there changes nothing."""
    key = _key(place, id_)
    kept = _read(session, f"{_GET} FOR UPDATE", key)
    check(None if kept is None else kept.document.tag)
    if kept is not None:
        session.connection().exec_driver_sql(_DELETE, key)


def listed(session: Session, place: Place, *, since: datetime | None = None) -> Listed:
    """The ids of the documents here, each once; with `since` those written after it."""
    rows = session.connection().exec_driver_sql(_LIST, {**_context(place), "since": since}).all()
    return Listed(tuple(id_ for id_, _ in rows), max((at.astimezone(UTC) for _, at in rows), default=None))


def remove_all(session: Session, place: Place, check: Callable[[str | None], None]) -> None:
    """Take all documents here away unless `check`, given the tag of their list or None, raises.

    One that somebody makes meanwhile was not among them and stays.
    """
    context = _context(place)
    connection = session.connection()
    ids = sorted({id_ for (id_,) in connection.exec_driver_sql(_LOCK_MANY, context)})
    check(Listed(tuple(ids), None).tag if ids else None)
    connection.exec_driver_sql(_DELETE_MANY, {**context, "ids": ids})


def _context(place: Place) -> dict[str, object]:
    return {**place.columns(), "registration": place.registration}


def _key(place: Place, id_: str) -> dict[str, object]:
    return {**place.columns(), "registration": place.registration or NIL, "id_key": key_of(id_)}


def _read(session: Session, sql: str, key: dict[str, object]) -> Kept | None:
    row = session.connection().exec_driver_sql(sql, key).one_or_none()
    if row is None:
        return None
    content, content_type, updated_at = row
    return Kept(Document(bytes(content), content_type), updated_at.astimezone(UTC))
