"""What packaging costs beside the same ffmpeg command run bare: at most 1.05 times its wall time.

Both are measured in one run, in turns (bare, packaged, bare, packaged ...), on the real recording looped to a
minute. The best of each side counts, since a busy machine only ever adds; the processor time of each side is told
beside it. Packaging also probes, hashes, measures, cuts, encrypts and writes the manifest.

    python -m bench.media_packaging [--seconds 60] [--pairs 3]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.figures import Figure, say
from media import ffmpeg
from media.package import package
from media.pictures import plan_sprite
from media.plan import make_plan
from media.probe import probe

LESSON = Path(__file__).parents[1] / "elearn" / "demo" / "assets" / "lesson-source.mp4"
LIMIT = 1.05


def run(seconds: int = 60, pairs: int = 3) -> Iterator[Figure]:
    """Package the looped recording twice over: every rendition encoded, and the largest copied."""
    with tempfile.TemporaryDirectory(prefix="media-bench-") as room:
        folder = Path(room)
        copied, encoded = folder / "copied.mp4", folder / "encoded.mkv"
        ffmpeg.loop_to(LESSON, seconds, copied)
        # In Matroska the very same pictures are not fit to copy, so all three renditions are encoded.
        ffmpeg.run([ffmpeg.binary(), "-loglevel", "error", "-i", str(copied), "-c", "copy", str(encoded)])
        yield _compare("packaging / bare ffmpeg, all encoded", encoded, folder, pairs)
        yield _compare("packaging / bare ffmpeg, largest copied", copied, folder, pairs)


@dataclass(slots=True)
class _Side:
    """One side of the comparison: wall and processor seconds of each turn, ffmpeg's included."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def take(self, work: Callable[[], object]) -> None:
        cpu, wall = _cpu_seconds(), time.perf_counter()
        work()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(_cpu_seconds() - cpu)


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _compare(name: str, source: Path, folder: Path, pairs: int) -> Figure:
    bare, packaged = _Side(), _Side()
    facts = probe(source)
    plan = make_plan(facts)
    outputs = {r.name: folder / f"bare-{r.name}.mp4" for r in plan.renditions}
    sprite = plan_sprite(plan.cuts_ms, plan.renditions[0].width, plan.renditions[0].height)
    pictures = ffmpeg.Pictures(folder / "bare-poster.jpg", folder / "bare-sprite.jpg", sprite)
    commands = ffmpeg.commands(source, facts, plan, outputs, pictures)
    for turn in range(pairs):
        target = folder / f"lesson-{source.stem}-{turn}"
        both: list[tuple[_Side, Callable[[], object]]] = [
            (bare, lambda: [ffmpeg.run(command) for command in commands]),
            (packaged, partial(package, source, target)),
        ]
        # In turns, so that a processor that slows down or speeds up favours neither.
        for side, work in both if turn % 2 == 0 else reversed(both):
            side.take(work)
    detail = (
        f"wall bare {min(bare.wall):.2f} s, packaged {min(packaged.wall):.2f} s; processor time "
        f"{min(bare.cpu):.2f} s, {min(packaged.cpu):.2f} s, ratio {min(packaged.cpu) / min(bare.cpu):.3f}; "
        f"{facts.duration_ms / 1000:.0f} s of video, {pairs} pairs"
    )
    return Figure(name, min(packaged.wall) / min(bare.wall), LIMIT, detail)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--pairs", type=int, default=3)
    arguments = parser.parse_args()
    return say(run(arguments.seconds, arguments.pairs))


if __name__ == "__main__":
    sys.exit(main())
