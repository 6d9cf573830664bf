"""A person has one day: what was attended on site and what is watched online share its cap, whichever came first."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.errors import Conflict
from elearn.tracking.attendance import confirming
from elearn.tracking.attendance.models import AttendanceLine
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.models import LearnerDay, Report
from tests import builders_courses as courses
from tests.builders_people import an_account
from tests.builders_tracking import Watchable, a_player, a_watchable, pass_check
from tests.conftest import ManualClock
from tests.tracking.attendance.school import DAY, School, a_school, at

MINUTE_MS = 60_000


@pytest.fixture
def lesson(session: Session) -> Watchable:
    """Four minutes of video for somebody with an account."""
    found = a_watchable(session, duration_ms=4 * MINUTE_MS, learner_id=an_account(session).person_id)
    session.flush()
    return found


def a_class_with(session: Session, lesson: Watchable) -> School:
    school = a_school(session)
    courses.enrolled(session, school.held, lesson.learner_id)
    session.flush()
    return school


def attend(school: School, lesson: Watchable, *spans: tuple[str, str]) -> None:
    for begins, ends in spans:
        school.record(school.plan(begins, ends), lesson.learner_id)


def used_ms(session: Session, lesson: Watchable) -> int:
    return session.scalar(sa.select(LearnerDay.used_ms).where(LearnerDay.learner_id == lesson.learner_id)) or 0


WATCHED = [
    ("a free day takes all of it", [], 4),
    ("half a day on site leaves room", [("08:00", "12:00")], 4),
    ("two minutes are left of eight hours", [("08:00", "12:00"), ("13:00", "16:58")], 2),
    ("nothing is left", [("08:00", "12:00"), ("13:00", "17:00")], 0),
]


@pytest.mark.parametrize(("rule", "spans", "minutes"), WATCHED, ids=[row[0] for row in WATCHED])
def test_watching_after_a_day_on_site_counts_up_to_the_cap_of_both(
    app: Flask,
    session: Session,
    clock: ManualClock,
    lesson: Watchable,
    rule: str,
    spans: list[tuple[str, str]],
    minutes: int,
) -> None:
    attend(a_class_with(session, lesson), lesson, *spans)
    clock.now = at("20:00")
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.play(4 * MINUTE_MS)
    assert used_ms(session, lesson) == minutes * MINUTE_MS, rule
    if minutes < 4:
        refused = session.scalars(sa.select(Report.refused)).all()
        assert minutes == 0 or {code for one in refused for *_, code in one} == {"DAY_CAP"}
    assert check_ledger(session) == [], "each verdict is taken again the same, by what it saw"


def test_a_list_of_a_day_that_was_watched_meanwhile_is_proposed_anew_with_what_is_left(
    app: Flask, session: Session, clock: ManualClock, lesson: Watchable
) -> None:
    school = a_class_with(session, lesson)
    attend(school, lesson, ("08:00", "12:00"))
    second = school.plan("13:00", "16:58")
    school.attend(second, lesson.learner_id)
    whole = school.propose(second, now=at("17:00"))
    clock.now = at("20:00")
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.play(4 * MINUTE_MS)
    pass_check(player)
    assert used_ms(session, lesson) == 4 * MINUTE_MS, "nobody has confirmed the afternoon"
    with pytest.raises(Conflict, match="has changed"):
        school.confirm(whole, now=at("21:00"))
    session.rollback()
    school.send_back(session.merge(whole))
    again = school.propose(second, now=at("21:00"))
    school.confirm(again, now=at("22:00"))
    [line] = confirming.lines_of(session, again.id)
    assert (line.ms, line.on) == (236 * MINUTE_MS, DAY), "eight hours less the morning and what was watched"
    total = session.scalar(sa.select(sa.func.sum(AttendanceLine.ms)).where(AttendanceLine.list_id != whole.id))
    assert total == (240 + 236) * MINUTE_MS
    assert check_ledger(session) == []
