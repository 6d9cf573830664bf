"""`elearn ledger verify FILE`: a sentence, and exit status 0 or 1."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from elearn.credit_export.ledger.commands import verify
from tests.credit_export.ledger.formats.hours_log import LOG, OTHER_SUB, POLICY, HoursLog, chain
from tests.credit_export.ledger.formats.leaf_samples import SAMPLES, SUB

LEAVES = chain(6)
HONEST = HoursLog.of(LEAVES)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a policy, a fresh proof of leaf 5, the checkpoint of four leaves, and the log's tiles."""
    (tmp_path / "policy").write_text(POLICY, "utf-8")
    (tmp_path / "proof").write_text(HONEST.proof(5, at_s=int(time.time())).write(), "utf-8")
    (tmp_path / "stored").write_text(str(HoursLog.of(LEAVES[:4]).note()), "utf-8")
    HONEST.publish(tmp_path / "mirror")
    return tmp_path


def said(place: Path, *arguments: str) -> tuple[int, str]:
    names = [str(place / one) if (place / one).exists() else one for one in arguments]
    result = CliRunner().invoke(verify, names)
    return result.exit_code, result.output


def test_hours_that_are_shown_are_told_in_a_sentence(place: Path) -> None:
    status, sentence = said(place, "proof", "--trust", "policy", "--subject", SUB, "--max-age", "7")
    assert status == 0
    assert sentence.startswith(
        f"Shown: 600000 ms of urn:elearn:unit:0b7e watched on 2026-01-05 by {SUB}, 3600000 ms in all with leaf 6 of the"
        " chain. It is leaf 5 of hours.example/ledger/2026, whose checkpoint of 6 leaves is cosigned by exam (20"
    )


@pytest.mark.parametrize(
    ("reason", "arguments"),
    [
        ("subject", ["--trust", "policy", "--subject", OTHER_SUB]),
        ("log signature", []),
        ("consistency", ["--trust", "policy", "--stored", "stored"]),
    ],
)
def test_what_is_refused_is_told_with_its_word(place: Path, reason: str, arguments: list[str]) -> None:
    status, sentence = said(place, "proof", *arguments)
    assert (status, sentence.partition(": ")[2].partition(":")[0]) == (1, reason)


def test_a_log_that_only_grew_is_shown_by_its_public_files(place: Path) -> None:
    status, sentence = said(place, "proof", "--trust", "policy", "--stored", "stored", "--tiles", "mirror")
    assert (status, sentence[:6]) == (0, "Shown:")


def test_a_log_that_was_rewritten_is_not(place: Path) -> None:
    rewritten = HoursLog(HONEST.entries[1:4] + HONEST.entries[:1])
    (place / "stored").write_text(str(rewritten.note()), "utf-8")
    status, sentence = said(place, "proof", "--trust", "policy", "--stored", "stored", "--tiles", "mirror")
    assert (status, sentence[:21]) == (1, "Refused: consistency:")


def test_a_mirror_that_is_not_whole_is_named(place: Path) -> None:
    (place / "mirror" / "tile/0/000.p/6").unlink()
    status, sentence = said(place, "proof", "--trust", "policy", "--stored", "stored", "--tiles", "mirror")
    assert status == 1
    assert "is not whole: tile/0/000" in sentence


def test_an_old_checkpoint_is_refused_by_its_age(place: Path) -> None:
    (place / "proof").write_text(HONEST.proof(5, at_s=int(time.time()) - 2 * 86_400).write(), "utf-8")
    assert said(place, "proof", "--trust", "policy", "--max-age", "3")[0] == 0
    assert said(place, "proof", "--trust", "policy", "--max-age", "1")[1].startswith("Refused: stale:")


def test_without_witnesses_the_sentence_says_so(place: Path) -> None:
    (place / "policy").write_text(f"log {LOG.verifier.vkey}\nquorum none\n", "utf-8")
    status, sentence = said(place, "proof", "--trust", "policy")
    assert status == 0
    assert sentence.endswith("cosigned by nobody: this is the word of the log alone.\n")


@pytest.mark.parametrize("name", SAMPLES)
def test_every_type_of_leaf_has_its_words(place: Path, name: str) -> None:
    (place / "proof").write_text(HoursLog.of([SAMPLES[name]]).proof(0).write(), "utf-8")
    status, sentence = said(place, "proof", "--trust", "policy")
    assert (status, sentence[:6]) == (0, "Shown:")


@pytest.mark.parametrize("name", ["policy", "stored", "proof"])
def test_a_malformed_file_is_one_line_and_status_1(place: Path, name: str) -> None:
    (place / name).write_bytes(b"\xff nonsense\n")
    status, sentence = said(place, "proof", "--trust", "policy", "--stored", "stored")
    assert (status, sentence.count("\n")) == (1, 1)


def test_a_checkpoint_that_is_none_is_refused(place: Path) -> None:
    text = (place / "proof").read_text("utf-8").replace("\n6\n", "\nsix\n")
    (place / "proof").write_text(text, "utf-8")
    assert said(place, "proof", "--trust", "policy")[1].startswith("Refused: log signature:")


def test_the_command_needs_no_database_and_loads_none(place: Path) -> None:
    program = (
        "import sys; from elearn.cli import cli\n"
        "status = cli(sys.argv[1:], standalone_mode=False)\n"
        "loaded = {'flask', 'sqlalchemy', 'psycopg', 'redis'} & sys.modules.keys()\n"
        "sys.exit(f'loaded: {loaded}' if loaded else status)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-c", program, "ledger", "verify", str(place / "proof"), "--trust", str(place / "policy")],
        capture_output=True,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"Shown:")
