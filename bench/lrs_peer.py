"""Ralph, a record store in Python, beside ours: installed for the run, from the index that pip is set to.

Of its backends the files are the only one that needs no further server. As it comes, that backend refuses every
statement but the first (it would create its file a second time), so it is told to append. It reads its file through
for each request, so each turn begins with the same few statements in it. Its door alone, over a backend that keeps
nothing, is what no backend could make it surpass.
"""

from __future__ import annotations

import os
import subprocess
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.lrs_servers import Store
from bench.servers import free_port, running, status_of, wait_for

WANTED = "ralph-malph[lrs,full]"
APPENDS = """
from ralph.backends.data.base import BaseOperationType
from ralph.backends.lrs.fs import FSLRSBackend

FSLRSBackend.default_operation_type = BaseOperationType.APPEND
"""
KEEPS_NOTHING = """
from ralph.backends.lrs.fs import FSLRSBackend

FSLRSBackend.query_statements_by_ids = lambda self, ids, target=None: []
FSLRSBackend.write = lambda self, data, **options: len(list(data))
"""


class CannotInstall(RuntimeError):
    """Why there is no peer."""


def install(where: Path) -> Path:
    """An environment under `where` with the peer in it. Raises CannotInstall."""
    home = where / "environment"
    venv.create(home, with_pip=True)
    command = [str(home / "bin" / "pip"), "install", "--quiet", WANTED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        raise CannotInstall(said[-1][7:160] if said else "pip failed")
    return home


@contextmanager
def peer(where: Path, home: Path, *, keeps: bool = True) -> Iterator[Store]:
    """The peer served by two processes, as ours is; `keeps`: on files, else only its door."""
    where.mkdir()
    (where / "appointed.py").write_text((APPENDS if keeps else KEEPS_NOTHING) + "from ralph.api import app\n")
    statements, history = where / "kept" / "fs_lrs.jsonl", where / "history.json"
    statements.parent.mkdir()
    environment = os.environ | {
        "RALPH_APP_DIR": str(where),
        "RALPH_RUNSERVER_BACKEND": "fs",
        "RALPH_BACKENDS__LRS__FS__DEFAULT_DIRECTORY_PATH": str(statements.parent),
    }
    who = ["-u", "bench", "-p", "secret", "-s", "all", "-M", "mailto:bench@school.example", "-N", "bench", "-w"]
    subprocess.run([str(home / "bin" / "ralph"), "auth", *who], env=environment, check=True, capture_output=True)
    port = free_port()
    command = [str(home / "bin" / "uvicorn"), "appointed:app", "--app-dir", str(where), "--port", str(port)]
    command += ["--workers", "2", "--log-level", "error", "--no-access-log", "--timeout-keep-alive", "120"]
    with running(command, environment, where / "log") as process:
        wait_for(partial(status_of, port, "/xAPI/statements"), "the peer", process, where / "log")
        files = (statements, history) if keeps else ()
        yield Store("Ralph", port, "/xAPI/statements", "bench", "secret", process.pid, files=files)
