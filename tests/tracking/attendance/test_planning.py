"""Sessions are planned beforehand, and who studied online at that time was not there."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.db import new_id
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import persons
from elearn.people.models import Person
from elearn.tracking.attendance import planning, presence, proposing, reading
from elearn.tracking.attendance.models import AttendanceScan, ClassSession, SessionCancelled
from elearn.tracking.attendance.reading import Stage
from elearn.tracking.attendance.rules import Act
from tests.builders_courses import a_class, enrolled
from tests.builders_people import KEYS, an_account
from tests.builders_tracking import a_player, a_watchable, fail_check, pass_check
from tests.conftest import ManualClock
from tests.tracking.attendance.school import BEFORE, DAY, a_school, at


def test_a_session_cannot_be_planned_when_it_has_begun(session: Session) -> None:
    school = a_school(session)
    with pytest.raises(Malformed) as late:
        school.plan(planned_at=at("09:00"))
    assert late.value.error_code == "too_late"
    held = school.plan(planned_at=at("08:59"))
    columns = {column.name: getattr(held, column.name) for column in ClassSession.__table__.columns}
    invented = columns | {"id": new_id(), "planned_at": held.from_at + timedelta(seconds=1)}
    with pytest.raises(IntegrityError, match="planned_before"), session.begin_nested():
        session.execute(sa.insert(ClassSession).values(invented))
    with pytest.raises(IntegrityError, match="append-only"), session.begin_nested():
        session.execute(sa.update(ClassSession).values(to_at=held.to_at + timedelta(hours=1)))


def test_a_session_is_of_the_institutions_own_class_and_dates(session: Session) -> None:
    school, other = a_school(session), a_school(session)
    with pytest.raises(NotFound):
        school.plan(class_id=other.held.id)
    short = a_class(session, school.institution_id, school.outline)
    short.ends_on = date(2026, 6, 30)
    session.flush()
    with pytest.raises(Malformed) as outside:
        school.plan(class_id=short.id)
    assert outside.value.error_code == "bad_day"
    assert school.plan(class_id=short.id, on=date(2026, 6, 30)).kind == "theory"


def test_a_cancelled_session_is_attended_by_nobody(session: Session) -> None:
    school = a_school(session)
    held, free = school.plan(), school.plan("13:00", "14:00")
    school.cancel(held)
    school.cancel(held)
    assert session.query(SessionCancelled).count() == 1
    with pytest.raises(Conflict):
        school.mark(held, school.learners[0], ("09:00", "10:00"))
    school.attend(free, school.learners[0])
    school.propose(free)
    with pytest.raises(Conflict) as refused:
        planning.cancel(session, free.id, reason="x", by=school.manager.person_id, acting=school.acting, at=free.to_at)
    assert refused.value.error_code == "has_list"
    stages = {one.id: one.stage for one in reading.of_class(session, school.held.id, now=at("15:00"))[0]}
    assert stages == {held.id: Stage.CANCELLED, free.id: Stage.WAITING}


def test_who_watched_a_lesson_online_meanwhile_was_not_there(app: Flask, session: Session, clock: ManualClock) -> None:
    """Believed watching only: what a failed check took away is no reason."""
    school = a_school(session, learners=0)
    held = school.plan()
    ada, bob = an_account(session).person_id, an_account(session).person_id
    for one in (ada, bob):
        enrolled(session, school.held, one)
    clock.now = at("09:10")
    for one, ends in ((ada, pass_check), (bob, fail_check)):
        lesson = a_watchable(session, learner_id=one)
        session.commit()
        player = a_player(app, session, one)
        player.open(lesson.unit_id)
        player.play(15_000)
        player.play(15_000)
        ends(player)
        player.close()
    clock.now = at("12:00")
    for one in (ada, bob):
        school.mark(held, one, ("09:00", "10:30"))
    told = {one.person_id: one for one in proposing.draft(session, held, by=school.teacher.person_id, now=clock.now)}
    assert (told[ada].ms, told[ada].refused_as) == (0, "STUDIED_ONLINE")
    assert (told[bob].ms, told[bob].refused_as) == (90 * 60_000, None)
    school.mark(held, ada, ("09:20", "10:30"))
    [again] = [one for one in proposing.draft(session, held, by=school.teacher.person_id, now=clock.now)
               if one.person_id == ada]  # fmt: skip
    assert again.ms == 70 * 60_000, "after watching there was time to come"


def test_two_classes_of_two_employers_share_the_day(session: Session) -> None:
    one, other = a_school(session), a_school(session, learners=0)
    ada = one.learners[0]
    enrolled(session, other.held, ada)
    one.record(one.plan("08:00", "14:00"), ada)
    held = other.plan("15:00", "19:00")
    other.attend(held, ada)
    [drafted] = proposing.draft(session, held, by=other.teacher.person_id, now=held.to_at)
    assert drafted.ms == 2 * 3_600_000, "eight hours a day in all"
    beside = other.plan("13:00", "14:30", on=DAY, planned_at=BEFORE)
    other.attend(beside, ada)
    [refused] = proposing.draft(session, beside, by=other.teacher.person_id, now=held.to_at)
    assert refused.refused_as == "ELSEWHERE"


def test_why_somebody_was_marked_is_forgotten_with_them(session: Session) -> None:
    school = a_school(session)
    held = school.plan()
    school.mark(held, school.learners[0], ("09:00", "10:00"))
    assert presence.reasons_of(session, held.id, KEYS) == {school.learners[0]: "手机没电"}
    persons.erase_person(session, school.learners[0], at=held.to_at)
    session.flush()
    assert presence.reasons_of(session, held.id, KEYS) == {}
    assert session.get_one(Person, school.learners[0]).erased_at is not None


def test_pressing_twice_is_pressing_once(session: Session) -> None:
    school = a_school(session)
    held = school.plan()
    for _ in range(2):
        school.scan(held, school.learners[0], Act.IN, held.from_at)
    assert session.query(AttendanceScan).count() == 1
