"""Getting past the presence check without having watched."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import Answer, ScriptedPlayer
from elearn.tracking.ledger_check import check_ledger
from tests.builders_tracking import (
    RIGHT,
    WRONG,
    Watchable,
    a_player,
    a_unit,
    a_watchable,
    again_later,
    fail_check,
    pass_check,
)
from tests.conftest import scalar

SUBSETS = [list(one) for one in chain.from_iterable(combinations(range(4), size) for size in range(1, 5))]


def final_ms(session: Session) -> int:
    return int(
        str(
            scalar(
                session,
                "SELECT coalesce(sum(upper(media) - lower(media)), 0) FROM elearn.believed_span WHERE state = 'final'",
            )
        )
    )


def ask(player: ScriptedPlayer) -> Answer:
    return player.call("POST", player.at("/checks"), {})


def send(player: ScriptedPlayer, check_id: str, chosen: list[int]) -> Answer:
    return player.call("POST", player.at(f"/checks/{check_id}"), {"answer": chosen})


def player_person(session: Session) -> Any:
    return scalar(session, "SELECT learner_id FROM elearn.learner_watch")


def test_asking_again_never_gives_another_question(app: Flask, session: Session, player: ScriptedPlayer) -> None:
    player.play(45_000)
    first = player.ask_check()
    assert player.ask_check() == first
    player.close()
    again = a_player(app, session, player_person(session))
    again.open(player.opened["unit"])
    assert again.ask_check() == first, "a new sitting asks the same question, with the same deadline"


def test_looking_at_the_question_and_letting_it_run_out_costs_everything_pending(
    player: ScriptedPlayer, session: Session
) -> None:
    player.play(45_000)
    player.ask_check()
    player.pass_time(70_001)
    told = player.look()
    assert (told["pending_ms"], told["held"]) == (0, True)
    assert player.play(15_000)["frontier_ms"] == 0, "held: nothing counts"


def test_a_question_takes_two_tries_and_not_a_third(player: ScriptedPlayer, session: Session) -> None:
    player.play(45_000)
    check = player.ask_check()
    right = sorted(option["id"] for option in check["options"] if option["text"] in RIGHT)
    wrong = [one for one in SUBSETS if one != right]
    outcomes = [send(player, check["id"], one).json()["outcome"] for one in (*wrong[:2], right)]
    assert outcomes == ["try_again", "failed", "failed"]
    assert final_ms(session) == 0


def test_the_same_answer_written_differently_is_the_same_try(player: ScriptedPlayer) -> None:
    player.play(45_000)
    check = player.ask_check()
    right = [option["id"] for option in check["options"] if option["text"] in RIGHT]
    wrong = next(one for one in SUBSETS if len(one) == 2 and set(one) != set(right))
    for again in (wrong, wrong[::-1], wrong * 2):
        told = send(player, check["id"], again).json()
        assert (told["outcome"], told["tries_left"]) == ("try_again", 1)


@pytest.mark.parametrize(
    "body",
    [
        {"answer": [4]},
        {"answer": [-1]},
        {"answer": [True]},
        {"answer": [0.0]},
        {"answer": ["0"]},
        {"answer": [0, 1, 2, 3, 0]},
        {"answer": None},
        {"answer": [0], "outcome": "passed"},
        {},
    ],
)
def test_an_answer_that_is_none_costs_no_try_and_wins_nothing(player: ScriptedPlayer, body: object) -> None:
    player.play(15_000)
    check = player.ask_check()
    got = player.call("POST", player.at(f"/checks/{check['id']}"), body)
    assert (got.status, got.json()["error"]) == (400, "malformed")
    assert player.ask_check()["tries_left"] == 2


def test_choosing_nothing_is_wrong(player: ScriptedPlayer) -> None:
    player.play(15_000)
    assert send(player, player.ask_check()["id"], []).json()["outcome"] == "try_again"


def test_nobody_answers_another_learners_question(app: Flask, session: Session, player: ScriptedPlayer) -> None:
    player.play(15_000)
    check = player.ask_check()
    other = a_watchable(session)
    thief = a_player(app, session, other.learner_id)
    thief.open(other.unit_id)
    got = send(thief, check["id"], [0])
    assert (got.status, got.json()["error"]) == (404, "not_found")
    assert player.ask_check()["tries_left"] == 2, "nobody uses up another's tries either"


def test_three_failed_checks_end_the_day_and_ask_for_identity_again(
    app: Flask, player: ScriptedPlayer, lesson: Watchable, session: Session
) -> None:
    """Else a held learner guesses at leisure: any question falls after eight checks, at no cost (MODEL 3.2)."""
    player.play(45_000)
    for _ in range(3):
        assert fail_check(player)["outcome"] == "failed"
    got = ask(player)
    assert (got.status, got.json()["error"]) == (409, "checks_locked")
    assert player.look()["held"]
    player.pass_time(16 * 3_600_000)  # past midnight in Shanghai, and past the life of the sitting
    player.open(player.opened["unit"])
    got = ask(player)
    assert (got.status, got.json()["error"]) == (401, "identity_again"), "whoever holds the phone is not asked again"
    assert pass_check(again_later(app, session, player, lesson, 0))["outcome"] == "passed"


def test_a_wrong_try_that_is_left_to_run_out_is_a_failed_check_too(player: ScriptedPlayer) -> None:
    player.play(45_000)
    for _ in range(3):
        player.answer(player.ask_check(), WRONG)
        player.pass_time(70_001)
        assert player.look()["held"]
    assert ask(player).json()["error"] == "checks_locked"


def test_a_question_that_nobody_tried_to_answer_only_rolls_back(player: ScriptedPlayer) -> None:
    """The phone rang three times: no reason to lock anybody out for the day (MODEL 3.2)."""
    player.play(15_000)
    for _ in range(4):
        player.ask_check()
        player.pass_time(70_001)
        assert player.look()["held"]
    assert pass_check(player)["outcome"] == "passed"


def test_failed_checks_of_yesterday_do_not_count(player: ScriptedPlayer) -> None:
    player.play(15_000)
    for _ in range(2):
        fail_check(player)
    player.pass_time(16 * 3_600_000)
    player.open(player.opened["unit"])
    fail_check(player)
    assert pass_check(player)["outcome"] == "passed"


def test_a_second_of_a_lesson_whose_answers_are_known_does_not_confirm_another_lesson(
    app: Flask, session: Session
) -> None:
    """The question is about what is pending, in proportion: not always about what was opened last."""
    long = a_watchable(session, duration_ms=600_000)
    known = a_unit(session, long.course_id, long.institution_id, duration_ms=90_000)
    player = a_player(app, session, long.learner_id)
    asked_about_long = 0
    for _ in range(4):
        player.open(long.unit_id)
        player.play(75_000)
        player.open(known)
        player.play(500)
        check = player.ask_check()
        asked_about_long += scalar(session, "SELECT unit_id FROM elearn.presence_check WHERE outcome IS NULL") == (
            long.unit_id
        )
        assert player.answer(check, RIGHT)["outcome"] == "passed"
    assert asked_about_long >= 3


def test_a_lesson_whose_questions_were_retired_locks_nobody_out(app: Flask, session: Session) -> None:
    """An honest learner who missed a check about it must still find the way out."""
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.play(15_000)
    fail_check(player)
    session.execute(sa.text("UPDATE elearn.question SET retired_at = created_at"))
    assert pass_check(player)["outcome"] == "passed"


def test_passing_again_and_again_makes_each_second_final_once(player: ScriptedPlayer, session: Session) -> None:
    player.play(45_000)
    check = player.ask_check()
    for _ in range(3):
        assert player.answer(check, RIGHT)["outcome"] == "passed"
    assert final_ms(session) == 45_000
    assert check_ledger(session) == []


def test_what_is_shown_says_nothing_of_the_answer(player: ScriptedPlayer) -> None:
    player.play(45_000)
    check = player.ask_check()
    assert set(check) == {"id", "kind", "stem", "options", "answer_ms", "deadline_ms", "tries_left"}
    assert all(set(option) == {"id", "text"} for option in check["options"])
    wrong = player.answer(check, WRONG)
    assert not {"correct", "right", "options"} & set(wrong)


def test_the_order_of_the_options_tells_nothing(app: Flask, session: Session) -> None:
    """Place of the right options over many checks: each place is right about half of the time."""
    lesson = a_watchable(session, duration_ms=1_200_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    places = [0] * 4
    for _ in range(24):
        player.play(1_000)
        check = player.ask_check()
        for option in check["options"]:
            places[option["id"]] += option["text"] in RIGHT
        player.answer(check, RIGHT)
    assert all(3 <= place <= 21 for place in places), places
