"""Which blocks an authority looks into: drawn by hashing the signed root and the leaf's index (LEDGER, sampled
re-computation).

Nobody can know the draw when the evidence is written: the root comes after it. Whoever has the checkpoint draws the
same blocks. The authority asks for their raw evidence, compares it with the evidence root that the leaf names, and
runs the verifier on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.leaves import Credit, LeafRefused, read
from elearn.credit_export.ledger.monitor.mirror import Mirror

RANGE = 1 << 64


@dataclass(frozen=True, slots=True)
class Block:
    """A credit leaf that was drawn, and the evidence it names."""

    index: int
    leaf: Credit
    text: str


def is_drawn(root: bytes, index: int, percent: Fraction) -> bool:
    """The first eight bytes of SHA-256 over root and index (eight bytes, big-endian), as a number below the share."""
    drawn = hashlib.sha256(root + index.to_bytes(8, "big")).digest()
    return int.from_bytes(drawn[:8], "big") < percent * RANGE / 100


def sample(mirror: Mirror, percent: Fraction, *, begin: int = 0) -> Iterator[Block]:
    """Blocks from leaf `begin` on, drawn by the newest mirrored checkpoint."""
    note = mirror.newest()
    if note is None:
        return
    checkpoint = Checkpoint.read(note.text)
    for index, entry in mirror.entries(begin, checkpoint.size):
        if is_drawn(checkpoint.root, index, percent):
            try:
                leaf = read(entry)
            except LeafRefused:
                continue  # the monitor told it as an alarm
            if isinstance(leaf, Credit):
                yield Block(index, leaf, entry.decode())
