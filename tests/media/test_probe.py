"""What a file holds, and what is wrong with it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from media.errors import (
    DamagedFile,
    MediaError,
    NotAVideo,
    NoVideoTrack,
    SourceUnreadable,
    TruncatedFile,
    ZeroLength,
)
from media.probe import probe
from tests.media.sources import FAST, LESSON, make, picture, tone


def test_the_facts_of_a_real_recording() -> None:
    facts = probe(LESSON)
    assert (facts.codec, facts.profile, facts.level, facts.pix_fmt) == ("h264", "High", 32, "yuv420p")
    assert (facts.width, facts.height, facts.rotation) == (1280, 720, 0)
    assert facts.fps == 25
    assert facts.constant_rate
    assert (facts.duration_ms, facts.start_ms, facts.end_ms) == (8_000, 0, 8_000)
    assert facts.keyframes_ms == (0, 3_040, 6_080)
    assert facts.bit_rate == pytest.approx(2_633_520, rel=0.01)
    assert facts.audio is None


def test_sound_that_is_primed_before_zero_still_starts_with_the_pictures(with_sound: Path) -> None:
    facts = probe(with_sound)
    assert facts.start_ms == 0
    assert facts.fps == Fraction(30000, 1001)
    assert facts.audio is not None
    assert (facts.audio.codec, facts.audio.profile, facts.audio.channels) == ("aac", "LC", 1)
    assert -50 <= facts.audio.start_ms <= 0


def test_a_turned_phone_is_seen_as_it_is_displayed(portrait: Path) -> None:
    facts = probe(portrait)
    assert (facts.width, facts.height) == (360, 480)
    assert facts.rotation in (90, 270)


def test_bursts_of_pictures_are_a_variable_rate(uneven: Path) -> None:
    facts = probe(uneven)
    assert not facts.constant_rate
    assert facts.duration_ms == pytest.approx(5_000, abs=30)
    assert facts.end_ms < 4_100


def test_wide_pixels_are_seen_as_they_are_displayed(tmp_path: Path) -> None:
    wide = make(tmp_path / "wide.mp4", *picture("180x144", 1), "-vf", "setsar=16/11", *FAST)
    facts = probe(wide)
    assert (facts.width, facts.height, facts.square_pixels) == (262, 144, False)


def test_a_cover_picture_is_no_video_track(tmp_path: Path) -> None:
    cover = make(tmp_path / "cover.png", *picture("64x64"), "-frames:v", "1")
    attached = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v:0", "attached_pic")
    song = make(tmp_path / "song.m4a", *tone(1), "-i", str(cover), *attached, "-f", "mp4")
    with pytest.raises(NoVideoTrack):
        probe(song)


def a_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lesson.mp4", "no")


def a_playlist(path: Path) -> None:
    """An upload that would make a careless ffmpeg read a file of the server."""
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:8\n#EXTINF:8,\nfile:{LESSON}\n#EXT-X-ENDLIST\n")


def a_concat_script(path: Path) -> None:
    path.write_text(f"ffconcat version 1.0\nfile '{LESSON}'\n")


def a_sound_file(path: Path) -> None:
    make(path, *tone(1), "-f", "wav")


def a_picture(path: Path) -> None:
    make(path, *picture("64x64"), "-frames:v", "1", "-f", "image2", "-c:v", "png")


def without_its_index(path: Path) -> None:
    whole = LESSON.read_bytes()
    path.write_bytes(whole[: whole.rindex(b"moov") - 4] if whole.rindex(b"moov") > 1000 else whole[:600])


def with_half_its_pictures(path: Path) -> None:
    first = make(path.with_suffix(".index-first.mp4"), "-i", str(LESSON), "-c", "copy", "-movflags", "+faststart")
    whole = first.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def with_pictures_of_noise(path: Path) -> None:
    whole = bytearray(make(path.with_suffix(".whole.mp4"), *picture(), *FAST).read_bytes())
    start = whole.index(b"mdat") + 4
    whole[start : whole.index(b"moov")] = b"\xa5" * (whole.index(b"moov") - start)
    path.write_bytes(whole)


@pytest.mark.parametrize(
    ("write", "error"),
    [
        (lambda path: path.write_bytes(b""), ZeroLength),
        (lambda path: path.write_text("Not a video. " * 400), NotAVideo),
        (lambda path: path.write_bytes(bytes(100_000)), NotAVideo),
        (a_zip, NotAVideo),
        (a_playlist, NotAVideo),
        (a_concat_script, NotAVideo),
        (a_picture, NotAVideo),
        (a_sound_file, NoVideoTrack),
        (without_its_index, TruncatedFile),
        (with_half_its_pictures, TruncatedFile),
        (with_pictures_of_noise, DamagedFile),
        (lambda path: None, SourceUnreadable),
        (Path.mkdir, SourceUnreadable),
    ],
)
def test_what_is_no_video_is_named(write: Callable[[Path], object], error: type[MediaError], tmp_path: Path) -> None:
    path = tmp_path / "upload.mp4"
    write(path)
    with pytest.raises(error) as caught:
        probe(path)
    assert type(caught.value) is error
    assert str(tmp_path) not in str(caught.value), "paths of the server are nobody's business"


def test_a_truncated_file_says_how_much_is_left(tmp_path: Path) -> None:
    with_half_its_pictures(tmp_path / "upload.mp4")
    with pytest.raises(TruncatedFile) as caught:
        probe(tmp_path / "upload.mp4")
    assert caught.value.facts["expected_ms"] == 8_000
    assert 1_000 < int(caught.value.facts["found_ms"]) < 7_000


def test_a_name_that_looks_like_a_protocol_is_a_file(tmp_path: Path) -> None:
    odd = tmp_path / "concat:lesson|2 'x'.mp4"
    odd.write_bytes(LESSON.read_bytes())
    assert probe(odd).duration_ms == 8_000
