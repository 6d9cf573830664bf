"""/xapi/statements: statements in and out (xAPI Communication 2.1). What comes here never credits hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b, sha1
from typing import Any
from uuid import UUID

import msgspec
from flask import Response, g, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError
from werkzeug.http import http_date

from elearn import errors, web
from elearn.clock import utcnow
from elearn.db import abandon, db
from elearn.runtime import runtime
from elearn.tracking.lrs.access.credentials import READER, WRITER, holder
from elearn.tracking.lrs.asking import BadParameter, flag_parameter, only_parameters, uuid_parameter
from elearn.tracking.lrs.consistency import consistent_through, stale_after
from elearn.tracking.lrs.doorway import bp
from elearn.tracking.lrs.rules.check import Checked, check_statement
from elearn.tracking.lrs.rules.reading import BadStatement
from elearn.tracking.lrs.statements import alone, answers, attachments, formats, more, multipart, store
from elearn.tracking.lrs.statements.asked import CLAUSE, Asked, asked, form
from elearn.tracking.lrs.statements.search import MAX_PAGE_BYTES, search
from elearn.tracking.lrs.things.definitions import canonical
from elearn.tracking.lrs.versions import is_second

MAX_STATEMENTS = 1000
"""In one request. Measured on 2026-11-22, statements of 850 bytes: a statement of a batch of 50 costs no more than one
of a larger batch. 1,000 take a quarter of a second and 20 MB, 5,000 two seconds and 100 MB, and nothing that is
stored meanwhile counts as consistent."""


@bp.put("/statements")
@web.exempt_from_csrf
@web.allow(WRITER)
def put_statement() -> ResponseReturnValue:
    """One statement under the id in the address (Communication 2.1.1): 204, also when an equal one was there."""
    only_parameters("statementId", clause="Communication 2.1.1")
    id_ = uuid_parameter("statementId", "Communication 2.1.1")
    incoming = attachments.read_request(most=MAX_STATEMENTS)
    if incoming.several:
        raise BadStatement("", "must be one statement, not an array", "Communication 2.1.1")
    checked = check_statement(incoming.texts[0], g.lrs_version)
    if "id" in checked.statement and checked.id != id_:
        raise BadStatement("/id", "must be the statementId of the address", "Communication 2.1.1")
    checked.id = id_
    _keep([checked], incoming)
    return "", 204


@bp.post("/statements")
@web.exempt_from_csrf
@web.allow(WRITER)
def post_statements() -> ResponseReturnValue:
    """One statement or an array of them, all or none (Communication 2.1.2): 200 and their ids in that order."""
    only_parameters(clause="Communication 2.1.2")
    incoming = attachments.read_request(most=MAX_STATEMENTS)
    version = g.lrs_version
    batch = _each(incoming.texts, version) if incoming.several else [check_statement(incoming.texts[0], version)]
    _keep(batch, incoming)
    return Response(msgspec.json.encode([one.id for one in batch]), content_type="application/json")


@bp.get("/statements")
@web.allow(READER)
def get_statements() -> ResponseReturnValue:
    """One statement by its id, voided or not, or the page of those that meet the filters (Communication 2.1.3)."""
    for name in ("statementId", "voidedStatementId"):
        if name in request.args:
            return _one(name)
    if "more" in request.args:
        only_parameters("more", clause="Data 2.5")
        link = request.args["more"]
        question = more.read(link, organisation_id=holder().organisation_id, key=_link_key())
        if question is None:
            raise BadParameter("more", "must be a link that this store gave to this client", "Data 2.5")
    else:
        question = asked(second=is_second(g.lrs_version), home_page=runtime().settings.public_url)
    return _page(question)


@bp.after_request
def tell_consistency(response: Response) -> Response:
    """Up to when all can be read: on every answer of this resource, refusals too (Communication 2.1.3)."""
    if "lrs_through" not in g and request.path.endswith("/xapi/statements"):
        session = db.session()
        if response.status_code >= 400:
            abandon(session)  # what was refused may have left a transaction that takes no more commands
        try:
            g.lrs_through = consistent_through(session)
        except DBAPIError:
            abandon(session)  # a database that is away says so in the answer itself
    return response


def _one(parameter: str) -> ResponseReturnValue:
    """The statement that `parameter` names; voided ones by `voidedStatementId` only (Communication 2.1.4)."""
    only_parameters(parameter, "attachments", "format", clause=CLAUSE)
    id_ = uuid_parameter(parameter, CLAUSE)
    style, with_attachments = form(), flag_parameter("attachments", CLAUSE)
    session = db.session()
    g.lrs_through = consistent_through(session)
    kept = store.get(session, id_)
    visible = kept is not None and holder().may_read(kept.authority_id, kept.authority_organisation_id)
    if kept is None or not visible or kept.voided != (parameter == "voidedStatementId"):
        raise errors.NotFound("There is no such statement.")
    body = _shown([kept], style)[0]
    response = _answer(body, [kept] if with_attachments else None)
    response.headers["Last-Modified"] = http_date(kept.stored_at)
    if not with_attachments:  # a multipart answer has another boundary each time
        response.set_etag(sha1(body, usedforsecurity=False).hexdigest())
        response.make_conditional(request)
    return response


def _page(question: Asked) -> ResponseReturnValue:
    """A StatementResult (Data 2.5): what meets the question, and a link when there is more of it."""
    session = db.session()
    g.lrs_through = consistent_through(session)  # before the search: what it names is then in the answer
    found = search(session, replace(question, reads=holder().reads, most_bytes=MAX_PAGE_BYTES))
    shown, there_is_more = _fitting(found, question.limit)
    if question.attachments:
        fitting = attachments.fitting(session, [kept.place for kept in shown])
        there_is_more |= fitting < len(shown)
        shown = shown[:fitting]
    link = ""
    if there_is_more:
        token = more.write(question, shown[-1].place, organisation_id=holder().organisation_id, key=_link_key())
        link = f"{request.script_root}{request.path}?more={token}"
    body = answers.result(_shown(shown, question.form), link)
    return _answer(body, shown if question.attachments else None)


def _fitting(found: Sequence[store.Kept], limit: int) -> tuple[Sequence[store.Kept], bool]:
    """What of the statements found goes on one page, and whether there may be more.

    At most `limit`, and of large ones as many as `MAX_PAGE_BYTES` hold, but one.
    """
    total = 0
    for place, kept in enumerate(found[:limit]):
        total += len(kept.raw) if kept.raw.isascii() else len(kept.raw.encode())
        if total > MAX_PAGE_BYTES:
            return found[: max(place, 1)], True
    return found[:limit], len(found) > limit


def _link_key() -> bytes:
    """What links are signed under; derived from a key that outlives sign-in keys, so that they work for ever."""
    return blake2b(b"more links of /xapi/statements", key=runtime().settings.index_key, digest_size=32).digest()


def _shown(statements: Sequence[store.Kept], style: str) -> list[bytes]:
    """Each statement's JSON in the format asked for."""
    home_page = runtime().settings.public_url
    if style == "exact":
        return [answers.shown(kept, home_page=home_page) for kept in statements]
    completed = [answers.completed(kept, home_page=home_page) for kept in statements]
    if style == "ids":
        return [msgspec.json.encode(formats.ids(members)) for members in completed]
    keys = set().union(*map(formats.activity_keys, completed))
    definitions = canonical(db.session(), keys, organisation_id=holder().organisation_id)
    language = request.headers.get("Accept-Language", "")
    return [msgspec.json.encode(formats.canonical(members, definitions, language)) for members in completed]


def _answer(body: bytes, with_attachments_of: Sequence[store.Kept] | None) -> Response:
    """`body` as JSON, or before the attachments of some statements. Whoever asks again is to be asked of us again."""
    kind = "application/json; charset=utf-8"
    if with_attachments_of is not None:
        contents = attachments.of(db.session(), [kept.place for kept in with_attachments_of])
        body, kind = multipart.write(body, contents)
    return Response(
        body,
        content_type=kind,
        headers={"Cache-Control": "private, no-cache", "Vary": "Authorization, Accept-Language"},
    )


def _keep(batch: Sequence[Checked], incoming: attachments.Incoming) -> None:
    """Store all of `batch` and commit, or nothing. Raises Conflict, BadStatement."""
    attachments.check(batch, incoming)
    session = db.session()
    sender = holder()
    moment = utcnow()
    way: dict[str, Any] = {
        "authority": sender.id,
        "organisation_id": sender.organisation_id,
        "defines": sender.defines,
        "stale_after": stale_after(),
    }
    if len(batch) == 1 and not incoming.parts and alone.insert(session, batch[0], stored_at=moment, **way):
        return
    outcomes = store.insert(session, batch, stored_at=moment, **way)
    for outcome in outcomes:
        if isinstance(outcome, store.ConflictingId):
            session.rollback()
            raise errors.Conflict("Another statement has the id %(id)s.", code="statement_conflict", id=str(outcome.id))
    attachments.keep(session, batch, outcomes, incoming.parts)
    session.commit()


def _each(texts: Sequence[str], version: str) -> list[Checked]:
    """The statements of a batch. Errors stand under the statement's place in the batch."""
    batch: list[Checked] = []
    seen: set[UUID] = set()
    for index, text in enumerate(texts):
        try:
            checked = check_statement(text, version)
        except BadStatement as error:
            where = f"/{index}{'' if error.where == '/' else error.where}"
            raise BadStatement(where, error.why, error.clause) from error
        if checked.id in seen:
            raise BadStatement(f"/{index}/id", "is there twice in this batch", "Communication 2.1.2")
        seen.add(checked.id)
        batch.append(checked)
    return batch
