"""/xapi/statements: statements in and out (xAPI Communication 2.1). What comes here never credits hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha1
from uuid import UUID

import msgspec
from flask import Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.http import http_date

from elearn import errors, web
from elearn.clock import utcnow
from elearn.db import db
from elearn.runtime import runtime
from elearn.tracking.lrs import versions
from elearn.tracking.lrs.access.credentials import READER, WRITER, holder
from elearn.tracking.lrs.asking import json_body, only_parameters, uuid_parameter
from elearn.tracking.lrs.consistency import consistent_through
from elearn.tracking.lrs.doorway import bp
from elearn.tracking.lrs.rules.check import BadStatement, Checked, check_statement
from elearn.tracking.lrs.statements import answers, store

MAX_STATEMENTS = 1000


@bp.put("/statements")
@web.exempt_from_csrf
@web.allow(WRITER)
def put_statement() -> ResponseReturnValue:
    """One statement under the id in the address (Communication 2.1.1): 204, also when an equal one was there."""
    version = versions.answered(request.headers.get(versions.HEADER))
    only_parameters("statementId")
    id_ = uuid_parameter("statementId")
    checked = _judge(json_body(), version)
    if "id" in checked.statement and checked.id != id_:
        raise BadStatement("/id", "must be the statementId of the address", "Communication 2.1.1")
    checked.id = id_
    _keep([checked])
    return "", 204


@bp.post("/statements")
@web.exempt_from_csrf
@web.allow(WRITER)
def post_statements() -> ResponseReturnValue:
    """One statement or an array of them, all or none (Communication 2.1.2): 200 and their ids in that order."""
    version = versions.answered(request.headers.get(versions.HEADER))
    only_parameters()
    body = json_body()
    several = body.lstrip()[:1] == "["
    checked = _judge_all(body, version) if several else [_judge(body, version)]
    _keep(checked)
    return jsonify([str(one.id) for one in checked])


@bp.get("/statements")
@web.allow(READER)
def get_statement() -> ResponseReturnValue:
    """One statement by `statementId`, or a voided one by `voidedStatementId` (Communication 2.1.3)."""
    versions.answered(request.headers.get(versions.HEADER))
    asked = [name for name in ("statementId", "voidedStatementId") if name in request.args]
    if not asked:
        raise errors.Malformed("This store answers single statements, by statementId.", code="not_offered")
    only_parameters(asked[0], "attachments", "format")
    if request.args.get("attachments", "false") != "false" or request.args.get("format", "exact") != "exact":
        raise errors.Malformed("This store answers the exact format without attachments.", code="not_offered")
    id_ = uuid_parameter(asked[0])
    session = db.session()
    g.lrs_through = consistent_through(session)
    kept = store.get(session, id_)
    visible = kept is not None and holder().may_read(kept.authority_id, kept.authority_organisation_id)
    if kept is None or not visible or kept.voided != (asked[0] == "voidedStatementId"):
        raise errors.NotFound("There is no such statement.")
    response = Response(
        answers.shown(kept, home_page=runtime().settings.public_url), content_type="application/json; charset=utf-8"
    )
    response.set_etag(sha1(response.get_data(), usedforsecurity=False).hexdigest())
    response.headers["Last-Modified"] = http_date(kept.stored_at)
    return response


def _keep(batch: Sequence[Checked]) -> None:
    """Store all of `batch` and commit, or nothing. Raises Conflict."""
    session = db.session()
    now: datetime = utcnow()
    outcomes = store.insert(session, batch, stored_at=now, authority=holder().id)
    for outcome in outcomes:
        if isinstance(outcome, store.ConflictingId):
            session.rollback()
            raise errors.Conflict("Another statement has the id %(id)s.", code="statement_conflict", id=str(outcome.id))
    session.commit()
    g.lrs_through = consistent_through(session)


def _judge(text: str, version: str) -> Checked:
    checked = check_statement(text, version)
    for index, attachment in enumerate(checked.statement.get("attachments", ())):
        if "fileUrl" not in attachment:
            why = "is missing: in a JSON request an attachment's data is elsewhere"
            raise BadStatement(f"/attachments/{index}/fileUrl", why, "Communication 1.5.1")
    return checked


def _judge_all(text: str, version: str) -> list[Checked]:
    """Each statement of a batch from its own exact text. Errors stand under the statement's place in the batch."""
    try:
        parts = msgspec.json.decode(text, type=list[msgspec.Raw])
    except msgspec.MsgspecError as error:
        raise BadStatement("", f"is not JSON: {error}", "Communication 1.5.1") from error
    except RecursionError as error:
        raise BadStatement("", "is nested too deep", "Data 2.2") from error
    if len(parts) > MAX_STATEMENTS:
        raise errors.TooLarge("A batch may hold %(most)s statements at most.", most=MAX_STATEMENTS)
    batch: list[Checked] = []
    for index, part in enumerate(parts):
        try:
            batch.append(_judge(bytes(part).decode(), version))
        except BadStatement as error:
            where = f"/{index}{'' if error.where == '/' else error.where}"
            raise BadStatement(where, error.why, error.clause) from error
    seen: set[UUID] = set()
    for index, checked in enumerate(batch):
        if checked.id in seen:
            raise BadStatement(f"/{index}/id", "is there twice in this batch", "Communication 2.1.2")
        seen.add(checked.id)
    return batch
