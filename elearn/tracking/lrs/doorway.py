"""/xapi/: the door for any xAPI client (xAPI Communication 1.0-3.3). Statements that come here never credit hours.

Every request of a standard resource names its version before anything else is asked; every answer names one.
"""

from __future__ import annotations

import logging
from urllib.parse import unquote_to_bytes

import msgspec
from flask import Blueprint, Response, current_app, g, jsonify, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from elearn import errors, locale, web
from elearn.db import abandon, db
from elearn.people.permissions import ANYBODY
from elearn.runtime import runtime
from elearn.tracking.lrs import alternate, versions
from elearn.tracking.lrs.access import doors
from elearn.tracking.lrs.access.credentials import recognised
from elearn.tracking.lrs.asking import only_parameters
from elearn.tracking.lrs.openapi import describe
from elearn.tracking.lrs.rules.forms import show_timestamp
from elearn.tracking.lrs.rules.reading import BadStatement

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 5_000_000

ANSWERS = "Communication 3.2"
"""The clause that says which refusal is answered how, for those with no closer rule."""

RESOURCES = frozenset(
    ("statements", "activities", "activities/state", "activities/profile", "agents", "agents/profile")
)
"""What the standard has beside `about`, and asks a version for. Other addresses here are our own."""

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "TRACE")
"""What this door refuses itself where no view takes it (HEAD and OPTIONS come with GET)."""

bp = Blueprint("xapi", __name__, url_prefix="/xapi")
doors.install(bp)


@bp.before_request
def enter() -> ResponseReturnValue | None:
    """What holds for every request: its size, its version, its encoding; OPTIONS; a request inside a form."""
    for kept in ("lrs_version", "lrs_through", "lrs_holder"):
        g.pop(kept, None)  # of the form that this request came in: both share one `g`
    request.max_content_length = MAX_BODY_BYTES
    if request.method == "OPTIONS":
        return Response(status=204, headers={"Allow": ", ".join(_offered())})
    _refuse_other_encodings()
    if alternate.is_meant(request):
        return alternate.answer()
    if _resource() in RESOURCES:
        g.lrs_version = _version()
    return None


@bp.after_request
def mark(response: Response) -> Response:
    """Every answer names the version it speaks, refusals too (Communication 3.3)."""
    if "lrs_version" not in g:
        try:
            g.lrs_version = versions.answered(request.headers.get(versions.HEADER))
        except versions.BadHeader:
            g.lrs_version = versions.LATEST_1
    response.headers[versions.HEADER] = g.lrs_version
    if "lrs_through" in g:
        response.headers["X-Experience-API-Consistent-Through"] = show_timestamp(g.lrs_through)
    return response


@bp.after_request
def end_reading(response: Response) -> Response:
    """What was read ends in COMMIT: after a ROLLBACK the driver forgets all commands that it has prepared.

    It stands below `mark`, so that it comes before it: an answer of its own is marked too.
    """
    if response.status_code < 400:
        try:
            db.session.commit()
        except DBAPIError as error:
            abandon(db.session())
            if not web.is_away(error):
                raise
            return make_response(on_refusal(web.away(error)))
    return response


@bp.errorhandler(errors.DomainError)
def on_refusal(error: errors.DomainError) -> ResponseReturnValue:
    """What a broken rule is about, and its clause, stand apart as well: `where` and `clause` of the facts."""
    logger.info("refused", extra={"code": error.error_code, "path": request.path})
    facts = dict(error.facts)
    body = {"error": error.error_code}
    if "where" in facts:
        body["property"] = str(facts["where"])
    body["clause"] = str(facts.get("clause", ANSWERS))
    if isinstance(error, BadStatement):
        facts["why"] = locale.gettext(error.why)
    detail = locale.gettext(error.detail)
    body["detail"] = detail % facts if facts else detail
    status = next((web.STATUS[kind] for kind in type(error).__mro__ if kind in web.STATUS), 422)
    response = _told(body, status)
    if isinstance(error, errors.TooMany):
        response.headers["Retry-After"] = str(error.retry_after_s)
    elif status == 503:
        response.headers["Retry-After"] = "1"
    return response


@bp.errorhandler(RequestEntityTooLarge)
def on_too_large(error: RequestEntityTooLarge) -> ResponseReturnValue:
    """Named apart: the product's own handler of this status would else come before the one below."""
    return on_refusal(errors.TooLarge("The request is larger than this door takes."))


@bp.errorhandler(405)  # by its number: the application answers that one in its own form
@bp.errorhandler(HTTPException)
def on_http(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:
        return error
    name = error.name or "error"
    body = {"error": name.lower().replace(" ", "_"), "clause": ANSWERS, "detail": error.description or name}
    response = _told(body, error.code or 500)
    response.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
    return response


@bp.get("/about")
@web.allow(ANYBODY)
def about() -> ResponseReturnValue:
    """Which versions this store speaks, and what it takes (Communication 2.8); needs no version and no key."""
    only_parameters(clause="Communication 2.8")
    limits = f"{runtime().settings.public_url}/xapi/extensions/limits"
    return jsonify(version=list(versions.SPOKEN), extensions={limits: {"bytes": MAX_BODY_BYTES}})


@bp.get("/openapi.json")
@web.allow(ANYBODY)
def openapi() -> ResponseReturnValue:
    """The description of all of this for tools; needs no version and no key."""
    only_parameters(clause="Communication 1.0")
    return jsonify(describe(url_for(".openapi").removesuffix("/xapi/openapi.json")))


@bp.route("/", defaults={"rest": ""}, methods=METHODS, strict_slashes=False)
@bp.route("/<path:rest>", methods=METHODS)
@web.exempt_from_csrf
@web.allow(ANYBODY)
def elsewhere(rest: str) -> ResponseReturnValue:
    """What no view above takes is refused by this door, in its own form: the router's refusal would be a page."""
    offered = _offered()
    if offered:
        raise MethodNotAllowed(valid_methods=offered)
    raise errors.NotFound("There is nothing at this address.")


def _resource() -> str:
    """The part of the address behind this door, as the route has it."""
    rest = (request.view_args or {}).get("rest")
    if rest is None and request.url_rule is not None:
        rest = request.url_rule.rule.rpartition("/xapi/")[2]
    return str(rest)


def _offered() -> list[str]:
    """Which methods the views of this address take; none when there is none."""
    if request.url_rule is None:
        return []
    door = request.url_rule.rule.rpartition("/xapi")[0]
    address = f"{door}/xapi/{_resource()}"
    found = {
        method
        for rule in current_app.url_map.iter_rules()
        if rule.rule == address and rule.endpoint.rpartition(".")[2] != elsewhere.__name__
        for method in rule.methods or ()
    }
    return sorted(found)


def _version() -> str:
    """Raises BadHeader; what its answer is to name is then known (the key says it)."""
    try:
        return versions.answered(request.headers.get(versions.HEADER))
    except versions.BadHeader:
        try:
            g.lrs_version = recognised().speaks
        except errors.DomainError:
            g.lrs_version = versions.LATEST_1
        raise


def _refuse_other_encodings() -> None:
    """Raises BadStatement: the address holds what is not UTF-8 (Communication 1.4)."""
    try:
        unquote_to_bytes(request.query_string).decode()
    except UnicodeDecodeError as error:
        raise BadStatement("?", "must be UTF-8", "Communication 1.4") from error


def _told(body: dict[str, str], status: int) -> Response:
    """An error in the form that the client likes best: JSON, a line of text, or a page (Communication 3.2)."""
    kinds = request.accept_mimetypes
    best = kinds.best_match(("application/json", "text/plain", "text/html"), default="application/json")
    if best == "text/html":
        page = render_template("elearn/error.html", status=status, code=body["error"], detail=body["detail"])
        return Response(page, status, content_type="text/html; charset=utf-8")
    if best == "text/plain":
        return Response(body["detail"] + "\n", status, content_type="text/plain; charset=utf-8")
    return Response(msgspec.json.encode(body), status, content_type="application/json")
