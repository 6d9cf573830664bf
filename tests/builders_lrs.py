"""Statements for tests: say only what matters."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from elearn.tracking.lrs.rules.check import Checked, check_statement

HOME = "https://school.example"


def an_agent(account: str = "w-1001", **more: Any) -> dict[str, Any]:
    return {"objectType": "Agent", "account": {"homePage": HOME, "name": account}, **more}


def a_statement(**what: Any) -> dict[str, Any]:
    """A small statement with an id of its own; a value of None leaves the property out."""
    made = {
        "id": str(uuid4()),
        "actor": an_agent(),
        "verb": {"id": "http://adlnet.gov/expapi/verbs/experienced", "display": {"en": "experienced"}},
        "object": {"id": "https://school.example/units/7"},
        **what,
    }
    return {name: value for name, value in made.items() if value is not None}


def a_checked(version: str = "1.0.3", **what: Any) -> Checked:
    return check_statement(json.dumps(a_statement(**what)), version)
