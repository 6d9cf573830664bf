"""`elearn ledger monitor` as others run it; and what neither it nor the witness loads."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from elearn.credit_export.ledger.monitor.sampling import is_drawn, sample
from tests.credit_export.ledger.a_ledger import a_sub
from tests.credit_export.ledger.a_log import put, served
from tests.credit_export.ledger.monitor.looks import EXAM, NOW_S, a_book, codes, watched

WITHOUT_PRODUCT = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
PRODUCT = ("flask", "sqlalchemy", "psycopg", "alembic", "redis", "procrastinate", "elearn.db")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "elearn", "ledger", "monitor", *arguments],
        env=WITHOUT_PRODUCT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_alarms_are_printed_with_their_leaf_and_end_with_status_1_from_then_on(tmp_path: Path) -> None:
    book = a_book()
    book.credit("ada", 0, 600_000)
    public = tmp_path / "public"
    book.log.publish(public)
    policy = tmp_path / "policy"
    policy.write_text(f"log {book.log.vkey}\nquorum none\n")
    with served(public) as serving:
        arguments = (serving.url, "--dir", str(tmp_path / "monitor"), "--trust", str(policy))
        honest = run(*arguments, "--once", "--totals")
        assert (honest.returncode, honest.stderr) == (0, "")
        assert honest.stdout.splitlines() == [
            f"{book.log.origin}: 5 leaves, 5 checked, 0 alarms",
            f"{a_sub('ada')}: online/theory 600000 ms",
        ]
        book.credit("ada", 600_000, 900_000, total=1_000_000)
        book.log.publish(public)
        forged = run(*arguments)
        assert forged.returncode == 1
        first, leaf, last = forged.stdout.splitlines()
        assert first == "ALARM TOTAL leaf 5: online/theory comes to 900000 ms, and it says 1000000"
        assert leaf.strip() == book.log.entries[5].decode()
        assert last == f"{book.log.origin}: 6 leaves, 6 checked, 1 alarms"
        again = run(*arguments, "--json")
        assert again.returncode == 1
        alarm, end = [json.loads(line) for line in again.stdout.splitlines()]
        assert alarm == {
            "alarm": "TOTAL",
            "sentence": "online/theory comes to 900000 ms, and it says 1000000",
            "index": 5,
            "leaf": book.log.entries[5].decode(),
        }
        assert end == {"origin": book.log.origin, "size": 6, "checked": 6, "alarms": 1}


def test_a_monitor_that_is_killed_goes_on_and_comes_to_the_same(tmp_path: Path) -> None:
    """Wherever it dies: while it mirrors, while it checks, while it saves."""
    book = a_book()
    for number in range(1_500):
        book.credit(f"person {number % 40}", number // 40 * 1_000, (number // 40 + 1) * 1_000)
    book.credit("ada", 0, 1_000, total=9_000)
    public = tmp_path / "public"
    book.log.publish(public)
    put(public, "log.vkey", f"{book.log.vkey}\n".encode())
    with served(public) as serving:
        whole = run(serving.url, "--dir", str(tmp_path / "whole"), "--totals")
        assert whole.returncode == 1
        arguments = [serving.url, "--dir", str(tmp_path / "killed")]
        for after_s in (0.35, 0.45, 0.6, 0.8):
            process = subprocess.Popen(
                [sys.executable, "-m", "elearn", "ledger", "monitor", *arguments],
                env=WITHOUT_PRODUCT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                process.wait(after_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        last = run(*arguments, "--totals")
    assert sorted(last.stdout.splitlines()) == sorted(whole.stdout.splitlines())


def test_a_log_that_cannot_be_looked_at_ends_with_status_2(tmp_path: Path) -> None:
    done = run("http://127.0.0.1:9/", "--dir", str(tmp_path / "monitor"))
    assert done.returncode == 2
    assert done.stderr.startswith("elearn: http://127.0.0.1:9/log.vkey: ")


def test_somebody_else_s_checkpoint_is_compared(tmp_path: Path) -> None:
    book = a_book()
    public = tmp_path / "public"
    book.log.publish(public)
    put(public, "log.vkey", f"{book.log.vkey}\n".encode())
    book.policy()
    other = book.log.with_entries([*book.log.entries[1:]])
    put(public, "theirs", str(other.note(4)).encode())
    with served(public) as serving:
        done = run(serving.url, "--dir", str(tmp_path / "monitor"), "--compare", f"{serving.url}/theirs", "--json")
    assert (done.returncode, json.loads(done.stdout.splitlines()[0])["alarm"]) == (1, "FORKED")


def test_what_witnesses_cosigned_is_compared(tmp_path: Path) -> None:
    """A witness shows the newest checkpoint it cosigned: the log cannot show others a shorter history unseen."""
    book = a_book()
    public = tmp_path / "public"
    name = hashlib.sha256(book.log.origin.encode()).hexdigest()
    book.log.publish(public)
    book.policy()
    put(public, f"{name}/checkpoint", str(book.log.note()).encode())
    policy = tmp_path / "policy"
    with served(public) as serving:
        policy.write_text(
            f"log {book.log.vkey}\nwitness exam {EXAM.verifier.vkey} {serving.url}/\nquorum none\n", encoding="utf-8"
        )
        arguments = (serving.url, "--dir", str(tmp_path / "monitor"), "--trust", str(policy), "--json")
        assert run(*arguments).returncode == 0
        done = run(*arguments, "--ask-witnesses")
    assert (done.returncode, json.loads(done.stdout.splitlines()[0])["alarm"]) == (1, "HIDDEN")


def test_a_policy_that_cannot_be_read_is_a_mistake_of_the_call(tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    policy.write_text("log\n")
    done = run("http://127.0.0.1:9/", "--dir", str(tmp_path / "monitor"), "--trust", str(policy))
    assert done.returncode == 2
    assert "--trust" in done.stderr


def test_blocks_are_drawn_by_the_signed_root(tmp_path: Path) -> None:
    """Anybody draws the same: SHA-256 over root and index below the share. Evidence and units are not blocks."""
    book = a_book()
    for number in range(900):
        book.credit(f"person {number}", 0, 600_000)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        with seen.monitor() as monitor:
            assert codes(monitor.look(now_s=NOW_S).alarms) == []
            blocks = list(sample(monitor.mirror, Fraction(2)))
            assert [block.index for block in sample(monitor.mirror, Fraction(100))] == list(range(4, 904))
    root = book.log.checkpoint().root
    expected = [
        index
        for index in range(4, 904)
        if int.from_bytes(hashlib.sha256(root + index.to_bytes(8, "big")).digest()[:8], "big") / 2**64 < 0.02
    ]
    assert [block.index for block in blocks] == expected
    assert [block.text.encode() for block in blocks] == [book.log.entries[index] for index in expected]
    assert 5 <= len(expected) <= 40
    assert all(is_drawn(root, index, Fraction(2)) for index in expected)


@pytest.mark.parametrize(
    "module",
    [
        "elearn.credit_export.ledger.witness.commands",
        "elearn.credit_export.ledger.witness.server",
        "elearn.credit_export.ledger.monitor.commands",
        "elearn.credit_export.ledger.monitor.looking",
    ],
)
def test_witness_and_monitor_load_neither_the_product_nor_its_database(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))"],
        env=WITHOUT_PRODUCT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = json.loads(done.stdout)
    assert [name for name in loaded if name.split(".")[0] in PRODUCT or name in PRODUCT] == []
    own = [name for name in loaded if name.startswith("elearn.")]
    allowed = ("elearn.credit_export", "elearn.credit_export.ledger", "elearn.errors")
    assert [name for name in own if name not in allowed and not name.startswith("elearn.credit_export.ledger.")] == []
    assert [name for name in own if name.endswith(".models")] == []


@pytest.mark.parametrize("command", ["witness", "witness serve", "ledger monitor"])
def test_the_commands_load_neither_the_product_nor_its_database(command: str) -> None:
    """From the command line's own beginning: `elearn` itself loads a package when it is asked for."""
    code = (
        "import sys, json, contextlib, io\n"
        "from elearn.cli import main\n"
        f"sys.argv = ['elearn', *{command!r}.split(), '--help']\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    main()\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=WITHOUT_PRODUCT, capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert [name for name in loaded if name.split(".")[0] in PRODUCT or name in PRODUCT] == []
    assert [name for name in loaded if name.endswith(".models")] == []
