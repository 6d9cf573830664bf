"""Pure: secrets at rest. AES-256-GCM under a key of 32 bytes, bound to the place where the sealed bytes lie.

A sealed secret is 12 bytes nonce (random), the ciphertext, 16 bytes tag. What it is bound to is not kept in it: moved
to another row, or read for another purpose, it does not open.
"""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


def seal(plain: bytes, key: bytes, bound_to: bytes) -> bytes:
    """`plain` sealed; 28 bytes longer."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to)


def unseal(sealed: bytes, key: bytes, bound_to: bytes) -> bytes:
    """In the clear. Raises cryptography's InvalidTag: another key, another place, or changed; ValueError: too short."""
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
