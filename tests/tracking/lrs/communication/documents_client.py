"""A client of the three document resources: says only what a test is about."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.builders_lrs import an_agent
from tests.conftest import scalar

ACTIVITY = "https://school.example/units/7"
RESOURCES = ("activities/state", "activities/profile", "agents/profile")
VERSIONS = ("1.0.3", "2.0.0")


@dataclass(frozen=True)
class Documents:
    """One resource, asked in one place with one key. A parameter of None is left out."""

    client: FlaskClient
    headers: dict[str, str]
    resource: str
    place: dict[str, Any] = field(default_factory=dict)

    @property
    def id_name(self) -> str:
        return "stateId" if self.resource == "activities/state" else "profileId"

    def at(self, **place: Any) -> Documents:
        """The same in another place."""
        return replace(self, place={**self.place, **place})

    def by(self, headers: dict[str, str]) -> Documents:
        """The same with other headers beside, or instead."""
        return replace(self, headers={**self.headers, **headers})

    def parameters(self, id_: str | None, **more: Any) -> dict[str, str]:
        asked: dict[str, Any] = {self.id_name: id_}
        if self.resource.startswith("activities"):
            asked["activityId"] = ACTIVITY
        if self.resource != "activities/profile":
            asked["agent"] = an_agent()
        asked |= self.place | more
        return {
            name: json.dumps(value) if isinstance(value, dict) else str(value)
            for name, value in asked.items()
            if value is not None
        }

    def send(
        self, method: str, id_: str | None = "a", body: Any = None, content_type: str | None = None, **more: Any
    ) -> TestResponse:
        """`body` is sent as it is when it is bytes, else as JSON; keyword arguments are further parameters."""
        options: dict[str, Any] = {}
        if body is not None:
            options["data"] = body if isinstance(body, bytes) else json.dumps(body).encode()
            options["content_type"] = content_type or (None if isinstance(body, bytes) else "application/json")
        return self.client.open(
            f"/xapi/{self.resource}",
            method=method,
            query_string=self.parameters(id_, **more),
            headers=self.headers,
            **options,
        )

    def put(
        self, id_: str | None = "a", body: Any = None, content_type: str | None = None, **more: Any
    ) -> TestResponse:
        return self.send("PUT", id_, {} if body is None else body, content_type, **more)

    def make(self, id_: str = "a", body: Any = None, content_type: str | None = None, **more: Any) -> str:
        """Put a new document there; answers its tag in quotes, as If-Match wants it."""
        by = self.by({"If-None-Match": "*"})
        assert by.put(id_, body, content_type, **more).status_code == 204
        return self.get(id_, **more).headers["ETag"]

    def post(
        self, id_: str | None = "a", body: Any = None, content_type: str | None = None, **more: Any
    ) -> TestResponse:
        return self.send("POST", id_, {} if body is None else body, content_type, **more)

    def get(self, id_: str | None = "a", **more: Any) -> TestResponse:
        return self.send("GET", id_, **more)

    def delete(self, id_: str | None = "a", **more: Any) -> TestResponse:
        return self.send("DELETE", id_, **more)

    def ids(self, **more: Any) -> Any:
        answer = self.get(None, **more)
        assert answer.status_code == 200
        return answer.json


def count(session: Session) -> object:
    """How many documents there are."""
    return scalar(session, "SELECT count(*) FROM elearn.lrs_document")
