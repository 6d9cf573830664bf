"""Why watching counted or did not, as the learner is told it: in seven classes, a lesson at a time."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import ScriptedPlayer
from elearn.errors import NotFound
from elearn.tracking import counted, explain
from elearn.tracking.counted import Story
from elearn.tracking.spans import Span
from elearn.tracking.verifier import RefusalClass
from tests.builders_refusals import CLASSES, a_refusal, jump_ahead
from tests.builders_tracking import Watchable, a_player, a_watchable, fail_check, pass_check
from tests.conftest import ManualClock
from tests.tracking.service.accounts import ZONE, account, lines


@pytest.fixture
def lesson(session: Session) -> Watchable:
    return a_watchable(session, duration_ms=120_000)


def test_the_table_holds_every_class() -> None:
    assert set(CLASSES) == set(RefusalClass)


@pytest.mark.parametrize("kind", list(RefusalClass))
def test_each_class_of_refusal_is_told_and_the_auditor_sees_its_code(
    app: Flask, session: Session, lesson: Watchable, kind: RefusalClass
) -> None:
    player, code = a_refusal(app, session, lesson, kind)
    assert {line.kind for line in lines(session, lesson)} == {kind}
    reports = explain.reports(session, UUID(player.sid))
    codes = {rule for report in reports for rule in report.rules}
    codes |= {part.reason for report in reports for part in report.believed if part.reason}
    assert code in codes
    assert [report.differences for report in reports if report.differences] == []


def test_every_moment_of_the_lesson_is_final_pending_not_counted_or_not_seen(
    session: Session, lesson: Watchable, player: ScriptedPlayer
) -> None:
    player.play(30_000)
    pass_check(player)
    player.play(15_000)
    jump_ahead(player)
    found = account(session, lesson)
    assert found.final == (Span(0, 30_000),)
    assert found.pending == (Span(30_000, 45_000),)
    assert found.not_counted == (Span(60_000, 75_000),)
    assert found.not_seen == (Span(45_000, 60_000), Span(75_000, 120_000))
    assert (found.checks_passed, found.checks_missed) == (1, 0)
    assert found.days[0].counted_ms == 45_000


def test_what_was_watched_again_properly_is_told_as_counted_since(
    session: Session, lesson: Watchable, player: ScriptedPlayer
) -> None:
    player.pass_time(15_000)
    player.make(a=15_000, b=30_000, play=15_000)
    player.flush()
    player.play(25_000)
    (line,) = lines(session, lesson)
    assert (line.kind, line.lost_ms, line.since) == (RefusalClass.JUMPED_AHEAD, 15_000, (Span(15_000, 25_000),))
    assert account(session, lesson).not_counted == (Span(25_000, 30_000),)


@pytest.mark.parametrize("story", [Story.WRONG, Story.UNANSWERED, Story.LAPSED])
def test_a_missed_check_tells_how_it_was_missed(
    app: Flask, session: Session, lesson: Watchable, player: ScriptedPlayer, story: Story
) -> None:
    player.play(15_000)
    if story is Story.WRONG:
        fail_check(player)
    elif story is Story.UNANSWERED:
        player.ask_check()
        player.pass_time(70_001)
        player.look()
    else:
        # 73 hours later: older than it may wait, confirmed too late. The sign-in is over by then, so a new one.
        player.wait(73 * 3_600_000)
        later = a_player(app, session, lesson.learner_id)
        later.open(lesson.unit_id)
        pass_check(later)
    (line,) = lines(session, lesson)
    assert (line.kind, line.story, line.media) == (RefusalClass.CHECK_MISSED, story, (Span(0, 15_000),))
    assert account(session, lesson).checks_missed == (0 if story is Story.LAPSED else 1)


def test_a_wild_claim_has_no_length_and_breaks_nothing(
    session: Session, lesson: Watchable, player: ScriptedPlayer
) -> None:
    player.make(a=-(2**53), b=2**53, play=-5)
    player.make(a=90_000, b=10_000)
    player.flush()
    assert [line.lost_ms for line in lines(session, lesson)] == [120_000]
    (first, second) = explain.reports(session, UUID(player.sid))
    assert first.rules == second.rules == ("OUT_OF_RANGE",)


def test_days_come_in_pages_newest_first(app: Flask, session: Session, lesson: Watchable, clock: ManualClock) -> None:
    for _ in range(counted.DAYS + 1):
        one = a_player(app, session, lesson.learner_id)
        one.open(lesson.unit_id)
        one.play(2_000)
        clock.advance(24 * 3_600_000)
    first, second = account(session, lesson), account(session, lesson, page=2)
    assert (len(first.days), first.more_days) == (counted.DAYS, True)
    assert (len(second.days), second.more_days) == (1, False)
    assert first.days[0].on > first.days[-1].on > second.days[0].on


def test_nobody_else_s_watching_is_in_the_account(
    app: Flask, session: Session, lesson: Watchable, player: ScriptedPlayer
) -> None:
    other = a_watchable(session)
    session.commit()
    player.play(15_000)
    jump_ahead(player)
    found = counted.lesson(session, other.learner_id, lesson.unit_id, zone=ZONE)
    assert (found.final, found.pending, found.days) == ((), (), ())
    assert not counted.has_watched(session, other.learner_id, lesson.unit_id)
    assert counted.has_watched(session, lesson.learner_id, lesson.unit_id)


def test_a_lesson_that_does_not_exist_has_no_account(session: Session, lesson: Watchable) -> None:
    with pytest.raises(NotFound):
        counted.lesson(session, lesson.learner_id, uuid4(), zone=ZONE)
