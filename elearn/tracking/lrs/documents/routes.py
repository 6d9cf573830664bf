"""/xapi/activities/state, /xapi/activities/profile, /xapi/agents/profile (Communication 2.2, 2.3, 2.6, 2.7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import Response, g, request
from flask.typing import ResponseReturnValue
from werkzeug.http import http_date

from elearn import errors, web
from elearn.clock import utcnow
from elearn.db import db
from elearn.tracking.lrs import versions
from elearn.tracking.lrs.access.credentials import (
    PROFILE_READER,
    PROFILE_WRITER,
    STATE_READER,
    STATE_WRITER,
    Key,
    holder,
)
from elearn.tracking.lrs.asking import (
    BadParameter,
    agent_parameter,
    iri_parameter,
    moment_parameter,
    only_parameters,
    text_parameter,
    uuid_parameter,
    whole_body,
)
from elearn.tracking.lrs.documents import store
from elearn.tracking.lrs.documents.conditions import Conditions
from elearn.tracking.lrs.documents.merging import Document, posted
from elearn.tracking.lrs.documents.store import Kind, Place
from elearn.tracking.lrs.doorway import bp

MAX_DOCUMENT_BYTES = 5_000_000
UNTYPED = "application/octet-stream"
"""What content is whose sender names no type (RFC 9110 section 8.3)."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One of the three: where it is, and by which parameters its documents are told apart."""

    path: str
    kind: Kind
    about: tuple[str, ...]
    """The parameters that name the place; all but `registration` must be there."""
    id_name: str
    reader: Key
    writer: Key
    clause: str
    """Of 1.0.3, where its parameters stand."""


RESOURCES = (
    Resource(
        "activities/state",
        Kind.STATE,
        ("activityId", "agent", "registration"),
        "stateId",
        STATE_READER,
        STATE_WRITER,
        "Communication 2.3",
    ),
    Resource(
        "activities/profile",
        Kind.ACTIVITY_PROFILE,
        ("activityId",),
        "profileId",
        PROFILE_READER,
        PROFILE_WRITER,
        "Communication 2.7",
    ),
    Resource(
        "agents/profile",
        Kind.AGENT_PROFILE,
        ("agent",),
        "profileId",
        PROFILE_READER,
        PROFILE_WRITER,
        "Communication 2.6",
    ),
)


def _get(resource: Resource) -> ResponseReturnValue:
    """One document by its id: 200, or 404. Without an id the ids there are: 200."""
    if resource.id_name not in request.args:
        return _get_ids(resource)
    place, id_ = _one(resource)
    kept = store.get(db.session(), place, id_)
    if kept is None:
        raise errors.NotFound("There is no such document.")
    return _answer(kept.document.content, kept.document.content_type, kept.document.tag, kept.updated_at)


def _get_ids(resource: Resource) -> ResponseReturnValue:
    only_parameters(*resource.about, "since", clause=resource.clause)
    place = _place(resource)
    since = None
    if "since" in request.args:
        since = moment_parameter("since", zone_needed=versions.is_second(g.lrs_version), clause=resource.clause)
    listed = store.listed(db.session(), place, since=since)
    return _answer(listed.content, "application/json", listed.tag, listed.updated_at)


def _put(resource: Resource) -> ResponseReturnValue:
    """The document is what came: 204. What was there is overwritten, when the request says that it saw it."""
    conditions = _conditions()
    place, id_ = _one(resource)
    sent = _sent()

    def decide(there: Document | None) -> Document:
        tag = None if there is None else there.tag
        conditions.check_put(tag, version=g.lrs_version, profile=resource.kind is not Kind.STATE)
        return sent

    return _change(place, id_, decide)


def _post(resource: Resource) -> ResponseReturnValue:
    """What came is merged into what is there, or is the document where there was none: 204."""
    conditions = _conditions()
    place, id_ = _one(resource)
    sent = _sent()

    def decide(there: Document | None) -> Document:
        conditions.check(None if there is None else there.tag)
        made = posted(there, sent)
        _refuse_long(made)
        return made

    return _change(place, id_, decide)


def _delete(resource: Resource) -> ResponseReturnValue:
    """One document by its id, or without an id all states of a place: 204, also when there was nothing."""
    conditions = _conditions()
    session = db.session()
    if resource.kind is Kind.STATE and resource.id_name not in request.args:
        only_parameters(*resource.about, clause=resource.clause)
        store.remove_all(session, _place(resource), conditions.check)
    else:
        place, id_ = _one(resource)
        store.remove(session, place, id_, conditions.check)
    session.commit()
    return "", 204


def _change(place: Place, id_: str, decide: Callable[[Document | None], Document]) -> ResponseReturnValue:
    session = db.session()
    store.change(session, place, id_, decide, at=utcnow())
    session.commit()
    return "", 204


def _conditions() -> Conditions:
    return Conditions(
        request.if_match if "If-Match" in request.headers else None,
        request.if_none_match if "If-None-Match" in request.headers else None,
    )


def _one(resource: Resource) -> tuple[Place, str]:
    """Of a request about one document: where it lies, and its id."""
    only_parameters(*resource.about, resource.id_name, clause=resource.clause)
    return _place(resource), text_parameter(resource.id_name)


def _place(resource: Resource) -> Place:
    agent = agent_parameter() if "agent" in resource.about else None
    if agent is not None and any("\0" in text for text in (*agent.values(), *agent.get("account", {}).values())):
        raise BadParameter("agent", "must not hold the character NUL")
    return Place(
        resource.kind,
        holder().organisation_id,
        activity=iri_parameter("activityId", resource.clause) if "activityId" in resource.about else None,
        agent=agent,
        registration=uuid_parameter("registration", resource.clause) if "registration" in request.args else None,
    )


def _sent() -> Document:
    """The document that came, whole. Raises TooLarge, BadHeader, NoLength."""
    body = whole_body(MAX_DOCUMENT_BYTES, ends_itself=False)
    return Document(body, request.headers.get("Content-Type") or UNTYPED)


def _refuse_long(document: Document) -> None:
    if len(document.content) > MAX_DOCUMENT_BYTES:
        raise errors.TooLarge("A document may hold %(most)s bytes at most.", most=MAX_DOCUMENT_BYTES)


def _answer(content: bytes, content_type: str, tag: str, updated_at: datetime | None) -> Response:
    """A document or a list; 304 to a client that has it already.

    The content is somebody's: should a browser show it, it is shut off from this site's pages. Browsers may keep it
    but ask each time whether it still holds: with Last-Modified alone they would guess for how long.
    """
    seen = request.if_none_match.contains_weak(tag)
    response = Response(status=304) if seen else Response(content, content_type=content_type)
    response.set_etag(tag)
    if updated_at is not None:
        response.headers["Last-Modified"] = http_date(updated_at)
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _offer(resource: Resource, method: str, answer: Callable[[Resource], ResponseReturnValue], key: Key) -> None:
    """Put one way of a resource on the door."""

    @web.exempt_from_csrf
    @web.allow(key)
    def view() -> ResponseReturnValue:
        return answer(resource)

    bp.add_url_rule(f"/{resource.path}", f"{method.lower()}_{resource.kind.name.lower()}", view, methods=[method])


for one in RESOURCES:
    _offer(one, "GET", _get, one.reader)
    _offer(one, "PUT", _put, one.writer)
    _offer(one, "POST", _post, one.writer)
    _offer(one, "DELETE", _delete, one.writer)
