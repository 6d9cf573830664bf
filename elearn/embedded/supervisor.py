"""Keep servers running as long as we live, and not a second longer.

One thread per server starts it and waits for it: a server that ends is started again at once, and a server
whose supervisor is killed gets the kernel's death signal (see `launch.py`). A file lock says which process
supervises a data directory; whoever comes second joins.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from elearn.embedded import launch
from elearn.embedded.place import Account, EmbeddedError
from elearn.starting import start

logger = logging.getLogger(__name__)

START_S = 60.0
STOP_S = 20.0
TRIES = 4
"""Ends in a row before the first answer after which a start is given up."""
STEADY_S = 5.0
"""A server that ran this long starts again without a pause when it ends."""
LONGEST_PAUSE_S = 5.0
LOG_BYTES = 8_000_000
HOW = "kernel" if sys.platform == "linux" else "poll"
"""How a server learns of our death: see `launch.py`."""


@dataclass(frozen=True, slots=True)
class Server:
    """What the supervisor must know of one server."""

    name: str
    argv: tuple[str, ...]
    account: Account
    home: Path
    log: Path
    stop_signal: signal.Signals
    is_ready: Callable[[], bool]
    clear_remains: Callable[[], None]
    """Removes what a killed run left behind; called before each start."""


@dataclass(eq=False)
class Watcher:
    """One server, started and started again by one thread."""

    server: Server
    how: str = HOW
    ends_in_a_row: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        _turn_over(self.server.log)
        self._thread = threading.Thread(target=self._run, name=f"embedded-{self.server.name}", daemon=True)
        self._thread.start()

    def wait_until_ready(self, deadline: float) -> None:
        """Return when the server answers. Raises EmbeddedError with the end of its log when it does not."""
        while not self.server.is_ready():
            if self.ends_in_a_row >= TRIES or time.monotonic() > deadline:
                raise EmbeddedError(
                    f"The embedded {self.server.name} does not start. The end of {self.server.log}:\n"
                    + _last_lines(self.server.log)
                )
            time.sleep(0.02)

    def ask_to_stop(self) -> None:
        self._stopping.set()
        self._signal(self.server.stop_signal)

    def wait_until_stopped(self) -> None:
        if self._thread is None:
            return
        self._thread.join(STOP_S)
        if self._thread.is_alive():
            logger.warning("embedded server does not stop; killing it", extra={"server": self.server.name})
            self._signal(signal.SIGKILL)
            self._thread.join()

    def _signal(self, number: signal.Signals) -> None:
        with self._guard:
            if self._process is not None and self._process.poll() is None:
                if number is signal.SIGKILL:
                    os.killpg(self._process.pid, number)  # with `poll` the server is the launcher's child
                else:
                    self._process.send_signal(number)

    def _run(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self.server.clear_remains()
                with self._guard:
                    if self._stopping.is_set():
                        return
                    self._process = self._spawn()
                code: object = self._process.wait()
            except (OSError, EmbeddedError) as error:
                code = str(error)
            if self._stopping.is_set():
                return
            facts = {"server": self.server.name, "ended_with": code}
            logger.warning("embedded server ended; starting it again", extra=facts)
            steady = time.monotonic() - began > STEADY_S
            self.ends_in_a_row = 0 if steady else self.ends_in_a_row + 1
            self._stopping.wait(min(0.0 if steady else 0.02 * 4**self.ends_in_a_row, LONGEST_PAUSE_S))

    def _spawn(self) -> subprocess.Popen[bytes]:
        server = self.server
        with server.log.open("ab") as log:
            return start(
                launch_command(server.account, server.stop_signal, server.argv, self.how),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=server.home,
                env=clean_environment(),
                start_new_session=True,  # Ctrl-C in the terminal is for us, not for the servers
            )


def launch_command(
    account: Account, last_signal: signal.Signals, argv: tuple[str, ...], how: str = HOW
) -> tuple[str, ...]:
    """The command that runs `argv` as `account` and sends it `last_signal` when this process ends."""
    words = (account.uid, account.gid, int(last_signal), os.getpid(), how)
    return (sys.executable, "-I", "-S", launch.__file__, *(str(word) for word in words), *argv)


def clean_environment() -> dict[str, str]:
    """Nothing of ours: a PGDATA or LD_PRELOAD meant for others must not reach the servers."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def command_of(pid: int) -> str:
    """The command line of a running process, or "" when there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return ""
    done = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def end_stray(pid: int, belongs: Callable[[str], bool], last_signal: signal.Signals, grace_s: float) -> None:
    """Wait for a server of an earlier supervisor that is still closing; press it when it takes too long."""
    for number, patience_s in ((None, grace_s), (last_signal, grace_s), (signal.SIGKILL, grace_s)):
        if number is not None and belongs(command_of(pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if not belongs(command_of(pid)):
                return
            time.sleep(0.02)
    raise EmbeddedError(f"An earlier server (process {pid}) does not end. End it and start again.")


_lock_files: weakref.WeakSet[DirectoryLock] = weakref.WeakSet()


class DirectoryLock:
    """Says that this process supervises a data directory. Ends with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        try:
            self._fd: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except PermissionError as error:
            raise EmbeddedError(
                f"{path} belongs to another user. Run as that user, or choose another directory."
            ) from error
        _lock_files.add(self)

    def take(self) -> bool:
        """True when it is ours now, False when another process (or an earlier start of this one) holds it."""
        assert self._fd is not None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _let_go_in_child() -> None:
    # A forked worker would otherwise hold the lock on after its parent's death.
    for lock in list(_lock_files):
        lock.close()


os.register_at_fork(after_in_child=_let_go_in_child)


def _turn_over(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    log.touch(mode=0o600)


def _last_lines(log: Path, lines: int = 12) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
