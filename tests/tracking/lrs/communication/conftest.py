"""Clients of the statements and of the documents: of each resource, at each version."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from elearn.tracking.lrs.rules.check import Checked, check_statement
from elearn.tracking.lrs.statements import attachments
from elearn.tracking.lrs.statements.attachments import Incoming
from tests.builders_lrs import a_key
from tests.tracking.lrs.communication.attached import MIXED, Take
from tests.tracking.lrs.communication.documents_client import RESOURCES, VERSIONS, Documents
from tests.tracking.lrs.communication.statements_client import Statements


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=RESOURCES)
def documents(request: pytest.FixtureRequest, client: FlaskClient, session: Session, version: str) -> Documents:
    """Each of the three resources, at both versions."""
    return Documents(client, a_key(session, version=version), request.param)


@pytest.fixture
def states(client: FlaskClient, session: Session, version: str) -> Documents:
    return Documents(client, a_key(session, version=version), "activities/state")


@pytest.fixture
def statements(client: FlaskClient, session: Session, version: str) -> Statements:
    return Statements(client, a_key(session, version=version))


@pytest.fixture
def take(app: Flask) -> Take:
    """Reads a request and judges it whole, as the door does."""

    def take(body: bytes, content_type: str = MIXED, version: str = "1.0.3") -> tuple[list[Checked], Incoming]:
        with app.test_request_context("/xapi/statements", method="POST", data=body, content_type=content_type):
            incoming = attachments.read_request(most=10)
        batch = [check_statement(text, version) for text in incoming.texts]
        attachments.check(batch, incoming)
        return batch, incoming

    return take
