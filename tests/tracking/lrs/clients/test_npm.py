"""The stock clients of npm, @xapi/xapi 3.0.3 and tincanjs 0.50.0, use the store as their readers do.

The scripts beside this file say what they do; here stands what they must have observed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Script = Callable[[str], dict[str, Any]]

XAPI = {
    "about": ["1.0.0", "1.0.1", "1.0.2", "1.0.3", "2.0.0"],
    "ids": True,
    "single": True,
    "again": 200,
    "conflict": 409,
    "got": True,
    "pages": [3, 1, ""],
    "order": True,
    "voided": [404, True],
    "state": {"at": 1, "more": 2},
    "states": True,
    "dropped": [204, 404],
    "profile_new": 204,
    "profile": {"a": 1},
    "profile_stale": 412,
    "profile_set": 204,
    "profiles": True,
    "profile_gone": 204,
    "agent_profile_new": 204,
    "agent_profile": {"b": 1},
    "agent_profiles": True,
    "agent_profile_gone": 204,
    "person": "Person",
    "activity": "第七课",
    "stranger": 401,
}
BY_FETCH = XAPI | {
    # Its errors hold the answer's text and no status.
    "conflict": "statement_conflict",
    "voided": ["not_found", True],
    "dropped": [204, "not_found"],
    "profile_stale": "stale",
    "stranger": "wrong_key",
    "attached": True,
    "attachment": [2, True, "a certificate of studying"],
}


def test_xapi_at_both_versions_with_both_of_its_transports(run_script: Script) -> None:
    seen = run_script("xapi.mjs")
    assert seen == {f"{version} {by}": seen_ for version in ("1.0.3", "2.0.0") for by, seen_ in EXPECTED.items()}


EXPECTED = {"axios": XAPI, "fetch": BY_FETCH}


def test_tincanjs(run_script: Script) -> None:
    assert run_script("tincan.mjs") == {
        "many": None,
        "single": None,
        "again": None,
        "got": True,
        "conflict": 409,
        "pages": [3, 1],
        "order": True,
        "voiding": None,
        "voided": [404, True],
        "attached": None,
        "attachment": "a certificate of studying",
        "state_saved": None,
        "state": {"at": 3},
        "states": ["bookmark"],
        "state_dropped": None,
        "state_gone": None,
        "profile_saved": None,
        "profile": {"a": 1},
        "profile_again": None,
        "profile_stale": 412,
        "profile_dropped": None,
        "agent_profile_saved": None,
        "agent_profile": {"b": 1},
        "agent_profile_dropped": None,
        "activity": {"en": "Unit 7"},
    }
