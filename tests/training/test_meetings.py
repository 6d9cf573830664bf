"""Sessions on site are told to who is expected there: once, also when they do not take place, and to nobody else."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.people import placements
from elearn.people.models import Account, Person, Role
from elearn.tracking.attendance import planning
from elearn.tracking.attendance.models import ClassSession
from elearn.training.telling import meetings
from elearn.training.telling.messages import Kind, Message
from elearn.training.telling.sending import Channel, Outgoing
from tests import builders_courses as courses
from tests import builders_people as people
from tests.builders_training import a_works
from tests.conftest import statements
from tests.tracking.attendance.school import BEFORE, DAY, a_school, at
from tests.training.classroom import Classroom, a_classroom

HOUR = timedelta(hours=1)
EVE = at("09:05", DAY - timedelta(days=1))
"""The day before the session, in the morning."""


@pytest.fixture
def room(session: Session) -> Classroom:
    return a_classroom(session)


def told(session: Session, person_id: UUID) -> list[Kind]:
    of = sa.select(Message.kind).where(Message.person_id == person_id)
    return list(session.scalars(of.order_by(Message.created_at, Message.id)))


def cancel(session: Session, room: Classroom, held: ClassSession, now: datetime) -> None:
    planning.cancel(session, held.id, reason="停电", by=room.clerk.person_id, acting=room.acting, at=now)


def with_phone(session: Session, person_id: UUID) -> Account:
    return people.an_account(session, person=session.get_one(Person, person_id), phone=people.a_phone())


def letters(session: Session, person_id: UUID) -> list[Outgoing]:
    of = sa.select(Outgoing).where(Outgoing.person_id == person_id)
    return list(session.scalars(of.order_by(Outgoing.made_at, Outgoing.id)))


def test_who_is_expected_and_who_gives_it_are_told_once_when_and_where(session: Session, room: Classroom) -> None:
    [member], held = room.members, room.plan()
    assert meetings.tell(session, at=BEFORE) == 2
    assert meetings.tell(session, at=BEFORE + HOUR) == 0
    [message] = session.scalars(sa.select(Message).where(Message.person_id == member.person_id))
    assert (message.kind, message.organisation_id) == (Kind.SESSION, room.works.enterprise.id)
    assert message.facts == {
        "title": held_title(session, held), "held_on": DAY.isoformat(), "begins": "09:00", "ends": "11:00",
        "place": "车间A",
    }  # fmt: skip
    assert told(session, room.giver.id) == [Kind.SESSION_GIVEN]


def held_title(session: Session, held: ClassSession) -> str:
    title: str = session.execute(
        sa.text("SELECT title FROM elearn.training_class WHERE id = :id"), {"id": held.class_id}
    ).scalar_one()
    return title


@pytest.mark.parametrize(
    ("who", "hears"),
    [
        ("has it open below the unit", True),
        ("has it open in another unit", False),
        ("was not assigned it", False),
        ("moved to the unit that day", True),
        ("moved away that day", False),
        ("did it", False),
    ],
)
def test_of_an_enterprise_those_are_told_who_may_check_in(
    session: Session, room: Classroom, who: str, hears: bool
) -> None:
    elsewhere = who in ("has it open in another unit", "moved to the unit that day")
    unit = room.works.enterprise if elsewhere else None
    member = room.hire(unit=unit, open_=who != "was not assigned it")
    if who.startswith("moved"):
        there = room.works.team if hears else room.works.enterprise
        placements.move(session, member.id, unit_id=there.id, post="", category=None, from_on=DAY, at=BEFORE)
    if who == "did it":
        done = "UPDATE elearn.assignment SET state = 'done', done_at = :at WHERE membership_id = :id"
        session.execute(sa.text(done), {"at": BEFORE, "id": member.id})
    room.plan()
    meetings.tell(session, at=BEFORE)
    assert told(session, member.person_id) == ([Kind.SESSION] if hears else [])


def test_of_an_institution_the_learners_of_the_class_are_told_and_nobody_who_has_left_it(session: Session) -> None:
    school = a_school(session)
    stays, leaves = (people.a_person(session).id for _ in range(2))
    for one in (stays, leaves):
        courses.enrolled(session, school.held, one)
    gone = "UPDATE elearn.enrolment SET withdrawn_at = enrolled_at WHERE person_id = :id"
    session.execute(sa.text(gone), {"id": leaves})
    school.plan()
    meetings.tell(session, at=BEFORE)
    assert told(session, stays) == [Kind.SESSION]
    assert told(session, leaves) == []
    assert told(session, school.teacher.person_id) == [Kind.SESSION_GIVEN]


def test_who_is_expected_only_later_hears_of_it_then(session: Session, room: Classroom) -> None:
    room.plan()
    meetings.tell(session, at=BEFORE)
    late = room.hire()
    assert meetings.tell(session, at=BEFORE + HOUR) == 1
    assert told(session, late.person_id) == [Kind.SESSION]


def test_what_is_further_away_than_a_fortnight_or_has_begun_is_not_told(session: Session, room: Classroom) -> None:
    [member], held = room.members, room.plan(planned_at=BEFORE - timedelta(days=30))
    assert meetings.tell(session, at=held.from_at - meetings.AHEAD) == 0
    assert meetings.tell(session, at=held.from_at) == 0
    assert meetings.tell(session, at=held.from_at - meetings.AHEAD + HOUR) == 2
    assert told(session, member.person_id) == [Kind.SESSION]


def test_a_session_that_is_cancelled_is_told_to_those_who_heard_of_it(session: Session, room: Classroom) -> None:
    [member], held = room.members, room.plan()
    meetings.tell(session, at=BEFORE)
    late = room.hire()
    cancel(session, room, held, BEFORE + HOUR)
    assert meetings.tell(session, at=BEFORE + HOUR, only=held.id) == 2
    assert meetings.tell(session, at=BEFORE + 2 * HOUR) == 0
    assert told(session, member.person_id) == [Kind.SESSION, Kind.SESSION_CANCELLED]
    assert told(session, room.giver.id) == [Kind.SESSION_GIVEN, Kind.SESSION_CANCELLED]
    assert told(session, late.person_id) == [], "who never heard of it need not hear that it is off"
    of = sa.select(Message.facts).where(Message.person_id == member.person_id, Message.kind == Kind.SESSION_CANCELLED)
    assert session.scalars(of).one() == {
        "title": held_title(session, held),
        "held_on": DAY.isoformat(),
        "begins": "09:00",
        "why": "停电",
    }


def test_only_the_session_asked_about_is_told(session: Session, room: Classroom) -> None:
    room.plan()
    second = room.plan(room.asked("14:00", "15:00"))
    assert meetings.tell(session, at=BEFORE, only=second.id) == 2
    assert meetings.tell(session, at=BEFORE) == 2


def test_a_phone_rings_the_day_before_in_daytime_and_once(session: Session, room: Classroom) -> None:
    [member] = room.members
    with_phone(session, member.person_id)
    room.plan()
    for now in (EVE - timedelta(days=1), EVE.replace(hour=15)):
        assert meetings.ring(session, [Channel.SMS], at=now) == 0, "too early, or at night"
    assert meetings.ring(session, [Channel.SMS], at=EVE) == 1, "who gives it has no phone here"
    assert meetings.ring(session, [Channel.SMS], at=EVE + HOUR) == 0
    [letter] = letters(session, member.person_id)
    assert (letter.kind, letter.facts["place"], letter.organisation_id) == (
        Kind.SESSION, "车间A", room.works.enterprise.id,
    )  # fmt: skip


def test_whoever_was_rung_up_is_rung_up_when_it_is_cancelled(session: Session, room: Classroom) -> None:
    member, other = room.members[0], room.hire()
    with_phone(session, member.person_id)
    held = room.plan()
    meetings.ring(session, [Channel.SMS], at=EVE)
    with_phone(session, other.person_id)
    cancel(session, room, held, EVE + HOUR)
    assert meetings.ring(session, [Channel.SMS], at=EVE + 2 * HOUR) == 1
    assert meetings.ring(session, [Channel.SMS], at=EVE + 3 * HOUR) == 0
    assert [one.kind for one in letters(session, member.person_id)] == [Kind.SESSION, Kind.SESSION_CANCELLED]
    assert letters(session, other.person_id) == []


def test_the_statements_do_not_grow_with_sessions_or_people(session: Session, room: Classroom) -> None:
    def sent() -> int:
        with statements(session) as seen:
            meetings.tell(session, at=BEFORE)
        return len(seen)

    room.plan()
    few = sent()
    for hour in range(12, 18):
        room.hire()
        room.plan(room.asked(f"{hour}:00", f"{hour}:30"))
    assert sent() == few


def test_another_enterprise_s_people_hear_nothing(session: Session, room: Classroom) -> None:
    other = a_works(session)
    stranger = other.hire(unit=other.workshop)
    people.an_account(session, Role.ENTERPRISE_CLERK, organisation_id=other.enterprise.id)
    room.plan()
    meetings.tell(session, at=BEFORE)
    assert told(session, stranger.person_id) == []
