"""Pages of other sites: only those on the list may read an answer, and no cookie plays a part."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.runtime import runtime
from elearn.settings import Settings, SettingsError
from tests.builders_lrs import a_key_and_secret, basic

HOME = "https://school.example"
STATEMENTS = "/xapi/statements?verb=a:v"
ASKS = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,if-match"}


@pytest.fixture
def listed(app: Flask, session: Session) -> Iterator[None]:
    parts = runtime()
    usual = parts.settings
    parts.settings = dataclasses.replace(usual, lrs_origins=(HOME, "http://localhost:3000"))
    yield
    parts.settings = usual


def cors(headers: object) -> dict[str, str]:
    return {name: value for name, value in headers if name.startswith("Access-Control-")}  # type: ignore[attr-defined]


@pytest.mark.parametrize("address", ["statements", "activities/state", "agents/profile", "oauth/token", "about"])
def test_a_page_on_the_list_may_send_what_xapi_needs(client: FlaskClient, listed: None, address: str) -> None:
    answer = client.options(f"/xapi/{address}", headers={"Origin": HOME, **ASKS})
    told = cors(answer.headers)
    assert answer.status_code == 204
    assert told.pop("Access-Control-Allow-Origin") == HOME
    assert set(told.pop("Access-Control-Allow-Methods").split(", ")) == {"GET", "HEAD", "POST", "PUT", "DELETE"}
    taken = told.pop("Access-Control-Allow-Headers").lower().split(", ")
    assert {"authorization", "content-type", "if-match", "if-none-match", "x-experience-api-version"} <= set(taken)
    assert told == {"Access-Control-Max-Age": "7200"}
    assert "Origin" in answer.vary


def test_a_page_on_the_list_may_read_answers_and_refusals(client: FlaskClient, session: Session, listed: None) -> None:
    headers = basic(*a_key_and_secret(session))
    for sent, status in (headers, 200), ({}, 400), (headers | {"Authorization": "Basic eA=="}, 401):
        answer = client.get(STATEMENTS, headers={**sent, "Origin": HOME})
        assert answer.status_code == status
        told = cors(answer.headers)
        assert told.pop("Access-Control-Allow-Origin") == HOME
        shown = told.pop("Access-Control-Expose-Headers").split(", ")
        assert {"ETag", "Last-Modified", "X-Experience-API-Version", "X-Experience-API-Consistent-Through"} <= set(
            shown
        )
        assert told == {}, "above all no Access-Control-Allow-Credentials"
        assert "Origin" in answer.vary


@pytest.mark.parametrize(
    "origin",
    [None, "null", "*", "https://other.example", "http://school.example", f"{HOME}:8443", f"{HOME}.evil.example",
     "https://evil-school.example", f"{HOME}/", HOME.upper()],
)  # fmt: skip
def test_any_other_page_may_not(client: FlaskClient, session: Session, listed: None, origin: str | None) -> None:
    headers = basic(*a_key_and_secret(session)) | ({"Origin": origin} if origin else {})
    for answer in (client.get(STATEMENTS, headers=headers), client.options("/xapi/statements", headers=headers | ASKS)):
        assert cors(answer.headers) == {}
        assert "Origin" in answer.vary


def test_without_a_list_no_page_may(client: FlaskClient, session: Session) -> None:
    for answer in (
        client.get(STATEMENTS, headers=basic(*a_key_and_secret(session)) | {"Origin": HOME}),
        client.options("/xapi/statements", headers={"Origin": HOME, **ASKS}),
    ):
        assert cors(answer.headers) == {}
        assert "Origin" not in answer.vary


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        (None, ()),
        ("", ()),
        (HOME, (HOME,)),
        (f"{HOME}, http://localhost:3000", (HOME, "http://localhost:3000")),
        ("http://[::1]:8000 http://127.0.0.1", ("http://[::1]:8000", "http://127.0.0.1")),
    ],
)
def test_the_list_is_read_from_the_environment(text: str | None, origins: tuple[str, ...], tmp_path: object) -> None:
    env = {"ELEARN_DATA_DIR": str(tmp_path)} | ({} if text is None else {"ELEARN_LRS_ORIGINS": text})
    settings = Settings.from_env(env)
    assert settings.lrs_origins == origins
    assert Settings.from_env(settings.to_env()).lrs_origins == origins


@pytest.mark.parametrize("text", ["*", "school.example", f"{HOME}/", f"{HOME}/path", "https://*.example", "null"])
def test_what_is_no_origin_is_refused_at_the_start(text: str, tmp_path: object) -> None:
    with pytest.raises(SettingsError, match="ELEARN_LRS_ORIGINS"):
        Settings.from_env({"ELEARN_DATA_DIR": str(tmp_path), "ELEARN_LRS_ORIGINS": text})


@pytest.mark.parametrize("rate", ["0", "-1", "many", "1.5"])
def test_a_rate_is_a_whole_number(rate: str, tmp_path: object) -> None:
    with pytest.raises(SettingsError, match="ELEARN_LRS_RATE"):
        Settings.from_env({"ELEARN_DATA_DIR": str(tmp_path), "ELEARN_LRS_RATE": rate})
