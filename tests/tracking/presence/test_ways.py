"""Which way a check is put in, going over to another, and that all of them lead to the same consequences."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.credit_export.ledger import evidence
from elearn.credit_export.ledger.tree import EMPTY
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.people import callers
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.policy import Policy
from tests.builders_tracking import RIGHT, WRONG, Watchable, again_later, fail_check, pass_check
from tests.conftest import ManualClock, scalar
from tests.tracking.presence.asking import ask, asked, outcome, send
from tests.tracking.presence.conftest import Allow
from tests.tracking.presence.services import FakeService

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("methods", "why"),
    [
        ((), "one or more"),
        (("question", "question"), "each once"),
        (("telepathy",), "one or more of"),
        (("face",), "may not be the only one"),
    ],
)
def test_a_policy_refuses_ways_that_lead_nowhere(methods: tuple[str, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Policy(presence_methods=methods)


def test_a_client_of_before_gets_the_policys_first_way(player: ScriptedPlayer, allow: Allow) -> None:
    check = asked(player)
    assert check["kind"] == "question"
    assert "methods" not in check
    assert player.answer(check, RIGHT)["outcome"] == "passed"


def test_a_first_way_that_the_learner_cannot_use_gives_way_to_the_next(player: ScriptedPlayer, allow: Allow) -> None:
    allow("webauthn", "face", "question")
    assert asked(player)["kind"] == "question"


def test_the_learner_chooses_among_the_ways_that_are_open(player: ScriptedPlayer, allow: Allow) -> None:
    allow("question", "webauthn", "one_time_code")
    check = asked(player, "one_time_code")
    assert (check["kind"], check["methods"]) == ("one_time_code", ["question", "one_time_code"])


@pytest.mark.parametrize("method", ["webauthn", "one_time_code", "face", "nonsense", ""])
def test_a_way_that_is_not_open_is_refused_and_costs_nothing(player: ScriptedPlayer, allow: Allow, method: str) -> None:
    allow("question")
    got = ask(player, method)
    assert (got.status, got.json()["error"]) == (409, "no_such_way")
    assert not player.look()["held"]


def test_a_learner_without_any_way_is_told_so(player: ScriptedPlayer, allow: Allow) -> None:
    allow("webauthn")
    assert ask(player).json()["error"] == "no_way"


def test_going_over_to_another_way_is_no_new_time_and_no_new_question(
    player: ScriptedPlayer, allow: Allow, session: Session
) -> None:
    allow("question", "one_time_code")
    first = asked(player)
    player.pass_time(20_000)
    code = asked(player, "one_time_code")
    assert code["id"] != first["id"]
    player.pass_time(20_000)
    again = asked(player, "question")
    assert {**again, "methods": 0} == {**first, "methods": 0}, "the same check, its deadline running on"
    assert asked(player, "one_time_code")["id"] == code["id"], "and no second message"
    player.pass_time(30_001)
    assert ask(player, "question").json()["error"] == "no_such_way", "its time is over"
    assert asked(player)["kind"] == "one_time_code"


def test_what_was_put_aside_is_evidence_once_its_place_is_decided_and_no_evidence_changes(
    player: ScriptedPlayer, allow: Allow, session: Session
) -> None:
    allow("question", "one_time_code")
    first = asked(player)
    asked(player, "one_time_code")
    before = minute_over(session)
    again = asked(player, "question")
    assert again["id"] == first["id"]
    assert player.answer(again, RIGHT)["outcome"] == "passed"
    decided = minute_over(session)
    assert [kinds(session, batch) for batch in (before, decided)] == [[], ["passed", "withdrawn"]]
    proved = [evidence.prove(session, evidence.Batch(one, one - 1, 0, 1), EMPTY) for one in (before, decided)]
    assert player.answer(first, WRONG)["outcome"] == "passed", "it was answered"
    assert [evidence.prove(session, evidence.Batch(one, one - 1, 0, 1), EMPTY) for one in (before, decided)] == proved


def test_what_was_proved_as_put_aside_does_not_come_back(
    player: ScriptedPlayer, allow: Allow, session: Session
) -> None:
    """By a program before this one: the row stands in the log as it is."""
    allow("question", "one_time_code")
    first = asked(player)
    asked(player, "one_time_code")
    session.execute(sa.text("UPDATE elearn.presence_check SET evidence_batch = 0 WHERE outcome = 'withdrawn'"))
    session.commit()
    assert asked(player, "question")["id"] != first["id"]
    assert kinds(session, 0) == ["withdrawn"]


def minute_over(session: Session) -> int:
    """The open batch of evidence is closed; its number."""
    return int(str(scalar(session, "SELECT nextval('elearn.evidence_batch') - 1")))


def kinds(session: Session, batch: int) -> list[str]:
    rows = session.execute(
        sa.text("SELECT outcome FROM elearn.presence_check WHERE evidence_batch = :batch ORDER BY outcome"),
        {"batch": batch},
    )
    return list(rows.scalars())


def test_who_tried_once_does_not_go_over_to_another_way(player: ScriptedPlayer, allow: Allow) -> None:
    allow("question", "one_time_code")
    check = asked(player)
    assert player.answer(check, WRONG)["outcome"] == "try_again"
    assert ask(player, "one_time_code").json()["error"] == "check_begun"
    assert "methods" not in asked(player)


def test_an_answer_to_a_check_that_was_put_aside_changes_nothing(player: ScriptedPlayer, allow: Allow) -> None:
    allow("question", "one_time_code")
    first = asked(player)
    asked(player, "one_time_code")
    assert player.answer(first, RIGHT)["outcome"] == "withdrawn"
    assert player.look()["final_ms"] == 0


def test_looking_at_every_way_and_letting_all_run_out_is_one_missed_check(
    player: ScriptedPlayer, allow: Allow, session: Session
) -> None:
    allow("question", "one_time_code")
    asked(player)
    asked(player, "one_time_code")
    player.pass_time(190_001)
    told = player.look()
    assert (told["pending_ms"], told["held"]) == (0, True)
    assert scalar(session, "SELECT check_count FROM elearn.learner_watch") == 1
    assert check_ledger(session) == []


@pytest.mark.parametrize(
    ("rule", "kind", "said"),
    [
        ("a code to a question", "question", {"code": "123456"}),
        ("options to a code", "one_time_code", {"answer": [0]}),
        ("pictures to a code", "one_time_code", {"images": ["/9j/"]}),
        ("nothing at all", "one_time_code", {}),
        ("two kinds at once", "one_time_code", {"code": "123456", "answer": [1]}),
        ("five digits", "one_time_code", {"code": "12345"}),
        ("digits of another script", "one_time_code", {"code": "١٢٣٤٥٦"}),
        ("a number", "one_time_code", {"code": 123456}),
    ],
)
def test_an_answer_to_something_else_costs_no_try(
    player: ScriptedPlayer, allow: Allow, rule: str, kind: str, said: dict[str, object]
) -> None:
    allow("question", "one_time_code")
    check = asked(player, kind)
    got = send(player, check, **said)
    assert (got.status, got.json()["error"]) == (400, "malformed"), rule
    assert asked(player)["tries_left"] == 2, rule


def test_failed_checks_of_all_ways_count_together(
    player: ScriptedPlayer, allow: Allow, gateway: FakeService, session: Session
) -> None:
    allow("question", "one_time_code")
    by_code: list[dict[str, object]] = [{"code": "000000"}, {"code": "000001"}]
    by_question: list[dict[str, object]] = [{"answer": []}, {"answer": [0]}]
    for method, wrong in (("one_time_code", by_code), ("question", by_question), ("one_time_code", by_code)):
        check = asked(player, method)
        assert [outcome(player, check, **one) for one in wrong] == ["try_again", "failed"]
        assert player.state["held"]
    assert ask(player).json()["error"] == "checks_locked"
    assert ask(player, "one_time_code").json()["error"] == "checks_locked"


def fail_three(player: ScriptedPlayer) -> None:
    for _ in range(3):
        assert fail_check(player)["outcome"] == "failed"


def test_after_three_failed_checks_of_a_day_the_next_one_asks_for_the_password(
    app: Flask, session: Session, player: ScriptedPlayer, lesson: Watchable
) -> None:
    """MODEL 3.2: they lock the day and ask for identity again. Nothing counts before, whatever sitting is opened."""
    fail_three(player)
    assert (ask(player).status, ask(player).json()["error"]) == (409, "checks_locked")
    player.pass_time(24 * HOUR_MS)
    player.open(lesson.unit_id)
    refused = ask(player)
    assert (refused.status, refused.json()["error"]) == (401, "identity_again")
    player.pass_time(15_000)
    player.make(a=0, b=15_000, play=15_000)
    told = player.flush()
    assert (told["results"][0]["class"], told["pending_ms"], told["held"]) == ("check_missed", 0, True)
    callers.forget_last_request()
    back = again_later(app, session, player, lesson, 0)
    assert pass_check(back)["outcome"] == "passed"
    assert back.play(15_000)["pending_ms"] == 15_000
    assert check_ledger(session) == []


def test_a_password_given_on_the_locked_day_opens_the_next_day_and_not_that_one(
    app: Flask, session: Session, player: ScriptedPlayer, lesson: Watchable
) -> None:
    fail_three(player)
    back = again_later(app, session, player, lesson, HOUR_MS)
    assert ask(back).json()["error"] == "checks_locked"
    back.pass_time(24 * HOUR_MS)
    back.open(lesson.unit_id)
    assert pass_check(back)["outcome"] == "passed"


def test_a_password_given_before_the_third_failure_is_no_answer_to_it(
    app: Flask, session: Session, player: ScriptedPlayer, lesson: Watchable
) -> None:
    assert fail_check(player)["outcome"] == "failed"
    back = again_later(app, session, player, lesson, HOUR_MS)
    assert [fail_check(back)["outcome"] for _ in range(2)] == ["failed", "failed"]
    back.pass_time(24 * HOUR_MS)
    back.open(lesson.unit_id)
    assert ask(back).json()["error"] == "identity_again"


def test_another_browser_that_signed_in_before_is_asked_too_and_sees_no_check_that_is_out(
    app: Flask, session: Session, player: ScriptedPlayer, lesson: Watchable
) -> None:
    fail_three(player)
    back = again_later(app, session, player, lesson, 24 * HOUR_MS)
    out = back.ask_check()
    callers.forget_last_request()
    player.open(lesson.unit_id)
    callers.forget_last_request()
    assert ask(player).json()["error"] == "identity_again"
    callers.forget_last_request()
    back.open(lesson.unit_id)
    assert back.ask_check()["id"] == out["id"]


def test_two_failed_checks_a_day_ask_for_no_password(player: ScriptedPlayer, lesson: Watchable) -> None:
    for _ in range(3):
        assert [fail_check(player)["outcome"] for _ in range(2)] == ["failed", "failed"]
        player.pass_time(24 * HOUR_MS)
        player.open(lesson.unit_id)
    assert pass_check(player)["outcome"] == "passed"


def test_a_held_learner_gets_out_by_any_way(
    player: ScriptedPlayer, allow: Allow, gateway: FakeService, clock: ManualClock, lesson: Watchable, app: Flask
) -> None:
    allow("question", "one_time_code")
    asked(player)
    player.pass_time(70_001)
    assert player.look()["held"]
    check = asked(player, "one_time_code")
    assert outcome(player, check, code=gateway.heard[-1]["code"]) == "passed"
    assert not player.look()["held"]
