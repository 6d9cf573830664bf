"""A course whose test is not passed counts for nothing; whoever passes is looked at again within the minute.

A test binds whoever was not admitted when it was first offered: nobody loses an admission by its being published.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Course, Outline, TrainingClass
from elearn.courses.papers import tests
from elearn.courses.papers.models import CourseTest
from elearn.courses.papers.tests import Policy
from elearn.credit_export import lives_check, recomputing, records
from elearn.credit_export.eligibility import Reason
from elearn.credit_export.lifecycle import Act, State
from elearn.people.models import Organisation, Role
from tests.builders_courses import a_course, enrolled, theory_of
from tests.builders_credit import LEARNED_AT, a_learner_with_hours
from tests.builders_people import a_resident_id, an_account
from tests.builders_questions import TestingSchool, a_multiple, a_single, a_test, a_testing_school, asked
from tests.courses.papers.test_attempts import BEGUN, handed_in
from tests.credit_export.records.an_office import NOW, Office, take_back


@pytest.fixture
def school(session: Session) -> TestingSchool:
    made = a_testing_school(session)
    for content in (a_single(), a_multiple()):
        asked(session, made, content)
    return made


def test_a_test_that_is_not_passed_is_a_reason_until_it_is(session: Session, school: TestingSchool) -> None:
    person, later = school.learner.person_id, BEGUN + timedelta(minutes=30)

    def missing() -> bool:
        records.record_person(session, person, now=later)
        record = records.newest_records(session, [person]).popitem()[1]
        assert list(lives_check.unsound(session)) == []
        assert record.facts["checks"]["course_tests"] is (
            None if not tested else Reason.COURSE_TEST_MISSING not in record.reasons
        )
        return Reason.COURSE_TEST_MISSING in record.reasons

    tested = False
    assert not missing(), "the courses have no test"
    test, _ = a_test(session, school, policy=Policy(wait_s=0))
    tested = True
    assert missing()
    handed_in(session, school, test, good=0)
    assert missing()
    handed_in(session, school, test, good=2, at=BEGUN + timedelta(minutes=10))
    assert not missing()


def test_whoever_passed_a_short_while_ago_is_looked_at_again(session: Session, school: TestingSchool) -> None:
    test, _ = a_test(session, school, policy=Policy(wait_s=0))
    since = BEGUN - timedelta(seconds=1)

    def touched() -> bool:
        pages = recomputing.lately_touched(session, since=since)
        return school.learner.person_id in {one for page in pages for one in page}

    handed_in(session, school, test, good=0)
    before = touched()
    handed_in(session, school, test, good=2, at=BEGUN + timedelta(minutes=10))
    assert (before, touched()) == (False, True)


def test_whose_course_was_given_a_test_is_looked_at_again_and_when_it_is_retired(
    session: Session, school: TestingSchool
) -> None:
    def touched(since: datetime) -> bool:
        pages = recomputing.lately_touched(session, since=since)
        return school.learner.person_id in {one for page in pages for one in page}

    a_test(session, school, mock=True, at=BEGUN)
    assert not touched(BEGUN)
    test, _ = a_test(session, school, at=BEGUN)
    later = BEGUN + timedelta(seconds=1)
    assert (touched(BEGUN), touched(later)) == (True, False)
    tests.retire(session, test.id, acting=school.acting, at=later)
    assert touched(later)


# --- a test that is published when somebody is admitted already -------------------------------------------------------


def published(office: Office, after: timedelta, *, course: Course | None = None) -> CourseTest:
    """A test of a course of the office's institution, first offered so long after the admissions of `NOW`."""
    session = office.session
    held = session.get_one(TrainingClass, office.learner.class_id)
    outline = session.get_one(Outline, held.outline_id)
    made = TestingSchool(
        institution=session.get_one(Organisation, office.institution_id),
        outline=outline,
        item=theory_of(session, outline),
        course=course or session.scalars(sa.select(Course).where(Course.institution_id == office.institution_id)).one(),
        held=held,
        writer=an_account(session, Role.INSTITUTION_MANAGER, organisation_id=office.institution_id),
        reviewer=an_account(session, Role.TEACHER, organisation_id=office.institution_id),
        learner=an_account(session),
    )
    for content in (a_single(), a_multiple()):
        asked(session, made, content, at=LEARNED_AT)
    return a_test(session, made, at=NOW + after)[0]


def submitted(office: Office) -> None:
    office.act(Act.SUBMIT, office.clerk)


def granted(office: Office) -> None:
    office.granted()


def granted_for_a_day(office: Office) -> None:
    office.rule(days=1)
    office.granted()


def suspended(office: Office) -> None:
    office.granted()
    office.twice(Act.SUSPEND, office.manager, office.officer, reason="HOURS_DOUBTED")


def revoked(office: Office) -> None:
    office.granted()
    office.twice(Act.REVOKE, office.manager, office.officer, reason="HOURS_VOIDED")


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("rule", "stands", "after", "binds"),
    [
        pytest.param(*row, id=row[0])
        for row in (
            ("nobody was admitted", submitted, HOUR, True),
            ("admitted an hour before", granted, HOUR, False),
            ("admitted an hour after", granted, -HOUR, True),
            ("admitted at that moment, and not before it", granted, timedelta(0), True),
            ("on the last day of an admission", granted_for_a_day, DAY, False),
            ("on the day after its last", granted_for_a_day, 2 * DAY, True),
            ("suspended: it may be given back", suspended, HOUR, False),
            ("revoked: nothing is left of it", revoked, HOUR, True),
        )
    ],
)
def test_whom_a_test_binds_that_is_published(
    office: Office, rule: str, stands: Callable[[Office], None], after: timedelta, binds: bool
) -> None:
    stands(office)
    before, state = office.record(), office.state()
    published(office, after)
    record = office.record()
    assert record.reasons == ([Reason.COURSE_TEST_MISSING] if binds else []), rule
    assert (record.id != before.id) is binds
    if not binds:
        assert office.state() is state
    assert list(lives_check.unsound(office.session)) == []


def test_what_was_suspended_meanwhile_is_given_back_without_the_test(office: Office) -> None:
    suspended(office)
    published(office, HOUR)
    office.twice(Act.RESUME, office.manager, office.officer, reason="REVIEW_ENDED")
    assert office.state() is State.GRANTED


def test_a_suspension_of_hours_that_are_gone_since_is_no_admission(office: Office) -> None:
    suspended(office)
    assert office.on_site is not None
    take_back(office.session, office.on_site)
    assert office.record().reasons == [Reason.HOURS_THEORY_SHORT]
    published(office, HOUR)
    assert office.record().reasons == [Reason.HOURS_THEORY_SHORT, Reason.COURSE_TEST_MISSING]


def test_who_is_admitted_goes_on_learning_without_the_test(office: Office) -> None:
    before = office.granted()
    published(office, HOUR)
    office.earn(60_000)
    after = office.record()
    assert (after.version, after.reasons, office.state()) == (before.version + 1, [], State.GRANTED)
    assert after.facts["checks"]["course_tests"] is None, "a test that does not bind is none that was passed"


def test_the_test_binds_everybody_else_of_the_class(office: Office) -> None:
    office.granted()
    other = a_learner_with_hours(
        office.session, ms=1000, outline="short", document_number=a_resident_id(serial=900_831)
    )
    enrolled(office.session, office.session.get_one(TrainingClass, office.learner.class_id), other.person.id)
    published(office, HOUR)
    records.record_person(office.session, other.person.id, now=NOW)
    found = records.newest_records(office.session, [other.person.id, office.learner.person.id])
    missing = {person: Reason.COURSE_TEST_MISSING in record.reasons for (person, _), record in found.items()}
    assert missing == {other.person.id: True, office.learner.person.id: False}


def test_each_test_binds_on_its_own(office: Office) -> None:
    """One that was offered before the admission is asked for, whatever was published since."""
    office.granted()
    held = office.session.get_one(TrainingClass, office.learner.class_id)
    outline = office.session.get_one(Outline, held.outline_id)
    second = a_course(office.session, office.institution_id, outline=outline, title="急救")
    published(office, HOUR, course=second)
    assert office.record().reasons == []
    third = a_course(office.session, office.institution_id, outline=outline, title="消防")
    published(office, -HOUR, course=third)
    assert office.record().reasons == [Reason.COURSE_TEST_MISSING]
