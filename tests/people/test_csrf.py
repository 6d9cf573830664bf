"""Forged requests, and living in somebody else's Flask application."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import flask_login
import pytest
from flask import Flask, render_template_string, request
from flask import session as cookie
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn import web
from elearn.db import db
from elearn.extension import Elearn
from elearn.people import csrf, signin
from elearn.people.callers import current_account
from elearn.people.models import Role
from elearn.people.permissions import ANYBODY
from elearn.settings import Settings
from tests.builders_people import PASSWORD, an_account, signed_in
from tests.conftest import ManualClock

SENT: dict[str, object] = {"jwk": {}}


def status(client: FlaskClient, headers: dict[str, str] | None = None, *, prefix: str = "") -> int:
    return client.post(f"{prefix}/devices", json=SENT, headers=headers).status_code


def test_an_unsafe_request_needs_the_sessions_token(client: FlaskClient, session: Session) -> None:
    account = an_account(session)
    header = signed_in(client, session, account)
    assert status(client, header) == 400, "let in, then found malformed"
    other = signed_in(client.application.test_client(), session, account)
    for forged in (None, {csrf.HEADER: ""}, {csrf.HEADER: "x"}, other):
        assert status(client, forged) == 403


def test_the_token_may_come_as_a_form_field(client: FlaskClient, session: Session) -> None:
    header = signed_in(client, session, an_account(session))
    sent = {csrf.FIELD: header[csrf.HEADER]}
    assert client.post("/devices", data=sent).status_code == 400
    assert client.post("/devices", data={csrf.FIELD: "x"}).status_code == 403


def test_signing_in_and_out_renews_the_token(session: Session, app: Flask) -> None:
    an_account(session, name="wang")
    now = app.extensions["elearn"].clock()
    with app.test_request_context():
        before = csrf.token()
        signin.sign_in(session, "wang", PASSWORD, heard_at=now, address=None)
        during = csrf.token()
        signin.sign_out(session, at=now)
        assert len({before, during, csrf.token()}) == 3
        assert current_account() is None


# --- in a host application ------------------------------------------------------------------------------------------


def a_host() -> Flask:
    host = Flask("host")
    host.secret_key = "host's own"
    host.testing = True

    @host.post("/order")
    def order() -> str:
        cookie["basket"] = "full"
        return render_template_string("{{ csrf_token is defined }} {{ current_user is defined }}")

    return host


@pytest.fixture
def host(app: Flask, settings: Settings, clock: ManualClock) -> Iterator[Flask]:
    host = a_host()
    Elearn(host, settings=settings, url_prefix="/training", clock=clock)
    yield host
    host.extensions["elearn"].redis.close()
    with host.app_context():
        db.engine.dispose()


def test_a_hosts_own_forms_need_no_token_of_ours(host: Flask) -> None:
    answer = host.test_client().post("/order")
    assert (answer.status_code, answer.text) == (200, "False False")
    assert host.before_request_funcs.get(None, []) == []
    assert host.after_request_funcs.get(None, []) == []
    assert len(host.template_context_processors[None]) == len(Flask("bare").template_context_processors[None])


def test_ours_need_one_in_a_host_too(host: Flask) -> None:
    assert status(host.test_client(), prefix="/training") == 403


def test_a_host_with_flask_login_must_say_who_is_signed_in(settings: Settings, app: Flask) -> None:
    host = a_host()
    flask_login.LoginManager(host)
    with pytest.raises(RuntimeError, match="identify"):
        Elearn(host, settings=settings, url_prefix="/training")
    host.extensions["elearn"].redis.close()
    with host.app_context():
        db.engine.dispose()


def test_a_host_that_brings_flask_login_later_is_told_so(host: Flask) -> None:
    flask_login.LoginManager(host)
    with host.test_request_context(), pytest.raises(RuntimeError, match="identify"):
        current_account()


def test_a_host_says_who_is_signed_in(own_app: Flask, own_database_url: str, clock: ManualClock) -> None:
    host = a_host()
    flask_login.LoginManager(host)
    with own_app.app_context():
        account = an_account(db.session(), Role.OPERATOR)
        account.must_change = True  # of no meaning where the host signs people in
        db.session.commit()
        account_id = account.id

    def identify() -> UUID | None:
        return account_id if request.headers.get("X-Host-User") else None

    Elearn(
        host,
        settings=own_app.extensions["elearn"].settings,
        url_prefix="/training",
        clock=clock,
        identify=identify,
    )
    client = host.test_client()
    with client.session_transaction() as stored:
        stored[csrf.KEPT] = "r" * 40
    with host.test_request_context():
        cookie[csrf.KEPT] = "r" * 40
        header = {csrf.HEADER: csrf.token()}
    assert status(client, header, prefix="/training") == 401
    assert status(client, {**header, "X-Host-User": "1"}, prefix="/training") == 400
    assert status(client, header, prefix="/training") == 401
    host.extensions["elearn"].redis.close()
    with host.app_context():
        db.engine.dispose()


def test_a_door_with_its_own_proof_is_exempt(settings: Settings, app: Flask, clock: ManualClock) -> None:
    """By `@web.exempt_from_csrf`, on either side of `@web.allow`."""
    for order in (1, -1):
        host = Flask("host")
        decorators: list[Callable[[Any], Any]] = [web.allow(ANYBODY), web.exempt_from_csrf]

        def door() -> str:
            return "in"

        view = door
        for decorate in decorators[::order]:
            view = decorate(view)
        host.add_url_rule("/door", "door", view, methods=["POST"])
        with host.test_request_context("/door", method="POST"):
            csrf.check()
