"""Asking witnesses to cosign a checkpoint (C2SP tlog-witness, `add-checkpoint`).

A witness that does not answer is away: it is asked again. One that answers 422, or that has cosigned more than we
have, says that our log is not the one it knows: that is an alarm, and asking again does not help.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from elearn.credit_export.ledger.notes import Note, NoteRefused, SignatureLine, Verifier, read_signature_lines
from elearn.credit_export.ledger.plain_text import base64_text, decoded, number
from elearn.credit_export.ledger.signer import OtherSize
from elearn.errors import DomainError
from elearn.reaching import exchange

TIMEOUT_S = 5.0
ANSWER_MAX = 64 * 1024
TRIES = 3
"""The first may hear the size that the witness keeps; by the third somebody else asks for the same log."""

Prove = Callable[[int], tuple[bytes, ...]]
"""Old size -> consistency proof from there to the checkpoint's size."""


class WitnessAway(DomainError):
    """No answer, or one that says nothing about the log."""

    code = "witness_away"


class WitnessRefused(DomainError):
    """The witness knows another history of the log."""

    code = "witness_refused"


class AsksWitness(Protocol):
    """A way to one witness."""

    @property
    def name(self) -> str: ...

    def add_checkpoint(self, old: int, proof: Sequence[bytes], note: Note) -> tuple[SignatureLine, ...] | OtherSize:
        """Its cosignatures, unchecked, or the size that it keeps. Raises WitnessAway, WitnessRefused."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """How one witness answered."""

    witness: str
    lines: tuple[SignatureLine, ...] = ()
    """Those of known keys that hold."""
    away: str = ""
    """Why it gave none: it is asked again."""
    refused: str = ""
    """Why it gives none: an alarm."""


def request_body(old: int, proof: Sequence[bytes], note: Note) -> bytes:
    lines = "".join(f"{base64_text(hash_)}\n" for hash_ in proof)
    return f"old {old}\n{lines}\n{note}".encode()


@dataclass(frozen=True, slots=True)
class HttpWitness:
    """A witness below `url`, its submission prefix."""

    name: str
    url: str
    timeout_s: float = TIMEOUT_S

    def add_checkpoint(self, old: int, proof: Sequence[bytes], note: Note) -> tuple[SignatureLine, ...] | OtherSize:
        try:
            # An operator wrote the address down; a witness may well stand in the same network.
            answer, data = exchange(
                "POST",
                f"{self.url.rstrip('/')}/add-checkpoint",
                headers={"Content-Type": "text/plain; charset=utf-8"},
                body=request_body(old, proof, note),
                private=True,
                silence_s=self.timeout_s,
                whole_s=2 * self.timeout_s,
                most_bytes=ANSWER_MAX,
            )
        except (OSError, http.client.HTTPException) as error:
            raise _away(self.name, str(error) or type(error).__name__) from error
        return read_answer(self.name, answer.status, data)


def read_answer(name: str, status: int, data: bytes) -> tuple[SignatureLine, ...] | OtherSize:
    """What the witness `name` says. Raises WitnessAway, WitnessRefused."""
    try:
        text = decoded(data)
        if status == 200:
            return read_signature_lines(text)
        if status == 409:
            return OtherSize(number(text.removesuffix("\n")))
    except NoteRefused as error:
        raise _away(name, f"status {status}, and its answer cannot be read: {error}") from error
    said = " ".join(text.split())[:200]
    if status == 422:
        raise WitnessRefused("The witness %(name)s knows another history: %(said)s", name=name, said=said)
    raise _away(name, f"status {status}: {said}")


def _away(name: str, why: str) -> WitnessAway:
    return WitnessAway("The witness %(name)s does not cosign: %(why)s", name=name, why=why)


def cosign(witness: AsksWitness, note: Note, size: int, prove: Prove, known: int) -> tuple[SignatureLine, ...]:
    """Its cosignatures, unchecked. `known` is the size it is thought to keep. Raises WitnessAway, WitnessRefused."""
    old = min(known, size)
    for _ in range(TRIES):
        answer = witness.add_checkpoint(old, prove(old), note)
        if not isinstance(answer, OtherSize):
            return answer
        if answer.size > size or answer.size == old:
            raise WitnessRefused(
                "The witness %(name)s has cosigned another tree, of %(kept)s leaves, than this one of %(size)s",
                name=witness.name,
                kept=answer.size,
                size=size,
            )
        old = answer.size
    raise _away(witness.name, "its size changes each time it is asked")


def ask_all(
    witnesses: Sequence[AsksWitness],
    note: Note,
    size: int,
    prove: Prove,
    known: dict[str, int],
    keys: Sequence[Verifier],
) -> list[Asked]:
    """Ask all at once; each answer keeps only lines of `keys` that hold. `prove` is called from several threads."""

    def ask(witness: AsksWitness) -> Asked:
        try:
            lines = cosign(witness, note, size, prove, known.get(witness.name, 0))
        except WitnessAway as error:
            return Asked(witness.name, away=str(error))
        except WitnessRefused as error:
            return Asked(witness.name, refused=str(error))
        sound = tuple(line for line in lines if any(key.signed(Note(note.text, (line,))) for key in keys))
        return Asked(witness.name, sound, away="" if sound else f"The witness {witness.name} signs with another key")

    if not witnesses:
        return []
    with ThreadPoolExecutor(max_workers=min(16, len(witnesses))) as pool:
        return list(pool.map(ask, witnesses))
