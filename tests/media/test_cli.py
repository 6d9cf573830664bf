"""The command line: one line of result, one line of error, the right exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from media.cli import media_commands
from media.manifest import read_manifest
from tests.media.sources import FAST, make, picture


@pytest.fixture(scope="module")
def short(room: Path) -> Path:
    return make(room / "short.mp4", *picture("128x72", 3), *FAST)


def test_a_lesson_is_made_beside_its_source(short: Path) -> None:
    result = CliRunner().invoke(media_commands, ["package", str(short)])
    assert result.exit_code == 0, result.output
    manifest = read_manifest(short.with_name("short.lesson"))
    assert "3.000 s, 128x72, 1 key blocks" in result.stdout
    assert manifest.content_hash[:16] in result.stdout


def test_the_length_of_a_block_is_an_option(short: Path, tmp_path: Path) -> None:
    arguments = ["package", str(short), "--out", str(tmp_path / "out"), "--block-seconds", "1"]
    assert CliRunner().invoke(media_commands, arguments).exit_code == 0
    assert len(read_manifest(tmp_path / "out").blocks) == 3


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "zero_length"), (b"PK\3\4 no video", "not_a_video"), (None, "source_unreadable")]
)
def test_an_error_is_one_line_with_its_code(content: bytes | None, code: str, tmp_path: Path) -> None:
    source = tmp_path / "upload.mp4"
    if content is not None:
        source.write_bytes(content)
    result = CliRunner().invoke(media_commands, ["package", str(source)])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.endswith(f"[{code}]\n")
    assert [p for p in tmp_path.iterdir() if p != source] == []


@pytest.mark.parametrize("option", ["0", "601", "x"])
def test_a_block_of_another_length_is_a_usage_error(option: str, short: Path) -> None:
    assert CliRunner().invoke(media_commands, ["package", str(short), "--block-seconds", option]).exit_code == 2


def test_it_runs_alone_and_shows_progress_on_a_terminal(short: Path, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "media", "package", str(short), "--out", str(tmp_path / "lesson")]
    process = subprocess.run(
        command, cwd=Path(__file__).parents[2], stdout=theirs, stderr=theirs, stdin=theirs, check=False
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert process.returncode == 0, shown
    assert "100%" in shown
