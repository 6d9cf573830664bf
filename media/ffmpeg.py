"""The only module that imports ffmpeg-python and imageio-ffmpeg and runs ffmpeg.

ffmpeg-python only builds argument lists; ffmpeg itself is a separate program (GPL) from imageio-ffmpeg's
wheel. `encode_argv` is public so that a benchmark can run the very same command bare.

Each rendition becomes one fragmented MP4, a fragment for each keyframe; cutting and encrypting is ours
(`fmp4.py`, `crypt.py`), because ffmpeg's HLS writer cannot encrypt fMP4. The edit list that `delay_moov` writes
makes pictures and sound start at 0 in spite of B-frames and AAC priming.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg

from media.errors import BadParameter, DamagedFile, DiskFull, EncodingFailed
from media.pictures import Sprite, poster_at_ms
from media.plan import Plan, PlannedRendition, Sound
from media.probe import CONTAINERS, SourceFacts

SOUND_RATE = 48_000
SOUND_BIT_RATE = 96_000
FRAGMENTS = "+cmaf+delay_moov+frag_keyframe+skip_trailer"
NO_EXTRA_KEYFRAMES = 100_000
TOO_MANY_ERRORS = 69
"""ffmpeg's exit status when more than two thirds of what it read could not be decoded (`-max_error_rate`)."""
JPEG = {"f": "image2", "frames:v": 1, "update": 1, "fps_mode": "vfr", "pix_fmt": "yuvj420p"}
GLOBAL_ARGS = (
    "-hide_banner",
    "-nostdin",
    "-nostats",
    "-loglevel",
    "error",
    "-progress",
    "pipe:1",
    "-stats_period",
    "0.5",
)

# Runs ffmpeg so that it never outlives us, even when we get SIGKILL. A process of its own, because code
# between fork and exec of a process with threads may deadlock. On Linux the kernel sends the signal; the look
# at the parent closes the gap in which it died before that was asked for.
START = """\
import os, sys
os.nice(int(sys.argv[2]))
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)
    if os.getppid() != int(sys.argv[1]): sys.exit(1)
os.execv(sys.argv[3], sys.argv[3:])
"""

GENTLY = 10
"""As `nice` counts: where processors are short, it gets about a tenth of what others get (man 7 sched)."""


@cache
def binary() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


@dataclass(frozen=True, slots=True)
class Pictures:
    """Where poster and sprite go, and what the sprite shows."""

    poster: Path
    sprite_file: Path
    sprite: Sprite


def commands(
    source: Path,
    facts: SourceFacts,
    plan: Plan,
    outputs: dict[str, Path],
    pictures: Pictures,
    *,
    binary_path: str | None = None,
) -> list[list[str]]:
    """What makes all renditions and draws the pictures: one command, so that the source is decoded once.

    Where silence is made there are two. ffmpeg feeds the outputs of a command at the pace of the slowest, and drawings
    come last: silence, which has an input of its own, would come after all pictures, and players stand still at
    fragments without sound. So the largest rendition is drawn from afterwards.

    `outputs`: rendition name -> fragmented MP4 to write. Where every rendition is copied, drawing still decodes
    the whole source, which shows whether it can be.
    """
    apart = plan.sound is Sound.SILENT
    opened = ffmpeg.input(_url(source), format_whitelist=CONTAINERS, protocol_whitelist="file")
    encoded = [r for r in plan.renditions if not r.copy]
    wanted = len(encoded) + (not apart)
    scaled = _pictures(opened[str(facts.index)], facts, plan, wanted) if wanted else []
    branches = dict(zip((r.name for r in encoded), scaled, strict=False))  # one more may be there to draw from
    sounds = _sounds(opened, facts, plan)
    streams = []
    for rendition, sound in zip(plan.renditions, sounds, strict=True):
        if rendition.copy:
            video, options = opened[str(facts.index)], {"c:v": "copy"}
        else:
            video, options = _scaled(branches[rendition.name], rendition), _x264(rendition, plan)
        streams.append(
            ffmpeg.output(
                video,
                sound,
                _url(outputs[rendition.name]),
                t=_seconds(plan.duration_ms),
                **options,
                **_aac(plan.sound),
                # What a phone notes about place and owner is not part of a lesson.
                map_metadata=-1,
                map_chapters=-1,
                movflags=FRAGMENTS,
                f="mp4",
            )
        )
    if apart:
        largest = ffmpeg.input(_url(outputs[plan.renditions[-1].name]), f="mp4", protocol_whitelist="file")
        made = [streams, _drawings(_even(largest.video, plan), plan, pictures)]
    else:
        made = [streams + _drawings(scaled[-1], plan, pictures)]
    return [
        ffmpeg.merge_outputs(*some).global_args(*GLOBAL_ARGS).overwrite_output().compile(cmd=binary_path or binary())
        for some in made
    ]


def loop_to(source: Path, seconds: int, target: Path) -> None:
    """Write `source` again and again, without encoding, until it lasts `seconds`: a longer lesson for demos.

    The end is as exact as the order of stored pictures allows, about a fifth of a second.
    """
    if seconds < 1:
        raise BadParameter(reason="a loop lasts at least one second")
    looped = ffmpeg.input(_url(source), stream_loop=-1)
    output = looped.output(_url(target), c="copy", t=seconds - 0.1, movflags="+faststart", f="mp4")
    run(output.global_args(*GLOBAL_ARGS).overwrite_output().compile(cmd=binary()))


def run(
    argv: Sequence[str], on_progress: Callable[[int], None] | None = None, *, gently: bool = False
) -> tuple[str, ...]:
    """Run ffmpeg to its end; returned is what it complained of on the way (its last twenty lines).

    `on_progress` hears how many milliseconds are written, twice a second. `gently`: all others come first.
    Whatever stops us (an exception
    from `on_progress`, Ctrl-C, a signal) kills ffmpeg first. Errors: DiskFull,
    DamagedFile, EncodingFailed with ffmpeg's own last words.
    """
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", START, str(os.getpid()), str(GENTLY if gently else 0), *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C in the terminal is for us; we then end ffmpeg
    )
    if process.stdout is None or process.stderr is None:
        raise RuntimeError("pipes were asked for")
    last_words: deque[str] = deque(maxlen=20)
    listener = threading.Thread(target=last_words.extend, args=(process.stderr,), daemon=True)
    listener.start()
    try:
        for line in process.stdout:
            name, _, value = line.strip().partition("=")
            if on_progress and name == "out_time_us" and value.lstrip("-").isdigit():
                on_progress(max(0, int(value) // 1000))
        status = process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        listener.join()
        process.stdout.close()
        process.stderr.close()
    complaints = tuple(line.strip() for line in last_words if line.strip())
    if status:
        raise _failure(status, complaints)
    return complaints


def is_disk_full(error: OSError) -> bool:
    """True for a full disk, a used-up quota and a file larger than the process may write."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _failure(status: int, lines: Sequence[str]) -> DiskFull | DamagedFile | EncodingFailed:
    full = [os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)]
    if status == -signal.SIGXFSZ or any(text in line for line in lines for text in full):
        return DiskFull()
    if status == TOO_MANY_ERRORS:
        return DamagedFile(reason="most of it is not readable")
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    return EncodingFailed(status=how, reason=lines[-1] if lines else "it said nothing")


def _pictures(video: Any, facts: SourceFacts, plan: Plan, count: int) -> list[Any]:
    """The pictures `count` times over: constant rate from time 0, decoded once."""
    if facts.interlaced:
        video = video.filter("yadif")
    video = _even(video, plan)
    if plan.hold_ms:
        video = video.filter("tpad", stop_mode="clone", stop_duration=_seconds(plan.hold_ms + 1000))
    split = video.filter_multi_output("split", count)
    return [split[i] for i in range(count)]


def _even(video: Any, plan: Plan) -> Any:
    return video.filter("fps", fps=f"{plan.fps.numerator}/{plan.fps.denominator}", start_time=0)


def _scaled(video: Any, rendition: PlannedRendition) -> Any:
    return video.filter("scale", rendition.width, rendition.height).filter("setsar", 1).filter("format", "yuv420p")


def _drawings(video: Any, plan: Plan, pictures: Pictures) -> list[Any]:
    """Poster and sprite. What is not shown in them is dropped before it is scaled, so they cost next to nothing."""
    largest, (width, height) = plan.renditions[-1], pictures.sprite.tile
    columns, rows = pictures.sprite.grid
    both = video.filter_multi_output("split", 2)
    still = both[0].filter("select", _at([poster_at_ms(plan.duration_ms)], plan))
    tiles = both[1].filter("select", _at(pictures.sprite.starts_ms, plan))
    return [
        ffmpeg.output(
            still.filter("scale", largest.width, largest.height).filter("setsar", 1),
            _url(pictures.poster),
            **JPEG,
            **{"q:v": 4},
        ),
        ffmpeg.output(
            tiles.filter("scale", width, height).filter("setsar", 1).filter("tile", f"{columns}x{rows}"),
            _url(pictures.sprite_file),
            **JPEG,
            **{"q:v": 5},
        ),
    ]


def _at(times_ms: Sequence[int], plan: Plan) -> str:
    """ffmpeg's expression for the pictures that begin nearest to these times."""
    frames = [round(ms * plan.fps / 1000) for ms in times_ms]
    return "+".join(f"eq(n,{frame})" for frame in frames)


def _sounds(opened: Any, facts: SourceFacts, plan: Plan) -> list[Any]:
    count = len(plan.renditions)
    if plan.sound is Sound.SILENT or facts.audio is None:
        silence = ffmpeg.input(f"anullsrc=r={SOUND_RATE}:cl=mono", f="lavfi")
        return [silence.audio] * count
    track = opened[str(facts.audio.index)]
    if plan.sound is Sound.COPY:
        return [track] * count
    # Sound begins with the pictures, its gaps become silence, and it lasts as long as they do.
    track = track.filter("aresample", SOUND_RATE, first_pts=0, **{"async": 1})
    layout = "mono" if facts.audio.channels == 1 else "stereo"
    split = track.filter("aformat", channel_layouts=layout).filter("apad").filter_multi_output("asplit", count)
    return [split[i] for i in range(count)]


def _x264(rendition: PlannedRendition, plan: Plan) -> dict[str, Any]:
    # Half a frame early, so that rounding can never push a keyframe to the next picture.
    cuts = ",".join(_seconds(max(0, cut - plan.half_frame_ms)) for cut in plan.cuts_ms)
    return {
        "c:v": "libx264",
        "preset": "veryfast",
        "crf": 23,
        "maxrate": rendition.peak_bit_rate,
        "bufsize": rendition.peak_bit_rate * 2,
        "profile:v": "high",
        "g": NO_EXTRA_KEYFRAMES,
        "sc_threshold": 0,
        "forced-idr": 1,
        "force_key_frames": cuts,
    }


def _aac(sound: Sound) -> dict[str, Any]:
    return {"c:a": "copy"} if sound is Sound.COPY else {"c:a": "aac", "b:a": SOUND_BIT_RATE}


def _seconds(ms: Any) -> str:
    return f"{float(ms) / 1000:.6f}"


def _url(path: Path) -> str:
    return f"file:{path.absolute()}"
