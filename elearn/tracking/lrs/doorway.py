"""/xapi/: the door for any xAPI client (xAPI Communication 1.0-3.3). Statements that come here never credit hours."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from elearn import errors, locale, web
from elearn.people.permissions import ANYBODY
from elearn.tracking.lrs import versions
from elearn.tracking.lrs.rules.forms import show_timestamp
from elearn.tracking.lrs.rules.reading import BadStatement

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 5_000_000

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


@bp.route("/<path:rest>", methods=["GET", "POST", "PUT", "DELETE", "PATCH"])
@web.exempt_from_csrf
@web.allow(ANYBODY)
def elsewhere(rest: str) -> ResponseReturnValue:
    """What no view above takes is refused by this door, in its own form: the router's refusal would be a page."""
    if rest in OFFERED:
        raise MethodNotAllowed(valid_methods=OFFERED[rest])
    raise errors.NotFound("There is nothing at this address.")
