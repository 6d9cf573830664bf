"""Programs that prove themselves by a name and a secret: OAuth 2 client credentials by Authlib (RFC 6749, section 4.4).

Which programs there are, what they may do and where their tokens lie is said by whoever opens a door to them. Two
traps of the library are closed here for all: an unknown scope is refused (it would answer a token without scope), and
a parameter given twice is (section 3.2; it would take the first).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc6749.errors import InvalidRequestError, InvalidScopeError
from authlib.oauth2.rfc6749.util import scope_to_list
from flask import Flask, request


class Program(ClientMixin, ABC):  # type: ignore[misc]  # Authlib carries no types
    """A program as Authlib sees a client: what its token endpoint asks of one, and no door for people."""

    @abstractmethod
    def opens(self, secret: str) -> bool:
        """Whether the secret is its own, compared in constant time."""

    @abstractmethod
    def narrowed(self, asked: Sequence[str]) -> Sequence[str] | None:
        """The scopes of a token when `asked` (perhaps nothing) is asked for; None: it may not have them."""

    def check_client_secret(self, client_secret: str) -> bool:
        return self.opens(client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in ("client_secret_basic", "client_secret_post")

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class ClientCredentials(grants.ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def validate_token_request(self) -> None:
        if any(len(values) > 1 for _, values in request.form.lists()):
            raise InvalidRequestError("A parameter is given twice.")
        super().validate_token_request()

    def validate_requested_scope(self) -> None:
        """Refuse a scope that does not exist or was not granted."""
        if self.request.client.narrowed(scope_to_list(self.request.payload.scope) or ()) is None:
            raise InvalidScopeError()


def make_server(
    app: Flask,
    *,
    find: Callable[[str], Program | None],
    write: Callable[[Any, Sequence[str]], str],
    lives_s: int,
    keep: Callable[[dict[str, Any], Any], None] = lambda token, program: None,
) -> AuthorizationServer:
    """The server of one door's tokens: `find` a program by its name, `write` a token for it and scopes, `keep` it."""
    server = AuthorizationServer()
    server.init_app(app, query_client=find, save_token=lambda token, asked: keep(token, asked.client))

    def generate(grant_type: str, client: Program, **rest: Any) -> dict[str, Any]:
        given = client.narrowed(scope_to_list(rest.get("scope")) or ()) or ()
        return {
            "token_type": "Bearer",
            "access_token": write(client, given),
            "expires_in": lives_s,
            "scope": " ".join(given),
        }

    server.register_token_generator("default", generate)
    server.register_grant(ClientCredentials)
    return server
