"""Server time over HTTP: clocks that are stepped, a restart in between, midnight, a takeover while reports are late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn import create_app
from elearn.db import db
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.settings import Settings
from elearn.tracking import policies
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.policy import Policy
from tests.builders_tracking import Watchable, a_player, a_watchable, pass_check
from tests.conftest import ManualClock, scalar
from tests.hours import credit_all

STEP = 120_000
MS = timedelta(milliseconds=1)


@pytest.fixture(autouse=True)
def _rules_again(app: Flask) -> Iterator[None]:
    yield
    policies.give(app, None)


def watching(app: Flask, session: Session, duration_ms: int = 600_000) -> tuple[Watchable, ScriptedPlayer]:
    lesson = a_watchable(session, duration_ms=duration_ms)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    return lesson, player


def all_keys(player: ScriptedPlayer, until_ms: int) -> None:
    """Every key up to there that is to be had now."""
    for index in range(player.block_at(until_ms - 1) + 1):
        player.ask_key(index)


def claim(player: ScriptedPlayer, ms: int, *, play: int | None = None) -> dict[str, Any]:
    """One report of the next `ms`; answers its result."""
    start = player.position_ms
    player.position_ms += ms
    player.make(a=start, b=start + ms, play=ms if play is None else play)
    [result] = player.flush()["results"]
    player.position_ms = player.state["frontier_ms"]
    return dict(result)


# -- the server's clock is stepped


@pytest.mark.parametrize("again", [False, True], ids=["the same sitting", "a sitting opened meanwhile"])
def test_a_clock_stepped_back_and_set_right_again_makes_no_time_twice(
    app: Flask, session: Session, clock: ManualClock, again: bool
) -> None:
    lesson, player = watching(app, session)
    told = player.play(60_000)
    assert told["pending_ms"] == 60_000
    clock.advance(-STEP)
    if again:
        player.open(lesson.unit_id)
    all_keys(player, 180_000)
    player.pass_time(15_000)
    claim(player, 15_000)
    clock.advance(STEP)
    all_keys(player, 180_000)
    player.cm += STEP
    claim(player, STEP)
    real_ms = 60_000 + 15_000
    assert player.state["pending_ms"] <= Policy().worth_ms(real_ms)
    assert check_ledger(session) == []


def test_the_time_that_is_told_and_kept_never_runs_backwards(app: Flask, session: Session, clock: ManualClock) -> None:
    lesson, player = watching(app, session)
    player.play(15_000)
    before_ms = player.state["server_time_ms"]
    clock.advance(-STEP)
    calls: list[Callable[[], dict[str, Any]]] = [player.look, player.flush, lambda: player.open(lesson.unit_id)]
    for call in [*calls, player.look, player.close]:
        assert call()["server_time_ms"] == before_ms
    assert scalar(session, "SELECT tau_ms FROM elearn.learner_watch") == before_ms
    assert scalar(session, "SELECT array_agg(DISTINCT opened_ms >= :t - 15000) FROM elearn.sitting", t=before_ms) == [
        True
    ]


def test_a_learner_whose_server_s_clock_was_stepped_back_opens_the_lesson_again_and_loses_nothing_more(
    app: Flask, session: Session, clock: ManualClock
) -> None:
    """The page's clock is ahead of that server for good, and a clock that is ahead earns nothing (I8)."""
    lesson, player = watching(app, session, duration_ms=90_000)
    player.play(30_000)
    clock.advance(-STEP)
    player.pass_time(STEP + 15_000)
    assert claim(player, 15_000)["class"] == "device_problem"
    player.open(lesson.unit_id)
    assert player.play(60_000)["pending_ms"] == 90_000
    assert pass_check(player)["complete"]
    assert check_ledger(session) == []


def test_a_clock_stepped_forward_costs_an_honest_learner_nothing(
    app: Flask, session: Session, clock: ManualClock
) -> None:
    _lesson, player = watching(app, session, duration_ms=90_000)
    player.play(30_000)
    clock.advance(STEP)
    player.play(60_000)
    assert {row["late"] for row in player.state.get("results", [])} == {False}
    assert pass_check(player)["complete"]


def test_a_clock_stepped_forward_gives_no_more_than_a_carry_and_what_comes_late(
    app: Flask, session: Session, clock: ManualClock
) -> None:
    """Forward steps mint time (MODEL 1.6); who uses it must say one long thing, and long things are late."""
    policies.give(app, replace(Policy(), late_day_ms=50_000))
    _lesson, player = watching(app, session)
    clock.advance(STEP)
    all_keys(player, STEP)
    player.cm += STEP
    told = claim(player, STEP)
    assert (told["late"], told["credited_ms"], told["class"]) == (True, 50_000, "limit_reached")
    player.cm += 45_000
    assert claim(player, 45_000)["class"] == "device_problem", "the next has no time left to be from"


# -- one report after a silence


def test_one_long_report_after_a_silence_is_late_and_the_day_s_limit_of_late_time_holds_for_it(
    app: Flask, session: Session
) -> None:
    policies.give(app, replace(Policy(), late_day_ms=100_000))
    _lesson, player = watching(app, session)
    results = []
    for _ in range(2):
        player.pass_time(60_000)
        all_keys(player, player.position_ms + 60_000)
        results.append(claim(player, 60_000))
        pass_check(player)
    assert [(one["credited_ms"], one["late"], one["class"]) for one in results] == [
        (60_000, True, None),
        (40_000, True, "limit_reached"),
    ]
    assert scalar(session, "SELECT array_agg(ARRAY[used_ms, late_ms]) FROM elearn.day_use") == [[100_000, 100_000]]
    assert check_ledger(session) == []


def test_a_report_of_three_heartbeats_is_not_late(app: Flask, session: Session) -> None:
    _lesson, player = watching(app, session)
    player.pass_time(45_000)
    all_keys(player, 45_000)
    told = claim(player, 45_000)
    assert (told["credited_ms"], told["late"]) == (45_000, False)


def test_a_sitting_under_older_rules_is_judged_without_the_newer_one(app: Flask, session: Session) -> None:
    older = Policy.read(b'{"heartbeat_ms":15000}')
    assert older.burst_ms == 0
    policies.give(app, older)
    _lesson, player = watching(app, session)
    player.pass_time(60_000)
    all_keys(player, 60_000)
    assert claim(player, 60_000)["late"] is False


# -- the server is restarted


@contextmanager
def running(settings: Settings, clock: ManualClock) -> Iterator[Flask]:
    """A server from its start to its end."""
    app = create_app(settings, clock=clock)
    app.testing = True
    try:
        yield app
    finally:
        app.extensions["elearn"].redis.close()
        with app.app_context():
            db.engine.dispose()


def moved(player: ScriptedPlayer, to: ScriptedPlayer) -> ScriptedPlayer:
    """The same page, talking to the server that was started again."""
    to.device, to.cm, to.opened, to.state = player.device, player.cm, player.opened, player.state
    to.seq, to.prev, to.position_ms, to.queue, to.keys = (
        player.seq,
        player.prev,
        player.position_ms,
        player.queue,
        player.keys,
    )
    return to


@pytest.mark.parametrize("step_ms", [0, -STEP], ids=["its clock is right", "its clock was stepped back"])
def test_a_restart_loses_nothing_of_what_was_known_and_makes_nothing(
    settings: Settings, own_database_url: str, tmp_path: Path, clock: ManualClock, step_ms: int
) -> None:
    own = replace(settings, database_url=own_database_url, media_dir=tmp_path)
    with running(own, clock) as first:
        with first.app_context():
            lesson = a_watchable(db.session(), duration_ms=90_000)
            db.session().commit()
            player = a_player(first, db.session(), lesson.learner_id)
            db.session().commit()
        player.open(lesson.unit_id)
        before_ms = player.play(30_000)["server_time_ms"]
        player.have_key()
        player.pass_time(15_000)
        player.make(a=30_000, b=45_000, play=15_000)

    clock.advance(step_ms)
    with running(own, clock) as second:
        with second.app_context():
            player = moved(player, a_player(second, db.session(), lesson.learner_id))
            db.session().commit()
        assert player.look()["server_time_ms"] == max(before_ms, before_ms + 15_000 + step_ms)
        player.pass_time(STEP)
        told = player.flush()
        if step_ms:
            assert told["pending_ms"] <= Policy().worth_ms(30_000), "no second of the server's is to be had twice"
            player.open(lesson.unit_id)
        else:
            assert [(one["outcome"], one["late"]) for one in told["results"]] == [("believed", True)]
        player.position_ms = player.state["frontier_ms"]
        assert player.play(90_000)["pending_ms"] == 90_000
        assert pass_check(player)["complete"]
        with second.app_context():
            assert check_ledger(db.session()) == []


# -- midnight


def test_a_lesson_watched_across_midnight_counts_on_both_days(app: Flask, session: Session, clock: ManualClock) -> None:
    midnight = datetime(2026, 7, 2, 16, 0, tzinfo=UTC)  # 2026-07-03 in China
    clock.advance((midnight - clock()) // MS - 40_000)
    _, player = watching(app, session, duration_ms=90_000)
    player.play(90_000)
    pass_check(player)
    credit_all(session)
    days = [["2026-07-02", 40_000], ["2026-07-03", 50_000]]
    for rows in (
        "SELECT \"on\", end_ms - start_ms AS ms FROM elearn.watched_span WHERE kind = 'final'",
        'SELECT "on", used_ms AS ms FROM elearn.day_use',
        'SELECT earned_on AS "on", amount_ms AS ms FROM elearn.hours_entry',
    ):
        assert scalar(session, f'SELECT json_agg(json_build_array("on", ms) ORDER BY "on") FROM ({rows}) AS r') == days
    assert check_ledger(session) == []


def test_a_full_day_ends_at_midnight(app: Flask, session: Session, clock: ManualClock) -> None:
    policies.give(app, replace(Policy(), day_cap_ms=20_000))
    midnight = datetime(2026, 7, 2, 16, 0, tzinfo=UTC)
    clock.advance((midnight - clock()) // MS - 60_000)
    _lesson, player = watching(app, session, duration_ms=90_000)
    player.have_key()
    player.pass_time(30_000)
    told = claim(player, 30_000)
    assert (told["credited_ms"], told["class"]) == (20_000, "limit_reached")
    player.pass_time(30_000)
    player.pass_time(10_000)
    assert claim(player, 10_000)["credited_ms"] == 10_000
    assert scalar(session, 'SELECT array_agg(used_ms ORDER BY "on") FROM elearn.day_use') == [20_000, 10_000]


# -- another device takes over while reports wait in a queue


def test_what_waits_in_a_queue_counts_up_to_the_takeover_and_no_second_counts_twice(
    app: Flask, session: Session
) -> None:
    lesson, first = watching(app, session, duration_ms=300_000)
    all_keys(first, 300_000)
    second = a_player(app, session, lesson.learner_id)
    for number in range(8):
        first.pass_time(15_000)
        first.make(a=number * 15_000, b=number * 15_000 + 15_000, play=15_000)
        first.ask_key(number // 2 + 1)
        if number == 4:
            second.open(lesson.unit_id)
    told = first.flush()
    assert told["ended"] == "playing_elsewhere"
    believed = sum(one["credited_ms"] for one in told["results"])
    assert [one["class"] for one in told["results"]][-1] == "playing_elsewhere"
    assert 60_000 <= believed <= Policy().worth_ms(75_000), "75 s were played before the second device took over"

    second.position_ms = second.look()["frontier_ms"]
    assert second.position_ms == believed, "the second device goes on where the queue has got to"
    assert second.play(15_000)["pending_ms"] == believed + 15_000
    total = int(str(scalar(session, "SELECT sum(upper(media) - lower(media)) FROM elearn.believed_span")))
    assert total <= Policy().worth_ms(8 * 15_000 + 15_000)
    assert check_ledger(session) == []
