"""Text signed by keys that have names: C2SP signed-note, with the cosignatures of C2SP tlog-cosignature.

    Note          text, and signature lines in the order they came; lines of unknown keys are carried along
    Verifier      a public key with its name; reads and writes the one-line form (vkey); `time_of(note)` checks
    Signer        the same with the private key; `sign(text, at_s)` makes a line

Algorithms go by number: 0x01 signs the text with Ed25519; 0x04 is a witness's Ed25519 cosignature, with the time; 0x06
is one by ML-DSA-44, safe from quantum computers, over the checkpoint's name, size and root and the witness's name.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.plain_text import SIZE_MAX, NoteRefused, base64_bytes, base64_text, decoded

__all__ = [
    "Algorithm",
    "NotSigned",
    "Note",
    "NoteRefused",
    "SignatureLine",
    "Signer",
    "Verifier",
    "key_id",
    "read_note",
    "read_signature_lines",
    "times_of",
]

NOTE_BYTES_MAX = 1_000_000
LINES_MAX = 100
"""Signature lines of one note; the format asks for at least sixteen."""
KEY_ID_BYTES = 4
TIME_BYTES = 8
DASH = "\u2014 "


class NotSigned(NoteRefused):
    """No line of the note is by this key."""


class Algorithm(IntEnum):
    """Signature types of signed-note that are understood here."""

    ED25519 = 0x01
    COSIGNATURE = 0x04
    MLDSA44_COSIGNATURE = 0x06

    @property
    def key_bytes(self) -> int:
        return 1312 if self is Algorithm.MLDSA44_COSIGNATURE else 32

    @property
    def timed(self) -> bool:
        """The signature says when it was made."""
        return self is not Algorithm.ED25519


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """Who signed, with which key, and the signature."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{DASH}{self.name} {base64_text(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends with a newline, and the lines below it. `str` writes what was read, to the byte."""

    text: str
    lines: tuple[SignatureLine, ...] = ()

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(str(line) for line in self.lines)}"

    def with_line(self, line: SignatureLine) -> Note:
        return replace(self, lines=(*self.lines, line))


def read_note(data: str | bytes) -> Note:
    """A note with at least one signature line; raises NoteRefused. None of its signatures is checked here."""
    if len(data) > NOTE_BYTES_MAX:
        raise NoteRefused("the note is too long")
    text, empty, below = decoded(data).rpartition("\n\n")
    if not empty:
        raise NoteRefused("no empty line stands between text and signatures")
    return Note(f"{text}\n", read_signature_lines(below))


def read_signature_lines(text: str) -> tuple[SignatureLine, ...]:
    """One or more signature lines by themselves, as a witness answers; raises NoteRefused."""
    if not decoded(text).endswith("\n"):
        raise NoteRefused("the last line does not end")
    lines = text[:-1].split("\n")
    if len(lines) > LINES_MAX:
        raise NoteRefused("the note has too many signatures")
    return tuple(_signature_line(line) for line in lines)


def _signature_line(line: str) -> SignatureLine:
    if not line.startswith(DASH):
        raise NoteRefused("a signature line begins with a dash and a space")
    name, _, text = line.removeprefix(DASH).partition(" ")
    _require_name(name)
    data = base64_bytes(text)
    if len(data) <= KEY_ID_BYTES:
        raise NoteRefused("a signature line has no signature")
    return SignatureLine(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def _require_name(name: str) -> None:
    if not name or "+" in name or any(letter.isspace() for letter in name):
        raise NoteRefused("a key's name is not empty and has neither spaces nor plus signs")


def key_id(name: str, algorithm: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:KEY_ID_BYTES]


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under a name."""

    name: str
    key_id: bytes
    algorithm: Algorithm
    public: bytes

    @classmethod
    def of(cls, name: str, algorithm: Algorithm, public: bytes) -> Self:
        """Raises NoteRefused when name or key cannot be."""
        _require_name(decoded(name))
        if len(public) != algorithm.key_bytes:
            raise NoteRefused("the key has not the length of its algorithm")
        return cls(name, key_id(name, algorithm, public), algorithm, public)

    @classmethod
    def from_vkey(cls, text: str) -> Self:
        """`name+key id in hex+base64 of algorithm and key`; raises NoteRefused, also when the key id is not its own."""
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise NoteRefused("a verifier key has a name, a key id and a key")
        name, id_hex, key = parts
        data = base64_bytes(key)
        try:
            algorithm = Algorithm(data[0] if data else 0)
        except ValueError:
            raise NoteRefused("the key's algorithm is not known") from None
        verifier = cls.of(name, algorithm, data[1:])
        if verifier.key_id.hex() != id_hex:
            raise NoteRefused("the key id does not belong to name and key")
        return verifier

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64_text(bytes([self.algorithm]) + self.public)}"

    def time_of(self, note: Note) -> int:
        """When it signed the note, in seconds since 1970; 0 for a signature without time. The latest, if several.

        Raises NotSigned when no line is by this key, NoteRefused when one claims to be and does not verify.
        """
        times = [self._time(note.text, line.signature) for line in note.lines if self._made(line)]
        if not times:
            raise NotSigned(f"the note is not signed by {self.name}")
        return max(times)

    def signed(self, note: Note) -> bool:
        """Whether a line of the note is by this key, and every one that says so is."""
        try:
            self.time_of(note)
        except NoteRefused:
            return False
        return True

    def _made(self, line: SignatureLine) -> bool:
        return line.name == self.name and line.key_id == self.key_id

    def _time(self, text: str, data: bytes) -> int:
        at_s, signature = 0, data
        if self.algorithm.timed:
            at_s, signature = int.from_bytes(data[:TIME_BYTES], "big"), data[TIME_BYTES:]
            if at_s > SIZE_MAX:
                raise NoteRefused("the time of a cosignature is out of bounds")
        try:
            message = _message(self.name, self.algorithm, text, at_s)
            if self.algorithm is Algorithm.MLDSA44_COSIGNATURE:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(signature, message)
            else:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise NoteRefused(f"a signature that says it is by {self.name} is not") from None
        return at_s


def times_of(note: Note, verifiers: Iterable[Verifier]) -> dict[str, int]:
    """Which of these keys signed, by vkey, and when. Raises NoteRefused when a line claims to be one's and is not."""
    times: dict[str, int] = {}
    for verifier in verifiers:
        try:
            times[verifier.vkey] = verifier.time_of(note)
        except NotSigned:
            continue
    return times


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key under a name. The seed is 32 bytes that nobody else knows."""

    name: str
    algorithm: Algorithm
    seed: bytes = field(repr=False)

    @classmethod
    def ed25519(cls, name: str, seed: bytes) -> Self:
        return cls(name, Algorithm.ED25519, seed)

    @classmethod
    def cosigner(cls, name: str, seed: bytes) -> Self:
        return cls(name, Algorithm.COSIGNATURE, seed)

    @classmethod
    def mldsa44_cosigner(cls, name: str, seed: bytes) -> Self:
        return cls(name, Algorithm.MLDSA44_COSIGNATURE, seed)

    @property
    def verifier(self) -> Verifier:
        return Verifier.of(self.name, self.algorithm, self._private().public_key().public_bytes_raw())

    def sign(self, text: str, at_s: int) -> SignatureLine:
        """A line for a note of this text; a signature without time leaves `at_s` aside.

        Raises NoteRefused when what is cosigned is no checkpoint, or the time is out of bounds.
        """
        if not 0 <= at_s <= SIZE_MAX:
            raise NoteRefused("the time of a cosignature is out of bounds")
        message = _message(self.name, self.algorithm, text, at_s)
        time = struct.pack(">Q", at_s) if self.algorithm.timed else b""
        return SignatureLine(self.name, self.verifier.key_id, time + self._private().sign(message))

    def _private(self) -> Ed25519PrivateKey | MLDSA44PrivateKey:
        if self.algorithm is Algorithm.MLDSA44_COSIGNATURE:
            return MLDSA44PrivateKey.from_seed_bytes(self.seed)
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def _message(name: str, algorithm: Algorithm, text: str, at_s: int) -> bytes:
    """What is signed. A cosignature is one of a checkpoint and of nothing else."""
    if algorithm is Algorithm.ED25519:
        return text.encode()
    checkpoint = Checkpoint.read(text)
    if algorithm is Algorithm.COSIGNATURE:
        return f"cosignature/v1\ntime {at_s}\n{text}".encode()
    if checkpoint.extensions:  # the message has no place for them: they could be exchanged under the signature
        raise NoteRefused("an ML-DSA-44 cosignature does not cover extension lines")
    return b"".join(
        (
            b"subtree/v1\n\x00",
            _short(name),
            struct.pack(">Q", at_s),
            _short(checkpoint.origin),
            struct.pack(">QQ", 0, checkpoint.size),
            checkpoint.root,
        )
    )


def _short(text: str) -> bytes:
    """Bytes behind one byte of length (RFC 8446 section 3)."""
    data = text.encode()
    if not 1 <= len(data) <= 255:
        raise NoteRefused("a name is too long to be cosigned")
    return bytes([len(data)]) + data
