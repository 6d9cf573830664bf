"""From one store of ours to another, by command, job and real HTTP; and a process that is killed on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask
from werkzeug.serving import make_server

from elearn import create_app, embedded
from elearn.db import db
from elearn.jobs import work
from elearn.runtime import runtime
from elearn.settings import Settings
from elearn.tracking.lrs.access.scopes import Reads
from elearn.tracking.lrs.commands import lrs
from elearn.tracking.lrs.models import ForwardTarget
from elearn.tracking.lrs.rules.check import VOIDED, Checked
from elearn.tracking.lrs.statements import answers, attachments, multipart, store
from elearn.tracking.lrs.streams import feed
from elearn.tracking.lrs.streams.jobs import forward_due, forward_to
from tests.builders_lrs import a_checked, a_key_and_secret, an_attachment
from tests.conftest import settings_for
from tests.tracking.lrs.streams.other_store import Asked, OtherStore

HOUR = timedelta(hours=1)


@pytest.fixture
def there(services: embedded.Services, template: str, tmp_path: Path) -> Iterator[Flask]:
    """A second instance, with a database of its own."""
    url = services.create_database(f"there_{os.getpid()}", template=template)
    app = create_app(settings_for(url, services.redis_url, tmp_path / "there"), clock=lambda: datetime.now(UTC))
    app.testing = True
    yield app
    app.extensions["elearn"].redis.close()
    with app.app_context():
        db.engine.dispose()


@contextmanager
def served(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/xapi"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(*arguments: str) -> str:
    done = CliRunner().invoke(lrs, ["forward", *arguments])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def keep(batch: list[Checked], data: bytes = b"") -> None:
    session = db.session()
    outcomes = store.insert(session, batch, stored_at=runtime().clock(), authority=None)
    parts = {
        one["sha2"]: [multipart.Part({}, data)] for checked in batch for one in checked.statement.get("attachments", ())
    }
    attachments.keep(session, batch, outcomes, parts)
    session.commit()


def lately(app: Flask) -> None:
    """What has been stored may be read as complete."""
    app.extensions["elearn"].clock.now += timedelta(minutes=1)


def test_one_store_of_ours_becomes_the_mirror_of_another(own_app: Flask, there: Flask) -> None:
    with there.app_context():
        key, secret = a_key_and_secret(db.session(), "statements/write", "statements/read")
    batch = [a_checked() for _ in range(60)]
    batch[7] = a_checked(attachments=[an_attachment(b"\x00a file")])
    batch[9] = a_checked("2.0.0", timestamp="2026-07-01T00:00:00.5Z")
    batch[20] = a_checked(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": str(batch[3].id)})
    with served(there) as url, own_app.app_context():
        keep(batch, b"\x00a file")
        lately(own_app)
        versions = ("--speaks", "1.0.3", "--speaks", "2.0.0")
        run("add", "mirror", url, "--key", key, "--secret", secret, "--private", *versions)
        forward_due()
        forward_due()  # it is claimed already
        assert db.session().execute(sa.text("SELECT count(*) FROM procrastinate.procrastinate_jobs")).scalar() == 1
        db.session.rollback()
        work(own_app, until_done=True)
        listed = run("list", "--failures")
        assert "\tactive\t" in listed
        assert "\tsent 60\tfailing 0\tdead 0\n" in listed
        assert secret not in listed
        # A second time, from the beginning, as after a restore from an old backup: nothing is there twice.
        target = db.session().scalars(sa.select(ForwardTarget)).one()
        target.cursor_stored_at = target.cursor_id = None
        db.session.commit()
        forward_to(str(target.id))
        assert "\tfailing 0\tdead 0\n" in run("list")
    with there.app_context():
        page = feed.page(db.session(), None, through=datetime.now(UTC) + HOUR, reads=Reads(all=True))
        assert [kept.id for kept in page.statements] == [one.id for one in batch]
        assert [kept.id for kept in page.statements if kept.voided] == [batch[3].id]
        kept = page.statements[7]
        (content,) = attachments.of(db.session(), [(kept.stored_at, kept.id)])
        assert content.data == b"\x00a file"
        for one, kept in zip(batch, page.statements, strict=True):
            members = answers.members_of(kept.raw)
            assert {name: members[name] for name in answers.members_of(one.raw)} == answers.members_of(one.raw)


KILLED = """
import sys
from datetime import UTC, datetime
from elearn import create_app
from elearn.settings import Settings
from elearn.tracking.lrs.streams.jobs import forward_to
app = create_app(Settings.from_env(), clock=lambda: datetime(2026, 7, 1, 3, tzinfo=UTC))
with app.app_context():
    forward_to(sys.argv[1])
"""


def test_a_process_that_is_killed_while_it_sends_has_lost_nothing(own_app: Flask, other: OtherStore) -> None:
    batch = [a_checked() for _ in range(120)]
    has_it = threading.Event()

    def slow_at_the_second(asked: Asked, handler: BaseHTTPRequestHandler) -> bool:
        if len(other.asked) != 2:
            return False
        for one in asked.statements:
            other.kept[one["id"]] = one
            other.times[one["id"]] = 1
        has_it.set()
        handler.rfile.read(1)  # until the other end is gone: it never hears that we have it
        return True

    other.behave = slow_at_the_second
    with own_app.app_context():
        keep(batch)
        run("add", "slow", other.url, "--key", "us", "--secret", "secret", "--private")
        target = db.session().scalars(sa.select(ForwardTarget)).one()
        target_id = target.id
        settings: Settings = runtime().settings
        db.session.commit()
        sender = subprocess.Popen([sys.executable, "-c", KILLED, str(target_id)], env=os.environ | settings.to_env())
        try:
            assert has_it.wait(60)
        finally:
            sender.send_signal(signal.SIGKILL)
            sender.wait()
        db.session.refresh(target)
        assert target.cursor_id == batch[49].id  # the first batch was answered, the second not
        db.session.rollback()
        lately(own_app)
        own_app.extensions["elearn"].clock.now += 3 * HOUR  # behind the clock of the other process
        forward_to(str(target_id))
        assert list(other.kept) == [str(one.id) for one in batch]
        assert [other.times[str(one.id)] for one in batch] == [1] * 50 + [2] * 50 + [1] * 20


def test_targets_by_command(own_app: Flask, other: OtherStore) -> None:
    with own_app.app_context():
        keep([a_checked()])
        lately(own_app)
        added = run("add", "new only", other.url, "--key", "us", "--secret", "s", "--private", "--from-now")
        assert added == "added new only\n"
        keep([newer := a_checked()])
        lately(own_app)
        (target_id,) = db.session().scalars(sa.select(ForwardTarget.id)).all()
        db.session.rollback()
        assert run("pause", "new only") == "paused new only\n"
        forward_to(str(target_id))
        assert other.asked == []
        assert "\tpaused\t" in run("list")
        assert run("resume", "new only") == "resumed new only\n"
        forward_to(str(target_id))
        assert list(other.kept) == [str(newer.id)]
        assert run("retry", "new only") == "to be offered again: 0\n"
        assert run("remove", "new only") == "removed new only\n"
        assert run("list") == ""
        assert db.session().scalars(sa.select(ForwardTarget.sealed_secret)).one() == b""
        db.session.rollback()
        run("add", "new only", other.url, "--key", "us", "--secret", "s", "--private")


@pytest.mark.parametrize(
    "arguments",
    [
        ("x", "https://lrs.example/xapi"),
        ("y", "http://lrs.example/xapi"),
        ("y", "https://me:pw@lrs.example/xapi"),
        ("y", "https://lrs.example/xapi?x=1"),
        ("y", "ftp://lrs.example/xapi"),
        ("y", "lrs.example"),
        ("y", "https://lrs.example/", "--key", "a:b"),
        ("y", "https://lrs.example/", "--key", "密"),
        ("y", "https://lrs.example/", "--speaks", "1.0.9"),
        ("y", "https://lrs.example/", "--organisation", "00000000-0000-0000-0000-000000000000"),
    ],
)
def test_a_target_that_cannot_be_is_not_made(own_app: Flask, arguments: tuple[str, ...]) -> None:
    with own_app.app_context():
        run("add", "x", "https://lrs.example/xapi/", "--key", "us", "--secret", "s")
        done = CliRunner().invoke(lrs, ["forward", "add", "--key", "us", "--secret", "s", *arguments])
        assert done.exit_code != 0
        db.session.rollback()
        assert db.session().scalars(sa.select(ForwardTarget.label)).all() == ["x"]
