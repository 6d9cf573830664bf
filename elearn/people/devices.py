"""The signing keys of phones: a P-256 public key that a browser made and whose private half it cannot give away.

It does not prove watching; it ties each report to one device and stops replays across accounts (MODEL T10, T13).
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from datetime import datetime
from functools import lru_cache
from typing import Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from elearn.errors import Malformed, NotFound
from elearn.people.models import Device, Person
from elearn.runtime import runtime

MOST_DEVICES = 20
"""Live keys of one person; the oldest goes when one more comes. A browser that loses its storage makes a new one."""
CACHED_FOR_S = 30.0
MOST_CACHED = 10_000


class PublicJwk(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A P-256 public key as WebCrypto exports it (RFC 7517, RFC 7518 section 6.2.1). `d` is the private half."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    ext: bool | None = None
    key_ops: list[str] | None = None
    alg: Literal["ES256"] | None = None
    use: Literal["sig"] | None = None
    kid: str | None = None
    d: str | None = None


def _coordinate(text: str) -> int:
    try:
        value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        value = b""
    if len(value) != 32 or base64.urlsafe_b64encode(value).rstrip(b"=").decode() != text:
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


def thumbprint(jwk: PublicJwk) -> str:
    """RFC 7638 with SHA-256, base64url: over the required members only, sorted, without spaces."""
    members = {"crv": jwk.crv, "kty": jwk.kty, "x": jwk.x, "y": jwk.y}
    exact = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(exact).digest()).rstrip(b"=").decode()


def enrol(session: Session, person_id: UUID, jwk: PublicJwk, *, at: datetime) -> str:
    """The person's device may sign reports from now on; answers its thumbprint. Doing it again changes nothing.

    Raises Malformed: a private key, or no point on the curve; NotFound; a revoked key stays revoked: Malformed.
    """
    if jwk.d is not None:
        raise Malformed("This is a private key. Send only the public half.", code="private_key")
    load_key(jwk.x, jwk.y)
    name = thumbprint(jwk)
    if session.get(Person, person_id, with_for_update=True) is None:
        raise NotFound("There is no such person.")
    session.execute(
        insert(Device)
        .values(
            person_id=person_id,
            thumbprint=name,
            jwk={"crv": jwk.crv, "kty": jwk.kty, "x": jwk.x, "y": jwk.y},
            enrolled_at=at,
        )
        .on_conflict_do_nothing()
    )
    live = session.scalars(
        sa.select(Device)
        .where(Device.person_id == person_id, Device.revoked_at.is_(None))
        .order_by(Device.enrolled_at.desc(), Device.id.desc())
    ).all()
    if name not in {device.thumbprint for device in live}:
        raise Malformed("This device key was revoked. Make a new one.", code="device_revoked")
    for too_old in live[MOST_DEVICES:]:
        too_old.revoked_at = at
    session.flush()
    return name


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
