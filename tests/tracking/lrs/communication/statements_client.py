"""A client of the statements resource: says only what a test is about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from elearn.tracking.lrs.rules.whole import VOIDED
from tests.builders_lrs import a_statement, an_agent

VERSIONS = ("1.0.3", "2.0.0")
UUID_1 = "11111111-2222-4333-8444-555555555555"
BEN = an_agent("ben")
THROUGH = "X-Experience-API-Consistent-Through"


@dataclass(frozen=True)
class Statements:
    """The resource as one key sees it. Statements and agents are dicts, sent as JSON; a str or bytes goes as it is."""

    client: FlaskClient
    headers: dict[str, str]

    def by(self, headers: dict[str, str]) -> Statements:
        """The same with other headers beside, or instead."""
        return replace(self, headers={**self.headers, **headers})

    def post(self, body: Any, content_type: str = "application/json", **query: str) -> TestResponse:
        return self._send("POST", body, content_type, query)

    def put(self, id_: str | None, body: Any, content_type: str = "application/json", **query: str) -> TestResponse:
        return self._send("PUT", body, content_type, query if id_ is None else {"statementId": id_, **query})

    def get(self, method: str = "GET", **query: Any) -> TestResponse:
        asked = {name: value if isinstance(value, str) else json.dumps(value) for name, value in query.items()}
        return self.client.open("/xapi/statements", method=method, query_string=asked, headers=self.headers)

    def one(self, id_: str, **query: Any) -> Any:
        """The statement of this id, which must be there."""
        answer = self.get(statementId=id_, **query)
        assert answer.status_code == 200, answer.data
        return json.loads(answer.data)

    def ids(self, **query: Any) -> list[str]:
        """The ids on one page, in its order."""
        answer = self.get(**query)
        assert answer.status_code == 200, answer.data
        return [one["id"] for one in json.loads(answer.data)["statements"]]

    def pages(self, **query: Any) -> list[list[str]]:
        """The ids of all pages, by their links."""
        found = []
        while True:
            answer = self.get(**query)
            assert answer.status_code == 200, answer.data
            page = json.loads(answer.data)
            found.append([one["id"] for one in page["statements"]])
            if not page["more"]:
                return found
            link = urlsplit(page["more"])
            assert (link.scheme, link.netloc, link.path) == ("", "", "/xapi/statements")
            query = {name: value for name, (value,) in parse_qs(link.query).items()}
            assert list(query) == ["more"]

    def _send(self, method: str, body: Any, content_type: str, query: dict[str, str]) -> TestResponse:
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.open(
            "/xapi/statements",
            method=method,
            query_string=query,
            data=data,
            headers=self.headers,
            content_type=content_type,
        )


def ids_of(statements: Sequence[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in statements]


def a_reference(target: str, **what: Any) -> dict[str, Any]:
    return a_statement(object={"objectType": "StatementRef", "id": target}, **what)


def a_voiding(target: str) -> dict[str, Any]:
    return a_reference(target, verb={"id": VOIDED})
