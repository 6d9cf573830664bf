"""Pictures of pages: whatever was sent is decoded and written anew, so that only a picture is ever handed out.

PyAV does it, as it does for videos and faces; its limit of pixels is checked before a picture is unpacked.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import av.filter
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from elearn.errors import Malformed

MAX_BYTES = 8 * 1024 * 1024
MOST_PIXELS = 24_000_000
SIDE = 1600
"""The longer side of what is kept: sharp on a phone, and readable when it is enlarged."""
KEPT_BYTES = 2 * 1024 * 1024
"""A drawing is kept as PNG while it is no bigger; else it becomes a JPEG, as photos do."""
JPEG_QUALITY = 3
"""FFmpeg's scale: 2 is best, 31 worst."""

DECODERS = ((b"\xff\xd8\xff", "mjpeg"), (b"\x89PNG\r\n\x1a\n", "png"))
TYPES = {"mjpeg": "image/jpeg", "png": "image/png"}
"""Decoder -> media type, of what is written here."""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture written by us; `type` is its media type."""

    data: bytes
    type: str


def written_anew(sent: bytes) -> Image:
    """The picture in `sent`, at most SIDE pixels wide and high, with nothing else that came along.

    Raises Malformed: too large, no JPEG, PNG or WebP by its content, broken, or moving.
    """
    if len(sent) > MAX_BYTES:
        raise Malformed("A picture has at most 8 MB.", code="page_image")
    decoder = next((name for mark, name in DECODERS if sent.startswith(mark)), None)
    if sent[:4] == b"RIFF" and sent[8:12] == b"WEBP":
        decoder = "webp"
    if decoder is None:
        raise Malformed("A picture is a JPEG, PNG or WebP file.", code="page_image")
    try:
        frame = _decoded(sent, decoder)
        scale = min(Fraction(1), Fraction(SIDE, max(frame.width, frame.height)))
        width, height = (max(2, int(side * scale)) for side in (frame.width, frame.height))
        if decoder != "mjpeg":
            drawn = _encoded(frame, "png", "rgba" if _has_alpha(frame) else "rgb24", width, height)
            if len(drawn) <= KEPT_BYTES:
                return Image(drawn, "image/png")
        # JPEG stores colour for every other pixel, so it wants even sides.
        return Image(_encoded(frame, "mjpeg", "yuvj420p", width // 2 * 2, height // 2 * 2), "image/jpeg")
    except FFmpegError as error:
        raise Malformed("The picture cannot be read.", code="page_image") from error


def looked_at(written: bytes, type_: str) -> Image:
    """A picture that another installation wrote, as it is. Raises Malformed: too large, broken, or of another type."""
    decoder = next((name for mark, name in DECODERS if written.startswith(mark)), None)
    if decoder is None or TYPES[decoder] != type_ or len(written) > MAX_BYTES:
        raise Malformed("The picture cannot be read.", code="page_image")
    try:
        _decoded(written, decoder)
    except FFmpegError as error:
        raise Malformed("The picture cannot be read.", code="page_image") from error
    return Image(written, type_)


def _decoded(sent: bytes, name: str) -> VideoFrame:
    decoder = av.CodecContext.create(name, "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.options = {"max_pixels": str(MOST_PIXELS)}
    frames = decoder.decode(av.Packet(sent)) + decoder.decode(None)
    if len(frames) != 1 or not isinstance(frames[0], VideoFrame):
        raise Malformed("The picture cannot be read.", code="page_image")
    return _upright(frames[0])


def _upright(frame: VideoFrame) -> VideoFrame:
    """As its camera was held: a phone's photo lies on its side, and a note that does not come along says so."""
    turns = {-90: ("transpose", "clock"), 90: ("transpose", "cclock")}
    step = turns.get(frame.rotation)
    if step is None and abs(frame.rotation) != 180:
        return frame
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    steps = [graph.add(*step)] if step else [graph.add("hflip"), graph.add("vflip")]
    graph.link_nodes(source, *steps, graph.add("buffersink")).configure()
    frame.pts = 0
    graph.push(frame)
    turned = graph.pull()
    assert isinstance(turned, VideoFrame)
    return turned


def _has_alpha(frame: VideoFrame) -> bool:
    return frame.format.has_palette or any(part.is_alpha for part in frame.format.components)


def _encoded(frame: VideoFrame, name: str, pixels: str, width: int, height: int) -> bytes:
    encoder = av.CodecContext.create(name, "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, pixels
    encoder.time_base = Fraction(1, 25)
    if name == "mjpeg":
        encoder.options = {"qmin": str(JPEG_QUALITY), "qmax": str(JPEG_QUALITY)}
    small = frame.reformat(width=width, height=height, format=pixels, interpolation="AREA")
    small.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(small), *encoder.encode(None)])
