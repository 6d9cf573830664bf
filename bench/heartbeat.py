"""What a heartbeat costs: four statements stored, judged and written in one transaction.

Told as ratios of processor time in one run, in turns: the whole heartbeat through the real application, beside
the same request at the same door (sign-in, cookie, page token) that then only parses and validates. A bare Flask
that parses, with and without trying the four signatures, stands beside it: what the product's habits cost is no
secret. PostgreSQL's processor time stands apart. Then granian serves the same door to 32 connections at once.

    python bench/heartbeat.py [--learners 24] [--heartbeats 15]

`--learners` people each send `--heartbeats` of 15 s, so that one person's pending time grows as it does in life.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

sys.path.insert(0, str(Path(__file__).parents[1]))

from elearn import create_app, embedded, schema, web
from elearn.db import db
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.people.devices import load_key
from elearn.people.permissions import LEARNER
from elearn.settings import Settings
from elearn.tracking.lrs.check import check_statement
from elearn.tracking.messages import Message, claim_in, read_reports
from tests.builders_tracking import a_player, a_watchable
from tests.conftest import ManualClock, settings_for

LIMIT, GOAL = 4.0, 2.5
STATEMENTS = 4
PIECE_MS = 3_750
LESSON_MS = 20 * 60_000
CONNECTIONS = 32
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class BenchLine:
    """One figure: what it is, its value as a ratio, and the limit it must stay under (None: only told)."""

    name: str
    ratio: float
    limit: float | None
    detail: str


@dataclass(slots=True)
class Spent:
    """Processor seconds of a kind of request, the best of its samples' means, and of PostgreSQL beside it."""

    requests: int = 0
    server_s: float = 0.0

    @property
    def each_ms(self) -> float:
        return 1_000 * self.server_s / max(1, self.requests)


def parse(sitting_id: object) -> ResponseReturnValue:
    """Read the message and check its statements by the same rules, and do nothing else."""
    message = web.read_json(Message)
    for sent in message.reports:
        check_statement(sent.statement)
        claim_in(sent.statement, message.sent_cm)
    return jsonify(acknowledged=len(message.reports))


@contextmanager
def only_parsing(app: Flask) -> Iterator[None]:
    """The real application, whose door for reports lets in the same people and then only parses and validates."""
    name = "elearn.tracking.report"
    whole = app.view_functions[name]
    app.view_functions[name] = web.allow(LEARNER)(parse)
    try:
        yield
    finally:
        app.view_functions[name] = whole


def bare_server(key_of: dict[str, Any]) -> Flask:
    """Flask alone, without sign-in, cookie or page token: parsing, and parsing with the four signatures tried."""
    app = Flask("bare", static_folder=None)
    app.post("/sittings/<uuid:sitting_id>/reports")(parse)

    @app.post("/signed/sittings/<uuid:sitting_id>/reports")
    def parse_and_verify(sitting_id: object) -> ResponseReturnValue:
        message = web.read_json(Message)
        arrived = read_reports(message, key_of[request.headers["X-Device"]])
        return jsonify(acknowledged=len(arrived))

    return app


def timed(app: Any, spent: Spent, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """One request straight into the WSGI application; its processor time is added to `spent`."""
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
    begun = time.process_time()
    parts = app(environ, lambda said, _headers, _info=None: status.append(said))
    answer = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    spent.server_s += time.process_time() - begun
    spent.requests += 1
    if not status[0].startswith("200"):
        raise RuntimeError(f"{path}: {status[0]} {answer[:300]!r}")
    return answer


def backends_cpu_s(app: Flask) -> float:
    """Processor seconds of all client backends of PostgreSQL so far."""
    with app.app_context(), db.engine.connect() as connection:
        pids = connection.scalars(sa.text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")).all()
    total = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) * TICK_S
    return total


def players(app: Flask, count: int) -> list[ScriptedPlayer]:
    """So many learners, each with an open sitting of a lesson of 20 minutes."""
    made = []
    for _ in range(count):
        with app.app_context():
            session = db.session()
            lesson = a_watchable(session, duration_ms=LESSON_MS)
            session.commit()
            player = a_player(app, session, lesson.learner_id)
        player.open(lesson.unit_id)
        made.append(player)
    return made


def heartbeat_of(player: ScriptedPlayer, piece_ms: int = PIECE_MS) -> bytes:
    """The body of the next heartbeat: 15 s of playing in four reports."""
    player.queue.clear()
    for _ in range(STATEMENTS):
        player.cm += piece_ms
        begin, player.position_ms = player.position_ms, player.position_ms + piece_ms
        player.make(a=begin, b=player.position_ms, play=piece_ms)
    return json.dumps(player.message()).encode()


def browser(player: ScriptedPlayer) -> dict[str, str]:
    """The headers a browser sends: the session's cookie, the page's token, the sitting's."""
    client: Any = player.send.__closure__[0].cell_contents  # type: ignore[attr-defined]
    cookie = client.get_cookie("elearn")
    return {"Cookie": f"elearn={cookie.value}", "X-Sitting": player.opened["token"], **player.headers}


def cost(app: Flask, clock: ManualClock, learners: int, heartbeats: int) -> Iterator[BenchLine]:
    """Processor time of a heartbeat as a multiple of parsing and validating it."""
    crowd = players(app, learners)
    keys = {p.device.thumbprint: load_key(p.device.jwk()["x"], p.device.jwk()["y"]) for p in crowd}
    bare_app = bare_server(keys)
    whole, same, bare, signed = Spent(), Spent(), Spent(), Spent()
    early, late = Spent(), Spent()
    postgres_s = 0.0
    headers = [browser(player) for player in crowd]
    for turn in range(heartbeats):
        clock.advance(STATEMENTS * PIECE_MS)
        for player in crowd:
            player.have_key()
        bodies = [heartbeat_of(player) for player in crowd]
        before = backends_cpu_s(app)
        for player, body, sent in zip(crowd, bodies, headers, strict=True):
            path = player.at("/reports")
            if turn == 0:  # warm every path once
                timed(bare_app, Spent(), path, body, sent)
                timed(bare_app, Spent(), "/signed" + path, body, sent | {"X-Device": player.device.thumbprint})
                answer = timed(app, Spent(), path, body, sent)
            else:
                with only_parsing(app):
                    timed(app, same, path, body, sent)
                timed(bare_app, bare, path, body, sent)
                timed(bare_app, signed, "/signed" + path, body, sent | {"X-Device": player.device.thumbprint})
                one = Spent()
                answer = timed(app, one, path, body, sent)
                for kind in (whole, early if turn <= heartbeats // 2 else late):
                    kind.requests, kind.server_s = kind.requests + 1, kind.server_s + one.server_s
            told = msgspec.json.decode(answer)
            if told["acknowledged"] != player.seq or any(r["outcome"] != "believed" for r in told["results"]):
                raise RuntimeError(f"not believed: {told}")
            player.state = told
        if turn:
            postgres_s += backends_cpu_s(app) - before
    yield BenchLine(
        "heartbeat / the same request only parsed and validated",
        whole.each_ms / same.each_ms,
        LIMIT,
        f"{whole.each_ms:.2f} ms / {same.each_ms:.2f} ms of server CPU, {whole.requests} requests (goal {GOAL})",
    )
    yield BenchLine(
        "heartbeat / parse and validate in a bare Flask, nobody signed in",
        whole.each_ms / bare.each_ms,
        None,
        f"{whole.each_ms:.2f} ms / {bare.each_ms:.2f} ms of server CPU",
    )
    yield BenchLine(
        "heartbeat / parse, validate and verify signatures in a bare Flask",
        whole.each_ms / signed.each_ms,
        None,
        f"{whole.each_ms:.2f} ms / {signed.each_ms:.2f} ms of server CPU",
    )
    yield BenchLine(
        "PostgreSQL beside a heartbeat / the same request only parsed and validated",
        1_000 * postgres_s / max(1, whole.requests) / same.each_ms,
        None,
        f"{1_000 * postgres_s / max(1, whole.requests):.2f} ms of PostgreSQL's CPU",
    )
    yield BenchLine(
        "later heartbeats / earlier ones",
        late.each_ms / early.each_ms,
        None,
        f"{late.each_ms:.2f} ms / {early.each_ms:.2f} ms: pending pieces pile up, history does not count",
    )


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def served(settings: Settings) -> Iterator[int]:
    """granian with two workers in front of the application; the port it answers on."""
    port = free_port()
    secret = {
        "ELEARN_SECRET_KEY": settings.secret_key,
        "ELEARN_SEALING_KEY": settings.sealing_key,
        "ELEARN_INDEX_KEY": settings.index_key,
        "ELEARN_SIGNING_KEY": settings.signing_key,
    }
    environment = os.environ | {name: base64.urlsafe_b64encode(key).decode() for name, key in secret.items()}
    environment |= {
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "ELEARN_DATA_DIR": str(settings.data_dir),
        "ELEARN_PUBLIC_URL": settings.public_url,
    }
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "elearn.serving:wsgi"]
    command += [
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "2",
        "--blocking-threads",
        "8",
        "--no-access-log",
    ]
    server = subprocess.Popen(
        [*command, "--log-level", "error"], env=environment, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(300):
            try:
                http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


def at_32_connections(app: Flask, settings: Settings, rounds: int = 3) -> Iterator[BenchLine]:
    """Latency of heartbeats that 32 connections send as fast as they are answered, signed beforehand."""
    crowd = players(app, CONNECTIONS * rounds)
    for player in crowd:
        player.have_key()
    # One nonce is good for eight messages: eight heartbeats each are signed before the clock runs.
    prepared = [(player, browser(player), [heartbeat_of(player, 1) for _ in range(8)]) for player in crowd]
    took_s: list[float] = []
    problems: list[str] = []
    with served(settings) as port:
        gate = threading.Barrier(CONNECTIONS)

        def drive(mine: list[tuple[ScriptedPlayer, dict[str, str], list[bytes]]]) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            gate.wait()
            for player, headers, bodies in mine:
                for body in bodies:
                    begun = time.perf_counter()
                    connection.request(
                        "POST", player.at("/reports"), body, headers | {"Content-Type": "application/json"}
                    )
                    answer = connection.getresponse()
                    text = answer.read()
                    took_s.append(time.perf_counter() - begun)
                    if answer.status != 200:
                        problems.append(f"{answer.status} {text[:200]!r}")
            connection.close()

        threads = [threading.Thread(target=drive, args=(prepared[n::CONNECTIONS],)) for n in range(CONNECTIONS)]
        begun = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        whole_s = time.perf_counter() - begun
    if problems:
        raise RuntimeError(f"{len(problems)} of {len(took_s)} failed: {problems[0]}")
    took_s.sort()
    median, p99 = took_s[len(took_s) // 2], took_s[len(took_s) * 99 // 100]
    yield BenchLine(
        f"p99 / median at {CONNECTIONS} connections",
        p99 / median,
        None,
        f"p99 {1_000 * p99:.0f} ms, median {1_000 * median:.0f} ms, {len(took_s) / whole_s:.0f} requests a second "
        f"(granian, 2 workers; the client shares the processors)",
    )


def run(*, learners: int = 24, heartbeats: int = 15) -> Iterator[BenchLine]:
    """All figures, on services of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-heartbeat-") as place:
        where = Path(place)
        where.chmod(0o755)  # the database's user must be able to pass through
        with embedded.services(where / "services", durable=True) as services:
            url = services.create_database("bench")
            schema.upgrade(url)
            settings = settings_for(url, services.redis_url, where / "data")
            clock = ManualClock()
            app = create_app(settings, clock=clock)
            yield from cost(app, clock, learners, heartbeats)
            # The server keeps real time; its learners watch from now on.
            with app.app_context(), db.engine.connect() as connection:
                clock.now = connection.scalar(sa.text("SELECT clock_timestamp()")) or clock.now
            yield from at_32_connections(app, replace(settings, data_dir=where / "data"))
            app.extensions["elearn"].redis.close()
            with app.app_context():
                db.engine.dispose()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", type=int, default=24)
    parser.add_argument("--heartbeats", type=int, default=15)
    asked = parser.parse_args()
    within = True
    for line in run(learners=asked.learners, heartbeats=asked.heartbeats):
        limit = "" if line.limit is None else f" (limit {line.limit})"
        within = within and (line.limit is None or line.ratio <= line.limit)
        sys.stdout.write(f"{line.name}: {line.ratio:.2f}{limit}: {line.detail}\n")
        sys.stdout.flush()
    return 0 if within else 1


if __name__ == "__main__":
    raise SystemExit(main())
