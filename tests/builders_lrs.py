"""Statements for tests: say only what matters."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from elearn.tracking.lrs.access import credentials
from elearn.tracking.lrs.models import Credential
from elearn.tracking.lrs.rules.check import Checked, check_statement

HOME = "https://school.example"
AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)


def a_key_and_secret(
    session: Session, *scopes: str, organisation_id: UUID | None = None, speaks: str = "1.0.3"
) -> tuple[str, str]:
    """A key and its secret, of scope `all` unless told; commits."""
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


def basic(key: str, secret: str, *, version: str = "1.0.3") -> dict[str, str]:
    """The headers of a client with this key."""
    sent = b64encode(f"{key}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {sent}", "X-Experience-API-Version": version, "Accept-Language": "en"}


def a_key(
    session: Session, *scopes: str, organisation_id: UUID | None = None, version: str = "1.0.3"
) -> dict[str, str]:
    """The headers of a client with a key of its own; commits."""
    return basic(*a_key_and_secret(session, *scopes, organisation_id=organisation_id), version=version)


def a_credential(session: Session, *, organisation_id: UUID | None = None, id_: UUID | None = None) -> UUID:
    """The id of a key that nobody has the secret of."""
    id_ = id_ or uuid4()
    values: dict[str, Any] = {"key": str(id_), "secret_hash": b"", "label": "", "scopes": ["all"], "created_at": AT}
    session.add(Credential(id=id_, organisation_id=organisation_id, **values))
    session.flush()
    return id_


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


def an_attachment(data: bytes, **more: Any) -> dict[str, Any]:
    """What a statement says of an attachment whose raw data are `data`; a value of None leaves the property out."""
    made = {
        "usageType": "http://example.com/attachment-usage/test",
        "display": {"en": "a file"},
        "contentType": "text/plain",
        "length": len(data),
        "sha2": sha256(data).hexdigest(),
        **more,
    }
    return {name: value for name, value in made.items() if value is not None}


def a_part(data: bytes, **headers: str | None) -> bytes:
    """One part of a multipart body; `Content_Type="..."` sets a header, None leaves it out."""
    named = {
        "Content-Type": "text/plain",
        "Content-Transfer-Encoding": "binary",
        "X-Experience-API-Hash": sha256(data).hexdigest(),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value is not None)
    return lines.encode() + b"\r\n" + data


def a_multipart(what: Any, *parts: bytes, boundary: str = "b0undary") -> bytes:
    """A body of multipart/mixed: `what` as JSON, then further parts with their headers."""
    first = what if isinstance(what, bytes) else b"Content-Type: application/json\r\n\r\n" + json.dumps(what).encode()
    mark = f"--{boundary}".encode()
    return b"".join(mark + b"\r\n" + part + b"\r\n" for part in (first, *parts)) + mark + b"--\r\n"
