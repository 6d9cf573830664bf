"""Guards of the sitting's door that only a message made for them meets; each was seen to fail without its guard."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import REPORT, ScriptedPlayer
from elearn.errors import Forbidden
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.tokens import Token, Tokens
from tests.builders_tracking import RIGHT, WRONG, a_player, a_watchable, fail_check, pass_check
from tests.conftest import ManualClock, scalar


@pytest.fixture
def player(player: ScriptedPlayer) -> ScriptedPlayer:
    """Somebody with an open sitting of the lesson and the key of its first block."""
    assert player.have_key()
    return player


# -- whose token, whose message


def test_a_message_for_another_of_one_s_own_sittings_is_refused(player: ScriptedPlayer) -> None:
    older = player.sid
    player.open(player.opened["unit"])
    player.make()
    got = player.call("POST", player.at("/reports"), player.message(sid=older))
    assert (got.status, got.json()["error"]) == (403, "bad_token")
    assert player.flush()["acknowledged"] == 1


def test_a_token_opens_its_own_sitting_only(player: ScriptedPlayer) -> None:
    older = player.opened["token"]
    player.open(player.opened["unit"])
    got = player.call("GET", player.at(""), X_Sitting=older)
    assert (got.status, got.json()["error"]) == (403, "bad_token")
    assert player.look()["ended"] is None


def test_a_token_holds_as_long_as_its_reports_would_be_taken() -> None:
    tokens = Tokens(b"s" * 32)
    token = Token(uuid4(), uuid4(), uuid4(), "thumbprint", 1_000)
    written = tokens.write(token)
    assert tokens.read(written, now_ms=1_000) == token
    with pytest.raises(Forbidden, match="too old"):
        tokens.read(written, now_ms=1_001)


@pytest.mark.parametrize("member", ["seq", "a", "b", "cm", "play", "hidden"])
def test_a_number_that_fits_no_column_is_malformed(player: ScriptedPlayer, member: str) -> None:
    said = json.loads(player.make())
    said["result"]["extensions"][REPORT][member] = 2**53 + 1
    got = player.call("POST", player.at("/reports"), player.message([json.dumps(said)]))
    assert (got.status, got.json()["error"]) == (400, "malformed")


def test_another_learner_s_check_is_nobody_else_s_to_answer(
    app: Flask, session: Session, player: ScriptedPlayer
) -> None:
    player.play(15_000)
    check = player.ask_check()
    lesson = a_watchable(session)
    other = a_player(app, session, lesson.learner_id)
    other.open(lesson.unit_id)
    got = other.call("POST", other.at(f"/checks/{check['id']}"), {"answer": [0, 1]})
    assert (got.status, got.json()["error"]) == (404, "not_found")
    assert scalar(session, "SELECT outcome FROM elearn.presence_check") is None


def test_a_question_is_about_what_was_watched_however_often_it_was_asked(player: ScriptedPlayer) -> None:
    player.play(30_000)
    assert fail_check(player)["outcome"] == "failed"
    assert player.ask_check()["stem"] == "What was said at 0?"


def test_whoever_fails_is_asked_something_else_as_long_as_there_is_something(app: Flask, session: Session) -> None:
    for _ in range(3):  # whoever drew at random would hardly be lucky three times over
        lesson = a_watchable(session)
        player = a_player(app, session, lesson.learner_id)
        player.open(lesson.unit_id)
        player.play(90_000)
        stems = []
        for _ in range(3):
            check = player.ask_check()
            stems.append(check["stem"])
            player.answer(check, WRONG)
            player.answer(check, RIGHT[:1])
        assert len(set(stems)) == 3


def test_the_same_wrong_answer_again_is_the_same_try(player: ScriptedPlayer) -> None:
    """Its answer was lost on the way."""
    player.play(15_000)
    check = player.ask_check()
    first, again = player.answer(check, WRONG), player.answer(check, WRONG)
    assert (first["outcome"], first["tries_left"]) == (again["outcome"], again["tries_left"]) == ("try_again", 1)
    assert player.answer(check, RIGHT)["outcome"] == "passed"


def test_a_sitting_that_ended_is_not_closed_again(player: ScriptedPlayer) -> None:
    older = player.at("/close"), player.opened["token"]
    player.open(player.opened["unit"])
    told = player.call("POST", older[0], {}, X_Sitting=older[1]).json()
    assert told["ended"] == "playing_elsewhere"
    assert player.look()["ended"] is None


# -- from report to report


def test_an_honest_chain_is_whole(player: ScriptedPlayer, session: Session) -> None:
    player.play(30_000)
    assert scalar(session, "SELECT array_agg(chain_broken ORDER BY seq) FROM elearn.report") == [False, False]


def test_one_id_stands_for_one_statement(player: ScriptedPlayer, session: Session) -> None:
    player.pass_time(10_000)
    first = json.loads(player.make(a=0, b=5_000, play=5_000))
    second = json.loads(player.make(a=5_000, b=10_000, play=5_000))
    second["id"] = first["id"]
    told = player.deliver(player.message([json.dumps(first), json.dumps(second)]))
    assert [(one["outcome"], one["class"]) for one in told["results"]] == [
        ("believed", None),
        ("refused", "device_problem"),
    ]
    assert scalar(session, "SELECT array_agg(refused_as) FROM elearn.report WHERE refused_as IS NOT NULL") == ["FORK"]


def test_a_report_twice_in_one_message_counts_once(player: ScriptedPlayer) -> None:
    player.pass_time(5_000)
    statement = player.make(a=0, b=5_000, play=5_000)
    told = player.deliver(player.message([statement, statement]))
    assert [one["outcome"] for one in told["results"]] == ["believed", "ignored"]
    assert told["pending_ms"] == 5_000


def test_of_reports_that_overlap_in_one_message_the_second_adds_what_is_new(
    player: ScriptedPlayer, session: Session
) -> None:
    player.pass_time(15_000)
    player.make(a=0, b=8_000, play=8_000, cm=player.cm - 7_000)
    player.make(a=4_000, b=11_000, play=7_000)
    told = player.flush()
    assert [one["credited_ms"] for one in told["results"]] == [8_000, 3_000]
    assert told["spans"]["pending"] == [[0, 11_000]]
    assert check_ledger(session) == []


def test_what_waited_is_judged_by_the_time_at_which_it_was_heard(player: ScriptedPlayer, session: Session) -> None:
    player.pass_time(5_000)
    first = player.make(a=0, b=5_000, play=5_000)
    player.pass_time(5_000)
    second = player.make(a=5_000, b=10_000, play=5_000)
    heard_ms = player.deliver(player.message([second]))["server_time_ms"]
    player.pass_time(60_000)
    told = player.deliver(player.message([first]))
    assert told["acknowledged"] == 2
    times = scalar(session, "SELECT array_agg(tau_ms ORDER BY seq) FROM elearn.report")
    assert times == [heard_ms + 60_000, heard_ms]
    assert check_ledger(session) == []


def test_the_server_s_time_is_held_when_its_clock_is_stepped_back(player: ScriptedPlayer, clock: ManualClock) -> None:
    before_ms = player.look()["server_time_ms"]
    clock.advance(-5_000)
    assert player.look()["server_time_ms"] == before_ms
    clock.advance(5_001)
    assert player.look()["server_time_ms"] == before_ms + 1


def test_what_is_confirmed_stays_on_the_days_it_was_watched(app: Flask, session: Session, clock: ManualClock) -> None:
    clock.advance(15 * 3_600_000 - 10_000)  # ten seconds before midnight in Shanghai
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.play(30_000)
    pass_check(player)
    final = "SELECT array_agg(end_ms - start_ms ORDER BY start_ms) FROM elearn.watched_span WHERE kind = 'final'"
    assert scalar(session, final) == [10_000, 20_000]
