"""Media keys at rest: sealed (`elearn/sealing.py`) under the sealing key, bound to their unit and block.

A sealed key is 12 bytes nonce, 16 bytes ciphertext, 16 bytes tag. The bound data keeps a row that somebody
moved to another unit or block from opening, and a person's sealed data key from passing for one of ours.
"""

from __future__ import annotations

from uuid import UUID

from elearn.sealing import seal, unseal


def seal_key(key: bytes, sealing_key: bytes, unit_id: UUID, index: int) -> bytes:
    """`key` (16 bytes) sealed for its row; 44 bytes."""
    return seal(key, sealing_key, _bound_to(unit_id, index))


def open_key(sealed: bytes, sealing_key: bytes, unit_id: UUID, index: int) -> bytes:
    """The key in the clear. Raises cryptography's InvalidTag when the row or the sealing key is another."""
    return unseal(sealed, sealing_key, _bound_to(unit_id, index))


def _bound_to(unit_id: UUID, index: int) -> bytes:
    return b"elearn media key\0" + unit_id.bytes + index.to_bytes(4, "big")
