"""An application with learners who watch: what the benches of the heartbeat are run against."""

from __future__ import annotations

import io
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from flask import Flask

from bench import processor, servers
from elearn import create_app
from elearn.db import db
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.people import callers
from elearn.people.models import Account
from elearn.settings import Settings
from tests.builders_people import signed_in
from tests.builders_tracking import Over, Watchable, a_watchable
from tests.conftest import ManualClock


@dataclass(frozen=True, slots=True)
class Place:
    """A running application, its settings and its clock."""

    app: Flask
    settings: Settings
    clock: ManualClock


@dataclass(slots=True)
class Spent:
    """Processor and wall time of a kind of request."""

    requests: int = 0
    cpu_s: float = 0.0
    postgres_s: float = 0.0
    wall_s: float = 0.0

    @property
    def cpu_ms(self) -> float:
        """Processor time of our own process, each."""
        return 1_000 * self.cpu_s / max(1, self.requests)

    @property
    def postgres_ms(self) -> float:
        """Processor time of PostgreSQL beside it, each."""
        return 1_000 * self.postgres_s / max(1, self.requests)

    @property
    def whole_ms(self) -> float:
        """Both together, each."""
        return self.cpu_ms + self.postgres_ms

    @property
    def wall_ms(self) -> float:
        return 1_000 * self.wall_s / max(1, self.requests)


@dataclass(frozen=True, slots=True)
class Watcher:
    """One learner with an open sitting. `cookie` is the browser's, for requests that go past its test client."""

    lesson: Watchable
    player: ScriptedPlayer
    cookie: str

    @property
    def headers(self) -> dict[str, str]:
        """What a browser sends: the session's cookie, the page's token, the sitting's."""
        token = str(self.player.opened["token"])
        return {"Cookie": f"elearn={self.cookie}", "X-Sitting": token, **self.player.headers}

    @property
    def door(self) -> str:
        return self.player.at("/reports")

    def heartbeat(self, pieces: int = 1, piece_ms: int = 15_000) -> bytes:
        """The body of the next message: `pieces` reports of `piece_ms` of playing."""
        player = self.player
        player.queue.clear()
        for _ in range(pieces):
            player.cm += piece_ms
            begin, player.position_ms = player.position_ms, player.position_ms + piece_ms
            player.make(a=begin, b=player.position_ms, play=piece_ms)
        return json.dumps(player.message()).encode()

    def learn(self, answer: bytes) -> None:
        """Take in the answer to a heartbeat. Raises RuntimeError unless all of it was believed."""
        told = msgspec.json.decode(answer)
        if told["acknowledged"] != self.player.seq or any(r["outcome"] != "believed" for r in told["results"]):
            raise RuntimeError(f"not believed: {[r for r in told['results'] if r['outcome'] != 'believed'][:2]}")
        self.player.state = told


@contextmanager
def a_place() -> Iterator[Place]:
    """An application on services of its own, as durable as in production."""
    with tempfile.TemporaryDirectory(prefix="bench-watching-") as found, servers.services(Path(found)) as settings:
        clock = ManualClock()
        app = create_app(settings, clock=clock)
        try:
            yield Place(app, settings, clock)
        finally:
            app.extensions["elearn"].redis.close()
            with app.app_context():
                db.engine.dispose()


def a_watcher(place: Place, *, duration_ms: int) -> Watcher:
    """Somebody new with an open sitting of a new lesson."""
    with place.app.app_context():
        session = db.session()
        lesson = a_watchable(session, duration_ms=duration_ms)
        session.commit()
        client = place.app.test_client()
        callers.forget_last_request()  # another browser than the one before
        account = session.scalars(sa.select(Account).where(Account.person_id == lesson.learner_id)).one()
        player = ScriptedPlayer(Over(client), signed_in(client, session, account), wait=place.clock.advance)
    player.open(lesson.unit_id)
    cookie = client.get_cookie("elearn")
    if cookie is None:
        raise RuntimeError("signing in left no cookie")
    return Watcher(lesson, player, cookie.value)


def ask(app: Any, spent: Spent, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """One POST straight into a WSGI application; what it took is added to `spent`. Raises RuntimeError unless 200."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    } | {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()}
    status: list[str] = []
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    parts = app(environ, lambda said, _headers, _info=None: status.append(said))
    answer = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    spent.cpu_s += time.process_time() - cpu_s
    spent.wall_s += time.perf_counter() - wall_s
    spent.requests += 1
    if not status[0].startswith("200"):
        raise RuntimeError(f"{path}: {status[0]} {answer[:300]!r}")
    return answer


@contextmanager
def postgres_beside(place: Place, spent: Spent) -> Iterator[None]:
    """Adds what PostgreSQL's client backends take meanwhile; it counts in hundredths of a second."""
    before_s = _backends_s(place.app)
    yield
    spent.postgres_s += _backends_s(place.app) - before_s


def _backends_s(app: Flask) -> float:
    with app.app_context(), db.engine.connect() as connection:
        pids = connection.scalars(sa.text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")).all()
    return sum(map(processor.spent_s, pids))
