"""C2SP tlog-tiles: where a hash or an entry is found, and what a file must hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.credit_export.ledger.tiles import (
    BadTile,
    NoTile,
    TileNodes,
    bundle,
    entries_path,
    in_directory,
    new_tiles,
    tile_path,
    tiles_of,
    unbundle,
    width_of,
)
from elearn.credit_export.ledger.tree import inclusion_proof, require_inclusion, root_of
from tests.credit_export.ledger.formats.growing import grown

TREE = grown(1_100)


def tiles_in_memory(size: int) -> dict[str, bytes]:
    return {
        tile_path(level, index, width): b"".join(TREE(8 * level, index * 256 + at) for at in range(width))
        for level, index, width in tiles_of(size)
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (tile_path(0, 1_234_067), "tile/0/x001/x234/067"),
        (tile_path(0, 0), "tile/0/000"),
        (tile_path(2, 999), "tile/2/999"),
        (tile_path(1, 1_000), "tile/1/x001/000"),
        (tile_path(0, 273, 112), "tile/0/273.p/112"),
        (tile_path(3, 1_234_067, 1), "tile/3/x001/x234/067.p/1"),
        (entries_path(0, 12), "tile/entries/000.p/12"),
        (entries_path(1_234_067), "tile/entries/x001/x234/067"),
    ],
)
def test_paths_are_those_of_the_specification(path: str, expected: str) -> None:
    assert path == expected


@pytest.mark.parametrize(("index", "width"), [(-1, 256), (0, 0), (0, 257)])
def test_there_is_no_path_to_what_cannot_be(index: int, width: int) -> None:
    with pytest.raises(ValueError, match="no tile"):
        tile_path(0, index, width)


def test_seventy_thousand_leaves_have_the_tiles_of_the_specification() -> None:
    tiles = list(tiles_of(70_000))
    assert [(level, width) for level, _, width in tiles if width < 256] == [(0, 112), (1, 17), (2, 1)]
    assert [sum(level == one and width == 256 for one, _, width in tiles) for level in range(3)] == [273, 1, 0]


def test_a_full_tile_is_the_first_hash_of_the_one_above() -> None:
    assert list(tiles_of(256)) == [(0, 0, 256), (1, 0, 1)]
    assert list(tiles_of(0)) == []


@settings(deadline=None)
@given(st.integers(0, 200_000), st.integers(0, 70_000))
def test_what_was_there_and_what_is_new_make_all(old: int, more: int) -> None:
    new = old + more
    before, after, made = set(tiles_of(old)), set(tiles_of(new)), list(new_tiles(old, new))
    assert set(made) == after - before
    assert len(made) == len(set(made))
    assert all(width == width_of(level, index, new) for level, index, width in after)


def test_every_proof_can_be_made_from_tiles_alone() -> None:
    for size in (1, 2, 255, 256, 257, 512, 700, 1_100):
        files = tiles_in_memory(size)
        nodes = TileNodes(files.__getitem__, size)
        assert root_of(size, nodes) == TREE.roots[size]
        for index in {0, size // 2, size - 1, size // 256 * 256 - 1} - {-1}:
            proof = inclusion_proof(index, size, nodes)
            assert proof == inclusion_proof(index, size, TREE)
            require_inclusion(TREE(0, index), index, size, proof, TREE.roots[size])


def test_a_tile_is_fetched_once() -> None:
    asked: list[str] = []
    files = tiles_in_memory(700)

    def fetch(path: str) -> bytes:
        asked.append(path)
        return files[path]

    nodes = TileNodes(fetch, 700)
    for index in range(256):
        inclusion_proof(index, 700, nodes)
    assert sorted(asked) == ["tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2"]


def test_a_partial_tile_that_is_gone_is_read_from_the_full_one() -> None:
    files = tiles_in_memory(1_024)
    assert "tile/0/002.p/188" not in files
    nodes = TileNodes({**files, "tile/1/000.p/2": tiles_in_memory(700)["tile/1/000.p/2"]}.__getitem__, 700)
    assert root_of(700, nodes) == TREE.roots[700]


def test_a_tile_of_another_length_is_refused() -> None:
    for data in (b"", b"x" * 31, b"x" * 33 * 32):
        with pytest.raises(BadTile, match="bytes"):
            TileNodes(lambda _, data=data: data, 700)(0, 699)  # type: ignore[misc]


@pytest.mark.parametrize(("level", "index"), [(0, 700), (1, 350), (8, 2), (16, 0), (40, 0)])
def test_a_tree_has_no_complete_subtree_beyond_its_leaves(level: int, index: int) -> None:
    with pytest.raises(BadTile, match="a tree of 700"):
        TileNodes(tiles_in_memory(700).__getitem__, 700)(level, index)


def test_files_in_a_directory_are_tiles(tmp_path: Path) -> None:
    for path, data in tiles_in_memory(700).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    fetch = in_directory(tmp_path)
    assert root_of(700, TileNodes(fetch, 700)) == TREE.roots[700]
    for missing in ("tile/0/003", "tile/0/000/nothing"):
        with pytest.raises(NoTile):
            fetch(missing)


def test_a_directory_that_grew_still_makes_the_proofs_of_before(tmp_path: Path) -> None:
    for path, data in tiles_in_memory(1_000).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    (tmp_path / "tile/0/003.p/.writing").write_bytes(b"half")
    fetch = in_directory(tmp_path)
    for size in (1, 255, 256, 700, 800, 1_000):
        assert root_of(size, TileNodes(fetch, size)) == TREE.roots[size]
    for missing in ("tile/0/003.p/233", "tile/entries/003.p/1"):
        with pytest.raises(NoTile):
            fetch(missing)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=256))
def test_entries_come_out_of_a_bundle_as_they_went_in(entries: list[bytes]) -> None:
    assert unbundle(bundle(entries)) == entries


def test_an_entry_has_at_most_what_two_bytes_can_count() -> None:
    assert unbundle(bundle([b"x" * 65_535])) == [b"x" * 65_535]
    with pytest.raises(ValueError, match="at most 65535"):
        bundle([b"x" * 65_536])
    with pytest.raises(ValueError, match="at most 256"):
        bundle([b""] * 257)


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("one byte of a length", b"\x00"),
        ("a length without its entry", b"\x00\x01"),
        ("an entry that is cut off", b"\x00\x03ab"),
        ("a byte after the last entry", b"\x00\x01ax"),
    ],
)
def test_a_bundle_that_ends_within_an_entry_is_refused(why: str, data: bytes) -> None:
    with pytest.raises(BadTile, match="within an entry"):
        unbundle(data)


def test_a_bundle_of_more_than_256_entries_is_refused() -> None:
    with pytest.raises(BadTile, match="at most 256"):
        unbundle(b"\x00\x00" * 257)
