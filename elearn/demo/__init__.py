"""`make demo`: an example set up, the main job walked, then served for people to try.

    example.py   the people, the class and the videos, made through the services that pages use
    walk.py      from the phone to the exam system, one line an arrow; open this first
    browser.py   a worker's phone: headless Chromium, used as a person would
    scripted_player.py, transport.py   a player without a screen, over real HTTP; tests and benchmarks use it too

It owns a data directory of its own. The first start sets up and walks; later ones find everything and only serve.
"""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import click

from elearn import create_app, schema
from elearn.courses.models import Unit
from elearn.db import db
from elearn.demo.example import LONGER_S, SHORT_S, Example, publish_when_packaged, send_video, set_up
from elearn.demo.transport import HttpTransport
from elearn.demo.walk import Walk
from elearn.settings import Settings

PACKAGING_S = 600


def run(*, walk_only: bool, lan: bool, port: int, data_dir: Path | None) -> int:
    """The exit status: 0 when every arrow held and the exam system's number equals the final time."""
    if walk_only and data_dir is None:
        with tempfile.TemporaryDirectory(prefix="elearn-walk-") as place:
            # Another account runs the database where root may not: it must be able to enter.
            os.chmod(place, 0o755)
            return _run(Path(place), walk_only=True, lan=False, port=_free_port())
    return _run(data_dir or Path("var/demo").absolute(), walk_only=walk_only, lan=lan, port=port)


def _run(place: Path, *, walk_only: bool, lan: bool, port: int) -> int:
    from elearn import serving

    started = time.monotonic()
    address = _own_address() if lan else "localhost"
    base = f"{'https' if lan else 'http'}://{address}:{port}"
    env = {"ELEARN_DATA_DIR": str(place), "ELEARN_PUBLIC_URL": base}
    with serving.settled(Settings.from_env(env)) as settings:
        schema.upgrade(settings.database_url or "")
        kept = place / "demo.json"
        example = Example.load(kept)
        app = create_app(settings)
        with app.app_context():
            if example is None:
                example = set_up(db.session(), settings, now=datetime.now(UTC))
                db.session.commit()
                example.save(kept)
            tls = serving.self_signed(place, [address]) if lan else None
            with _server(settings, host="0.0.0.0" if lan else "127.0.0.1", port=port, tls=tls) as server:
                _wait_until_up(base, server)
                click.echo(f"elearn is at {base} after {time.monotonic() - started:.1f} s")
                _say_sign_ins(base, example)
                lengths = (SHORT_S,) if walk_only else (SHORT_S, LONGER_S)
                held = _prepare_and_walk(settings, example, kept, base, lengths)
                if not walk_only:
                    click.echo(f"\nServing at {base}; stop with Ctrl+C")
                    with suppress(KeyboardInterrupt):
                        server.wait()
    return 0 if held else 1


def _prepare_and_walk(settings: Settings, example: Example, kept: Path, base: str, lengths: Sequence[int]) -> bool:
    """Package and publish what is missing, and walk once."""
    session = db.session()
    held = True
    for number, seconds in enumerate(lengths):
        if len(example.unit_ids) > number:
            continue
        lesson_id = UUID(example.lesson_ids[number])
        upload_id = send_video(session, settings, lesson_id, seconds=seconds, now=datetime.now(UTC))
        session.commit()
        unit = _wait_for_packaging(example, upload_id)
        session.commit()
        example.save(kept)
        click.echo(f"packaged and published: {unit.duration_ms / 1000:.2f} s as encrypted HLS")
        if number == 0:
            held = Walk(base, lambda: HttpTransport(base, context=_trusting(base)), session, example, click.echo).go()
            session.rollback()
    return held


def _wait_for_packaging(example: Example, upload_id: UUID) -> Unit:
    session = db.session()
    until = time.monotonic() + PACKAGING_S
    while time.monotonic() < until:
        session.rollback()
        unit = publish_when_packaged(session, example, upload_id, now=datetime.now(UTC))
        if unit is not None:
            return unit
        time.sleep(0.5)
    raise RuntimeError(f"packaging did not end within {PACKAGING_S} s")


@contextmanager
def _server(
    settings: Settings, *, host: str, port: int, tls: tuple[Path, Path] | None
) -> Iterator[subprocess.Popen[bytes]]:
    """The product's own `elearn serve`, in a process of its own as in production."""
    command = [sys.executable, "-m", "elearn", "serve", "--host", host, "--port", str(port)]
    if tls:
        command += ["--tls-certificate", str(tls[0]), "--tls-key", str(tls[1])]
    process = subprocess.Popen(command, env={**os.environ, **settings.to_env()})
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_up(base: str, server: subprocess.Popen[bytes], *, patience_s: float = 60) -> None:
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with status {server.returncode}")
        try:
            probe = HttpTransport(base, context=_trusting(base), timeout_s=5)
            if probe("GET", "/healthz", headers={}, body=None).status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not answer within {patience_s:.0f} s")


def _say_sign_ins(base: str, example: Example) -> None:
    click.echo("sign-ins:")
    for one in example.sign_ins:
        click.echo(f"  {one.name:<10} {one.password:<12} {one.who}")
    click.echo(f"exam receiver: client {example.client_id}, secret in demo.json; doors described at")
    click.echo(f"  {base}/exam/v1/openapi.json")


def _trusting(base: str) -> ssl.SSLContext | None:
    """For our own self-signed certificate on this machine."""
    if not base.startswith("https"):
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _own_address() -> str:
    """This machine's address on the local network; connecting a datagram socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
