"""A heartbeat whose database goes away: it may be sent again, and counts once."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Flask

from elearn.db import db
from tests.at_once import at_once
from tests.builders_tracking import an_open_player
from tests.conftest import scalar
from tests.waiting import wait_for

_END_WHO_WAITS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def test_a_heartbeat_whose_connection_ends_is_told_to_come_again_and_counts_once(own_app: Flask) -> None:
    own_app.testing = False
    player = an_open_player(own_app)
    player.pass_time(10_000)
    player.make(a=0, b=10_000, play=10_000)
    message = player.message()
    with own_app.app_context():
        engine = sa.create_engine(db.engine.url, poolclass=sa.NullPool)

    def ended() -> bool:
        with engine.connect() as outside:
            return outside.execute(sa.text(_END_WHO_WAITS)).scalar() is True

    with engine.connect() as holder:
        holder.execute(sa.text("SELECT FROM elearn.learner_watch FOR UPDATE"))
        answer, _none = at_once(
            lambda: player.call("POST", player.at("/reports"), message),
            lambda: wait_for(ended, seconds=20, what="a heartbeat that waits for its learner"),
        )
    assert (answer.status, answer.json()["error"]) == (503, "unavailable")
    for outcome in ("believed", "ignored"):
        again = player.call("POST", player.at("/reports"), message)
        assert (again.status, again.json()["results"][0]["outcome"]) == (200, outcome)
    with own_app.app_context():
        assert scalar(db.session(), "SELECT sum(end_ms - start_ms) FROM elearn.watched_span") == 10_000
