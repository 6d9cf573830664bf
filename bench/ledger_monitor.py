"""What it costs to add the log up again: leaves a second that a monitor reads, and the memory it takes.

    python -m bench.ledger_monitor [leaves]

A log with real formats is written to files and mirrored from them, so the network is left out: every tile and bundle
is proved, every leaf is read by all rules, memory and mirror are saved as they are in use. Processor time of the one
process counts, and its largest memory. A year of 100,000 people is 15 million leaves.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.figures import Figure, say
from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.log_files import LogFiles
from elearn.credit_export.ledger.monitor.fetching import Fetched, Site
from elearn.credit_export.ledger.monitor.looking import Monitor
from elearn.credit_export.ledger.notes import Note, Signer
from elearn.credit_export.ledger.quorum import Trust
from elearn.credit_export.ledger.tiles import in_directory
from elearn.credit_export.ledger.tree import EMPTY, leaf_hash

LEAVES_A_SECOND = 3_000.0
LEAVES = 60_000
PERSON_LEAVES = 150
"""A year of one person: twenty-four hours in blocks of eight minutes or more."""
ORIGIN = "hours.example/ledger/2026"
SIGNER = Signer.ed25519(ORIGIN, bytes(32))
BEGIN = datetime(2026, 1, 5, 1, tzinfo=UTC)
POLICY = "sha256:" + "2" * 64
UNITS = [f"urn:elearn:unit:0b7e0b7e-0b7e-4b7e-8b7e-{number:012}" for number in range(12)]
BLOCK_MS = 500_000


def entries(count: int) -> Iterator[bytes]:
    """An honest log: a minute of evidence, then some blocks of people who take turns."""
    yield _leaf(t="policy", pol=POLICY, at=_time(BEGIN))
    for unit in UNITS:
        yield _leaf(
            t="unit", unit=unit, lesson=unit.replace("unit", "lesson"), version=1, ms=24 * BLOCK_MS, hash=POLICY,
            item=None, kind="theory", at=_time(BEGIN),
        )  # fmt: skip
    people = max(1, count // PERSON_LEAVES)
    chains: list[str | None] = [None] * people
    made, at, root = 1 + len(UNITS), BEGIN, EMPTY
    blocks = 0
    while made < count:
        begin, at = at, at + timedelta(seconds=1)
        root = leaf_hash(root)
        yield _leaf(t="evidence", root=f"sha256:{root.hex()}", count=0, **{"from": _time(begin), "to": _time(at)})
        made += 1
        for _ in range(min(15, count - made)):
            n, person = divmod(blocks, people)
            number, place = divmod(n, 24)
            entry = _leaf(
                t="credit",
                n=n + 1,
                sub=f"{person:021}A",
                unit=UNITS[number % len(UNITS)],
                span=[place * BLOCK_MS, (place + 1) * BLOCK_MS],
                ms=BLOCK_MS,
                day=(at + timedelta(hours=8)).date().isoformat(),
                total=(n + 1) * BLOCK_MS,
                prev=chains[person],
                ev=f"sha256:{root.hex()}",
                pol=POLICY,
                at=_time(at),
            )
            chains[person] = f"sha256:{leaf_hash(entry).hex()}"
            yield entry
            made, blocks = made + 1, blocks + 1


def _leaf(**members: object) -> bytes:
    return json.dumps({"v": 1, **members}, sort_keys=True, separators=(",", ":")).encode()


def _time(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat() + "Z"


class Files(Site):
    """A log's files without a network."""

    def __init__(self, directory: Path) -> None:
        super().__init__("http://localhost")
        self._read = in_directory(directory)

    def get(self, path: str, etag: str | None = None) -> Fetched:
        return Fetched(self._read(path), None)


def publish(directory: Path, count: int) -> None:
    files = LogFiles(directory)
    tree = files.grow(0, EMPTY, entries(count))
    text = Checkpoint(ORIGIN, tree.size, tree.root()).text()
    files.put_checkpoint(Note(text, (SIGNER.sign(text, 0),)))


def look(public: Path, own: Path) -> dict[str, float]:
    """Run in a process of its own, so that its memory is its own."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (own / "log").mkdir(parents=True)
    monitor = Monitor(own, Files(public), Trust.none(SIGNER.verifier))
    began, cpu = time.monotonic(), time.process_time()
    found = monitor.look(now_s=int((BEGIN + timedelta(days=700)).timestamp()))
    took, spent = time.monotonic() - began, time.process_time() - cpu
    if found.alarms:
        raise RuntimeError(f"an honest log has no alarm: {found.alarms[0]}")
    monitor.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"leaves": found.checked, "wall_s": took, "cpu_s": spent, "mb": peak, "before_mb": before}


def measure(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="bench-monitor-") as where:
        publish(Path(where) / "public", count)
        code = (
            "import sys, json, pathlib; from bench.ledger_monitor import look; "
            "print(json.dumps(look(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(Path(where) / "public"), str(Path(where) / "own")],
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        measured: dict[str, float] = json.loads(done.stdout)
        return measured


def run(count: int = LEAVES) -> Iterator[Figure]:
    found = measure(count)
    speed = found["leaves"] / found["cpu_s"]
    yield Figure(
        "ledger monitor, 3,000 leaves a second of a core /",
        LEAVES_A_SECOND / speed,
        1.0,
        f"{speed:.0f} leaves a second ({found['leaves']:.0f} mirrored, proved, added up in {found['wall_s']:.1f} s, "
        f"{found['cpu_s']:.1f} s of a core); at most {found['mb']:.0f} MB, {found['before_mb']:.0f} of them before",
    )


if __name__ == "__main__":
    raise SystemExit(say(run(int(sys.argv[1]) if sys.argv[1:] else LEAVES)))
