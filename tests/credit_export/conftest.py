from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tests.credit_export.records.an_office import Office, an_office


@pytest.fixture
def office(session: Session) -> Office:
    return an_office(session)
