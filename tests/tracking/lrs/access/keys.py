"""Keys for tests, and what a client sends with one."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from elearn.tracking.lrs.access import credentials

AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
VERSION = {"X-Experience-API-Version": "1.0.3", "Accept-Language": "en"}


def a_key(
    session: Session, *scopes: str, organisation_id: UUID | None = None, speaks: str = "1.0.3"
) -> tuple[str, str]:
    """A key and its secret; of all scopes when none is named."""
    made, secret = credentials.create(
        session,
        label="a client",
        scopes=scopes or ("all",),
        organisation_id=organisation_id,
        at=AT,
        server_key=credentials.server_key(),
        speaks=speaks,
    )
    session.commit()
    return made.key, secret


def basic(key: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{key}:{secret}".encode()).decode(), **VERSION}


def by_token(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **VERSION}


def ask_token(client: FlaskClient, key: str, secret: str, **form: Any) -> TestResponse:
    """POST /xapi/oauth/token by Basic."""
    form = {"grant_type": "client_credentials", **form}
    return client.post("/xapi/oauth/token", data=form, headers={"Authorization": basic(key, secret)["Authorization"]})
