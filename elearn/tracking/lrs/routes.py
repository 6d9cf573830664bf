"""/xapi/: the door for any xAPI client (xAPI Communication 1.0-3.3). Statements that come here never credit hours."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha1
from uuid import UUID

import msgspec
from flask import Blueprint, Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.http import http_date

from elearn import errors, locale, web
from elearn.clock import utcnow
from elearn.db import db
from elearn.people.permissions import ANYBODY
from elearn.runtime import runtime
from elearn.tracking.lrs import answers, store, versions
from elearn.tracking.lrs.check import BadStatement, Checked, check_statement
from elearn.tracking.lrs.consistency import consistent_through
from elearn.tracking.lrs.credentials import READER, WRITER, holder
from elearn.tracking.lrs.forms import is_uuid, show_timestamp

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 5_000_000
MAX_STATEMENTS = 1000

OFFERED = {"about": ("GET", "HEAD"), "statements": ("GET", "HEAD", "POST", "PUT")}

bp = Blueprint("xapi", __name__, url_prefix="/xapi")


@bp.before_request
def widen() -> None:
    request.max_content_length = MAX_BODY_BYTES


@bp.after_request
def mark(response: Response) -> Response:
    """Every answer names the version it speaks, refusals too (Communication 3.3)."""
    try:
        version = versions.answered(request.headers.get(versions.HEADER))
    except errors.Malformed:
        version = versions.LATEST_1
    response.headers[versions.HEADER] = version
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="xAPI", charset="UTF-8"'
    if "lrs_through" in g:
        response.headers["X-Experience-API-Consistent-Through"] = show_timestamp(g.lrs_through)
    return response


@bp.errorhandler(errors.DomainError)
def on_refusal(error: errors.DomainError) -> ResponseReturnValue:
    """Always JSON here; a broken statement also names the property and the clause apart."""
    logger.info("refused", extra={"code": error.error_code, "path": request.path})
    facts = dict(error.facts)
    body: dict[str, object] = {"error": error.error_code}
    if isinstance(error, BadStatement):
        body |= {"property": error.where, "clause": error.clause}
        facts["why"] = locale.gettext(error.why)
    detail = locale.gettext(error.detail)
    body["detail"] = detail % facts if facts else detail
    status = next((web.STATUS[kind] for kind in type(error).__mro__ if kind in web.STATUS), 422)
    return jsonify(body), status


@bp.errorhandler(HTTPException)
def on_http(error: HTTPException) -> ResponseReturnValue:
    if isinstance(error, RequestEntityTooLarge):
        return on_refusal(errors.TooLarge("The request is larger than this door takes."))
    body = jsonify(error=(error.name or "error").lower().replace(" ", "_"), detail=error.description)
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    return body, error.code or 500, headers


@bp.get("/about")
@web.allow(ANYBODY)
def about() -> ResponseReturnValue:
    """Which versions this store speaks (Communication 2.8); needs no version and no key."""
    return jsonify(version=list(versions.SPOKEN))


@bp.put("/statements")
@web.exempt_from_csrf
@web.allow(WRITER)
def put_statement() -> ResponseReturnValue:
    """One statement under the id in the address (Communication 2.1.1): 204, also when an equal one was there."""
    version = versions.answered(request.headers.get(versions.HEADER))
    _only_parameters("statementId")
    id_ = _id("statementId")
    checked = _judge(_body(), version)
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
    _only_parameters()
    body = _body()
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
    _only_parameters(asked[0], "attachments", "format")
    if request.args.get("attachments", "false") != "false" or request.args.get("format", "exact") != "exact":
        raise errors.Malformed("This store answers the exact format without attachments.", code="not_offered")
    id_ = _id(asked[0])
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


@bp.route("/<path:rest>", methods=["GET", "POST", "PUT", "DELETE", "PATCH"])
@web.exempt_from_csrf
@web.allow(ANYBODY)
def elsewhere(rest: str) -> ResponseReturnValue:
    """What no view above takes is refused by this door, in its own form: the router's refusal would be a page."""
    if rest in OFFERED:
        raise MethodNotAllowed(valid_methods=OFFERED[rest])
    raise errors.NotFound("There is nothing at this address.")


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


def _body() -> str:
    """The request's JSON text. Raises BadStatement."""
    if request.mimetype != "application/json":
        raise BadStatement("", "must come as application/json", "Communication 1.5")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise BadStatement("", "must come without a content encoding", "Communication 1.4")
    try:
        return request.get_data(cache=False).decode()
    except UnicodeDecodeError as error:
        raise BadStatement("", "must be UTF-8", "Communication 1.4") from error


def _id(parameter: str) -> UUID:
    value = request.args.get(parameter)
    if not is_uuid(value):
        raise errors.Malformed("The parameter %(name)s must be a UUID.", code="bad_parameter", name=parameter)
    return UUID(value)


def _only_parameters(*known: str) -> None:
    """Refuse any other parameter, and one given twice (Communication 2.1, 3.2)."""
    for name, values in request.args.lists():
        if name not in known:
            raise errors.Malformed(
                "The parameter %(name)s does not go with this request.", code="bad_parameter", name=name[:100]
            )
        if len(values) > 1:
            raise errors.Malformed("The parameter %(name)s is given twice.", code="bad_parameter", name=name)
