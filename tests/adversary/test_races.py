"""Several connections at the same moment: what each could have alone, all together cannot have."""

from __future__ import annotations

from functools import partial

from flask import Flask

from elearn.db import db
from elearn.demo.scripted_player import Answer, ScriptedPlayer
from elearn.tracking.ledger_check import check_ledger
from tests.adversary.test_presence import SUBSETS, send
from tests.at_once import at_once
from tests.builders_tracking import RIGHT, a_player, a_unit, a_watchable
from tests.conftest import scalar


def an_open_player(app: Flask) -> ScriptedPlayer:
    with app.app_context():
        session = db.session()
        lesson = a_watchable(session, duration_ms=600_000)
        session.commit()
        player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    return player


def in_database(app: Flask, sql: str) -> object:
    with app.app_context():
        found = scalar(db.session(), sql)
        assert check_ledger(db.session()) == []
        return found


def test_all_answers_sent_at_once_are_still_two_tries(own_app: Flask) -> None:
    player = an_open_player(own_app)
    player.have_key()
    player.play(15_000)
    check = player.ask_check()
    right = {option["id"] for option in check["options"] if option["text"] in RIGHT}
    wrong = [one for one in SUBSETS if set(one) != right]
    answers: list[Answer] = at_once(
        *[partial(send, player, check["id"], one) for one in wrong[:5]],
        partial(send, player, check["id"], sorted(right)),
    )
    assert {answer.status for answer in answers} == {200}
    assert in_database(own_app, "SELECT max(jsonb_array_length(tries)) FROM elearn.presence_check") in (1, 2)
    assert in_database(own_app, "SELECT count(*) FROM elearn.presence_check WHERE outcome IS NOT NULL") == 1


def test_the_right_answer_sent_five_times_at_once_makes_final_once(own_app: Flask) -> None:
    player = an_open_player(own_app)
    player.have_key()
    player.play(15_000)
    check = player.ask_check()
    right = [option["id"] for option in check["options"] if option["text"] in RIGHT]
    answers: list[Answer] = at_once(*[partial(send, player, check["id"], right)] * 5)
    assert [answer.json()["outcome"] for answer in answers] == ["passed"] * 5
    assert in_database(own_app, "SELECT sum(end_ms - start_ms) FROM elearn.watched_span WHERE kind = 'final'") == 15_000


def test_asking_from_everywhere_at_once_puts_one_question(own_app: Flask) -> None:
    player = an_open_player(own_app)
    player.have_key()
    player.play(15_000)
    answers: list[Answer] = at_once(*[partial(player.call, "POST", player.at("/checks"), {})] * 5)
    assert len({answer.json()["check"]["id"] for answer in answers}) == 1


def test_a_burst_for_all_keys_at_once_gives_the_pace_and_no_more(own_app: Flask) -> None:
    player = an_open_player(own_app)
    answers: list[Answer] = at_once(*[partial(player.ask_key, index) for index in range(10)])
    assert sorted(answer.status for answer in answers) == [200, 200] + [425] * 8
    assert in_database(own_app, "SELECT max(block) FROM elearn.delivery") == 1


def test_two_lessons_played_at_once_in_two_browsers_earn_the_time_of_one(own_app: Flask) -> None:
    """Each opens, gets its key and reports at the same moments: the takeover cuts the other's window."""
    with own_app.app_context():
        session = db.session()
        lesson = a_watchable(session)
        units = [lesson.unit_id, a_unit(session, lesson.course_id, lesson.institution_id)]
        session.commit()
        both = [a_player(own_app, session, lesson.learner_id) for _ in units]
    for one in both:
        one.enrol()
    started = own_app.extensions["elearn"].clock.now
    for step in range(3):
        at_once(*[partial(one.open, unit) for one, unit in zip(both, units, strict=True)])
        at_once(*[partial(one.ask_key, 0) for one in both])
        both[0].wait(5_000)
        messages = []
        for one in both:
            one.cm += 5_000
            one.make(a=step * 5_000, b=step * 5_000 + 5_000, play=5_000)
            messages.append(partial(one.call, "POST", one.at("/reports"), one.message()))
        at_once(*messages)
    elapsed_ms = int((own_app.extensions["elearn"].clock.now - started).total_seconds() * 1000)
    assert elapsed_ms == 15_000
    earned = in_database(own_app, "SELECT coalesce(sum(end_ms - start_ms), 0) FROM elearn.watched_span")
    assert int(str(earned)) <= 15_150


def test_a_check_passed_while_reports_come_in_loses_nothing_and_doubles_nothing(own_app: Flask) -> None:
    player = an_open_player(own_app)
    player.have_key()
    player.play(15_000)
    check = player.ask_check()
    right = [option["id"] for option in check["options"] if option["text"] in RIGHT]
    player.pass_time(5_000)
    player.make(a=15_000, b=20_000, play=5_000)
    message = player.message()
    at_once(
        partial(send, player, check["id"], right),
        partial(player.call, "POST", player.at("/reports"), message),
        partial(player.call, "POST", player.at("/reports"), message),
        partial(send, player, check["id"], right),
    )
    assert in_database(own_app, "SELECT sum(upper(media) - lower(media)) FROM elearn.believed_span") == 20_000


def test_opening_at_once_for_the_first_time_makes_one_learner(own_app: Flask) -> None:
    with own_app.app_context():
        session = db.session()
        lesson = a_watchable(session)
        session.commit()
        player = a_player(own_app, session, lesson.learner_id)
    player.enrol()
    asked = {"unit": str(lesson.unit_id), "device": player.device.thumbprint, "cm": 0, "player": "x"}
    answers: list[Answer] = at_once(*[partial(player.call, "POST", "/sittings", asked)] * 4)
    assert [answer.status for answer in answers] == [201] * 4
    assert in_database(own_app, "SELECT count(*) FROM elearn.sitting WHERE ended_ms IS NULL") == 1
