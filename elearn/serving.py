"""Running the product on this machine: its services, its web processes, its worker.

`settled()` answers settings with both URLs in place, from the environment or from the embedded services; all
commands that touch the database go through it. `serve()` runs granian in front of the application and, beside
it, one worker process and one that signs the log of hours, each started again when it dies.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import multiprocessing
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from flask import Flask
from sqlalchemy.exc import OperationalError

from elearn import create_app, embedded, schema
from elearn.settings import Settings
from elearn.starting import end_with, ending_with_us, environment_of_others, loading, start

logger = logging.getLogger(__name__)

STOP_S = 8
"""How long requests under way may take when the server is asked to stop."""

KEPT_STOP_S = 10
"""How long the job under way may take then."""

DATABASE_BACK_S = 60.0
"""How long a new web process waits for a database that is away."""

THREADS = 8
"""Blocking threads a web process; its pool of connections is as large (`db.engine_options`)."""


@contextlib.contextmanager
def settled(settings: Settings | None = None, *, to_serve: bool = False) -> Iterator[Settings]:
    """Settings whose services run: given ones as they are, else the embedded default while this lasts.

    `to_serve`: the product is loaded while those services come up; both take about as long.
    """
    settings = settings or Settings.from_env()
    if settings.database_url is not None:
        yield settings
        return
    unsettled = settings

    def at(running: embedded.Services) -> Settings:
        return dataclasses.replace(
            unsettled, database_url=running.database_url, redis_url=unsettled.redis_url or running.redis_url
        )

    def load(running: embedded.Services) -> None:
        with loading():
            create_app(at(running), check_schema=False)

    with embedded.services(settings.data_dir, meanwhile=load if to_serve else None) as running:
        yield at(running)


@contextlib.contextmanager
def application(*, upgrade: bool = False) -> Iterator[Flask]:
    """The application with its services up and its context entered; `upgrade` brings the schema up first."""
    with settled() as settings:
        if upgrade and settings.database_url:
            schema.upgrade(settings.database_url)
        with loading():
            app = create_app(settings)
        with app.app_context():
            yield app


def wsgi(up: Connection, target: str) -> Flask:
    """What a web process loads, then says so to `up`. Its environment was filled by `serve`.

    The database may have fallen together with the process before this one. It is waited for: granian ends the
    whole server when a new process ends at once.
    """
    supervisor = multiprocessing.parent_process()
    if supervisor is not None and supervisor.pid is not None:
        end_with(supervisor.pid)
    until = time.monotonic() + DATABASE_BACK_S
    while True:
        try:
            with loading():
                app = create_app()
        except OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            os.set_blocking(up.fileno(), False)
            with contextlib.suppress(OSError):  # nobody needs to hear it twice
                up.send_bytes(b"up")
            return app


def serve(settings: Settings, *, host: str, port: int, processes: int, tls: tuple[Path, Path] | None = None) -> None:
    """Serve until interrupted. `settings` must be settled; `tls` is (certificate, key), both PEM files.

    Raises OldSchema before anything is served.
    """
    from granian.constants import Interfaces
    from granian.server import MPServer

    os.environ.update(settings.to_env())
    # Web processes are forked from this one and find the product loaded, all of them and whenever one is replaced.
    # Each of them waits for a database that is away.
    with contextlib.suppress(OperationalError), loading():
        create_app(settings)
    certificate, key = tls or (None, None)
    # The worker's jobs may need the processor for long; people's first page does not wait for it.
    first_page, up = multiprocessing.Pipe(duplex=False)
    kept = [Keeper("worker", ["worker"], {**os.environ, **settings.to_env()}, after=first_page)]
    if settings.ledger_signer is None:
        signer = ["ledger", "signer", "--wait", "--directory", str(settings.ledger_signer_dir)]
        # It signs for us, and must be able to do nothing else.
        kept.insert(0, Keeper("signer", signer, environment_of_others()))
    for one in kept:
        one.start()
    try:
        while True:
            server = MPServer(
                "elearn.serving:wsgi",
                address=host,
                port=port,
                interface=Interfaces.WSGI,
                workers=processes,
                blocking_threads=THREADS,
                backlog=1024,
                respawn_failed_workers=True,
                workers_kill_timeout=STOP_S,
                log_access=False,
                ssl_cert=certificate,
                ssl_key=key,
            )
            # It leaves by SystemExit when its processes ended by themselves.
            with contextlib.suppress(SystemExit):
                server.serve(target_loader=functools.partial(wsgi, up))
            if server.interrupt_signal:
                break
            # granian gives up when a process that it has just replaced ends again; people still want to learn.
            logger.error("the web processes ended and are started again")
            time.sleep(1.0)
    finally:
        for one in reversed(kept):
            one.stop()


class Keeper:
    """One process beside the web processes, started again whenever it ends; its work outlives it.

    It is waited for, not looked at from time to time: its end is noticed at once.
    """

    def __init__(self, name: str, words: list[str], env: dict[str, str], *, after: Connection | None = None) -> None:
        """`after`: it is started for the first time when something is said there."""
        self._name = name
        self._after = after
        self._command = ending_with_us(*words)
        self._env = env
        self._stopping = threading.Event()
        self._guard = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name=f"{name} keeper")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let what is under way end, for a while."""
        self._stopping.set()
        self._signal(signal.SIGTERM)
        self._thread.join(KEPT_STOP_S)
        if self._thread.is_alive():
            self._signal(signal.SIGKILL)
            self._thread.join()

    def _signal(self, number: signal.Signals) -> None:
        with self._guard:
            if self._child is not None:
                self._child.send_signal(number)

    def _run(self) -> None:
        while self._after is not None and not self._stopping.is_set() and not self._after.poll(0.1):
            pass
        while not self._stopping.is_set():
            with self._guard:
                if self._stopping.is_set():
                    return
                self._child = start(self._command, env=self._env)
            status = self._child.wait()
            if not self._stopping.is_set():
                logger.warning("the %s ended and is started again", self._name, extra={"status": status})
                self._stopping.wait(1.0)
