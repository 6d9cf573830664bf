"""A course whose test is not passed counts for nothing; whoever passes is looked at again within the minute."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from elearn.courses.papers.tests import Policy
from elearn.credit_export import lives_check, recomputing, records
from elearn.credit_export.eligibility import Reason
from tests.builders_questions import TestingSchool, a_multiple, a_single, a_test, a_testing_school, asked
from tests.courses.papers.test_attempts import BEGUN, handed_in


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
