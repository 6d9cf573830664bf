"""An application whose every request is undone: what one try leaves behind is not there for the next one.

What is set up before is really committed. A request gets a transaction of one connection, in which its own commits
only release savepoints, and which is rolled back: thousands of savepoints in one would use up PostgreSQL's locks.
"""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from elearn import create_app, web
from elearn.db import db
from elearn.settings import Settings
from tests.architecture.holders import Holder
from tests.conftest import ManualClock
from tests.credit_export.paper.reading import text_of

MACHINE = {"Accept": "application/json, text/html;q=0.9", "Accept-Language": "en"}
"""A page where there is one, and a short answer instead of a page that says no."""


class Answer(NamedTuple):
    status: int
    text: str

    @property
    def refuses(self) -> bool:
        return self.status in (401, 403)


@dataclasses.dataclass
class Undone:
    """The application, and the connection whose transaction each request is."""

    app: Flask
    connection: sa.Connection
    client: FlaskClient
    engines: dict[str | None, Any]

    def ask(self, holder: Holder, method: str, path: str, form: Mapping[str, Any] | None = None) -> Answer:
        """What they are answered; nothing of it stays."""
        with self.kept_apart():
            return self.send(holder, method, path, form)

    def send(
        self, holder: Holder, method: str, path: str, form: Mapping[str, Any] | None = None, body: object = None
    ) -> Answer:
        """What they are answered; what they did is there until `kept_apart` ends."""
        headers = {**MACHINE, **holder.headers}
        got = self.client.open(path, method=method, headers=headers, data=form, json=body)
        with got:
            return Answer(got.status_code, said(got))

    @contextmanager
    def kept_apart(self) -> Iterator[None]:
        # Flask-SQLAlchemy's session looks for its engine here and at no `bind` of its own.
        engine, options, whole = self.engines[None], db.session.session_factory.kw, self.connection.begin()
        self.engines[None] = self.connection
        options["join_transaction_mode"] = "create_savepoint"
        try:
            yield
        finally:
            self.engines[None] = engine
            del options["join_transaction_mode"]
            whole.rollback()


def said(got: TestResponse) -> str:
    """All that the answer says: its body, where it sends to, what a spreadsheet, an archive or a PDF holds."""
    whole = b"" if got.is_streamed and got.mimetype == "text/event-stream" else got.get_data()
    if got.mimetype in (web.XLSX, "application/zip"):
        with zipfile.ZipFile(io.BytesIO(whole)) as packed:
            names = [one for one in packed.namelist() if not one.startswith("docProps/")]  # when it was made
            whole = b"\n".join(packed.read(one) for one in names)
    if whole.startswith(b"%PDF"):
        return text_of(whole)
    return whole.decode(errors="replace") + got.headers.get("Location", "")


@contextmanager
def an_application(url: str, settings: Settings, where: Path) -> Iterator[Undone]:
    """On a database of its own."""
    app = create_app(
        dataclasses.replace(settings, database_url=url, data_dir=where, media_dir=where / "media"), clock=ManualClock()
    )
    app.testing = False  # what breaks answers 500, as it would to them
    with app.app_context():
        engine, engines = db.engine, cast(dict[str | None, Any], db.engines)
    with engine.connect() as connection:
        yield Undone(app, connection, app.test_client(use_cookies=False), engines)
    app.extensions["elearn"].redis.close()
    engine.dispose()
