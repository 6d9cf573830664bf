"""What the log's formats cost: a leaf appended, a proof made and checked in a log of a million leaves.

    python -m bench.ledger_formats

Pure Python, processor time, the best of several runs. A proof is made from hashes in memory, and from the public
tiles on disk by somebody who has read none of them yet: that is what the door that hands out proofs does at worst.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bench.figures import Figure, say
from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.hours_proof import HoursProof, require_hours_proof
from elearn.credit_export.ledger.leaves import Credit, digest, encode, read
from elearn.credit_export.ledger.notes import Note, Signer
from elearn.credit_export.ledger.quorum import Trust
from elearn.credit_export.ledger.tiles import TileNodes, in_directory, tile_path, tiles_of
from elearn.credit_export.ledger.tree import (
    HASH_BYTES,
    Node,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    require_inclusion,
    root_of,
)

APPEND_US = 250.0
PROOF_US = 1_000.0
MILLION = 1_000_000
LEAVES = 5_000
PROOFS = 200
RUNS = 5
ORIGIN = "hours.example/ledger/2026"
AT = datetime(2026, 1, 5, 1, 10, 4, tzinfo=UTC)
LOG = Signer.ed25519(ORIGIN, b"l" * 32)
WITNESSES = [Signer.cosigner(f"{name}.example/witness", name.encode().ljust(32)) for name in ("exam", "regulator")]
POLICY = "".join(
    (
        f"log {LOG.verifier.vkey}\n",
        *(f"witness {number} {witness.verifier.vkey}\n" for number, witness in enumerate(WITNESSES)),
        "group both all 0 1\nquorum both\n",
    )
)


def some_credits() -> list[Credit]:
    """The chain of one subject: ten minutes each."""
    return [
        Credit(
            n=n,
            sub="QzkP43d4dd0Ui71cfbVB8w",
            unit=f"urn:elearn:unit:8c5d4f0e-7d5c-4b59-9a51-{n // 6:012}",
            span=(n % 6 * 600_000, n % 6 * 600_000 + 600_000),
            ms=600_000,
            day=date(2026, 1, 5) + timedelta(days=n // 48),
            total=n * 600_000,
            prev=digest(n.to_bytes(32, "big")),
            ev=digest(bytes(32)),
            pol=digest(b"p" * 32),
            at=AT + timedelta(minutes=10 * n),
        )
        for n in range(1, LEAVES + 1)
    ]


def append_all(leaves: Sequence[Credit]) -> None:
    """What the log does with a leaf: one way to write it, its hash, its place in the tree."""
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf_hash(encode(leaf)))
    if tree.size != len(leaves):
        raise RuntimeError("a leaf is missing")


def grown(size: int) -> list[bytes]:
    """The hashes of a tree of so many leaves, level by level, each level in one string."""
    levels = [b"".join(leaf_hash(number.to_bytes(8, "big")) for number in range(size))]
    while len(levels[-1]) >= 2 * HASH_BYTES:
        below = levels[-1]
        levels.append(
            b"".join(
                node_hash(below[at : at + HASH_BYTES], below[at + HASH_BYTES : at + 2 * HASH_BYTES])
                for at in range(0, len(below) - 2 * HASH_BYTES + 1, 2 * HASH_BYTES)
            )
        )
    return levels


def in_memory(levels: Sequence[bytes]) -> Node:
    return lambda level, index: levels[level][index * HASH_BYTES : (index + 1) * HASH_BYTES]


def write_tiles(levels: Sequence[bytes], size: int, place: Path) -> None:
    for level, index, width in tiles_of(size):
        path = place / tile_path(level, index, width)
        path.parent.mkdir(parents=True, exist_ok=True)
        begin = index * 256 * HASH_BYTES
        path.write_bytes(levels[8 * level][begin : begin + width * HASH_BYTES])


def best_us(work: Callable[[], object], count: int) -> float:
    """Microseconds of processor time of one of `count` pieces that `work` does."""
    took = []
    for _ in range(RUNS):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return min(took) * 1_000_000 / count


def run() -> Iterator[Figure]:
    leaves = some_credits()
    us = best_us(lambda: append_all(leaves), LEAVES)
    yield Figure("append a leaf / 250 us", us / APPEND_US, 1.0, f"{us:.1f} us a leaf: canonical JSON, hash, tree")
    entries = [encode(leaf) for leaf in leaves]
    us = best_us(lambda: [read(entry) for entry in entries], LEAVES)
    yield Figure("read a leaf / 250 us", us / APPEND_US, None, f"{us:.1f} us a leaf")
    yield from of_a_million(entries[0])


def of_a_million(entry: bytes) -> Iterator[Figure]:
    levels = grown(MILLION)
    memory, chance = in_memory(levels), random.Random(1)
    places = [chance.randrange(MILLION) for _ in range(PROOFS)]
    root = root_of(MILLION, memory)

    def figure(name: str, limit: float | None, work: Callable[[], object], count: int = PROOFS) -> Figure:
        us = best_us(work, count)
        return Figure(f"{name} / 1 ms", us / PROOF_US, limit, f"{us:.1f} us at {MILLION:,} leaves")

    proofs = [inclusion_proof(place, MILLION, memory) for place in places]
    yield figure("proof from memory", 1.0, lambda: [inclusion_proof(place, MILLION, memory) for place in places])
    with tempfile.TemporaryDirectory(prefix="bench-tiles-") as where:
        write_tiles(levels, MILLION, Path(where))
        fetch = in_directory(Path(where))

        def cold() -> list[tuple[bytes, ...]]:
            return [inclusion_proof(place, MILLION, TileNodes(fetch, MILLION)) for place in places]

        if cold() != proofs:
            raise RuntimeError("tiles and memory make one proof")
        yield figure("proof from tiles on disk, none read before", 1.0, cold)
        kept = TileNodes(fetch, MILLION)
        yield figure(
            "proof from tiles that were read",
            1.0,
            lambda: [inclusion_proof(place, MILLION, kept) for place in places],
        )
        yield figure(
            "consistency proof from tiles on disk",
            None,
            lambda: [consistency_proof(place, MILLION, TileNodes(fetch, MILLION)) for place in places],
        )

    def check_all() -> None:
        for place, proof in zip(places, proofs, strict=True):
            require_inclusion(memory(0, place), place, MILLION, proof, root)

    yield figure("proof checked", 1.0, check_all)
    yield figure("proof of hours checked offline, two witnesses", None, a_proof_of_hours(entry), 1)


def a_proof_of_hours(entry: bytes) -> Callable[[], object]:
    """What an exam system does with one: three signatures, the way to the root, the leaf."""
    hash_, path = leaf_hash(entry), [bytes([level]) * HASH_BYTES for level in range(20)]
    for other in path:
        hash_ = node_hash(hash_, other)
    text = Checkpoint(ORIGIN, 1 << 20, hash_).text()
    note = Note(text, tuple(signer.sign(text, 1_800_000_000) for signer in (LOG, *WITNESSES)))
    first = HoursProof.made(entry, 0, 1 << 20, lambda level, _: path[level], note)
    file, trust = first.write(), Trust.read(POLICY)
    return lambda: require_hours_proof(file, trust=trust, subject=None, now_s=1_800_000_000, max_age_s=60, stored=None)


if __name__ == "__main__":
    raise SystemExit(say(run()))
