"""What the log says of itself: its name, how many leaves, which root. C2SP tlog-checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from elearn.credit_export.ledger.plain_text import SIZE_MAX, NoteRefused, base64_text, decoded, hash_bytes, number


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The text that a log signs. Raises NoteRefused when it could not be written so that it is read again the same."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not all("\n" not in decoded(line) and line for line in (self.origin, *self.extensions)):
            raise NoteRefused("a line of a checkpoint is not empty and is one line")
        if not 0 <= self.size <= SIZE_MAX:
            raise NoteRefused("a checkpoint's size is out of bounds")
        if len(self.root) != 32:
            raise NoteRefused("a hash has 32 bytes")

    def text(self) -> str:
        """Each line ends with a newline."""
        lines = (self.origin, str(self.size), base64_text(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def read(cls, text: str) -> Checkpoint:
        """The text of a note, without its signatures. Whoever relies on it has checked them (`notes`)."""
        if not decoded(text).endswith("\n"):
            raise NoteRefused("the last line does not end")
        lines = text[:-1].split("\n")
        if len(lines) < 3:
            raise NoteRefused("a checkpoint has three lines: origin, size, root")
        origin, size, root, *extensions = lines
        return cls(origin, number(size), hash_bytes(root), tuple(extensions))
