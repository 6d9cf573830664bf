"""Playlists say what players need and lead every key request to the application."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import BadParameter
from media.manifest import Block
from media.playlist import master_playlist, media_playlist
from tests.media.builders import a_manifest, a_rendition


def a_media_playlist() -> list[str]:
    return media_playlist(
        a_manifest(),
        "480",
        segment_uri=lambda name: f"https://cdn.example/{name}",
        key_uri=lambda block: f"/play/keys/{block}?sitting=7",
    ).splitlines()


def test_a_media_playlist_line_by_line() -> None:
    assert a_media_playlist() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        "#EXT-X-TARGETDURATION:5",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        '#EXT-X-MAP:URI="https://cdn.example/480/init.mp4"',
        '#EXT-X-KEY:METHOD=AES-128,URI="/play/keys/0?sitting=7",IV=0x00000000000000000000000000000000',
        "#EXTINF:5.000,",
        "https://cdn.example/480/00000.m4s",
        '#EXT-X-KEY:METHOD=AES-128,URI="/play/keys/0?sitting=7",IV=0x00000000000000000000000000000001',
        "#EXTINF:5.000,",
        "https://cdn.example/480/00001.m4s",
        '#EXT-X-KEY:METHOD=AES-128,URI="/play/keys/1?sitting=7",IV=0x00000000000000000000000000000002',
        "#EXTINF:2.345,",
        "https://cdn.example/480/00002.m4s",
        "#EXT-X-ENDLIST",
    ]


def test_the_init_segment_stands_before_the_first_key_and_so_is_clear() -> None:
    kinds = [line.split(":")[0] for line in a_media_playlist()]
    assert kinds.index("#EXT-X-MAP") < kinds.index("#EXT-X-KEY")


def test_the_master_playlist_names_each_rendition_smallest_first() -> None:
    assert master_playlist(a_manifest(), lambda name: f"{name}.m3u8").splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-STREAM-INF:BANDWIDTH=700000,RESOLUTION=640x360,CODECS="avc1.64001e,mp4a.40.2"',
        "360.m3u8",
        '#EXT-X-STREAM-INF:BANDWIDTH=700000,RESOLUTION=640x480,CODECS="avc1.64001e,mp4a.40.2"',
        "480.m3u8",
    ]


@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=20))
def test_no_segment_is_longer_than_the_target_and_their_sum_is_the_duration(lengths: list[int]) -> None:
    rendition = a_rendition("360", tuple(lengths), per_block=len(lengths))
    manifest = a_manifest(renditions=(rendition,), blocks=(Block(0, 0, sum(lengths)),), duration_ms=sum(lengths))
    text = media_playlist(manifest, "360", segment_uri=str, key_uri=str)
    target = int(re.findall(r"TARGETDURATION:(\d+)", text)[0])
    milliseconds = [int(s) * 1000 + int(ms) for s, ms in re.findall(r"#EXTINF:(\d+)\.(\d{3}),", text)]
    assert milliseconds == lengths
    assert all((length + 500) // 1000 <= target for length in lengths)
    assert target >= 1


@pytest.mark.parametrize("uri", ["", '/a"b', "/a\nb", "/a\rb", "#EXT-X-ENDLIST"])
def test_an_address_cannot_break_out_of_its_line(uri: str) -> None:
    with pytest.raises(BadParameter):
        master_playlist(a_manifest(), lambda _: uri)
    with pytest.raises(BadParameter):
        media_playlist(a_manifest(), "360", segment_uri=lambda _: uri, key_uri=lambda _: "/k")
    with pytest.raises(BadParameter):
        media_playlist(a_manifest(), "360", segment_uri=lambda _: "/s", key_uri=lambda _: uri)


def test_a_rendition_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadParameter, match="1080"):
        media_playlist(a_manifest(), "1080", segment_uri=str, key_uri=str)
