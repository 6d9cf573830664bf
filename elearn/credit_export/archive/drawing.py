"""A signature drawn with a finger: a small PNG, decoded and written anew, in which somebody really drew. Pure.

Whether it is the person's own hand nobody can see from it; an empty field, a dot and a black box are no signature.
"""

from __future__ import annotations

import av

from elearn.courses import page_images
from elearn.errors import Malformed

LARGEST_BYTES = 300_000
"""Of what is sent, and of what is kept: a drawing of 1200 x 480 takes 20 KB."""
GRID = 120, 48
"""What is looked at: the drawing shrunk to so many fields."""
FEWEST, MOST = 40, 2_900
"""Fields with ink: fewer is a dot or a tick, more than half of them is no drawing."""
NARROWEST = 18
"""So many fields from the leftmost to the rightmost with ink: a seventh of the width."""
INK = 225
"""A field is drawn on when it is darker than this (255 is white)."""


def drawn(sent: bytes) -> bytes:
    """The PNG that is kept. Raises Malformed `drawing`: no PNG, too large, or nothing that is a signature."""
    if len(sent) > LARGEST_BYTES or not sent.startswith(b"\x89PNG\r\n\x1a\n"):
        raise Malformed("A signature is a small picture drawn on this page.", code="drawing")
    try:
        image = page_images.written_anew(sent)
    except Malformed as error:
        raise Malformed("A signature is a small picture drawn on this page.", code="drawing") from error
    if image.type != "image/png" or len(image.data) > LARGEST_BYTES:
        raise Malformed("A signature is a small picture drawn on this page.", code="drawing")
    ink = _ink(image.data)
    across = max((x for x, _y in ink), default=0) - min((x for x, _y in ink), default=0)
    if not FEWEST <= len(ink) <= MOST or across < NARROWEST:
        raise Malformed("Please sign with your whole name in the field.", code="drawing")
    return image.data


def _ink(png: bytes) -> list[tuple[int, int]]:
    """The fields of the grid that are drawn on, as if on white paper."""
    decoder = av.CodecContext.create("png", "r")
    [frame] = decoder.decode(av.Packet(png)) + decoder.decode(None)
    small = frame.reformat(width=GRID[0], height=GRID[1], format="rgba", interpolation="AREA")
    plane = small.planes[0]
    data, stride, found = bytes(plane), plane.line_size, []
    for y in range(GRID[1]):
        for x in range(GRID[0]):
            red, green, blue, alpha = data[y * stride + 4 * x : y * stride + 4 * x + 4]
            if (red + green + blue) * alpha // 765 + 255 - alpha < INK:
                found.append((x, y))
    return found
