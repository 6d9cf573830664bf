"""A lesson and somebody who has just opened it; a file whose lesson is another says so itself."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import ScriptedPlayer
from tests.builders_tracking import Watchable, a_player, a_watchable


@pytest.fixture
def lesson(session: Session) -> Watchable:
    """90 s, three blocks."""
    return a_watchable(session)


@pytest.fixture
def player(app: Flask, session: Session, lesson: Watchable) -> ScriptedPlayer:
    """Somebody with an open sitting of the lesson."""
    session.commit()
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    return player
