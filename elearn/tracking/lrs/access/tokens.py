"""POST /xapi/oauth/token: a key and its secret against a bearer token that lives ten minutes (RFC 6749, section 4.4).

A program that asks for no scope gets the two that xAPI names for that case (Communication 4.2); one that needs more
asks for it. Errors are those of RFC 6749, section 5.2; only who guessed too often gets this server's own 429.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from authlib.integrations.flask_oauth2 import AuthorizationServer
from flask import Flask
from flask.typing import ResponseReturnValue

from elearn.clock import utcnow
from elearn.db import db
from elearn.people import programs
from elearn.people.permissions import ANYBODY
from elearn.runtime import runtime
from elearn.tracking.lrs.access import bearer, credentials, scopes
from elearn.web import allow, exempt_from_csrf

_SERVER = "lrs.tokens"


@dataclass
class Asking(programs.Program):
    """Whoever asks for a token under the name of a key; there need not be one."""

    key: str
    found: credentials.Holder | None = None

    def opens(self, secret: str) -> bool:
        """Raises TooMany."""
        server_key = credentials.server_key()
        self.found = credentials.authenticate(db.session(), self.key, secret, server_key=server_key)
        if self.found is None:
            credentials.refuse_wrong(self.key)
            return False
        credentials.keep_pace(self.found)
        return True

    def narrowed(self, asked: Sequence[str]) -> Sequence[str] | None:
        return scopes.narrowed(self.found.scopes if self.found else (), asked)


def install(app: Flask) -> None:
    app.extensions["elearn"].kept[_SERVER] = programs.make_server(
        app, find=Asking, write=_write, lives_s=bearer.LIVES_S
    )


def _write(asking: Asking, given: Sequence[str]) -> str:
    return bearer.write(bearer.Bearer(asking.key, tuple(given)), at=utcnow(), signing=credentials.token_key())


@exempt_from_csrf
@allow(ANYBODY)
def token() -> ResponseReturnValue:
    server: AuthorizationServer = runtime().kept[_SERVER]
    response: ResponseReturnValue = server.create_token_response()
    return response
