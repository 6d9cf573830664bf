"""Pure: signatures as browsers make them (ES256), and the base64url that they and keys travel in."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

_ecdsa = ECDSA(SHA256())


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unbase64url(text: str) -> bytes | None:
    """The bytes; None for what is not base64url."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None


def signature_holds(key: EllipticCurvePublicKey, sig: bytes, signed: bytes) -> bool:
    """Is `sig` an ES256 signature (r || s, RFC 7518, section 3.4) by `key` over `signed`?"""
    if len(sig) != 64:
        return False
    der = encode_dss_signature(int.from_bytes(sig[:32]), int.from_bytes(sig[32:]))
    try:
        key.verify(der, signed, _ecdsa)
    except InvalidSignature:
        return False
    return True
