"""The Merkle tree of the log, RFC 6962 section 2.1: roots, and the two proofs.

A leaf is hashed behind one zero byte, a node behind a one: an inner node can never be shown as a leaf. Proofs are made
from a `Node`, a function that knows the hashes of complete subtrees; where they are kept (memory, tiles, files) is its
own affair. Checking a proof needs nothing but the proof.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

HASH_BYTES = 32
EMPTY = hashlib.sha256().digest()
"""The root of a tree without leaves."""

Node = Callable[[int, int], bytes]
"""(level, index) -> hash of the complete subtree of 2**level leaves that begins at leaf index * 2**level."""


class ProofRefused(ValueError):
    """The proof does not show what it should."""


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows, known by the roots of its complete subtrees alone: as many hashes as its size has one bits."""

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Go on from a size and its peaks. Raises ValueError when they do not belong together."""
        if size < 0 or len(peaks) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves does not have {len(peaks)} peaks")
        self.size = size
        self._peaks = list(peaks)

    @classmethod
    def at(cls, size: int, node: Node) -> Tree:
        """The tree of the first `size` leaves, ready to grow."""
        return cls(
            size,
            [node(level, (size >> level) - 1) for level in reversed(range(size.bit_length())) if size >> level & 1],
        )

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """Roots of the complete subtrees, the largest first."""
        return tuple(self._peaks)

    def append(self, hash_: bytes) -> list[tuple[int, int, bytes]]:
        """Add the hash of a leaf. Answers the nodes that are complete now: (level, index, hash), the leaf first."""
        index, level = self.size, 0
        made = [(0, index, hash_)]
        while index & 1:
            hash_ = node_hash(self._peaks.pop(), hash_)
            index >>= 1
            level += 1
            made.append((level, index, hash_))
        self._peaks.append(hash_)
        self.size += 1
        return made

    def root(self) -> bytes:
        if not self._peaks:
            return EMPTY
        hash_ = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            hash_ = node_hash(peak, hash_)
        return hash_


def root_of(size: int, node: Node) -> bytes:
    """The root of the first `size` leaves."""
    return _edge(0, size, node) if size else EMPTY


def inclusion_proof(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """That leaf `index` is in the tree of `size` leaves (RFC 6962 section 2.1.1), from the leaf's sibling upwards."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    return _path(index, size, node)


def consistency_proof(old: int, new: int, node: Node) -> tuple[bytes, ...]:
    """That the first `old` leaves of the tree of `new` are the tree of `old` (RFC 6962 section 2.1.2)."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves does not begin with one of {old}")
    if old in (0, new):
        return ()
    level = _trailing_zeros(old)
    seed = () if old == 1 << level else (node(level, (old >> level) - 1),)
    return seed + _path(old - 1, new, node, level)


def require_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """The leaf with this hash is leaf `index` of the tree with this root, or ProofRefused."""
    if not 0 <= index < size:
        raise ProofRefused(f"there is no leaf {index} in a tree of {size}")
    turn = _turn(index, size)
    _require_length(proof, turn + (index >> turn).bit_count())
    _require_hashes(leaf, *proof)
    hash_ = leaf
    for level, other in enumerate(proof[:turn]):
        hash_ = node_hash(other, hash_) if index >> level & 1 else node_hash(hash_, other)
    for left in proof[turn:]:
        hash_ = node_hash(left, hash_)
    if hash_ != root:
        raise ProofRefused("the proof leads to another root")


def require_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """The tree of `new` leaves begins with the tree of `old`, or ProofRefused.

    Everything begins with the empty tree, so from old size 0 only the empty proof is accepted (tlog-witness); the root
    of size 0 must be `EMPTY` on either side.
    """
    if not 0 <= old <= new:
        raise ProofRefused(f"a tree of {new} leaves does not begin with one of {old}")
    _require_hashes(*proof)
    if (old == 0 and old_root != EMPTY) or (new == 0 and new_root != EMPTY):
        raise ProofRefused("the root of no leaves is the hash of nothing")
    if old in (0, new):
        _require_length(proof, 0)
        if old == new and old_root != new_root:
            raise ProofRefused("one size has two roots")
        return
    level = _trailing_zeros(old)
    turn, index = _turn(old - 1, new), (old - 1) >> level
    given = [old_root, *proof] if old == 1 << level else list(proof)
    _require_length(given, 1 + turn - level + ((old - 1) >> turn).bit_count())
    before = after = given[0]
    for height, other in enumerate(given[1 : 1 + turn - level]):
        if index >> height & 1:
            before, after = node_hash(other, before), node_hash(other, after)
        else:
            after = node_hash(after, other)
    for left in given[1 + turn - level :]:
        before, after = node_hash(left, before), node_hash(left, after)
    if before != old_root:
        raise ProofRefused("the proof does not lead to the old root")
    if after != new_root:
        raise ProofRefused("the proof does not lead to the new root")


def _turn(index: int, size: int) -> int:
    """So many levels up, the way from leaf `index` meets the one from the last leaf; above, siblings are all left."""
    return (index ^ (size - 1)).bit_length()


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1


def _path(index: int, size: int, node: Node, level: int = 0) -> tuple[bytes, ...]:
    """The siblings on the way from the node over leaf `index` at `level` up to the root."""
    turn = _turn(index, size)
    below = [node(at, index >> at ^ 1) for at in range(level, turn - 1)]
    edge = [_edge((index >> (turn - 1) ^ 1) << (turn - 1), size, node)] if turn > level else []
    above = [node(at, (index >> at) - 1) for at in range(turn, index.bit_length()) if index >> at & 1]
    return (*below, *edge, *above)


def _edge(begin: int, size: int, node: Node) -> bytes:
    """The root of the leaves from `begin`, where a complete subtree ends, to the last one: its peaks joined."""
    rest = size - begin
    level = _trailing_zeros(rest)
    hash_ = node(level, (size >> level) - 1)
    for at in range(level + 1, rest.bit_length()):
        if rest >> at & 1:
            hash_ = node_hash(node(at, (size >> at) - 1), hash_)
    return hash_


def _require_length(proof: Sequence[bytes], length: int) -> None:
    if len(proof) != length:
        raise ProofRefused(f"the proof has {len(proof)} hashes, not {length}")


def _require_hashes(*hashes: bytes) -> None:
    """A value of another length could stand for two hashes, or for half of one."""
    if any(len(hash_) != HASH_BYTES for hash_ in hashes):
        raise ProofRefused("a hash has 32 bytes")
