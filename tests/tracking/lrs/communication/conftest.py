"""Clients of the documents: of each resource, at each version."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.builders_lrs import a_key
from tests.tracking.lrs.communication.documents_client import RESOURCES, VERSIONS, Documents


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
