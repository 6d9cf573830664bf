"""Pure: which pictures become thumbnails, and the WebVTT that says where each stands in the sprite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

MAX_THUMBNAILS = 100
LONG_SIDE = 160
COLUMNS = 10


@dataclass(frozen=True, slots=True)
class Sprite:
    """Tiles run row by row; `starts_ms` has one entry a tile: when its picture is shown."""

    grid: tuple[int, int]
    tile: tuple[int, int]
    starts_ms: tuple[int, ...]


def plan_sprite(cuts_ms: Sequence[int], width: int, height: int) -> Sprite:
    """At most 100 thumbnails, spread evenly over the starts of the segments."""
    starts_ms = tuple(cuts_ms[:: ceil(len(cuts_ms) / MAX_THUMBNAILS)])
    columns = min(COLUMNS, len(starts_ms))
    scale = Fraction(LONG_SIDE, max(width, height))
    tile = (max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2))
    return Sprite((columns, ceil(len(starts_ms) / columns)), tile, starts_ms)


def poster_at_ms(duration_ms: int) -> int:
    """About a tenth in, past a title that fades in; in a very short lesson before its last picture begins."""
    return max(0, min(duration_ms // 10, duration_ms - 200))


def sprite_vtt(sprite: Sprite, image: str, duration_ms: int) -> str:
    """WebVTT with one cue a thumbnail; its text is the image and a rectangle (Media Fragments, `xywh`)."""
    width, height = sprite.tile
    lines = ["WEBVTT", ""]
    starts = [0, *sprite.starts_ms[1:]]
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], duration_ms], strict=True)):
        row, column = divmod(number, sprite.grid[0])
        lines += [
            f"{_clock(start)} --> {_clock(end)}",
            f"{image}#xywh={column * width},{row * height},{width},{height}",
            "",
        ]
    return "\n".join(lines)


def _clock(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
