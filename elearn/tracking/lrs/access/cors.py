"""Whose pages may use /xapi/ from a browser: CORS by an allow-list (`ELEARN_LRS_ORIGINS`, empty at first).

No cookie ever opens this door, and no answer says that one would be taken: a page brings its own key or token.
"""

from __future__ import annotations

from flask import Response, request

from elearn.runtime import runtime

METHODS = "GET, HEAD, POST, PUT, DELETE"
TAKEN = (
    "Authorization, Content-Type, If-Match, If-None-Match, Accept-Language, X-Experience-API-Version, "
    "X-Experience-API-Hash, Content-Transfer-Encoding"
)
"""Headers a page may send."""
SHOWN = (
    "ETag, Last-Modified, Content-Type, Location, Retry-After, WWW-Authenticate, X-Experience-API-Version, "
    "X-Experience-API-Consistent-Through, X-Experience-API-Hash"
)
"""Headers of an answer that a page may read."""
KEPT_S = 7200
"""How long a browser may remember what it was told: what Chromium keeps at most."""


def mark(response: Response) -> Response:
    """Tell the browser whether the page that asked may read this answer; to a preflight also what it may send."""
    origins = runtime().settings.lrs_origins
    if not origins:
        return response
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin not in origins:
        return response
    response.headers["Access-Control-Allow-Origin"] = origin
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = TAKEN
        response.headers["Access-Control-Max-Age"] = str(KEPT_S)
    else:
        response.headers["Access-Control-Expose-Headers"] = SHOWN
    return response
