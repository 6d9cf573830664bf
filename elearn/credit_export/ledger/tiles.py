"""The log as static files: C2SP tlog-tiles (hashes 256 to a tile, entries 256 to a bundle)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from elearn.credit_export.ledger.tree import HASH_BYTES, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT
ENTRY_BYTES_MAX = 65_535
"""What a bundle's two bytes of length can say."""

Fetch = Callable[[str], bytes]
"""Path of a tile -> its bytes. Raises LookupError (such as `NoTile`) when there is none."""


class BadTile(ValueError):
    """A tile or bundle that is not what its path says."""


class NoTile(LookupError):
    """There is no such tile or bundle."""


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Where the hashes of a tile are: `tile/0/x001/x234/067`; a tile that is not full yet says its width."""
    return f"tile/{level}/{_numbered(index, width)}"


def entries_path(index: int, width: int = WIDTH) -> str:
    """Where the entries below a tile of level 0 are: `tile/entries/000.p/12`."""
    return f"tile/entries/{_numbered(index, width)}"


def tiles_of(size: int) -> Iterator[tuple[int, int, int]]:
    """(level, index, width) of every tile of hashes of a tree of that size; those of level 0 have a bundle each."""
    return new_tiles(0, size)


def new_tiles(old: int, new: int) -> Iterator[tuple[int, int, int]]:
    """The tiles of a tree of `new` leaves that one of `old` does not have, lower levels first."""
    level = 0
    while new:
        if new > old:
            for index in range(old // WIDTH, new // WIDTH):
                yield level, index, WIDTH
            if new % WIDTH:
                yield level, new // WIDTH, new % WIDTH
        old, new, level = old // WIDTH, new // WIDTH, level + 1


def width_of(level: int, index: int, size: int) -> int:
    """How many hashes the tile has in a tree of that size; 0 when it is not there yet."""
    return max(0, min(WIDTH, (size >> HEIGHT * level) - index * WIDTH))


def bundle(entries: Iterable[bytes]) -> bytes:
    """Up to 256 entries in order, each behind its length. Raises ValueError when one is too long."""
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > ENTRY_BYTES_MAX:
            raise ValueError(f"an entry has at most {ENTRY_BYTES_MAX} bytes")
        parts += (struct.pack(">H", len(entry)), entry)
    if len(parts) > 2 * WIDTH:
        raise ValueError(f"a bundle has at most {WIDTH} entries")
    return b"".join(parts)


def unbundle(data: bytes) -> list[bytes]:
    """The entries of a bundle. Raises BadTile when it does not end with an entry, or holds too many."""
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        begin = at + 2
        at = begin + int.from_bytes(data[at:begin], "big")
        if at > len(data):
            raise BadTile("the bundle ends within an entry")
        entries.append(data[begin:at])
    if len(entries) > WIDTH:
        raise BadTile(f"a bundle has at most {WIDTH} entries")
    return entries


class TileNodes:
    """The hashes of complete subtrees of a tree of that size, out of its tiles: a `tree.Node`.

    What was fetched is kept, and so is what was hashed from it. A tile that cannot be had in part is asked for whole:
    the log may have grown since. Nothing here is authenticated: compare the root, or check the proof.
    Raises BadTile when a tile has not the length it should have, and what `fetch` raises.
    """

    def __init__(self, fetch: Fetch, size: int) -> None:
        self.size = size
        self._fetch = fetch
        self._tiles: dict[tuple[int, int], list[list[bytes]]] = {}

    def __call__(self, level: int, index: int) -> bytes:
        height, within = divmod(level, HEIGHT)
        tile, place = divmod(index, WIDTH >> within)
        rows = self._tiles.get((height, tile))
        if rows is None:
            rows = self._tiles[height, tile] = [self._hashes(height, tile)]
        while len(rows) <= within:
            below = rows[-1]
            rows.append([node_hash(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)])
        try:
            return rows[within][place]
        except IndexError:
            raise BadTile(f"a tree of {self.size} leaves has no complete subtree {index} at level {level}") from None

    def _hashes(self, level: int, index: int) -> list[bytes]:
        width = width_of(level, index, self.size)
        if not width:
            raise BadTile(f"a tree of {self.size} leaves has no tile {index} at level {level}")
        path = tile_path(level, index, width)
        try:
            data, full = self._fetch(path), width
        except LookupError:
            if width == WIDTH:
                raise
            data, full = self._fetch(tile_path(level, index)), WIDTH
        if len(data) != full * HASH_BYTES:
            raise BadTile(f"{path} has {len(data)} bytes, not {full * HASH_BYTES}")
        return [data[at : at + HASH_BYTES] for at in range(0, width * HASH_BYTES, HASH_BYTES)]


def in_directory(root: Path) -> Fetch:
    """Tiles and bundles from files under a directory. Of a tile that grew since, the first part is what it was."""

    def fetch(path: str) -> bytes:
        try:
            return (root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return _first_part(root, path)

    return fetch


def at_least(root: Path, path_of: Callable[[int], str], width: int) -> bytes:
    """The file of that width, or of the next wider one that is there: narrow ones are not kept for ever.

    `path_of` is the path of a width. Raises NoTile.
    """

    def there() -> Iterator[int]:
        yield width
        yield from sorted(int(one.name) for one in parts.glob("[1-9]*") if one.name.isdigit() and int(one.name) > width)
        yield WIDTH

    parts = (root / path_of(1)).parent
    for one in there():
        with suppress(FileNotFoundError, NotADirectoryError):
            return (root / path_of(one)).read_bytes()
    raise NoTile(path_of(width))


def _first_part(root: Path, path: str) -> bytes:
    """Of the next wider tile of hashes that is not full either; raises NoTile."""
    whole, _, width = path.partition(".p/")
    if width and not whole.startswith("tile/entries/"):
        there = (one.name for one in (root / f"{whole}.p").glob("*"))
        wider = sorted(int(name) for name in there if name.isascii() and name.isdigit() and int(name) > int(width))
        if wider:
            with suppress(FileNotFoundError):  # gone in this moment: the tile is full now
                return (root / f"{whole}.p/{wider[0]}").read_bytes()[: int(width) * HASH_BYTES]
    raise NoTile(path) from None


def _numbered(index: int, width: int) -> str:
    """Digits by three, all but the last behind an x: a file and a directory never want the same name."""
    if index < 0 or not 1 <= width <= WIDTH:
        raise ValueError(f"there is no tile {index} of width {width}")
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    *first, last = (digits[at : at + 3] for at in range(0, len(digits), 3))
    return "/".join([*(f"x{part}" for part in first), last]) + ("" if width == WIDTH else f".p/{width}")
