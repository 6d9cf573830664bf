"""Two record stores that run side by side: ours as `elearn serve` runs it, and a peer in an environment of its own."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from bench.connections import free_port
from bench.lrs_load import Plan, Seen, loaded
from bench.lrs_statements import kinds
from elearn import create_app, embedded, schema
from elearn.clock import utcnow
from elearn.db import db
from elearn.tracking.lrs.access import credentials
from tests.conftest import settings_for

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
READY_S = 120.0


@dataclass(frozen=True, slots=True)
class Told:
    """One run of a load: what the client saw, and what the servers took meanwhile."""

    seen: Seen
    statements: int
    """Stored, or shown for a GET at most."""
    server_s: float
    """Processor time of the web server's processes."""
    database_s: float
    """Processor time of all of PostgreSQL's; 0 where there is none."""

    @property
    def rate(self) -> float:
        """Statements a second (POST)."""
        return self.statements / self.seen.seconds

    def ms(self, percent: int) -> float:
        """How long so many percent of the requests took at most."""
        ordered = sorted(self.seen.took_s)
        return 1_000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]

    @property
    def requests(self) -> int:
        return len(self.seen.took_s)

    @property
    def load_share(self) -> float:
        """The load generator's part of one processor."""
        return self.seen.cpu_s / self.seen.seconds


@dataclass(frozen=True, slots=True)
class Store:
    """A record store that answers."""

    name: str
    port: int
    path: str
    key: str
    secret: str
    pid: int
    postgres: int | None = None
    """PostgreSQL's first process, when it stands on one."""
    files: tuple[Path, ...] = ()
    """What it keeps all it knows in, statements first, one a line; none where it stands on a database."""

    def begin_with(self, statements: int) -> None:
        """Empty a store of files and put so many statements into it."""
        for file in self.files:
            file.unlink(missing_ok=True)
        if statements:
            made = kinds()
            lines = (made[place % len(made)].text() + b"\n" for place in range(statements))
            self.files[0].write_bytes(b"".join(lines))

    def load(self, *, connections: int, batch: int, seconds: float) -> Told:
        """So many connections POST `batch` statements each request; 0: ask for 50 of one agent and verb."""
        taken: dict[str, tuple[float, float]] = {}

        def at(word: str) -> None:
            taken[word] = processor_s(self.pid), processor_s(self.postgres) if self.postgres else 0.0

        plan = Plan(self.port, self.path, self.key, self.secret, connections, batch, seconds)
        seen = loaded(plan, at)
        (web_0, base_0), (web_1, base_1) = taken["begin"], taken["end"]
        return Told(seen, len(seen.took_s) * max(batch, 1), web_1 - web_0, base_1 - base_0)


def processor_s(pid: int) -> float:
    """Processor time of a process and of all below it, those that have ended too."""
    parents: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            try:
                fields = (place / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended; its parent counts it
            parents.setdefault(int(fields[1]), []).append(int(place.name))
            spent[int(place.name)] = sum(map(int, fields[11:15])) * TICK_S
    found, total = [pid], 0.0
    while found:
        one = found.pop()
        total += spent.get(one, 0.0)
        found += parents.get(one, [])
    return total


@contextmanager
def ours(where: Path) -> Iterator[tuple[Store, str]]:
    """`elearn serve` on a PostgreSQL of its own, as durable as in production; the store and its database's URL."""
    where.chmod(0o755)  # the database's user must be able to pass through
    with embedded.services(where / "services", durable=True) as services:
        url = services.create_database("bench")
        schema.upgrade(url)
        settings = settings_for(url, services.redis_url, where / "data")
        app = create_app(settings)
        with app.app_context():
            made, secret = credentials.create(
                db.session(),
                label="bench",
                scopes=["all"],
                organisation_id=None,
                at=utcnow(),
                server_key=credentials.server_key(),
            )
            key = made.key
            db.session.commit()
            postgres = db.session.scalar(sa.text("SELECT pg_backend_pid()")) or 0
            db.session.rollback()
            postgres = int(Path(f"/proc/{postgres}/stat").read_text().rpartition(")")[2].split()[1])
            db.engine.dispose()
        app.extensions["elearn"].redis.close()
        port = free_port()
        command = [sys.executable, "-m", "elearn", "serve", "--port", str(port)]
        with running(command, {**os.environ, **settings.to_env()}, where / "elearn.log") as process:
            wait_for(process, port, "/xapi/about", where / "elearn.log")
            yield Store("elearn", port, "/xapi/statements", key, secret, process.pid, postgres), url


@contextmanager
def running(command: Sequence[str], env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=env, cwd=Path(__file__).parents[1], stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    """Raises RuntimeError, with what it said last, when a server does not answer."""
    until = time.monotonic() + READY_S
    while time.monotonic() < until and process.poll() is None:
        try:
            asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            asked.request("GET", path)
            asked.getresponse().read()
        except OSError:
            time.sleep(0.2)
        else:
            return
        finally:
            asked.close()
    raise RuntimeError(f"the server did not start: {log.read_text(errors='replace')[-1000:]}")
