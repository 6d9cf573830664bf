"""A stock xAPI client, tincan 1.0.0, uses our store over a real socket.

Not asked of it: `about()`. It raises ValueError on any version it does not know, so on "2.0.0", which we speak.
It also refuses UUIDs of version 7, which is why the ids we give are of version 4.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest
import tincan
from flask import Flask
from werkzeug.serving import make_server

from elearn.clock import utcnow
from elearn.db import db
from elearn.tracking.lrs.access import credentials
from tests.builders_lrs import a_statement


@pytest.fixture
def remote(own_app: Flask) -> Iterator[tincan.RemoteLRS]:
    with own_app.app_context():
        made, secret = credentials.create(
            db.session(),
            label="tincan",
            scopes=["all"],
            organisation_id=None,
            at=utcnow(),
            server_key=credentials.server_key(),
        )
        key = made.key
        db.session.commit()
    server = make_server("127.0.0.1", 0, own_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield tincan.RemoteLRS(
            version="1.0.3", endpoint=f"http://127.0.0.1:{server.server_port}/xapi/", username=key, password=secret
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def a_tincan_statement() -> tincan.Statement:
    return tincan.Statement(a_statement(id=str(uuid4()), result={"score": {"scaled": 0.5}, "duration": "PT90S"}))


def test_what_it_saves_by_put_it_retrieves(remote: tincan.RemoteLRS) -> None:
    sent = a_tincan_statement()
    for _ in range(2):
        saved = remote.save_statement(sent)
        assert saved.success, saved.data
    got = remote.retrieve_statement(sent.id)
    assert got.success, got.data
    assert got.content.id == sent.id
    assert got.content.actor.account.name == "w-1001"
    assert got.content.result.score.scaled == 0.5
    assert got.content.stored is not None


def test_what_it_saves_without_ids_gets_ids_that_it_takes(remote: tincan.RemoteLRS) -> None:
    batch = [tincan.Statement(a_statement(id=None)) for _ in range(3)]
    saved = remote.save_statements(batch)
    assert saved.success, saved.data
    for statement in saved.content:
        assert remote.retrieve_statement(statement.id).success


def test_a_conflict_and_a_wrong_secret_reach_it(remote: tincan.RemoteLRS) -> None:
    sent = a_tincan_statement()
    assert remote.save_statement(sent).success
    sent.verb = tincan.Verb(id="http://a/other")
    assert remote.save_statement(sent).response.status == 409
    remote.auth = "Basic eDp5"
    assert remote.save_statement(sent).response.status == 401
