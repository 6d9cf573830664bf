"""The blocks of a mirrored log that an authority looks into (`ledger/sampling.py` says which).

The authority asks for their raw evidence, compares it with the evidence root that the leaf names, and runs the verifier
on it: `rechecking.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.leaves import Credit, LeafRefused, read
from elearn.credit_export.ledger.monitor.mirror import Mirror
from elearn.credit_export.ledger.sampling import is_drawn

__all__ = ["Block", "is_drawn", "sample"]


@dataclass(frozen=True, slots=True)
class Block:
    """A credit leaf that was drawn, and the evidence it names."""

    index: int
    leaf: Credit
    text: str


def sample(mirror: Mirror, percent: Fraction, *, begin: int = 0) -> Iterator[Block]:
    """Blocks from leaf `begin` on, drawn by the newest mirrored checkpoint."""
    note = mirror.newest()
    if note is None:
        return
    checkpoint = Checkpoint.read(note.text)
    yield from drawn(mirror, checkpoint.root, range(begin, checkpoint.size), percent)


def drawn(mirror: Mirror, root: bytes, among: range, percent: Fraction) -> Iterator[Block]:
    """Blocks of `among`, drawn by this root."""
    for index in among:
        # A leaf that is not drawn is not even read.
        if is_drawn(root, index, percent) and (block := block_at(mirror, index)):
            yield block


def block_at(mirror: Mirror, index: int) -> Block | None:
    """The credit leaf at this place; None for another one, and for what is no leaf: the monitor told it as an alarm."""
    entry = mirror.entry(index)
    try:
        leaf = read(entry)
    except LeafRefused:
        return None
    return Block(index, leaf, entry.decode()) if isinstance(leaf, Credit) else None
