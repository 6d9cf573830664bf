"""Pure: manifest in, HLS playlists out (RFC 8216, protocol version 7 for EXT-X-MAP in media playlists).

The application serves these. Segment addresses point at static files, key addresses at the application: that
request is where the pace of watching is kept.
"""

from __future__ import annotations

from collections.abc import Callable

from media.crypt import iv_of
from media.errors import BadParameter
from media.manifest import Manifest, Rendition

HEADER = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]


def master_playlist(manifest: Manifest, variant_uri: Callable[[str], str]) -> str:
    """The list of renditions, smallest first: players without a measurement start with the first."""
    lines = list(HEADER)
    for rendition in manifest.renditions:
        lines.append(
            f"#EXT-X-STREAM-INF:BANDWIDTH={rendition.bandwidth},"
            f'RESOLUTION={rendition.width}x{rendition.height},CODECS="{rendition.codecs}"'
        )
        lines.append(_uri(variant_uri(rendition.name)))
    return "\n".join(lines) + "\n"


def media_playlist(
    manifest: Manifest,
    rendition_name: str,
    *,
    segment_uri: Callable[[str], str],
    key_uri: Callable[[int], str],
) -> str:
    """The segments of one rendition.

    `segment_uri` maps a file name under public/ (init segment too), `key_uri` a block's index to an address.
    EXT-X-MAP stands before the first EXT-X-KEY, so the init segment is clear (4.3.2.5). A key tag stands before
    each segment because the IV is its attribute; players ask once for each different key address.
    """
    rendition = _find(manifest, rendition_name)
    # 4.3.3.1: no EXTINF, rounded to the nearest second, may be above the target.
    longest = max((segment.duration_ms + 500) // 1000 for segment in rendition.segments)
    lines = [
        *HEADER,
        f"#EXT-X-TARGETDURATION:{max(1, longest)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        f'#EXT-X-MAP:URI="{_uri(segment_uri(rendition.init))}"',
    ]
    for number, segment in enumerate(rendition.segments):
        key = _uri(key_uri(segment.block))
        lines += [
            f'#EXT-X-KEY:METHOD=AES-128,URI="{key}",IV=0x{iv_of(number).hex()}',
            f"#EXTINF:{segment.duration_ms // 1000}.{segment.duration_ms % 1000:03d},",
            _uri(segment_uri(segment.uri)),
        ]
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"


def _find(manifest: Manifest, name: str) -> Rendition:
    for rendition in manifest.renditions:
        if rendition.name == name:
            return rendition
    raise BadParameter(reason=f"there is no rendition {name!r}")


def _uri(uri: str) -> str:
    """A playlist has no way to escape these characters; an address must come percent-encoded."""
    if not uri or uri.startswith("#") or any(c in '"\r\n' for c in uri):
        raise BadParameter(reason=f"an address in a playlist may not be {uri!r}")
    return uri
