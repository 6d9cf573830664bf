"""HTTP habits: the shape of an error, the caller's language, sizes of bodies, headers that protect."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import pytest
from flask import Flask, request
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from elearn import create_app, embedded, errors, web
from elearn.locale import catalogue
from elearn.settings import Settings

PAGE = {"Accept": "text/html"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.Malformed("x"), 400),
        (errors.NotSignedIn("x"), 401),
        (errors.Forbidden("x"), 403),
        (errors.NotFound("x"), 404),
        (errors.Conflict("x"), 409),
        (errors.TooLarge("x"), 413),
        (errors.DomainError("x"), 422),
        (errors.TooMany("x", retry_after_s=7), 429),
        (errors.Unavailable("x"), 503),
    ],
)
def test_each_error_has_its_status(app: Flask, error: errors.DomainError, status: int) -> None:
    with app.test_request_context("/", headers={"Accept": "application/json"}):
        answer = web.refuse(error)
    assert answer.status_code == status
    assert answer.json == {"error": error.error_code, "detail": "x"}
    assert answer.headers.get("Retry-After") == {429: "7", 503: "1"}.get(status)


def test_a_body_over_the_limit_is_refused_with_413_and_not_read(client: Any) -> None:
    answer = client.post("/exam/v1/eligibility:check", data=b"x" * 10_000_000, headers={"Authorization": "Bearer x"})
    assert answer.status_code in (401, 413)
    version = {"X-Experience-API-Version": "1.0.3"}
    answer = client.post("/xapi/statements", data=b"x" * 10_000_000, headers=version)
    assert answer.status_code in (401, 413)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "zh"),
        ({"Accept-Language": "en-GB,en;q=0.9"}, "en"),
        ({"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}, "zh"),
        ({"Accept-Language": "fr"}, "zh"),
        ({"Accept-Language": "en", "Cookie": "lang=zh"}, "zh"),
        ({"Accept-Language": "en", "Cookie": "lang=xx"}, "en"),
    ],
)
def test_an_error_speaks_the_callers_language(app: Flask, asked: dict[str, str], told: str) -> None:
    sentence = "You may not do this."
    with app.test_request_context("/", headers={"Accept": "application/json", **asked}):
        answer = web.refuse(errors.Forbidden(sentence))
    assert answer.json
    assert answer.json["detail"] == (catalogue("zh")[sentence] if told == "zh" else sentence)


def test_a_page_is_answered_to_people_and_json_to_programs(app: Flask) -> None:
    with app.test_request_context("/", headers=PAGE):
        assert web.refuse(errors.Forbidden("You may not do this.")).mimetype == "text/html"
    with app.test_request_context("/", headers={"Accept": "*/*"}):
        assert web.refuse(errors.Forbidden("You may not do this.")).mimetype == "application/json"


def test_every_page_says_what_a_browser_may_load(client: Any) -> None:
    headers = client.get("/signin", headers=PAGE).headers
    assert "'unsafe-inline'" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "no-store" in headers["Cache-Control"]


def test_healthz_tells_each_part(own_app: Flask) -> None:
    answer = own_app.test_client().get("/healthz")
    assert (answer.status_code, answer.json) == (
        200,
        {"status": "ok", "database": "ok", "redis": "ok", "ledger": "ok", "ledger_why": [], "stamps": "off"},
    )


def test_without_redis_people_are_still_sent_here_and_it_is_told(own_app: Flask) -> None:
    kept = own_app.extensions["elearn"].redis
    own_app.extensions["elearn"].redis = Redis(unix_socket_path="/nonexistent.sock", retry=Retry(NoBackoff(), 0))
    answer = own_app.test_client().get("/healthz")
    own_app.extensions["elearn"].redis.close()
    own_app.extensions["elearn"].redis = kept
    assert (answer.status_code, answer.json) == (
        200,
        {"status": "ok", "database": "ok", "redis": "down", "ledger": "ok", "ledger_why": [], "stamps": "off"},
    )


def test_a_page_may_load_media_from_where_it_is_served() -> None:
    assert "media-src 'self' blob: https://cdn.example;" in web.content_policy("https://cdn.example/lessons")
    assert "https" not in web.content_policy(None)


def test_a_lost_database_is_told_as_a_moment_to_wait_for(
    own_app: Flask, services: embedded.Services, own_database_url: str
) -> None:
    client = own_app.test_client()
    services.drop_database(own_database_url.partition("?")[0].rpartition("/")[2])
    answer = client.post("/exam/v1/token", data={"grant_type": "client_credentials"}, auth=("x", "y"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json
    assert answer.json["error"] == "unavailable"
    assert client.get("/healthz").status_code == 503


@pytest.mark.parametrize(
    ("proxies", "seen"),
    [(0, "10.0.0.1"), (1, "203.0.113.7"), (2, "198.51.100.9")],
)
def test_only_as_many_proxies_as_are_ours_are_believed(
    settings: Settings, own_database_url: str, proxies: int, seen: str
) -> None:
    app = create_app(dataclasses.replace(settings, database_url=own_database_url, trusted_proxies=proxies))
    addresses: list[str | None] = []
    app.before_request(lambda: addresses.append(request.remote_addr))
    app.test_client().get(
        "/exam/v1/jwks.json",
        headers={"X-Forwarded-For": "198.51.100.9, 203.0.113.7"},
        environ_base={"REMOTE_ADDR": "10.0.0.1"},
    )
    app.extensions["elearn"].redis.close()
    assert addresses == [seen]


FIRST_USERS = """
import sys
from typing import Annotated
from msgspec import Meta, defstruct
from flask import Flask
from elearn.web import read_json
from tests.at_once import at_once
sys.setswitchinterval(1e-6)
app, names = Flask("x"), [f"f{number}" for number in range(30)]
body = b"{" + b",".join(b'"%s":1' % name.encode() for name in names) + b"}"
for turn in range(200):
    kind = defstruct(f"Form{turn}", [(name, Annotated[int, Meta(ge=0)]) for name in names])

    def read():
        return read_json(kind, body=body)

    assert [found.f29 for found in at_once(*[read] * 8)] == [1] * 8
"""


def test_a_form_that_many_threads_read_for_the_first_time_is_read_by_all() -> None:
    """msgspec 0.22 reads a null pointer there: the first requests after a start would end the web process."""
    done = subprocess.run([sys.executable, "-c", FIRST_USERS], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr[-500:]) == (0, "")
