"""Is this a checkpoint to cosign? Pure: C2SP tlog-witness, `add-checkpoint`, with its statuses.

400  not of the form; an old size above the checkpoint's
404  an origin that is not looked at
403  no signature by a key of the log, or one that does not verify
409  another old size than the one kept; the answer says which is
422  another root at the same size; nothing proves that it extends what is kept; no leaves and yet a root
200  all is well: cosign
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.notes import Note, NoteRefused, NotSigned, SignatureLine, Verifier, read_note
from elearn.credit_export.ledger.plain_text import decoded, hash_bytes, number
from elearn.credit_export.ledger.tree import EMPTY, ProofRefused, require_consistency

PROOF_LINES_MAX = 63
REQUEST_BYTES_MAX = 256 * 1024
"""Sixty-three hashes and a note with a dozen of the longest signatures have room in a fifth of it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to cosign `note`, which holds `checkpoint`, by somebody who thinks that `old` is the size kept."""

    old: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Kept:
    """The newest checkpoint that was cosigned, and when; at first the empty tree, never cosigned."""

    size: int = 0
    root: bytes = EMPTY
    at_s: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """Not cosigned."""

    status: int
    reason: str
    unproven: bool = False
    """The log signed it, and nothing shows that it extends what it signed before: worth keeping."""


@dataclass(frozen=True, slots=True)
class Sound:
    """To be cosigned: the text, and the log's own signatures that hold."""

    note: Note


def read_request(body: bytes) -> Asked:
    """Lines `old N` and hashes, an empty line, the note. Raises NoteRefused."""
    if len(body) > REQUEST_BYTES_MAX:
        raise NoteRefused("the request is too long")
    above, empty, below = decoded(body).partition("\n\n")
    if not empty:
        raise NoteRefused("no empty line stands before the checkpoint")
    first, *lines = above.split("\n")
    if not first.startswith("old "):
        raise NoteRefused("the first line says the old size")
    if len(lines) > PROOF_LINES_MAX:
        raise NoteRefused("the proof has too many lines")
    note = read_note(below)
    return Asked(
        number(first.removeprefix("old ")),
        tuple(hash_bytes(line) for line in lines),
        note,
        Checkpoint.read(note.text),
    )


def judge(asked: Asked, logs: Sequence[Verifier], kept: Kept) -> Sound | Refused:
    """`logs` are the keys of this origin; none: it is unknown."""
    if not logs:
        return Refused(404, "this log is not known here")
    signed: list[SignatureLine] = []
    for verifier in logs:
        try:
            verifier.time_of(asked.note)
        except NotSigned:
            continue
        except NoteRefused as error:
            return Refused(403, str(error))
        signed += [line for line in asked.note.lines if (line.name, line.key_id) == (verifier.name, verifier.key_id)]
    if not signed:
        return Refused(403, "no key of this log has signed it")
    checkpoint = asked.checkpoint
    if asked.old > checkpoint.size:
        return Refused(400, "the old size is above the checkpoint's")
    if asked.old != kept.size:
        return Refused(409, "the old size is not the one kept here")
    try:
        require_consistency(kept.size, kept.root, checkpoint.size, checkpoint.root, asked.proof)
    except ProofRefused as error:
        return Refused(422, str(error), unproven=True)
    return Sound(Note(asked.note.text, tuple(signed)))
