from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.credit_export.ledger.sampling.an_authority import Authority, an_authority
from tests.hours import a_house


@pytest.fixture
def authority(app: Flask, session: Session, tmp_path: Path) -> Iterator[Authority]:
    """Of a log of which every block is drawn."""
    parts = app.extensions["elearn"]
    before = parts.settings
    parts.settings = dataclasses.replace(before, ledger_sample_per_million=1_000_000)
    try:
        with an_authority(app, session, a_house(tmp_path / "log"), tmp_path) as made:
            yield made
    finally:
        parts.settings = before
