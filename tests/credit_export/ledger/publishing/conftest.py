"""A log that is published, with and without witnesses."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.credit_export.ledger.publishing.an_office import TWO, Office, an_office


@pytest.fixture
def office(session: Session, tmp_path: Path) -> Office:
    return an_office(session, tmp_path)


@pytest.fixture
def witnessed(session: Session, tmp_path: Path) -> Office:
    return an_office(session, tmp_path, witnesses=TWO)
