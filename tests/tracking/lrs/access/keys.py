"""Tokens for tests, and what a client sends with one."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.builders_lrs import basic

VERSION = {"X-Experience-API-Version": "1.0.3", "Accept-Language": "en"}


def by_token(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **VERSION}


def ask_token(client: FlaskClient, key: str, secret: str, **form: Any) -> TestResponse:
    """POST /xapi/oauth/token by Basic."""
    form = {"grant_type": "client_credentials", **form}
    return client.post("/xapi/oauth/token", data=form, headers={"Authorization": basic(key, secret)["Authorization"]})
