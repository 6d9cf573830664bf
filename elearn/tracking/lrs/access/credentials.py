"""Who may use /xapi/: keys with secrets, by HTTP Basic or a bearer token (xAPI Communication 4.0), and revocation.

A secret is 256 random bits, so one fast keyed hash guards it as well as a slow one would: there is nothing to
guess. A wrong secret and an unknown key cost the same and are answered alike.

A key that was found is kept for a second in the memory of each web process: a client that sends a hundred
statements a second is looked up once. A revocation so bites within a second, in every process.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from math import ceil
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask import g, request
from sqlalchemy.orm import Session

from elearn.clock import utcnow
from elearn.db import db, new_id
from elearn.errors import Forbidden, Malformed, NotFound, NotSignedIn, TooMany
from elearn.people.tries import network_of
from elearn.runtime import runtime
from elearn.tracking.lrs.access import bearer, scopes
from elearn.tracking.lrs.access.limits import Failures, Pace
from elearn.tracking.lrs.access.scopes import SCOPES, Reads
from elearn.tracking.lrs.models import Credential
from elearn.tracking.lrs.versions import LATEST, LATEST_1

KEPT_S = 1.0
"""How old what is known of a key may be; within this a revocation bites."""

_FIND = """
SELECT id, key, secret_hash, organisation_id, scopes, speaks FROM elearn.lrs_credential
WHERE key = %(key)s AND revoked_at IS NULL
"""


class _Found(NamedTuple):
    id: UUID
    key: str
    secret_hash: bytes
    organisation_id: UUID | None
    scopes: list[str]
    speaks: str


@dataclass(frozen=True, slots=True)
class Holder:
    """The credential a request came with, and what this request may do by it: a token may do less than its key."""

    id: UUID
    organisation_id: UUID | None
    scopes: frozenset[str]
    speaks: str = LATEST_1
    """What an answer names when the request did not say which xAPI it speaks."""

    @property
    def defines(self) -> bool:
        """Whether what it says about activities changes what is known of them (Communication 4.2)."""
        return bool(self.scopes & scopes.DEFINES)

    @property
    def reads(self) -> Reads:
        """Whose statements it may see; a key of one organisation sees those that came by that one's keys."""
        if not self.scopes & scopes.READS_ALL:
            return Reads(all=False, credentials=(self.id,) if self.scopes & scopes.READS else ())
        kept: dict[UUID | None, tuple[float, Reads]] = runtime().kept.setdefault("lrs.reads", {})
        last = kept.get(self.organisation_id)
        read_at = time.monotonic()
        if last is None or read_at - last[0] >= KEPT_S:
            last = kept[self.organisation_id] = read_at, reads_of(db.session(), self.organisation_id)
        return last[1]

    def may_read(self, authority_id: UUID | None, authority_organisation_id: UUID | None) -> bool:
        """The same of one statement that came by `authority_id`, whose organisation is known."""
        if authority_id == self.id:
            return bool(self.scopes & scopes.READS)
        if not self.scopes & scopes.READS_ALL:
            return False
        return self.organisation_id is None or self.organisation_id == authority_organisation_id


@dataclass(slots=True)
class Key:
    """Lets in whoever sends the secret of a key, or a token of one, that holds one of `scopes`."""

    name: str
    scopes: frozenset[str]

    def check(self, view_args: dict[str, Any]) -> None:
        """Raises NotSignedIn, Forbidden, TooMany."""
        if not recognised().scopes & self.scopes:
            raise Forbidden("This key's scopes do not allow this.", code="scope")


WRITER = Key("a key that writes statements", scopes.WRITES)
READER = Key("a key that reads statements", scopes.READS)
STATE_WRITER = Key("a key that writes state documents", scopes.STATE_WRITES)
STATE_READER = Key("a key that reads state documents", scopes.STATE_READS)
PROFILE_WRITER = Key("a key that writes profile documents", scopes.PROFILE_WRITES)
PROFILE_READER = Key("a key that reads profile documents", scopes.PROFILE_READS)
READS_ANY = Key("a key that may ask about activities and agents", scopes.KNOWS_THINGS)


def recognised() -> Holder:
    """Whose request this is, whatever its scopes; asked twice, it is looked up once.

    Raises NotSignedIn: no key, or a wrong one. TooMany: too many wrong ones, or the key asks too often.
    """
    if "lrs_holder" in g:
        return holder()
    sent = request.authorization
    found: Holder | None
    if sent is not None and sent.type == "basic" and sent.username is not None and sent.password is not None:
        found = authenticate(db.session(), sent.username, sent.password, server_key=server_key())
        key: str | None = sent.username
    elif sent is not None and sent.type == "bearer" and sent.token:
        found = authenticate_token(db.session(), sent.token, at=utcnow(), signing=token_key())
        key = None
    else:
        raise NotSignedIn("This store wants a key and its secret (HTTP Basic), or a bearer token.", code="key_needed")
    if found is None:
        refuse_wrong(key)
        raise NotSignedIn("This key and secret do not belong together.", code="wrong_key")
    keep_pace(found)
    g.lrs_holder = found
    return found


def holder() -> Holder:
    """The credential of this request, once a `Key` has let it in."""
    found: Holder = g.lrs_holder
    return found


def refuse_wrong(key: str | None) -> None:
    """Note a wrong secret for `key`. Raises TooMany when there were too many; the caller refuses otherwise."""
    failures: Failures = runtime().kept.setdefault("lrs.failures", Failures())
    wait_s = failures.count(network_of(request.remote_addr), key, at=time.monotonic())
    if wait_s:
        raise TooMany("Too many wrong keys or secrets. Please wait and try again.", retry_after_s=wait_s)


def keep_pace(found: Holder) -> None:
    """Raises TooMany: this key asks more often than this server answers one key."""
    kept = runtime().kept
    pace: Pace | None = kept.get("lrs.pace")
    if pace is None:
        pace = kept["lrs.pace"] = Pace(runtime().settings.lrs_rate)
    wait_s = pace.take(found.id, at=time.monotonic())
    if wait_s:
        raise TooMany("This key asks too often. Please wait and try again.", retry_after_s=ceil(wait_s))


def server_key() -> bytes:
    """What secrets are hashed under; of its own purpose, derived from a key that outlives sign-in keys."""
    return blake2b(b"secrets of /xapi/ keys", key=runtime().settings.index_key, digest_size=32).digest()


def token_key() -> bytes:
    """What bearer tokens are signed with."""
    return blake2b(b"tokens of /xapi/", key=runtime().settings.secret_key, digest_size=32).digest()


def authenticate(session: Session, key: str, secret: str, *, server_key: bytes) -> Holder | None:
    """The live credential of `key` when `secret` is its own."""
    sent = _hash(secret, server_key)
    found = _kept().get(key)
    if found is not None and time.monotonic() - found[0] < KEPT_S and hmac.compare_digest(sent, found[1].secret_hash):
        return _holder(found[1])
    # A wrong secret is looked up as an unknown key is, so that both take as long.
    row = _look_up(session, key)
    fits = hmac.compare_digest(sent, row.secret_hash if row is not None else bytes(32))
    return _holder(row) if row is not None and fits else None


def authenticate_token(session: Session, token: str, *, at: datetime, signing: bytes) -> Holder | None:
    """The live credential that asked for `token`, able to do what the token and the key both allow."""
    said = bearer.read(token, at=at, signing=signing)
    if said is None:
        return None
    kept = _kept().get(said.key)
    row = kept[1] if kept is not None and time.monotonic() - kept[0] < KEPT_S else _look_up(session, said.key)
    if row is None:
        return None
    return _holder(row, scopes.included(row.scopes) & frozenset(said.scopes))


def _holder(row: _Found, may: frozenset[str] | None = None) -> Holder:
    return Holder(row.id, row.organisation_id, frozenset(row.scopes) if may is None else may, row.speaks)


def _kept() -> dict[str, tuple[float, _Found]]:
    """Live keys by name and when they were read. Names that are no key's never stand here."""
    kept: dict[str, tuple[float, _Found]] = runtime().kept.setdefault("lrs.keys", {})
    return kept


def _look_up(session: Session, key: str) -> _Found | None:
    if "\0" in key:
        return None  # PostgreSQL's text cannot hold it, so no key does
    read_at = time.monotonic()
    row = session.connection().exec_driver_sql(_FIND, {"key": key}).one_or_none()
    if row is None:
        _kept().pop(key, None)
        return None
    found = _Found(*row)
    _kept()[key] = read_at, found
    return found


def reads_of(session: Session, organisation_id: UUID | None) -> Reads:
    """All statements, or those that came by the keys of an organisation, revoked ones too: they stay its own."""
    if organisation_id is None:
        return Reads(all=True)
    keys = sa.select(Credential.id).where(Credential.organisation_id == organisation_id)
    return Reads(all=False, credentials=tuple(session.scalars(keys.order_by(Credential.id))))


def named(session: Session, key: str) -> Holder:
    """The live credential of `key`, for the operator at the machine, who needs no secret. Raises NotFound."""
    row = _look_up(session, key)
    if row is None:
        raise NotFound("There is no such key.")
    return _holder(row)


def create(
    session: Session,
    *,
    label: str,
    scopes: Sequence[str],
    organisation_id: UUID | None,
    at: datetime,
    server_key: bytes,
    speaks: str = LATEST_1,
) -> tuple[Credential, str]:
    """A new credential and its secret, which is shown this once.

    Raises Malformed: a scope xAPI does not know, or a version this store does not.
    """
    if speaks not in LATEST:
        raise Malformed("The version must be one of: %(versions)s", versions=", ".join(LATEST))
    unknown = set(scopes) - set(SCOPES)
    if unknown or not scopes:
        raise Malformed("A scope must be one of: %(scopes)s", scopes=", ".join(SCOPES))
    secret = secrets.token_urlsafe(32)
    credential = Credential(
        id=new_id(),
        key=secrets.token_hex(12),  # a word of commands: never with a dash in front
        secret_hash=_hash(secret, server_key),
        label=label,
        organisation_id=organisation_id,
        scopes=sorted(set(scopes)),
        speaks=speaks,
        created_at=at,
    )
    session.add(credential)
    session.flush()
    return credential, secret


def revoke(session: Session, key: str, *, at: datetime, within: frozenset[UUID] | None = None) -> Credential:
    """From a second after the commit on, the key opens nothing, nor does any token of it. Once more changes nothing.

    Raises NotFound: no such key, or none of the organisations `within`.
    """
    credential = session.scalar(sa.select(Credential).where(Credential.key == key).with_for_update())
    if credential is None or (within is not None and credential.organisation_id not in within):
        raise NotFound("There is no such key.")
    if credential.revoked_at is None:
        credential.revoked_at = at
        session.flush()
        _kept().pop(key, None)
    return credential


def everyone(session: Session, *, within: frozenset[UUID] | None = None) -> Sequence[Credential]:
    """All credentials, or those of the organisations `within`, oldest first."""
    asked = sa.select(Credential).order_by(Credential.created_at, Credential.id)
    if within is not None:
        asked = asked.where(Credential.organisation_id.in_(within))
    return session.scalars(asked).all()


def _hash(secret: str, server_key: bytes) -> bytes:
    return blake2b(secret.encode(), key=server_key, digest_size=32).digest()
