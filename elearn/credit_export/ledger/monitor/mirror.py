"""A copy of the log in which nothing is that was not signed.

A checkpoint is proved to extend those before it, then each tile by the tile above it and each bundle by its tile, up to
the root that was signed. A file is kept as soon as it is proved; `checkpoint` is replaced last. So a mirror that is
stopped goes on where it was, and is at any moment a log's directory itself (C2SP tlog-tiles).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.files import put
from elearn.credit_export.ledger.monitor.alarms import Alarm, Code
from elearn.credit_export.ledger.notes import Note, read_note
from elearn.credit_export.ledger.tiles import (
    HEIGHT,
    WIDTH,
    BadTile,
    Fetch,
    NoTile,
    at_least,
    entries_path,
    in_directory,
    new_tiles,
    tile_path,
    unbundle,
    width_of,
)
from elearn.credit_export.ledger.tree import HASH_BYTES, leaf_hash, node_hash, root_of

TILES_KEPT = 256
"""So many proved tiles are held in memory: two megabytes."""


class Alarmed(Exception):
    """The log's files cannot be gone on with."""

    def __init__(self, alarm: Alarm) -> None:
        super().__init__(str(alarm))
        self.alarm = alarm


class Proved:
    """The tiles of a signed checkpoint, each proved when it is read; also a `tree.Node`.

    The tiles that are not full lie along the right edge, and the root is hashed from them alone: it proves them. A full
    tile is proved by the hash of it in the tile above. Raises BadTile for one that is not what was signed, NoTile.
    """

    def __init__(self, checkpoint: Checkpoint, *sources: Fetch) -> None:
        """`sources` are asked in turn, until one has a tile that holds."""
        self.checkpoint = checkpoint
        self._sources = sources
        self._edge: dict[int, bytes] = {}
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._prove_edge()

    def tile(self, level: int, index: int) -> bytes:
        width = width_of(level, index, self.checkpoint.size)
        if width < WIDTH:
            return self._edge[level]
        known = self._tiles.get((level, index))
        if known is None:
            above = self.tile(level + 1, index // WIDTH)
            at = index % WIDTH * HASH_BYTES
            known = self._first(tile_path(level, index), width, above[at : at + HASH_BYTES])
            while len(self._tiles) >= TILES_KEPT:
                del self._tiles[next(iter(self._tiles))]
            self._tiles[level, index] = known
        return known

    def __call__(self, level: int, index: int) -> bytes:
        height, within = divmod(level, HEIGHT)
        tile, place = divmod(index, WIDTH >> within)
        begin = (place << within) * HASH_BYTES
        return _joined(self.tile(height, tile)[begin : begin + (HASH_BYTES << within)])

    def _prove_edge(self) -> None:
        size, level = self.checkpoint.size, 0
        wanted: list[tuple[int, int, int]] = []
        while size >> HEIGHT * level:
            index, width = divmod(size >> HEIGHT * level, WIDTH)
            if width:
                wanted.append((level, index, width))
            level += 1
        refused: Exception | None = None
        for source in self._sources:
            try:
                self._edge = {level: _cut(source, level, index, width) for level, index, width in wanted}
                if root_of(size, self) == self.checkpoint.root:
                    return
                refused = BadTile("the tiles do not lead to the root that was signed")
            except (BadTile, NoTile) as error:
                refused = error
        raise refused or BadTile("there is no tile")

    def _first(self, path: str, width: int, hash_: bytes) -> bytes:
        refused: Exception = NoTile(path)
        for source in self._sources:
            try:
                data = source(path)
            except LookupError as error:
                refused = refused if isinstance(refused, BadTile) else error
                continue
            if len(data) == width * HASH_BYTES and _joined(data) == hash_:
                return data
            refused = BadTile(f"{path} is not the tile that was signed")
        raise refused


class Mirror:
    """The copy under `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.fetch = in_directory(directory)

    def newest(self) -> Note | None:
        """The checkpoint all of whose leaves are here."""
        return self._note("checkpoint")

    def pending(self) -> Note | None:
        """A newer one that was accepted and whose leaves are being fetched."""
        return self._note("pending")

    def known(self) -> list[Note]:
        """What was accepted so far: whatever comes must extend it."""
        return [note for note in (self.newest(), self.pending()) if note]

    def size(self) -> int:
        note = self.newest()
        return Checkpoint.read(note.text).size if note else 0

    def node(self) -> Proved | None:
        """The nodes of the copy's own tree."""
        note = self.newest()
        return Proved(Checkpoint.read(note.text), self.fetch) if note else None

    def hash_of(self, index: int) -> bytes:
        """The hash of a leaf that is here."""
        tile, place = divmod(index, WIDTH)
        data = at_least(self.directory, partial(tile_path, 0, tile), place + 1)
        return data[place * HASH_BYTES : (place + 1) * HASH_BYTES]

    def entry(self, index: int) -> bytes:
        """A leaf that is here."""
        tile, place = divmod(index, WIDTH)
        return unbundle(at_least(self.directory, partial(entries_path, tile), place + 1))[place]

    def entries(self, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        """(index, leaf) of what is here of [begin, end)."""
        for tile in range(begin // WIDTH, -(-end // WIDTH)):
            last = min(end - tile * WIDTH, WIDTH)
            held = unbundle(at_least(self.directory, partial(entries_path, tile), last))
            for place in range(max(0, begin - tile * WIDTH), last):
                yield tile * WIDTH + place, held[place]

    def extend(self, note: Note, proved: Proved, remote: Fetch) -> None:
        """Fetch what the log has more than the copy. Raises Alarmed naming the file or the leaf, and `Unreachable`.

        The note was accepted, and extends what is known.
        """
        put(self.directory / "pending", str(note).encode())
        old, size = self.size(), proved.checkpoint.size
        for level, index, width in new_tiles(old, size):
            try:
                hashes = proved.tile(level, index)
                if level == 0:
                    self._take_bundle(index, width, hashes, remote)
            except NoTile as missing:
                raise Alarmed(withheld(str(missing), proved.checkpoint)) from None
            except BadTile as bad:
                raise Alarmed(not_signed(str(bad), proved.checkpoint)) from None
            put(self.directory / tile_path(level, index, width), hashes)
        put(self.directory / "checkpoint", str(note).encode())
        (self.directory / "pending").unlink()
        self._sweep(old, size)

    def replace(self, note: Note) -> None:
        """The same checkpoint with newer cosignatures."""
        put(self.directory / "checkpoint", str(note).encode())

    def _take_bundle(self, index: int, width: int, hashes: bytes, remote: Fetch) -> None:
        path = entries_path(index, width)
        try:
            if not _first_difference(self.fetch(path), width, hashes):
                return
        except LookupError:
            pass
        try:
            data = remote(path)
        except LookupError:
            if width == WIDTH:
                raise
            data = remote(entries_path(index))  # the log grew, and put a full bundle in the place of this one
        found = _first_difference(data, width, hashes)
        if found:
            place, entry = found
            raise Alarmed(
                Alarm(
                    Code.ENTRY,
                    "the entry that is served is not the leaf that was signed",
                    index * WIDTH + place,
                    entry.decode(errors="replace"),
                )
            )
        entries = unbundle(data)[:width]
        put(self.directory / path, data[: sum(2 + len(entry) for entry in entries)])

    def _sweep(self, old: int, size: int) -> None:
        """Narrower tiles that a wider one replaced are no longer needed."""
        for level, index, width in _edge_of(old):
            now = width_of(level, index, size)
            if width < now:
                for path in (tile_path, _entries) if level == 0 else (tile_path,):
                    (self.directory / path(level, index, width)).unlink(missing_ok=True)

    def _note(self, name: str) -> Note | None:
        path = self.directory / name
        return read_note(path.read_bytes()) if path.exists() else None


def withheld(path: str, checkpoint: Checkpoint) -> Alarm:
    return Alarm(Code.WITHHELD, f"{path} is not there, and the checkpoint needs it", None, checkpoint.text())


def not_signed(sentence: str, checkpoint: Checkpoint) -> Alarm:
    return Alarm(Code.TILE, sentence, None, checkpoint.text())


def _entries(level: int, index: int, width: int) -> str:
    return entries_path(index, width)


def _edge_of(size: int) -> Iterator[tuple[int, int, int]]:
    level = 0
    while size >> HEIGHT * level:
        index, width = divmod(size >> HEIGHT * level, WIDTH)
        if width:
            yield level, index, width
        level += 1


def _joined(hashes: bytes) -> bytes:
    """The root of a complete subtree from its leaves' hashes, one after the other."""
    row = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def _cut(source: Fetch, level: int, index: int, width: int) -> bytes:
    """A tile that is not full; when it is there no more, the first part of the full one."""
    path = tile_path(level, index, width)
    try:
        data = source(path)
    except LookupError:
        try:
            data = source(tile_path(level, index))[: width * HASH_BYTES]
        except LookupError:
            raise NoTile(path) from None
    if len(data) != width * HASH_BYTES:
        raise BadTile(f"{path} has {len(data)} bytes")
    return data


def _first_difference(data: bytes, width: int, hashes: bytes) -> tuple[int, bytes] | None:
    """The first entry that is not the leaf with its hash, if any. Raises BadTile when it is no bundle at all."""
    entries = unbundle(data)
    for place in range(width):
        entry = entries[place] if place < len(entries) else b""
        if leaf_hash(entry) != hashes[place * HASH_BYTES : (place + 1) * HASH_BYTES]:
            return place, entry
    return None
