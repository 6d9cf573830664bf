"""What is made of a source: sizes, cuts, blocks, and when copying is enough."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import BadParameter
from media.plan import (
    Sound,
    copy_refusal,
    cuts_at_keyframes,
    cuts_on_grid,
    ladder,
    make_plan,
    output_fps,
    plan_sound,
    split_block,
)
from media.probe import AudioFacts, SourceFacts
from tests.media.sources import some_facts, some_sound


@pytest.mark.parametrize(
    ("short_side", "made", "rule"),
    [
        (1080, (360, 480, 720), "720 is the largest"),
        (720, (360, 480, 720), "a size that fits exactly is made"),
        (719, (360, 480), "never upscaled, not by one pixel"),
        (480, (360, 480), "two sizes"),
        (360, (360,), "one size"),
        (240, (240,), "a tiny source is kept as it is"),
        (145, (144,), "but even"),
        (1, (2,), "and never nothing"),
    ],
)
def test_sizes_follow_the_short_side(short_side: int, made: tuple[int, ...], rule: str) -> None:
    assert ladder(short_side) == made, rule


@pytest.mark.parametrize(
    ("width", "height", "sizes", "rule"),
    [
        (1280, 720, [(640, 360), (854, 480), (1280, 720)], "landscape"),
        (720, 1280, [(360, 640), (480, 854), (720, 1280)], "portrait stays portrait"),
        (1000, 1000, [(360, 360), (480, 480), (720, 720)], "square stays square"),
        (2560, 1080, [(854, 360), (1138, 480), (1706, 720)], "wide stays wide"),
    ],
)
def test_the_shape_is_kept(width: int, height: int, sizes: list[tuple[int, int]], rule: str) -> None:
    plan = make_plan(some_facts(width=width, height=height))
    assert [(r.width, r.height) for r in plan.renditions] == sizes, rule


@pytest.mark.parametrize(
    ("block_ms", "segments", "rule"),
    [
        (30_000, 6, "six segments of 5 s"),
        (6_000, 2, "two of 3 s"),
        (5_000, 1, "one of 5 s"),
        (1_000, 1, "one of 1 s"),
        (31_000, 8, "7 does not divide it into whole milliseconds"),
        (600_000, 120, "the longest"),
    ],
)
def test_a_block_divides_into_equal_segments(block_ms: int, segments: int, rule: str) -> None:
    assert split_block(block_ms) == segments, rule


@pytest.mark.parametrize("block_ms", [0, -1000, 999, 1_500, 601_000])
def test_a_block_of_another_length_is_refused(block_ms: int) -> None:
    with pytest.raises(BadParameter):
        make_plan(some_facts(), block_ms=block_ms)


@pytest.mark.parametrize(
    ("fps", "constant", "made", "rule"),
    [
        (Fraction(25), True, Fraction(25), "kept"),
        (Fraction(30000, 1001), True, Fraction(30000, 1001), "kept exactly"),
        (Fraction(60), True, Fraction(30), "every second picture"),
        (Fraction(50), True, Fraction(25), "every second picture"),
        (Fraction(120), True, Fraction(30), "every fourth"),
        (Fraction(5), True, Fraction(15), "a slide show gets pictures to cut at"),
        (Fraction(2397, 100), False, Fraction(24), "a variable rate becomes constant"),
        (Fraction(3), False, Fraction(15), "but not slower than 15"),
        (Fraction(55), False, Fraction(30), "and not faster than 30"),
    ],
)
def test_renditions_have_one_constant_rate(fps: Fraction, constant: bool, made: Fraction, rule: str) -> None:
    assert output_fps(some_facts(fps=fps, constant_rate=constant)) == made, rule


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"codec": "hevc"}, "not H.264"),
        ({"profile": "High 4:2:2"}, "profile"),
        ({"level": 42}, "level"),
        ({"level": 41}, None),
        ({"level": 0}, "level"),
        ({"pix_fmt": "yuv420p10le"}, "pixel format"),
        ({"width": 1920, "height": 1080}, "size"),
        ({"width": 1281}, "size"),
        ({"rotation": 90}, "rotated"),
        ({"square_pixels": False}, "pixels not square"),
        ({"interlaced": True}, "interlaced"),
        ({"container": "matroska,webm"}, "container"),
        ({"constant_rate": False}, "rate varies"),
        ({"fps": Fraction(60)}, "rate"),
        ({"bit_rate": 3_500_001}, "bit rate"),
        ({"bit_rate": 3_500_000}, None),
        ({"start_ms": 40}, "starts late"),
        ({"keyframes_ms": ()}, "starts late"),
        ({"keyframes_ms": tuple(range(0, 60_000, 3_750))}, None),
        ({"keyframes_ms": tuple(range(0, 60_000, 3_751))}, "keyframes too far apart"),
        ({"keyframes_ms": (0,)}, "keyframes too far apart"),
        ({"audio": some_sound(end_ms=60_100)}, None),
        ({"audio": some_sound(end_ms=60_101)}, "sound goes on after the last picture"),
        ({"audio": None}, None),
    ],
)
def test_pictures_are_copied_only_when_every_phone_plays_them(changes: dict[str, Any], reason: str | None) -> None:
    facts = some_facts(**changes)
    assert copy_refusal(facts, 720, 30_000) == reason
    assert make_plan(facts).renditions[-1].copy == (reason is None)


def test_only_the_largest_rendition_is_ever_copied() -> None:
    assert [r.copy for r in make_plan(some_facts()).renditions] == [False, False, True]
    assert not any(r.copy for r in make_plan(some_facts(), allow_copy=False).renditions)


@pytest.mark.parametrize(
    ("audio", "sound", "rule"),
    [
        (some_sound(), Sound.COPY, "fits"),
        (None, Sound.SILENT, "missing sound becomes silence"),
        (some_sound(codec="mp3"), Sound.ENCODE, "not AAC"),
        (some_sound(profile="HE-AAC"), Sound.ENCODE, "not AAC-LC"),
        (some_sound(channels=6), Sound.ENCODE, "surround"),
        (some_sound(sample_rate=96_000), Sound.ENCODE, "unusual rate"),
        (some_sound(bit_rate=192_001), Sound.ENCODE, "too heavy for a phone"),
        (some_sound(start_ms=51), Sound.ENCODE, "begins later than the pictures"),
        (some_sound(end_ms=59_899), Sound.ENCODE, "ends before them"),
    ],
)
def test_sound_is_copied_encoded_or_silence(audio: AudioFacts | None, sound: Sound, rule: str) -> None:
    assert plan_sound(some_facts(audio=audio)) is sound, rule


def test_the_last_picture_stands_while_sound_goes_on() -> None:
    plan = make_plan(some_facts(duration_ms=65_000, audio=some_sound(end_ms=65_000)))
    assert (plan.duration_ms, plan.hold_ms) == (65_000, 5_000)


def test_cuts_fall_on_pictures_not_before_the_grid() -> None:
    assert cuts_on_grid(12_000, 5_000, Fraction(25)) == (0, 5_000, 10_000)
    assert cuts_on_grid(12_000, 5_000, Fraction(30000, 1001)) == (0, 5_005, 10_010)


@pytest.mark.parametrize(("duration_ms", "cuts"), [(10_999, (0, 5_000)), (11_000, (0, 5_000, 10_000)), (40, (0,))])
def test_a_short_rest_joins_the_last_segment(duration_ms: int, cuts: tuple[int, ...]) -> None:
    assert cuts_on_grid(duration_ms, 5_000, Fraction(25)) == cuts


def test_a_copied_track_is_cut_at_the_first_keyframe_after_each_grid_line() -> None:
    assert cuts_at_keyframes((0, 3_040, 6_080, 8_000, 11_040, 16_000), 5_000) == (0, 6_080, 11_040, 16_000)


def test_a_video_of_more_than_twelve_hours_is_refused() -> None:
    with pytest.raises(BadParameter, match="12 hours"):
        make_plan(some_facts(duration_ms=12 * 3_600_000 + 1))


sources = st.builds(
    some_facts,
    width=st.integers(16, 4000),
    height=st.integers(16, 4000),
    duration_ms=st.integers(1, 400_000),
    fps=st.fractions(Fraction(1, 10), 240, max_denominator=1001),
    constant_rate=st.booleans(),
    audio=st.none() | st.just(some_sound()),
).map(lambda facts: replace(facts, end_ms=facts.duration_ms))


@given(sources, st.integers(1, 60).map(lambda s: s * 1000))
def test_every_plan_tiles_the_lesson_and_begins_each_block_with_a_segment(facts: SourceFacts, block_ms: int) -> None:
    plan = make_plan(facts, block_ms=block_ms)
    assert plan.cuts_ms[0] == 0
    assert all(a < b for a, b in zip(plan.cuts_ms, (*plan.cuts_ms[1:], plan.duration_ms), strict=True))
    assert plan.segment_ms * plan.segments_per_block == block_ms
    frame_ms = 1000 / plan.fps
    for number, cut_ms in enumerate(plan.cuts_ms):
        if number and number % plan.segments_per_block == 0:
            assert 0 <= cut_ms - plan.block_of(number) * block_ms <= frame_ms + 1


@given(sources)
def test_no_rendition_is_larger_than_the_source_or_has_odd_sides(facts: SourceFacts) -> None:
    for rendition in make_plan(facts).renditions:
        assert rendition.width % 2 == rendition.height % 2 == 0
        assert min(rendition.width, rendition.height) <= min(facts.width, facts.height)
        assert max(rendition.width, rendition.height) <= max(facts.width, facts.height) + 1
        assert (rendition.width > rendition.height) <= (facts.width >= facts.height)
