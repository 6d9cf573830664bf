"""The keys of phones: P-256 public keys that a browser made and whose private halves it cannot give away.

The signing key does not prove watching; it ties each report to one device and stops replays across accounts
(MODEL T10, T13). The agreement key, if a device has one, is what its downloaded lessons' keys are sealed to.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.orm import Session

from elearn.errors import Conflict, Malformed, NotFound, TooMany
from elearn.people.models import Device, Person
from elearn.people.signatures import base64url, signature_holds, unbase64url
from elearn.runtime import runtime

MOST_DEVICES = 20
"""Live keys of one person; the oldest goes when one more comes. A browser that loses its storage makes a new one."""
NEW_A_DAY = 10
"""New keys of one person within 24 hours: far more than anybody needs, and a script fills no table with them."""
DAY = timedelta(hours=24)
CACHED_FOR_S = 30.0
MOST_CACHED = 10_000


class P256Jwk(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A P-256 public key as WebCrypto exports it (RFC 7517, RFC 7518 section 6.2.1). `d` is the private half."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    ext: bool | None = None
    key_ops: list[str] | None = None
    kid: str | None = None
    d: str | None = None

    def bare(self) -> dict[str, str]:
        """The members that make the key, and nothing else."""
        return {"crv": self.crv, "kty": self.kty, "x": self.x, "y": self.y}


class PublicJwk(P256Jwk, frozen=True):
    """A key that signs (ECDSA)."""

    alg: Literal["ES256"] | None = None
    use: Literal["sig"] | None = None


class AgreementJwk(P256Jwk, frozen=True):
    """A key that others agree on a secret with (ECDH)."""

    alg: Literal["ECDH-ES+A256KW"] | None = None
    use: Literal["enc"] | None = None


class Agreement(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An agreement key and the proof that the device's signing key stands behind it."""

    jwk: AgreementJwk
    sig: str
    """base64url of r || s (RFC 7518, section 3.4) by the signing key over `agreement_bytes`."""


def _coordinate(text: str) -> int:
    value = unbase64url(text) or b""
    if len(value) != 32 or base64url(value) != text:
        raise Malformed("The device key's coordinates are not 32 bytes of base64url.", code="device_key")
    return int.from_bytes(value, "big")


@lru_cache(maxsize=4096)
def load_key(x: str, y: str) -> ec.EllipticCurvePublicKey:
    """The P-256 public key with these base64url coordinates. Raises Malformed when the point is not on the curve."""
    numbers = ec.EllipticCurvePublicNumbers(_coordinate(x), _coordinate(y), ec.SECP256R1())
    try:
        return numbers.public_key()
    except ValueError as error:
        raise Malformed("The device key is not a point on the curve P-256.", code="device_key") from error


def thumbprint(jwk: P256Jwk) -> str:
    """RFC 7638 with SHA-256, base64url: over the required members only, sorted, without spaces."""
    exact = json.dumps(jwk.bare(), sort_keys=True, separators=(",", ":")).encode()
    return base64url(hashlib.sha256(exact).digest())


def agreement_bytes(name: str) -> bytes:
    """What the signing key signs to bring an agreement key of thumbprint `name`."""
    return f"elearn agreement\n{name}".encode()


def enrol(
    session: Session, person_id: UUID, jwk: PublicJwk, *, at: datetime, agreement: Agreement | None = None
) -> str:
    """The person's device may sign reports from now on; answers its thumbprint. Doing it again changes nothing.

    With `agreement` it can be given downloads too: one key for good, so that nobody who can only speak for the
    learner moves what is sealed to another device. Raises Malformed: a private key, no point on the curve, a proof
    that does not hold; NotFound; a revoked key stays revoked: Malformed; Conflict: another agreement key; TooMany:
    `too_many_devices`, NEW_A_DAY within 24 hours.
    """
    signing = _checked(jwk)
    name = thumbprint(jwk)
    if agreement is not None:
        _prove(agreement, jwk, signing)
    if session.get(Person, person_id, with_for_update=True) is None:
        raise NotFound("There is no such person.")
    known = sa.exists().where(Device.person_id == person_id, Device.thumbprint == name)
    if not session.scalar(sa.select(known)):
        _room_for_one(session, person_id, at)
        session.add(Device(person_id=person_id, thumbprint=name, jwk=jwk.bare(), enrolled_at=at))
        session.flush()
    live = session.scalars(
        sa.select(Device)
        .where(Device.person_id == person_id, Device.revoked_at.is_(None))
        .order_by(Device.enrolled_at.desc(), Device.id.desc())
    ).all()
    own = next((device for device in live if device.thumbprint == name), None)
    if own is None:
        raise Malformed("This device key was revoked. Make a new one.", code="device_revoked")
    if agreement is not None:
        if own.agreement_jwk not in (None, agreement.jwk.bare()):
            raise Conflict(
                "This device has another key for downloads already. Make a new device key.", code="device_agreement"
            )
        own.agreement_jwk = agreement.jwk.bare()
    for too_old in live[MOST_DEVICES:]:
        too_old.revoked_at = at
    session.flush()
    return name


def _room_for_one(session: Session, person_id: UUID, at: datetime) -> None:
    """Raises TooMany: NEW_A_DAY were brought in the last 24 hours, revoked ones included."""
    newest = session.scalars(
        sa.select(Device.enrolled_at)
        .where(Device.person_id == person_id, Device.enrolled_at > at - DAY)
        .order_by(Device.enrolled_at.desc())
        .limit(NEW_A_DAY)
    ).all()
    if len(newest) == NEW_A_DAY:
        left_s = math.ceil((newest[-1] + DAY - at).total_seconds())
        raise TooMany(
            "Too many new devices in one day. Please go on with one that is known, or try again in %(hours)d h.",
            code="too_many_devices",
            retry_after_s=left_s,
            hours=math.ceil(left_s / 3600),
        )


def _checked(jwk: P256Jwk) -> ec.EllipticCurvePublicKey:
    """The key itself. Raises Malformed: a private one, or no point on the curve."""
    if jwk.d is not None:
        raise Malformed("This is a private key. Send only the public half.", code="private_key")
    return load_key(jwk.x, jwk.y)


def _prove(agreement: Agreement, jwk: PublicJwk, signing: ec.EllipticCurvePublicKey) -> None:
    """Raises Malformed unless the agreement key is a sound one, not the signing key again, and signed for by it."""
    _checked(agreement.jwk)
    if agreement.jwk.bare() == jwk.bare():
        # One key for two purposes: what is agreed on could stand in for what is signed.
        raise Malformed("The key for downloads must not be the signing key.", code="device_key")
    sig = unbase64url(agreement.sig) or b""
    if not signature_holds(signing, sig, agreement_bytes(thumbprint(agreement.jwk))):
        raise Malformed("The device did not sign for its key for downloads.", code="agreement_signature")


def agreement_key(session: Session, person_id: UUID, name: str) -> dict[str, str] | None:
    """The agreement key (a bare JWK) of this person's live device; None: it brought none. Raises NotFound."""
    row = session.execute(
        sa.select(Device.agreement_jwk).where(
            Device.person_id == person_id, Device.thumbprint == name, Device.revoked_at.is_(None)
        )
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such device.")
    jwk: dict[str, str] | None = row.agreement_jwk
    return jwk


def revoke(session: Session, person_id: UUID, name: str, *, at: datetime) -> None:
    """The device's signature no longer holds; other processes notice within `CACHED_FOR_S`. Raises NotFound."""
    device = session.scalar(
        sa.select(Device).where(Device.person_id == person_id, Device.thumbprint == name, Device.revoked_at.is_(None))
    )
    if device is None:
        raise NotFound("There is no such device.")
    device.revoked_at = at
    _cache().pop((person_id, name), None)
    session.flush()


def public_key(session: Session, person_id: UUID, name: str) -> ec.EllipticCurvePublicKey:
    """The live key of this person's device, from a cache of `CACHED_FOR_S` seconds. Raises NotFound."""
    cache = _cache()
    known = cache.get((person_id, name))
    if known is not None and time.monotonic() < known[0]:
        return known[1]
    jwk = session.scalar(
        sa.select(Device.jwk).where(
            Device.person_id == person_id, Device.thumbprint == name, Device.revoked_at.is_(None)
        )
    )
    if jwk is None:
        raise NotFound("There is no such device.")
    key = load_key(jwk["x"], jwk["y"])
    if len(cache) >= MOST_CACHED:
        cache.clear()
    cache[(person_id, name)] = (time.monotonic() + CACHED_FOR_S, key)
    return key


def _cache() -> dict[tuple[UUID, str], tuple[float, ec.EllipticCurvePublicKey]]:
    cache: dict[tuple[UUID, str], tuple[float, ec.EllipticCurvePublicKey]] = runtime().kept.setdefault(
        "device_keys", {}
    )
    return cache
