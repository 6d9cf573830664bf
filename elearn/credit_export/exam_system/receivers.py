"""Making, listing and revoking receivers. A secret is shown once and kept as a keyed hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Outline
from elearn.credit_export.models import AccessToken, Receiver, ReceiverOutline
from elearn.errors import Malformed, NotFound

SCOPES = ("eligibility.read", "changes.read", "receipts.write")
"""What a token may be asked for: one person's eligibility; the feed of all changes; to answer what became of them."""
EVIDENCE = "evidence.read"
"""The raw evidence of drawn blocks of the whole log, whatever is examined: for an authority that computes them again.
Nobody has it by default."""
MOBILE = "mobile.read"
"""Records tell phone numbers too, where there are any. Nobody has it by default."""
ALL_SCOPES = (*SCOPES, EVIDENCE, MOBILE)


class Credentials(NamedTuple):
    client_id: str
    secret: str


def hash_secret(secret: str) -> bytes:
    """A fast hash is right here: the secret has 256 random bits, so there is nothing to guess slowly."""
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"elearn receiver").digest()


def same_secret(given: str, kept: bytes) -> bool:
    return hmac.compare_digest(hash_secret(given), kept)


def add_receiver(
    session: Session, *, name: str, outlines: Sequence[str], scopes: Sequence[str], made_at: datetime
) -> Credentials:
    """Make a receiver that may see the people of `outlines` (codes).

    Raises Malformed for an unknown scope, NotFound for an unknown outline.
    """
    unknown = sorted(set(scopes) - set(ALL_SCOPES))
    if unknown or not scopes:
        raise Malformed("There is no such scope: %(scopes)s", scopes=" ".join(unknown) or "-")
    known = set(session.scalars(sa.select(Outline.code).where(Outline.code.in_(outlines))))
    missing = sorted(set(outlines) - known)
    if missing or not outlines:
        raise NotFound("There is no such outline: %(codes)s", codes=" ".join(missing) or "-")
    secret = secrets.token_urlsafe(32)
    receiver = Receiver(
        name=name,
        client_id=f"exam-{secrets.token_hex(6)}",
        secret_hash=hash_secret(secret),
        scopes=list(scopes),
        created_at=made_at,
    )
    session.add(receiver)
    session.flush()
    session.add_all(ReceiverOutline(receiver_id=receiver.id, outline_code=code) for code in sorted(known))
    session.flush()
    return Credentials(receiver.client_id, secret)


def revoke_receiver(session: Session, *, client_id: str, revoked_at: datetime) -> None:
    """Close the door at once: the receiver's tokens go too. Raises NotFound."""
    receiver = get_receiver(session, client_id)
    receiver.revoked_at = revoked_at
    session.execute(sa.delete(AccessToken).where(AccessToken.receiver_id == receiver.id))
    session.flush()


def find_receiver(session: Session, client_id: str) -> Receiver | None:
    """The receiver of that client id unless it was revoked."""
    return session.scalars(
        sa.select(Receiver).where(Receiver.client_id == client_id, Receiver.revoked_at.is_(None))
    ).one_or_none()


def get_receiver(session: Session, client_id: str) -> Receiver:
    """The same. Raises NotFound."""
    receiver = find_receiver(session, client_id)
    if receiver is None:
        raise NotFound("There is no such receiver.")
    return receiver


def all_receivers(session: Session) -> Sequence[Receiver]:
    return session.scalars(sa.select(Receiver).order_by(Receiver.created_at)).all()
