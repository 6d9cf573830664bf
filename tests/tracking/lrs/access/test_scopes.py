"""What each scope opens: xAPI Communication 4.2, resource by resource, over HTTP."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from elearn.tracking.lrs.access import scopes
from elearn.tracking.lrs.access.scopes import DEFAULT_SCOPES, SCOPES, included, narrowed
from tests.builders_lrs import a_key_and_secret, a_statement, an_agent, basic

AGENT = json.dumps(an_agent())
ACTIVITY = "https://school.example/units/7"
STATE = {"activityId": ACTIVITY, "agent": AGENT, "stateId": "s"}
ACTIVITY_PROFILE = {"activityId": ACTIVITY, "profileId": "p"}
AGENT_PROFILE = {"agent": AGENT, "profileId": "p"}

REQUESTS = {
    "write statements": ("POST", "statements", {}),
    "read statements": ("GET", "statements", {"verb": "a:v"}),
    "write state": ("PUT", "activities/state", STATE),
    "read state": ("GET", "activities/state", STATE),
    "delete state": ("DELETE", "activities/state", STATE),
    "write activity profiles": ("POST", "activities/profile", ACTIVITY_PROFILE),
    "read activity profiles": ("GET", "activities/profile", ACTIVITY_PROFILE),
    "write agent profiles": ("POST", "agents/profile", AGENT_PROFILE),
    "read agent profiles": ("GET", "agents/profile", AGENT_PROFILE),
    "ask about activities": ("GET", "activities", {"activityId": ACTIVITY}),
    "ask about agents": ("GET", "agents", {"agent": AGENT}),
}
PROFILES = {"write activity profiles", "read activity profiles", "write agent profiles", "read agent profiles"}
THINGS = {"ask about activities", "ask about agents"}

OPENS = {
    "statements/write": {"write statements"},
    "statements/read/mine": {"read statements"} | THINGS,
    "statements/read": {"read statements"} | THINGS,
    "state": {"write state", "read state", "delete state"},
    "define": THINGS,
    "profile": PROFILES | THINGS,
    "all/read": {"read statements", "read state", "read activity profiles", "read agent profiles"} | THINGS,
    "all": set(REQUESTS),
}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_opens_what_the_table_says_and_nothing_else(client: FlaskClient, session: Session, scope: str) -> None:
    headers = basic(*a_key_and_secret(session, scope))
    opened = set()
    for name, (method, address, query) in REQUESTS.items():
        body = None if method in ("GET", "DELETE") else json.dumps(a_statement() if address == "statements" else {})
        answer = client.open(
            f"/xapi/{address}",
            method=method,
            query_string=query,
            headers=headers,
            data=body,
            content_type="application/json" if body else None,
        )
        assert answer.status_code < 500
        assert answer.status_code != 401
        if answer.status_code == 403:
            assert answer.json is not None
            assert answer.json["error"] == "scope"
        else:
            opened.add(name)
    assert opened == OPENS[scope]


def test_only_define_and_all_change_what_is_known_of_activities() -> None:
    assert {scope for scope in SCOPES if included([scope]) & scopes.DEFINES} == {"define", "all"}


@pytest.mark.parametrize(
    ("granted", "asked", "given"),
    [
        # asking for nothing means the two defaults, as far as they were granted (Communication 4.2)
        (["all"], [], list(DEFAULT_SCOPES)),
        (["statements/write", "state"], [], ["statements/write"]),
        (["all/read"], [], ["statements/read/mine"]),
        (["state"], [], None),
        # a part of what was granted, also a part of one scope
        (["all"], ["state", "define"], ["state", "define"]),
        (["all"], ["all"], ["all"]),
        (["statements/read"], ["statements/read/mine"], ["statements/read/mine"]),
        (["all/read"], ["statements/read", "all/read"], ["statements/read", "all/read"]),
        (["state"], ["state", "state"], ["state"]),
        # never more
        (["statements/read/mine"], ["statements/read"], None),
        (["statements/read"], ["all/read"], None),
        (["all/read"], ["state"], None),
        (["all/read"], ["profile"], None),
        (["state", "profile"], ["all"], None),
        (["all"], ["everything"], None),
        (["all"], ["state", "everything"], None),
        ([], ["state"], None),
    ],
)
def test_a_token_is_given_what_was_asked_for_or_refused(
    granted: list[str], asked: list[str], given: list[str] | None
) -> None:
    assert narrowed(granted, asked) == given


@given(st.sets(st.sampled_from(SCOPES)), st.lists(st.sampled_from((*SCOPES, "x"))))
def test_no_token_opens_more_than_its_key(granted: set[str], asked: list[str]) -> None:
    given = narrowed(granted, asked)
    for opens in (
        scopes.WRITES, scopes.READS, scopes.READS_ALL, scopes.STATE_WRITES, scopes.STATE_READS, scopes.PROFILE_WRITES,
        scopes.PROFILE_READS, scopes.DEFINES, scopes.KNOWS_THINGS,
    ):  # fmt: skip
        assert not (opens & set(given or ())) or opens & granted
