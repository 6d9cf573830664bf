"""A browser that cannot sign: let in only by rules that say so, marked for good, never mixed with signed reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import Device, ScriptedPlayer
from elearn.tracking import policies
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.policy import Policy
from tests.builders_tracking import a_player, a_watchable, pass_check
from tests.conftest import scalar


@dataclass(slots=True)
class NoDevice(Device):
    """What a browser without WebCrypto has in place of a key."""

    def sign(self, sid: str, nonce: str, statement: str) -> Any:
        return None


class Bare(ScriptedPlayer):
    """A player without a device key."""

    def enrol(self) -> Any:
        self.device.thumbprint = None  # type: ignore[assignment]


@pytest.fixture
def lenient(app: Flask) -> Iterator[Policy]:
    policy = replace(Policy(), unsigned=True)
    policies.give(app, policy)
    yield policy
    policies.give(app, None)


def bare(player: ScriptedPlayer) -> Bare:
    return Bare(player.send, player.headers, wait=player.wait, device=NoDevice(), block_ms=player.block_ms)


def results(told: dict[str, Any]) -> list[tuple[str, str | None, int]]:
    return [(one["outcome"], one["class"], one["credited_ms"]) for one in told["results"]]


@pytest.mark.parametrize(
    ("language", "advice"),
    [("en", "Open the lesson over https in the current version of"), ("zh", "请通过 https 在最新版的微信")],
)
def test_without_a_device_key_no_lesson_opens_and_the_sentence_says_what_to_do(
    app: Flask, session: Session, language: str, advice: str
) -> None:
    lesson = a_watchable(session)
    player = bare(a_player(app, session, lesson.learner_id))
    asked = {"unit": str(lesson.unit_id), "device": None, "cm": 0, "player": "native"}
    got = player.call("POST", "/sittings", asked, Accept_Language=language)
    assert (got.status, got.json()["error"]) == (403, "device_required")
    assert advice in got.json()["detail"]
    assert scalar(session, "SELECT count(*) FROM elearn.sitting") == 0


@pytest.mark.parametrize("device", ["", "0" * 65, 7, ["x"]])
def test_only_null_means_no_device(app: Flask, session: Session, lenient: Policy, device: object) -> None:
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    got = player.call("POST", "/sittings", {"unit": str(lesson.unit_id), "device": device, "cm": 0, "player": "hls.js"})
    assert got.status in (400, 403)
    got = player.call("POST", "/sittings", {"unit": str(lesson.unit_id), "cm": 0, "player": "hls.js"})
    assert got.status == 400, "who cannot sign says so; leaving it out is a mistake"


def test_rules_that_allow_it_let_an_unsigned_lesson_count_and_the_records_tell(
    app: Flask, session: Session, lenient: Policy
) -> None:
    lesson = a_watchable(session)
    player = bare(a_player(app, session, lesson.learner_id))
    player.open(lesson.unit_id)
    assert player.state["signed"] is False
    assert player.play(90_000)["pending_ms"] == 90_000
    assert pass_check(player)["final_ms"] == 90_000
    assert player.look()["signed"] is False
    assert scalar(session, "SELECT array_agg(device) FROM elearn.sitting") == [None]
    assert scalar(session, "SELECT count(*) FROM elearn.report WHERE sig IS NOT NULL") == 0
    told = scalar(
        session,
        "SELECT bool_and(s.device IS NULL) FROM elearn.watched_span f "
        "JOIN elearn.watched_span p ON p.id = ANY (f.settles) JOIN elearn.sitting s ON s.id = p.sitting_id",
    )
    assert told is True, "a final span leads to the sittings it was earned in"
    assert check_ledger(session) == []


def test_a_signed_sitting_never_takes_an_unsigned_report(app: Flask, session: Session, lenient: Policy) -> None:
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    assert player.state["signed"] is True
    player.have_key()
    player.pass_time(15_000)
    statement = player.make(a=0, b=15_000, play=15_000)
    message = player.message([statement])
    message["reports"][0]["sig"] = None
    assert results(player.deliver(message)) == [("refused", "device_problem", 0)]
    assert scalar(session, "SELECT array_agg(refused_as) FROM elearn.report") == ["BAD_SIGNATURE"]
    assert scalar(session, "SELECT count(*) FROM elearn.statement") == 0, "nobody proved who said it"
    assert results(player.flush()) == [("believed", None, 15_000)], "its number is not used up"


@pytest.mark.parametrize("sig", ["", "AAAA", "A" * 86])
def test_an_unsigned_sitting_takes_no_signature(app: Flask, session: Session, lenient: Policy, sig: str) -> None:
    lesson = a_watchable(session)
    player = bare(a_player(app, session, lesson.learner_id))
    player.open(lesson.unit_id)
    player.have_key()
    player.pass_time(15_000)
    message = player.message([player.make(a=0, b=15_000, play=15_000)])
    message["reports"][0]["sig"] = sig
    assert results(player.deliver(message)) == [("refused", "device_problem", 0)]
    assert results(player.flush()) == [("believed", None, 15_000)]


def test_an_unsigned_sitting_still_needs_its_token_and_its_nonce(app: Flask, session: Session, lenient: Policy) -> None:
    lesson = a_watchable(session)
    player = bare(a_player(app, session, lesson.learner_id))
    player.open(lesson.unit_id)
    message = player.message([player.make()])
    assert player.call("POST", player.at("/reports"), message, X_Sitting="").status == 403
    stale = player.call("POST", player.at("/reports"), message | {"nonce": "made up"})
    assert (stale.status, stale.json()["error"]) == (409, "stale_nonce")


def test_a_sitting_opened_unsigned_stays_as_it_was_opened_when_the_rules_become_stricter(
    app: Flask, session: Session, lenient: Policy
) -> None:
    lesson = a_watchable(session)
    player = bare(a_player(app, session, lesson.learner_id))
    player.open(lesson.unit_id)
    policies.give(app, Policy())
    assert player.play(15_000)["pending_ms"] == 15_000
    got = player.call("POST", "/sittings", {"unit": str(lesson.unit_id), "device": None, "cm": 0, "player": "hls.js"})
    assert got.json()["error"] == "device_required"


def test_no_lesson_is_taken_along_without_a_device_key(app: Flask, session: Session, lenient: Policy) -> None:
    lesson = a_watchable(session)
    player = bare(a_player(app, session, lesson.learner_id))
    player.open(lesson.unit_id)
    got = player.call("POST", player.at("/licence"), {})
    assert (got.status, got.json()["error"]) == (403, "no_download")
    assert scalar(session, "SELECT count(*) FROM elearn.delivery") == 0


def test_signed_and_unsigned_time_end_to_end_are_two_rows_of_the_ledger(
    app: Flask, session: Session, lenient: Policy
) -> None:
    lesson = a_watchable(session)
    signed = a_player(app, session, lesson.learner_id)
    signed.open(lesson.unit_id)
    signed.play(30_000)
    player = bare(signed)
    player.open(lesson.unit_id)
    player.play(30_000)
    assert pass_check(player)["final_ms"] == 60_000
    rows = "SELECT array_agg(ARRAY[start_ms, end_ms] ORDER BY start_ms) FROM elearn.watched_span WHERE kind = 'final'"
    assert scalar(session, rows) == [[0, 30_000], [30_000, 60_000]]
    assert check_ledger(session) == []
