"""A lesson, a learner watching it, and eyes that look at what really stands in the database."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import ScriptedPlayer
from tests.builders_tracking import Watchable, a_player, a_watchable


@pytest.fixture
def lesson(session: Session) -> Watchable:
    """A unit of ten minutes with a question for every 30 s."""
    return a_watchable(session, duration_ms=600_000)


@pytest.fixture
def player(app: Flask, session: Session, lesson: Watchable) -> ScriptedPlayer:
    """A learner with an open sitting and the key of the first block."""
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    assert player.have_key()
    return player
