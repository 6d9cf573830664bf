"""Where a fragmented MP4 may be cut (ISO 14496-12, 8.8): only the sizes of its outermost boxes are read.

ffmpeg starts a fragment (`moof` and `mdat`) at each keyframe and at no other place, so the n-th fragment belongs
to the n-th keyframe.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from media.errors import DamagedFile

Span = tuple[int, int]
"""[first byte, byte after the last)."""


@dataclass(frozen=True, slots=True)
class Layout:
    init: Span
    fragments: tuple[Span, ...]


def read_layout(path: Path) -> Layout:
    """The byte ranges of the init segment (`ftyp`, `moov`) and of each fragment."""
    starts: list[int] = []
    with path.open("rb") as file:
        end = path.stat().st_size
        at = 0
        while at < end:
            file.seek(at)
            head = file.read(16)
            if len(head) < 8:
                raise DamagedFile(reason="the produced file ends inside a box")
            size, kind = struct.unpack_from(">I4s", head)
            if size == 1 and len(head) == 16:
                (size,) = struct.unpack_from(">Q", head, 8)
            if size < 8 or at + size > end:
                raise DamagedFile(reason="the produced file ends inside a box")
            if kind == b"moof":
                starts.append(at)
            at += size
    if not starts:
        raise DamagedFile(reason="the produced file has no fragments")
    return Layout(init=(0, starts[0]), fragments=tuple(zip(starts, [*starts[1:], end], strict=True)))


def group_fragments(
    layout: Layout, keyframes_ms: Sequence[int], cuts_ms: Sequence[int], tolerance_ms: int
) -> tuple[tuple[Span, int], ...]:
    """Join fragments into segments: (byte range, true start in ms) for each cut.

    DamagedFile when a cut has no keyframe within `tolerance_ms` of it: such a rendition cannot be switched to.
    """
    if len(layout.fragments) != len(keyframes_ms):
        raise DamagedFile(reason="fragments and keyframes do not match")
    firsts: list[int] = []
    for cut_ms in cuts_ms:
        nearest = min(range(len(keyframes_ms)), key=lambda i: abs(keyframes_ms[i] - cut_ms))
        if abs(keyframes_ms[nearest] - cut_ms) > tolerance_ms or (firsts and nearest <= firsts[-1]):
            raise DamagedFile(reason=f"no keyframe where a segment starts, at {cut_ms} ms")
        firsts.append(nearest)
    if not firsts or firsts[0] != 0:
        raise DamagedFile(reason="the first keyframe is not the first picture")
    lasts = [*(first - 1 for first in firsts[1:]), len(layout.fragments) - 1]
    return tuple(
        ((layout.fragments[first][0], layout.fragments[last][1]), keyframes_ms[first])
        for first, last in zip(firsts, lasts, strict=True)
    )
