"""A proof that stands alone: where an entry is in the log, the way to the root, and the checkpoint that is signed.

C2SP tlog-proof; its files end in `.tlog-proof`. What the entry is, it does not say: `hours_proof` puts it in front.
"""

from __future__ import annotations

from dataclasses import dataclass

from elearn.credit_export.ledger.notes import Note, read_note
from elearn.credit_export.ledger.plain_text import NoteRefused, base64_bytes, base64_text, decoded, hash_bytes, number

FIRST_LINE = "c2sp.org/tlog-proof@v1"
PATH_MAX = 63
"""Hashes of the longest way to a root: sizes have 63 bits."""


@dataclass(frozen=True, slots=True)
class TlogProof:
    """`path` leads from the sibling of leaf `index` to a child of the root. Nobody has signed `extra`."""

    index: int
    path: tuple[bytes, ...]
    note: Note
    extra: bytes | None = None

    @classmethod
    def read(cls, text: str) -> TlogProof:
        """Raises NoteRefused. Nothing is proved yet: that takes the entry, and whom one trusts."""
        above, empty, below = decoded(text).partition("\n\n")
        if not empty:
            raise NoteRefused("no empty line stands before the checkpoint")
        first, *lines = above.split("\n")
        if first != FIRST_LINE:
            raise NoteRefused("it is no tlog-proof of version 1")
        extra = base64_bytes(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
        if not lines or not lines[0].startswith("index "):
            raise NoteRefused("no line says the index")
        index, *path = lines
        if len(path) > PATH_MAX:
            raise NoteRefused("the way to the root is too long")
        return cls(
            number(index.removeprefix("index ")), tuple(hash_bytes(line) for line in path), read_note(below), extra
        )

    def write(self) -> str:
        lines = [FIRST_LINE]
        if self.extra is not None:
            lines.append(f"extra {base64_text(self.extra)}")
        lines += [f"index {self.index}", *(base64_text(hash_) for hash_ in self.path), "", str(self.note)]
        return "\n".join(lines)
