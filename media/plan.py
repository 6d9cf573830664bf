"""Pure: what to make of a source. Source facts in, a Plan out; nothing here touches a file.

Two grids decide everything. The block grid (default 30 s) is what a key opens. The segment grid divides a
block into equal parts of at most 5 s, so that a block always begins with a segment and every rendition is cut
at the same pictures.

Sound is muxed into each rendition rather than kept in a group of its own: the light build of hls.js (no
alternate audio, 389 kB instead of 624 kB) can then play it, a segment is one request instead of two, and a
rendition is whole by itself. The price is the same 96 kbit/s of sound stored three times.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING

from media.errors import BadParameter

if TYPE_CHECKING:
    from media.probe import SourceFacts

LADDER = (360, 480, 720)
"""Short sides in pixels: 1280x720 and 720x1280 are both "720"."""

PEAK_BIT_RATE = {360: 800_000, 480: 1_400_000, 720: 2_800_000}
MAX_SEGMENT_MS = 5_000
MAX_FPS = 30
MIN_FPS = 10
SLOW_FPS = 15
TAIL_MS = 1_000
"""A last piece shorter than this joins the segment before it."""

MAX_SOURCE_MS = 12 * 3_600_000
COPIED_PROFILES = ("Constrained Baseline", "Baseline", "Main", "High")
COPIED_LEVEL = 41
COPIED_SOUND_BIT_RATE = 192_000


class Sound(StrEnum):
    COPY = "copy"
    ENCODE = "encode"
    SILENT = "silent"  # the source has none; a track of silence keeps every player on its usual path


@dataclass(frozen=True, slots=True)
class PlannedRendition:
    name: str
    width: int
    height: int
    peak_bit_rate: int
    copy: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """How a source becomes a lesson. `cuts_ms` are the starts of all segments, the first is 0."""

    duration_ms: int
    fps: Fraction
    renditions: tuple[PlannedRendition, ...]  # ascending
    sound: Sound
    segment_ms: int
    segments_per_block: int
    cuts_ms: tuple[int, ...]
    hold_ms: int  # how long the last picture stands still because sound goes on

    @property
    def half_frame_ms(self) -> Fraction:
        return 500 / self.fps

    def block_of(self, segment: int) -> int:
        return segment // self.segments_per_block


def make_plan(facts: SourceFacts, *, block_ms: int = 30_000, allow_copy: bool = True) -> Plan:
    """Decide renditions, cuts and blocks. `block_ms`: a whole number of seconds from 1 to 600."""
    if facts.duration_ms > MAX_SOURCE_MS:
        raise BadParameter(reason="a video may last at most 12 hours")
    segments_per_block = split_block(block_ms)
    segment_ms = block_ms // segments_per_block
    rungs = ladder(min(facts.width, facts.height))
    copied = allow_copy and copy_refusal(facts, rungs[-1], block_ms) is None
    fps = output_fps(facts)
    if copied:
        duration_ms = facts.end_ms
        cuts = cuts_at_keyframes(facts.keyframes_ms, segment_ms)
    else:
        frames = max(1, round(facts.duration_ms * fps / 1000))
        duration_ms = round(frames * 1000 / fps)
        cuts = cuts_on_grid(duration_ms, segment_ms, fps)
    renditions = tuple(
        PlannedRendition(
            name=str(rung),
            width=_even(facts.width * rung, min(facts.width, facts.height)),
            height=_even(facts.height * rung, min(facts.width, facts.height)),
            peak_bit_rate=_peak(rung),
            copy=copied and rung == rungs[-1],
        )
        for rung in rungs
    )
    return Plan(
        duration_ms=duration_ms,
        fps=fps,
        renditions=renditions,
        sound=plan_sound(facts),
        segment_ms=segment_ms,
        segments_per_block=segments_per_block,
        cuts_ms=cuts,
        hold_ms=0 if copied else max(0, duration_ms - facts.end_ms),
    )


def split_block(block_ms: int) -> int:
    """Into how many equal segments of at most 5 s a block divides: 30 s -> 6, 31 s -> 8 of 3.875 s."""
    if block_ms % 1000 or not 1_000 <= block_ms <= 600_000:
        raise BadParameter(reason="a key block lasts a whole number of seconds, from 1 to 600")
    count = ceil(block_ms / MAX_SEGMENT_MS)
    while block_ms % count:
        count += 1
    return count


def ladder(short_side: int) -> tuple[int, ...]:
    """The short sides to make, ascending. Never more than the source has; a tiny source is kept as it is."""
    return tuple(rung for rung in LADDER if rung <= short_side) or (max(2, short_side // 2 * 2),)


def output_fps(facts: SourceFacts) -> Fraction:
    """A constant rate for all renditions: cuts then fall on the same pictures, however the source was timed.

    Fast sources lose every second (third ...) picture; a variable rate becomes its average, rounded up.
    """
    if not facts.constant_rate:
        return Fraction(min(MAX_FPS, max(SLOW_FPS, ceil(facts.fps))))
    if facts.fps < MIN_FPS:
        return Fraction(SLOW_FPS)
    return facts.fps / max(1, ceil(facts.fps / MAX_FPS))


def cuts_on_grid(duration_ms: int, segment_ms: int, fps: Fraction) -> tuple[int, ...]:
    """Starts of segments: the first picture at or after each multiple of `segment_ms`."""
    cuts: list[int] = []
    for start_ms in range(0, max(1, duration_ms), segment_ms):
        cut = round(ceil(start_ms * fps / 1000) * 1000 / fps)
        if not cuts or duration_ms - cut >= TAIL_MS:
            cuts.append(cut)
    return tuple(cuts)


def cuts_at_keyframes(keyframes_ms: tuple[int, ...], segment_ms: int) -> tuple[int, ...]:
    """Starts of segments in a copied track: the first keyframe at or after each multiple of `segment_ms`."""
    cuts = [keyframes_ms[0]]
    for key_ms in keyframes_ms[1:]:
        if key_ms >= len(cuts) * segment_ms:
            cuts.append(key_ms)
    return tuple(cuts)


def copy_refusal(facts: SourceFacts, rung: int, block_ms: int) -> str | None:
    """Why the source cannot be taken as it is for the rendition `rung`; None when it can.

    Copied is what every phone plays and what can be cut where blocks need it: a keyframe at least every
    eighth of a block, so that no block grows by more than that.
    """
    gaps = [later - earlier for earlier, later in pairwise((*facts.keyframes_ms, facts.end_ms))]
    last_sound_ms = facts.audio.end_ms if facts.audio else 0
    reasons = {
        "not H.264": facts.codec != "h264",
        "profile": facts.profile not in COPIED_PROFILES,
        "level": not 0 < facts.level <= COPIED_LEVEL,
        "pixel format": facts.pix_fmt != "yuv420p",
        "size": min(facts.width, facts.height) != rung or facts.width % 2 + facts.height % 2 > 0,
        "rotated": facts.rotation != 0,
        "pixels not square": not facts.square_pixels,
        "interlaced": facts.interlaced,
        "container": "mp4" not in facts.container.split(","),
        "rate varies": not facts.constant_rate,
        "rate": facts.fps != output_fps(facts),
        "bit rate": facts.bit_rate * 4 > _peak(rung) * 5,
        "starts late": facts.start_ms != 0 or facts.keyframes_ms[:1] != (0,),
        "keyframes too far apart": max(gaps, default=facts.end_ms) * 8 > block_ms,
        "sound goes on after the last picture": last_sound_ms > facts.end_ms + 100,
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def plan_sound(facts: SourceFacts) -> Sound:
    """Copy sound that fits as it is, beginning and ending with the pictures; else encode; else silence."""
    audio = facts.audio
    if audio is None:
        return Sound.SILENT
    fits = (
        audio.codec == "aac"
        and audio.profile == "LC"
        and audio.channels in (1, 2)
        and audio.sample_rate in (44_100, 48_000)
        and audio.bit_rate <= COPIED_SOUND_BIT_RATE
        and "mp4" in facts.container.split(",")
        and abs(audio.start_ms - facts.start_ms) <= 50
        and abs(audio.end_ms - facts.end_ms) <= 100
    )
    return Sound.COPY if fits else Sound.ENCODE


def _peak(rung: int) -> int:
    return PEAK_BIT_RATE.get(rung, PEAK_BIT_RATE[LADDER[0]])


def _even(scaled: int, short_side: int) -> int:
    """`scaled / short_side` as the nearest even number: 4:2:0 colour needs whole pairs of pixels."""
    return max(2, round(Fraction(scaled, 2 * short_side)) * 2)
