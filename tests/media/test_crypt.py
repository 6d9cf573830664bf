"""Segments are sealed as HLS says, keys are nobody else's."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from media.crypt import encrypt_segment, iv_of, write_keys


def decrypt(sealed: bytes, key: bytes, iv: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES128(key), modes.CBC(iv)).decryptor()
    padded = decryptor.update(sealed) + decryptor.finalize()
    assert 1 <= padded[-1] <= 16
    assert padded.endswith(bytes([padded[-1]]) * padded[-1])
    return padded[: -padded[-1]]


def test_the_first_block_is_that_of_the_standard() -> None:
    """NIST SP 800-38A, F.2.1 (CBC-AES128.Encrypt), with an IV of zeros folded into the plaintext."""
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    iv = bytes(range(16))
    plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")
    folded = bytes(a ^ b for a, b in zip(plain, iv, strict=True))
    assert encrypt_segment(folded, key, 0)[:16].hex() == "7649abac8119b246cee98e9b12e9197d"


def test_the_iv_is_the_media_sequence_number() -> None:
    assert iv_of(0) == bytes(16)
    assert iv_of(258) == bytes(14) + b"\x01\x02"


@given(st.binary(max_size=100), st.binary(min_size=16, max_size=16), st.integers(0, 100_000))
def test_what_was_sealed_opens_again(clear: bytes, key: bytes, number: int) -> None:
    sealed = encrypt_segment(clear, key, number)
    assert len(sealed) % 16 == 0
    assert len(sealed) > len(clear)
    assert decrypt(sealed, key, number.to_bytes(16, "big")) == clear


def test_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    write_keys(tmp_path / "keys.bin", (b"a" * 16, b"b" * 16))
    assert (tmp_path / "keys.bin").read_bytes() == b"a" * 16 + b"b" * 16
    assert stat.S_IMODE((tmp_path / "keys.bin").stat().st_mode) == 0o600


def test_keys_never_replace_keys(tmp_path: Path) -> None:
    write_keys(tmp_path / "keys.bin", (b"a" * 16,))
    with pytest.raises(FileExistsError):
        write_keys(tmp_path / "keys.bin", (b"b" * 16,))
