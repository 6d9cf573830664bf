"""Whatever goes wrong, the error is clear and nothing is left behind; a run after a kill starts clean."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from media import ffmpeg
from media.errors import (
    DamagedFile,
    DiskFull,
    EncodingFailed,
    Interrupted,
    MediaError,
    NotAVideo,
    TargetExists,
    TruncatedFile,
)
from media.manifest import PUBLIC, find_damage, read_keys, read_manifest
from media.package import Progress, Stage, package, remove_leftovers
from media.plan import make_plan
from media.probe import probe
from tests.media.sources import FAST, LESSON, make, picture
from tests.media.test_crypt import decrypt
from tests.media.test_probe import a_zip, with_half_its_pictures

PACKAGE = [sys.executable, "-m", "media", "package"]
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def long_source(room: Path) -> Path:
    """Enough work to be caught in the middle: 90 s of 640x480."""
    return make(room / "long.mp4", *picture("640x480", 90, "25"), *FAST)


def running(argument: str) -> list[int]:
    """Processes whose command line holds `argument` (the name of a directory that is only ours)."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue  # it has just ended
        if argument.encode() in command and b"ffmpeg" in command:
            found.append(int(entry.name))
    return found


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def started(source: Path, target: Path) -> subprocess.Popen[str]:
    """A packaging process that is caught while ffmpeg is writing."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # of a shell's "&"; a child would go on ignoring it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*PACKAGE, str(source), "--out", str(target)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: any(target.parent.glob(".*.packaging-*/clear/*.mp4")) and running(str(target.parent)))
    return process


@pytest.mark.parametrize(
    ("write", "error"), [(a_zip, NotAVideo), (with_half_its_pictures, TruncatedFile)], ids=["a zip", "truncated"]
)
def test_a_bad_upload_leaves_nothing(write: Callable[[Path], object], error: type[MediaError], tmp_path: Path) -> None:
    write(tmp_path / "upload.mp4")
    (tmp_path / "lessons").mkdir()
    with pytest.raises(error):
        package(tmp_path / "upload.mp4", tmp_path / "lessons" / "1")
    assert list((tmp_path / "lessons").iterdir()) == []


def spoilt(path: Path, source: Path, from_percent: int, to_percent: int = 100) -> Path:
    """A copy of `source` whose pictures are zeros from there to there; its index is whole."""
    whole = bytearray(source.read_bytes())
    begin, end = whole.index(b"mdat") + 4, whole.rindex(b"moov") - 4
    first, last = (begin + (end - begin) * percent // 100 for percent in (from_percent, to_percent))
    whole[first:last] = bytes(last - first)
    path.write_bytes(whole)
    return path


@pytest.mark.parametrize(("from_percent", "reason"), [(25, "most of it"), (70, "came out")])
def test_pictures_that_stop_decoding_in_the_middle_are_damage(from_percent: int, reason: str, tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.mp4", *picture("320x180", 4, "10"), *FAST, "-g", "10")
    source = spoilt(tmp_path / "upload.mp4", whole, from_percent)
    with pytest.raises(DamagedFile, match=reason):
        package(source, tmp_path / "out" / "lesson")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("size", ["320x180", "640x480"], ids=["copied alone", "copied beside an encoded one"])
def test_a_broken_picture_is_never_copied_but_stepped_over_by_encoding(size: str, tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.mp4", *picture(size, 8, "10"), *FAST, "-crf", "32", "-g", "10")
    source = spoilt(tmp_path / "upload.mp4", whole, 50, 52)
    assert make_plan(probe(source)).renditions[-1].copy
    heard: list[float] = []
    manifest = package(source, tmp_path / "lesson", progress=lambda p: heard.append(p.fraction))
    assert manifest.duration_ms == 8_000
    assert heard == sorted(heard), "progress does not go back when the work begins again"
    keys = dict(enumerate(read_keys(tmp_path / "lesson", manifest)))
    for rendition in manifest.renditions:
        for number, segment in enumerate(rendition.segments):
            sealed = (tmp_path / "lesson" / PUBLIC / segment.uri).read_bytes()
            assert bytes(1000) not in decrypt(sealed, keys[segment.block], number.to_bytes(16, "big"))


def test_a_target_that_exists_is_never_touched(with_sound: Path, tmp_path: Path) -> None:
    target = tmp_path / "lesson"
    target.mkdir()
    (target / "precious").write_text("kept")
    with pytest.raises(TargetExists):
        package(with_sound, target, progress=lambda _: pytest.fail("no work is begun"))
    assert [p.name for p in tmp_path.iterdir()] == ["lesson"]
    assert (target / "precious").read_text() == "kept"


def test_a_target_that_appears_meanwhile_is_never_touched(with_sound: Path, tmp_path: Path) -> None:
    target = tmp_path / "lesson"

    def rival(progress: Progress) -> None:
        if progress.stage is Stage.ENCRYPT:
            target.mkdir()
            (target / "precious").write_text("kept")

    with pytest.raises(TargetExists):
        package(with_sound, target, progress=rival)
    assert [p.name for p in tmp_path.rglob("*")] == ["lesson", "precious"]


def test_an_empty_directory_may_be_the_target(with_sound: Path, tmp_path: Path) -> None:
    (tmp_path / "lesson").mkdir()
    manifest = package(with_sound, tmp_path / "lesson")
    assert read_manifest(tmp_path / "lesson") == manifest


def test_an_exception_of_the_listener_stops_ffmpeg_and_leaves_nothing(long_source: Path, tmp_path: Path) -> None:
    class Cancelled(Exception):
        pass

    def cancel(progress: Progress) -> None:
        if progress.stage is Stage.ENCODE:
            assert running(str(tmp_path))
            raise Cancelled

    with pytest.raises(Cancelled):
        package(long_source, tmp_path / "lesson", progress=cancel)
    assert not running(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_becomes_an_error_with_a_code(long_source: Path, tmp_path: Path) -> None:
    def press(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        package(long_source, tmp_path / "lesson", progress=press)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_tidily(number: signal.Signals, long_source: Path, tmp_path: Path) -> None:
    process = started(long_source, tmp_path / "lesson")
    os.killpg(process.pid, number)  # a terminal sends Ctrl-C to the whole group
    _, words = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "[interrupted]" in words
    assert "Traceback" not in words
    assert not running(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_after_kill_9_ffmpeg_dies_and_a_second_run_repairs(long_source: Path, tmp_path: Path) -> None:
    target = tmp_path / "lesson"
    process = started(long_source, target)
    process.kill()
    process.communicate(timeout=20)
    wait_until(lambda: not running(str(tmp_path)), seconds=5)
    assert not target.exists(), "half a lesson is no lesson"
    assert len(list(tmp_path.glob(".lesson.packaging-*"))) == 1
    short = make(tmp_path / "short.mp4", *picture("128x72", 1), *FAST)
    manifest = package(short, target)
    assert find_damage(target, manifest) == ()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lesson", "short.mp4"]


def test_a_living_run_is_not_taken_for_a_leftover(with_sound: Path, tmp_path: Path) -> None:
    removed: list[int] = []
    package(with_sound, tmp_path / "lesson", progress=lambda p: removed.append(remove_leftovers(tmp_path / "lesson")))
    assert set(removed) == {0}
    assert read_manifest(tmp_path / "lesson")


def test_only_the_leftovers_of_this_target_are_removed(tmp_path: Path) -> None:
    for name in (".lesson.packaging-1", ".lesson2.packaging-1", ".[x]*.packaging-1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lock").touch()
    assert remove_leftovers(tmp_path / "lesson") == 1
    assert remove_leftovers(tmp_path / "[x]*") == 1
    assert [p.name for p in tmp_path.iterdir()] == [".lesson2.packaging-1"]


def test_a_directory_without_a_lock_is_given_a_minute(tmp_path: Path) -> None:
    fresh = tmp_path / ".lesson.packaging-1"
    fresh.mkdir()
    assert remove_leftovers(tmp_path / "lesson") == 0
    os.utime(fresh, (time.time() - 61, time.time() - 61))
    assert remove_leftovers(tmp_path / "lesson") == 1


@pytest.mark.parametrize("largest", [20_000, 200_000], ids=["the first file", "in the middle"])
def test_when_no_more_may_be_written_it_says_so_and_leaves_nothing(largest: int, tmp_path: Path) -> None:
    """A limit on file size is a full disk that any user can have."""
    process = subprocess.run(
        [*PACKAGE, str(LESSON), "--out", str(tmp_path / "lesson")],
        cwd=CHECKOUT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1
    assert "[disk_full]" in process.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    """A real file system of 1.5 MB; where mounting is not allowed, the device that is always full."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    mounted = (
        mount
        and not subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(disk)], check=False, capture_output=True
        ).returncode
    )
    if not mounted:
        full = [ffmpeg.binary(), "-loglevel", "error", "-y", *picture(), *FAST, "-f", "mpegts", "/dev/full"]
        with pytest.raises(DiskFull):
            ffmpeg.run(full)
        return
    try:
        with pytest.raises(DiskFull):
            package(LESSON, disk / "lesson")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_ffmpeg_s_last_words_reach_the_error(tmp_path: Path) -> None:
    with pytest.raises(EncodingFailed) as caught:
        ffmpeg.run([ffmpeg.binary(), "-loglevel", "error", "-i", "/dev/null/x", str(tmp_path / "a.mp4")])
    assert "Not a directory" in str(caught.value.facts["reason"])
    assert str(caught.value.facts["status"]).startswith("exit status")


def test_ffmpeg_killed_by_another_hand_is_named(long_source: Path, tmp_path: Path) -> None:
    def kill(progress: Progress) -> None:
        for process in running(str(tmp_path)):
            os.kill(process, signal.SIGKILL)

    with pytest.raises(EncodingFailed, match="signal 9"):
        package(long_source, tmp_path / "lesson", progress=kill)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("gently", [False, True])
def test_who_encodes_gently_lets_all_others_go_first(gently: bool) -> None:
    """The program says as progress at which priority it runs."""
    heard: list[int] = []
    says = "import os; print(f'out_time_us={os.nice(0)}000')"
    ffmpeg.run([sys.executable, "-c", says], heard.append, gently=gently)
    assert heard == [min(19, os.nice(0) + (ffmpeg.GENTLY if gently else 0))]
