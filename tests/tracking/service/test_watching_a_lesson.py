"""The main way, over HTTP: open, get keys, report, confirm, final."""

from __future__ import annotations

from flask import Flask
from sqlalchemy.orm import Session

from tests.builders_tracking import a_player, a_watchable, pass_check
from tests.conftest import scalar


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
