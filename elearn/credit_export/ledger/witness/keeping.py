"""What a witness remembers, in one directory.

    key-ed25519.json, key-ml-dsa-44.json    its keys (0600)
    lock                                    held by the process that serves
    logs/<sha256 of the origin>/keys        the log's keys, a line each
    logs/<sha256 of the origin>/checkpoint  the newest note it cosigned; empty: none yet; missing: it signs no more
    logs/<sha256 of the origin>/refused/    notes of this log that nothing showed to extend what was cosigned

The note on disk is the memory: size, root and time of the last cosignature are read from it, and it is on disk before
the cosignature leaves. Killed in between, the witness knows more than the log does; the log asks again, and hears 409.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.files import held, sync_directory, write_whole
from elearn.credit_export.ledger.notes import (
    Algorithm,
    Note,
    NoteRefused,
    SignatureLine,
    Signer,
    Verifier,
    read_note,
    times_of,
)
from elearn.credit_export.ledger.witness.judging import Asked, Kept, Refused, judge, read_request
from elearn.credit_export.ledger.witness.keys import read_keys
from elearn.errors import DomainError

logger = logging.getLogger(__name__)

REFUSED_MAX = 100
"""So many refused notes of one log are kept."""
CLOCK_BACK_S = 300
"""A clock that went back by less is waited for with the time last signed; one that went back further signs nothing."""


class MemoryLost(DomainError):
    """What was cosigned cannot be read: signing on could sign a second history."""


class NotALog(DomainError):
    """The key is not one of a log."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


def origin_hash(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()


def add_log(directory: Path, vkey: str) -> str:
    """Look at the log of this key from now on, beside one that runs already. Answers its origin; twice is once."""
    try:
        verifier = Verifier.from_vkey(vkey)
    except NoteRefused as error:
        raise NotALog(f"this is no key of a log: {error}") from None
    if verifier.algorithm is not Algorithm.ED25519:
        raise NotALog("a log signs with Ed25519; this is the key of a witness")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with held(directory / "adding.lock", wait=True):
        place = directory / "logs" / origin_hash(verifier.name)
        if not place.exists():
            place.mkdir(parents=True)
            write_whole(place / "checkpoint", b"")
            sync_directory(place.parent)
        keys = place / "keys"
        lines = keys.read_text().splitlines() if keys.exists() else []
        if verifier.vkey not in lines:
            write_whole(keys, "".join(f"{line}\n" for line in [*lines, verifier.vkey]).encode())
    return verifier.name


class Witness:
    """A witness over its directory; `opened` holds it. One call at a time: `add_checkpoint` reads, decides, writes."""

    def __init__(self, directory: Path, keys: list[Signer]) -> None:
        self._directory = directory
        self._signers = keys
        self._verifiers = [signer.verifier for signer in keys]

    @property
    def verifiers(self) -> list[Verifier]:
        return list(self._verifiers)

    def add_checkpoint(self, body: bytes, *, now_s: int) -> Answer:
        """Cosign what extends what was cosigned before. Raises MemoryLost, and OSError when it cannot be kept."""
        try:
            asked = read_request(body)
        except NoteRefused as error:
            return _plain(400, str(error))
        origin = asked.checkpoint.origin
        place = self._directory / "logs" / origin_hash(origin)
        logs = _keys_of(place)
        kept = self._kept(place) if logs else Kept()
        verdict = judge(asked, logs, kept)
        if isinstance(verdict, Refused):
            return self._refuse(verdict, asked, kept, place)
        at_s = max(now_s, kept.at_s, 1)
        if at_s - now_s > CLOCK_BACK_S:
            return _plain(503, "the clock of this witness stands before its last cosignature")
        lines = self._cosign(verdict.note.text, at_s)
        note = Note(verdict.note.text, (*verdict.note.lines, *lines))
        write_whole(place / "checkpoint", str(note).encode())
        return Answer(200, "".join(str(line) for line in lines).encode())

    def checkpoint(self, hash_: str) -> bytes | None:
        """The newest note that was cosigned of the log with this hash of its origin, with the cosignatures."""
        path = self._directory / "logs" / hash_ / "checkpoint"
        return (path.read_bytes() or None) if path.exists() else None

    def require_sound(self) -> None:
        """Every log's memory can be read, or MemoryLost."""
        for place in sorted((self._directory / "logs").glob("*")):
            if _keys_of(place):
                self._kept(place)

    def _cosign(self, text: str, at_s: int) -> list[SignatureLine]:
        return [signer.sign(text, at_s) for signer in self._signers]

    def _kept(self, place: Path) -> Kept:
        path = place / "checkpoint"
        try:
            data = path.read_bytes()
            if not data:
                return Kept()
            note = read_note(data)
            checkpoint = Checkpoint.read(note.text)
            if origin_hash(checkpoint.origin) != place.name:
                raise NoteRefused("it is the checkpoint of another log")
            return Kept(checkpoint.size, checkpoint.root, self._cosigned_at(note))
        except (OSError, NoteRefused) as error:
            raise MemoryLost(
                f"{path} cannot be read ({error}). What was cosigned is lost: make a new witness with a new key"
            ) from None

    def _cosigned_at(self, note: Note) -> int:
        """Ours is on it, or somebody else wrote the file; a key that was added since has not signed it yet."""
        times = times_of(note, self._verifiers)
        if not times:
            raise NoteRefused("it is not cosigned by this witness")
        return max(times.values())

    def _refuse(self, refused: Refused, asked: Asked, kept: Kept, place: Path) -> Answer:
        if refused.status == 409:
            return Answer(409, f"{kept.size}\n".encode(), "text/x.tlog.size")
        if refused.unproven:
            logger.error(
                "a log signed what nothing shows to extend what was cosigned",
                extra={"origin": asked.checkpoint.origin, "size": asked.checkpoint.size, "kept": kept.size},
            )
            self._keep_refused(asked.note, place / "refused")
        return _plain(refused.status, refused.reason)

    def _keep_refused(self, note: Note, where: Path) -> None:
        data = str(note).encode()
        path = where / f"{hashlib.sha256(note.text.encode()).hexdigest()}.note"
        where.mkdir(exist_ok=True)
        if not path.exists() and len(os.listdir(where)) < REFUSED_MAX:
            write_whole(path, data)


@contextmanager
def opened(directory: Path, *, wait: bool = False) -> Iterator[Witness]:
    """The witness of this directory, held. Raises NoKey, InUse (unless it is waited for), MemoryLost."""
    keys = read_keys(directory)
    with held(directory / "lock", wait=wait):
        witness = Witness(directory, keys)
        witness.require_sound()
        yield witness


def _keys_of(place: Path) -> list[Verifier]:
    try:
        lines = (place / "keys").read_text().splitlines()
    except FileNotFoundError:
        return []
    return [Verifier.from_vkey(line) for line in lines]


def _plain(status: int, sentence: str) -> Answer:
    return Answer(status, f"{sentence}\n".encode())
