"""`python -m tests.prepare` installs what tests need, or says the line to run; it never leaves one guessing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from elearn.demo import browser
from tests import prepare
from tests.journeys.running import clean_environment

LINE = "sudo apt-get update && sudo apt-get install --yes --no-install-recommends chromium"


def run_with(path: Path) -> subprocess.CompletedProcess[str]:
    """The program on a machine whose PATH is only this directory."""
    env = {name: value for name, value in clean_environment().items() if name != "CHROMIUM"}
    return subprocess.run(
        [sys.executable, "-m", "tests.prepare"],
        cwd=prepare.ROOT,
        env=env | {"PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def a_program(directory: Path, name: str, script: str) -> None:
    (directory / name).write_text(f"#!/bin/sh\n{script}\n")
    (directory / name).chmod(0o755)


def test_it_looks_for_the_browser_that_the_walk_uses() -> None:
    assert prepare.BROWSERS == browser.NAMES


def test_where_all_is_there_it_only_looks(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    assert prepare.main() == 0
    assert time.monotonic() - began < 5, "well under a second on a machine that does nothing else"
    assert "installing" not in capsys.readouterr().out


def test_without_apt_it_names_both_things_to_install(tmp_path: Path) -> None:
    done = run_with(tmp_path)
    assert done.returncode == 1
    assert LINE in done.stderr
    assert "CHROMIUM=" in done.stderr


def test_where_apt_does_not_succeed_it_says_the_exact_line(tmp_path: Path) -> None:
    a_program(tmp_path, "apt-get", "exit 100")
    done = run_with(tmp_path)
    assert done.returncode == 1
    assert LINE in done.stderr
    assert "Traceback" not in done.stderr


def test_a_browser_with_another_name_is_taken_at_its_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/opt/some/browser")
    assert prepare.find_browser() == browser.find_chromium() == "/opt/some/browser"
