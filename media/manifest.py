"""The typed manifest of a packaged lesson. With `package()` this is the only part of media that elearn imports.

All times are whole milliseconds on the lesson's own clock: [0, duration_ms), the player's `currentTime` minus
`start_offset_ms`. All file names are relative to `public/`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from media.errors import BadManifest

MANIFEST_VERSION = 1
PUBLIC = "public"
MANIFEST_FILE = "manifest.json"
KEYS_FILE = "keys.bin"
KEY_BYTES = 16

Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
FileName = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]+(\.[0-9a-z]+)?(/[0-9A-Za-z_-]+(\.[0-9a-z]+)?)*$")]


class Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one key opens: [start_ms, end_ms), in every rendition. Blocks cover the lesson without holes."""

    index: Count
    start_ms: Count
    end_ms: Positive


class Segment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One encrypted file. Its IV is its place in the rendition, counted from 0."""

    uri: FileName
    start_ms: Count
    duration_ms: Positive
    block: Count


class Rendition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One size of the lesson, sound included. `bandwidth` is its peak in bit/s (RFC 8216, 4.3.4.2)."""

    name: str
    width: Positive
    height: Positive
    bandwidth: Positive
    codecs: str
    init: FileName
    segments: tuple[Segment, ...]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    duration_ms: Positive
    """Measured in what was produced; all renditions can be played to there."""
    start_offset_ms: int
    width: Positive
    height: Positive
    blocks: tuple[Block, ...]
    renditions: tuple[Rendition, ...]
    """Ascending by size."""
    audio: None
    """Always null in version 1: sound is muxed into each rendition (see plan.py)."""
    poster: FileName
    sprite: FileName
    sprite_vtt: FileName
    content_hash: Sha256
    """Names the content: the SHA-256 over all file hashes, see `hash_of_files`."""
    files: dict[str, Sha256]
    """Every file under public/ and its SHA-256."""
    source_sha256: Sha256


def hash_of_files(files: Mapping[str, str]) -> str:
    """SHA-256 over lines of "hash, two spaces, path, newline" sorted by path: what `sha256sum` prints."""
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def write_manifest(manifest: Manifest) -> bytes:
    """The manifest as JSON, after the same checks that reading makes."""
    _check(manifest)
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest strictly: unknown fields, wrong types, holes and hashes that do not match are errors."""
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise BadManifest(reason=str(error)) from error
    _check(manifest)
    return manifest


def read_manifest(target: Path) -> Manifest:
    """Read the manifest of a packaged lesson; BadManifest when there is none or it is not whole."""
    try:
        data = (target / MANIFEST_FILE).read_bytes()
    except OSError as error:
        raise BadManifest(reason=error.strerror or "it cannot be read") from error
    return parse_manifest(data)


def read_keys(target: Path, manifest: Manifest) -> tuple[bytes, ...]:
    """The key of each block, in order."""
    try:
        data = (target / KEYS_FILE).read_bytes()
    except OSError as error:
        raise BadManifest(reason="the keys cannot be read") from error
    if len(data) != KEY_BYTES * len(manifest.blocks):
        raise BadManifest(reason="there is not one key for each block")
    return tuple(data[at : at + KEY_BYTES] for at in range(0, len(data), KEY_BYTES))


def find_damage(target: Path, manifest: Manifest) -> tuple[str, ...]:
    """Names of public files that are missing or differ from their hash; empty when all is well."""
    damaged = []
    for name, digest in manifest.files.items():
        try:
            with (target / PUBLIC / name).open("rb") as file:
                whole = hashlib.file_digest(file, "sha256").hexdigest() == digest
        except OSError:
            whole = False
        if not whole:
            damaged.append(name)
    return tuple(damaged)


def _check(manifest: Manifest) -> None:
    """What types cannot say: blocks and segments tile [0, duration), and every file is accounted for."""
    if manifest.version != MANIFEST_VERSION:
        raise BadManifest(reason=f"its version is {manifest.version}, this program reads {MANIFEST_VERSION}")
    if not manifest.renditions:
        raise BadManifest(reason="it has no rendition")
    at = 0
    for index, block in enumerate(manifest.blocks):
        if block.index != index or block.start_ms != at or block.end_ms <= at:
            raise BadManifest(reason=f"block {index} leaves a hole or overlaps")
        at = block.end_ms
    if at != manifest.duration_ms:
        raise BadManifest(reason="the blocks do not end where the lesson ends")
    for rendition in manifest.renditions:
        _check_segments(manifest, rendition)
    named = {manifest.poster, manifest.sprite, manifest.sprite_vtt}
    named |= {name for r in manifest.renditions for name in (r.init, *(s.uri for s in r.segments))}
    if named != set(manifest.files):
        raise BadManifest(reason="its list of files is not what it speaks of")
    if hash_of_files(manifest.files) != manifest.content_hash:
        raise BadManifest(reason="its content hash is not that of its files")


def _check_segments(manifest: Manifest, rendition: Rendition) -> None:
    at = 0
    for segment in rendition.segments:
        if segment.start_ms != at or segment.block >= len(manifest.blocks):
            raise BadManifest(reason=f"segment {segment.uri} leaves a hole or overlaps")
        at += segment.duration_ms
        block = manifest.blocks[segment.block]
        if not block.start_ms <= segment.start_ms < at <= block.end_ms:
            raise BadManifest(reason=f"segment {segment.uri} is not inside its block")
    if at != manifest.duration_ms:
        raise BadManifest(reason=f"rendition {rendition.name} does not end where the lesson ends")
