"""Codes by text message: what goes out, what stays, and what a gateway that fails costs (nothing)."""

from __future__ import annotations

import logging
import time

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import ScriptedPlayer
from elearn.outgoing import OutOfOrder, Service
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.providers.one_time_code import MOST_AN_HOUR
from tests.builders_tracking import RIGHT
from tests.conftest import scalar
from tests.tracking.presence.asking import ask, asked, outcome
from tests.tracking.presence.conftest import PHONE, Allow
from tests.tracking.presence.services import FakeService

CODE = "one_time_code"
UNSENT = sa.text("UPDATE elearn.presence_check SET challenge = challenge || '{\"sent\": false}'")


@pytest.fixture(autouse=True)
def _codes(player: ScriptedPlayer, allow: Allow) -> None:
    allow(CODE, "question")


def wrong(gateway: FakeService, by: int = 1) -> str:
    return f"{(int(gateway.heard[-1]['code']) + by) % 1_000_000:06}"


def test_the_code_goes_to_the_phone_and_makes_pending_final(
    player: ScriptedPlayer, gateway: FakeService, session: Session
) -> None:
    check = asked(player)
    assert (check["kind"], check["phone"], check["digits"]) == (CODE, "****5678", 6)
    assert check["answer_ms"] == 180_000
    [message] = gateway.heard
    assert message["to"] == PHONE
    assert message["code"] in message["text"]
    assert gateway.signed()
    assert outcome(player, check, code=message["code"]) == "passed"
    assert player.state["final_ms"] == 45_000
    assert check_ledger(session) == []


def test_the_code_stands_nowhere_but_in_the_message(
    player: ScriptedPlayer, gateway: FakeService, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        shown = ask(player).body.decode()
        code = gateway.heard[-1]["code"]
        outcome(player, asked(player), code=wrong(gateway))
    row = str(scalar(session, "SELECT to_jsonb(c)::text FROM elearn.presence_check c"))
    said = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert [code in text for text in (shown, row, said)] == [False] * 3
    assert PHONE not in shown + row + said


def test_the_same_code_of_another_check_is_another_hash(
    player: ScriptedPlayer, gateway: FakeService, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("elearn.tracking.providers.one_time_code.secrets.randbelow", lambda below: 7)
    for _ in range(2):
        assert outcome(player, asked(player), code="000007") == "passed"
        player.play(15_000)
    assert scalar(session, "SELECT count(DISTINCT challenge->>'hash') FROM elearn.presence_check") == 2


def test_a_code_is_good_once(player: ScriptedPlayer, gateway: FakeService) -> None:
    check = asked(player)
    code = gateway.heard[-1]["code"]
    assert outcome(player, check, code=code) == "passed"
    player.play(15_000)
    later = asked(player)
    if gateway.heard[-1]["code"] != code:
        assert outcome(player, later, code=code) == "try_again"
    assert outcome(player, check, code=code) == "passed", "the answer of before, told again"
    assert player.look()["pending_ms"] == 15_000


def test_a_code_takes_two_tries_and_not_a_third(player: ScriptedPlayer, gateway: FakeService) -> None:
    check = asked(player)
    tries = [wrong(gateway), wrong(gateway), wrong(gateway, 2), gateway.heard[-1]["code"]]
    assert [outcome(player, check, code=one) for one in tries] == ["try_again", "try_again", "failed", "failed"]
    assert player.look()["held"]


def test_a_code_runs_out_after_three_minutes_and_ten_seconds(player: ScriptedPlayer, gateway: FakeService) -> None:
    check = asked(player)
    player.pass_time(190_000)
    assert not player.look()["held"]
    player.pass_time(1)
    assert outcome(player, check, code=gateway.heard[-1]["code"]) == "expired"


@pytest.mark.parametrize("status", [0, 302, 400, 500, 503])
def test_a_gateway_that_fails_costs_nothing_and_a_question_stands_in(
    player: ScriptedPlayer, gateway: FakeService, session: Session, allow: Allow, status: int
) -> None:
    allow(CODE)
    gateway.reply = lambda body: (status, {})
    got = ask(player)
    assert (got.status, got.json()["error"]) == (409, "service_down")
    told = player.look()
    assert (told["held"], told["pending_ms"]) == (False, 45_000)
    assert scalar(session, "SELECT outcome FROM elearn.presence_check") == "withdrawn"
    player.pass_time(600_000)
    assert not player.look()["held"], "nor later"
    check = asked(player)
    assert (check["kind"], check["methods"]) == ("question", ["question", CODE])
    assert player.answer(check, RIGHT)["outcome"] == "passed"
    player.play(15_000)
    got = ask(player, "question")
    assert got.json().get("error") == "no_such_way", got.body


def test_nobody_at_the_gateways_address_is_a_gateway_that_fails() -> None:
    with pytest.raises(OutOfOrder):
        Service("http://127.0.0.1:9/", "s" * 16).post("id", 0, {})


def test_a_gateway_that_says_nothing_is_not_waited_for(gateway: FakeService) -> None:
    def sleep(body: object) -> tuple[int, dict[str, object]]:
        time.sleep(0.6)
        return 200, {}

    gateway.reply = sleep
    began = time.monotonic()
    with pytest.raises(OutOfOrder):
        Service(gateway.url, "s" * 16, timeout_s=0.2).post("id", 0, {})
    assert time.monotonic() - began < 0.5


def test_a_code_that_was_never_sent_is_no_missed_check(player: ScriptedPlayer, session: Session) -> None:
    """This program may end between writing the check down and sending."""
    asked(player)
    session.execute(UNSENT)
    player.pass_time(190_001)
    told = player.look()
    assert (told["held"], told["pending_ms"], told["check_due"]) == (False, 45_000, False)


def test_no_phone_gets_more_codes_an_hour_than_checks_can_fall_due(
    player: ScriptedPlayer, gateway: FakeService, allow: Allow
) -> None:
    allow(CODE)
    for _ in range(MOST_AN_HOUR):
        assert outcome(player, asked(player), code=gateway.heard[-1]["code"]) == "passed"
        player.play(15_000)
    got = ask(player)
    assert (got.status, got.json()["error"]) == (429, "too_many_codes")
    wait_s = int(got.headers["retry-after"])
    assert len(gateway.heard) == MOST_AN_HOUR
    assert not player.look()["held"]
    player.pass_time((wait_s - 1) * 1000)
    assert ask(player).status == 429
    player.pass_time(1000)
    assert ask(player).status == 201


def test_beyond_the_limit_the_next_way_is_taken(player: ScriptedPlayer, gateway: FakeService) -> None:
    for _ in range(MOST_AN_HOUR):
        assert outcome(player, asked(player), code=gateway.heard[-1]["code"]) == "passed"
        player.play(15_000)
    assert asked(player)["kind"] == "question"


def test_that_the_number_left_is_recorded(player: ScriptedPlayer, session: Session) -> None:
    asked(player)
    assert scalar(session, "SELECT receiver || ': ' || what FROM elearn.disclosure") == "127.0.0.1: phone number"


def test_asking_again_sends_no_second_message(player: ScriptedPlayer, gateway: FakeService) -> None:
    assert asked(player) == asked(player)
    assert len(gateway.heard) == 1


def test_an_installation_without_a_gateway_does_not_offer_codes(app: Flask, player: ScriptedPlayer) -> None:
    kept = app.extensions["elearn"].kept
    kept["presence_ways"] = {name: way for name, way in kept["presence_ways"].items() if name != CODE}
    assert asked(player)["kind"] == "question"
