"""A packaged lesson is what its manifest says, plays, and opens only with its keys."""

from __future__ import annotations

import re
import stat
from itertools import pairwise
from pathlib import Path

import av
import pytest

from media import ffmpeg
from media.errors import BadParameter
from media.manifest import PUBLIC, Manifest, Rendition, find_damage, hash_of_files, read_keys, read_manifest
from media.package import Progress, Stage, package
from media.pictures import plan_sprite
from media.plan import make_plan
from media.playlist import master_playlist, media_playlist
from media.probe import probe
from tests.media.conftest import Packaged
from tests.media.sources import FAST, LESSON, make, picture, tone
from tests.media.test_crypt import decrypt


def clear_parts(target: Path, manifest: Manifest, rendition: Rendition) -> list[bytes]:
    """The init segment, then each segment as its block's key opens it."""
    keys = read_keys(target, manifest)
    public = target / PUBLIC
    parts = [(public / rendition.init).read_bytes()]
    for number, segment in enumerate(rendition.segments):
        sealed = (public / segment.uri).read_bytes()
        parts.append(decrypt(sealed, keys[segment.block], number.to_bytes(16, "big")))
    return parts


def opened(target: Path, manifest: Manifest, rendition: Rendition) -> bytes:
    """The rendition as a player puts it together."""
    return b"".join(clear_parts(target, manifest, rendition))


def pictures_of(clear: bytes, path: Path) -> tuple[list[int], tuple[int, int]]:
    """Decode everything: the time of each picture in ms, and its size."""
    path.write_bytes(clear)
    with av.open(str(path)) as container:
        frames = list(container.decode(container.streams.video[0]))
    assert all(frame.time is not None for frame in frames)
    return [round((frame.time or 0) * 1000) for frame in frames], (frames[0].width, frames[0].height)


def sounds_in(clear: bytes, path: Path) -> int:
    """How many packets of sound there are."""
    path.write_bytes(clear)
    with av.open(str(path)) as container:
        return sum(1 for packet in container.demux(container.streams.audio[0]) if packet.size)


@pytest.mark.parametrize("name", ["encoded", "copied"])
def test_every_rendition_decodes_from_zero_to_its_duration(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    target, manifest = request.getfixturevalue(name)
    assert manifest.start_offset_ms == 0
    for rendition in manifest.renditions:
        times, size = pictures_of(opened(target, manifest, rendition), tmp_path / "clear.mp4")
        assert size == (rendition.width, rendition.height)
        assert times[0] == 0
        steps = {b - a for a, b in pairwise(times)}
        assert max(steps) - min(steps) <= 1, "no picture is missing where segments meet"
        assert abs(times[-1] + max(steps) - manifest.duration_ms) <= 1


@pytest.mark.parametrize("name", ["encoded", "copied"])
def test_each_segment_starts_with_a_keyframe_at_the_time_the_manifest_says(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    target, manifest = request.getfixturevalue(name)
    for rendition in manifest.renditions:
        (tmp_path / "clear.mp4").write_bytes(opened(target, manifest, rendition))
        with av.open(str(tmp_path / "clear.mp4")) as container:
            keys = [
                round(float(p.pts * p.time_base) * 1000)
                for p in container.demux(container.streams.video[0])
                if p.is_keyframe and p.pts is not None and p.time_base is not None
            ]
        assert {segment.start_ms for segment in rendition.segments} <= set(keys)


def test_all_renditions_are_cut_at_the_same_times(encoded: Packaged, copied: Packaged) -> None:
    for _, manifest in (encoded, copied):
        cuts = {tuple((s.start_ms, s.duration_ms, s.block) for s in r.segments) for r in manifest.renditions}
        assert len(cuts) == 1


def test_blocks_begin_at_the_first_picture_of_their_time(encoded: Packaged) -> None:
    """2 s at 30000/1001 pictures a second: picture 60 comes at 2.002 s, picture 120 at 4.004 s."""
    _, manifest = encoded
    assert [(b.start_ms, b.end_ms) for b in manifest.blocks] == [(0, 2_002), (2_002, 4_004), (4_004, 5_005)]


def test_the_duration_is_that_of_the_source(copied: Packaged) -> None:
    assert copied[1].duration_ms == 8_000


def test_a_recording_that_is_fit_is_copied_and_its_cuts_are_followed(copied: Packaged) -> None:
    target, manifest = copied
    assert [(r.name, r.width, r.height) for r in manifest.renditions] == [
        ("360", 640, 360),
        ("480", 854, 480),
        ("720", 1280, 720),
    ]
    assert [s.start_ms for s in manifest.renditions[0].segments] == [0, 6_080]
    with av.open(str(LESSON)) as container:
        packets = [bytes(p) for p in container.demux(container.streams.video[0]) if p.size]
    clear = opened(target, manifest, manifest.renditions[-1])
    assert all(packet in clear for packet in packets), "not one byte of the pictures was encoded again"


def test_every_block_has_a_key_of_its_own(encoded: Packaged) -> None:
    keys = read_keys(*encoded)
    assert len(set(keys)) == len(keys) == len(encoded[1].blocks)


def test_the_key_of_one_block_does_not_open_another(encoded: Packaged) -> None:
    target, manifest = encoded
    rendition = manifest.renditions[0]
    last = len(rendition.segments) - 1
    sealed = (target / PUBLIC / rendition.segments[last].uri).read_bytes()
    right, wrong = read_keys(target, manifest)[-1], read_keys(target, manifest)[0]
    assert b"moof" in decrypt(sealed, right, last.to_bytes(16, "big"))[:16]
    with pytest.raises(AssertionError):
        assert b"moof" in decrypt(sealed, wrong, last.to_bytes(16, "big"))[:16]


def test_nothing_that_is_served_holds_clear_media_or_a_key(encoded: Packaged) -> None:
    target, manifest = encoded
    served = {p.relative_to(target / PUBLIC).as_posix(): p.read_bytes() for p in (target / PUBLIC).rglob("*.*")}
    assert set(served) == set(manifest.files)
    for name, data in served.items():
        assert name.endswith(".m4s") <= (b"moof" not in data)
        assert not any(key in data for key in read_keys(target, manifest))
    assert {p.name for p in target.iterdir()} == {"public", "manifest.json", "keys.bin"}
    assert stat.S_IMODE((target / "keys.bin").stat().st_mode) == 0o600


def test_a_web_server_may_read_what_is_served(encoded: Packaged) -> None:
    target, _ = encoded
    for path in (target, target / PUBLIC, *(target / PUBLIC).rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o044 == 0o044, path


def test_the_manifest_on_disk_is_the_one_returned_and_its_hashes_are_right(encoded: Packaged) -> None:
    target, manifest = encoded
    assert read_manifest(target) == manifest
    assert find_damage(target, manifest) == ()
    assert manifest.content_hash == hash_of_files(manifest.files)


def test_keys_come_from_the_key_source_in_order_of_blocks(with_sound: Path, tmp_path: Path) -> None:
    counter = iter(range(1, 100))
    target = tmp_path / "lesson"
    manifest = package(with_sound, target, block_ms=2_000, key_source=lambda size: bytes([next(counter)]) * size)
    assert read_keys(target, manifest) == (b"\x01" * 16, b"\x02" * 16, b"\x03" * 16)
    damaged = target / PUBLIC / manifest.renditions[0].segments[0].uri
    damaged.write_bytes(damaged.read_bytes()[:-16])
    (target / PUBLIC / "poster.jpg").unlink()
    assert set(find_damage(target, manifest)) == {manifest.renditions[0].segments[0].uri, "poster.jpg"}


def test_an_independent_player_plays_the_playlists(encoded: Packaged, tmp_path: Path) -> None:
    """ffmpeg's own HLS reader decrypts and decodes what our playlists name."""
    target, manifest = encoded
    for block, key in enumerate(read_keys(target, manifest)):
        (tmp_path / f"{block}.key").write_bytes(key)
    text = media_playlist(
        manifest,
        "360",
        segment_uri=lambda name: f"file:{target / PUBLIC / name}",
        key_uri=lambda block: f"file:{tmp_path / str(block)}.key",
    )
    (tmp_path / "360.m3u8").write_text(text)
    (tmp_path / "master.m3u8").write_text(master_playlist(manifest, lambda name: f"{name}.m3u8"))
    out = tmp_path / "heard-and-seen.mkv"
    reader = ("-allowed_extensions", "ALL", "-extension_picky", "0", "-protocol_whitelist", "file,crypto")
    make(out, *reader, "-xerror", "-i", str(tmp_path / "master.m3u8"), *FAST, "-c:a", "aac")
    facts = probe(out)
    assert facts.duration_ms == pytest.approx(manifest.duration_ms, abs=60)
    assert facts.audio is not None


def test_missing_sound_becomes_silence(copied: Packaged, tmp_path: Path) -> None:
    target, manifest = copied
    (tmp_path / "clear.mp4").write_bytes(opened(target, manifest, manifest.renditions[0]))
    with av.open(str(tmp_path / "clear.mp4")) as container:
        waves = [bytes(frame.planes[0]) for frame in container.decode(container.streams.audio[0])]
    assert len(waves) == pytest.approx(8 * 48_000 / 1024, abs=2)
    assert set(b"".join(waves)) == {0}


def test_sound_lasts_as_long_as_the_pictures(uneven: Path, tmp_path: Path) -> None:
    """Pictures end at 4 s in bursts, sound at 5 s: the last picture stands, at a constant rate."""
    target = tmp_path / "lesson"
    manifest = package(uneven, target, block_ms=2_000)
    assert manifest.duration_ms == pytest.approx(5_000, abs=70)
    (tmp_path / "clear.mp4").write_bytes(opened(target, manifest, manifest.renditions[0]))
    facts = probe(tmp_path / "clear.mp4")
    assert facts.constant_rate
    assert facts.audio is not None
    assert facts.audio.end_ms == pytest.approx(facts.end_ms, abs=70)
    assert [b.start_ms for b in manifest.blocks] == pytest.approx([0, 2_000, 4_000], abs=70)


def test_sound_that_begins_late_stays_late(tmp_path: Path) -> None:
    """The first second is silent, then the tone comes: sound is not pulled to the front."""
    late = (*picture("128x72", 3), "-itsoffset", "1", *tone(2), "-map", "0", "-map", "1")
    source = make(tmp_path / "late.mkv", *late, *FAST, "-c:a", "libopus")
    manifest = package(source, tmp_path / "lesson")
    clear = tmp_path / "clear.mp4"
    clear.write_bytes(opened(tmp_path / "lesson", manifest, manifest.renditions[0]))
    with av.open(str(clear)) as container:
        loud = [frame.time for frame in container.decode(container.streams.audio[0]) if any(bytes(frame.planes[0]))]
    assert loud[0] == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize(("keyframe_every", "copied"), [("25", ["480"]), ("400", [])])
def test_pictures_wait_for_the_silence_beside_them_however_late_it_comes(
    tmp_path: Path, keyframe_every: str, copied: list[str]
) -> None:
    """Drawings end last, and an input of its own is held back for them; a player stands still where sound is missing.

    From 10 s between first picture and first sound on, ffmpeg's muxer no longer waits of its own accord.
    """
    source = make(tmp_path / "mute.mp4", *picture("640x480", 40), *FAST, "-g", keyframe_every)
    assert [rendition.name for rendition in make_plan(probe(source)).renditions if rendition.copy] == copied
    target = tmp_path / "lesson"
    manifest = package(source, target)
    heard = {}
    for rendition in manifest.renditions:
        init, *segments = clear_parts(target, manifest, rendition)
        for named, clear in zip(rendition.segments, segments, strict=True):
            heard[named.uri] = sounds_in(init + clear, tmp_path / "clear.mp4")
    assert len(heard) == 2 * 8
    assert [uri for uri, sounds in heard.items() if not sounds] == []


def test_interlaced_pictures_become_whole_ones(tmp_path: Path) -> None:
    fields = ("-vf", "tinterlace=interleave_top,setfield=tff", "-c:v", "mpeg2video", "-flags", "+ilme+ildct")
    source = make(tmp_path / "fields.mpg", *picture("352x288", 1, "50"), *tone(1), *fields, "-f", "mpeg")
    facts = probe(source)
    assert facts.interlaced
    plan = make_plan(facts)
    drawn = ffmpeg.Pictures(tmp_path / "poster.jpg", tmp_path / "sprite.jpg", plan_sprite(plan.cuts_ms, 352, 288))
    (command,) = ffmpeg.commands(source, facts, plan, {"288": tmp_path}, drawn)
    assert any("yadif" in word for word in command)
    manifest = package(source, tmp_path / "lesson")
    times, _ = pictures_of(opened(tmp_path / "lesson", manifest, manifest.renditions[0]), tmp_path / "clear.mp4")
    assert len(times) == pytest.approx(25, abs=2)


def test_a_turned_phone_gives_an_upright_lesson(portrait: Path, tmp_path: Path) -> None:
    manifest = package(portrait, tmp_path / "lesson")
    assert (manifest.width, manifest.height) == (360, 480)
    times, size = pictures_of(opened(tmp_path / "lesson", manifest, manifest.renditions[0]), tmp_path / "clear.mp4")
    assert size == (360, 480)
    assert len(times) == 20 * manifest.duration_ms // 2_000


@pytest.mark.parametrize(("seconds", "rate"), [(0.04, "25"), (0.5, "25"), (1, "1")])
def test_the_shortest_source_is_a_lesson_of_one_block(seconds: float, rate: str, tmp_path: Path) -> None:
    source = make(tmp_path / "short.mp4", *picture("128x72", seconds, rate), *tone(seconds), *FAST)
    manifest = package(source, tmp_path / "lesson")
    assert len(manifest.blocks) == len(manifest.renditions) == 1
    assert manifest.duration_ms >= 40


def test_place_and_owner_noted_by_a_phone_do_not_reach_the_lesson(with_sound: Path, tmp_path: Path) -> None:
    marked = ("-i", str(with_sound), "-c", "copy", "-metadata", "title=Secret-Owner", "-t", "1")
    source = make(tmp_path / "marked.mp4", *marked)
    assert b"Secret-Owner" in source.read_bytes()
    manifest = package(source, tmp_path / "lesson")
    for rendition in manifest.renditions:
        assert b"Secret-Owner" not in opened(tmp_path / "lesson", manifest, rendition)


def test_poster_and_sprite_are_pictures_of_the_lesson(encoded: Packaged) -> None:
    target, manifest = encoded
    with av.open(str(target / PUBLIC / manifest.poster)) as poster:
        assert (poster.streams.video[0].width, poster.streams.video[0].height) == (640, 360)
    vtt = (target / PUBLIC / manifest.sprite_vtt).read_text()
    tiles = [[int(n) for n in found] for found in re.findall(r"#xywh=(\d+),(\d+),(\d+),(\d+)", vtt)]
    with av.open(str(target / PUBLIC / manifest.sprite)) as sprite:
        width, height = sprite.streams.video[0].width, sprite.streams.video[0].height
    assert len(tiles) == len(manifest.renditions[0].segments)
    assert all(x + w <= width and y + h <= height for x, y, w, h in tiles)


@pytest.mark.parametrize("name", ["encoded", "copied"])
def test_each_thumbnail_shows_what_is_seen_at_its_time(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    target, manifest = request.getfixturevalue(name)
    smallest = manifest.renditions[0]
    (tmp_path / "clear.mp4").write_bytes(opened(target, manifest, smallest))
    with av.open(str(tmp_path / "clear.mp4")) as container:
        seen = {round((f.time or 0) * 1000): f for f in container.decode(container.streams.video[0])}
    with av.open(str(target / PUBLIC / manifest.sprite)) as container:
        sprite = next(container.decode(container.streams.video[0]))
    vtt = (target / PUBLIC / manifest.sprite_vtt).read_text()
    tiles = [[int(n) for n in found] for found in re.findall(r"#xywh=(\d+),(\d+),(\d+),(\d+)", vtt)]
    for segment, (x, y, width, height) in zip(smallest.segments, tiles, strict=True):
        shown = grey(sprite, sprite.width, sprite.height)
        tile = [shown[(y + row) * sprite.width + x + column] for row in range(height) for column in range(width)]

        def distance(ms: int, tile: list[int] = tile, size: tuple[int, int] = (width, height)) -> int:
            return sum(abs(one - other) for one, other in zip(tile, grey(seen[ms], *size), strict=True))

        nearest = min(sorted(seen)[::5], key=distance)
        assert abs(nearest - segment.start_ms) <= 400


def grey(frame: av.VideoFrame, width: int, height: int) -> bytes:
    """The picture at this size, a byte a pixel, without the padding of rows."""
    plane = frame.reformat(width=width, height=height, format="gray").planes[0]
    whole = bytes(plane)
    return b"".join(whole[row * plane.line_size : row * plane.line_size + width] for row in range(height))


def test_progress_runs_from_nothing_to_all_and_never_back(with_sound: Path, tmp_path: Path) -> None:
    heard: list[Progress] = []
    package(with_sound, tmp_path / "lesson", progress=heard.append)
    fractions = [p.fraction for p in heard]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert {p.stage for p in heard} == set(Stage)
    assert heard[-1].eta_s == 0
    assert all(p.eta_s is None or p.eta_s >= 0 for p in heard)


def test_a_loop_is_as_long_as_asked_and_still_fit_to_copy(tmp_path: Path) -> None:
    ffmpeg.loop_to(LESSON, 20, tmp_path / "loop.mp4")
    facts = probe(tmp_path / "loop.mp4")
    assert facts.duration_ms == pytest.approx(20_000, abs=200)
    assert facts.fps == 25
    assert facts.constant_rate
    with pytest.raises(BadParameter):
        ffmpeg.loop_to(LESSON, 0, tmp_path / "none.mp4")
