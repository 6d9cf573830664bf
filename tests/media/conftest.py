"""Sources and packaged lessons, made once a run. Tests may read them and must not change them."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.manifest import Manifest
from media.package import package
from tests.media.sources import FAST, LESSON, make, picture, tone

Packaged = tuple[Path, Manifest]


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def with_sound(room: Path) -> Path:
    """5 s of 640x360 at 30000/1001, H.264 with B-frames and AAC; not fit to copy (one keyframe)."""
    encoder = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "1000")
    return make(room / "with_sound.mp4", *picture("640x360", 5, "30000/1001"), *tone(5), *encoder, "-c:a", "aac")


@pytest.fixture(scope="session")
def portrait(room: Path) -> Path:
    """2 s stored as 480x360 and marked as turned by a quarter, as phones do."""
    flat = make(room / "flat.mp4", *picture("480x360"), *FAST)
    return make(room / "portrait.mp4", "-display_rotation", "90", "-i", str(flat), "-c", "copy")


@pytest.fixture(scope="session")
def uneven(room: Path) -> Path:
    """4 s whose pictures come in bursts (variable rate), Matroska, sound going on to 5 s."""
    bursts = ("-vf", "select='lt(mod(n,20),7)'", "-fps_mode", "vfr")
    return make(room / "uneven.mkv", *picture("320x180", 4, "30"), *tone(5), *bursts, *FAST)


@pytest.fixture(scope="session")
def encoded(room: Path, with_sound: Path) -> Packaged:
    """`with_sound` in blocks of 2 s."""
    target = room / "encoded"
    return target, package(with_sound, target, block_ms=2_000)


@pytest.fixture(scope="session")
def copied(room: Path) -> Packaged:
    """The real recording: 720 is copied, 360 and 480 are encoded to match, sound is silence."""
    target = room / "copied"
    return target, package(LESSON, target)
