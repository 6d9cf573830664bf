"""AES-128-CBC of media segments (RFC 8216, 4.3.2.4: METHOD=AES-128, whole segments, PKCS #7 padding).

Ours, because ffmpeg answers "Encrypted fmp4 not yet supported". Init segments stay clear.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

KEY_BYTES = 16


def iv_of(segment: int) -> bytes:
    """The segment's media sequence number as a big-endian 128-bit number (RFC 8216, 5.2)."""
    return segment.to_bytes(16, "big")


def encrypt_segment(clear: bytes, key: bytes, segment: int) -> bytes:
    """Encrypt one whole segment. `segment` is its media sequence number, counted from 0."""
    padding = KEY_BYTES - len(clear) % KEY_BYTES
    encryptor = Cipher(algorithms.AES128(key), modes.CBC(iv_of(segment))).encryptor()
    return encryptor.update(clear + bytes([padding]) * padding) + encryptor.finalize()


def write_keys(path: Path, keys: tuple[bytes, ...]) -> None:
    """Write the keys of all blocks, one after the other, readable by the owner alone from the first moment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"".join(keys))
        file.flush()
        os.fsync(file.fileno())
