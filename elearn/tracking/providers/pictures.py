"""Near-duplicates of pictures: the dHash of 16 x 16 (MODEL 2.2).

Gradient signs of a picture shrunk to 17 x 16 grey points: what a replayed file keeps and a second look through a
camera does not. PyAV decodes, as it does for probing lessons; no second image library for this alone.
"""

from __future__ import annotations

from itertools import pairwise

import av
from av.error import FFmpegError
from av.video.frame import VideoFrame

from elearn.errors import Malformed

SIDE = 16
NEAR = 24
"""At most so many of 256 bits apart: the same picture, altered. Measured in MODEL 2.2: replays stay below 20, a
second capture is at least 34 away."""
MOST_PIXELS = 4_000_000


def dhash(jpeg: bytes) -> int:
    """256 bits, the first of the top left corner highest. Raises Malformed: no JPEG, or one of too many pixels."""
    decoder = av.CodecContext.create("mjpeg", "r")
    decoder.options = {"max_pixels": str(MOST_PIXELS)}
    try:
        frames = decoder.decode(av.Packet(jpeg)) + decoder.decode(None)
    except FFmpegError as error:
        raise Malformed("The picture cannot be read.", code="image") from error
    if len(frames) != 1 or not isinstance(frames[0], VideoFrame):
        raise Malformed("The picture cannot be read.", code="image")
    small = frames[0].reformat(width=SIDE + 1, height=SIDE, format="gray", interpolation="AREA")
    plane = small.planes[0]
    data, stride = bytes(plane), plane.line_size
    bits = 0
    for row in range(SIDE):
        line = data[row * stride : row * stride + SIDE + 1]
        for left, right in pairwise(line):
            bits = bits << 1 | (left < right)
    return bits


def distance(one: int, other: int) -> int:
    """How many of the 256 bits differ."""
    return (one ^ other).bit_count()
