"""A client of the statements, at each version."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.builders_lrs import a_key
from tests.tracking.lrs.communication.statements_client import VERSIONS, Statements


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def statements(client: FlaskClient, session: Session, version: str) -> Statements:
    return Statements(client, a_key(session, version=version))
