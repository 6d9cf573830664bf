"""`elearn demo` and `elearn serve` are started, stopped and killed: nothing that they began stays behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.journeys.running import RunningProduct, children, clean_environment, command_of, free_port, is_running
from tests.waiting import wait_for

pytestmark = [pytest.mark.xdist_group("demonstration")]

UP_S = 90
ENDED_S = 30


def as_a_shell_starts_it_in_the_background() -> None:
    """POSIX: a shell without job control ignores SIGINT for what it starts with `&` (`nohup elearn demo &`)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def below(pid: int) -> dict[int, str]:
    """All processes that this one began, and those began, with their command lines."""
    found: dict[int, str] = {}
    for child in children(pid):
        found |= {child: " ".join(command_of(child)), **below(child)}
    return found


def gone(pids: Iterable[int]) -> bool:
    return not any(map(is_running, pids))


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def begin(started: list[subprocess.Popen[bytes]], log: Path, *words: str, **env: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "elearn", *words],
            env=clean_environment(**env),
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            preexec_fn=as_a_shell_starts_it_in_the_background,
        )
    started.append(process)
    return process


def says(process: subprocess.Popen[bytes], log: Path, words: str) -> None:
    def found() -> bool:
        assert process.poll() is None, log.read_text()[-3000:]
        return words in log.read_text()

    wait_for(found, seconds=UP_S, what=f"{words!r} in {log}")


def test_the_demonstration_dies_whole_when_it_is_killed_and_stops_whole_when_it_is_asked_in_the_background(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    place, log, port = tmp_path / "demo", tmp_path / "demo.log", free_port()
    words = ("demo", "--data-dir", str(place), "--port", str(port))
    first = begin(started, log, *words)
    says(first, log, "witnesses: ")
    begun = [log.read_text().index(words) for words in ("elearn is at ", "sign-ins:", "witnesses: ")]
    assert begun == sorted(begun), "the first page waits for nothing that it does not need"
    running = below(first.pid)
    for part in ("postgres", "valkey", "ledger signer", "exam-sim serve", "exam/witness", "neighbours/regulator"):
        assert [command for command in running.values() if part in command], part
    first.kill()
    first.wait()
    wait_for(lambda: gone(running), seconds=ENDED_S, what="the end of all that it had started")

    second = begin(started, log, *words)
    says(second, log, "elearn is at ")
    running = below(second.pid)
    second.send_signal(signal.SIGINT)
    assert second.wait(timeout=ENDED_S) == 130
    wait_for(lambda: gone(running), seconds=1, what="the end of all that it had started")

    # Its log of hours is called by its address: it is not begun anew under another one.
    elsewhere = begin(started, log, "demo", "--data-dir", str(place), "--port", str(free_port()))
    assert elsewhere.wait(timeout=ENDED_S) == 1
    assert f"was set up for http://localhost:{port}" in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_is_stopped_while_it_starts_in_the_background_leaves_nothing(
    number: signal.Signals, tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    product = RunningProduct(tmp_path / "data")
    log = tmp_path / "serve.log"
    process = begin(started, log, "serve", "--port", str(product.port), **product.env)
    wait_for(lambda: bool(below(process.pid)), seconds=UP_S, what="the first of its services")
    running = below(process.pid)
    process.send_signal(number)
    assert process.wait(timeout=ENDED_S) == 0, log.read_text()
    wait_for(lambda: gone(running), seconds=1, what="the end of all that it had started")
