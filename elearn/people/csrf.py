"""Forged requests from other sites: a token for every unsafe method, on the product's own routes only.

The tokens are flask-wtf's (OWASP's signed double submit, bound to the session); the hook is ours, on our blueprint,
because flask-wtf's own would guard the whole host application. A token lives as long as its session: a lesson
page stays open for hours. Signing in and out renews it.
"""

from __future__ import annotations

from flask import current_app, g, request, session
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import ValidationError  # type: ignore[import-untyped]

from elearn.errors import Forbidden
from elearn.people.permissions import SAFE_METHODS
from elearn.runtime import runtime

KEPT = "elearn_csrf"
FIELD = "csrf_token"
HEADER = "X-CSRFToken"
LIFE_S = 31 * 24 * 3600


def token() -> str:
    """The token of this session, for a form field `csrf_token` or the header `X-CSRFToken`."""
    return str(generate_csrf(secret_key=_secret(), token_key=KEPT))


def check() -> None:
    """Before each request of ours. Raises Forbidden, code `csrf`, unless the method is safe or the view is exempt."""
    if request.method in SAFE_METHODS or request.endpoint is None:
        return
    if getattr(current_app.view_functions[request.endpoint], "csrf_exempt", False):
        return
    # The header first: reading the form would read a whole upload.
    sent = request.headers.get(HEADER) or request.form.get(FIELD)
    try:
        validate_csrf(sent, secret_key=_secret(), time_limit=LIFE_S, token_key=KEPT)
    except ValidationError as error:
        raise Forbidden("This page is out of date. Load it again and repeat.", code="csrf") from error


def renew() -> None:
    """The next token is another one; those given out before no longer hold."""
    session.pop(KEPT, None)
    g.pop(KEPT, None)


def forget_last_request() -> None:
    """See `callers.forget_last_request`."""
    g.pop(KEPT, None)


def _secret() -> bytes:
    return b"csrf:" + runtime().settings.secret_key
