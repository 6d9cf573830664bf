"""Two record stores that run side by side: ours as `elearn serve` runs it, and a peer in an environment of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from bench import processor, servers
from bench.figures import percentile_ms
from bench.lrs_load import Plan, Seen, loaded
from bench.lrs_statements import kinds
from elearn import create_app
from elearn.clock import utcnow
from elearn.db import db
from elearn.tracking.lrs.access import credentials


@dataclass(frozen=True, slots=True)
class Told:
    """One run of a load: what the client saw, and what the servers took meanwhile."""

    seen: Seen
    count: int
    """Statements stored, or pages shown."""
    server_s: float
    """Processor time of the web server's processes."""
    database_s: float
    """Processor time of all of PostgreSQL's; 0 where there is none."""

    @property
    def rate(self) -> float:
        """Statements, or pages, a second."""
        return self.count / self.seen.seconds

    @property
    def server_ms(self) -> float:
        """Of `server_s`, for each statement or page."""
        return 1_000 * self.server_s / self.count

    @property
    def database_ms(self) -> float:
        """Of `database_s`, for each statement or page."""
        return 1_000 * self.database_s / self.count

    def ms(self, percent: int) -> float:
        """How long so many percent of the requests took at most."""
        return percentile_ms(self.seen.took_s, percent)

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
            taken[word] = processor.tree_s(self.pid), processor.tree_s(self.postgres) if self.postgres else 0.0

        plan = Plan(self.port, self.path, self.key, self.secret, connections, batch, seconds)
        seen = loaded(plan, at)
        (web_0, base_0), (web_1, base_1) = taken["begin"], taken["end"]
        return Told(seen, len(seen.took_s) * max(batch, 1), web_1 - web_0, base_1 - base_0)


@contextmanager
def ours(where: Path) -> Iterator[tuple[Store, str]]:
    """`elearn serve` on a PostgreSQL of its own, as durable as in production; the store and its database's URL."""
    with servers.services(where) as settings:
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
            postgres = processor.parent_of(db.session.scalar(sa.text("SELECT pg_backend_pid()")) or 0)
            db.session.rollback()
            db.engine.dispose()
        app.extensions["elearn"].redis.close()
        port, log = servers.free_port(), where / "elearn.log"
        command = [sys.executable, "-m", "elearn", "serve", "--port", str(port)]
        with servers.running(command, os.environ | settings.to_env(), log) as process:
            servers.wait_for(partial(servers.status_of, port, "/xapi/about"), "elearn serve", process, log)
            store = Store("elearn", port, "/xapi/statements", key, secret, process.pid, postgres)
            yield store, settings.database_url or ""
