"""Tiny videos of every kind, made with ffmpeg; and facts to plan from without any file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from media import ffmpeg
from media.probe import AudioFacts, SourceFacts

LESSON = Path(__file__).parents[2] / "elearn" / "demo" / "assets" / "lesson-source.mp4"


def make(path: Path, *arguments: str) -> Path:
    ffmpeg.run([ffmpeg.binary(), "-loglevel", "error", "-y", *arguments, str(path)])
    return path


def picture(size: str = "320x180", seconds: float = 2, fps: str = "10") -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"testsrc2=s={size}:r={fps}:d={seconds}")


def tone(seconds: float = 2) -> tuple[str, ...]:
    return ("-f", "lavfi", "-i", f"sine=d={seconds}")


FAST = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def some_sound(**changes: Any) -> AudioFacts:
    facts: dict[str, Any] = {"index": 1, "codec": "aac", "profile": "LC", "channels": 2, "sample_rate": 48_000}
    facts |= {"bit_rate": 128_000, "start_ms": 0, "end_ms": 60_000}
    return AudioFacts(**(facts | changes))


def some_facts(**changes: Any) -> SourceFacts:
    """A minute of 1280x720 that can be copied as it is, sound included."""
    facts: dict[str, Any] = {
        "container": "mov,mp4,m4a,3gp,3g2,mj2",
        "duration_ms": 60_000,
        "index": 0,
        "codec": "h264",
        "profile": "High",
        "level": 31,
        "pix_fmt": "yuv420p",
        "width": 1280,
        "height": 720,
        "rotation": 0,
        "square_pixels": True,
        "interlaced": False,
        "fps": Fraction(25),
        "constant_rate": True,
        "bit_rate": 2_500_000,
        "start_ms": 0,
        "end_ms": 60_000,
        "keyframes_ms": tuple(range(0, 60_000, 2_000)),
        "audio": some_sound(),
    }
    return SourceFacts(**(facts | changes))
