"""What opening a sitting tells the player, beside where the learner stands."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn.tracking import policies
from elearn.tracking.policy import Policy
from tests.builders_tracking import a_player, a_watchable


def test_the_player_is_told_the_limits_before_one_of_them_bites(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    opened = a_player(app, session, lesson.learner_id).open(lesson.unit_id)
    policy = Policy()
    playing = ("heartbeat_ms", "rate_max_permille", "delta_ms", "hidden_grace_ms")
    for limit in (*playing, "gap_max_ms", "pend_max_ms", "late_day_ms"):
        assert opened[limit] == getattr(policy, limit), limit


@pytest.mark.parametrize(("player_kind", "blocks"), [("hls.js", 2), ("native", 4), ("something else", 2)])
def test_each_kind_of_player_has_its_own_lead(app: Flask, session: Session, player_kind: str, blocks: int) -> None:
    policies.give(app, replace(Policy(), lead_native_ms=90_000))
    lesson = a_watchable(session, duration_ms=300_000)
    player = a_player(app, session, lesson.learner_id)
    asked = {"unit": str(lesson.unit_id), "device": player.enrol(), "cm": 0, "player": player_kind}
    player.opened = player.call("POST", "/sittings", asked).json()
    policies.give(app, None)
    assert [player.ask_key(index).status for index in range(blocks + 1)] == [200] * blocks + [425]
