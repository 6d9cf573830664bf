"""Trees for tests: all complete nodes of some leaves, in memory."""

from __future__ import annotations

from collections.abc import Iterable

from elearn.credit_export.ledger.tree import Tree, leaf_hash


class Grown:
    """A tree and every complete node of it; itself a `Node`."""

    def __init__(self, entries: Iterable[bytes]) -> None:
        self.tree, self.roots = Tree(), [Tree().root()]
        self.nodes: dict[tuple[int, int], bytes] = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry: bytes) -> None:
        for level, index, hash_ in self.tree.append(leaf_hash(entry)):
            self.nodes[level, index] = hash_
        self.roots.append(self.tree.root())

    def __call__(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]


def grown(size: int) -> Grown:
    return Grown(str(number).encode() for number in range(size))
