"""Files of a log that grows, without a database."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.log_files import FilesDiffer, LogFiles
from elearn.credit_export.ledger.tiles import WIDTH, NoTile, tiles_of, unbundle
from elearn.credit_export.ledger.tree import Tree, leaf_hash

ENTRIES = [b"%d" % index for index in range(70_000)]


def roots(*sizes: int) -> dict[int, bytes]:
    tree, found = Tree(), {0: Tree().root()}
    for entry in ENTRIES[: max(sizes)]:
        tree.append(leaf_hash(entry))
        if tree.size in sizes:
            found[tree.size] = tree.root()
    return found


def grow(files: LogFiles, old: int, new: int, root: bytes) -> bytes:
    return files.grow(old, root, ENTRIES[old // WIDTH * WIDTH : new]).root()


def test_a_tree_of_three_levels_grows_from_where_it_was(tmp_path: Path) -> None:
    files, sizes = LogFiles(tmp_path), (0, 65_530, 65_536, 65_600)
    known = roots(*sizes)
    for old, new in pairwise(sizes):
        assert grow(files, old, new, known[old]) == known[new]
        assert files.holds(Checkpoint("log", new, known[new]))
    assert [len(files.hashes(*place)) for place in ((2, 0, 1), (1, 0, 256), (0, 256, 64))] == [32, 8192, 2048]


@given(st.lists(st.integers(1, 700), min_size=1, max_size=6, unique=True))
@settings(max_examples=25, deadline=None)
def test_however_it_grows_every_tile_of_every_size_is_there(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    files, known = LogFiles(tmp_path_factory.mktemp("log")), roots(*sizes)
    for old, new in pairwise([0, *sorted(sizes)]):
        assert grow(files, old, new, known[old]) == known[new]
    for size in sizes:
        assert files.holds(Checkpoint("log", size, known[size]))
        for level, index, width in tiles_of(size):
            assert len(files.hashes(level, index, width)) == 32 * width
            if level == 0:
                assert unbundle(files.entries(index, width)) == ENTRIES[index * WIDTH : index * WIDTH + width]


@pytest.mark.parametrize(
    ("sentence", "old", "root_of", "entries"),
    [
        ("another root", 300, 299, ENTRIES[256:310]),
        ("a leaf is missing", 300, 300, ENTRIES[257:310]),
        ("too few leaves", 300, 300, ENTRIES[256:299]),
        ("another leaf", 300, 300, [b"x", *ENTRIES[257:310]]),
        ("another root where a bundle ends", 256, 255, ENTRIES[256:310]),
    ],
)
def test_leaves_that_do_not_go_on_from_there_are_found_before_anything_is_written(
    tmp_path: Path, sentence: str, old: int, root_of: int, entries: list[bytes]
) -> None:
    files = LogFiles(tmp_path)
    grow(files, 0, old, roots(0)[0])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FilesDiffer):
        files.grow(old, roots(root_of)[root_of], entries)
    assert sorted(tmp_path.rglob("*")) == before, sentence


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    files = LogFiles(tmp_path)
    assert files.checkpoint() is None
    assert files.key() is None
    with pytest.raises(NoTile):
        files.hashes(0, 0, 1)
    with pytest.raises(NoTile):
        files.entries(0, 1)
    grow(files, 0, 10, roots(0)[0])
    with pytest.raises(NoTile):
        files.hashes(0, 0, 11)
