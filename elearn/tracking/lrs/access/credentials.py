"""Who may use /xapi/: keys with secrets, HTTP Basic (xAPI Communication 4.0), scopes, revocation.

A secret is 256 random bits, so one fast keyed hash guards it as well as a slow one would: there is nothing to
guess. A wrong secret and an unknown key cost the same and are answered alike.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import g, request
from sqlalchemy.orm import Session

from elearn.db import db, new_id
from elearn.errors import Forbidden, Malformed, NotFound, NotSignedIn
from elearn.runtime import runtime
from elearn.tracking.lrs.models import Credential

SCOPES = (
    "statements/write",
    "statements/read/mine",
    "statements/read",
    "state",
    "define",
    "profile",
    "all/read",
    "all",
)
"""As xAPI Communication 4.2 names them."""
DEFAULT_SCOPES = ("statements/write", "statements/read/mine")
"""What the same section gives a client that asks for nothing."""

WRITES = frozenset({"statements/write", "all"})
READS_ALL = frozenset({"statements/read", "all/read", "all"})
READS = READS_ALL | {"statements/read/mine"}
STATE_WRITES = frozenset({"state", "all"})
STATE_READS = STATE_WRITES | {"all/read"}
PROFILE_WRITES = frozenset({"profile", "all"})
PROFILE_READS = PROFILE_WRITES | {"all/read"}

_FIND = """
SELECT id, secret_hash, organisation_id, scopes FROM elearn.lrs_credential
WHERE key = %(key)s AND revoked_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """The credential a request came with."""

    id: UUID
    organisation_id: UUID | None
    scopes: frozenset[str]

    def may_read(self, authority_id: UUID | None, authority_organisation_id: UUID | None) -> bool:
        """Whether it may see a statement that came by `authority_id`; a key of one organisation sees no other's."""
        if authority_id == self.id:
            return bool(self.scopes & READS)
        if not self.scopes & READS_ALL:
            return False
        return self.organisation_id is None or self.organisation_id == authority_organisation_id


@dataclass(slots=True)
class Key:
    """Lets in whoever sends the secret of a key that holds one of `scopes`."""

    name: str
    scopes: frozenset[str]

    def check(self, view_args: dict[str, Any]) -> None:
        sent = request.authorization
        if sent is None or sent.type != "basic" or sent.username is None or sent.password is None:
            raise NotSignedIn("This store wants a key and its secret (HTTP Basic).", code="key_needed")
        holder = authenticate(db.session(), sent.username, sent.password, server_key=server_key())
        if holder is None:
            raise NotSignedIn("This key and secret do not belong together.", code="wrong_key")
        if not holder.scopes & self.scopes:
            raise Forbidden("This key's scopes do not allow this.", code="scope")
        g.lrs_holder = holder


WRITER = Key("a key that writes statements", WRITES)
READER = Key("a key that reads statements", READS)
STATE_WRITER = Key("a key that writes state documents", STATE_WRITES)
STATE_READER = Key("a key that reads state documents", STATE_READS)
PROFILE_WRITER = Key("a key that writes profile documents", PROFILE_WRITES)
PROFILE_READER = Key("a key that reads profile documents", PROFILE_READS)


def holder() -> Holder:
    """The credential of this request, once a `Key` has let it in."""
    found: Holder = g.lrs_holder
    return found


def server_key() -> bytes:
    """What secrets are hashed under; of its own purpose, derived from a key that outlives sign-in keys."""
    return blake2b(b"secrets of /xapi/ keys", key=runtime().settings.index_key, digest_size=32).digest()


def authenticate(session: Session, key: str, secret: str, *, server_key: bytes) -> Holder | None:
    """The live credential of `key` when `secret` is its own."""
    if "\0" in key:
        return None  # PostgreSQL's text cannot hold it, so no key does
    row = session.connection().exec_driver_sql(_FIND, {"key": key}).one_or_none()
    kept = row[1] if row is not None else bytes(32)
    fits = hmac.compare_digest(_hash(secret, server_key), kept)
    if row is None or not fits:
        return None
    return Holder(row[0], row[2], frozenset(row[3]))


def create(
    session: Session,
    *,
    label: str,
    scopes: Sequence[str],
    organisation_id: UUID | None,
    at: datetime,
    server_key: bytes,
) -> tuple[Credential, str]:
    """A new credential and its secret, which is shown this once. Raises Malformed: a scope xAPI does not know."""
    unknown = set(scopes) - set(SCOPES)
    if unknown or not scopes:
        raise Malformed("A scope must be one of: %(scopes)s", scopes=", ".join(SCOPES))
    secret = secrets.token_urlsafe(32)
    credential = Credential(
        id=new_id(),
        key=secrets.token_urlsafe(12),
        secret_hash=_hash(secret, server_key),
        label=label,
        organisation_id=organisation_id,
        scopes=sorted(set(scopes)),
        created_at=at,
    )
    session.add(credential)
    session.flush()
    return credential, secret


def revoke(session: Session, key: str, *, at: datetime) -> Credential:
    """From the commit on, the key opens nothing. A second time changes nothing. Raises NotFound."""
    credential = session.scalar(sa.select(Credential).where(Credential.key == key).with_for_update())
    if credential is None:
        raise NotFound("There is no such key.")
    if credential.revoked_at is None:
        credential.revoked_at = at
        session.flush()
    return credential


def everyone(session: Session) -> Sequence[Credential]:
    """All credentials, oldest first."""
    return session.scalars(sa.select(Credential).order_by(Credential.created_at, Credential.id)).all()


def _hash(secret: str, server_key: bytes) -> bytes:
    return blake2b(secret.encode(), key=server_key, digest_size=32).digest()
