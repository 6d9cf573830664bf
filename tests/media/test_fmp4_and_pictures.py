"""Where a fragmented MP4 is cut, and which pictures become thumbnails."""

from __future__ import annotations

import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import DamagedFile
from media.fmp4 import Layout, group_fragments, read_layout
from media.pictures import plan_sprite, sprite_vtt


def box(kind: bytes, size: int) -> bytes:
    return struct.pack(">I4s", size, kind) + bytes(size - 8)


def large_box(kind: bytes, size: int) -> bytes:
    return struct.pack(">I4sQ", 1, kind, size) + bytes(size - 16)


def test_a_fragment_is_everything_from_one_moof_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    parts = [box(b"ftyp", 20), box(b"moov", 100), box(b"moof", 30), large_box(b"mdat", 50), box(b"moof", 30)]
    path.write_bytes(b"".join([*parts, box(b"mdat", 8)]))
    assert read_layout(path) == Layout(init=(0, 120), fragments=((120, 200), (200, 238)))


@pytest.mark.parametrize(
    "data", [b"", box(b"ftyp", 20), box(b"ftyp", 20)[:-1], box(b"moof", 20) + b"\0\0", struct.pack(">I4s", 4, b"moof")]
)
def test_a_file_without_whole_fragments_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(data)
    with pytest.raises(DamagedFile):
        read_layout(tmp_path / "a.mp4")


FOUR = Layout(init=(0, 10), fragments=((10, 20), (20, 40), (40, 70), (70, 110)))


def test_fragments_between_two_cuts_are_one_segment() -> None:
    assert group_fragments(FOUR, (0, 1_000, 2_000, 3_000), (0, 2_000), 20) == (((10, 40), 0), ((40, 110), 2_000))


def test_the_true_start_of_a_segment_is_that_of_its_keyframe() -> None:
    assert group_fragments(FOUR, (0, 1_000, 2_013, 3_000), (0, 2_000), 20)[1][1] == 2_013


@pytest.mark.parametrize(
    ("keyframes", "cuts", "rule"),
    [
        ((0, 1_000, 2_000), (0,), "a fragment for each keyframe"),
        ((0, 1_000, 2_021, 3_000), (0, 2_000), "a keyframe for each cut"),
        ((0, 1_000, 2_000, 3_000), (0, 2_000, 2_010), "a cut of its own for each segment"),
        ((0, 1_000, 2_000, 3_000), (1_000, 2_000), "nothing before the first segment"),
        ((0, 1_000, 2_000, 3_000), (), "at least one segment"),
    ],
)
def test_a_rendition_that_cannot_be_cut_as_planned_is_refused(
    keyframes: tuple[int, ...], cuts: tuple[int, ...], rule: str
) -> None:
    with pytest.raises(DamagedFile):
        group_fragments(FOUR, keyframes, cuts, 20)


def test_a_short_lesson_has_a_thumbnail_for_each_segment() -> None:
    sprite = plan_sprite((0, 5_000, 10_000), 640, 360)
    assert (sprite.grid, sprite.tile, sprite.starts_ms) == ((3, 1), (160, 90), (0, 5_000, 10_000))
    assert sprite_vtt(sprite, "sprite.jpg", 12_345) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:05.000\nsprite.jpg#xywh=0,0,160,90\n\n"
        "00:00:05.000 --> 00:00:10.000\nsprite.jpg#xywh=160,0,160,90\n\n"
        "00:00:10.000 --> 00:00:12.345\nsprite.jpg#xywh=320,0,160,90\n"
    )


def test_portrait_thumbnails_are_portrait() -> None:
    assert plan_sprite((0,), 360, 640).tile == (90, 160)


@given(st.integers(1, 5_000), st.integers(2, 4_000), st.integers(2, 4_000))
def test_thumbnails_are_at_most_a_hundred_and_all_have_their_place(count: int, width: int, height: int) -> None:
    sprite = plan_sprite(range(0, count * 5_000, 5_000), width, height)
    columns, rows = sprite.grid
    assert 1 <= len(sprite.starts_ms) <= 100
    assert columns * (rows - 1) < len(sprite.starts_ms) <= columns * rows
    assert len({after - before for before, after in pairwise(sprite.starts_ms)}) <= 1, "evenly spread"
    assert all(side >= 2 and side % 2 == 0 for side in sprite.tile)
