"""Packaged media, served to anybody: files named by their content, so they never change and any cache may keep them.

What is served is encrypted (but for init segments and pictures), so no sign-in is asked; keys are tracking's
to give. In production nginx or a CDN serves the same files: `ELEARN_MEDIA_URL` + `/<hash>/public/...`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from pathlib import Path

from flask import Response, send_file, url_for
from werkzeug.security import safe_join

from elearn.errors import NotFound
from elearn.runtime import runtime
from media.manifest import PUBLIC, Manifest
from media.playlist import media_playlist

HASH = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[\w-]+(\.\w+)?(/[\w-]+(\.\w+)?)*", re.ASCII)
"""How packaging names files: no dots but one before the ending, no other sign that a path gives a meaning."""
PLAYLIST = "application/vnd.apple.mpegurl"
YEAR_S = 365 * 24 * 3600
TYPES = {
    ".m4s": "video/iso.segment",  # RFC 8216bis, 3.1.2
    ".mp4": "video/mp4",
    ".vtt": "text/vtt",
    ".jpg": "image/jpeg",
}
"""Everything that packaging makes; a file of another kind is not served."""


def public_file(media_dir: Path, content_hash: str, path: str) -> Path | None:
    """The file under `<hash>/public/` that `path` names; None when there is none, or it would lead outside."""
    if not HASH.fullmatch(content_hash) or not NAME.fullmatch(path):
        return None
    public = media_dir / content_hash / PUBLIC
    joined = safe_join(str(public), path)
    if joined is None or Path(joined).suffix not in TYPES:
        return None
    found = Path(joined).resolve()
    return found if found.is_file() and found.is_relative_to(public.resolve()) else None


def serve(media_dir: Path, content_hash: str, path: str) -> Response:
    """Answer with the file, or the range of it that was asked for (RFC 9110, 14)."""
    file = public_file(media_dir, content_hash, path)
    if file is None:
        raise NotFound("There is no such file.")
    response = send_file(
        file,
        mimetype=TYPES[file.suffix],
        conditional=True,
        etag=f"{content_hash[:32]}-{zlib.crc32(path.encode()):08x}",
        max_age=YEAR_S,
    )
    response.cache_control.public = True
    response.cache_control.immutable = True
    # A page of ours may stand on another host than the files (a CDN that pulls from here).
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def media_url(content_hash: str, path: str) -> str:
    """Where a browser gets a public file of a unit: the CDN when there is one, else our own door."""
    base = runtime().settings.media_url
    if base:
        return f"{base.rstrip('/')}/{content_hash}/{PUBLIC}/{path}"
    return url_for("elearn.courses.media_file", content_hash=content_hash, path=path)


def rendition(manifest: Manifest, name: str, key_uri: Callable[[int], str]) -> str:
    """One rendition's playlist: segments are static files, keys come from whichever door asks. Raises NotFound."""
    if name not in {one.name for one in manifest.renditions}:
        raise NotFound("There is nothing at this address.")
    return media_playlist(
        manifest, name, segment_uri=lambda path: media_url(manifest.content_hash, path), key_uri=key_uri
    )


def playlist(text: str) -> Response:
    """A playlist as an answer: it names keys, so nobody keeps it."""
    return Response(text, content_type=PLAYLIST, headers={"Cache-Control": "no-store"})
