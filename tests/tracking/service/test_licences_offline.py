"""What watching without network earns, of a lesson that was taken along."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import ScriptedPlayer
from elearn.tracking.ledger_check import check_ledger
from tests.builders_tracking import Watchable, a_watchable, again_later, pass_check

WEEK_MS = 7 * 24 * 3_600_000
MINUTE_MS = 60_000


@pytest.fixture
def lesson(session: Session) -> Watchable:
    return a_watchable(session, duration_ms=25 * MINUTE_MS)


def play_offline(player: ScriptedPlayer, ms: int) -> None:
    """Play on for `ms` without network: reports are made each heartbeat and kept."""
    for _ in range(ms // 15_000):
        player.pass_time(15_000)
        begin, player.position_ms = player.position_ms, player.position_ms + 15_000
        player.make(a=begin, b=player.position_ms, play=15_000)


def send(player: ScriptedPlayer, count: int) -> dict[str, Any]:
    """Send the first `count` of what waits, in one message; the state after it."""
    return player.deliver(player.message(player.queue[:count]))


def refusals(session: Session) -> list[str]:
    rows = session.execute(
        sa.text("SELECT DISTINCT part ->> 2 FROM elearn.report r, jsonb_array_elements(r.refused) part ORDER BY 1")
    )
    return [row[0] for row in rows]


def test_ten_minutes_offline_count_in_one_batch_as_late(session: Session, player: ScriptedPlayer) -> None:
    player.download()
    play_offline(player, 10 * MINUTE_MS)
    told = send(player, 40)
    assert {result["outcome"] for result in told["results"]} == {"believed"}
    assert [result["late"] for result in told["results"]] == [True] * 36 + [False] * 4, "older than 45 s on arrival"
    assert (told["frontier_ms"], told["pending_ms"]) == (10 * MINUTE_MS, 10 * MINUTE_MS)
    assert pass_check(player)["final_ms"] == 10 * MINUTE_MS
    assert check_ledger(session) == []


def test_of_twenty_minutes_offline_fifteen_count_though_checks_are_passed_between(
    session: Session, player: ScriptedPlayer
) -> None:
    player.download()
    play_offline(player, 20 * MINUTE_MS)
    assert send(player, 40)["pending_ms"] == 10 * MINUTE_MS
    pass_check(player)
    told = send(player, 40)
    assert told["frontier_ms"] == 15 * MINUTE_MS, "the player goes back there"
    assert "OFFLINE_LIMIT" in refusals(session)
    assert {result["class"] for result in told["results"][21:36]} <= {"limit_reached", "jumped_ahead"}
    assert pass_check(player)["final_ms"] == 15 * MINUTE_MS

    player.position_ms = told["frontier_ms"]
    told = player.play(30_000)
    assert told["frontier_ms"] == 15 * MINUTE_MS + 30_000, "and from there it goes on"
    assert check_ledger(session) == []


def test_without_a_licence_only_what_was_delivered_counts(session: Session, player: ScriptedPlayer) -> None:
    assert [player.ask_key(index).status for index in range(3)] == [200, 200, 425]
    play_offline(player, 10 * MINUTE_MS)
    assert send(player, 40)["frontier_ms"] == MINUTE_MS
    assert "NOT_DELIVERED" in refusals(session)


def test_a_licence_that_ran_out_takes_nothing_back(
    app: Flask, session: Session, player: ScriptedPlayer, lesson: Watchable
) -> None:
    player.download()
    later = again_later(app, session, player, lesson, WEEK_MS + 1)
    play_offline(later, MINUTE_MS)
    assert send(later, 4)["frontier_ms"] == MINUTE_MS, "the player obeys the end; credit does not rest on it"
