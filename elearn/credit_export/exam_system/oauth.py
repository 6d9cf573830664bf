"""OAuth 2 client credentials for receivers, by Authlib (RFC 6749 section 4.4, bearer tokens RFC 6750).

Two traps of the library are closed here: an unknown scope is refused (it would answer a token without scope),
and neither secrets nor tokens are stored in plain.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc6749.errors import InvalidScopeError
from authlib.oauth2.rfc6749.util import scope_to_list
from authlib.oauth2.rfc6750 import BearerTokenValidator
from flask import Flask

from elearn.clock import utcnow
from elearn.credit_export.exam_system.receivers import SCOPES, find_receiver, same_secret
from elearn.credit_export.models import AccessToken, Receiver
from elearn.db import db

TOKEN_LIVES_S = 600


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True, slots=True)
class Client(ClientMixin):  # type: ignore[misc]  # Authlib carries no types
    """A receiver as Authlib sees a client."""

    receiver: Receiver

    def get_client_id(self) -> str:
        return self.receiver.client_id

    def get_default_redirect_uri(self) -> str:
        return ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return False

    def get_allowed_scope(self, scope: str | None) -> str:
        asked = scope_to_list(scope) or self.receiver.scopes
        return " ".join(one for one in self.receiver.scopes if one in asked)

    def check_client_secret(self, client_secret: str) -> bool:
        return same_secret(client_secret, self.receiver.secret_hash)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type: str) -> bool:
        return False

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


@dataclass(frozen=True, slots=True)
class Token(TokenMixin):  # type: ignore[misc]
    """A bearer token that was found and belongs to a receiver that is not revoked."""

    receiver_id: UUID
    scope: str
    expires_at: datetime

    def check_client(self, client: Client) -> bool:
        return client.receiver.id == self.receiver_id

    def get_scope(self) -> str:
        return self.scope

    def get_expires_in(self) -> int:
        return TOKEN_LIVES_S

    def is_expired(self) -> bool:
        return utcnow() >= self.expires_at

    def is_revoked(self) -> bool:
        return False  # revoking a receiver deletes its tokens


class ClientCredentials(grants.ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def validate_requested_scope(self) -> None:
        """Refuse a scope that does not exist or was not granted; asking for none means all that were granted."""
        asked = set(scope_to_list(self.request.payload.scope) or ())
        if not asked <= set(self.request.client.receiver.scopes) & set(SCOPES):
            raise InvalidScopeError()


class Validator(BearerTokenValidator):  # type: ignore[misc]
    def authenticate_token(self, token_string: str) -> Token | None:
        row = db.session.execute(
            sa.select(AccessToken.receiver_id, AccessToken.scope, AccessToken.expires_at)
            .join(Receiver, Receiver.id == AccessToken.receiver_id)
            .where(AccessToken.token_hash == token_hash(token_string), Receiver.revoked_at.is_(None))
        ).one_or_none()
        return Token(*row) if row else None


def make_server(app: Flask) -> AuthorizationServer:
    """The authorization server of one application."""
    server = AuthorizationServer()
    server.init_app(app, query_client=_query_client, save_token=_save_token)
    server.register_token_generator("default", _generate)
    server.register_grant(ClientCredentials)
    return server


def make_protector() -> ResourceProtector:
    protector = ResourceProtector()
    protector.register_token_validator(Validator())
    return protector


def _generate(grant_type: str, client: Client, **rest: Any) -> dict[str, Any]:
    import secrets

    return {
        "token_type": "Bearer",
        "access_token": secrets.token_urlsafe(32),
        "expires_in": TOKEN_LIVES_S,
        "scope": client.get_allowed_scope(rest.get("scope")),
    }


def _query_client(client_id: str) -> Client | None:
    found = find_receiver(db.session(), client_id)
    return Client(found) if found else None


def _save_token(token: dict[str, Any], request: Any) -> None:
    """Keep the hash of a new token and drop those of this receiver that have run out."""
    now = utcnow()
    receiver_id = request.client.receiver.id
    session = db.session()
    session.execute(sa.delete(AccessToken).where(AccessToken.receiver_id == receiver_id, AccessToken.expires_at <= now))
    session.add(
        AccessToken(
            token_hash=token_hash(token["access_token"]),
            receiver_id=receiver_id,
            scope=token["scope"],
            expires_at=now + timedelta(seconds=TOKEN_LIVES_S),
        )
    )
    session.flush()
