"""A process that stands still between reading its clock and writing writes nothing behind what readers were told."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from elearn import create_app
from elearn.clock import DatabaseClock
from elearn.db import db
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.people.models import Account
from elearn.settings import Settings
from elearn.tracking.lrs.access.scopes import Reads
from elearn.tracking.lrs.consistency import STALE_AFTER, consistent_through, stale_after
from elearn.tracking.lrs.statements import store
from elearn.tracking.lrs.statements.store import Stored
from elearn.tracking.lrs.streams import feed
from tests.builders_lrs import a_checked, a_key, a_statement
from tests.builders_people import signed_in
from tests.builders_tracking import Over, a_watchable
from tests.waiting import wait_for

STANDSTILL_S = 1.5
MICROSECOND = timedelta(microseconds=1)


class Stopping(DatabaseClock):
    """The database's clock; a thread that is to be stopped stands still right after one of its looks at it."""

    stopped: threading.Thread | None = None
    looks = 0
    still_at = -1
    """After which look; 0: after each."""
    seen: list[datetime]
    """What it saw then."""

    def __call__(self) -> datetime:
        moment = super().__call__()
        if threading.current_thread() is self.stopped:
            self.looks += 1
            if self.still_at in (self.looks, 0):
                self.seen.append(moment)
                time.sleep(STANDSTILL_S)
        return moment


@pytest.fixture
def real(own_database_url: str, settings: Settings, tmp_path: Path) -> Iterator[Flask]:
    """An application on the database's time, as in life."""

    def ask() -> datetime:
        with made.app_context(), db.engine.connect() as connection:
            moment: datetime = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
            return moment

    made = create_app(
        dataclasses.replace(settings, database_url=own_database_url, data_dir=tmp_path, media_dir=tmp_path / "media"),
        clock=Stopping(ask),
    )
    made.testing = True
    yield made
    made.extensions["elearn"].redis.close()
    with made.app_context():
        db.engine.dispose()


def read_through(app: Flask) -> tuple[datetime, set[UUID]]:
    """A bound, and what the feed shows up to it."""
    with app.app_context():
        session = db.session()
        app.extensions["elearn"].kept.pop("lrs.consistent_through", None)
        through = consistent_through(session)
        page = feed.page(session, None, through=through, reads=Reads(all=True))
        return through, {kept.id for kept in page.statements}


def while_stopped(app: Flask, write: Callable[[], object], *, look: int) -> list[tuple[datetime, set[UUID]]]:
    """What readers were told while a writer stood still after this look at its clock, and once it was done."""
    clock = app.extensions["elearn"].clock
    clock.looks, clock.still_at, clock.seen = 0, look, []
    clock.stopped = threading.Thread(target=write)
    clock.stopped.start()
    told = []
    while clock.stopped.is_alive():
        told.append(read_through(app))
        time.sleep(0.02)
    clock.stopped.join()
    return [*told, read_through(app)]


def assert_nothing_was_missed(app: Flask, told: list[tuple[datetime, set[UUID]]], ids: list[UUID]) -> None:
    with app.app_context():
        kept = store.get_many(db.session(), ids)
    assert set(kept) == set(ids)
    for through, seen in told:
        assert seen >= {one.id for one in kept.values() if one.stored_at <= through}
    wait_for(lambda: read_through(app)[1] >= set(ids), seconds=10, what="the bound to pass them")


def test_a_client_whose_request_was_held_up_anywhere_is_not_behind_the_bound(real: Flask) -> None:
    with real.app_context():
        headers = a_key(db.session())
    clock = real.extensions["elearn"].clock
    client = real.test_client()

    def send(*sent: dict[str, Any]) -> None:
        assert client.post("/xapi/statements", json=sent, headers=headers).status_code == 200

    send(a_statement())
    send(a_statement())
    clock.stopped, clock.looks = threading.current_thread(), 0
    send(a_statement())  # its key is still known: between the last look and the first command there is no transaction
    looks, clock.stopped = clock.looks, None
    for look in range(1, looks + 1):
        sent = [a_statement(object={"id": f"a:{look}", "definition": {"type": f"a:t/{n}"}}) for n in range(3)]
        ids = [UUID(one["id"]) for one in sent]
        send(a_statement())
        told = while_stopped(real, partial(send, *sent), look=look)
        assert_nothing_was_missed(real, told, ids)
        with real.app_context():
            kept = store.get_many(db.session(), ids)
            assert [kept[id_].stored_at - kept[ids[0]].stored_at for id_ in ids] == [MICROSECOND * n for n in range(3)]
            said = db.session().execute(
                sa.text("SELECT stored_at, statement_id FROM elearn.activity_definition WHERE iri = :iri"),
                {"iri": f"a:{look}"},
            )
            assert {id_: at for at, id_ in said} == {one.id: one.stored_at for one in kept.values()}


def test_a_sitting_whose_report_was_held_up_is_not_behind_the_bound(real: Flask) -> None:
    with real.app_context():
        session = db.session()
        lesson = a_watchable(session)
        session.commit()
        account = session.scalars(sa.select(Account).where(Account.person_id == lesson.learner_id)).one()
        client = real.test_client()
        player = ScriptedPlayer(Over(client), signed_in(client, session, account))
    player.open(lesson.unit_id)
    made = UUID(json.loads(player.make())["id"])
    message = player.message()
    told = while_stopped(real, lambda: player.deliver(message), look=0)
    assert player.queue == []
    assert_nothing_was_missed(real, told, [made])
    with real.app_context():
        kept = store.get(db.session(), made)
        assert kept is not None
        assert kept.stored_at not in real.extensions["elearn"].clock.seen


def test_a_moment_that_is_too_old_by_the_databases_clock_is_moved_up(real: Flask) -> None:
    with real.app_context():
        session = db.session()
        now = real.extensions["elearn"].clock()
        assert stale_after() == STALE_AFTER
        old, fresh = now - timedelta(seconds=30), now - timedelta(milliseconds=100)
        batch = [a_checked(), a_checked()]
        outcomes = store.insert(session, batch, stored_at=old, authority=None, stale_after=STALE_AFTER)
        kept = store.get_many(session, [one.id for one in batch])
        assert outcomes == [Stored(one.id, kept[one.id].stored_at) for one in batch]
        first, second = (outcome.stored_at for outcome in outcomes)
        assert second - first == timedelta(microseconds=1)
        assert -timedelta(seconds=5) < first - now < timedelta(seconds=5) - STALE_AFTER
        one = a_checked()
        assert store.insert(session, [one], stored_at=fresh, authority=None, stale_after=STALE_AFTER) == [
            Stored(one.id, fresh)
        ]
        # Sent again late: it is where it was, and a sitting's are at one moment.
        assert store.insert(session, [one], stored_at=old, authority=None, stale_after=STALE_AFTER) == [
            store.Duplicate(one.id, fresh)
        ]
        together = [a_checked(), a_checked()]
        outcomes = store.insert(
            session, together, stored_at=old, authority=None, sitting_id=uuid4(), stale_after=STALE_AFTER
        )
        assert outcomes[0].stored_at == outcomes[1].stored_at > first


def test_a_statement_that_came_late_still_says_what_refers_to_it(real: Flask) -> None:
    with real.app_context():
        session = db.session()
        old = real.extensions["elearn"].clock() - timedelta(seconds=30)
        target = a_checked()
        rating = a_checked(object={"objectType": "StatementRef", "id": str(target.id)})
        store.insert(session, [rating], stored_at=old, authority=None, stale_after=STALE_AFTER)
        store.insert(session, [target], stored_at=old, authority=None, stale_after=STALE_AFTER)
        faces = session.execute(sa.text("SELECT id, stored_at, target_stored_at FROM elearn.statement_face")).one()
        moments = store.get_many(session, [rating.id, target.id])
        assert (faces.id, faces.stored_at, faces.target_stored_at) == (
            rating.id,
            moments[rating.id].stored_at,
            moments[target.id].stored_at,
        )


def test_the_bound_follows_the_database_whatever_a_readers_clock_says(real: Flask) -> None:
    """A reader that was stopped while it asked for the time takes itself for later than it is."""
    with real.app_context():
        clock = real.extensions["elearn"].clock
        now = clock()
        clock._known = (clock._known[0], clock._known[1] + timedelta(seconds=60))
        assert clock() - now > timedelta(seconds=59)
        assert read_through(real)[0] < now
