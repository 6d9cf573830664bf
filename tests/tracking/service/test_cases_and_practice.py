"""Cases and practice over HTTP: the end of a case counts by its answers, practice earns nothing whatever is said."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.courses import page_units, teaching
from elearn.courses.models import Question, UnitKind
from elearn.demo.scripted_player import Refused, ScriptedPlayer
from elearn.tracking import cases
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.models import BelievedSpan, PresenceCheck, Sitting, UnitWatch, WatchedSpan
from elearn.tracking.policy import Policy
from elearn.tracking.tokens import Token, Tokens
from tests.builders_tracking import (
    AT,
    Watchable,
    a_player,
    a_watchable,
    fail_check,
    pass_check,
    some_pages,
    some_questions,
)

PAGES_MS = (60_000, 60_000, 30_000)


def a_unit(session: Session, kind: UnitKind, *credit_ms: int) -> Watchable:
    """A written lesson of this kind, published, with a question for every 30 s, and a learner in its class."""
    place = a_watchable(session)
    lesson = teaching.add_lesson(session, course_id=place.course_id, title="触电事故", acting=[place.institution_id])
    pages = some_pages(*credit_ms, reviewed_by=place.learner_id, image=None)
    unit = page_units.register_pages(
        session, lesson.id, lesson.title, pages, some_questions(sum(credit_ms)), at=AT, kind=kind, published=True
    )
    session.flush()
    return replace(place, unit_id=unit.id)


def final_ms(session: Session, unit_id: UUID) -> int:
    sums = sa.func.coalesce(sa.func.sum(sa.func.upper(BelievedSpan.media) - sa.func.lower(BelievedSpan.media)), 0)
    return int(
        session.scalar(sa.select(sums).where(BelievedSpan.unit_id == unit_id, BelievedSpan.state == "final")) or 0
    )


def read_whole(app: Flask, session: Session, lesson: Watchable) -> ScriptedPlayer:
    player = a_player(app, session, lesson.learner_id)
    assert player.open(lesson.unit_id)["pages"] == [[0, 60_000], [60_000, 120_000], [120_000, 150_000]]
    player.read(150_000)
    return player


def test_the_end_of_a_case_counts_when_each_question_was_answered_right(app: Flask, session: Session) -> None:
    lesson = a_unit(session, UnitKind.CASE, *PAGES_MS)
    player = read_whole(app, session, lesson)
    for missing in (4, 3, 2, 1):
        state = pass_check(player)
        assert not state["complete"], missing
        assert state["check_due"], "the next question comes at once"
        assert final_ms(session, lesson.unit_id) < 120_000 + 1, "its end waits"
        assert check_ledger(session) == []
    state = pass_check(player)
    assert state["complete"]
    assert not state["check_due"]
    assert final_ms(session, lesson.unit_id) == 150_000
    asked = session.scalars(sa.select(PresenceCheck.question_id)).all()
    assert len(set(asked)) == len(asked) == 5, "each of its questions once"
    assert check_ledger(session) == []


def test_a_wrong_answer_costs_the_end_and_what_was_right_stays_right(app: Flask, session: Session) -> None:
    lesson = a_unit(session, UnitKind.CASE, *PAGES_MS)
    player = read_whole(app, session, lesson)
    pass_check(player)
    before = final_ms(session, lesson.unit_id)
    assert fail_check(player)["held"]
    assert final_ms(session, lesson.unit_id) == before
    failed = session.scalars(sa.select(PresenceCheck.question_id).where(PresenceCheck.outcome == "failed")).one()
    assert failed in cases.owed(session, lesson.learner_id, [lesson.unit_id], Policy())[lesson.unit_id].questions
    player.position_ms = pass_check(player)["frontier_ms"]  # the way out, about what was missed
    player.read(150_000)
    while not (state := pass_check(player))["complete"]:
        assert state["check_due"]
    right = session.scalars(sa.select(PresenceCheck.question_id).where(PresenceCheck.outcome == "passed"))
    assert len(set(right)) == 5
    assert check_ledger(session) == []


def test_a_question_that_left_the_pool_is_not_owed(app: Flask, session: Session) -> None:
    lesson = a_unit(session, UnitKind.CASE, *PAGES_MS)
    player = read_whole(app, session, lesson)
    first, *others = session.scalars(sa.select(Question).where(Question.unit_id == lesson.unit_id)).all()
    for one in others:
        one.retired_at = AT
    session.commit()
    assert set(cases.owed(session, lesson.learner_id, [lesson.unit_id], Policy())[lesson.unit_id].questions) == {
        first.id
    }
    assert pass_check(player)["complete"]


def test_pages_without_a_case_need_one_answer(app: Flask, session: Session) -> None:
    lesson = a_unit(session, UnitKind.PAGES, *PAGES_MS)
    assert pass_check(read_whole(app, session, lesson))["complete"]
    assert cases.owed(session, lesson.learner_id, [lesson.unit_id], Policy()) == {}


def test_a_practice_opens_no_sitting(app: Flask, session: Session) -> None:
    lesson = a_unit(session, UnitKind.PRACTICE, *PAGES_MS)
    player = a_player(app, session, lesson.learner_id)
    with pytest.raises(Refused, match=r"403 .*on_site"):
        player.open(lesson.unit_id)
    assert session.scalar(sa.select(sa.func.count()).select_from(Sitting)) == 0


def test_forged_statements_over_a_practice_earn_nothing(app: Flask, session: Session) -> None:
    """As if somebody had got hold of a sitting of it, with a token that holds: no part of it was ever handed out."""
    pages = a_unit(session, UnitKind.PAGES, *PAGES_MS)
    practice = a_unit(session, UnitKind.PRACTICE, *PAGES_MS)
    player = a_player(app, session, pages.learner_id)
    opened = player.open(pages.unit_id)
    session.execute(sa.update(Sitting).values(unit_id=practice.unit_id))
    session.execute(sa.update(UnitWatch).values(unit_id=practice.unit_id))
    session.commit()
    token = Token(UUID(player.sid), pages.learner_id, practice.unit_id, player.device.thumbprint, 2**62)
    player.opened = json.loads(json.dumps(opened).replace(str(pages.unit_id), str(practice.unit_id)))
    player.opened["token"] = Tokens(app.extensions["elearn"].settings.secret_key).write(token)
    assert player.ask_page(0).status == 403
    for begin_ms in range(0, 150_000, 15_000):
        player.pass_time(15_000)
        player.make(a=begin_ms, b=begin_ms + 15_000, play=15_000, idle=0)
        told = player.flush()
        assert told["results"][0]["credited_ms"] == 0
    assert told["spans"] == {"pending": [], "final": []}
    assert session.scalar(sa.select(sa.func.count()).select_from(BelievedSpan)) == 0
    assert session.scalar(sa.select(sa.func.count()).select_from(WatchedSpan)) == 0
