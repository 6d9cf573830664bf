"""Become one server: drop privileges, tie our life to the parent's, then run the program.

Run as `python -I -S launch.py UID GID SIGNAL PARENT HOW PROGRAM ARG...`, a process of its own: code between fork
and exec in a program with threads may deadlock, and this needs no thread to be still. Standard library only.

Order matters. The kernel forgets the death signal when a process changes its user (prctl(2), PR_SET_PDEATHSIG),
so privileges go first. The signal comes when the *thread* that forked us ends, so the supervisor starts
each server from the thread that then watches it. A parent that died before the call sends nothing:
therefore we look again afterwards.

HOW is `kernel` (Linux) or `poll` (elsewhere: we stay, look each half second whether our parent is
still there, and pass signals on).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from types import FrameType

PR_SET_PDEATHSIG = 1
POLL_S = 0.5
GRACE_S = 10


def main(argv: list[str]) -> int:
    uid, gid, last_signal, parent = (int(word) for word in argv[:4])
    how, program = argv[4], argv[5:]
    os.umask(0o077)
    if os.getuid() == 0 and uid != 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if how == "poll":
        return stay_and_watch(program, parent, last_signal)
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, last_signal, 0, 0, 0) != 0:
        print("prctl failed:", os.strerror(ctypes.get_errno()), file=sys.stderr)  # noqa: T201
        return 1
    if os.getppid() != parent:
        return 0
    os.execv(program[0], program)


def stay_and_watch(program: list[str], parent: int, last_signal: int) -> int:
    """Run `program` as our child until it ends, or end it when `parent` is no longer our parent."""
    child = subprocess.Popen(program)

    def pass_on(number: int, frame: FrameType | None) -> None:
        child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, pass_on)
    while os.getppid() == parent:
        try:
            return child.wait(POLL_S)
        except subprocess.TimeoutExpired:
            continue
    child.send_signal(last_signal)
    try:
        return child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
