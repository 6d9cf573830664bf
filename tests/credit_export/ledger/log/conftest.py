"""The log of the application under test, below the test's own directory."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from elearn.credit_export.ledger.advancing import House
from tests.hours import a_house


@pytest.fixture
def house(app: Flask, tmp_path: Path) -> House:
    with app.app_context():
        return a_house(tmp_path)


@pytest.fixture
def own_house(own_app: Flask, tmp_path: Path) -> House:
    with own_app.app_context():
        return a_house(tmp_path / "log")
