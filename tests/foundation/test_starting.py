"""Programs are started from threads of a process that forks meanwhile."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from elearn.credit_export.ledger.witness.keys import make_key
from elearn.demo.neighbours import answers
from elearn.serving import Keeper
from elearn.starting import stopped_by_signals
from tests.journeys.running import children, free_port
from tests.waiting import wait_for

FORKS_WHILE_STARTING = """
import os, sys, threading, time
from elearn.starting import start

done, children = threading.Event(), []

def begin_many():
    for _ in range(60):
        start([sys.executable, "-I", "-S", "-c", ""]).wait()
    done.set()

threading.Thread(target=begin_many, daemon=True).start()
until = time.monotonic() + 15
while not done.is_set() and time.monotonic() < until:
    pid = os.fork()
    if pid == 0:
        time.sleep(60)  # holds whatever it inherited
        os._exit(0)
    children.append(pid)
    time.sleep(0.003)
finished = done.is_set()
for pid in children:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
sys.exit(0 if finished else 1)
"""


def test_a_fork_in_the_middle_of_a_start_holds_nobody_up() -> None:
    """Without the lock the starting thread waits at a pipe that the forked process inherited, until that one ends."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKS_WHILE_STARTING)],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_command_that_ends_with_us_does_not_outlive_who_started_it(tmp_path: Path) -> None:
    """The witness stands for any `elearn` command: a process of its own, that nobody asks to end here."""
    make_key(tmp_path, "exam.example/witness")
    starts = textwrap.dedent(
        """
        import subprocess, sys
        from elearn.starting import ending_with_us
        process = subprocess.Popen(ending_with_us("witness", "serve", "--dir", sys.argv[1], "--listen", sys.argv[2]))
        print(process.pid, flush=True)
        process.wait()
        """
    )
    listen = f"127.0.0.1:{free_port()}"
    with subprocess.Popen(
        [sys.executable, "-c", starts, str(tmp_path), listen], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait_for(lambda: answers(int(listen.partition(":")[2])), seconds=30, what="the witness")
        parent.kill()
    wait_for(lambda: not Path(f"/proc/{child}").exists(), seconds=10, what="its end")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN])
def test_a_program_is_stopped_in_order_also_where_it_was_started_with_the_signal_ignored(
    number: signal.Signals, handler: signal.Handlers
) -> None:
    program = textwrap.dedent(
        """
        import time
        from elearn.starting import stopped_by_signals
        try:
            with stopped_by_signals():
                print("begun", flush=True)
                time.sleep(30)
        except KeyboardInterrupt:
            print("ended in order", flush=True)
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, handler),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(number)
    assert process.communicate(timeout=20)[0] == "ended in order\n"


def test_the_status_is_what_was_asked_for_also_where_the_signal_came_in_the_middle_of_an_exec() -> None:
    program = textwrap.dedent(
        """
        import os, signal, sys
        from elearn.starting import stopped_by_signals
        try:
            with stopped_by_signals():
                exec("os.kill(os.getpid(), signal.SIGINT); [None for _ in range(10**9)]")
        except KeyboardInterrupt:
            sys.exit(130)
        """
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 130


def test_afterwards_signals_do_what_they_did_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with stopped_by_signals():
        assert signal.getsignal(signal.SIGTERM) not in before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_loading_is_not_disturbed_by_the_garbage_collector_and_leaves_it_on() -> None:
    code = """
        import gc
        from elearn.starting import loading
        with loading():
            assert not gc.isenabled()
            kept = [[] for _ in range(1000)]
        assert gc.isenabled() and gc.get_freeze_count() > 1000
        with loading():
            pass
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


@pytest.mark.parametrize("told", [True, False])
def test_a_process_beside_the_web_processes_begins_when_it_is_told_to_and_not_before(
    told: bool, tmp_path: Path
) -> None:
    """As the worker waits for the first page; one that was never told is stopped at once."""
    ours = set(children(os.getpid()))
    place = tmp_path / "signer"
    hears, says = multiprocessing.Pipe(duplex=False)
    kept = Keeper("signer", ["ledger", "signer", "--wait", "--directory", str(place)], dict(os.environ), after=hears)
    kept.start()
    try:
        time.sleep(0.3)
        assert set(children(os.getpid())) == ours
        if told:
            says.send_bytes(b"up")
            wait_for((place / "key").exists, seconds=30, what="its start")
    finally:
        kept.stop()
    assert place.exists() == told
