"""What goes wrong is told on a page of ours, in both languages, with what to do; programs get JSON, nobody a stack."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn import embedded, errors, web
from elearn.db import db
from elearn.locale import catalogue
from elearn.pages import frame
from elearn.people.models import Account
from tests import builders_people as people
from tests.lost_connections import ending
from tests.pages.conftest import Browser, World, text_of

Opens = Callable[[Account | None], Browser]

TOLD = [
    # What went wrong, its status, the title and the way out.
    (errors.Malformed("x"), 400, "That did not work", "To the start page"),
    (errors.NotSignedIn("x"), 401, "Please sign in", "Sign in, and open the page again."),
    (errors.Forbidden("x"), 403, "No entry", "ask whoever gives the roles"),
    (errors.NotFound("x"), 404, "Not found", "Begin at the start page."),
    (errors.Conflict("x"), 409, "It has changed meanwhile", "load the page again"),
    (errors.LengthNeeded("x"), 411, "That did not work", "To the start page"),
    (errors.Stale("x"), 412, "It has changed meanwhile", "load the page again"),
    (errors.TooLarge("x"), 413, "Too large", "Choose a smaller file"),
    (errors.NotTaken("x"), 415, "This kind of file is not taken", "which kinds of files it takes"),
    (errors.DomainError("x"), 422, "That did not work", "To the start page"),
    (errors.TooMany("x", retry_after_s=90), 429, "Please wait a moment", "Try again in 1 min 30 s."),
    (errors.Unavailable("x"), 503, "Out of order for a moment", "Try again"),
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("error", "status", "title", "way"), TOLD, ids=[str(one[1]) for one in TOLD])
def test_each_refusal_is_a_page_that_says_what_to_do(
    app: Flask, session: Session, language: str, error: errors.DomainError, status: int, title: str, way: str
) -> None:
    chinese = catalogue("zh")
    with app.test_request_context("/hours", headers={"Accept": "text/html", "Accept-Language": language}):
        app.preprocess_request()
        answer = web.refuse(error)
        assert answer.status_code == status
        said = " ".join(re.sub("<[^>]+>", " ", answer.get_data(as_text=True)).split())
        assert (title if language == "en" else chinese[title]) in said
        assert language == "zh" or way in said
        assert 'class="button' in answer.get_data(as_text=True)
        assert 'href="/"' in answer.get_data(as_text=True), "the way home"
        assert 'content="width=device-width' in answer.get_data(as_text=True)
    with app.test_request_context("/hours", headers={"Accept": "application/json"}):
        answer = web.refuse(error)
        assert (answer.status_code, set(answer.json or {})) == (status, {"error", "detail"})


def test_an_address_that_is_asked_in_a_wrong_way_is_a_page_too(world: World, browser: Opens) -> None:
    reader = browser(world.worker)
    answer = reader.post("/hours")
    assert (answer.status_code, answer.headers["Allow"].split(", ").count("GET")) == (405, 1)
    assert "This does not work here" in text_of(answer)
    program = reader.client.post("/hours", headers={"Accept": "application/json"})
    assert program.status_code == 405
    assert (program.json or {})["error"] == "method_not_allowed"
    assert reader.get("/no/such/page").status_code == 404
    assert reader.client.get("/no/such/page", headers={"Accept": "application/json"}).json is not None


@pytest.fixture
def breaking(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The page about the log breaks, and what breaks is answered as it would be to people."""

    def breaks() -> str:
        raise RuntimeError("secret of the house")

    monkeypatch.setitem(app.view_functions, "elearn.pages.log_standing", breaks)
    monkeypatch.setattr(app, "testing", False)
    return app


def test_a_fault_shows_a_number_and_no_stack_and_the_number_stands_in_the_log(
    breaking: Flask, world: World, browser: Opens, caplog: pytest.LogCaptureFixture
) -> None:
    reader = browser(world.operator)
    with caplog.at_level(logging.ERROR):
        answer = reader.get("/log")
    assert answer.status_code == 500
    found = re.search(r"Number of this fault: ([0-9a-f]{8})", text_of(answer))
    assert found is not None
    assert [vars(one)["incident"] for one in caplog.records if "incident" in vars(one)] == [found[1]]
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert 'href="/"' in answer.text
    assert 'href="/log"' in answer.text, "a page that was asked for can be asked for again"
    program = reader.client.get("/log", headers={"Accept": "application/json", "X-Request-ID": "proxy-0042"})
    assert (program.status_code, (program.json or {})["incident"]) == (500, "proxy-0042")
    bad = reader.client.get("/log", headers={"Accept": "text/html", "X-Request-ID": "<script>alert(1)</script>"})
    assert "alert(1)" not in bad.text


def test_where_even_the_page_of_errors_breaks_there_is_a_last_one(
    breaking: Flask, world: World, browser: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_said: object, **_facts: object) -> str:
        raise RuntimeError("no templates")

    monkeypatch.setattr(frame, "render_template", breaks)
    answer = browser(world.operator).get("/log")
    assert answer.status_code == 500
    assert "暂时无法使用" in answer.text
    assert "href='/'" in answer.text
    assert "name=viewport" in answer.text


def test_somebody_signed_in_is_told_that_the_database_is_away(
    own_app: Flask, services: embedded.Services, own_database_url: str
) -> None:
    with own_app.app_context():
        session = db.session()
        reader = Browser(own_app, session, people.an_account(session))
        session.commit()
        session.close()
        db.engine.dispose()
    services.drop_database(own_database_url.partition("?")[0].rpartition("/")[2])
    answer = reader.client.get("/hours", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "Nothing was lost. Try again in a minute." in text_of(answer)
    assert 'href="/hours"' in answer.text


@pytest.fixture
def losing(own_app: Flask) -> Iterator[Browser]:
    """Somebody whose database goes away each time it has said who they are."""
    own_app.testing = False
    with own_app.app_context():
        session = db.session()
        reader = Browser(own_app, session, people.an_account(session))
        session.commit()
        session.close()
        engine = db.engine
    with ending(engine, "must_change"):
        yield reader


def test_a_refusal_during_which_the_database_goes_away_says_so(losing: Browser) -> None:
    """What the page of the refusal asks cannot be answered any more: it is no fault, and has no number."""
    answer = losing.client.get("/log", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert answer.status_code == 503
    assert "Nothing was lost" in text_of(answer)
    assert "Number of this fault" not in text_of(answer)


def test_an_answer_stands_where_the_database_goes_away_behind_it(losing: Browser) -> None:
    """The session is closed after the answer was made, and cannot: nobody loses an answer for that."""
    answer = losing.client.get("/log", headers={"Accept": "application/json"})
    assert answer.status_code == 403


def test_a_proxy_has_a_page_for_when_nobody_answers(browser: Opens) -> None:
    page = browser(None).get("/static/out_of_order.html")
    with page:
        assert page.status_code == 200
        assert "暂时无法使用" in page.text
        assert "Out of order for a moment" in page.text
        assert "http" not in page.text.replace("http-equiv", ""), "it needs nothing else"
