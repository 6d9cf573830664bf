"""Earning a second that was not watched: forged numbers, replays, other lessons, keys ahead of pace."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.courses import catalogue, classes
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.tracking.ledger_check import check_ledger
from tests.builders_tracking import AT, SEALING_KEY, Watchable, a_manifest, a_player, a_watchable, pass_check
from tests.conftest import ManualClock, scalar
from tests.hours import credit_all


def believed_ms(session: Session) -> int:
    return int(str(scalar(session, "SELECT coalesce(sum(upper(media) - lower(media)), 0) FROM elearn.believed_span")))


def opening(player: ScriptedPlayer, unit_id: object) -> dict[str, Any]:
    return {"unit": str(unit_id), "device": player.device.thumbprint, "cm": 0, "player": "hls.js"}


HUGE = 2**53


@pytest.mark.parametrize(
    ("why", "claim"),
    [
        ("before the beginning", {"a": -15_000, "b": 0, "play": 15_000}),
        ("across the beginning", {"a": -5_000, "b": 10_000, "play": 15_000}),
        ("backwards", {"a": 15_000, "b": 0, "play": 15_000}),
        ("beyond the end", {"a": 599_000, "b": HUGE, "play": HUGE}),
        ("a playing time below zero", {"a": 0, "b": 15_000, "play": -HUGE}),
        ("a playing time beyond all time", {"a": 0, "b": 600_000, "play": HUGE}),
        ("a clock ahead of ours", {"a": 0, "b": 600_000, "play": 600_000, "cm": 10**9}),
        ("a clock before the opening", {"a": 0, "b": 15_000, "play": 15_000, "cm": -HUGE}),
        ("hidden for ever", {"a": 0, "b": 15_000, "play": 15_000, "hidden": HUGE}),
    ],
)
def test_a_claim_of_what_cannot_be_earns_nothing(
    player: ScriptedPlayer, session: Session, why: str, claim: dict[str, Any]
) -> None:
    player.pass_time(15_000)
    player.make(**claim)
    player.flush()
    assert believed_ms(session) == 0, why
    assert check_ledger(session) == []


@pytest.mark.parametrize(
    ("why", "value"),
    [
        ("a fraction", "15000.5"),
        ("a whole number as a float", "15000.0"),
        ("an exponent", "15e3"),
        ("true", "true"),
        ("text", '"15000"'),
        ("null", "null"),
        ("a list", "[15000]"),
        ("beyond 2^53", str(2**53 + 1)),
        ("beyond 64 bits", str(2**80)),
        ("five thousand digits", "9" * 5_000),
        ("not a number", "NaN"),
        ("infinity", "Infinity"),
        ("full-width digits", "１５０００"),
    ],
)
def test_a_number_is_a_whole_number_or_the_message_is_refused(
    player: ScriptedPlayer, session: Session, why: str, value: str
) -> None:
    player.pass_time(15_000)
    statement = player.make(a=0, b=123_123, play=15_000).replace('"b": 123123', f'"b": {value}')
    got = player.call("POST", player.at("/reports"), player.message([statement]))
    assert got.status == 400, why
    assert believed_ms(session) == 0


@pytest.mark.parametrize("twice", ['"b": 1000, "b": 15000', '"b": 1000, "\\u0062": 15000', '"b":1000,"b" :15000'])
def test_a_key_that_stands_twice_is_refused(player: ScriptedPlayer, session: Session, twice: str) -> None:
    """Else the record store would keep one claim and the verifier believe another."""
    player.pass_time(15_000)
    statement = player.make(a=0, b=123_123, play=15_000).replace('"b": 123123', twice)
    assert player.call("POST", player.at("/reports"), player.message([statement])).status == 400
    assert believed_ms(session) == 0


def test_sent_at_any_time_by_the_phone_the_budget_is_the_servers(player: ScriptedPlayer, session: Session) -> None:
    rng = random.Random(7)
    for _ in range(12):
        player.pass_time(1_000)
        start = player.state["frontier_ms"]
        player.make(a=start, b=start + 20_000, play=rng.choice((20_000, 1_000, HUGE)))
        player.deliver(player.message(sent_cm=rng.choice((player.cm, 0, -HUGE, HUGE, player.cm + 10**6))))
        player.queue.clear()
        player.prev = None
    assert believed_ms(session) <= 12_000 * 101 // 100 + 12
    assert check_ledger(session) == []


def test_wild_messages_never_break_the_door_nor_earn(
    player: ScriptedPlayer, session: Session, clock: ManualClock
) -> None:
    """A seeded storm near every edge: no answer of 500, no more than real time, a ledger that adds up."""
    rng = random.Random(20261122)
    began = clock.now
    edges = (-HUGE, -1, 0, 1, 999, 1_000, 1_001, 15_000, 29_999, 30_000, 45_001, 600_000, 601_000, HUGE)
    for _ in range(40):
        player.pass_time(rng.choice((0, 1, 1_000, 15_000)))
        frontier = player.state["frontier_ms"]
        start = rng.choice((frontier, frontier, frontier + 1_000, rng.choice(edges)))
        player.seq = rng.choice((player.seq, player.seq, player.seq + 1, 0))
        player.make(
            a=max(-HUGE, min(HUGE, start)),
            b=max(-HUGE, min(HUGE, start + rng.choice((0, 1_000, 15_000, 16_000, 30_000, -1)))),
            play=rng.choice((0, 1_000, 15_000, 30_000, *edges)),
            cm=max(-HUGE, min(HUGE, player.cm + rng.choice((0, 0, 0, -1, 2_000, 10**6)))),
            hidden=rng.choice((0, 0, 0, 3_000, 3_001, -1, HUGE)),
        )
        got = player.call("POST", player.at("/reports"), player.message(sent_cm=player.cm + rng.choice((0, 60_000))))
        assert got.status == 200, got.body
        player.state = got.json()
        player.seq, player.queue = player.state["acknowledged"], []
        player.ask_key(rng.randrange(20))
    elapsed_ms = int((clock.now - began).total_seconds() * 1000)
    assert believed_ms(session) <= elapsed_ms * 101 // 100
    assert check_ledger(session) == []


# -- replays


def test_a_report_of_one_sitting_is_worth_nothing_in_another(player: ScriptedPlayer, session: Session) -> None:
    player.pass_time(15_000)
    statement = player.make(a=0, b=15_000, play=15_000)
    player.open(player.opened["unit"])
    player.pass_time(15_000)
    told = player.deliver(player.message([statement]))
    assert [(one["outcome"], one["class"]) for one in told["results"]] == [("refused", "device_problem")]
    assert believed_ms(session) == 0


def test_one_statement_id_under_two_numbers_counts_once(player: ScriptedPlayer, session: Session) -> None:
    player.pass_time(5_000)
    first = json.loads(player.make(a=0, b=5_000, play=5_000))
    player.flush()
    player.pass_time(5_000)
    second = json.loads(player.make(a=5_000, b=10_000, play=5_000)) | {"id": first["id"].upper()}
    told = player.deliver(player.message([json.dumps(second)]))
    assert told["results"][0]["outcome"] == "refused"
    assert believed_ms(session) == 5_000


def test_the_bytes_that_are_judged_are_the_bytes_that_are_kept(player: ScriptedPlayer, session: Session) -> None:
    """A number too far ahead puts one writing of a statement into the store; then an equal one in other bytes comes."""
    player.pass_time(5_000)
    player.seq = 65
    early = player.make(a=0, b=5_000, play=5_000)
    assert player.flush()["results"][0]["outcome"] == "refused"
    player.seq, player.queue = 0, []
    for _ in range(65):
        player.make()
    player.deliver(player.message(player.queue[:64]))
    player.deliver(player.message(player.queue[-1:]))
    told = player.deliver(player.message([early.replace('"display": {"en": "heartbeat"}', '"display": {"en": "x"}')]))
    assert told["results"][0]["outcome"] == "refused"
    told = player.deliver(player.message([early]))
    assert told["acknowledged"] == 66
    assert check_ledger(session) == []


def test_the_device_key_of_one_learner_signs_for_nobody_else(app: Flask, session: Session) -> None:
    """Two on one phone share the key; a report of one is still not a report of the other."""
    both = [a_player(app, session, a_watchable(session).learner_id) for _ in range(2)]
    both[1].device = both[0].device
    lessons = session.execute(sa.text("SELECT person_id, class_id FROM elearn.enrolment")).all()
    assert len(lessons) == 2
    units = list(session.scalars(sa.text("SELECT id FROM elearn.unit ORDER BY created_at, id")))
    for one, unit in zip(both, units, strict=True):
        one.device.thumbprint = ""
        one.open(unit)
        one.have_key()
    both[0].pass_time(15_000)
    statement = both[0].make(a=0, b=15_000, play=15_000)
    told = both[1].deliver(both[1].message([statement]))
    assert told["results"][0]["outcome"] == "refused"
    assert believed_ms(session) == 0


def test_a_lesson_watched_in_pieces_of_a_millisecond_earns_no_more_than_time(
    player: ScriptedPlayer, session: Session
) -> None:
    """Micro-skips: 64 reports of 1 ms, each a second further on, in one message."""
    for _ in range(3):
        player.pass_time(1_000)
        start = player.state["frontier_ms"]
        for step in range(60):
            player.make(a=start + step * 1_000, b=start + step * 1_000 + 1, play=1)
        player.flush()
    assert believed_ms(session) <= 3_030
    late = [player.ask_key(index).status for index in (3, 4, 19)]
    assert set(late) == {425}, "crumbs do not carry the pace of the keys either"


# -- when the sitting is over


def test_after_closing_nothing_more_is_earned(player: ScriptedPlayer, session: Session) -> None:
    player.play(15_000)
    player.close()
    player.pass_time(30_000)
    player.make(a=15_000, b=30_000, play=15_000)
    told = player.flush()
    assert told["results"][0]["outcome"] in ("partly", "refused")
    assert believed_ms(session) <= 15_150, "the 1 % of EPS that was left, and no window"


def test_carry_does_not_pass_from_one_sitting_to_the_next(player: ScriptedPlayer, session: Session) -> None:
    player.have_key()
    player.pass_time(30_000)
    player.make()  # nothing played: 30 s of carry
    player.flush()
    player.open(player.opened["unit"])
    player.make(a=0, b=30_000, play=0)
    player.make(a=0, b=1_000, play=0)
    player.flush()
    assert believed_ms(session) == 0


def test_opening_again_and_again_brings_no_key_sooner(player: ScriptedPlayer, session: Session) -> None:
    for _ in range(6):
        player.open(player.opened["unit"])
        for index in (1, 2, 19):
            player.ask_key(index)
    assert scalar(session, "SELECT max(block) FROM elearn.delivery") == 1, "the first block and the lead"


@pytest.mark.parametrize("index", ["-1", "20", "99999999999999999999", "1.0", "0x1", "%00"])
def test_a_key_that_is_none_is_never_given(player: ScriptedPlayer, index: str) -> None:
    got = player.call("GET", player.at(f"/keys/{index}"))
    assert got.status in (403, 404), got.status


# -- lessons one may not study


def retire(session: Session, lesson: Watchable) -> None:
    session.execute(sa.text("UPDATE elearn.unit SET retired_at = published_at"))


def withdraw(session: Session, lesson: Watchable) -> None:
    classes.withdraw(session, lesson.class_id, lesson.learner_id, acting=[lesson.institution_id], at=AT)


def end_class(session: Session, lesson: Watchable) -> None:
    session.execute(sa.text("UPDATE elearn.training_class SET ends_on = '2026-06-30'"))


def begin_class_tomorrow(session: Session, lesson: Watchable) -> None:
    session.execute(sa.text("UPDATE elearn.training_class SET starts_on = '2026-07-02'"))


@pytest.mark.parametrize("spoil", [retire, withdraw, end_class, begin_class_tomorrow])
def test_a_lesson_that_is_not_offered_to_this_learner_is_not_opened(
    app: Flask, session: Session, spoil: Callable[[Session, Watchable], None]
) -> None:
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    player.enrol()
    spoil(session, lesson)
    session.flush()
    got = player.call("POST", "/sittings", opening(player, lesson.unit_id))
    assert (got.status, got.json()["error"]) == (403, "not_enrolled")


def test_a_draft_is_not_opened(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    facts = catalogue.unit_facts(session, lesson.unit_id)
    keys = [bytes(16)] * 3
    draft = catalogue.register_unit(
        session, facts.lesson_id, "draft", a_manifest(90_000), keys, [], sealing_key=SEALING_KEY, created_at=AT
    )
    player = a_player(app, session, lesson.learner_id)
    player.enrol()
    assert player.call("POST", "/sittings", opening(player, draft.id)).json()["error"] == "not_enrolled"


@pytest.mark.parametrize(
    "changed",
    [{"unit": "00000000-0000-0000-0000-000000000000"}, {"unit": "x"}, {"unit": None}, {"device": ""}, {"cm": 1.5},
     {"cm": 2**70}, {"cm": True}, {"player": "x" * 65}, {"learner_id": "me"}, {"duration_ms": 1}],
)  # fmt: skip
def test_an_opening_that_claims_too_much_is_refused(player: ScriptedPlayer, changed: dict[str, object]) -> None:
    got = player.call("POST", "/sittings", opening(player, player.opened["unit"]) | changed)
    assert got.status in (400, 403, 404), got.body


# -- the day


def test_eight_hours_a_day_whatever_the_lessons_and_sittings(app: Flask, session: Session, clock: ManualClock) -> None:
    """Begun late in the evening: the cap is the local day's, and midnight opens the next one's, no more."""
    clock.now = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)  # 16:00 in Shanghai, 8 h before midnight
    lesson = a_watchable(session, duration_ms=32_400_000, block_ms=900_000)
    player = a_player(app, session, lesson.learner_id, block_ms=900_000)
    player.open(lesson.unit_id)
    session.execute(sa.text("UPDATE elearn.learner_watch SET check_due_after_ms = 900000"))
    session.execute(
        sa.text(
            "INSERT INTO elearn.day_use (learner_id, \"on\", used_ms, late_ms) VALUES (:who, '2026-07-01', :ms, 0)"
        ),
        {"who": lesson.learner_id, "today": date(2026, 7, 1), "ms": 28_800_000 - 20_000},
    )
    told: dict[str, Any] = {}
    for start in (0, 15_000):
        player.have_key()
        player.pass_time(15_000)
        told = player.deliver(player.message([player.make(a=start, b=start + 15_000, play=15_000)]))
        player.queue.clear()
    assert (told["results"][0]["outcome"], told["results"][0]["class"]) == ("partly", "limit_reached")
    assert told["frontier_ms"] == 20_000
    # The phone says it all was played tomorrow, or yesterday: its clock is nobody's.
    player.pass_time(15_000)
    player.make(a=20_000, b=35_000, play=15_000)
    assert player.flush()["frontier_ms"] == 20_000
    clock.now = datetime(2026, 7, 1, 16, 0, 5, tzinfo=UTC)  # five seconds past midnight
    player.cm += 10**6
    player.make(a=20_000, b=35_000, play=15_000)
    told = player.flush()
    assert told["frontier_ms"] <= 20_000 + 5_000, "two thirds were played before midnight, when the day was full"


# -- hours


def test_a_class_filed_later_makes_nothing_of_before_count(app: Flask, session: Session, clock: ManualClock) -> None:
    from elearn.credit_export import records

    lesson = a_watchable(session, filed=False)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.play(30_000)
    classes.file_class(
        session, lesson.class_id, filing_no="F", filed_at=clock.now, acting=[lesson.institution_id], at=clock.now
    )
    session.commit()
    player.play(30_000)
    pass_check(player)
    credit_all(session, now=clock.now)
    [case] = records.gather(session, lesson.learner_id, now=clock.now)
    assert case.hours.online_theory_ms == 0
    player.play(15_000)
    pass_check(player)
    credit_all(session, now=clock.now)
    [case] = records.gather(session, lesson.learner_id, now=clock.now)
    assert case.hours.online_theory_ms == 15_000
