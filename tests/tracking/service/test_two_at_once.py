"""Real connections at the same moment: the learner's row is locked before anything is decided."""

from __future__ import annotations

from functools import partial

from flask import Flask

from elearn.db import db
from elearn.demo.scripted_player import Answer
from elearn.tracking.ledger_check import check_ledger
from tests.at_once import at_once
from tests.builders_tracking import an_open_player
from tests.conftest import scalar


def test_the_same_heartbeat_twice_at_once_counts_once(own_app: Flask) -> None:
    player = an_open_player(own_app)
    for _ in range(5):
        player.pass_time(3_000)
        start, player.position_ms = player.position_ms, player.position_ms + 3_000
        player.make(a=start, b=start + 3_000, play=3_000)
        message = player.message()
        answers = at_once(*[partial(player.call, "POST", player.at("/reports"), message)] * 4)
        assert [answer.status for answer in answers] == [200] * 4
        outcomes = sorted(answer.json()["results"][0]["outcome"] for answer in answers)
        assert outcomes == ["believed", "ignored", "ignored", "ignored"]
        player.queue.clear()
        player.state = answers[0].json()
    with own_app.app_context():
        assert scalar(db.session(), "SELECT sum(end_ms - start_ms) FROM elearn.watched_span") == 15_000
        assert check_ledger(db.session()) == []


def test_two_reports_that_each_could_count_share_one_budget(own_app: Flask) -> None:
    """Heartbeats 1 and 2 arrive together, in whatever order; 10 s of real time are worth no more than 10 s."""
    player = an_open_player(own_app)
    player.pass_time(10_000)
    messages = [player.message([player.make(a=0, b=10_000, play=9_000)])]
    messages.append(player.message([player.make(a=10_000, b=20_000, play=9_000)]))
    at_once(*[partial(player.call, "POST", player.at("/reports"), sent) for sent in messages])
    with own_app.app_context():
        earned = int(str(scalar(db.session(), "SELECT sum(end_ms - start_ms) FROM elearn.watched_span")))
        assert earned <= 10_100
        assert check_ledger(db.session()) == []


def test_of_sittings_opened_at_once_one_is_live(own_app: Flask) -> None:
    player = an_open_player(own_app)
    asked = {"unit": player.opened["unit"], "device": player.device.thumbprint, "cm": 0, "player": "hls.js"}
    answers: list[Answer] = at_once(*[lambda: player.call("POST", "/sittings", asked)] * 4)
    assert [answer.status for answer in answers] == [201] * 4
    with own_app.app_context():
        assert scalar(db.session(), "SELECT count(*) FROM elearn.sitting WHERE ended_ms IS NULL") == 1


def test_a_report_and_a_missed_check_at_once_leave_no_credit_behind(own_app: Flask) -> None:
    player = an_open_player(own_app)
    player.play(15_000)
    player.ask_check()
    player.pass_time(70_001)
    player.make(a=15_000, b=20_000, play=5_000)
    message = player.message()
    at_once(
        lambda: player.call("POST", player.at("/reports"), message),
        lambda: player.call("GET", player.at("")),
        lambda: player.ask_key(1),
    )
    with own_app.app_context():
        assert scalar(db.session(), "SELECT count(*) FROM elearn.believed_span") == 0
        assert scalar(db.session(), "SELECT count(*) FROM elearn.presence_check WHERE outcome = 'expired'") == 1
        assert check_ledger(db.session()) == []
