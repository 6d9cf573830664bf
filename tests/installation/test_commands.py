"""The `elearn` command as an operator types it, on the embedded default, from an empty directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

Run = subprocess.CompletedProcess[str]


def elearn(place: Path, *words: str) -> Run:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("ELEARN_", "DATABASE_", "REDIS_"))}
    return subprocess.run(
        [sys.executable, "-m", "elearn", *words],
        env={**env, "ELEARN_DATA_DIR": str(place)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_help_is_given_without_touching_anything(tmp_path: Path) -> None:
    for words in (
        [],
        ["serve"],
        ["user", "add"],
        ["receiver", "add"],
        ["lrs", "key", "create"],
        ["tracking", "explain"],
        ["media", "package"],
    ):
        asked = elearn(tmp_path / "nowhere", *words, "--help")
        assert asked.returncode == 0, asked.stderr
        assert "Usage:" in asked.stdout
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frobnicate"], "No such command"),
        (["serve", "--port", "many"], "not a valid integer"),
        (["restore", "/nonexistent"], "does not exist"),
    ],
)
def test_a_wrong_word_is_one_line_and_a_failure(tmp_path: Path, words: list[str], said: str) -> None:
    asked = elearn(tmp_path, *words)
    assert asked.returncode == 2
    assert said in asked.stderr
    assert "Traceback" not in asked.stderr


def test_an_installation_is_set_up_used_backed_up_and_restored_elsewhere(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"

    before = elearn(first, "user", "list")
    assert before.returncode == 1
    assert "run `elearn db upgrade`" in before.stderr

    def ok(place: Path, *words: str) -> str:
        done = elearn(place, *words)
        assert done.returncode == 0, f"{words}: {done.stderr[-500:]}"
        return done.stdout

    ok(first, "db", "upgrade")
    place_id = ok(first, "org", "add", "institution", "Training centre").split()[0]
    one_time = ok(first, "user", "add", "teacher1", "--person-name", "Zhao")
    ok(first, "role", "grant", "teacher1", "institution_manager", "--organisation", place_id)
    assert "teacher1" in ok(first, "user", "list")
    assert one_time.strip()

    refused = elearn(first, "receiver", "add", "Exam centre", "--outline", "nowhere")
    assert refused.returncode == 1
    assert "nowhere" in refused.stderr
    assert "Traceback" not in refused.stderr

    assert "0 differences" in ok(first, "ledger", "check")

    nobody_s = elearn(first, "tracking", "explain", "00000000-0000-0000-0000-000000000000")
    assert nobody_s.returncode == 2
    assert "elearn: There is no such sitting." in nobody_s.stderr
    assert "Traceback" not in nobody_s.stderr

    file = tmp_path / "backup.tar"
    ok(first, "backup", str(file), "--with-secrets")
    assert elearn(first, "restore", str(file)).returncode == 1, "never over what is there"
    ok(second, "restore", str(file))
    assert ok(second, "user", "list") == ok(first, "user", "list")
    assert ok(second, "role", "list") == ok(first, "role", "list")
