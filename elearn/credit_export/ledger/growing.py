"""The first half of publishing: leaves of the database become the log's public files.

What was published is never contradicted: before anything is written, the leaves must lead to the root that was
published last, by the newest row and by the file, whichever knows more. Files that were lost are made again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.log_files import FilesDiffer, LogFiles
from elearn.credit_export.ledger.models import LedgerCheckpoint, LedgerLeaf
from elearn.credit_export.ledger.notes import read_note
from elearn.credit_export.ledger.signer import FORKED, SHRUNK
from elearn.credit_export.ledger.tiles import WIDTH, BadTile, NoTile
from elearn.credit_export.ledger.tree import EMPTY, Tree, leaf_hash
from elearn.errors import DomainError

logger = logging.getLogger(__name__)

CHANGED = "leaves and published files do not lead to one root"
AT_ONCE = 1_000
"""Leaves are read in such portions."""


class Contradiction(DomainError):
    """What the database says cannot be what was published; the words are for an operator."""

    code = "contradiction"


def newest_checkpoint(session: Session, origin: str) -> LedgerCheckpoint | None:
    """The published checkpoint that says which leaves are credited."""
    return session.scalar(
        sa.select(LedgerCheckpoint)
        .where(LedgerCheckpoint.origin == origin)
        .order_by(LedgerCheckpoint.size.desc())
        .limit(1)
    )


def count_leaves(session: Session, origin: str) -> int:
    last = session.scalar(sa.select(sa.func.max(LedgerLeaf.index)).where(LedgerLeaf.origin == origin))
    return 0 if last is None else last + 1


def agreed(session: Session, files: LogFiles, row: LedgerCheckpoint | None, origin: str, size: int) -> Checkpoint:
    """The largest tree that was published, after the newest row's checkpoint is in its file.

    Raises Contradiction: the database has fewer leaves, or others.
    """
    known = Checkpoint(origin, row.size, row.root) if row else Checkpoint(origin, 0, EMPTY)
    note = files.checkpoint()
    file = Checkpoint.read(note.text) if note else None
    if file is not None and file.size == known.size and file.root != known.root:
        raise Contradiction(FORKED, origin=origin, kept=file.size, why=CHANGED)
    base = file if file is not None and file.size > known.size else known
    if size < base.size:
        raise Contradiction(SHRUNK, origin=origin, kept=base.size, size=size)
    if row is not None and (file is None or file.size < row.size):
        # A run died in between, or the files were lost.
        if not files.holds(known):
            _write_all(session, files, known, known.size)
        files.put_checkpoint(read_note(row.note))
    return base


def write(session: Session, files: LogFiles, base: Checkpoint, size: int) -> bytes:
    """Tiles and bundles of the tree of `size` leaves, which begins with `base`; answers its root.

    Raises Contradiction, before anything is written, when the leaves do not lead to `base`.
    """
    try:
        entries = _entries(session, base.origin, base.size // WIDTH * WIDTH, size)
        return files.grow(base.size, base.root, entries).root()
    except (BadTile, NoTile, FilesDiffer):
        return _write_all(session, files, base, size)


def _write_all(session: Session, files: LogFiles, base: Checkpoint, size: int) -> bytes:
    """The same from the leaves alone, after they have shown that they lead to what was published."""
    tree = Tree()
    for entry in _entries(session, base.origin, 0, base.size):
        tree.append(leaf_hash(entry))
    if tree.size != base.size or tree.root() != base.root:
        raise Contradiction(FORKED, origin=base.origin, kept=base.size, why=CHANGED)
    logger.warning("the log's files are made again", extra={"log": base.origin, "size": size})
    return files.grow(0, EMPTY, _entries(session, base.origin, 0, size)).root()


def _entries(session: Session, origin: str, begin: int, size: int) -> Iterator[bytes]:
    """The leaves as they are hashed. Raises Contradiction when one is missing or is not what its hash says."""
    asked = sa.select(LedgerLeaf.index, LedgerLeaf.raw, LedgerLeaf.hash).order_by(LedgerLeaf.index)
    expected = begin
    for first in range(begin, size, AT_ONCE):
        last = min(first + AT_ONCE, size)
        for index, raw, hash_ in session.execute(
            asked.where(LedgerLeaf.origin == origin, LedgerLeaf.index >= first, LedgerLeaf.index < last)
        ).all():
            entry = raw.encode()
            if index != expected:
                raise Contradiction(FORKED, origin=origin, kept=begin, why=f"leaf {expected} is missing")
            if leaf_hash(entry) != hash_:
                raise Contradiction(FORKED, origin=origin, kept=begin, why=f"leaf {index} is not what its hash says")
            yield entry
            expected += 1
