"""The main way, over HTTP: open, get keys, report, confirm, final."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flask import Flask
from sqlalchemy.orm import Session

from elearn import create_app
from elearn.db import db
from elearn.settings import Settings
from elearn.tracking import duties, tokens, watched
from elearn.tracking.ledger_check import check_ledger
from tests.builders_tracking import RIGHT, WRONG, a_player, a_watchable, fail_check, pass_check
from tests.conftest import ManualClock, scalar


def test_a_lesson_watched_at_its_own_pace_is_pending_and_a_passed_check_makes_it_final(
    app: Flask, session: Session
) -> None:
    lesson = a_watchable(session, duration_ms=90_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    told = player.play(90_000)
    assert told["spans"] == {"pending": [[0, 90_000]], "final": []}
    assert (told["frontier_ms"], told["pending_ms"], told["final_ms"]) == (90_000, 90_000, 0)
    assert told["check_due"], "a lesson watched to its end asks for its check at once"
    assert not told["complete"]

    told = pass_check(player)
    assert told["outcome"] == "passed"
    assert told["spans"] == {"pending": [], "final": [[0, 90_000]]}
    assert (told["complete"], told["check_due"], told["held"]) == (True, False, False)
    rows = scalar(
        session,
        "SELECT json_agg(json_build_array(start_ms, end_ms, class_id)) FROM elearn.watched_span WHERE kind = 'final'",
    )
    assert rows == [[0, 90_000, str(lesson.class_id)]], "one contiguous stretch of one day is one row"


def test_what_is_reported_stands_in_the_record_store_byte_for_byte(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    statement = player.make("play")
    player.flush()
    kept = scalar(session, "SELECT raw FROM elearn.statement WHERE sitting_id = :sid", sid=player.sid)
    assert kept == statement


def test_a_failed_check_takes_back_what_was_pending_and_holds_until_one_is_passed(app: Flask, session: Session) -> None:
    lesson = a_watchable(session, duration_ms=120_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.play(30_000)
    assert pass_check(player)["final_ms"] == 30_000, "a check may be asked for at any time"
    player.play(30_000)
    assert player.state["pending_ms"] == 30_000

    told = fail_check(player)
    assert (told["outcome"], told["held"], told["check_due"]) == ("failed", True, True)
    assert (told["frontier_ms"], told["pending_ms"], told["final_ms"]) == (30_000, 0, 30_000)
    reasons = scalar(session, "SELECT array_agg(reason) FROM elearn.watched_span WHERE kind = 'reversal'")
    assert reasons == ["PRESENCE_FAILED"] * 2

    player.position_ms = 30_000
    player.pass_time(15_000)
    player.make(a=30_000, b=45_000, play=15_000)
    refused = player.flush()["results"][0]
    assert (refused["outcome"], refused["class"], refused["credited_ms"]) == ("refused", "check_missed", 0)

    told = pass_check(player)
    assert (told["outcome"], told["held"]) == ("passed", False)
    assert player.play(15_000)["pending_ms"] == 15_000
    assert check_ledger(session) == []


def test_an_unanswered_check_is_missed_at_the_next_touch_and_a_late_answer_cannot_save_it(
    app: Flask, session: Session
) -> None:
    lesson = a_watchable(session, duration_ms=120_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.play(30_000)
    check = player.ask_check()
    assert player.ask_check() == check, "asking again answers the same check and its running deadline"
    player.pass_time(70_001)
    told = player.answer(check, RIGHT)
    assert (told["outcome"], told["held"], told["pending_ms"], told["frontier_ms"]) == ("expired", True, 0, 0)


def test_an_answer_within_the_grace_still_counts(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.play(15_000)
    check = player.ask_check()
    player.pass_time(70_000)
    assert player.answer(check, RIGHT)["outcome"] == "passed"
    assert player.answer(check, WRONG)["outcome"] == "passed", "an answer sent again answers the same outcome"


def test_the_periodic_job_settles_questions_that_nobody_answered(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.play(15_000)
    player.ask_check()
    duties.expire_checks()
    assert scalar(session, "SELECT held FROM elearn.learner_watch") is False
    player.pass_time(70_001)
    duties.expire_checks()
    assert scalar(session, "SELECT held FROM elearn.learner_watch") is True
    assert player.look()["frontier_ms"] == 0


def test_the_right_answer_never_leaves_the_server(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.play(15_000)
    check = player.ask_check()
    assert set(check) == {"id", "kind", "stem", "options", "answer_ms", "deadline_ms", "tries_left"}
    assert [set(option) for option in check["options"]] == [{"id", "text"}] * 4


def test_no_question_repeats_until_the_pool_watched_so_far_is_used_up(app: Flask, session: Session) -> None:
    lesson = a_watchable(session, duration_ms=90_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    stems = []
    for _ in range(3):
        player.play(30_000)
        check = player.ask_check()
        stems.append(check["stem"])
        player.answer(check, RIGHT)
    assert stems == ["What was said at 0?", "What was said at 30000?", "What was said at 60000?"]


def test_there_is_nothing_to_ask_while_nothing_is_pending(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    got = player.call("POST", player.at("/checks"), {})
    assert (got.status, got.json()["error"]) == (409, "nothing_pending")


def test_the_newest_sitting_wins_and_what_was_played_before_still_counts(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    phone = a_player(app, session, lesson.learner_id)
    tablet = a_player(app, session, lesson.learner_id)
    phone.open(lesson.unit_id)
    phone.have_key()
    phone.pass_time(10_000)
    phone.make(a=0, b=10_000, play=10_000)
    tablet.open(lesson.unit_id)
    assert phone.ask_key(1).json()["error"] == "playing_elsewhere"

    told = phone.flush()
    assert (told["ended"], told["pending_ms"]) == ("playing_elsewhere", 10_000)
    phone.pass_time(10_000)
    phone.make(a=10_000, b=20_000, play=10_000)
    result = phone.flush()["results"][0]
    assert result["class"] == "playing_elsewhere"
    assert result["credited_ms"] <= 100, "after the takeover only what the tolerance had left over counts"
    assert tablet.look()["frontier_ms"] == 10_000 + result["credited_ms"]
    assert check_ledger(session) == []


def test_a_unit_is_held_in_several_classes_only_by_the_enrolled(app: Flask, session: Session) -> None:
    lesson, other = a_watchable(session), a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    player.enrol()
    asked = {"unit": str(other.unit_id), "device": player.device.thumbprint, "cm": 0, "player": "hls.js"}
    got = player.call("POST", "/sittings", asked)
    assert (got.status, got.json()["error"]) == (403, "not_enrolled")


def test_a_closed_sitting_stays_closed_and_gives_no_keys(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.close()
    assert player.close()["ended"] == "closed", "closing twice is harmless"
    assert (player.ask_key(0).status, player.ask_key(0).json()["error"]) == (403, "closed")


def test_after_twelve_hours_a_sitting_ends_but_its_queue_is_still_taken(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.have_key()
    player.pass_time(15_000)
    player.make(a=0, b=15_000, play=15_000)
    player.pass_time(tokens.LIFETIME_MS)
    told = player.flush()
    assert (told["ended"], told["pending_ms"]) == ("expired", 15_000)
    assert told["results"][0]["late"]


def test_progress_is_what_other_packages_may_ask(app: Flask, session: Session) -> None:
    lesson = a_watchable(session, duration_ms=90_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.play(30_000)
    pass_check(player)
    player.play(15_000)
    [done] = watched.progress(session, lesson.learner_id, [lesson.unit_id]).values()
    assert done == watched.Progress(45_000, 15_000, 30_000, 90_000, complete=False)
    standing = watched.standing(session, lesson.learner_id)
    assert [(one.unit_id, one.pending_ms) for one in standing.waiting] == [(lesson.unit_id, 15_000)]
    assert str(standing.live_sitting_id) == player.sid
    [(whose, final_ms)] = watched.final_ms_by_item(session, lesson.learner_id).items()
    assert (whose[0], final_ms) == (lesson.class_id, 30_000)


def test_a_scaled_policy_only_brings_checks_forward(
    own_database_url: str, settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    """A short demonstration lesson meets a check on the way; what counts as watching stays the same."""
    scaled = replace(settings, database_url=own_database_url, media_dir=tmp_path, policy_scale=30)
    app = create_app(scaled, clock=clock)
    try:
        with app.app_context():
            session = db.session()
            lesson = a_watchable(session, duration_ms=90_000)
            session.commit()
            player = a_player(app, session, lesson.learner_id)
        player.open(lesson.unit_id)
        checks = 0
        while not player.state["complete"]:
            player.play(90_000)
            assert 10_000 <= player.state["pending_ms"] <= 30_000, "a check is due after 10 to 30 s of pending time"
            pass_check(player)
            player.position_ms = player.state["frontier_ms"]
            checks += 1
        assert checks >= 3
        with app.app_context():
            assert check_ledger(db.session()) == []
    finally:
        app.extensions["elearn"].redis.close()
        with app.app_context():
            db.engine.dispose()
