"""How often a key may ask, what becomes of wrong secrets, and what is refused before a key is looked at."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Iterator
from types import SimpleNamespace
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from elearn.runtime import runtime
from elearn.tracking.lrs.access import doors, limits
from elearn.tracking.lrs.access.limits import BURST_S, FAILURES_S, MOST_FOR_KEY, MOST_FROM_ADDRESS, Failures, Pace
from tests.builders_lrs import a_key_and_secret, a_statement, an_agent, basic
from tests.tracking.lrs.access.keys import ask_token

STATEMENTS = "/xapi/statements?verb=a:v"


@pytest.fixture
def slow(app: Flask, session: Session) -> Iterator[None]:
    """Five requests a second for each key."""
    parts = runtime()
    usual = parts.settings
    parts.settings = dataclasses.replace(usual, lrs_rate=5)
    parts.kept.pop("lrs.pace", None)
    yield
    parts.settings = usual
    parts.kept.pop("lrs.pace", None)


@pytest.fixture(autouse=True)
def nobody_failed(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands in the middle of a minute, and in that minute nobody has failed yet."""
    monkeypatch.setattr("elearn.tracking.lrs.access.credentials.time", SimpleNamespace(monotonic=lambda: 90.0))
    runtime().kept.pop("lrs.failures", None)
    runtime().kept.pop("lrs.pace", None)


# --- pace -------------------------------------------------------------------------------------------------------------


def test_a_key_that_asks_too_often_is_told_when_to_come_back_and_others_are_not_touched(
    client: FlaskClient, session: Session, slow: None
) -> None:
    greedy, other = basic(*a_key_and_secret(session)), basic(*a_key_and_secret(session))
    answers = [client.get(STATEMENTS, headers=greedy) for _ in range(40)]
    taken = [answer.status_code for answer in answers].count(200)
    assert taken in (5 * BURST_S, 5 * BURST_S + 1)
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json is not None
    assert refused.json["error"] == "too_many"
    assert int(refused.headers["Retry-After"]) >= 1
    assert client.get(STATEMENTS, headers=other).status_code == 200


def test_tokens_are_counted_with_their_key(client: FlaskClient, session: Session, slow: None) -> None:
    key, secret = a_key_and_secret(session)
    assert 429 in {ask_token(client, key, secret).status_code for _ in range(40)}
    assert client.get(STATEMENTS, headers=basic(key, secret)).status_code == 429


def test_by_default_a_key_may_ask_three_hundred_times_a_second_and_far_more() -> None:
    pace, key = Pace(2000), uuid4()
    assert all(pace.take(key, at=second / 300) == 0 for second in range(300 * 60))
    assert sum(pace.take(uuid4(), at=0) == 0 for _ in range(100)) == 100


@given(st.integers(1, 50), st.lists(st.floats(0, 0.5), min_size=1, max_size=200))
def test_no_key_gets_more_than_its_rate_and_one_burst(rate: int, waits: list[float]) -> None:
    pace, key, at, taken = Pace(rate), uuid4(), 1000.0, 0
    for wait in waits:
        at += wait
        taken += pace.take(key, at=at) == 0
    assert taken <= rate * (at - 1000.0 - waits[0] + BURST_S) + 1.001


@given(st.integers(1, 50), st.integers(1, 200))
def test_who_waits_as_long_as_told_is_answered(rate: int, asked: int) -> None:
    pace, key, at, refused = Pace(rate), uuid4(), 5.0, 0
    for _ in range(asked):
        wait_s = pace.take(key, at=at)
        if wait_s:
            refused += 1
            at += wait_s + 1e-6
            assert pace.take(key, at=at) == 0
    assert abs(refused - max(0, asked - int(rate * BURST_S) - 1)) <= 1  # a third of a second is no exact number


# --- guesses ----------------------------------------------------------------------------------------------------------


def test_who_guesses_is_told_to_come_back_later_and_the_right_secret_is_let_in_all_the_while(
    client: FlaskClient, session: Session
) -> None:
    key, secret = a_key_and_secret(session)
    statuses = [client.get(STATEMENTS, headers=basic(key, f"guess {n}")).status_code for n in range(MOST_FOR_KEY + 5)]
    assert statuses == [401] * MOST_FOR_KEY + [429] * 5
    answer = client.get(STATEMENTS, headers=basic(key, "guess"))
    assert int(answer.headers["Retry-After"]) == FAILURES_S / 2
    assert client.get(STATEMENTS, headers=basic(key, secret)).status_code == 200
    assert ask_token(client, key, "guess").status_code == 429
    assert ask_token(client, key, secret, scope="all").status_code == 200


def test_an_address_that_tries_many_keys_is_told_so_too(client: FlaskClient, session: Session) -> None:
    statuses = [client.get(STATEMENTS, headers=basic(f"k{n}", "x")).status_code for n in range(MOST_FROM_ADDRESS + 1)]
    assert statuses == [401] * MOST_FROM_ADDRESS + [429]
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    assert client.get(STATEMENTS, headers=basic("k", "x"), environ_overrides=elsewhere).status_code == 401
    assert client.get(STATEMENTS, headers=basic(*a_key_and_secret(session))).status_code == 200


def test_wrong_tokens_count_for_their_address(client: FlaskClient, session: Session) -> None:
    headers = {"Authorization": "Bearer x", "X-Experience-API-Version": "1.0.3"}
    statuses = [client.get(STATEMENTS, headers=headers).status_code for _ in range(MOST_FROM_ADDRESS + 1)]
    assert statuses == [401] * MOST_FROM_ADDRESS + [429]


def test_a_new_minute_counts_anew_and_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = Failures()
    waits = [failures.count("n", "k", at=60.0 + n) for n in range(MOST_FOR_KEY + 2)]
    assert waits[:MOST_FOR_KEY] == [0] * MOST_FOR_KEY
    assert waits[MOST_FOR_KEY:] == [60 - MOST_FOR_KEY, 59 - MOST_FOR_KEY]
    assert failures.count("n", "k", at=120.0) == 0
    monkeypatch.setattr(limits, "MOST_COUNTED", 100)
    for n in range(1000):
        failures.count(f"n{n}", "k" * 100_000 + str(n), at=121.0)
    assert len(failures._counted) <= 102
    assert max(len(name) for name in failures._counted) < 100


# --- before a key is looked at ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "deflate", "gzip, identity", "x"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_packed_body_is_refused_and_never_opened(
    client: FlaskClient, session: Session, method: str, encoding: str
) -> None:
    bomb = gzip.compress(b"[" + b" " * 50_000_000 + b"]", compresslevel=9)
    headers = basic(*a_key_and_secret(session)) | {"Content-Encoding": encoding}
    for address in ("statements", "activities/state", "oauth/token", "about"):
        answer = client.open(
            f"/xapi/{address}", method=method, data=bomb, headers=headers, content_type="application/json"
        )
        assert answer.status_code == 415
        assert answer.json is not None
        assert (answer.json["property"], answer.json["clause"]) == ("Content-Encoding", "Communication 1.4")


def test_identity_is_no_encoding(client: FlaskClient, session: Session) -> None:
    headers = basic(*a_key_and_secret(session)) | {"Content-Encoding": "Identity"}
    assert client.get(STATEMENTS, headers=headers).status_code == 200


def test_a_heap_of_headers_is_refused(client: FlaskClient, session: Session) -> None:
    headers = basic(*a_key_and_secret(session))
    assert client.get(STATEMENTS, headers=headers | {"If-Match": "x" * 20_000}).status_code == 200
    for more in {"If-Match": "x" * doors.MOST_HEADER_BYTES}, {f"X-{n}": "x" * 1000 for n in range(40)}:
        answer = client.get(STATEMENTS, headers=headers | more)
        assert answer.status_code == 431
        assert answer.headers["X-Experience-API-Version"] == "1.0.3"


DEEP = "[" * 10_000 + "]" * 10_000
DEEP_OBJECT = '{"a":' * 10_000 + "1" + "}" * 10_000


@pytest.mark.parametrize("deep", [DEEP, DEEP_OBJECT], ids=["arrays", "objects"])
def test_json_ten_thousand_deep_is_a_bad_request_wherever_json_is_read(
    client: FlaskClient, session: Session, deep: str
) -> None:
    headers = basic(*a_key_and_secret(session))
    statement = a_statement(result={"extensions": {"a:x": "DEEP"}})
    agent = json.dumps(an_agent())
    state = {"activityId": "a:x", "agent": agent, "stateId": uuid4().hex}
    assert client.put("/xapi/activities/state", query_string=state, json={}, headers=headers).status_code == 204
    answers = [
        client.post(address, query_string=query, data=body, headers=headers, content_type="application/json")
        for address, query, body in (
            ("/xapi/statements", {}, deep),
            ("/xapi/statements", {}, f"[{deep}]"),
            ("/xapi/statements", {}, json.dumps(statement).replace('"DEEP"', deep)),
            ("/xapi/activities/state", state, deep),
            ("/xapi/activities/state", state | {"agent": deep}, "{}"),
        )
    ]
    answers.append(client.get("/xapi/agents", query_string={"agent": deep}, headers=headers))
    assert [answer.status_code for answer in answers] == [400] * len(answers)
