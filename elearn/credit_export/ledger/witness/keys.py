"""The witness's keys: one file for each algorithm, made at first use and never again.

Ed25519 (cosignature/v1) is what all verifiers read today. ML-DSA-44 is safe from quantum computers; a witness that has
both signs with both, and a verifier takes the line it knows.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from elearn.credit_export.ledger.files import sync_directory
from elearn.credit_export.ledger.notes import Signer
from elearn.credit_export.ledger.plain_text import base64_bytes, base64_text
from elearn.errors import DomainError

ALGORITHMS: dict[str, Callable[[str, bytes], Signer]] = {
    "ed25519": Signer.cosigner,
    "ml-dsa-44": Signer.mldsa44_cosigner,
}
SEED_BYTES = 32


class NoKey(DomainError):
    """The directory has no key that can be read."""


def make_key(directory: Path, name: str, algorithm: str = "ed25519") -> Signer:
    """The key of this algorithm; made, under `name`, when there is none. Two who make it at once get the same."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = _path(directory, algorithm)
    if not path.exists():
        seed = secrets.token_bytes(SEED_BYTES)
        _ = ALGORITHMS[algorithm](name, seed).verifier.vkey  # a name that cannot be is refused before it is written
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump({"name": name, "seed": base64_text(seed)}, file)
            file.flush()
            os.fsync(handle)
        try:
            os.link(part, path)
        except FileExistsError:
            pass  # somebody else was first: theirs is the key
        finally:
            part.unlink()
        sync_directory(directory)
    return _read(path, algorithm)


def read_keys(directory: Path) -> list[Signer]:
    """All keys there are, Ed25519 first. Raises NoKey when there is none."""
    found = [(_path(directory, algorithm), algorithm) for algorithm in ALGORITHMS]
    keys = [_read(path, algorithm) for path, algorithm in found if path.exists()]
    if not keys:
        raise NoKey(f"there is no key in {directory}: run `elearn witness key --dir {directory}`")
    return keys


def _path(directory: Path, algorithm: str) -> Path:
    return directory / f"key-{algorithm}.json"


def _read(path: Path, algorithm: str) -> Signer:
    try:
        kept = json.loads(path.read_text())
        seed = base64_bytes(kept["seed"])
        if len(seed) != SEED_BYTES:
            raise ValueError("a seed has 32 bytes")
        return ALGORITHMS[algorithm](str(kept["name"]), seed)
    except (KeyError, TypeError, ValueError) as error:
        raise NoKey(f"{path} cannot be read: {error}") from None
