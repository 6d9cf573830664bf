"""Gaining by how a presence check is put: laxer rules, easier ways, services made to fail."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import ScriptedPlayer
from elearn.tracking import policies
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.policy import Policy
from elearn.tracking.providers import face
from tests.adversary.test_presence import final_ms
from tests.builders_people import KEYS, an_account
from tests.builders_tracking import AT, RIGHT, WRONG, Watchable, a_player, a_watchable
from tests.tracking.presence.asking import ask, asked, outcome, send
from tests.tracking.presence.conftest import Allow
from tests.tracking.presence.pictures import a_portrait
from tests.tracking.presence.services import FakeService

LAX = Policy(presence_methods=("question", "one_time_code"))


def elsewhere(app: Flask, session: Session, player: ScriptedPlayer, learner_id: UUID, policy: Policy) -> Watchable:
    """Another lesson of the same learner, in a class under other rules."""
    other = a_watchable(session, learner_id=learner_id)
    policies.give(app, policy)
    player.open(other.unit_id)
    return other


def test_a_laxer_classs_way_confirms_nothing_that_was_watched_under_stricter_rules(
    app: Flask, session: Session, lesson: Watchable, player: ScriptedPlayer, allow: Allow
) -> None:
    """The last lesson opened would otherwise say how all of them are confirmed."""
    assert player.answer(asked(player), RIGHT)["outcome"] == "passed"
    allow("one_time_code")
    player.play(30_000)
    elsewhere(app, session, player, lesson.learner_id, LAX)
    assert ask(player, "question").json()["error"] == "no_such_way"
    check = asked(player)
    assert (check["kind"], check.get("methods")) == ("one_time_code", None)
    assert final_ms(session) == 45_000


def test_each_lesson_is_confirmed_by_its_own_classs_ways_and_the_other_goes_on_waiting(
    app: Flask, session: Session, lesson: Watchable, player: ScriptedPlayer, allow: Allow, gateway: FakeService
) -> None:
    """Late reports come in while a laxer check is out: they are confirmed by a stricter one, or not at all."""
    assert player.answer(asked(player), RIGHT)["outcome"] == "passed"
    allow("one_time_code")
    strict = player.sid, player.opened, player.seq, player.prev
    player.pass_time(15_000)
    player.make(a=45_000, b=60_000, play=15_000)
    queued = list(player.queue)
    elsewhere(app, session, player, lesson.learner_id, LAX)
    player.have_key()
    player.play(30_000)
    check = asked(player, "question")
    lax = player.opened
    _sid, player.opened, _seq, _prev = strict
    player.look()
    assert player.deliver(player.message(queued))["results"][0]["credited_ms"] == 15_000
    player.opened = lax
    told = player.answer(check, RIGHT)
    assert (told["outcome"], told["final_ms"], told["pending_all_ms"]) == ("passed", 30_000, 15_000)
    assert final_ms(session) == 75_000
    check = asked(player)
    assert check["kind"] == "one_time_code"
    assert "methods" not in check
    assert outcome(player, check, code=gateway.heard[-1]["code"]) == "passed"
    assert final_ms(session) == 90_000
    assert check_ledger(session) == []


def test_who_has_no_way_for_one_class_still_confirms_the_other(
    app: Flask, session: Session, lesson: Watchable, player: ScriptedPlayer, allow: Allow
) -> None:
    assert player.answer(asked(player), RIGHT)["outcome"] == "passed"
    allow("webauthn")
    player.play(15_000)
    assert ask(player).json()["error"] == "no_way"
    elsewhere(app, session, player, lesson.learner_id, LAX)
    player.have_key()
    player.play(15_000)
    told = player.answer(asked(player, "question"), RIGHT)
    assert (told["outcome"], told["pending_all_ms"]) == ("passed", 15_000)
    assert ask(player).json()["error"] == "no_way"
    assert check_ledger(session) == []


def test_a_sitting_of_before_stricter_rules_is_no_way_around_them(
    app: Flask, session: Session, lesson: Watchable, player: ScriptedPlayer, allow: Allow
) -> None:
    assert player.answer(asked(player), RIGHT)["outcome"] == "passed"
    before, state = player.opened, player.state
    allow("one_time_code")
    player.play(15_000)
    player.opened, player.state = before, state
    assert ask(player, "question").json()["error"] == "no_such_way"
    assert asked(player)["kind"] == "one_time_code"


def test_a_check_that_is_out_is_asked_again_under_other_rules_too(
    app: Flask, session: Session, lesson: Watchable, player: ScriptedPlayer, allow: Allow
) -> None:
    """Its method is none of the other rules': no crash, and no other way either."""
    assert player.answer(asked(player), RIGHT)["outcome"] == "passed"
    allow("one_time_code")
    player.play(15_000)
    check = asked(player)
    elsewhere(app, session, player, lesson.learner_id, Policy())
    assert {**asked(player), "methods": 0} == {**check, "methods": 0}
    assert ask(player, "question").json()["error"] == "no_such_way"


# -- services made to fail


def a_face_check(player: ScriptedPlayer) -> dict[str, Any]:
    check = asked(player, "face")
    assert player.call("POST", player.at(f"/checks/{check['id']}/task"), {}).status == 200
    return check


def pictures(*seeds: int) -> list[str]:
    return [b64encode(a_portrait(seed)).decode() for seed in seeds]


@pytest.fixture
def faced(session: Session, lesson: Watchable, player: ScriptedPlayer, allow: Allow) -> ScriptedPlayer:
    """Rules that want a face, or else a key that this learner has not: no questions."""
    face.enrol(session, lesson.learner_id, a_portrait(1), words=face.CONSENT, keys=KEYS, at=AT)
    assert player.answer(asked(player), RIGHT)["outcome"] == "passed"
    allow("face", "webauthn")
    player.play(15_000)
    return player


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_picture_that_the_service_cannot_use_brings_no_question_in_its_place(
    faced: ScriptedPlayer, gateway: FakeService, status: int
) -> None:
    gateway.reply = lambda body: (status, {})
    check = a_face_check(faced)
    got = send(faced, check, images=pictures(2))
    assert (got.status, got.json()["error"]) == (400, "image")
    again = asked(faced)
    assert (again["id"], again["tries_left"]) == (check["id"], 2)
    faced.pass_time(70_001)
    assert faced.look()["held"], "and its time runs on"


def test_a_failing_service_brings_no_new_tries(faced: ScriptedPlayer, gateway: FakeService) -> None:
    """Somebody else's face, then the service is brought down, then somebody else's again, for ever."""
    gateway.reply = lambda body: (200, {"same_person": False, "did_task": True})
    check = a_face_check(faced)
    assert outcome(faced, check, images=pictures(2)) == "try_again"
    gateway.reply = lambda body: (503, {})
    assert faced.call("POST", faced.at(f"/checks/{check['id']}/task"), {}).status == 200
    assert send(faced, check, images=pictures(3)).json()["error"] == "service_down"
    gateway.reply = lambda body: (200, {"same_person": True, "did_task": True})
    assert ask(faced, "face").json()["error"] == "no_such_way"
    check = asked(faced)
    assert check["kind"] == "question"
    assert faced.answer(check, WRONG)["outcome"] == "try_again"
    assert faced.answer(check, [RIGHT[0]])["outcome"] == "failed"


def test_codes_are_not_guessed_in_bulk(player: ScriptedPlayer, allow: Allow, gateway: FakeService) -> None:
    """Six of a million a day: three checks of two tries, whatever comes in between."""
    allow("one_time_code")
    guesses = 0
    for _ in range(5):
        got = ask(player)
        if got.status != 201:
            assert got.json()["error"] == "checks_locked"
            continue
        check = got.json()["check"]
        right = gateway.heard[-1]["code"]
        for number in range(4):
            told = send(player, check, code=f"{(int(right) + 1 + number) % 10**6:06}").json()
            guesses += told["outcome"] in ("try_again", "failed") and number < 2
        assert send(player, check, code=right).json()["outcome"] == "failed", "the right one comes too late"
    assert guesses == 6


def test_a_code_typed_in_a_second_tab_confirms_once(player: ScriptedPlayer, allow: Allow, gateway: FakeService) -> None:
    allow("one_time_code")
    check = asked(player)
    code = gateway.heard[-1]["code"]
    old = player.opened
    player.open(old["unit"])
    assert [outcome(player, check, code=code) for _ in range(2)] == ["passed", "passed"]
    assert player.look()["final_ms"] == 45_000
    player.opened = old
    assert send(player, check, code=code).json()["outcome"] == "passed", "the same answer, told again"
    assert player.look()["final_ms"] == 45_000
    assert len(gateway.heard) == 1


def test_another_learners_code_is_no_code_of_mine(
    app: Flask, session: Session, player: ScriptedPlayer, allow: Allow, gateway: FakeService
) -> None:
    allow("one_time_code")
    mine = asked(player)
    other_lesson = a_watchable(session, learner_id=an_account(session, phone="+8613812345678").person_id)
    other = a_player(app, session, other_lesson.learner_id)
    other.open(other_lesson.unit_id)
    other.play(15_000)
    theirs = asked(other)
    code = gateway.heard[-1]["code"]
    assert send(other, mine, code=gateway.heard[0]["code"]).status == 404
    assert outcome(other, theirs, code=code) == "passed"
    assert outcome(player, mine, code=code) == "try_again"


def test_what_stands_in_for_a_failed_service_confirms_all_that_waits(
    app: Flask, session: Session, lesson: Watchable, player: ScriptedPlayer, allow: Allow, gateway: FakeService
) -> None:
    """Nobody loses anything by our failures, under whatever rules it was watched."""
    assert player.answer(asked(player), RIGHT)["outcome"] == "passed"
    allow("one_time_code")
    player.play(15_000)
    elsewhere(app, session, player, lesson.learner_id, Policy(presence_methods=("webauthn", "one_time_code")))
    player.have_key()
    player.play(15_000)
    gateway.reply = lambda body: (503, {})
    assert ask(player).json()["error"] == "service_down"
    assert player.answer(asked(player), RIGHT)["pending_all_ms"] == 0
    assert final_ms(session) == 75_000
    assert check_ledger(session) == []
