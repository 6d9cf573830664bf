"""Earning the time of pages without reading them: everything at once, borders, other sittings, idle lies, versions."""

from __future__ import annotations

import random
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn.courses import catalogue, page_units
from elearn.credit_export import records
from elearn.credit_export.ledger_check import check_everything
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.tracking import watched
from elearn.tracking.ledger_check import check_ledger
from tests.adversary.test_earning import HUGE, believed_ms
from tests.builders_tracking import AT, Watchable, a_player, a_readable, pass_check, some_pages, some_questions
from tests.conftest import ManualClock
from tests.hours import credit_all


@pytest.fixture
def readable(session: Session) -> Watchable:
    return a_readable(session, 20_000, 60_000, 40_000, 60_000)


@pytest.fixture
def reader(app: Flask, session: Session, readable: Watchable) -> ScriptedPlayer:
    player = a_player(app, session, readable.learner_id)
    player.open(readable.unit_id)
    return player


def test_a_storm_of_turning_and_claiming_earns_the_real_time_at_most(
    reader: ScriptedPlayer, session: Session, clock: ManualClock
) -> None:
    """Any page, any claim, any idle, reports held back and out of order: a page's time only since it was shown."""
    rng = random.Random(20261122)
    began = clock.now
    edges = (-HUGE, -1, 0, 1, 20_000, 80_000, 120_000, 180_000, 181_000, HUGE)
    for _ in range(120):
        reader.pass_time(rng.choice((0, 0, 1, 500, 1_000, 5_000)))
        for _ in range(rng.choice((0, 1, 3))):
            reader.ask_page(rng.randrange(5))
        frontier = reader.state["frontier_ms"]
        start = rng.choice((frontier, frontier, frontier, rng.choice(edges)))
        reader.seq = rng.choice((reader.seq, reader.seq, reader.seq, reader.seq + 1))
        reader.make(
            a=start,
            b=max(-HUGE, min(HUGE, start + rng.choice((1_000, 5_000, 15_000, 100_000)))),
            play=rng.choice((1_000, 5_000, 15_000, 100_000, HUGE)),
            idle=rng.choice((None, 0, -HUGE, -1, HUGE, 1)),
        )
        got = reader.call("POST", reader.at("/reports"), reader.message(sent_cm=reader.cm + rng.choice((0, 0, 60_000))))
        assert got.status == 200, got.body
        reader.state = got.json()
        reader.seq, reader.queue = reader.state["acknowledged"], []
        if rng.random() < 0.05:
            reader.open(reader.opened["unit"])
    elapsed_ms = int((clock.now - began).total_seconds() * 1000)
    assert 0 < believed_ms(session) <= elapsed_ms * 101 // 100
    assert check_ledger(session) == []


def test_turning_to_and_fro_brings_no_time_of_its_own(reader: ScriptedPlayer, session: Session) -> None:
    """Each turn starts a page anew with nothing to spend: a hundred turns in ten seconds are worth ten seconds."""
    reader.read(20_000)
    reader.ask_page(1)
    for _ in range(100):
        reader.pass_time(100)
        start = reader.state["frontier_ms"]
        reader.make(a=start, b=start + 1_000, play=1_100, idle=0)
        reader.flush()
        reader.ask_page(0)
        reader.ask_page(1)
    assert believed_ms(session) <= 20_200 + 10_100


def test_a_page_shown_in_one_sitting_is_not_read_in_another_at_the_same_time(
    app: Flask, session: Session, readable: Watchable, reader: ScriptedPlayer
) -> None:
    """Two tabs turn pages and report by turns: one window, and only what the window's own sitting shows."""
    other = a_player(app, session, readable.learner_id)
    other.device = reader.device
    for _ in range(4):
        for one in (reader, other):
            one.open(readable.unit_id)
            one.ask_page(0)
        other.wait(5_000)
        for one in (reader, other):
            one.cm += 5_000
            start = one.state["frontier_ms"]
            one.make(a=start, b=start + 5_000, play=5_000, idle=0)
            one.flush()
    assert believed_ms(session) <= 20_200
    assert check_ledger(session) == []


@pytest.mark.parametrize("idle", [-HUGE, -1, 0])
def test_lies_about_being_there_earn_time_and_never_more(
    reader: ScriptedPlayer, session: Session, clock: ManualClock, idle: int
) -> None:
    began = clock.now
    reader.ask_page(0)
    reader.pass_time(10_000)
    reader.make(a=0, b=20_000, play=20_000, idle=idle)
    reader.flush()
    reader.make(a=0, b=20_000, play=1_000, idle=idle)
    reader.flush()
    assert believed_ms(session) <= int((clock.now - began).total_seconds() * 1000) * 101 // 100


def test_no_page_opens_by_crumbs_that_bridge_the_way_to_it(reader: ScriptedPlayer, session: Session) -> None:
    reader.ask_page(0)
    for step in range(60):
        reader.pass_time(50)
        reader.make(a=step * 1_000, b=step * 1_000 + 1, play=1, idle=0)
        reader.flush()
    assert [reader.ask_page(index).status for index in (1, 2, 3)] == [425] * 3
    assert believed_ms(session) <= 60


def test_pages_and_pictures_are_for_who_may_read_them(
    app: Flask, session: Session, readable: Watchable, reader: ScriptedPlayer
) -> None:
    stranger_lesson = a_readable(session, 20_000)
    stranger = a_player(app, session, stranger_lesson.learner_id)
    stranger.open(stranger_lesson.unit_id)
    assert stranger.call("GET", reader.at("/pages/0")).status == 403
    assert stranger.call("GET", reader.at("/pages/0/image")).status == 404, "as if there were none"
    token = reader.opened["token"]
    assert stranger.call("GET", reader.at("/pages/0"), X_Sitting=token).status == 403, "a token alone opens nothing"
    assert stranger.call("POST", "/sittings", {
        "unit": str(readable.unit_id), "device": stranger.device.thumbprint, "cm": 0, "player": "x"
    }).json()["error"] == "not_enrolled"  # fmt: skip
    anonymous = app.test_client()
    assert anonymous.get(reader.at("/pages/0")).status_code == 401
    assert anonymous.get(reader.at("/pages/0/image")).status_code == 401


@pytest.mark.parametrize("index", ["-1", "4", "99999999999999999999", "1.0", "0x1", "%00"])
def test_a_page_that_is_none_is_never_shown(reader: ScriptedPlayer, index: str) -> None:
    for rest in ("", "/image"):
        assert reader.call("GET", reader.at(f"/pages/{index}{rest}")).status in (403, 404), rest


def test_after_the_sitting_is_over_no_page_is_shown(
    app: Flask, session: Session, readable: Watchable, reader: ScriptedPlayer
) -> None:
    old: dict[str, Any] = reader.opened
    reader.open(readable.unit_id)
    new, reader.opened = reader.opened, old
    assert reader.ask_page(0).json()["error"] == "playing_elsewhere"
    reader.opened = new
    reader.close()
    assert reader.ask_page(0).json()["error"] == "closed"


def test_a_new_version_of_a_lesson_makes_nobodys_time_count_twice(
    app: Flask, session: Session, readable: Watchable, reader: ScriptedPlayer, clock: ManualClock
) -> None:
    """A teacher corrects a word: who read the lesson before may read it again, and has the hours of one lesson."""
    reader.read(180_000)
    pass_check(reader)
    lesson_id = catalogue.unit_facts(session, readable.unit_id).lesson_id
    second = page_units.register_pages(
        session, lesson_id, "v2", some_pages(60_000, 120_000, reviewed_by=readable.learner_id),
        some_questions(180_000), at=AT, published=True,
    )  # fmt: skip
    session.commit()
    reader.open(second.id)
    reader.read(180_000)
    pass_check(reader)
    credit_all(session, now=clock.now)
    [case] = records.gather(session, readable.learner_id, now=clock.now)
    assert case.hours.online_theory_ms == 180_000
    assert sum(watched.final_ms_by_item(session, readable.learner_id).values()) == 180_000, "what the learner is shown"
    assert check_everything(session) == []
