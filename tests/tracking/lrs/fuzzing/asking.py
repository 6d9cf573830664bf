"""How fuzzing asks (`ELEARN_FUZZ` multiplies the examples): every refusal has to say what broke which clause."""

from __future__ import annotations

import json
import os
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

TIMES = int(os.environ.get("ELEARN_FUZZ", "1"))
TABLES = ("statement", "statement_id", "statement_relation", "statement_reference", "statement_face",
          "statement_attachment", "attachment_content", "activity_definition", "lrs_document")  # fmt: skip


def examples(number: int) -> settings:
    return settings(
        max_examples=number * TIMES,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def rows(session: Session) -> tuple[int, ...]:
    """How many rows each table of the record store has."""
    asked = ", ".join(f"(SELECT count(*) FROM elearn.{table})" for table in TABLES)
    return tuple(session.execute(sa.text(f"SELECT {asked}")).one())


def refused(answer: TestResponse, *statuses: int) -> dict[str, Any]:
    """What a refusal with one of `statuses` tells."""
    assert answer.status_code in statuses, (answer.status, answer.data)
    if answer.request.method == "HEAD":
        return {}
    told: dict[str, Any] = json.loads(answer.data)
    assert told["clause"]
    assert told["detail"]
    if answer.status_code == 400:
        assert told["property"]
    return told


def exact(text: str | bytes) -> Any:
    """JSON with its numbers as they are written, so that nothing is equal that is not the same."""
    return json.loads(text, parse_int=lambda digits: ("number", digits), parse_float=lambda digits: ("number", digits))
