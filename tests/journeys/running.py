"""The product's own `elearn serve` in a process of its own, and the processes below it, so that they can be killed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from elearn.demo.transport import HttpTransport
from tests.waiting import wait_for

UP_S = 60
OURS = ("ELEARN_", "DATABASE_URL", "REDIS_URL", "PYTHONPATH", "PYTEST_")


class Part(StrEnum):
    """What a process of the running product is."""

    POSTGRES = "PostgreSQL"
    VALKEY = "Valkey"
    WORKER = "the worker"
    SIGNER = "the signer"
    WEB = "a web process"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(**more: str) -> dict[str, str]:
    """This environment without what is meant for other installations."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)} | more


@dataclass(slots=True)
class RunningProduct:
    """`elearn serve` on a free port of this machine with a data directory of its own.

    `elearn` is the command to run; the default is this checkout's. Its log is `serve.log` in the data directory.
    """

    data_dir: Path
    policy_scale: int = 1
    processes: int = 2
    elearn: tuple[str, ...] = (sys.executable, "-m", "elearn")
    port: int = field(default_factory=free_port)
    more_env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """The variables that settle this installation; its secrets stand in its data directory."""
        return {
            "ELEARN_DATA_DIR": str(self.data_dir),
            "ELEARN_PUBLIC_URL": self.base,
            "ELEARN_POLICY_SCALE": str(self.policy_scale),
            **self.more_env,
        }

    def run(self, *words: str) -> str:
        """One `elearn` command of this installation, away from the checkout; answers what it printed."""
        done = subprocess.run(
            [*self.elearn, *words],
            env=clean_environment(**self.env),
            cwd=self.data_dir.parent,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"elearn {' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self) -> None:
        words = ["serve", "--host", "127.0.0.1", "--port", str(self.port), "--processes", str(self.processes)]
        with (self.data_dir / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.elearn, *words],
                env=clean_environment(**self.env),
                cwd=self.data_dir.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for(self.is_healthy, seconds=UP_S, what=f"the server; its log is {self.data_dir / 'serve.log'}")

    def is_healthy(self) -> bool:
        """Whether it answers and its database does. AssertionError when the process itself is gone."""
        assert self.process is not None
        assert self.process.poll() is None, f"serve ended: {self.log()[-3000:]}"
        try:
            probe = HttpTransport(self.base, timeout_s=5)
            return probe("GET", "/healthz", headers={}, body=None).status == 200
        except OSError:
            return False

    def log(self) -> str:
        return (self.data_dir / "serve.log").read_text(errors="replace")

    def faults(self) -> str:
        """What its log has of requests that broke, with their stacks: for the message of a failure."""
        entries = re.split(r"^(?=\d{4}-\d\d-\d\d )", self.log(), flags=re.MULTILINE)
        return "".join(one for one in entries if " ERROR " in one.partition("\n")[0])[-20_000:]

    def stop(self) -> None:
        """End it as a service manager does, and make sure that it is gone."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill(self) -> None:
        """What a power cut does to the server: nobody is asked. The services below it end by themselves."""
        assert self.process is not None
        below = [pid for pids in self.parts().values() for pid in pids]
        self.process.kill()
        self.process.wait()
        wait_for(lambda: not any(map(is_running, below)), seconds=30, what="the end of orphans")
        self.process = None

    def parts(self) -> dict[Part, list[int]]:
        """The processes below `serve`, by what they are; for PostgreSQL its first process only."""
        assert self.process is not None
        found: dict[Part, list[int]] = {part: [] for part in Part}
        for pid in children(self.process.pid):
            words = command_of(pid)
            if "postgres" in words[0] and "-D" in words:
                found[Part.POSTGRES].append(pid)
            elif "valkey" in words[0]:
                found[Part.VALKEY].append(pid)
            elif words[-1] == "worker":
                found[Part.WORKER].append(pid)
            elif "signer" in words:
                found[Part.SIGNER].append(pid)
            elif not any("resource_tracker" in word for word in words):
                found[Part.WEB].append(pid)
        return found


def children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        # A thread may end while it is looked at; its children are another one's then.
        with suppress(FileNotFoundError, ProcessLookupError):
            yield from map(int, (task / "children").read_text().split())


def command_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").rstrip("\0").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return [""]


def kill(pids: list[int]) -> None:
    """As when the power goes. AssertionError where there is nobody to kill."""
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@contextmanager
def running(product: RunningProduct) -> Iterator[RunningProduct]:
    """The product, started for as long as this lasts."""
    try:
        product.start()
        yield product
    finally:
        product.stop()
