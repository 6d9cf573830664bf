"""The page of a person's own security keys."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.people import callers, csrf
from elearn.people.models import Account
from elearn.people.signatures import base64url
from elearn.tracking.providers import webauthn
from tests.builders_people import PASSWORD, an_account, signed_in
from tests.conftest import ManualClock
from tests.pages.conftest import token_in
from tests.tracking.presence.authenticator import Authenticator

MINUTES_15 = 15 * 60 * 1000


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

    def cookie(self) -> dict[str, Any]:
        with self.client.session_transaction() as stored:
            return dict(stored)


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


# -- the password, a short while ago


def go_on(clock: ManualClock, ms: int) -> None:
    clock.advance(ms)
    callers.forget_last_request()


def test_a_sign_in_of_a_quarter_of_an_hour_ago_still_adds_and_removes(
    browser: Browser, session: Session, account: Account, clock: ManualClock
) -> None:
    go_on(clock, MINUTES_15)
    assert browser.add(Authenticator(), browser.options()["challenge"]).status_code == 201
    [key] = webauthn.keys_of(session, account.person_id)
    assert browser.client.post(f"/me/keys/{key.id}/remove", headers=browser.headers).status_code == 303


def test_later_nothing_is_added_or_removed_before_the_password_is_given_again(
    browser: Browser, session: Session, account: Account, clock: ManualClock
) -> None:
    browser.add(Authenticator(), browser.options()["challenge"])
    challenge = browser.options()["challenge"]
    [key] = webauthn.keys_of(session, account.person_id)
    go_on(clock, MINUTES_15 + 1)
    remove = f"/me/keys/{key.id}/remove"
    for refused in (
        browser.post("/me/keys/options", {}),
        browser.add(Authenticator(), challenge),
        browser.client.post(remove, headers=browser.headers),
    ):
        assert (refused.status_code, refused.get_json()["error"]) == (403, "recent_signin")
    sent = browser.client.post(remove, headers={**browser.headers, "Accept": "text/html"})
    assert (sent.status_code, sent.location) == (303, "/signin/again?next=/me/keys")
    assert [one.id for one in webauthn.keys_of(session, account.person_id)] == [key.id]


def test_the_page_asks_for_the_password_and_then_opens_its_forms(
    browser: Browser, session: Session, account: Account, clock: ManualClock
) -> None:
    browser.add(Authenticator(), browser.options()["challenge"])
    go_on(clock, MINUTES_15 + 1)
    asked = browser.client.get("/me/keys").text
    assert "添加或删除密钥前，请再次输入密码。" in asked
    assert "data-add-key" not in asked
    assert "/remove" not in asked
    old = browser.cookie()
    form = {"password": "wrong horse 9", "next": "/me/keys"}
    wrong = browser.client.post("/signin/again", data=form, headers=browser.headers)
    assert wrong.status_code == 401
    assert "密码不正确。" in wrong.text
    assert "wrong horse 9" not in wrong.text
    right = browser.client.post("/signin/again", data={**form, "password": PASSWORD}, headers=browser.headers)
    assert (right.status_code, right.location) == (303, "/me/keys")
    callers.forget_last_request()
    page = browser.client.get("/me/keys")
    assert "data-add-key" in page.text
    assert "/remove" in page.text
    browser.headers = {csrf.HEADER: token_in(page)}
    assert browser.add(Authenticator(), browser.options()["challenge"]).status_code == 201
    callers.forget_last_request()
    thief = browser.client.application.test_client()
    with thief.session_transaction() as stored:
        stored.update(old)
    assert thief.get("/me/keys").status_code == 401, "a copy of the old cookie is worth nothing now"


def test_guesses_at_the_password_are_counted(browser: Browser, clock: ManualClock) -> None:
    for _ in range(8):
        wrong = browser.client.post("/signin/again", data={"password": "a guess"}, headers=browser.headers)
        assert wrong.status_code == 401
    full = browser.client.post("/signin/again", data={"password": PASSWORD}, headers=browser.headers)
    assert full.status_code == 429
    assert int(full.headers["Retry-After"]) > 0


def test_who_is_not_signed_in_is_sent_to_sign_in(client: FlaskClient) -> None:
    sent = client.get("/signin/again?next=/me/keys")
    assert (sent.status_code, sent.location) == (303, "/signin?next=/me/keys")
