"""`make demo`: an example set up, the main job walked, then served for people to try.

    example.py     the people, the class and the videos, made through the services that pages use
    admission.py   what it takes until somebody is admitted: a small category, a region's rule, an officer
    neighbours.py  two witnesses and an exam system, as processes of their own
    walk.py        from the phone to the exam system, one line an arrow; open this first
    told.py        its second half: what both sides do with a record, until their books agree
    browser.py     a worker's phone: headless Chromium, used as a person would
    scripted_player.py, transport.py   a player without a screen, over real HTTP; tests and benchmarks use it too

It owns a data directory of its own. The first start sets up and walks; later ones find everything and only serve.
What the first page does not need is started after it.
"""

from __future__ import annotations

import dataclasses
import os
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import click

from elearn import create_app, schema
from elearn.courses.models import Unit
from elearn.db import db
from elearn.demo import admission
from elearn.demo.example import LONGER_S, SHORT_S, Example, published, send_video, set_up
from elearn.demo.neighbours import ExamSystem, Neighbours
from elearn.demo.told import Told
from elearn.demo.transport import HttpTransport
from elearn.demo.walk import Walk
from elearn.people.registry import local_day
from elearn.settings import Settings
from elearn.starting import ending_with_us, stopped_by_signals

PACKAGING_S = 600
PORT = 8000


def run(*, walk_only: bool, lan: bool, port: int, data_dir: Path | None) -> int:
    """The exit status: 0 when every arrow held and both sides' books agree at its end."""
    with stopped_by_signals():
        if walk_only and data_dir is None:
            with tempfile.TemporaryDirectory(prefix="elearn-walk-") as made:
                # Another account runs the database where root may not: it must be able to enter.
                os.chmod(made, 0o755)
                return _Demonstration(Path(made), walk_only=True, lan=False, port=_free_port()).run()
        place = data_dir or Path("var/demo").absolute()
        return _Demonstration(place, walk_only=walk_only, lan=lan, port=port).run()


class _Demonstration:
    """One start of it."""

    def __init__(self, place: Path, *, walk_only: bool, lan: bool, port: int) -> None:
        self.place, self.walk_only, self.lan, self.port = place.absolute(), walk_only, lan, port
        self.address = _own_address() if lan else "localhost"
        self.base = f"{'https' if lan else 'http'}://{self.address}:{port}"
        self.kept = self.place / "demo.json"

    def run(self) -> int:
        from elearn import serving

        started = time.monotonic()
        example = Example.load(self.kept)
        if example is not None and example.base not in ("", self.base):
            raise click.ClickException(
                f"{self.place} was set up for {example.base}, and its log of hours is called by that address. "
                "Start it there, or name another directory with --data-dir."
            )
        env = {"ELEARN_DATA_DIR": str(self.place), "ELEARN_PUBLIC_URL": self.base}
        with serving.settled(Settings.from_env(env)) as settings:
            schema.upgrade(settings.database_url or "")
            year = local_day(datetime.now(UTC)).year
            neighbours = Neighbours.settle(self.place / "neighbours", self.base, settings.ledger_signer_dir, year)
            settings = dataclasses.replace(settings, ledger_policy=neighbours.policy)
            app = create_app(settings)
            with app.app_context():
                example = self._set_up(settings, example)
                tls = serving.self_signed(self.place, [self.address]) if self.lan else None
                with _server(settings, host="0.0.0.0" if self.lan else "127.0.0.1", port=self.port, tls=tls) as server:
                    _wait_until_up(self.base, server)
                    click.echo(f"elearn is at {self.base} after {time.monotonic() - started:.1f} s")
                    self._set_up_the_rest(settings, example, neighbours)
                    _say_sign_ins(self.base, example)
                    certificate = tls[0] if tls else None
                    client = example.client_id, example.client_secret
                    with neighbours.running(*client, certificate=certificate) as exam:
                        click.echo(f"witnesses: exam (beside the exam system) and regulator; exam system at {exam.url}")
                        held = self._prepare_and_walk(settings, example, neighbours, exam)
                        if not self.walk_only:
                            click.echo(f"\nServing at {self.base}; stop with Ctrl+C")
                            with suppress(KeyboardInterrupt):
                                server.wait()
        return 0 if held else 1

    def _set_up(self, settings: Settings, example: Example | None) -> Example:
        """What is there when the first page comes."""
        example = example or set_up(db.session(), settings, now=datetime.now(UTC))
        example.base = self.base
        db.session.commit()
        example.save(self.kept)
        return example

    def _set_up_the_rest(self, settings: Settings, example: Example, neighbours: Neighbours) -> None:
        """What is not there yet, also where an older version of this program set up; and where to push to this time."""
        session, now = db.session(), datetime.now(UTC)
        admission.set_up_admission(session, settings, example, now=now)
        secret = admission.push_to(session, settings, example, f"{neighbours.exam_url}/push", now=now)
        if secret is not None:
            neighbours.tell_push_secret(secret)
        session.commit()
        example.save(self.kept)

    def _prepare_and_walk(self, settings: Settings, example: Example, neighbours: Neighbours, exam: ExamSystem) -> bool:
        """Package and publish what is missing, and walk once."""
        session = db.session()
        held = True
        if not example.small_unit_id:
            unit = self._packaged(settings, example.small_institution_id, example.small_lesson_id, SHORT_S)
            example.small_unit_id = str(unit.id)
            if not example.unit_ids:
                lesson_id = UUID(example.lesson_ids[0])
                again = admission.offer_again(session, settings, unit, lesson_id, now=datetime.now(UTC))
                example.unit_ids.append(str(again.id))
            session.commit()
            example.save(self.kept)
            walk = Walk(
                self.base, lambda: HttpTransport(self.base, context=_trusting(self.base)), session, example, click.echo
            )
            held = walk.go(Told(walk, neighbours, exam).go)
            session.rollback()
        if not self.walk_only and len(example.unit_ids) < len(example.lesson_ids):
            unit = self._packaged(settings, example.institution_id, example.lesson_ids[1], LONGER_S)
            example.unit_ids.append(str(unit.id))
            session.commit()
            example.save(self.kept)
        return held

    def _packaged(self, settings: Settings, institution_id: str, lesson_id: str, seconds: int) -> Unit:
        """The recording as a lesson of so many seconds; flushes its publication, does not commit it."""
        session = db.session()
        upload_id = send_video(session, settings, UUID(lesson_id), seconds=seconds, now=datetime.now(UTC))
        session.commit()
        until = time.monotonic() + PACKAGING_S
        while time.monotonic() < until:
            session.rollback()
            unit = published(session, UUID(institution_id), upload_id, now=datetime.now(UTC))
            if unit is not None:
                click.echo(f"packaged and published: {unit.duration_ms / 1000:.2f} s as encrypted HLS")
                return unit
            time.sleep(0.5)
        raise RuntimeError(f"packaging did not end within {PACKAGING_S} s")


@contextmanager
def _server(
    settings: Settings, *, host: str, port: int, tls: tuple[Path, Path] | None
) -> Iterator[subprocess.Popen[bytes]]:
    """The product's own `elearn serve`, in a process of its own as in production."""
    command = ending_with_us("serve", "--host", host, "--port", str(port))
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
