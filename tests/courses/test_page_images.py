"""Pictures of pages: what comes out was written by us, whatever came in."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import pytest
from av.video.codeccontext import VideoCodecContext

from elearn.courses import page_images
from elearn.courses.page_images import written_anew
from elearn.errors import Malformed


def a_picture(name: str, pixels: str, width: int, height: int, frames: int = 1) -> bytes:
    """As another program would write it."""
    encoder = av.CodecContext.create(name, "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, pixels, Fraction(1, 25)
    packets = []
    for number in range(frames):
        frame = av.VideoFrame(width, height, "rgb24")
        for plane in frame.planes:
            plane.update(bytes([40 * number]) * plane.buffer_size)
        shaped = frame.reformat(format=pixels)
        shaped.pts = number
        packets += encoder.encode(shaped)
    return b"".join(bytes(packet) for packet in [*packets, *encoder.encode(None)])


def size_of(data: bytes, name: str) -> tuple[int, int]:
    decoder = av.CodecContext.create(name, "r")
    assert isinstance(decoder, VideoCodecContext)
    (frame, *_rest) = decoder.decode(av.Packet(data)) + decoder.decode(None)
    return frame.width, frame.height


@pytest.mark.parametrize(
    ("name", "pixels", "kept_as"),
    [
        ("png", "rgb24", "image/png"),
        ("png", "rgba", "image/png"),
        ("png", "gray", "image/png"),
        ("libwebp", "yuv420p", "image/png"),
        ("mjpeg", "yuvj420p", "image/jpeg"),
    ],
)
def test_each_kind_is_written_anew_no_larger_than_a_phone_shows(name: str, pixels: str, kept_as: str) -> None:
    kept = written_anew(a_picture(name, pixels, 3200, 1000))
    assert kept.type == kept_as
    assert size_of(kept.data, {"image/png": "png", "image/jpeg": "mjpeg"}[kept_as]) == (1600, 500)


def test_odd_and_tiny_pictures_have_a_size_too() -> None:
    assert size_of(written_anew(a_picture("mjpeg", "yuvj420p", 33, 17)).data, "mjpeg") == (32, 16)
    assert size_of(written_anew(a_picture("png", "rgb24", 1, 1)).data, "png") == (2, 2)


@pytest.mark.parametrize(
    ("orientation", "size", "dark_corner"),
    [
        (1, (64, 32), "top left"),
        (6, (32, 64), "top right"),
        (3, (64, 32), "bottom right"),
        (8, (32, 64), "bottom left"),
    ],
)
def test_a_photo_stands_as_its_camera_was_held(orientation: int, size: tuple[int, int], dark_corner: str) -> None:
    """EXIF's orientation, which is not kept, is carried out (CIPA DC-008, 4.6.5)."""
    sent = a_photo_with_a_dark_corner()
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    note = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    kept = written_anew(sent[:2] + b"\xff\xe1" + (len(note) + 2).to_bytes(2) + note + sent[2:])
    assert size_of(kept.data, "mjpeg") == size
    assert b"Exif" not in kept.data
    assert dark_corner_of(kept.data) == dark_corner


def a_photo_with_a_dark_corner() -> bytes:
    """64 x 32, white but for its top left quarter."""
    frame = av.VideoFrame(64, 32, "gray")
    stride = frame.planes[0].line_size
    rows = [(b"\x00" * 32 if y < 16 else b"\xff" * 32) + b"\xff" * (stride - 32) for y in range(32)]
    frame.planes[0].update(b"".join(rows))
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 32, "yuvj420p", Fraction(1, 25)
    shaped = frame.reformat(format="yuvj420p")
    shaped.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(shaped), *encoder.encode(None)])


def dark_corner_of(jpeg: bytes) -> str:
    decoder = av.CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, VideoCodecContext)
    (frame, *_rest) = decoder.decode(av.Packet(jpeg)) + decoder.decode(None)
    grey = frame.reformat(format="gray")
    data, stride = bytes(grey.planes[0]), grey.planes[0].line_size
    corners = {
        f"{row} {column}": data[y * stride + x]
        for row, y in (("top", 4), ("bottom", grey.height - 5))
        for column, x in (("left", 4), ("right", grey.width - 5))
    }
    return min(corners, key=lambda corner: corners[corner])


def test_what_hides_in_a_picture_does_not_come_out() -> None:
    sent = a_picture("mjpeg", "yuvj420p", 64, 64)
    comment = b"<script>alert(1)</script>"
    sent = sent[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + sent[2:] + b"<?php evil"
    kept = written_anew(sent)
    assert b"script" not in kept.data
    assert b"evil" not in kept.data


@pytest.mark.parametrize(
    ("what", "sent"),
    [
        ("nothing", b""),
        ("a drawing that can act", b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'),
        ("a GIF", b"GIF89a" + b"\0" * 100),
        ("HTML with a picture's first bytes", b"\x89PNG\r\n\x1a\n<html>"),
        ("half a JPEG's beginning", b"\xff\xd8\xff\xe0"),
        ("WebP of nothing", b"RIFF\x04\0\0\0WEBP"),
        ("a program", b"\x7fELF" + b"\0" * 100),
    ],
)
def test_other_files_are_refused_by_their_content(what: str, sent: bytes) -> None:
    with pytest.raises(Malformed):
        written_anew(sent)


def test_a_picture_larger_than_its_limit_is_not_even_looked_at() -> None:
    with pytest.raises(Malformed, match="8 MB"):
        written_anew(b"\xff\xd8\xff" + b"\0" * page_images.MAX_BYTES)


def test_a_picture_that_unpacks_to_more_pixels_than_allowed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = a_picture("png", "gray", 3000, 3000)
    assert len(sent) < 100_000
    monkeypatch.setattr(page_images, "MOST_PIXELS", 3000 * 3000 - 1)
    with pytest.raises(Malformed):
        written_anew(sent)
