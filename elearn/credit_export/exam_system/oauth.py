"""Bearer tokens of receivers: OAuth 2 client credentials (`people/programs.py`), tokens of RFC 6750.

Neither secrets nor tokens are stored in plain.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6749 import TokenMixin
from authlib.oauth2.rfc6750 import BearerTokenValidator
from flask import Flask

from elearn.clock import utcnow
from elearn.credit_export.exam_system.receivers import ALL_SCOPES, find_receiver, same_secret
from elearn.credit_export.models import AccessToken, Receiver
from elearn.db import db
from elearn.people import programs

TOKEN_LIVES_S = 600


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True)
class Client(programs.Program):
    """A receiver that asks for a token."""

    receiver: Receiver

    def opens(self, secret: str) -> bool:
        return same_secret(secret, self.receiver.secret_hash)

    def narrowed(self, asked: Sequence[str]) -> Sequence[str] | None:
        """Asking for nothing means all that was granted."""
        may = set(self.receiver.scopes) & set(ALL_SCOPES)
        return [one for one in self.receiver.scopes if one in (asked or may)] if may.issuperset(asked) else None


@dataclass(frozen=True, slots=True)
class Token(TokenMixin):  # type: ignore[misc]  # Authlib carries no types
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
    return programs.make_server(
        app, find=_find, write=lambda client, scopes: secrets.token_urlsafe(32), lives_s=TOKEN_LIVES_S, keep=_keep
    )


def make_protector() -> ResourceProtector:
    protector = ResourceProtector()
    protector.register_token_validator(Validator())
    return protector


def _find(client_id: str) -> Client | None:
    found = find_receiver(db.session(), client_id)
    return Client(found) if found else None


def _keep(token: dict[str, Any], client: Client) -> None:
    """Keep the hash of a new token and drop those of this receiver that have run out."""
    now = utcnow()
    receiver_id = client.receiver.id
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
