"""What a proof costs: made from the tiles on disk of a log of a million leaves, and of one of a thousand.

    python -m bench.ledger_doors

Leaves anywhere in the log, as requests to a web process ask for them: what all proofs share is kept there until the log
grows, the tile of each leaf is read for each proof. The leaves are as long as those of hours. Processor time counts.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, percentile_ms, say
from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.hours_proof import HoursProof, require_in_log
from elearn.credit_export.ledger.log_files import LogFiles
from elearn.credit_export.ledger.notes import Note, Signer
from elearn.credit_export.ledger.proving import Proving
from elearn.credit_export.ledger.tiles import tile_path
from elearn.credit_export.ledger.tree import Tree, leaf_hash

ORIGIN = "hours.example/ledger/2026"
LIMIT_MS = 1.0
LEAVES = 1_000_000
FEW = 1_000
PROOFS = 400


def entry(index: int) -> bytes:
    return f'{{"at":"2026-07-01T01:00:00Z","n":{index},"t":"credit"}}'.ljust(360).encode()


def written(directory: Path, size: int) -> Note:
    """The tiles of so many leaves, as publishing leaves them; without the bundles, which no proof reads."""
    tree, rows = Tree(), dict[int, list[bytes]]()

    def put(level: int, index: int, row: list[bytes]) -> None:
        path = directory / tile_path(level, index, len(row))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(row))

    for index in range(size):
        for level, at, hash_ in tree.append(leaf_hash(entry(index))):
            if level % 8 == 0:
                row = rows.setdefault(level // 8, [])
                row.append(hash_)
                if len(row) == 256:
                    put(level // 8, at // 256, rows.pop(level // 8))
    for level, row in rows.items():
        put(level, (size >> 8 * level) // 256, row)
    text = Checkpoint(ORIGIN, size, tree.root()).text()
    return Note(text, (Signer.ed25519(ORIGIN, bytes(32)).sign(text, 0),))


def proofs(files: LogFiles, size: int, note: Note) -> list[float]:
    """Seconds of processor time of each proof; each is checked."""
    took, anywhere, checkpoint = [], random.Random(5), Checkpoint.read(note.text)
    proving = Proving(files, size)
    for _ in range(PROOFS):
        index = anywhere.randrange(size)
        begun = time.thread_time()
        made = HoursProof.made(entry(index), index, size, proving.nodes(), note)
        made.write()
        took.append(time.thread_time() - begun)
        require_in_log(made, checkpoint)
    return took


def run() -> Iterator[Figure]:
    typical = {}
    for size in (FEW, LEAVES):
        with tempfile.TemporaryDirectory(prefix="bench-ledger-") as place:
            note = written(Path(place), size)
            took = proofs(LogFiles(Path(place)), size, note)
        typical[size] = percentile_ms(took, 50)
        if size == LEAVES:
            yield Figure(
                f"a proof at {LEAVES} leaves / {LIMIT_MS} ms",
                typical[size] / LIMIT_MS,
                1.0,
                f"{typical[size]:.3f} ms, 95 % under {percentile_ms(took, 95):.3f} ms, {PROOFS} proofs",
            )
    yield Figure(
        f"a proof at {LEAVES} leaves / at {FEW}",
        typical[LEAVES] / typical[FEW],
        None,
        f"{typical[LEAVES]:.3f} ms / {typical[FEW]:.3f} ms",
    )


if __name__ == "__main__":
    raise SystemExit(say(run()))
