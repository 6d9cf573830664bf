"""Whether the tests of somebody's courses are passed: what eligibility asks."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from elearn.courses import classes
from elearn.courses.papers import standing as papers_standing
from elearn.courses.papers import tests
from elearn.courses.papers.blueprint import Section
from elearn.courses.papers.standing import CourseTests, course_tests
from elearn.courses.papers.tests import Policy
from tests import builders_courses as courses
from tests import builders_people as people
from tests.builders_questions import AT, TestingSchool, a_multiple, a_single, a_test, a_testing_school, asked
from tests.conftest import statements
from tests.courses.papers.test_attempts import BEGUN, handed_in


@pytest.fixture
def school(session: Session) -> TestingSchool:
    made = a_testing_school(session)
    for content in (a_single(), a_multiple()):
        asked(session, made, content)
    return made


def standing(session: Session, school: TestingSchool) -> bool | None:
    person, outline = school.learner.person_id, school.outline.id
    return course_tests(session, [person], [outline])[person, outline].passed()


def test_courses_without_a_test_say_nothing(session: Session, school: TestingSchool) -> None:
    assert standing(session, school) is None
    tests.add_test(session, institution_id=school.institution.id, title="草稿", at=AT, course_id=school.course.id)
    assert standing(session, school) is None


def test_a_mock_exam_counts_for_nothing(session: Session, school: TestingSchool) -> None:
    mock, _ = a_test(session, school, mock=True)
    assert standing(session, school) is None
    handed_in(session, school, mock, good=2)
    assert standing(session, school) is None
    course_test, _ = a_test(session, school)
    assert standing(session, school) is False
    assert course_test.id != mock.id


def test_not_taken_failed_passed_and_failed_again(session: Session, school: TestingSchool) -> None:
    test, _ = a_test(session, school, policy=Policy(wait_s=0))
    assert standing(session, school) is False
    handed_in(session, school, test, good=0)
    assert standing(session, school) is False
    handed_in(session, school, test, good=2, at=BEGUN + timedelta(minutes=10))
    assert standing(session, school) is True
    handed_in(session, school, test, good=0, at=BEGUN + timedelta(minutes=20))
    assert standing(session, school) is True


def test_a_new_version_of_the_test_takes_nothing_away(session: Session, school: TestingSchool) -> None:
    test, _ = a_test(session, school)
    handed_in(session, school, test, good=2)
    newer = tests.add_blueprint(
        session,
        test.id,
        [Section(1, 1000)],
        Policy(pass_percent=100),
        acting=school.acting,
        by=school.writer.person_id,
        at=BEGUN,
    )
    tests.publish(session, newer.id, acting=school.acting, at=BEGUN)
    assert standing(session, school) is True


@pytest.mark.parametrize(
    ("some_passed", "missing", "spared", "passed"),
    [
        (False, (), (), None),
        (True, (), (), True),
        (False, (AT,), (), False),
        (True, (AT,), (), False),
        (True, (AT, BEGUN), (AT,), False),
        (True, (AT, BEGUN), (AT, BEGUN), True),
        (False, (AT,), (AT,), None),
    ],
)
def test_a_test_that_somebody_is_spared_is_not_asked_for(
    some_passed: bool, missing: tuple[datetime, ...], spared: tuple[datetime, ...], passed: bool | None
) -> None:
    assert CourseTests(some_passed, missing).passed(spared=spared) is passed


def test_a_test_is_offered_from_its_first_version_on(session: Session, school: TestingSchool) -> None:
    test, first = a_test(session, school)
    newer = tests.add_blueprint(
        session, test.id, [Section(1, 1000)], Policy(), acting=school.acting, by=school.writer.person_id, at=BEGUN
    )
    tests.publish(session, newer.id, acting=school.acting, at=BEGUN)
    person, outline = school.learner.person_id, school.outline.id
    assert course_tests(session, [person], [outline])[person, outline].missing_since == (first.published_at,)


def test_all_courses_with_a_test_have_to_be_passed(session: Session, school: TestingSchool) -> None:
    first, _ = a_test(session, school)
    second_course = courses.a_course(session, school.institution.id, outline=school.outline, title="急救")
    second, _ = a_test(session, school, course=second_course)
    handed_in(session, school, first, good=2)
    assert standing(session, school) is False
    handed_in(session, school, second, good=2)
    assert standing(session, school) is True


def test_a_retired_test_is_asked_for_no_more(session: Session, school: TestingSchool) -> None:
    test, _ = a_test(session, school)
    tests.retire(session, test.id, acting=school.acting, at=BEGUN)
    assert standing(session, school) is None


def test_tests_of_other_institutions_do_not_concern_somebody(session: Session, school: TestingSchool) -> None:
    other = a_testing_school(session)
    a_test(session, school)
    person = other.learner.person_id
    courses.enrolled(session, courses.a_class(session, other.institution.id, school.outline), person)
    assert course_tests(session, [person], [school.outline.id]) == {(person, school.outline.id): CourseTests()}


def test_who_left_the_class_is_in_none(session: Session, school: TestingSchool) -> None:
    a_test(session, school)
    classes.withdraw(session, school.held.id, school.learner.person_id, acting=school.acting, at=AT + timedelta(days=1))
    assert standing(session, school) is None


def test_any_number_of_people_and_outlines_is_one_query(session: Session, school: TestingSchool) -> None:
    a_test(session, school)
    others = [people.an_account(session).person_id for _ in range(5)]
    nowhere = uuid4()
    with statements(session) as sent:
        found = course_tests(session, [school.learner.person_id, *others], [school.outline.id, nowhere])
    assert len(sent) == 1
    assert len(found) == 12
    assert found.pop((school.learner.person_id, school.outline.id)).passed() is False
    assert {one.passed() for one in found.values()} == {None}
    with statements(session) as sent:
        assert course_tests(session, [], [nowhere]) == {}
    assert sent == []


def test_what_there_is_to_take_and_how_one_stands(session: Session, school: TestingSchool) -> None:
    mock, _ = a_test(session, school, mock=True)
    test, _ = a_test(session, school)
    done = handed_in(session, school, test, good=1)
    with statements(session) as sent:
        mine = papers_standing.tests_for(session, school.learner.person_id, at=BEGUN + timedelta(hours=1))
    assert len(sent) == 2
    assert [(one.test.id, one.tries, one.best_milli, one.passed, one.last_attempt) for one in mine] == [
        (test.id, 1, 500, False, done.id),
        (mock.id, 0, None, False, None),
    ]
    assert papers_standing.tests_for(session, people.an_account(session).person_id, at=BEGUN) == []
