"""Programs are started from threads of a process that forks meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

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
