"""Portraits that nobody ever sat for: smooth shades with blobs, as JPEG."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext


def a_portrait(seed: int, *, dx: int = 0, low_bits: int | None = None, quality: int = 3, width: int = 240) -> bytes:
    """`seed` makes the face, `dx` moves it, `low_bits` seeds noise in the lowest bit, `quality` is MJPEG's (2 best)."""
    height = width * 4 // 3
    draw = random.Random(seed)
    waves = [(draw.uniform(8, 40), draw.uniform(8, 40), draw.uniform(0, 6.3), draw.uniform(15, 40)) for _ in range(6)]
    noise = random.Random(low_bits)
    frame = av.VideoFrame(width, height, "gray")
    stride = frame.planes[0].line_size
    rows = bytearray(stride * height)
    for y in range(height):
        for x in range(width):
            shade = (
                128
                + sum(strength * math.sin((x + dx) / wide + y / high + phase) for wide, high, phase, strength in waves)
                / 2
            )
            value = min(254, max(0, int(shade)))
            rows[y * stride + x] = value ^ (low_bits is not None and noise.random() < 0.5)
    frame.planes[0].update(bytes(rows))
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.qmin = encoder.qmax = quality
    packets = encoder.encode(frame.reformat(format="yuvj420p")) + encoder.encode(None)
    return b"".join(bytes(packet) for packet in packets)
