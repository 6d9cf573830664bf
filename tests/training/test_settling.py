"""Rules assign in bulk, once; assignments follow the ledger, the tests and the signatures, and open in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses import catalogue, learning
from elearn.courses.centres import Centre
from elearn.courses.models import ClassCourse, Enrolment, Lesson, Outline, TrainingClass
from elearn.courses.papers import standing as papers_standing
from elearn.credit_export import records
from elearn.credit_export.models import EligibilityRecord, HoursEntry
from elearn.errors import Conflict, Malformed
from elearn.people import consents, organisations, persons, placements
from elearn.people.models import EmploymentKind, Membership, Person
from elearn.training import assigning, programmes, settling
from elearn.training.commands import training
from elearn.training.models import Assignment, AssignRun, Cycle, Occasion, Programme, Purpose, RunState, State
from tests import builders_courses as courses
from tests.builders_courses import an_outline
from tests.builders_people import a_person, an_account
from tests.builders_questions import a_multiple, a_single, a_test, a_testing_school, asked
from tests.builders_training import AT, HOUR_MS, TODAY, Works, a_works
from tests.conftest import statements
from tests.courses.papers.test_attempts import BEGUN, handed_in
from tests.hours import credit_all

LATER = AT + timedelta(days=20)


@pytest.fixture
def works(session: Session) -> Works:
    return a_works(session)


def of(session: Session, member: Membership) -> list[Assignment]:
    session.expire_all()
    found = session.scalars(
        sa.select(Assignment)
        .where(Assignment.membership_id == member.id)
        .order_by(Assignment.cause, Assignment.position)
    )
    return list(found)


def states(session: Session, member: Membership) -> list[str]:
    return [one.state.value for one in of(session, member)]


def learnt(works: Works, member: Membership, programme: Programme, ms: int = HOUR_MS) -> object:
    """The learner watches so much; it is credited and settled."""
    learner = works.learner(member, programme)
    span = learner.watch(ms=ms)
    credit_all(works.session, now=LATER)
    settling.settle(works.session, now=LATER)
    return learner, span


def test_a_new_hire_gets_the_levels_in_order_and_asking_twice_assigns_once(session: Session, works: Works) -> None:
    levels = works.three_levels()
    rule = works.rule(Occasion.HIRE, levels, bars_post=True)
    member, before = works.hire(), works.hire(from_on=date(2025, 3, 1))
    elsewhere = a_works(session).hire()
    assigning.catch_up(session, now=AT)
    first, second, third = of(session, member)
    assert [one.programme_id for one in (first, second, third)] == [one.id for one in levels]
    assert [one.state for one in (first, second, third)] == [State.OPEN, State.WAITING, State.WAITING]
    assert (second.after_id, third.after_id) == (first.id, second.id)
    assert all(one.bars_post and one.organisation_id == works.enterprise.id for one in (first, second, third))
    assert [one.due_on for one in (first, second, third)] == [TODAY + timedelta(days=30 * n) for n in (1, 2, 3)]
    assert of(session, before) == [], "hired before the rule began"
    assert of(session, elsewhere) == [], "of another enterprise"
    run = assigning.run(session, rule.id, by=None, at=AT)
    assert assigning.carry_out(session, run.id, now=AT) == 0
    assert len(of(session, member)) == 3
    done = session.get_one(AssignRun, run.id)
    assert (done.state, done.total, done.looked_at, done.assigned) == (RunState.DONE, 2, 2, 0)
    assert catalogue.may_study(session, member.person_id, works.units[levels[0].id].id) is not None
    assert catalogue.may_study(session, member.person_id, works.units[levels[1].id].id) is None, "not before the first"


def test_credit_makes_it_done_and_opens_the_next_and_a_reversal_takes_both_back(session: Session, works: Works) -> None:
    held = [works.programme(), works.programme()]
    works.rule(Occasion.HIRE, held)
    member = works.hire()
    assigning.catch_up(session, now=AT)
    learner = works.learner(member, held[0])
    learner.watch(ms=HOUR_MS // 2)
    credit_all(session, now=LATER)
    assert settling.settle(session, now=LATER) > 0
    first, _second = of(session, member)
    assert (first.credited_ms, first.state) == (HOUR_MS // 2, State.OPEN)
    span = learner.watch(ms=HOUR_MS // 2)
    credit_all(session, now=LATER + timedelta(minutes=1))
    settling.settle(session, now=LATER)
    first, second = of(session, member)
    assert (first.state, first.done_at, second.state) == (State.DONE, LATER, State.OPEN)
    assert list(settling.differences(session, on=TODAY)) == []
    learner.void(span)
    credit_all(session, now=LATER + timedelta(minutes=2))
    settling.settle(session, now=LATER)
    first, second = of(session, member)
    assert (first.credited_ms, first.state, first.done_at, first.round) == (HOUR_MS // 2, State.OPEN, None, 2)
    assert second.state is State.WAITING
    assert catalogue.may_study(session, member.person_id, works.units[held[1].id].id) is None
    assert list(settling.differences(session, on=TODAY)) == []
    session.execute(sa.update(Assignment).where(Assignment.id == first.id).values(credited_ms=HOUR_MS))
    [wrong] = settling.differences(session, on=TODAY)
    assert (wrong.assignment_id, wrong.credited_ms, wrong.ledger_ms) == (first.id, HOUR_MS, HOUR_MS // 2)


def test_what_is_settled_costs_by_what_is_new(session: Session, works: Works) -> None:
    held = works.programme()
    works.rule(Occasion.HIRE, [held])
    members = [works.hire() for _ in range(3)]
    assigning.catch_up(session, now=AT)
    for one in members:
        works.learner(one, held).watch(ms=HOUR_MS)
    credit_all(session, now=LATER)
    assert settling.settle(session, now=LATER) == 3
    with statements(session) as sent:
        assert settling.settle(session, now=LATER + timedelta(hours=1)) == 0
        assert assigning.catch_up(session, now=AT) == (3, 0), "who is done is asked once more: a year may be due"
        assert assigning.catch_up(session, now=AT) == (0, 0)
    assert len(sent) < 40


def test_a_move_a_return_and_leaving_are_seen_by_themselves(session: Session, works: Works) -> None:
    moved, back = works.programme(Purpose.TRANSFER), works.programme(Purpose.BACK)
    works.rule(Occasion.TRANSFER, [moved])
    works.rule(Occasion.BACK, [back])
    one, two = works.hire(from_on=date(2025, 1, 1)), works.hire(from_on=date(2025, 1, 1))
    assert assigning.catch_up(session, now=AT) == (2, 0)
    placements.move(session, one.id, unit_id=works.team.id, post="电工", category=None, from_on=TODAY, at=AT)
    placements.go_away(session, two.id, date(2025, 6, 1), at=AT)
    assert assigning.catch_up(session, now=AT) == (2, 1)
    [assigned] = of(session, one)
    assert (assigned.programme_id, assigned.cause) == (moved.id, f"transfer:{TODAY}")
    placements.come_back(session, two.id, TODAY)
    assert assigning.catch_up(session, now=AT) == (1, 1)
    assert [each.cause for each in of(session, two)] == [f"back:{TODAY}"]
    organisations.leave(session, two.person_id, works.enterprise.id, TODAY)
    assert assigning.catch_up(session, now=AT) == (1, 0)
    assert states(session, two) == ["open"], "today is the last day"
    assigning.catch_up(session, now=AT + timedelta(days=1))
    assert states(session, two) == ["withdrawn"]
    persons.erase_person(session, one.person_id, at=AT)
    assert assigning.catch_up(session, now=AT) == (1, 0)
    assert states(session, one) == ["withdrawn"], "who is erased has nothing to learn"
    assert catalogue.may_study(session, two.person_id, works.units[back.id].id) is None


def test_a_year_comes_by_the_calendar_and_counts_what_is_learned_anew(session: Session, works: Works) -> None:
    yearly = works.programme(Purpose.YEARLY)
    works.rule(Occasion.YEARLY, [yearly], cycle=Cycle.CALENDAR)
    member = works.hire(from_on=date(2025, 3, 1))
    assigning.catch_up(session, now=AT)
    [first] = of(session, member)
    assert (first.cause, first.due_on) == ("yearly:2026", date(2026, 12, 31))
    learnt(works, member, yearly)
    assert states(session, member) == ["done"]
    assert assigning.catch_up(session, now=AT + timedelta(days=100)) == (1, 0), "the same year"
    next_year = AT + timedelta(days=200)
    assert assigning.catch_up(session, now=next_year) == (1, 1)
    _first, second = of(session, member)
    assert (second.cause, second.state, second.credited_ms) == ("yearly:2027", State.OPEN, 0)


def test_closing_a_programme_withdraws_what_is_open_and_lets_nobody_study(session: Session, works: Works) -> None:
    held = [works.programme(), works.programme()]
    works.rule(Occasion.HIRE, held)
    member = works.hire()
    assigning.catch_up(session, now=AT)
    assert programmes.close(session, held[0].id, at=AT) == 1
    assert states(session, member) == ["withdrawn", "open"], "what followed opens"
    assert programmes.close(session, held[0].id, at=AT) == 0
    assert catalogue.may_study(session, member.person_id, works.units[held[0].id].id) is None
    works.hire()
    assigning.catch_up(session, now=AT)
    assert programmes.lines(session, [works.enterprise.id], today=TODAY)[0].programme.id == held[1].id


def test_an_internal_class_offers_no_course_that_trains_for_an_exam_and_is_never_filed(
    session: Session, works: Works
) -> None:
    posts, _unit = works.course(centre=Centre.POSTS)
    asked = programmes.Asked("电工", Purpose.OTHER, [posts.id], HOUR_MS, 30)
    with pytest.raises(Malformed, match="not offered"):
        programmes.add(session, works.enterprise.id, asked, by=a_person(session).id, at=AT)
    held = works.programme()
    an_outline(session)
    some_outline = sa.select(Outline.id).limit(1).scalar_subquery()
    internal = sa.update(TrainingClass).where(TrainingClass.id == held.class_id)
    refused: list[tuple[str, sa.Executable]] = [
        ("not offered", sa.insert(ClassCourse).values(class_id=held.class_id, course_id=posts.id, position=9)),
        ("internal", internal.values(filed_at=AT, filing_no="BA-1", filing_recorded_at=AT)),
        ("internal from the beginning", internal.values(outline_id=some_outline)),
        ("only an enterprise", internal.values(institution_id=works.school.id)),
    ]
    for why, change in refused:
        with pytest.raises(IntegrityError, match=why), session.begin_nested():
            session.execute(change)


def test_no_exam_hour_comes_of_an_internal_class(session: Session, works: Works) -> None:
    held = works.programme()
    works.rule(Occasion.HIRE, [held])
    member = works.hire()
    assigning.catch_up(session, now=AT)
    learnt(works, member, held)
    [entry] = session.scalars(sa.select(HoursEntry).where(HoursEntry.person_id == member.person_id))
    assert (entry.class_id, entry.outline_item_id, entry.amount_ms) == (held.class_id, None, HOUR_MS)
    records.record_people(session, [member.person_id], now=LATER)
    assert session.scalars(sa.select(EligibilityRecord)).all() == []
    [mine] = learning.my_classes(session, member.person_id)
    assert (mine.internal, mine.filed, [one.item_name for one in mine.courses]) == (True, False, [""])


def test_two_employers_share_a_course_only_with_consent(session: Session, works: Works) -> None:
    other = a_works(session)
    course = works.course()
    here = works.programme(course=course)
    there = other.programme(course=course, node=other.enterprise)
    works.rule(Occasion.HIRE, [here])
    other.rule(Occasion.HIRE, [there])
    member = works.hire()
    second = other.hire(person_id=member.person_id, kind=EmploymentKind.FLEXIBLE)
    assigning.catch_up(session, now=AT)
    admission = catalogue.may_study(session, member.person_id, course[1].id)
    assert admission is not None
    began, other_member, programme = (
        (member, second, here) if admission.class_id == here.class_id else (second, member, there)
    )
    (works if programme is here else other).units[programme.id] = course[1]
    learnt(works if programme is here else other, began, programme)
    assert (states(session, began), states(session, other_member)) == (["done"], ["open"])
    again = catalogue.may_study(session, member.person_id, course[1].id)
    assert again is not None
    assert again.class_id != programme.class_id, "who is done comes last"
    consents.say(
        session, member.person_id, other_member.organisation_id, consents.What.HOURS_ELSEWHERE,
        given=True, words="yes", at=LATER,
    )  # fmt: skip
    settling.settle(session, now=LATER)
    assert states(session, other_member) == ["done"]


def test_levels_stand_in_their_order_in_a_rule(session: Session, works: Works) -> None:
    factory, workshop, team = works.three_levels()
    with pytest.raises(Conflict, match="follow each other"):
        works.rule(Occasion.HIRE, [workshop, factory, team])
    assert works.rule(Occasion.TRANSFER, [workshop, team]).programme_ids == [workshop.id, team.id]
    with pytest.raises(Malformed, match="programmes of this organisation"):
        a_works(session).rule(Occasion.HIRE, [factory])
    enrolled = sa.select(sa.func.count()).select_from(Enrolment).where(Enrolment.class_id == factory.class_id)
    assert session.scalar(enrolled) == 0


def test_the_tests_of_its_courses_have_to_be_passed(session: Session) -> None:
    school = a_testing_school(session)
    for content in (a_single(), a_multiple()):
        asked(session, school, content)
    works = replace(a_works(session), school=school.institution)
    school.course.centre = Centre.EMPLOYEES
    lesson = courses.a_lesson(session, school.course)
    unit = courses.a_unit(session, lesson, duration_ms=HOUR_MS, questions=[courses.a_question(0, HOUR_MS)])
    held = works.programme(course=(school.course, unit))
    works.rule(Occasion.HIRE, [held])
    test, _blueprint = a_test(session, school)
    member = works.hire(from_on=TODAY)
    school.learner = an_account(session, person=session.get_one(Person, member.person_id))
    assert [one.test.id for one in papers_standing.tests_for(session, member.person_id, at=BEGUN)] == []
    assigning.catch_up(session, now=AT)
    assert [one.test.id for one in papers_standing.tests_for(session, member.person_id, at=BEGUN)] == [test.id]
    learnt(works, member, held)
    [waits] = of(session, member)
    assert (waits.credited_ms, waits.tests_passed, waits.state) == (HOUR_MS, False, State.OPEN)
    handed_in(session, school, test, good=2)
    settling.settle(session, now=BEGUN + timedelta(minutes=5))
    assert states(session, member) == ["done"]


def test_the_command_compares_with_the_ledger(app: Flask, session: Session, works: Works) -> None:
    works.rule(Occasion.HIRE, [works.programme()])
    member = works.hire()
    assigning.catch_up(session, now=AT)
    session.commit()
    runner = app.test_cli_runner()
    assert runner.invoke(training, ["check"]).exit_code == 0
    session.execute(sa.update(Assignment).where(Assignment.membership_id == member.id).values(credited_ms=5))
    session.commit()
    found = runner.invoke(training, ["check"])
    assert (found.exit_code, "says 5 ms, the ledger 0 ms" in found.output) == (1, True)


def test_a_corrected_version_watched_again_is_not_learned_twice(session: Session, works: Works) -> None:
    course, first = works.course()
    held = works.programme(course=(course, first))
    works.rule(Occasion.HIRE, [held])
    member = works.hire()
    assigning.catch_up(session, now=AT)
    learnt(works, member, held, HOUR_MS // 2)
    lesson = session.get_one(Lesson, first.lesson_id)
    pool = [courses.a_question(0, HOUR_MS)]
    works.units[held.id] = courses.a_unit(session, lesson, duration_ms=HOUR_MS, questions=pool)
    learner = works.learner(member, held)
    learner.watch(ms=HOUR_MS)
    credit_all(session, now=LATER + timedelta(minutes=1))
    settling.settle(session, now=LATER)
    [one] = of(session, member)
    assert (one.credited_ms, one.state) == (HOUR_MS, State.DONE), "an hour and a half was watched of an hour"
