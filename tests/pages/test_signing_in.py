"""Signing in and out, languages, and choosing a password, as a browser sees it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.pages.frame import safe_next
from elearn.people import signin
from elearn.people.models import Account
from tests.builders_people import AT, PASSWORD
from tests.pages.conftest import Browser, World, text_of, token_in

Opens = Callable[[Account | None], Browser]


def test_the_right_password_leads_to_what_was_asked_for(world: World, browser: Opens) -> None:
    phone = browser(None)
    asked = phone.get("/hours")
    assert asked.status_code == 303
    there = urlsplit(asked.location)
    assert (there.path, parse_qs(there.query)) == ("/signin", {"next": ["/hours"]})
    phone.token = token_in(phone.get(asked.location))

    answer = phone.post("/signin", {"name": "li.ming", "password": PASSWORD, "next": "/hours"})

    assert (answer.status_code, answer.location) == (303, "/hours")
    assert "My hours" in phone.page("/hours")


def test_a_wrong_password_keeps_the_name_and_not_the_password(world: World, browser: Opens) -> None:
    phone = browser(None)
    phone.token = token_in(phone.get("/signin"))
    answer = phone.post("/signin", {"name": "li.ming", "password": "wrong horse 9"})
    assert answer.status_code == 401
    assert "The name or the password is wrong." in text_of(answer)
    assert 'value="li.ming"' in answer.text
    assert "wrong horse 9" not in answer.text


def test_an_empty_form_says_what_is_missing_beside_each_field(world: World, browser: Opens) -> None:
    phone = browser(None)
    phone.token = token_in(phone.get("/signin"))
    answer = phone.post("/signin", {"name": " ", "password": ""})
    assert answer.status_code == 422
    assert text_of(answer).count("Please fill this in.") == 4, "beside each field and above the form"


def test_after_too_many_tries_the_page_says_how_long_to_wait(world: World, browser: Opens) -> None:
    phone = browser(None)
    phone.token = token_in(phone.get("/signin"))
    for _ in range(8):
        assert phone.post("/signin", {"name": "li.ming", "password": "wrong horse 9"}).status_code == 401
    answer = phone.post("/signin", {"name": "li.ming", "password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "Please wait 15 min" in text_of(answer)


def test_a_form_that_is_too_old_leads_to_a_fresh_one(world: World, browser: Opens) -> None:
    phone = browser(None)
    answer = phone.post("/signin", {"name": "li.ming", "password": PASSWORD})
    assert (answer.status_code, answer.location) == (303, "/signin")
    assert "This page is out of date." in phone.page("/signin")


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        ("/hours", "/hours"),
        ("/learn/1?x=2", "/learn/1?x=2"),
        ("", "/"),
        (None, "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("\\\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("hours", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_nobody_is_sent_to_another_host(client: FlaskClient, wanted: str | None, taken: str) -> None:
    with client.application.test_request_context():
        assert safe_next(wanted) == taken
    answer = client.get("/language/en", query_string={"next": wanted} if wanted is not None else {})
    assert (answer.status_code, answer.location) == (303, taken)


def test_a_language_is_kept(world: World, browser: Opens) -> None:
    phone = browser(None)
    assert "Sign in" in phone.page("/signin")
    phone.get("/language/zh?next=/signin")
    assert "登录" in phone.page("/signin")
    assert phone.get("/language/xx").status_code == 404


def test_a_one_time_password_opens_only_the_page_where_one_is_chosen(
    world: World, browser: Opens, session: Session
) -> None:
    one_time = signin.issue_reset(session, None, world.worker.id, at=AT.replace(day=30))
    session.commit()
    phone = browser(None)
    phone.token = token_in(phone.get("/signin"))
    answer = phone.post("/signin", {"name": "li.ming", "password": one_time.upper(), "next": "/hours"})
    assert answer.status_code == 303
    assert urlsplit(answer.location).path == "/password"
    assert phone.get("/hours").location == "/password"
    page = phone.get(answer.location)
    assert "Old password" not in text_of(page)
    phone.token = token_in(page)

    poor = phone.post("/password", {"new": "12345678", "again": "12345678"})
    assert (poor.status_code, "easy to guess" in text_of(poor)) == (422, True)
    unlike = phone.post("/password", {"new": "a good long one", "again": "another long one"})
    assert (unlike.status_code, "are not the same" in text_of(unlike)) == (422, True)
    done = phone.post("/password", {"new": "a good long one", "again": "a good long one", "next": "/hours"})
    assert (done.status_code, done.location) == (303, "/hours")
    assert "Your new password holds" in phone.page("/hours")
    assert "Your new password holds" not in phone.page("/hours")


def test_changing_a_password_asks_for_the_old_one_and_ends_other_browsers(world: World, browser: Opens) -> None:
    phone, computer = browser(world.worker), browser(world.worker)
    wrong = phone.post("/password", {"old": "not mine at all", "new": "a good long one", "again": "a good long one"})
    assert (wrong.status_code, "The old password is wrong." in text_of(wrong)) == (422, True)
    assert computer.get("/hours").status_code == 200
    right = phone.post("/password", {"old": PASSWORD, "new": "a good long one", "again": "a good long one"})
    assert right.status_code == 303
    assert phone.get("/hours").status_code == 200
    assert computer.get("/hours").status_code == 303


def test_signing_out_ends_the_session_and_twice_is_harmless(world: World, browser: Opens) -> None:
    phone = browser(world.worker)
    assert phone.post("/signout").location == "/signin"
    assert phone.get("/").status_code == 303
    phone.token = token_in(phone.get("/signin"))
    assert phone.post("/signout").status_code == 303


def test_an_unknown_address_is_a_page_for_people_and_json_for_programs(world: World, browser: Opens) -> None:
    phone = browser(world.worker)
    assert "There is nothing at this address." in phone.page("/nowhere", status=404)
    answer = phone.client.get("/nowhere", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["error"] if answer.json else "") == (404, "not_found")


def test_a_fault_of_ours_is_a_page_that_needs_no_database(
    world: World, browser: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = browser(world.worker)
    app = phone.client.application
    monkeypatch.setitem(app.view_functions, "elearn.pages.my_hours", lambda: 1 / 0)
    app.testing = False
    try:
        answer = phone.get("/hours")
    finally:
        app.testing = True
    assert answer.status_code == 500
    assert "Nothing was changed" in text_of(answer)


def test_pages_carry_no_inline_script_or_style(world: World, browser: Opens) -> None:
    phone = browser(world.worker)
    for path in ("/", "/hours", f"/courses/{world.course.id}", f"/learn/{world.unit.id}"):
        answer = phone.get(path)
        assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
        assert " style=" not in answer.text
        assert "<style" not in answer.text
        assert " onclick=" not in answer.text
