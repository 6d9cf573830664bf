"""What opening a sitting tells the player, beside where the learner stands."""

from __future__ import annotations

from flask import Flask
from sqlalchemy.orm import Session

from elearn.tracking.policy import Policy
from tests.builders_tracking import a_player, a_watchable


def test_the_player_is_told_the_limits_before_one_of_them_bites(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    opened = a_player(app, session, lesson.learner_id).open(lesson.unit_id)
    policy = Policy()
    playing = ("heartbeat_ms", "rate_max_permille", "delta_ms", "hidden_grace_ms")
    for limit in (*playing, "gap_max_ms", "pend_max_ms", "late_day_ms"):
        assert opened[limit] == getattr(policy, limit), limit
