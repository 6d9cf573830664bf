"""HTTP habits: who may call a view, the shape of an error, sizes of bodies, paging.

Every view says who may call it (`@allow(...)`); a test walks all routes and refuses one that does not.
Errors answer JSON `{"error": code, "detail": sentence}` to programs and a page to people, in their language.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, Protocol, TypeGuard, TypeVar, cast
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import psycopg
from flask import Blueprint, Flask, Request, Response, current_app, g, jsonify, render_template, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from elearn import errors, locale
from elearn.db import abandon, db
from elearn.runtime import runtime

logger = logging.getLogger(__name__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
"""The media type of a spreadsheet."""

P = ParamSpec("P")
T = TypeVar("T")

MAX_BODY_BYTES = 1_000_000
"""What a door takes unless its view allows more with `request.max_content_length`."""

STATUS: dict[type[errors.DomainError], int] = {
    errors.Malformed: 400,
    errors.NotSignedIn: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.LengthNeeded: 411,
    errors.Stale: 412,
    errors.TooLarge: 413,
    errors.NotTaken: 415,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}
"""Anything else that our rules turn down is 422."""


class Who(Protocol):
    """Somebody a view lets in. `check` raises NotSignedIn or Forbidden."""

    @property
    def name(self) -> str: ...

    def check(self, view_args: dict[str, Any]) -> None: ...


def allow(*who: Who) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Let in whoever one of `who` lets in; the view carries them as `.allowed` for the architecture test."""

    def guard(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            refusal = _refusal(who)
            if refusal is not None:
                raise refusal
            return view(*args, **kwargs)

        cast(Any, guarded).allowed = tuple(one.name for one in who)
        cast(Any, guarded).who = who
        return guarded

    return guard


def _refusal(who: Iterable[Who]) -> errors.DomainError | None:
    """Why none of them lets the caller in; None: one of them does."""
    refusal: errors.DomainError = errors.Forbidden("You may not do this.")
    for one in who:
        try:
            one.check(request.view_args or {})
        except (errors.NotSignedIn, errors.Forbidden) as error:
            refusal = error
        else:
            return None
    return refusal


def takes_up_to(octets: Callable[[], int]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a form bring a large file, from whoever may send it at all: a form is read before its view is reached."""

    def mark(view: Callable[P, T]) -> Callable[P, T]:
        cast(Any, view).largest_body = octets
        return view

    return mark


def attachment(content: bytes, kind: str, name: str) -> Response:
    """A file to keep, of this media type; made for one reader, so no cache keeps it."""
    response = Response(content, 200, {"Cache-Control": "private, no-store"}, mimetype=kind)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _largest_body() -> int:
    view = current_app.view_functions.get(request.endpoint or "")
    octets: Callable[[], int] | None = getattr(view, "largest_body", None)
    if octets is None or _refusal(getattr(view, "who", ())) is not None:
        return MAX_BODY_BYTES
    return octets()


def exempt_from_csrf(view: Callable[P, T]) -> Callable[P, T]:
    """Mark a door that proves itself otherwise (a bearer token, a signature), not by the browser's cookie."""
    cast(Any, view).csrf_exempt = True
    return view


def shows_nobody(view: Callable[P, T]) -> Callable[P, T]:
    """Mark a view whose page is the same for everybody: who is signed in is not asked, nor what was said to them."""
    cast(Any, view).shows_nobody = True
    return view


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_building = threading.Lock()


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """Made by one thread: msgspec ends the process where two ask for a Struct that neither has used before."""
    if kind not in _decoders:
        with _building:
            _decoders.setdefault(kind, msgspec.json.Decoder(kind))
    return _decoders[kind]


def read_json(kind: type[T], *, body: bytes | None = None) -> T:
    """The request's body as `kind` (a msgspec Struct or a plain type).

    Raises Malformed: not JSON, or not of that form; the detail names the place. TooLarge: over the limit.
    """
    raw = request.get_data() if body is None else body
    try:
        return _decoder(kind).decode(raw)
    except msgspec.ValidationError as error:
        raise errors.Malformed("The request does not have the form this door takes: %(why)s", why=str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise errors.Malformed("The request is not JSON: %(why)s", why=str(error)) from error


def wants_page() -> bool:
    """True when a person's browser asks, not a program."""
    best = request.accept_mimetypes.best_match(["application/json", "text/html"])
    return best == "text/html" and request.accept_mimetypes["text/html"] > 0 and not request.is_json


def status_of(error: errors.DomainError) -> int:
    """The status that says what kind of refusal it is."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 422)


def refuse(error: errors.DomainError) -> Response:
    """The answer to a request that our rules turn down."""
    status = status_of(error)
    detail = locale.gettext(error.detail)
    detail = detail % error.facts if error.facts else detail
    if wants_page():
        wait_s = error.retry_after_s if isinstance(error, errors.TooMany) else None
        page = render_template(
            "elearn/error.html", status=status, code=error.error_code, detail=detail, retry_after_s=wait_s
        )
        response = Response(page, status)
    else:
        response = jsonify(error=error.error_code, detail=detail)
        response.status_code = status
    if isinstance(error, errors.TooMany):
        response.headers["Retry-After"] = str(error.retry_after_s)
    elif status == 503:
        response.headers["Retry-After"] = "1"
    return response


def _untold(error: errors.DomainError) -> errors.DomainError:
    """Which look-up did not find what an id in the address names would tell whether it is there: all say the same."""
    by_id = any(isinstance(one, UUID) for one in (request.view_args or {}).values())
    return errors.NotFound(errors.NOT_SEEN) if by_id and error.error_code == errors.NotFound.code else error


HTTP_SAYS = {
    400: "The request cannot be read.",
    404: "There is nothing at this address.",
    405: "This address cannot be asked in this way.",
    415: "The body came in a form that this door does not open.",
}
"""What a page says of a refusal that is not of our rules."""


def refused_page(error: HTTPException) -> Response:
    """The page for what the server itself refuses, before a view was asked or while it read."""
    status = error.code or 500
    detail = locale.gettext(HTTP_SAYS.get(status, "That did not work."))
    page = render_template(
        "elearn/error.html", status=status, code=(error.name or "error").lower().replace(" ", "_"), detail=detail
    )
    response = Response(page, status)
    if status == 405 and isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(error.valid_methods)
    return response


def is_away(error: BaseException | None) -> TypeGuard[DBAPIError | psycopg.OperationalError]:
    """Whether the database is gone, and not the command wrong. Frequent commands go to the driver itself, which
    says it in its own words."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error, OperationalError)
    return isinstance(error, psycopg.OperationalError)


def away(error: DBAPIError | psycopg.OperationalError) -> errors.Unavailable:
    """What a caller is told of it. The transaction is gone as a whole: the same may be sent again."""
    kind = type(error.orig if isinstance(error, DBAPIError) else error).__name__
    logger.warning("the database is away: %s", kind, extra={"path": request.path})
    return errors.Unavailable("The service is away for a moment. Nothing was lost; please try again.")


@functools.cache
def content_policy(media_url: str | None) -> str:
    """What a page may load: our own things, and media from where it is served."""
    parts = urlsplit(media_url or "")
    media = f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
    return (
        f"default-src 'self'; img-src 'self' data: blob:{media}; media-src 'self' blob:{media}; "
        f"worker-src 'self' blob:; connect-src 'self'{media}; object-src 'none'; base-uri 'self'; "
        "frame-ancestors 'self'; form-action 'self'"
    )


class _Cookies(SecureCookieSessionInterface):
    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Programs send no cookie: then there is no signature to prepare for, either."""
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


class Application(Flask):
    """Flask without what programs' requests would pay for and nobody of ours uses (about 60 us of a POST)."""

    session_interface = _Cookies()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """No view or hook is a coroutine function, so none is asked for each request whether it is one."""
        return func


def install(blueprint: Blueprint) -> None:
    """Give the product's own routes these habits, and leave the host application's alone."""

    @blueprint.before_request
    def limit_body() -> None:
        request.max_content_length = _largest_body()

    @blueprint.errorhandler(errors.DomainError)
    def on_refusal(error: errors.DomainError) -> Response:
        logger.info("refused", extra={"code": error.error_code, "path": request.path})
        return refuse(_untold(error))

    @blueprint.errorhandler(psycopg.Error)
    @blueprint.errorhandler(DBAPIError)
    def on_database(error: DBAPIError | psycopg.Error) -> Response:
        if isinstance(error, DataError) and "NUL (0x00)" in str(error.orig):
            # PostgreSQL's text holds every character but this one, and nobody types it. The page that says so reads.
            abandon(db.session())
            return refuse(errors.Malformed("A text of the request holds a character that no text may hold."))
        if not is_away(error):
            raise error
        abandon(db.session())
        g.elearn_broken = True  # the page that says so asks nothing of what is away
        return refuse(away(error))

    @blueprint.errorhandler(RequestEntityTooLarge)
    def on_too_large(error: RequestEntityTooLarge) -> Response:
        return refuse(errors.TooLarge("The request is larger than this door takes."))

    @blueprint.errorhandler(HTTPException)
    def on_http(error: HTTPException) -> ResponseReturnValue:
        if error.response is not None:
            return error
        if wants_page():
            return refused_page(error)
        body = jsonify(error=(error.name or "error").lower().replace(" ", "_"), detail=error.description)
        return body, error.code or 500

    @blueprint.after_request
    def harden(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("X-Frame-Options", "SAMEORIGIN")
        if response.mimetype == "text/html":
            headers.setdefault("Cache-Control", "private, no-store")
            headers.setdefault("Content-Security-Policy", content_policy(runtime().settings.media_url))
        return response
