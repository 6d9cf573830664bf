"""`Elearn(app, url_prefix=...)`: the product as an extension of any Flask application.

It brings its own database session, sign-in, error habits and language under one blueprint called `elearn`, and
leaves the host's alone. `create_app` is a bare `Flask` plus this.
"""

from __future__ import annotations

import contextlib
from datetime import datetime

import sqlalchemy as sa
from flask import Blueprint, Flask
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.exc import DBAPIError

from elearn import locale, schema, web
from elearn.clock import Clock, DatabaseClock
from elearn.db import db, engine_options
from elearn.runtime import Identify, Runtime
from elearn.settings import Settings


class Elearn:
    """Mounts the product on `app` under `url_prefix`.

    `identify` lets a host with accounts of its own say who is signed in; without it the product's sign-in is
    used. Raises OldSchema when the database needs `elearn db upgrade` first. `check_schema=False` does not look, and is
    not to be served: it is for loading the product where its database is not up yet.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        settings: Settings | None = None,
        url_prefix: str = "",
        clock: Clock | None = None,
        identify: Identify | None = None,
        check_schema: bool = True,
    ) -> None:
        self.settings = settings
        self.url_prefix = url_prefix.rstrip("/")
        self.clock = clock
        self.identify = identify
        self.check_schema = check_schema
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        settings = self.settings or Settings.from_env()
        if settings.database_url is None or settings.redis_url is None:
            raise RuntimeError("no database: start the embedded services first, or set DATABASE_URL and REDIS_URL")
        _attach_database(app, settings.database_url)

        def ask_database() -> datetime:
            with app.app_context(), db.engine.connect() as connection:
                moment: datetime = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
                return moment

        app.extensions["elearn"] = Runtime(
            settings=settings,
            clock=self.clock or DatabaseClock(ask_database),
            redis=_impatient(settings.redis_url),
            url_prefix=self.url_prefix,
            identify=self.identify,
        )
        if self.check_schema:
            _require_current(app)
        app.register_blueprint(product(app), url_prefix=self.url_prefix or None)


def _require_current(app: Flask) -> None:
    with app.app_context():
        try:
            with db.engine.connect() as connection:
                schema.require_current(connection)
        finally:
            # Server processes are forked or started after this: no connection may be shared with them.
            db.engine.dispose()


def product(app: Flask) -> Blueprint:
    """The blueprint `elearn`, holding one blueprint a package: the only list of who is on board."""
    from elearn import courses, credit_export, health, pages, people, tracking, training

    whole = Blueprint("elearn", __name__)
    web.install(whole)
    whole.context_processor(lambda: {"_": locale.gettext, "language": locale.language()})
    for package in (people, courses, tracking, credit_export, training, pages):
        package.install(app, whole)
    health.install(whole)
    return whole


def _impatient(url: str) -> Redis:
    """Redis may be lost at any moment (DESIGN 3.2): nobody's request waits for it to come back."""
    return Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0))


def _let_go(_error: BaseException | None) -> None:
    """Close the session before Flask-SQLAlchemy does: on a lost connection that raises, and an answer would be lost."""
    if db.session.registry.has():
        with contextlib.suppress(DBAPIError):
            db.session.close()


def _attach_database(app: Flask, url: str) -> None:
    """Bind our session to `app` even where the host has a Flask-SQLAlchemy of its own.

    Flask-SQLAlchemy reads fixed configuration keys and one extension slot while it is set up, and looks at
    neither afterwards; so both are lent to ours for that moment and then given back.
    """
    host = app.extensions.pop("sqlalchemy", None)
    keys = {
        "SQLALCHEMY_DATABASE_URI": url,
        "SQLALCHEMY_ENGINE_OPTIONS": dict(engine_options()),
        "SQLALCHEMY_BINDS": {},
    }
    kept = {key: app.config[key] for key in keys if key in app.config}
    app.config.update(keys)
    db.init_app(app)
    app.teardown_appcontext(_let_go)
    for key in keys:
        app.config.pop(key)
    app.config.update(kept)
    if host is not None:
        app.extensions["sqlalchemy"] = host
