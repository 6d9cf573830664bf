"""The alternate request syntax of xAPI 1.0.x (Communication 1.3): any request as a POST with everything in a form.

For browsers that can send no other method and set no header. `?method=PUT` says what is meant; the form holds the
headers, the parameters, and as `content` the body. The request that is meant is then put to the application like
any other, so no view knows of this. xAPI 2.0 does not have it.

A form can be posted from any site without asking us first. So nothing a browser adds by itself lets anybody in:
cookies are left out, and where a page is the sender, a key that the browser remembers (HTTP Basic) does not count;
the `Authorization` must stand in the form.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from flask import Request, Response, current_app, request

from elearn.errors import NotSignedIn
from elearn.tracking.lrs import versions
from elearn.tracking.lrs.asking import BadParameter, whole_body
from elearn.tracking.lrs.rules.reading import BadStatement

CLAUSE = "Communication 1.3"
METHOD = "method"
CONTENT = "content"
WRITES = ("PUT", "POST")
METHODS = ("GET", "HEAD", "DELETE", *WRITES)
HEADERS = {
    "authorization": "HTTP_AUTHORIZATION",
    "x-experience-api-version": "HTTP_X_EXPERIENCE_API_VERSION",
    "content-type": "CONTENT_TYPE",
    "content-length": "CONTENT_LENGTH",
    "if-match": "HTTP_IF_MATCH",
    "if-none-match": "HTTP_IF_NONE_MATCH",
}
"""Form parameters that are headers, and where WSGI keeps them. A header's name is the same in any case."""
MAX_FIELDS = 50
"""There are six headers, one content, and no resource has a dozen parameters."""

_CARRIERS = ("application/x-www-form-urlencoded", "text/plain", "")
"""What the form may come as. The browsers this is for could set no type at all."""
_INNER = "elearn.alternate"
_OUTER_ONLY = ("HTTP_COOKIE", "CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING")
_VISIBLE = re.compile(r"[\x20-\x7e]*")


@dataclass(frozen=True, slots=True)
class Meant:
    """The request that a form stands for."""

    method: str
    query: str
    """Encoded as in an address."""
    headers: Mapping[str, str]
    """By WSGI's names, those of the form only."""
    content: bytes
    """Empty where none is sent."""


def is_inner(asked: Request) -> bool:
    """Whether `asked` is itself what a form stood for."""
    return _INNER in asked.environ


def is_meant(asked: Request) -> bool:
    """Whether `asked` uses this syntax.

    Raises BadParameter: it names a method and is no POST, or it speaks 2.0.
    """
    if METHOD not in asked.args or is_inner(asked):
        return False
    if asked.method != "POST":
        raise BadParameter(METHOD, "goes with a POST only", CLAUSE)
    if versions.is_second(asked.headers.get(versions.HEADER, "")):
        raise BadParameter(METHOD, "xAPI 2.0 has no alternate request syntax", CLAUSE)
    return True


def answer() -> Response:
    """What the present request means, answered as if it had come as such. Raises what a form may do wrong."""
    if request.mimetype not in _CARRIERS:
        raise versions.BadHeader("Content-Type", "must be application/x-www-form-urlencoded", CLAUSE)
    extra = sorted(set(request.args) - {METHOD})
    if extra:
        raise BadParameter(extra[0], "must stand in the form: the address holds the method only", CLAUSE)
    meant = read(request.args.getlist(METHOD), whole_body(request.max_content_length or 0, ends_itself=False))
    if versions.is_second(meant.headers.get("HTTP_X_EXPERIENCE_API_VERSION", "")):
        raise BadParameter(METHOD, "xAPI 2.0 has no alternate request syntax", CLAUSE)
    sent = request.authorization
    remembered = sent is not None and sent.type == "basic" and "HTTP_AUTHORIZATION" not in meant.headers
    if remembered and ("Origin" in request.headers or "Sec-Fetch-Site" in request.headers):
        raise NotSignedIn("A form that a page sends must hold its Authorization itself.", code="key_needed")
    with current_app.request_context(_environ(meant)):
        response = current_app.full_dispatch_request()
    if meant.method == "HEAD":
        response.set_data(b"")
    return response


def read(methods: list[str], form: bytes) -> Meant:
    """What a form stands for. Pure.

    Raises BadParameter: the method is none or not one of xAPI's, the form is not one (UTF-8, each name once where
    once is meant), content is missing or out of place. BadHeader: a header of the form cannot be one.
    """
    if len(methods) != 1 or methods[0] not in METHODS:
        raise BadParameter(METHOD, "must be one of GET, HEAD, PUT, POST, DELETE", CLAUSE)
    method = methods[0]
    headers: dict[str, str] = {}
    parameters: list[tuple[str, str]] = []
    content: str | None = None
    for name, value in _fields(form):
        key = HEADERS.get(name.lower())
        if key is not None:
            if key in headers:
                raise BadParameter(name, "is given twice", CLAUSE)
            if not _VISIBLE.fullmatch(value):
                raise versions.BadHeader(name, "holds a character that no header may hold", CLAUSE)
            headers[key] = value
        elif name == CONTENT:
            if content is not None:
                raise BadParameter(CONTENT, "is given twice", CLAUSE)
            content = value
        else:
            parameters.append((name, value))
    if (content is None) == (method in WRITES):
        why = "is missing" if content is None else "goes with PUT and POST only"
        raise BadParameter(CONTENT, why, CLAUSE)
    _check_content(headers, content or "")
    return Meant(method, urlencode(parameters), headers, (content or "").encode())


def _fields(form: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            form.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(form),
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:  # UnicodeError is one too
        raise BadStatement("", "must be a form, its values as UTF-8 and percent-encoded", CLAUSE) from error


def _check_content(headers: Mapping[str, str], content: str) -> None:
    """Raises BadHeader: what the form says of its content is not so."""
    if headers.get("CONTENT_TYPE", "").lstrip().lower().startswith("multipart/"):
        raise versions.BadHeader("Content-Type", "attachments cannot be sent in a form", CLAUSE)
    length = headers.get("CONTENT_LENGTH")
    # Scripts count characters (of 16 bits) where HTTP counts bytes; both are meant well.
    counts = (len(content.encode()), len(content.encode("utf-16-le")) // 2)
    if length is not None and not (length.isdecimal() and len(length) < 20 and int(length) in counts):
        raise versions.BadHeader("Content-Length", "must be the length of the content", CLAUSE)


def _environ(meant: Meant) -> dict[str, object]:
    """The WSGI environment of the request that is meant, over the same connection."""
    made: dict[str, object] = {
        name: value
        for name, value in request.environ.items()
        if name not in _OUTER_ONLY and not name.startswith(("werkzeug.", "flask."))
    }
    made |= meant.headers
    made |= {
        _INNER: True,
        "REQUEST_METHOD": meant.method,
        "QUERY_STRING": meant.query,
        "CONTENT_LENGTH": str(len(meant.content)),
        "wsgi.input": io.BytesIO(meant.content),
    }
    if meant.method in WRITES:
        # What a request of this specification is, unless it says otherwise (Communication 1.5).
        made.setdefault("CONTENT_TYPE", "application/json")
    else:
        made.pop("CONTENT_TYPE", None)
    return made
