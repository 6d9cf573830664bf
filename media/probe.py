"""What a video file holds, read with PyAV (10 ms where an ffprobe process takes 100).

`probe` reads an uploaded file and distrusts it; `measure` reads a file that ffmpeg just made for us.
Times are whole milliseconds from the start of the file's earliest track, whatever its own clock says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
from av.error import FFmpegError
from av.stream import Disposition

from media.errors import DamagedFile, NotAVideo, NoVideoTrack, SourceUnreadable, TruncatedFile, ZeroLength

_ToMs = Callable[[int, Fraction], int]

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

# Playlist-like formats (hls, concat, dash ...) can name other files and addresses: an upload in one of them
# would read our disk or our network. So only real containers are opened, and only through `file:`.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,avi,flv,asf,ogg"
SOUND_FILES = "mp3,wav,flac,aac,aiff"  # opened only to say "no video track" instead of "not a video"
OPEN_SAFELY = {"format_whitelist": f"{CONTAINERS},{SOUND_FILES}", "protocol_whitelist": "file"}

REORDERED = 4
"""How many pictures an H.264 decoder usually holds back to show them in order."""

VIDEO_BEGINS = (b"ftyp", b"moov", b"\x1aE\xdf\xa3", b"RIFF")
"""How files begin that were videos before something cut them off."""


@dataclass(frozen=True, slots=True)
class AudioFacts:
    index: int
    codec: str
    profile: str
    channels: int
    sample_rate: int
    bit_rate: int  # bit/s, measured from the packets
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """One uploaded file. Width and height are as displayed: rotated, with square pixels."""

    container: str
    duration_ms: int
    index: int  # of the video stream, as ffmpeg's `0:index`
    codec: str
    profile: str
    level: int
    pix_fmt: str
    width: int
    height: int
    rotation: int
    square_pixels: bool
    interlaced: bool
    fps: Fraction
    constant_rate: bool
    bit_rate: int  # bit/s of the video track, measured from the packets
    start_ms: int
    end_ms: int
    keyframes_ms: tuple[int, ...]
    audio: AudioFacts | None


@dataclass(frozen=True, slots=True)
class OutputFacts:
    """One produced rendition. `end_ms` is rounded down: a learner is never asked for more than there is."""

    start_ms: int
    end_ms: int
    keyframes_ms: tuple[int, ...]
    codecs: str  # RFC 6381, for the master playlist


@dataclass(slots=True)
class _Track:
    """What the packets of one stream add up to, in units of its time base."""

    starts: list[int]
    keys: list[int]
    size: int = 0
    end: int = 0


def probe(source: Path) -> SourceFacts:
    """Read the facts of an uploaded file; a MediaError says what is wrong with it."""
    try:
        size = source.stat().st_size
        with source.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise SourceUnreadable(reason=error.strerror or "unknown") from error
    if size == 0:
        raise ZeroLength
    try:
        with _opened(source) as container:
            return _facts(container, source)
    except FFmpegError as error:
        if head[4:8] in VIDEO_BEGINS or head[:4] in VIDEO_BEGINS:
            raise TruncatedFile(expected_ms=0, found_ms=0) from error
        raise NotAVideo from error


def _facts(container: InputContainer, source: Path) -> SourceFacts:
    pictures = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not pictures:
        raise NoVideoTrack
    video = pictures[0]
    sound = container.streams.audio[0] if container.streams.audio else None
    tracks = _demux(container, [s for s in (video, sound) if s is not None])
    seen = tracks[video.index]
    if not seen.starts:
        raise ZeroLength

    base = _time_base(video)
    # ffmpeg counts from here too. Not from the first packet: AAC priming lies before it and is never heard.
    zero = Fraction(container.start_time or 0, av.time_base)

    def ms(value: int, unit: Fraction) -> int:
        return round((value * unit - zero) * 1000)

    starts = sorted(seen.starts)
    start_ms, end_ms = ms(starts[0], base), ms(seen.end, base)
    audio = _audio_facts(sound, tracks[sound.index], ms) if sound and tracks[sound.index].starts else None
    found_ms = max(end_ms, audio.end_ms if audio else 0)
    if end_ms <= start_ms:
        raise ZeroLength
    # The container announces its length in its header; one that was cut off holds less.
    expected_ms = (container.duration or 0) // 1000
    if expected_ms - found_ms > max(1000, expected_ms // 50):
        raise TruncatedFile(expected_ms=expected_ms, found_ms=found_ms)

    rotation, interlaced, pixel = _first_picture(source, video.index)
    context = video.codec_context
    width, height = round(context.width * pixel), context.height
    if rotation % 180:
        width, height = height, width
    # A copy that was cut among reordered pictures misses some of its last ones; the rate is that of the others.
    steady = starts[:-REORDERED] if len(starts) > 4 * REORDERED else starts
    steps = {later - earlier for earlier, later in pairwise(steady)}
    # Clocks of whole milliseconds (Matroska) make even frames differ by one tick.
    constant = not steps or (max(steps) - min(steps)) * base <= Fraction(1, 900)
    return SourceFacts(
        container=container.format.name,
        duration_ms=found_ms,
        index=video.index,
        codec=context.name,
        profile=context.profile or "",
        level=_level(context.extradata),
        pix_fmt=context.pix_fmt or "",
        width=width,
        height=height,
        rotation=rotation,
        square_pixels=pixel == 1,
        interlaced=interlaced,
        fps=_rate(video, steady, (seen.end - starts[0]) * base),
        constant_rate=constant,
        bit_rate=round(seen.size * 8 * 1000 / (end_ms - start_ms)),
        start_ms=start_ms,
        end_ms=end_ms,
        keyframes_ms=tuple(ms(k, base) for k in sorted(seen.keys)),
        audio=audio,
    )


def measure(output: Path) -> OutputFacts:
    """Demux one produced rendition: when its pictures start and end, and where it may be cut."""
    with _opened(output) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        codecs = f"{_avc1(video.codec_context.extradata)},{_mp4a(sound.codec_context.extradata)}"
        track = _demux(container, [video])[video.index]
        base = _time_base(video)
    return OutputFacts(
        start_ms=round(min(track.starts) * base * 1000),
        end_ms=int(track.end * base * 1000),
        keyframes_ms=tuple(round(k * base * 1000) for k in sorted(track.keys)),
        codecs=codecs,
    )


def _level(extradata: bytes | None) -> int:
    """The H.264 level times ten, from avcC; 0 when the file does not state it there."""
    return extradata[3] if extradata and len(extradata) > 3 and extradata[0] == 1 else 0


def _avc1(extradata: bytes | None) -> str:
    """RFC 6381, 3.3: the three bytes after avcC's version are profile, constraints and level."""
    if not extradata or len(extradata) < 4:
        raise DamagedFile(reason="the produced video has no decoder configuration")
    return f"avc1.{extradata[1:4].hex()}"


def _mp4a(extradata: bytes | None) -> str:
    """ISO 14496-3: the first five bits of the AudioSpecificConfig are the object type (2 is AAC-LC)."""
    if not extradata:
        raise DamagedFile(reason="the produced sound has no decoder configuration")
    return f"mp4a.40.{extradata[0] >> 3}"


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    # The `file:` prefix keeps a name such as "concat:x" from being read as a protocol.
    with av.open(f"file:{path.absolute()}", options=dict(OPEN_SAFELY), metadata_errors="replace") as container:
        yield container


def _demux(container: InputContainer, streams: list[VideoStream | AudioStream]) -> dict[int, _Track]:
    tracks = {stream.index: _Track([], []) for stream in streams}
    last = dict.fromkeys(tracks, 0)
    for packet in container.demux(streams):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or not packet.size:
            continue
        track = tracks[packet.stream.index]
        track.starts.append(stamp)
        track.size += packet.size
        if packet.is_keyframe:
            track.keys.append(stamp)
        last[packet.stream.index] = packet.duration or last[packet.stream.index]
        track.end = max(track.end, stamp + (packet.duration or last[packet.stream.index] or 0))
    for track in tracks.values():
        if len(track.starts) > 1 and track.end == max(track.starts):
            # Some containers give packets no duration: the last picture lasts as long as the average one.
            track.end += (track.end - min(track.starts)) // (len(track.starts) - 1)
    return tracks


def _audio_facts(sound: AudioStream, track: _Track, ms: _ToMs) -> AudioFacts:
    base = _time_base(sound)
    start_ms, end_ms = ms(min(track.starts), base), ms(track.end, base)
    return AudioFacts(
        index=sound.index,
        codec=sound.codec_context.name,
        profile=sound.codec_context.profile or "",
        channels=sound.codec_context.channels,
        sample_rate=sound.codec_context.sample_rate,
        bit_rate=round(track.size * 8 * 1000 / max(1, end_ms - start_ms)),
        start_ms=start_ms,
        end_ms=end_ms,
    )


def _first_picture(source: Path, index: int) -> tuple[int, bool, Fraction]:
    """(rotation in degrees, interlaced, width of one pixel over its height), from the first decoded picture."""
    with _opened(source) as container:
        stream = cast("VideoStream", container.streams[index])
        try:
            for frame in container.decode(stream):
                ratio = stream.sample_aspect_ratio
                return frame.rotation % 360, frame.interlaced_frame, ratio if ratio else Fraction(1)
        except FFmpegError as error:
            raise DamagedFile(reason="the first picture cannot be decoded") from error
    raise DamagedFile(reason="no picture can be decoded")


def _rate(video: VideoStream, starts: list[int], length: Fraction) -> Fraction:
    """Pictures a second, counted. A declared rate that agrees is preferred: it is exact where clocks are coarse."""
    if len(starts) < 2:
        return 1 / length
    counted = (len(starts) - 1) / ((starts[-1] - starts[0]) * _time_base(video))
    for declared in (video.guessed_rate, video.average_rate):
        if declared and abs(declared - counted) / counted < Fraction(1, 1000):
            return declared
    return counted.limit_denominator(1001)


def _time_base(stream: object) -> Fraction:
    base = getattr(stream, "time_base", None)
    if not isinstance(base, Fraction):
        raise NotAVideo
    return base
