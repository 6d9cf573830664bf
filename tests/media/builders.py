"""A small whole manifest; say only what matters."""

from __future__ import annotations

from typing import Any

import msgspec

from media.manifest import Block, Manifest, Rendition, Segment, hash_of_files


def a_rendition(name: str = "360", lengths: tuple[int, ...] = (5_000, 5_000, 2_345), per_block: int = 2) -> Rendition:
    segments = tuple(
        Segment(f"{name}/{n:05d}.m4s", sum(lengths[:n]), length, n // per_block) for n, length in enumerate(lengths)
    )
    return Rendition(name, 640, int(name), 700_000, "avc1.64001e,mp4a.40.2", f"{name}/init.mp4", segments)


def a_manifest(**changes: Any) -> Manifest:
    """12.345 s in two blocks and two renditions; `files` and `content_hash` follow the renditions."""
    renditions = changes.get("renditions", (a_rendition("360"), a_rendition("480")))
    names = ["poster.jpg", "sprite.jpg", "sprite.vtt"]
    names += [name for r in renditions for name in (r.init, *(s.uri for s in r.segments))]
    files = changes.get("files", {name: f"{number:064x}" for number, name in enumerate(names)})
    whole: dict[str, Any] = {
        "version": 1,
        "duration_ms": 12_345,
        "start_offset_ms": 0,
        "width": 854,
        "height": 480,
        "blocks": (Block(0, 0, 10_000), Block(1, 10_000, 12_345)),
        "renditions": renditions,
        "audio": None,
        "poster": "poster.jpg",
        "sprite": "sprite.jpg",
        "sprite_vtt": "sprite.vtt",
        "content_hash": hash_of_files(files),
        "files": files,
        "source_sha256": "0" * 64,
    }
    return Manifest(**(whole | changes))


def as_json(manifest: Manifest) -> Any:
    return msgspec.to_builtins(manifest)
