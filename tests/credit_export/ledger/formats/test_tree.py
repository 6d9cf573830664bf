"""RFC 6962 section 2.1: roots, inclusion, consistency, and what is not believed."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.credit_export.ledger.tree import (
    EMPTY,
    ProofRefused,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    require_consistency,
    require_inclusion,
    root_of,
)
from tests.credit_export.ledger.formats.growing import Grown, grown
from tests.credit_export.ledger.formats.vectors import ENTRIES, hashes, root

CLASSIC = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
"""The eight leaves by which implementations of RFC 6962 have compared themselves since 2013, and their roots."""
CLASSIC_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LARGEST = 300
TREE = grown(LARGEST)
sizes = st.integers(1, LARGEST)


def by_definition(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return leaf_hash(entries[0])
    half = 1 << ((len(entries) - 1).bit_length() - 1)
    return node_hash(by_definition(entries[:half]), by_definition(entries[half:]))


@pytest.mark.parametrize("size", range(9))
def test_the_classic_eight_leaves_have_the_classic_roots(size: int) -> None:
    tree = Grown(CLASSIC[:size])
    assert tree.tree.root().hex() == CLASSIC_ROOTS[size]
    assert root_of(size, tree).hex() == CLASSIC_ROOTS[size]


def test_the_hours_log_of_the_vectors_comes_out_the_same() -> None:
    tree = Grown(ENTRIES)
    assert [leaf_hash(entry) for entry in ENTRIES] == list(hashes("leaf_hashes"))
    assert tree.roots == [root(size) for size in range(5)]
    assert consistency_proof(2, 4, tree) == hashes("consistency_2_4")
    assert consistency_proof(3, 4, tree) == hashes("consistency_3_4")


def test_every_size_has_the_root_of_the_definition() -> None:
    entries = [str(number).encode() for number in range(LARGEST)]
    for size in (*range(70), 127, 128, 129, 255, 256, 257, LARGEST):
        assert root_of(size, TREE) == TREE.roots[size] == by_definition(entries[:size])


def test_every_leaf_of_every_size_proves_that_it_is_there() -> None:
    for size in range(1, LARGEST + 1):
        for index in range(size):
            proof = inclusion_proof(index, size, TREE)
            require_inclusion(TREE(0, index), index, size, proof, TREE.roots[size])
            assert len(proof) <= (size - 1).bit_length()


def test_every_size_proves_that_it_begins_with_every_smaller_one() -> None:
    for new in range(LARGEST + 1):
        for old in range(new + 1):
            proof = consistency_proof(old, new, TREE)
            require_consistency(old, TREE.roots[old], new, TREE.roots[new], proof)


def test_a_tree_goes_on_from_its_peaks() -> None:
    for size in range(LARGEST):
        tree = Tree.at(size, TREE)
        assert (tree.size, tree.root()) == (size, TREE.roots[size])
        assert Tree(tree.size, tree.peaks).root() == tree.root()
        tree.append(TREE(0, size))
        assert tree.root() == TREE.roots[size + 1]


def test_appending_tells_each_complete_node_once() -> None:
    tree, told = Tree(), []
    for number in range(64):
        made = tree.append(leaf_hash(str(number).encode()))
        assert made[0] == (0, number, leaf_hash(str(number).encode()))
        told += [(level, index) for level, index, _ in made]
    assert sorted(told) == sorted((level, index) for level in range(7) for index in range(64 >> level))


@pytest.mark.parametrize(("size", "peaks"), [(0, 1), (1, 0), (3, 1), (4, 2), (-1, 0)])
def test_peaks_that_do_not_belong_to_the_size_are_refused(size: int, peaks: int) -> None:
    with pytest.raises(ValueError, match="peaks"):
        Tree(size, [EMPTY] * peaks)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_there_is_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(index, size, TREE)
    with pytest.raises(ProofRefused, match="no leaf"):
        require_inclusion(EMPTY, index, size, (), EMPTY)


@pytest.mark.parametrize(("old", "new"), [(3, 2), (-1, 2)])
def test_a_tree_does_not_begin_with_a_larger_one(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="begin"):
        consistency_proof(old, new, TREE)
    with pytest.raises(ProofRefused, match="begin"):
        require_consistency(old, EMPTY, new, EMPTY, ())


class TestFromTheEmptyTree:
    """tlog-witness: the empty tree is consistent with any tree, so no proof is necessary."""

    def test_the_empty_proof_is_accepted(self) -> None:
        require_consistency(0, EMPTY, 5, TREE.roots[5], ())
        require_consistency(0, EMPTY, 0, EMPTY, ())

    def test_any_other_proof_is_not(self) -> None:
        with pytest.raises(ProofRefused, match="has 1 hashes"):
            require_consistency(0, EMPTY, 5, TREE.roots[5], (EMPTY,))

    @pytest.mark.parametrize(("old_root", "new", "new_root"), [(b"r" * 32, 5, b"r" * 32), (EMPTY, 0, b"r" * 32)])
    def test_and_no_leaves_have_one_root(self, old_root: bytes, new: int, new_root: bytes) -> None:
        with pytest.raises(ProofRefused, match="hash of nothing"):
            require_consistency(0, old_root, new, new_root, ())


@pytest.mark.parametrize("no_hash", [b"", b"r" * 31, b"r" * 33, b"r" * 64])
def test_what_has_not_32_bytes_is_no_hash(no_hash: bytes) -> None:
    """Not even where a leaf is compared with nothing but the root it is."""
    with pytest.raises(ProofRefused, match="32 bytes"):
        require_inclusion(no_hash, 0, 1, (), no_hash)
    with pytest.raises(ProofRefused, match="32 bytes"):
        require_inclusion(EMPTY, 0, 2, (no_hash,), EMPTY)
    with pytest.raises(ProofRefused, match="32 bytes"):
        require_consistency(1, EMPTY, 2, EMPTY, (no_hash,))


def test_one_size_has_one_root() -> None:
    with pytest.raises(ProofRefused, match="two roots"):
        require_consistency(5, TREE.roots[5], 5, TREE.roots[4], ())


def every_other(proof: tuple[bytes, ...], others: set[bytes]) -> set[tuple[bytes, ...]]:
    """The proof gone, one hash shorter, one longer, in every other order, and with one bit of one hash turned."""
    places = range(len(proof))
    made = {proof[:at] + proof[at + 1 :] for at in places}
    made |= {(*proof[:at], other, *proof[at:]) for at in range(len(proof) + 1) for other in {*proof, *others}}
    made |= {(), *itertools.permutations(proof)}
    made |= {(*proof[:at], bytes([proof[at][0] ^ 0x80]) + proof[at][1:], *proof[at + 1 :]) for at in places}
    return made - {proof}


def test_every_changed_proof_in_small_trees_is_refused() -> None:
    for size in range(1, 18):
        for at in range(size + 1):
            if at < size:
                for changed in every_other(inclusion_proof(at, size, TREE), {EMPTY, TREE(0, at), TREE.roots[size]}):
                    with pytest.raises(ProofRefused):
                        require_inclusion(TREE(0, at), at, size, changed, TREE.roots[size])
            roots = TREE.roots[at], TREE.roots[size]
            for changed in every_other(consistency_proof(at, size, TREE), {EMPTY, *roots}):
                with pytest.raises(ProofRefused):
                    require_consistency(at, roots[0], size, roots[1], changed)


def test_an_inner_node_is_no_leaf_wherever_it_is_said_to_stand() -> None:
    """Its way to the root is shorter than any leaf's in its place."""
    for size in range(2, 18):
        for level in range(1, size.bit_length()):
            for index in range(size >> level):
                way = inclusion_proof(index << level, size, TREE)[level:]
                for place in range(size):
                    with pytest.raises(ProofRefused):
                        require_inclusion(TREE(level, index), place, size, way, TREE.roots[size])


def test_a_log_that_says_it_grew_and_shows_the_old_root_is_refused() -> None:
    for new in range(2, 18):
        for old in range(1, new):
            with pytest.raises(ProofRefused):
                require_consistency(old, TREE.roots[old], new, TREE.roots[old], ())


def mutations(proof: tuple[bytes, ...], data: st.DataObject) -> tuple[bytes, ...]:
    """Another sequence than this one: shortened, lengthened, two hashes exchanged, or one bit turned."""
    ways = ["longer", *(["shorter", "bit", "narrow"] if proof else []), *(["order"] if len(set(proof)) > 1 else [])]
    way = data.draw(st.sampled_from(ways))
    at = data.draw(st.integers(0, max(0, len(proof) - 1)))
    if way == "longer":
        extra = data.draw(st.sampled_from([*proof, EMPTY]))
        at = data.draw(st.integers(0, len(proof)))
        return (*proof[:at], extra, *proof[at:])
    if way == "shorter":
        return proof[:at] + proof[at + 1 :]
    if way == "narrow":
        return (*proof[:at], proof[at][:-1], *proof[at + 1 :])
    if way == "bit":
        turned = (int.from_bytes(proof[at], "big") ^ 1 << data.draw(st.integers(0, 255))).to_bytes(32, "big")
        return (*proof[:at], turned, *proof[at + 1 :])
    other = data.draw(st.sampled_from([one for one in range(len(proof)) if proof[one] != proof[at]]))
    swapped = list(proof)
    swapped[at], swapped[other] = swapped[other], swapped[at]
    return tuple(swapped)


@settings(deadline=None)
@given(sizes, st.data())
def test_no_changed_proof_shows_a_leaf(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    changed = mutations(inclusion_proof(index, size, TREE), data)
    with pytest.raises(ProofRefused):
        require_inclusion(TREE(0, index), index, size, changed, TREE.roots[size])


@settings(deadline=None)
@given(sizes, st.data())
def test_no_proof_shows_another_leaf_place_or_root(size: int, data: st.DataObject) -> None:
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, LARGEST - 1))
    proof = inclusion_proof(index, size, TREE)
    leaf, root_ = TREE(0, index), TREE.roots[size]
    for claim in [(TREE(0, other), index, root_), (leaf, other, root_), (leaf, index, TREE.roots[other])]:
        if claim != (leaf, index, root_):
            with pytest.raises(ProofRefused):
                require_inclusion(claim[0], claim[1], size, proof, claim[2])


@settings(deadline=None)
@given(sizes, st.data())
def test_no_changed_proof_shows_that_the_log_only_grew(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, new))
    changed = mutations(consistency_proof(old, new, TREE), data)
    with pytest.raises(ProofRefused):
        require_consistency(old, TREE.roots[old], new, TREE.roots[new], changed)


@settings(deadline=None)
@given(st.integers(2, LARGEST), st.data())
def test_no_proof_joins_two_histories(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    changed_at = data.draw(st.integers(0, old - 1))
    rewritten = Grown(b"x" if number == changed_at else str(number).encode() for number in range(new))
    for node in (TREE, rewritten):
        with pytest.raises(ProofRefused):
            require_consistency(old, TREE.roots[old], new, rewritten.roots[new], consistency_proof(old, new, node))
