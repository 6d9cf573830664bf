"""An enterprise's training on site: who plans, gives, attends and confirms it, and what it is worth, and where not."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses.models import Enrolment, TrainingClass
from elearn.credit_export import gathering, ledger_check
from elearn.credit_export.hours import Tally
from elearn.credit_export.models import EligibilityRecord, HoursEntry
from elearn.errors import Conflict, DomainError, Forbidden, Malformed, NotFound
from elearn.people import placements
from elearn.people.models import EmploymentKind
from elearn.tracking.attendance import confirming, files, planning, presence, proposing, reading
from elearn.tracking.attendance.models import AttendanceFile, AttendedSpan, ClassSession
from elearn.tracking.attendance.rules import Refusal, joined
from elearn.training import classrooms, level_card, programmes, settling
from elearn.training.figures import keeping
from elearn.training.figures.counted import FigureCell
from elearn.training.models import Purpose, State
from tests import builders_courses as courses
from tests import builders_people as people
from tests.builders_training import AT, HOUR_MS, a_works
from tests.tracking.attendance.school import BEFORE, DAY, PHOTO, a_school, at
from tests.training.classroom import Classroom, a_classroom


@pytest.fixture
def room(session: Session) -> Classroom:
    return a_classroom(session)


# --- planning ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("the programme is closed", "closed"),
        ("nobody of the enterprise gives it", "bad_teacher"),
        ("who gives it has left by that day", "bad_teacher"),
        ("who gives it gives another one at that time", "teacher_elsewhere"),
        ("no place", "bad_place"),
        ("it ends before it begins", "bad_times"),
        ("it has begun", "too_late"),
        ("the unit is another enterprise's", "not_found"),
        ("the unit is not the planner's", "not_found"),
        ("the class is an institution's", "not_found"),
    ],
)
def test_a_session_is_planned_by_these_rules(session: Session, room: Classroom, rule: str, code: str) -> None:
    asked, acting, planned_at = room.asked(), room.acting, BEFORE
    if rule == "the programme is closed":
        programmes.close(session, room.programme.id, at=AT)
    elif rule.startswith("nobody of"):
        asked = room.asked(giver=people.a_person(session).id)
    elif rule.startswith("who gives it has left"):
        gone = room.works.hire(unit=room.unit)
        session.execute(sa.text("UPDATE elearn.placement SET to_on = :on WHERE membership_id = :id"),
                        {"on": DAY - timedelta(days=1), "id": gone.id})  # fmt: skip
        asked = room.asked(giver=gone.person_id)
    elif rule.startswith("who gives it gives"):
        room.plan(room.asked("10:30", "12:00"))
    elif rule == "no place":
        asked = room.asked(place="  ")
    elif rule.startswith("it ends"):
        asked = room.asked("11:00", "09:00")
    elif rule == "it has begun":
        planned_at = at("09:00")
    elif rule.startswith("the unit is another"):
        theirs = a_works(session).workshop
        asked, acting = room.asked(unit=theirs), frozenset({theirs.id})
    elif rule.startswith("the unit is not"):
        acting = frozenset({room.works.team.id})
    else:
        room.programme.class_id = a_school(session).held.id
        session.flush()
    with pytest.raises(DomainError) as refused:
        classrooms.plan(session, asked, by=room.clerk.person_id, acting=acting, at=planned_at)
    assert refused.value.error_code == code
    assert session.query(ClassSession).filter(ClassSession.planned_at == planned_at).count() == (
        1 if "another one" in rule else 0
    )


def test_who_gives_it_is_found_by_name_or_by_document(session: Session, room: Classroom) -> None:
    number, node = people.a_resident_id(), room.unit.id
    above = people.a_person(session, name="王安全", document_number=number)
    room.works.hire(unit=room.works.enterprise, person_id=above.id)
    twins = [people.a_person(session, name="李四") for _ in range(2)]
    for one in twins:
        room.works.hire(unit=room.works.team, person_id=one.id)
    elsewhere = people.a_person(session, name="外人", document_number=people.a_resident_id())

    def found(name: str, document: str = "") -> object:
        return classrooms.giver(session, node, name, document, people.KEYS, at=AT)

    assert found(f" {room.giver.name} ") == room.giver.id
    assert found("王安全", number) == above.id
    for name, document, code in (
        ("王安全", "", "nobody"), ("李四", "", "several"), ("王安", number, "nobody"), ("外人", "", "nobody"),
        ("王安全", "12", "document_form"),
    ):  # fmt: skip
        with pytest.raises(Malformed) as refused:
            found(name, document)
        assert refused.value.error_code == code, name
    assert elsewhere.name == "外人"


def test_the_database_keeps_both_kinds_of_session_apart(session: Session, room: Classroom) -> None:
    held, school = room.plan(), a_school(session)
    theirs = school.plan()
    columns = "id, kind, teacher_id, place, from_at, to_at, planned_by, planned_at"
    made = f"INSERT INTO elearn.class_session (class_id, unit_id, outline_item_id, {columns}) SELECT"
    rest = columns.replace("id,", "gen_random_uuid(),", 1)
    unit, item = f"'{room.unit.id}'", f"'{theirs.outline_item_id}'"
    other = f"'{a_works(session).workshop.id}'"
    for values, where, said in (
        (f"class_id, {unit}, {item}", held.id, "item_or_unit"),
        ("class_id, NULL, NULL", held.id, "item_or_unit"),
        (f"class_id, NULL, {item}", held.id, "and nothing else is"),
        (f"class_id, {unit}, NULL", theirs.id, "and nothing else is"),
        (f"class_id, {other}, NULL", held.id, "and nothing else is"),
    ):
        with pytest.raises(IntegrityError, match=said), session.begin_nested():
            session.execute(sa.text(f"{made} {values}, {rest} FROM elearn.class_session WHERE id = '{where}'"))


# --- who attends, who says so -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [EmploymentKind.CONTRACTOR, EmploymentKind.FLEXIBLE, EmploymentKind.DISPATCHED])
def test_any_member_of_the_unit_attends_however_employed(
    session: Session, room: Classroom, kind: EmploymentKind
) -> None:
    member, held = room.hire(kind), room.plan()
    room.record(held, [member])
    room.settle()
    done = room.assignment(member)
    assert (done.credited_ms, done.state) == (2 * HOUR_MS, State.DONE)


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("has it open in the unit", True),
        ("has it open below the unit", True),
        ("has it open in another unit", False),
        ("was not assigned it", False),
        ("gives it", False),
        ("moved to the unit that day", True),
        ("moved away that day", False),
    ],
)
def test_who_is_invited_may_check_in_and_be_marked(session: Session, room: Classroom, who: str, may: bool) -> None:
    unit = room.unit if who == "has it open in the unit" else None
    if who in ("has it open in another unit", "moved to the unit that day"):
        unit = room.works.enterprise
    member = room.hire(unit=unit, open_=who != "was not assigned it")
    if who == "gives it":
        room.giver = session.get_one(type(room.giver), member.person_id)
    if who.startswith("moved"):
        there = room.works.team if may else room.works.enterprise
        placements.move(session, member.id, unit_id=there.id, post="", category=None, from_on=DAY, at=AT)
    held = room.plan()
    invited = classrooms.invited(session, held)
    seated = {one.person_id for one in reading.seats(session, held, invited)}
    assert (member.person_id in invited, member.person_id in seated) == (may, may)
    if may:
        room.attend(held, member)
        room.confirm(room.propose(held))
        return
    with pytest.raises(Forbidden) as refused:
        room.attend(held, member)
    assert refused.value.error_code == "not_enrolled"
    by = people.an_account(session).person_id
    if who != "gives it":
        with pytest.raises(NotFound):
            presence.mark(
                session, held.id, member.person_id, present=(held.from_at, held.to_at), reason="x", by=by,
                acting=room.acting, keys=people.KEYS, at=held.to_at,
            )  # fmt: skip


@pytest.mark.parametrize("part", ["proposed it", "gives it", "marked somebody", "stands on it", "is of another unit"])
def test_a_list_is_confirmed_by_a_second_person_of_the_unit_who_has_no_part_in_it(
    session: Session, room: Classroom, part: str
) -> None:
    learner, other = room.members[0], room.hire()
    held = room.plan()
    room.attend(held, learner)
    marker = people.an_account(session).person_id
    presence.mark(
        session, held.id, other.person_id, present=(held.from_at, held.to_at), reason="没带手机", by=marker,
        acting=room.acting, keys=people.KEYS, at=held.to_at,
    )  # fmt: skip
    whole = room.propose(held, by=room.clerk.person_id)
    who = {"proposed it": room.clerk.person_id, "gives it": room.giver.id, "marked somebody": marker,
           "stands on it": learner.person_id}.get(part, room.second.person_id)  # fmt: skip
    acting = room.acting if part != "is of another unit" else {room.works.team.id, a_works(session).workshop.id}
    with pytest.raises((Forbidden, NotFound)) as refused:
        confirming.confirm(session, whole.id, by=who, acting=acting, now=whole.at)
    assert refused.value.error_code == ("not_found" if part == "is of another unit" else "second_person")
    assert session.query(AttendedSpan).count() == 0
    room.confirm(whole)
    assert session.query(AttendedSpan).count() == 2


def test_who_proposes_a_list_has_no_hours_of_it(session: Session, room: Classroom) -> None:
    """Two people who were both taught there cannot say so of each other."""
    member, held = room.members[0], room.plan()
    room.attend(held, member)
    with pytest.raises(Malformed) as refused:
        room.propose(held, by=member.person_id)
    assert refused.value.error_code == "empty_list"
    assert [one.refused_as for one in proposing.draft(session, held, by=member.person_id, now=held.to_at)] == [
        Refusal.TEACHES_IT
    ]


# --- what it is worth -------------------------------------------------------------------------------------------------


def test_attended_and_watched_time_together_settle_an_assignment(session: Session, room: Classroom) -> None:
    course, unit = room.works.course()
    asked = programmes.Asked("再培训", Purpose.YEARLY, [course.id], 2 * HOUR_MS, 30, on_site=True)
    room.programme = programmes.add(session, room.works.enterprise.id, asked, by=room.clerk.person_id, at=AT)
    room.works.units[room.programme.id] = unit
    [member] = room.members
    session.execute(sa.text("DELETE FROM elearn.assignment"))
    held = room.plan(room.asked("09:00", "10:00"))
    room.assign(member)
    room.works.learner(member, room.programme).watch(ms=HOUR_MS)
    room.settle(days=0)
    assert (room.assignment(member).credited_ms, room.assignment(member).state) == (HOUR_MS, State.OPEN)
    whole = room.record(held, [member])
    room.settle()
    done = room.assignment(member)
    assert (done.credited_ms, done.state) == (2 * HOUR_MS, State.DONE)
    assert classrooms.attended_ms(session, [done.id]) == {done.id: HOUR_MS}
    keeping.rebuild(session, now=at("12:00") + timedelta(days=1))
    cells = session.query(FigureCell).filter(FigureCell.membership_id == member.id).all()
    assert sum(one.credited_ms for one in cells) == 2 * HOUR_MS, "figures say what the ledger says"
    [line] = confirming.lines_of(session, whole.id)
    void = proposing.propose_void(
        session, held.id, [line.id], reason="名单有误", by=room.giver.id, acting=(), now=whole.at + timedelta(hours=1)
    )
    room.confirm(void)
    room.settle(days=2)
    assert (room.assignment(member).credited_ms, room.assignment(member).state) == (HOUR_MS, State.OPEN)
    assert classrooms.attended_ms(session, [done.id]) == {}
    assert list(settling.differences(session, on=DAY)) == []


def test_a_minute_is_credited_once(session: Session, room: Classroom) -> None:
    """Neither in two sessions, nor on site and online."""
    course, unit = room.works.course()
    other = room.works.programme(course=(course, unit))
    [member] = room.members
    room.assign(member, programme=other)
    giver = room.works.hire(unit=room.unit).person_id
    first, beside = room.plan(), room.plan(room.asked("10:00", "12:00", programme=other, giver=giver))
    room.record(first, [member])
    room.attend(beside, member)
    assert [one.refused_as for one in proposing.draft(session, beside, by=giver, now=beside.to_at)] == [
        Refusal.ELSEWHERE
    ]
    later = room.plan(room.asked("14:00", "15:00"))
    room.works.learner(member, other).watch(ms=HOUR_MS, heard_at=at("14:30"))
    session.execute(sa.text(
        "INSERT INTO elearn.believed_span (learner_id, unit_id, state, media, watched_span_id) "
        "SELECT learner_id, unit_id, 'final', int8range(start_ms, end_ms), id FROM elearn.watched_span "
        "WHERE kind = 'final'"
    ))  # fmt: skip
    room.attend(later, member)
    assert [one.refused_as for one in proposing.draft(session, later, by=room.giver.id, now=later.to_at)] == [
        Refusal.STUDIED_ONLINE
    ]


def test_no_exam_hears_of_it(session: Session, room: Classroom) -> None:
    """Also of somebody who trains for an exam at an institution at the same time."""
    [member], school = room.members, a_school(session)
    courses.enrolled(session, school.held, member.person_id)
    room.record(room.plan(), [member])
    room.settle()
    entry = session.query(HoursEntry).one()
    assert (entry.modality, entry.kind, entry.amount_ms) == ("offline", "practice", 2 * HOUR_MS)
    assert (entry.outline_item_id, session.get_one(TrainingClass, entry.class_id).outline_id) == (None, None)
    [case] = gathering.gather_many(session, [member.person_id], now=at("20:00"))
    assert case.outline_id == school.outline.id
    assert case.hours == Tally()
    recorded = session.query(EligibilityRecord).filter(EligibilityRecord.person_id == member.person_id).all()
    assert all(one.hours["offline_practice_ms"] == 0 for one in recorded)
    with pytest.raises(IntegrityError, match="internal_never_filed"), session.begin_nested():
        session.execute(
            sa.update(TrainingClass)
            .where(TrainingClass.id == entry.class_id)
            .values(filed_at=AT, filing_no="x", filing_recorded_at=AT)
        )
    assert [str(one) for one in ledger_check.check_hours(session)] == []


def test_the_card_shows_what_was_credited_on_site(session: Session) -> None:
    room = a_classroom(session, purpose=Purpose.THREE_LEVEL_WORKSHOP)
    [member] = room.members
    room.record(room.plan(), [member])
    room.settle()
    assert room.assignment(member).state is State.OPEN, "two people have to sign"
    [line] = level_card.card_lines(session, member.id)
    assert (line.credited_ms, line.attended_ms) == (2 * HOUR_MS, 2 * HOUR_MS)


def test_who_is_done_in_the_middle_of_a_session_is_there_to_its_end(session: Session, room: Classroom) -> None:
    """Being done ends the enrolment and begins a new one at the same moment."""
    [member], held = room.members, room.plan()
    middle = at("10:00")
    session.execute(sa.update(Enrolment).where(Enrolment.person_id == member.person_id).values(withdrawn_at=middle))
    session.add(Enrolment(class_id=held.class_id, person_id=member.person_id, enrolled_at=middle, withdrawn_at=None))
    session.flush()
    room.record(held, [member])
    assert session.query(AttendedSpan).count() == 1
    assert joined([(1, 5), (5, None)]) == [(1, None)]
    assert joined([(1, 5), (6, 8), (8, 9)]) == [(1, 5), (6, 9)], "a gap is a gap"


def test_a_session_that_was_confirmed_is_not_cancelled_and_one_that_was_cancelled_takes_nobody(
    session: Session, room: Classroom
) -> None:
    [member], held = room.members, room.plan()
    room.record(held, [member])
    with pytest.raises(Conflict) as refused:
        planning.cancel(session, held.id, reason="x", by=room.clerk.person_id, acting=room.acting, at=held.to_at)
    assert refused.value.error_code == "has_list"
    other = room.plan(room.asked("14:00", "15:00"))
    with pytest.raises(NotFound):
        planning.cancel(session, other.id, reason="x", by=room.clerk.person_id, acting=(), at=BEFORE)
    planning.cancel(session, other.id, reason="停电", by=room.clerk.person_id, acting=room.acting, at=BEFORE)
    with pytest.raises(Forbidden):
        room.attend(other, member)


def test_files_and_spreadsheets_are_a_units_own(session: Session, room: Classroom) -> None:
    held, elsewhere = room.plan(), a_works(session)
    made = files.attach(session, held.id, name="签到.png", content=PHOTO, by=room.giver.id, acting=(), at=held.to_at)
    assert made.unit_id == room.unit.id
    with pytest.raises(NotFound):
        files.own_file(session, made.id, [elsewhere.workshop.id, room.works.enterprise.id], teacher=None)
    assert files.own_file(session, made.id, [room.unit.id], teacher=None).id == made.id
    again = files.keep(session, held.class_id, None, unit_id=room.works.team.id, name="x", content=PHOTO,
                       media_type="image/png", by=room.giver.id, at=held.to_at)  # fmt: skip
    assert again.id != made.id, "what another unit sent is not this one's"
    session.add(
        AttendanceFile(
            class_id=held.class_id, session_id=None, unit_id=None, sha256="0" * 64, name="x", media_type="x",
            content=b"x", by_id=room.giver.id, at=AT,
        )
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="and nothing else is"):
        session.flush()
