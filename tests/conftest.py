"""One real PostgreSQL and one real Valkey for the whole run; a migrated database for each worker, rolled back."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as law
from sqlalchemy.orm import Session

from elearn import create_app, embedded, schema
from elearn.db import db
from elearn.settings import Settings
from elearn.starting import loading
from tests.lanes import Lanes, stand_behind_journeys

# How fast examples come says something of the machine and nothing of a law; speed belongs to `make bench`.
law.register_profile("elearn", deadline=None, suppress_health_check=[HealthCheck.too_slow])
law.load_profile("elearn")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What ten thousand tests are made of is loaded once and stays: a quarter of their processor time."""
    with loading():
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a group share a process, and what it set up: xdist tells groups apart by the end of a test's name.

    xdist 3.8 writes it where pytest 9.2 no longer looks and distributes the tests of a group like any others
    (pytest-xdist, issue 1386). An xdist that writes it elsewhere leaves nothing to do here.
    """
    for item in items:
        if name := vars(item).get("_nodeid"):
            item._id = type(item._id).parse(name)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes | None:
    return Lanes(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    stand_behind_journeys(item)


class ManualClock:
    """A clock that stands until a test moves it."""

    def __init__(self, now: datetime = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, ms: int) -> None:
        self.now += timedelta(milliseconds=ms)


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Services]:
    """The embedded servers, started once a test process."""
    with embedded.services(tmp_path_factory.mktemp("services"), durable=False) as running:
        yield running


@pytest.fixture(scope="session")
def template(services: embedded.Services) -> str:
    """The name of a migrated, empty database from which others are cloned."""
    name = f"template_{os.getpid()}"
    schema.upgrade(services.create_database(name))
    return name


@pytest.fixture(scope="session")
def database_url(services: embedded.Services, template: str) -> str:
    """The database of the tests that roll back."""
    return services.create_database(f"tests_{os.getpid()}", template=template)


@pytest.fixture
def own_database_url(services: embedded.Services, template: str, request: pytest.FixtureRequest) -> str:
    """A fresh migrated database for a test that commits from several connections."""
    return services.create_database(f"own_{os.getpid()}_{abs(hash(request.node.nodeid)):x}", template=template)


def settings_for(database_url: str, redis_url: str, where: Path) -> Settings:
    """Settings of a test's application: fixed keys, its own directory."""
    return Settings(
        data_dir=where,
        media_dir=where / "media",
        public_url="http://localhost",
        media_url=None,
        secret_key=b"s" * 32,
        sealing_key=b"e" * 32,
        index_key=b"i" * 32,
        signing_key=b"k" * 32,
        database_url=database_url,
        redis_url=redis_url,
        secure_cookies=False,
    )


@pytest.fixture(scope="session")
def settings(services: embedded.Services, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_for(database_url, services.redis_url, tmp_path_factory.mktemp("data"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def _built(settings: Settings) -> Iterator[Flask]:
    with loading():
        app = create_app(settings, clock=ManualClock())
    app.testing = True
    yield app
    app.extensions["elearn"].redis.close()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(_built: Flask, clock: ManualClock) -> Iterator[Flask]:
    """The application on a clock of the test's own; what the test commits is undone afterwards.

    One connection with an open transaction stands behind every session of the test, and a commit inside it
    only releases a savepoint. A test of several connections takes `own_app`.
    """
    _built.extensions["elearn"].clock = clock
    _built.extensions["elearn"].redis.flushdb()
    with _built.app_context():
        engine, engines = db.engine, db.engines
    options = db.session.session_factory.kw
    with engine.connect() as connection:
        outer = connection.begin()
        # Flask-SQLAlchemy's session looks for its engine here and at no `bind` of its own.
        engines[None] = connection  # type: ignore[index]
        options["join_transaction_mode"] = "create_savepoint"
        try:
            yield _built
        finally:
            engines[None] = engine  # type: ignore[index]
            del options["join_transaction_mode"]
            outer.rollback()


@pytest.fixture
def own_app(own_database_url: str, settings: Settings, clock: ManualClock, tmp_path: Path) -> Iterator[Flask]:
    """An application on a database of its own, for tests that commit and use several connections."""
    app = create_app(
        dataclasses.replace(settings, database_url=own_database_url, data_dir=tmp_path, media_dir=tmp_path / "media"),
        clock=clock,
    )
    app.testing = True
    yield app
    app.extensions["elearn"].redis.close()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """A session inside an application context; services are called with it directly."""
    with app.app_context():
        yield db.session()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def scalar(session: Session, sql: str, **values: object) -> object:
    """One value of a query, for looking at what really stands in the database."""
    return session.execute(sa.text(sql), values).scalar()


@contextmanager
def statements(session: Session) -> Iterator[list[str]]:
    """The SQL statements that go to the session's database meanwhile."""
    sent: list[str] = []
    engine = session.connection().engine

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
