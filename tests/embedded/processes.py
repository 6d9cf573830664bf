"""Other processes that start, join and get killed; and short questions to a database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

import elearn
from elearn import embedded
from elearn.embedded.place import Account

NOBODY = 65534
ROOT = Path(elearn.__file__).parents[1]

CHILD = """
import os, sys
from pathlib import Path
from elearn import embedded
if len(sys.argv) > 2:  # become a normal user only now: our own Python may be closed to it
    uid, sys.executable = int(sys.argv[2]), sys.argv[3]
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
try:
    running = embedded.start(Path(sys.argv[1]), durable=False)
except embedded.EmbeddedError as error:
    print("refused", error, flush=True)
    sys.exit(3)
print("joined" if running.joined else "started", running.services.database_url, running.services.redis_url, flush=True)
sys.stdin.readline()
running.stop()
print("stopped", flush=True)
"""


def python_for(uid: int) -> str:
    """A Python that `uid` can run (the launcher needs no more); skips when all of them, or we, are closed to it."""
    account = Account(uid, uid)
    for python in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        if Path(python).exists() and account.can_read(Path(python)) and account.can_enter(ROOT / "elearn"):
            return python
    pytest.skip("this checkout or every Python is closed to other users")


class Child:
    """Another process that starts or joins the servers of a directory, until told to stop or killed."""

    def __init__(self, data_dir: Path, *, uid: int | None = None) -> None:
        words = [sys.executable, "-W", "error", "-c", CHILD, str(data_dir)]
        if uid is not None:
            words += [str(uid), python_for(uid)]
        self.process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={
                "PYTHONPATH": str(ROOT),
                "HOME": str(data_dir.parent),
                "PATH": os.defpath,
            },
        )

    def hear(self) -> list[str]:
        """The words of its next line: how, database URL, Redis URL."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().split()

    def stop(self) -> None:
        self.process.communicate("\n", timeout=30)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)


def running_commands() -> list[str]:
    """The command line of each process on this machine."""
    words = ["ps", "-ww", "-eo", "args"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()


def connect(database_url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(embedded.libpq_url(database_url), autocommit=True)


def value(database_url: str, statement: str) -> object:
    """The first column of the first row."""
    with connect(database_url) as connection:
        row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return row[0]


def answers(database_url: str) -> bool:
    try:
        connect(database_url).close()
    except psycopg.OperationalError:
        return False
    return True
