"""The description of /xapi/ holds what is there, and nothing else."""

from __future__ import annotations

import json
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from elearn.tracking.lrs.openapi import OPERATIONS
from elearn.tracking.lrs.schemas import SCHEMAS


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"].rpartition("/")[2]} if "$ref" in value else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_the_description_is_for_everybody_and_names_every_way_of_every_resource(
    app: Flask, client: FlaskClient
) -> None:
    answer = client.get("/xapi/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["X-Experience-API-Version"] == "1.0.3"
    described = json.loads(answer.data)
    assert described["openapi"].startswith("3.1")
    there = {
        (rule.rule, method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/xapi/") and not rule.endpoint.endswith(".elsewhere")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(path, method) for path, ways in described["paths"].items() for method in ways} == there


def test_every_schema_is_there_and_is_used() -> None:
    assert references([OPERATIONS, SCHEMAS]) == set(SCHEMAS)


def test_the_description_takes_no_parameters(client: FlaskClient) -> None:
    assert client.get("/xapi/openapi.json?x=1").status_code == 400
