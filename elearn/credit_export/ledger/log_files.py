"""The public files of one log (C2SP tlog-tiles): what they hold, and how they grow without ever being half written.

    checkpoint      the newest published one; replaced last, so that every file it needs is there
    log.vkey        the log's public key
    tile/...        hashes and entries

Each file is there whole or not at all (`files.put`), and the content of a path never changes: two who write
the same leaves write the same files. All of it can be made again from the leaves in the database.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.files import put
from elearn.credit_export.ledger.notes import Note, NoteRefused, Verifier, read_note
from elearn.credit_export.ledger.tiles import (
    HEIGHT,
    WIDTH,
    BadTile,
    NoTile,
    TileNodes,
    at_least,
    bundle,
    entries_path,
    in_directory,
    tile_path,
    unbundle,
)
from elearn.credit_export.ledger.tree import HASH_BYTES, Tree, leaf_hash, root_of


class FilesDiffer(ValueError):
    """The files do not hold the tree they should."""


class LogFiles:
    """The files of one log below `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def checkpoint(self) -> Note | None:
        """The newest published one; None also when the file is damaged, as it can be made again."""
        try:
            note = read_note((self.directory / "checkpoint").read_bytes())
            Checkpoint.read(note.text)
        except (FileNotFoundError, NoteRefused):
            return None
        return note

    def put_checkpoint(self, note: Note) -> None:
        put(self.directory / "checkpoint", str(note).encode())

    def key(self) -> Verifier | None:
        """The log's public key, as it was at the first checkpoint."""
        try:
            return Verifier.from_vkey((self.directory / "log.vkey").read_text().strip())
        except (FileNotFoundError, NoteRefused, UnicodeDecodeError):
            return None

    def put_key(self, key: Verifier) -> None:
        put(self.directory / "log.vkey", f"{key.vkey}\n".encode())

    def nodes(self, size: int) -> TileNodes:
        """The tree of so many leaves, out of the tiles. Raises BadTile, NoTile when asked for what is not there."""
        return TileNodes(in_directory(self.directory), size)

    def holds(self, checkpoint: Checkpoint) -> bool:
        """Whether the tiles lead to this root. The leaves below are compared when they are read."""
        try:
            return root_of(checkpoint.size, self.nodes(checkpoint.size)) == checkpoint.root
        except (BadTile, NoTile):
            return False

    def hashes(self, level: int, index: int, width: int) -> bytes:
        """A tile of hashes, whole or so far as asked. Raises NoTile."""
        return at_least(self.directory, partial(tile_path, level, index), width)[: width * HASH_BYTES]

    def entries(self, index: int, width: int) -> bytes:
        """A bundle of entries, whole or so far as asked. Raises NoTile."""
        data = at_least(self.directory, partial(entries_path, index), width)
        return data if width == WIDTH else bundle(unbundle(data)[:width])

    def grow(self, old: int, old_root: bytes, entries: Iterable[bytes]) -> Tree:
        """Write what a tree has more than its first `old` leaves; answers the tree.

        `entries` begin where the bundle of leaf `old` does. Raises FilesDiffer before anything is written when tiles
        and entries do not lead to `old_root`; BadTile, NoTile when a tile of the old tree is not there.
        """
        begin = old // WIDTH * WIDTH
        nodes = self.nodes(old)
        tree = Tree.at(begin, nodes)
        rows = _unfinished(begin, nodes)
        held: list[bytes] = []
        _require_root(tree, old, old_root)
        for entry in entries:
            held.append(entry)
            for level, index, hash_ in tree.append(leaf_hash(entry)):
                height, within = divmod(level, HEIGHT)
                if within:
                    continue
                row = rows.setdefault(height, [])
                row.append(hash_)
                if len(row) == WIDTH:
                    self._put_tile(height, index // WIDTH, rows.pop(height), held)
                    held = [] if height == 0 else held
            _require_root(tree, old, old_root)
        if tree.size < old:
            raise FilesDiffer(f"leaf {tree.size} of {old} is missing")
        if tree.size > old:
            for height, row in rows.items():
                if row:
                    self._put_tile(height, (tree.size >> HEIGHT * height) // WIDTH, row, held)
        return tree

    def _put_tile(self, level: int, index: int, hashes: list[bytes], entries: list[bytes]) -> None:
        width = len(hashes)
        if level == 0:
            put(self.directory / entries_path(index, width), bundle(entries))
        put(self.directory / tile_path(level, index, width), b"".join(hashes))
        if width == WIDTH:  # narrower ones are cut from it when asked for
            for path in (tile_path(level, index), entries_path(index)) if level == 0 else (tile_path(level, index),):
                shutil.rmtree(self.directory / f"{path}.p", ignore_errors=True)


def _unfinished(size: int, nodes: TileNodes) -> dict[int, list[bytes]]:
    """The hashes of the tiles above level 0 that a tree of whole bundles has begun."""
    rows: dict[int, list[bytes]] = {}
    height = 1
    while (count := size >> HEIGHT * height) > 0:
        rows[height] = [nodes(HEIGHT * height, index) for index in range(count // WIDTH * WIDTH, count)]
        height += 1
    return rows


def _require_root(tree: Tree, old: int, root: bytes) -> None:
    if tree.size == old and tree.root() != root:
        raise FilesDiffer(f"the first {old} leaves do not lead to the root that was published")
