"""Signing the log: by a process of its own, which keeps the last size and root and never signs two histories.

Its directory holds `key` (a seed, made at the first start) and `state.json` ({origin: {size, root}}), which is on disk
before a signature leaves. Each log has a key of its own, derived from the seed: a policy of C2SP names no key twice.

`decide` is the rule, `LocalSigner` keeps it over a directory, `signer_door.py` is the process around it. Nothing of the
product is loaded here: no database, no models, no Flask, none of its secrets.
"""

from __future__ import annotations

import json
import logging
import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.files import held, write_whole
from elearn.credit_export.ledger.notes import SignatureLine, Signer
from elearn.credit_export.ledger.plain_text import NoteRefused, base64_bytes, base64_text, hash_bytes
from elearn.credit_export.ledger.tree import EMPTY, ProofRefused, require_consistency
from elearn.errors import DomainError

logger = logging.getLogger(__name__)

SEED_BYTES = 32
PURPOSE = b"elearn log key\n"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tree to be signed, with the proof that it extends the one of `old_size` leaves."""

    origin: str
    size: int
    root: bytes
    old_size: int
    consistency: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class OtherSize:
    """Not signed: it keeps another old size. Ask again with a proof from there."""

    size: int


class NotSigned(DomainError):
    """The tree does not extend what was signed; the words tell an operator what to do."""

    code = "not_signed"


class SignerAway(DomainError):
    """The signer does not answer, or not as it should. It is asked again."""

    code = "signer_away"


class SignerBroken(DomainError):
    """The signer's own files cannot be trusted: it must not sign."""

    code = "signer_broken"


class AsksSigner(Protocol):
    """A way to the signer. Both raise SignerAway."""

    def vkey(self, origin: str) -> str: ...

    def sign(self, wanted: Wanted) -> SignatureLine | OtherSize:
        """Raises NotSigned."""
        ...


NEW_LOG = (
    "If there is none, set ELEARN_LEDGER_SERIES one higher, which begins a new log, and tell those who check the old "
    "one why it ends."
)
SHRUNK = (
    "The log %(origin)s was signed with %(kept)s leaves and now has %(size)s: the database was restored from an older "
    "backup. Nothing is signed until they are back. Stop the worker and restore a newer backup, one with all "
    f"%(kept)s leaves; the public files of the log hold them. {NEW_LOG}"
)
FORKED = (
    "The log %(origin)s does not extend the %(kept)s leaves that were signed before (%(why)s): leaves were changed, or "
    "the database was restored from an older backup and went on from there. `elearn ledger check` names the leaves. "
    f"Restore a backup that has them as they were signed. {NEW_LOG}"
)
STATE_LOST = (
    "%(path)s is missing, but the key beside it has signed: without it two histories could be signed. Put back the "
    "newest copy of it. If there is none, remove the key and set ELEARN_LEDGER_SERIES one higher: a new log begins, "
    "with a new key."
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What was signed last of a log; at first the empty tree."""

    size: int = 0
    root: bytes = EMPTY


def decide(wanted: Wanted, kept: Kept) -> OtherSize | None:
    """None: sign it. Pure. The same tree again is signed again: the one who asked may have died before it was used.

    Raises NotSigned: smaller, another root, or no proof that it extends what is kept.
    """
    if wanted.size < kept.size:
        raise NotSigned(SHRUNK, origin=wanted.origin, kept=kept.size, size=wanted.size)
    if wanted.old_size != kept.size:
        return OtherSize(kept.size)
    try:
        require_consistency(kept.size, kept.root, wanted.size, wanted.root, wanted.consistency)
    except ProofRefused as error:
        raise NotSigned(FORKED, origin=wanted.origin, kept=kept.size, why=str(error)) from None
    return None


class LocalSigner:
    """The signer over a directory. Several may use it at once, also from several processes: one decides at a time.

    Raises SignerBroken when its files are not whole.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        with self._alone():
            self._seed = self._kept_seed(directory / "key")
            self._read()

    def vkey(self, origin: str) -> str:
        return self._signer(origin).verifier.vkey

    def sign(self, wanted: Wanted) -> SignatureLine | OtherSize:
        """Raises NotSigned; NoteRefused when there can be no such checkpoint."""
        text = Checkpoint(wanted.origin, wanted.size, wanted.root).text()
        line = self._signer(wanted.origin).sign(text, 0)
        with self._alone():
            kept = self._read()
            other = decide(wanted, kept.get(wanted.origin, Kept()))
            if other is not None:
                return other
            now = Kept(wanted.size, wanted.root)
            if kept.get(wanted.origin) != now:
                self._write({**kept, wanted.origin: now})
            if wanted.origin not in kept:
                logger.info("a log begins; its key is %s", self.vkey(wanted.origin))
        return line

    def logs(self) -> dict[str, Kept]:
        """What was signed last of each log."""
        with self._alone():
            return self._read()

    @property
    def _state_file(self) -> Path:
        return self._directory / "state.json"

    def _alone(self) -> AbstractContextManager[None]:
        return held(self._directory / "lock", wait=True)

    def _signer(self, origin: str) -> Signer:
        derived = HKDF(SHA256(), SEED_BYTES, salt=None, info=PURPOSE + origin.encode()).derive(self._seed)
        return Signer.ed25519(origin, derived)

    def _read(self) -> dict[str, Kept]:
        try:
            kept = json.loads(self._state_file.read_bytes())
            return {origin: Kept(int(one["size"]), hash_bytes(one["root"])) for origin, one in kept.items()}
        except FileNotFoundError:
            raise SignerBroken(STATE_LOST, path=self._state_file) from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SignerBroken("%(path)s is damaged: put back the newest copy of it", path=self._state_file) from error

    def _write(self, kept: dict[str, Kept]) -> None:
        told = {origin: {"size": one.size, "root": base64_text(one.root)} for origin, one in kept.items()}
        write_whole(self._state_file, json.dumps(told, indent=1).encode() + b"\n", mode=0o600)

    def _kept_seed(self, key: Path) -> bytes:
        """The seed; made at the first start. State comes first: a key without it has signed what nobody remembers."""
        if not key.exists():
            if not self._state_file.exists():
                self._write({})
            elif self._read():
                raise SignerBroken("%(path)s is missing, and logs were signed by it: put it back", path=key)
            write_whole(key, base64_text(secrets.token_bytes(SEED_BYTES)).encode() + b"\n", mode=0o600)
        try:
            seed = base64_bytes(key.read_text().strip())
        except NoteRefused:
            seed = b""
        if len(seed) != SEED_BYTES:
            raise SignerBroken("%(path)s does not hold a key: put it back", path=key)
        return seed
