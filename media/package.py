"""A lesson is packaged: probe, plan, run, cut, encrypt, write. All of it appears by one rename, or nothing does.

The work happens in a hidden directory beside the target. A lock held by the living process marks it; whoever
comes next removes the directories of the dead, so a run after a `kill -9` starts clean.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from media import ffmpeg
from media.crypt import KEY_BYTES, encrypt_segment, write_keys
from media.errors import DamagedFile, DiskFull, Interrupted, MediaError, SourceUnreadable, TargetExists
from media.fmp4 import group_fragments, read_layout
from media.manifest import (
    KEYS_FILE,
    MANIFEST_FILE,
    MANIFEST_VERSION,
    PUBLIC,
    Block,
    Manifest,
    Rendition,
    Segment,
    hash_of_files,
    write_manifest,
)
from media.pictures import Sprite, plan_sprite, sprite_vtt
from media.plan import Plan, PlannedRendition, make_plan
from media.probe import OutputFacts, SourceFacts, measure, probe

logger = logging.getLogger(__name__)

POSTER, SPRITE, SPRITE_VTT = "poster.jpg", "sprite.jpg", "sprite.vtt"
LOCK_FILE = "lock"
ENCODING_STARTS, ENCODING_ENDS = 0.01, 0.97  # shares of the whole, as measured on a lesson of 60 s
LOST_MS = 500
"""So much less than planned may come out of a source before it counts as damaged."""


class Stage(StrEnum):
    PROBE = "probe"
    ENCODE = "encode"
    ENCRYPT = "encrypt"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Progress:
    """`fraction` runs from 0 to 1 and never back; `eta_s` is None until there is something to judge by."""

    stage: Stage
    fraction: float
    eta_s: int | None


@dataclass(frozen=True, slots=True)
class _Cut:
    """One produced rendition, measured, and where its segments lie in the clear file."""

    planned: PlannedRendition
    clear: Path
    facts: OutputFacts
    init: tuple[int, int]
    segments: tuple[tuple[tuple[int, int], int], ...]


def package(
    source: Path,
    target: Path,
    *,
    block_ms: int = 30_000,
    progress: Callable[[Progress], None] | None = None,
    key_source: Callable[[int], bytes] = secrets.token_bytes,
    gently: bool = False,
) -> Manifest:
    """Make the directory `target` out of the video `source` and return its manifest.

    `block_ms`: how much one key opens, whole seconds from 1 to 600. `progress` is called in this thread, about
    twice a second; an exception from it stops the work and goes on to the caller. `key_source(16)` gives a key.
    `gently`: encode at a low priority, so that it slows nobody down.
    Errors are MediaError with a code; after any of them nothing is left on disk. A target that exists is
    complete and is refused (TargetExists): read its manifest instead.
    """
    report = _Report(progress)
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise TargetExists(target=target.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(target)
        facts = probe(source)
        plan = make_plan(facts, block_ms=block_ms)
        report(Stage.PROBE, 0.0)
        with _workshop(target) as workshop:
            manifest = _fill(workshop, source, facts, plan, block_ms, key_source, report, gently)
            _publish(workshop, target)
    except KeyboardInterrupt as stop:
        raise Interrupted from stop
    except OSError as error:
        if ffmpeg.is_disk_full(error):
            raise DiskFull from error
        raise
    report(Stage.DONE, 1.0)
    return manifest


def remove_leftovers(target: Path) -> int:
    """Remove what processes left that died while they made `target`; the number of directories removed."""
    removed = 0
    for stale in target.parent.glob(f".{_escaped(target.name)}.packaging-*"):
        try:
            lock = os.open(stale / LOCK_FILE, os.O_RDWR)
        except FileNotFoundError:
            # Between mkdir and its lock another living process may stand; the dead leave it for a minute too.
            if time.time() - stale.stat().st_mtime > 60:
                shutil.rmtree(stale, ignore_errors=True)
                removed += 1
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(stale, ignore_errors=True)
            removed += 1
        except BlockingIOError:
            pass  # its maker is alive
        finally:
            os.close(lock)
    if removed:
        logger.info("removed leftovers of a dead packaging run", extra={"directories": removed})
    return removed


def _fill(
    workshop: Path,
    source: Path,
    facts: SourceFacts,
    plan: Plan,
    block_ms: int,
    key_source: Callable[[int], bytes],
    report: _Report,
    gently: bool,
) -> Manifest:
    try:
        source_sha256 = _sha256(source)
    except OSError as error:
        raise SourceUnreadable(reason=error.strerror or "unknown") from error
    clear, public = workshop / "clear", workshop / PUBLIC
    clear.mkdir(mode=0o700)
    public.mkdir()
    try:
        cuts, sprite = _encode(clear, public, source, facts, plan, report, gently)
    except DamagedFile as error:
        if not any(rendition.copy for rendition in plan.renditions):
            raise
        # Copying is a saving, not a promise: when the copied track cannot be cut as planned, encode it.
        logger.info("copied track not usable, encoding instead", extra={"reason": str(error)})
        plan = make_plan(facts, block_ms=block_ms, allow_copy=False)
        cuts, sprite = _encode(clear, public, source, facts, plan, report, gently)
    report(Stage.ENCRYPT, ENCODING_ENDS)

    start_offset_ms = min(cut.facts.start_ms for cut in cuts)
    duration_ms = min(cut.facts.end_ms for cut in cuts) - start_offset_ms
    starts = [start for _, start in cuts[0].segments]
    starts_ms = [0, *(start - start_offset_ms for start in starts[1:])]
    ends_ms = [*starts_ms[1:], duration_ms]
    blocks = _blocks(plan, starts_ms, ends_ms)
    keys = tuple(key_source(KEY_BYTES) for _ in blocks)
    (public / SPRITE_VTT).write_text(sprite_vtt(sprite, SPRITE, duration_ms), encoding="utf-8")

    renditions = []
    for cut in cuts:
        sizes = _encrypt(public, cut, plan, keys)
        renditions.append(_rendition(cut, plan, sizes, starts_ms, ends_ms))
        cut.clear.unlink()
    clear.rmdir()
    files = {path.relative_to(public).as_posix(): _sha256(path) for path in _files(public)}
    manifest = Manifest(
        version=MANIFEST_VERSION,
        duration_ms=duration_ms,
        start_offset_ms=start_offset_ms,
        width=renditions[-1].width,
        height=renditions[-1].height,
        blocks=blocks,
        renditions=tuple(renditions),
        audio=None,
        poster=POSTER,
        sprite=SPRITE,
        sprite_vtt=SPRITE_VTT,
        content_hash=hash_of_files(files),
        files=files,
        source_sha256=source_sha256,
    )
    write_keys(workshop / KEYS_FILE, keys)
    with (workshop / MANIFEST_FILE).open("wb") as file:
        file.write(write_manifest(manifest))
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _encode(
    clear: Path, public: Path, source: Path, facts: SourceFacts, plan: Plan, report: _Report, gently: bool
) -> tuple[list[_Cut], Sprite]:
    """Run ffmpeg and measure what came out; DamagedFile when it is not what was planned."""
    sprite = plan_sprite(plan.cuts_ms, plan.renditions[0].width, plan.renditions[0].height)
    pictures = ffmpeg.Pictures(public / POSTER, public / SPRITE, sprite)
    outputs = {rendition.name: clear / f"{rendition.name}.mp4" for rendition in plan.renditions}

    def written(ms: int) -> None:
        share = min(1.0, ms / plan.duration_ms)
        report(Stage.ENCODE, ENCODING_STARTS + share * (ENCODING_ENDS - ENCODING_STARTS))

    encode, *draw = ffmpeg.commands(source, facts, plan, outputs, pictures)
    complaints = ffmpeg.run(encode, written, gently=gently)
    for command in draw:
        complaints += ffmpeg.run(command, gently=gently)
    if complaints and any(rendition.copy for rendition in plan.renditions):
        # A browser may stop at one broken picture where an encoder steps over it: no copy of damage.
        raise DamagedFile(reason=complaints[-1])
    tolerance_ms = int(plan.half_frame_ms)
    cuts = []
    for rendition in plan.renditions:
        path = outputs[rendition.name]
        measured = measure(path)
        if plan.duration_ms - (measured.end_ms - measured.start_ms) > LOST_MS:
            raise DamagedFile(reason=f"of {plan.duration_ms} ms only {measured.end_ms} ms came out")
        layout = read_layout(path)
        expected = [cut_ms + measured.start_ms for cut_ms in plan.cuts_ms]
        segments = group_fragments(layout, measured.keyframes_ms, expected, tolerance_ms)
        cuts.append(_Cut(rendition, path, measured, layout.init, segments))
    return cuts, sprite


def _blocks(plan: Plan, starts_ms: list[int], ends_ms: list[int]) -> tuple[Block, ...]:
    size = plan.segments_per_block
    return tuple(
        Block(index=i, start_ms=starts_ms[first], end_ms=ends_ms[min(first + size, len(ends_ms)) - 1])
        for i, first in enumerate(range(0, len(starts_ms), size))
    )


def _encrypt(public: Path, cut: _Cut, plan: Plan, keys: tuple[bytes, ...]) -> list[int]:
    """Write the init segment and the encrypted segments of one rendition; the size of each segment."""
    folder = public / cut.planned.name
    folder.mkdir()
    sizes = []
    with cut.clear.open("rb") as file:
        (folder / "init.mp4").write_bytes(file.read(cut.init[1]))
        for number, ((first, last), _) in enumerate(cut.segments):
            file.seek(first)
            sealed = encrypt_segment(file.read(last - first), keys[plan.block_of(number)], number)
            (folder / _segment_file(number)).write_bytes(sealed)
            sizes.append(len(sealed))
    return sizes


def _rendition(cut: _Cut, plan: Plan, sizes: list[int], starts_ms: list[int], ends_ms: list[int]) -> Rendition:
    name = cut.planned.name
    lengths = [end - start for start, end in zip(starts_ms, ends_ms, strict=True)]
    # RFC 8216, 4.3.4.2: the peak is taken over at least half a target duration, so a short tail is no peak.
    peaks = [size * 8000 // length for size, length in zip(sizes, lengths, strict=True) if length * 2 >= max(lengths)]
    return Rendition(
        name=name,
        width=cut.planned.width,
        height=cut.planned.height,
        bandwidth=max(1, *peaks),
        codecs=cut.facts.codecs,
        init=f"{name}/init.mp4",
        segments=tuple(
            Segment(f"{name}/{_segment_file(n)}", start, length, plan.block_of(n))
            for n, (start, length) in enumerate(zip(starts_ms, lengths, strict=True))
        ),
    )


def _segment_file(number: int) -> str:
    return f"{number:05d}.m4s"


def _files(public: Path) -> list[Path]:
    return sorted(path for path in public.rglob("*") if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _workshop(target: Path) -> Iterator[Path]:
    """A locked directory beside the target, gone afterwards whatever happens.

    Made by mkdir, not mkdtemp: it becomes the target, and a web server must be able to enter it.
    """
    workshop = target.parent / f".{target.name}.packaging-{secrets.token_hex(8)}"
    workshop.mkdir()
    try:
        lock = os.open(workshop / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield workshop
        finally:
            os.close(lock)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _publish(workshop: Path, target: Path) -> None:
    (workshop / LOCK_FILE).unlink()
    try:
        workshop.rename(target)
    except OSError as error:
        if target.exists():
            raise TargetExists(target=target.name) from error
        raise
    parent = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def _escaped(name: str) -> str:
    """`name` with the characters taken literally that `glob` would read as patterns."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


class _Report:
    """Calls the listener with a fraction that never goes back, and judges the time left from the time gone."""

    def __init__(self, listener: Callable[[Progress], None] | None) -> None:
        self._listener = listener
        self._began = time.monotonic()
        self._fraction = 0.0

    def __call__(self, stage: Stage, fraction: float) -> None:
        if self._listener is None:
            return
        self._fraction = max(self._fraction, fraction)
        gone = time.monotonic() - self._began
        known = self._fraction > ENCODING_STARTS * 2
        eta_s = round(gone * (1 - self._fraction) / self._fraction) if known else None
        self._listener(Progress(stage, self._fraction, eta_s))


__all__ = ["MediaError", "Progress", "Stage", "package", "remove_leftovers"]
