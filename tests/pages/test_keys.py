"""The page of a person's own security keys."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.people import callers
from elearn.people.models import Account
from elearn.people.signatures import base64url
from elearn.tracking.providers import webauthn
from tests.builders_people import an_account, signed_in
from tests.tracking.presence.authenticator import Authenticator


class Browser:
    """A signed-in browser that can make keys."""

    def __init__(self, app: Flask, session: Session, account: Account) -> None:
        self.client: FlaskClient = app.test_client()
        self.headers = signed_in(self.client, session, account)

    def post(self, path: str, body: Any) -> TestResponse:
        return self.client.post(path, json=body, headers=self.headers)

    def options(self) -> dict[str, Any]:
        got = self.post("/me/keys/options", {})
        assert got.status_code == 200, got.text
        options: dict[str, Any] = got.get_json()
        return options

    def add(self, phone: Authenticator, challenge: str, name: str = "Wang's phone") -> TestResponse:
        return self.post("/me/keys", {"name": name, **phone.create(challenge)})


@pytest.fixture
def account(session: Session) -> Account:
    return an_account(session)


@pytest.fixture
def browser(app: Flask, session: Session, account: Account) -> Browser:
    return Browser(app, session, account)


def test_a_key_is_added_listed_by_its_name_and_removed(browser: Browser, session: Session, account: Account) -> None:
    options = browser.options()
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["rp"]["id"] == "localhost"
    assert browser.add(Authenticator(), options["challenge"], "  王工的 <手机>  ").status_code == 201
    page = browser.client.get("/me/keys").text
    assert "王工的 &lt;手机&gt;" in page
    [key] = webauthn.keys_of(session, account.person_id)
    assert browser.client.post(f"/me/keys/{key.id}/remove", headers=browser.headers).status_code == 303
    assert webauthn.keys_of(session, account.person_id) == []
    assert "王工的" not in browser.client.get("/me/keys").text


def test_a_key_on_record_is_not_made_twice_on_one_device(browser: Browser) -> None:
    phone = Authenticator()
    browser.add(phone, browser.options()["challenge"])
    from_then = browser.options()["excludeCredentials"]
    assert [one["id"] for one in from_then] == [base64url(phone.credential_id)]


def test_a_challenge_is_good_for_one_answer(browser: Browser) -> None:
    challenge = browser.options()["challenge"]
    assert browser.add(Authenticator(), challenge).status_code == 201
    assert browser.add(Authenticator(), challenge).status_code == 400
    assert browser.options()["challenge"] != challenge


def test_without_a_challenge_nothing_is_taken(browser: Browser) -> None:
    assert browser.add(Authenticator(), "").status_code == 400


def test_what_the_key_learns_is_no_document_and_no_id_of_ours(browser: Browser, account: Account) -> None:
    user = browser.options()["user"]
    assert user["name"] == account.name
    assert str(account.person_id) not in str(user)


def test_nobody_removes_another_persons_key(app: Flask, session: Session, browser: Browser, account: Account) -> None:
    browser.add(Authenticator(), browser.options()["challenge"])
    [key] = webauthn.keys_of(session, account.person_id)
    callers.forget_last_request()
    thief = Browser(app, session, an_account(session))
    assert thief.client.post(f"/me/keys/{key.id}/remove", headers=thief.headers).status_code == 404
    assert len(webauthn.keys_of(session, account.person_id)) == 1


@pytest.mark.parametrize("body", [{}, {"name": "x"}, {"name": "x", "client_data": "e30", "attestation": 1}, []])
def test_what_is_no_key_is_malformed(browser: Browser, body: object) -> None:
    browser.options()
    assert browser.post("/me/keys", body).status_code == 400
