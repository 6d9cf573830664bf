from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tests.conftest import ManualClock
from tests.credit_export.archive.school import NOW, Archived, an_archived_class


@pytest.fixture
def archived(session: Session, clock: ManualClock) -> Archived:
    clock.now = NOW
    return an_archived_class(session)
