"""A manifest is read strictly or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from media.errors import BadManifest
from media.manifest import (
    Block,
    hash_of_files,
    parse_manifest,
    read_keys,
    read_manifest,
    write_manifest,
)
from tests.media.builders import a_manifest, a_rendition, as_json


def test_what_was_written_is_read_again() -> None:
    assert parse_manifest(write_manifest(a_manifest())) == a_manifest()


def test_the_content_hash_is_what_sha256sum_of_a_sorted_listing_gives() -> None:
    files = {"b.m4s": "b" * 64, "a.mp4": "a" * 64}
    listing = f"{'a' * 64}  a.mp4\n{'b' * 64}  b.m4s\n"
    assert hash_of_files(files) == hashlib.sha256(listing.encode()).hexdigest()


def replaced(path: str, value: object) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        *way, last = [int(p) if p.isdigit() else p for p in path.split("/")]
        for step in way:
            data = data[step]
        data[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (replaced("version", 2), "its version is 2"),  # another version
        (replaced("surprise", 1), "unknown field"),  # unknown fields
        (replaced("duration_ms", "12345"), "Expected `int`"),  # numbers are numbers
        (replaced("duration_ms", 12_345.5), "Expected `int`"),  # whole numbers
        (replaced("duration_ms", 0), ">= 1"),  # a lesson has a length
        (replaced("duration_ms", 12_346), "blocks do not end"),  # blocks end where the lesson ends
        (replaced("blocks/1/start_ms", 10_001), "block 1 leaves"),  # a hole between blocks
        (replaced("blocks/1/start_ms", 9_999), "block 1 leaves"),  # blocks that overlap
        (replaced("blocks/0/index", 1), "block 0 leaves"),  # blocks are counted from 0
        (replaced("blocks", []), "blocks do not end"),  # no blocks
        (replaced("renditions", []), "no rendition"),  # no renditions
        (replaced("renditions/0/segments/1/start_ms", 5_001), "00001.m4s leaves"),  # a hole between segments
        (
            replaced("renditions/0/segments/2/duration_ms", 2_000),
            "rendition 360 does not end",
        ),  # a rendition that ends early
        (replaced("renditions/0/segments/2/block", 0), "not inside its block"),  # a segment outside its block
        (replaced("renditions/0/segments/2/block", 2), "00002.m4s leaves"),  # a block that does not exist
        (replaced("renditions/0/segments", []), "rendition 360 does not end"),  # a rendition without segments
        (replaced("renditions/0/init", "../keys.bin"), "matching regex"),  # a way out of public/
        (replaced("poster", "/etc/passwd"), "matching regex"),  # an absolute path
        (replaced("files/poster.jpg", "x"), "matching regex"),  # a hash that is none
        (replaced("files/extra", "0" * 64), "list of files"),  # a file nobody speaks of
        (replaced("content_hash", "0" * 64), "content hash"),  # a content hash of something else
        (replaced("source_sha256", "abc"), "matching regex"),  # a hash that is none
    ],
)
def test_a_manifest_that_is_not_whole_is_refused(change: Callable[[Any], None], reason: str) -> None:
    data = as_json(a_manifest())
    change(data)
    with pytest.raises(BadManifest, match=reason):
        parse_manifest(json.dumps(data).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe"])
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(BadManifest):
        parse_manifest(data)


def test_a_wrong_manifest_is_not_even_written() -> None:
    with pytest.raises(BadManifest, match="hole"):
        write_manifest(a_manifest(blocks=(Block(0, 0, 9_000), Block(1, 10_000, 12_345))))


def test_a_directory_without_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadManifest):
        read_manifest(tmp_path)


@pytest.mark.parametrize("size", [None, 0, 31, 33, 48])
def test_there_is_one_key_for_each_block(tmp_path: Path, size: int | None) -> None:
    if size is not None:
        (tmp_path / "keys.bin").write_bytes(bytes(size))
    with pytest.raises(BadManifest):
        read_keys(tmp_path, a_manifest())


def test_keys_are_read_in_the_order_of_blocks(tmp_path: Path) -> None:
    (tmp_path / "keys.bin").write_bytes(b"a" * 16 + b"b" * 16)
    assert read_keys(tmp_path, a_manifest()) == (b"a" * 16, b"b" * 16)


def test_renditions_may_be_one() -> None:
    manifest = a_manifest(renditions=(a_rendition("360"),))
    assert parse_manifest(write_manifest(manifest)) == manifest
