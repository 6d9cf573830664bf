"""What no honest player sends, over HTTP: nothing of it is ever credited, and nothing of it breaks the honest."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import REPORT, ScriptedPlayer
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.lrs.access import credentials
from tests.builders_tracking import a_player, a_unit, a_watchable, pass_check
from tests.conftest import ManualClock, scalar


@pytest.fixture
def player(player: ScriptedPlayer) -> ScriptedPlayer:
    """Somebody with an open sitting of the lesson and the key of its first block."""
    assert player.have_key()
    return player


def believed_ms(session: Session) -> int:
    return int(str(scalar(session, "SELECT coalesce(sum(upper(media) - lower(media)), 0) FROM elearn.believed_span")))


def one_result(told: dict[str, Any]) -> tuple[str, str | None, int]:
    [result] = told["results"]
    return result["outcome"], result["class"], result["credited_ms"]


# -- messages that cannot be read are refused as a whole


@pytest.mark.parametrize(
    ("why", "body", "status", "error"),
    [
        ("not JSON", b"{", 400, "malformed"),
        ("a list", b"[]", 400, "malformed"),
        ("an unknown member", b'{"sid":"","sent_cm":1,"nonce":"","reports":[],"more":1}', 400, "malformed"),
        ("a number as text", b'{"sid":"","sent_cm":"1","nonce":"","reports":[]}', 400, "malformed"),
        ("not UTF-8", b'{"sid":"\xff"}', 400, "malformed"),
        ("10 MB", b" " * 10_000_000, 413, "too_large"),
    ],
)
def test_an_unreadable_message_is_refused_whole(
    player: ScriptedPlayer, session: Session, why: str, body: bytes, status: int, error: str
) -> None:
    got = player.call("POST", player.at("/reports"), raw=body)
    assert (got.status, got.json()["error"]) == (status, error), why
    assert scalar(session, "SELECT count(*) FROM elearn.report") == 0


def test_more_than_64_reports_are_refused(player: ScriptedPlayer) -> None:
    for _ in range(65):
        player.make()
    assert player.call("POST", player.at("/reports"), player.message()).status == 400


@pytest.mark.parametrize(
    ("why", "spoil"),
    [
        ("without actor", lambda said: said.pop("actor")),
        ("without verb", lambda said: said.pop("verb")),
        ("without id", lambda said: said.pop("id")),
        ("without report", lambda said: said["result"]["extensions"].pop(REPORT)),
        ("with a position that is no whole number", lambda said: said["result"]["extensions"][REPORT].update(b=1.5)),
        ("with a position beyond all numbers", lambda said: said["result"]["extensions"][REPORT].update(b=2**70)),
        ("with a report number below one", lambda said: said["result"]["extensions"][REPORT].update(seq=0)),
    ],
)
def test_a_statement_that_is_no_report_is_refused_and_not_stored(
    player: ScriptedPlayer, session: Session, why: str, spoil: Callable[[dict[str, Any]], object]
) -> None:
    said = json.loads(player.make(a=0, b=15_000, play=15_000))
    spoil(said)
    got = player.call("POST", player.at("/reports"), player.message([json.dumps(said)]))
    assert got.status == 400, why
    assert got.json()["error"] in ("malformed", "bad_statement")
    assert scalar(session, "SELECT count(*) FROM elearn.statement") == 0


# -- who may speak for a sitting


def test_another_learners_sitting_is_closed_to_everybody_else(
    app: Flask, session: Session, player: ScriptedPlayer
) -> None:
    lesson = a_watchable(session)
    thief = a_player(app, session, lesson.learner_id)
    thief.enrol()
    thief.opened, thief.state = player.opened, player.state
    message = thief.message([player.make(a=0, b=15_000, play=15_000)])
    for method, path, body in (
        ("POST", "/reports", message),
        ("GET", "", None),
        ("POST", "/close", {}),
        ("POST", "/checks", {}),
    ):
        got = thief.call(method, thief.at(path), body)
        assert (got.status, got.json()["error"]) == (403, "not_your_sitting"), path
    for path in ("/keys/0", "/master.m3u8"):  # no token is asked for: it is as if there were no such sitting
        got = thief.call("GET", thief.at(path))
        assert (got.status, got.json()["error"]) == (404, "not_found"), path
    assert player.look()["ended"] is None


@pytest.mark.parametrize("token", ["", "nonsense", "WzFd.abc"])
def test_a_token_that_is_not_ours_opens_nothing(player: ScriptedPlayer, token: str) -> None:
    got = player.call("POST", player.at("/reports"), player.message([]), X_Sitting=token)
    assert (got.status, got.json()["error"]) == (403, "bad_token")


def test_a_sitting_that_never_was_is_not_found(player: ScriptedPlayer) -> None:
    got = player.call("GET", "/sittings/01999999-0000-7000-8000-000000000000/keys/0")
    assert (got.status, got.json()["error"]) == (404, "not_found")


def test_without_the_page_s_token_nothing_unsafe_works(player: ScriptedPlayer) -> None:
    got = player.call("POST", player.at("/reports"), player.message([]), X_CSRFToken="")
    assert (got.status, got.json()["error"]) == (403, "csrf")


def test_a_device_that_was_never_enrolled_opens_nothing(player: ScriptedPlayer) -> None:
    asked = {"unit": player.opened["unit"], "device": "unknown", "cm": 0, "player": "hls.js"}
    got = player.call("POST", "/sittings", asked)
    assert (got.status, got.json()["error"]) == (403, "bad_signature")


# -- reports that are not what they seem


def test_a_report_without_a_true_signature_is_evidence_and_the_true_one_still_counts(
    player: ScriptedPlayer, session: Session
) -> None:
    player.pass_time(15_000)
    statement = player.make(a=0, b=15_000, play=15_000)
    forged = player.message()
    forged["reports"][0]["sig"] = base64.urlsafe_b64encode(b"\1" * 64).rstrip(b"=").decode()
    told = player.deliver(forged)
    assert one_result(told) == ("refused", "device_problem", 0)
    assert told["acknowledged"] == 0
    assert scalar(session, "SELECT raw FROM elearn.report WHERE refused_as = 'BAD_SIGNATURE'") == statement
    assert scalar(session, "SELECT count(*) FROM elearn.statement") == 0, "nobody proved who said it"
    assert one_result(player.flush()) == ("believed", None, 15_000)


def test_an_altered_report_has_no_signature(player: ScriptedPlayer, session: Session) -> None:
    player.pass_time(5_000)
    statement = player.make(a=0, b=5_000, play=5_000)
    message = player.message()
    message["reports"][0]["statement"] = statement.replace('"b": 5000', '"b": 6000')
    assert one_result(player.deliver(message)) == ("refused", "device_problem", 0)
    assert believed_ms(session) == 0


def test_another_report_under_a_number_that_was_decided_is_a_fork(player: ScriptedPlayer, session: Session) -> None:
    player.pass_time(5_000)
    player.make(a=0, b=5_000, play=5_000)
    player.flush()
    player.pass_time(5_000)
    player.seq = 0
    player.make(a=5_000, b=10_000, play=5_000)
    assert one_result(player.flush()) == ("refused", "device_problem", 0)
    assert scalar(session, "SELECT array_agg(refused_as) FROM elearn.report WHERE refused_as IS NOT NULL") == ["FORK"]
    assert believed_ms(session) == 5_000


def test_a_broken_chain_is_a_flag_and_refuses_nothing(player: ScriptedPlayer, session: Session) -> None:
    player.pass_time(5_000)
    player.make(a=0, b=5_000, play=5_000, prev="ab" * 32)
    assert one_result(player.flush()) == ("believed", None, 5_000)
    assert scalar(session, "SELECT chain_broken FROM elearn.report") is True


@pytest.mark.parametrize(
    ("why", "spoil"),
    [
        ("another actor", lambda said: said["actor"]["account"].update(name="somebody-else")),
        ("another activity", lambda said: said["object"].update(id="http://localhost/units/other")),
        (
            "another sitting",
            lambda said: said["context"]["extensions"].update(
                {"https://w3id.org/xapi/video/extensions/session-id": "01999999-0000-7000-8000-000000000000"}
            ),
        ),
    ],
)
def test_a_signed_statement_about_something_else_is_refused(
    player: ScriptedPlayer, session: Session, why: str, spoil: Callable[[dict[str, Any]], object]
) -> None:
    player.pass_time(15_000)
    said = json.loads(player.make(a=0, b=15_000, play=15_000))
    spoil(said)
    told = player.deliver(player.message([json.dumps(said)]))
    assert one_result(told) == ("refused", "device_problem", 0), why
    assert scalar(session, "SELECT array_agg(refused_as) FROM elearn.report") == ["BAD_TOKEN"]
    assert scalar(session, "SELECT count(*) FROM elearn.statement") == 0, "nobody puts words in another's mouth"


def test_a_nonce_that_is_too_old_asks_for_a_fresh_signature(player: ScriptedPlayer) -> None:
    player.make()
    message = player.message()
    for _ in range(8):
        player.look()
    got = player.call("POST", player.at("/reports"), message)
    assert (got.status, got.json()["error"]) == (409, "stale_nonce")
    assert player.flush()["acknowledged"] == 1


def test_a_message_sent_again_changes_nothing(player: ScriptedPlayer, session: Session) -> None:
    """The answer was lost, or the server died after it had stored: the player sends the same again."""
    player.pass_time(15_000)
    player.make(a=0, b=15_000, play=15_000)
    message = player.message()
    first = player.deliver(message)
    again = player.deliver(message)
    assert again["acknowledged"] == first["acknowledged"] == 1
    assert one_result(again) == ("ignored", None, 0)
    assert (again["spans"], believed_ms(session)) == (first["spans"], 15_000)
    assert scalar(session, "SELECT count(*) FROM elearn.report") == 1
    assert scalar(session, "SELECT count(*) FROM elearn.statement") == 1


def test_what_was_not_committed_when_the_server_died_is_taken_when_it_comes_again(
    app: Flask, session: Session, player: ScriptedPlayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    player.pass_time(15_000)
    player.make(a=0, b=15_000, play=15_000)

    def die(*_: object) -> None:
        raise SystemExit("killed before the commit")

    with monkeypatch.context() as patched:
        patched.setattr("elearn.tracking.routes.sittings.state_block", die)
        with pytest.raises(SystemExit):
            player.call("POST", player.at("/reports"), player.message())
    session.rollback()
    assert believed_ms(session) == 0
    assert one_result(player.flush()) == ("believed", None, 15_000)


def test_reports_out_of_order_wait_for_the_missing_one(player: ScriptedPlayer, session: Session) -> None:
    statements = []
    for start in (0, 5_000, 10_000):
        player.pass_time(5_000)
        statements.append(player.make(a=start, b=start + 5_000, play=5_000))
    told = player.deliver(player.message(statements[1:]))
    assert [(one["seq"], one["outcome"]) for one in told["results"]] == [(2, "waiting"), (3, "waiting")]
    assert (told["acknowledged"], believed_ms(session)) == (0, 0)
    assert player.deliver(player.message(statements[1:2]))["results"][0]["outcome"] == "waiting"
    told = player.deliver(player.message(statements[:1]))
    assert (told["acknowledged"], told["frontier_ms"], believed_ms(session)) == (3, 15_000, 15_000)
    assert scalar(session, "SELECT count(*) FROM elearn.held_report") == 0
    assert check_ledger(session) == []


def test_a_message_in_the_wrong_order_is_judged_in_the_right_one(player: ScriptedPlayer, session: Session) -> None:
    statements = []
    for start in (0, 5_000):
        player.pass_time(5_000)
        statements.append(player.make(a=start, b=start + 5_000, play=5_000))
    told = player.deliver(player.message(statements[::-1]))
    assert {one["seq"]: one["outcome"] for one in told["results"]} == {1: "believed", 2: "believed"}
    assert scalar(session, "SELECT count(*) FROM elearn.held_report") == 0


def test_a_number_too_far_ahead_is_refused(player: ScriptedPlayer, session: Session) -> None:
    player.seq = 64
    player.make()
    assert one_result(player.flush()) == ("refused", "device_problem", 0)
    assert scalar(session, "SELECT refused_as FROM elearn.report") == "SEQ_TOO_FAR"


# -- cheats


def test_one_completion_call_earns_nothing(player: ScriptedPlayer, session: Session) -> None:
    player.pass_time(1_000)
    player.make("end", a=0, b=90_000, play=90_000)
    assert one_result(player.flush())[0] == "refused"
    assert believed_ms(session) == 0


def test_sixteen_times_speed_earns_no_more_than_real_time(player: ScriptedPlayer, session: Session) -> None:
    for start in (0, 16_000):
        player.pass_time(1_000)
        player.make(a=start, b=start + 16_000, play=1_000)
    told = player.flush()
    assert {one["class"] for one in told["results"]} == {"too_fast"}
    assert believed_ms(session) == 0


def test_a_jump_ahead_earns_nothing_and_the_frontier_stays(player: ScriptedPlayer, session: Session) -> None:
    player.pass_time(10_000)
    player.make(a=20_000, b=30_000, play=10_000)
    told = player.flush()
    assert one_result(told) == ("refused", "jumped_ahead", 0)
    assert told["frontier_ms"] == 0


def test_media_that_was_never_handed_out_earns_nothing(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.pass_time(15_000)
    player.make(a=0, b=15_000, play=15_000)
    assert one_result(player.flush()) == ("refused", "device_problem", 0)


def test_two_tabs_earn_no_more_than_one(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    tabs = [a_player(app, session, lesson.learner_id) for _ in range(2)]
    for tab in tabs:
        tab.open(lesson.unit_id)
    clock = app.extensions["elearn"].clock
    assert isinstance(clock, ManualClock)
    tabs[1].have_key()
    clock.advance(15_000)
    for tab in tabs:
        tab.cm += 15_000
        tab.make(a=0, b=15_000, play=15_000)
        tab.flush()
    assert believed_ms(session) == 15_000


def test_keys_come_at_the_pace_of_watching(player: ScriptedPlayer, session: Session) -> None:
    assert player.ask_key(1).status == 200, "the lead is one block"
    early = player.ask_key(2)
    assert (early.status, early.json()["error"]) == (425, "too_early")
    assert 1 <= int(early.headers["retry-after"]) <= 15
    assert early.headers["cache-control"] == "no-store"
    assert player.ask_key(3).json()["error"] == "not_this_unit"
    assert player.ask_key(0).status == 200, "what was handed out once is handed out again"
    assert scalar(session, "SELECT array_agg(block ORDER BY block) FROM elearn.delivery") == [0, 1]


def test_keys_of_another_lesson_come_only_in_a_sitting_of_it(app: Flask, session: Session) -> None:
    lesson = a_watchable(session, duration_ms=30_000)
    longer = a_unit(session, lesson.course_id, lesson.institution_id, duration_ms=300_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    assert player.ask_key(5).json()["error"] == "not_this_unit"
    assert scalar(session, "SELECT count(*) FROM elearn.delivery WHERE unit_id = :unit", unit=longer) == 0


def test_statements_that_come_by_the_record_store_s_own_door_never_credit(
    app: Flask, session: Session, player: ScriptedPlayer
) -> None:
    credential, secret = credentials.create(
        session,
        label="a forger",
        scopes=["statements/write"],
        organisation_id=None,
        at=app.extensions["elearn"].clock(),
        server_key=credentials.server_key(),
    )
    player.pass_time(15_000)
    statement = player.make(a=0, b=15_000, play=15_000)
    basic = base64.b64encode(f"{credential.key}:{secret}".encode()).decode()
    got = player.call(
        "POST",
        "/xapi/statements",
        raw=statement.encode(),
        Authorization=f"Basic {basic}",
        X_Experience_API_Version="1.0.3",
    )
    assert got.status == 200
    assert believed_ms(session) == 0
    assert player.look()["frontier_ms"] == 0
    assert one_result(player.flush()) == ("believed", None, 15_000), "the device's own report still counts, once"
    assert believed_ms(session) == 15_000


def test_hidden_playing_earns_nothing(player: ScriptedPlayer) -> None:
    player.pass_time(15_000)
    player.make(a=0, b=15_000, play=15_000, hidden=9_000)
    assert one_result(player.flush()) == ("refused", "hidden", 0)


def test_after_every_cheat_the_honest_lesson_still_ends_whole(player: ScriptedPlayer, session: Session) -> None:
    player.make(a=0, b=90_000, play=90_000)
    player.make(a=-1, b=-1, play=0)
    player.make(a=40_000, b=50_000, play=10_000)
    player.flush()
    player.play(90_000)
    assert pass_check(player)["complete"]
    assert believed_ms(session) == 90_000
    assert check_ledger(session) == []
