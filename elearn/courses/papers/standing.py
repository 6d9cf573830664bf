"""What other packages may ask: whether the tests of somebody's courses are passed, and what there is to take."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import ClassCourse, Enrolment, TrainingClass
from elearn.courses.papers.models import CourseTest, Purpose, TestAttempt, TestBlueprint, is_offered
from elearn.people.registry import local_day


@dataclass(frozen=True, slots=True)
class MyTest:
    """A test that somebody may take, and how they stand."""

    test: CourseTest
    duration_s: int
    questions: int
    pass_percent: int
    tries: int
    open_attempt: UUID | None
    last_attempt: UUID | None
    best_milli: int | None
    """Best score in thousandths of all points: 600 of 1000 is 60 percent."""
    passed: bool


@dataclass(frozen=True, slots=True)
class CourseTests:
    """How somebody stands with the tests of their courses under one outline."""

    some_passed: bool = False
    missing_since: tuple[datetime, ...] = ()
    """Of each test that is not passed: when it was first offered."""

    def passed(self, *, spared: Collection[datetime] = ()) -> bool | None:
        """Whether all are passed but those first offered at a moment of `spared`; None: no test is asked for."""
        if any(since not in spared for since in self.missing_since):
            return False
        return self.some_passed or None


def course_tests(
    session: Session, person_ids: Collection[UUID], outline_ids: Collection[UUID]
) -> dict[tuple[UUID, UUID], CourseTests]:
    """(person, outline) -> how the person stands with the tests of their courses.

    The person's courses are those of the institutions in whose classes of that outline they are enrolled; somebody in
    no class has none. A test counts while it is offered; a mock exam never does. Passed is passed: a later version of
    the test, or a later try, takes nothing away. One query however many are asked about (RULES 4(b),
    course_credit_needs_test).
    """
    found = {(person, outline): CourseTests() for person in person_ids for outline in outline_ids}
    if not found:
        return found
    passed = (
        sa.exists()
        .where(TestAttempt.test_id == CourseTest.id, TestAttempt.passed.is_(True))
        .where(TestAttempt.person_id == Enrolment.person_id)
        .correlate(CourseTest, Enrolment)
    )
    offered = sa.exists().where(TestBlueprint.test_id == CourseTest.id, is_offered()).correlate(CourseTest)
    # A version takes the place of the one before at once, so a test is offered from its first version on.
    since = (
        sa.select(sa.func.min(TestBlueprint.published_at))
        .where(TestBlueprint.test_id == CourseTest.id)
        .correlate(CourseTest)
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(
            Enrolment.person_id,
            TrainingClass.outline_id,
            sa.func.bool_or(passed),
            sa.func.array_agg(since).filter(~passed),
        )
        .join(TrainingClass, TrainingClass.id == Enrolment.class_id)
        .join(
            CourseTest,
            (CourseTest.outline_id == TrainingClass.outline_id)
            & (CourseTest.institution_id == TrainingClass.institution_id),
        )
        .where(Enrolment.person_id.in_(list(person_ids)), Enrolment.withdrawn_at.is_(None))
        .where(TrainingClass.outline_id.in_(list(outline_ids)))
        .where(CourseTest.purpose == Purpose.COURSE, CourseTest.retired_at.is_(None), offered)
        .group_by(Enrolment.person_id, TrainingClass.outline_id)
    )
    for person, outline, some_passed, missing_since in rows:
        found[person, outline] = CourseTests(some_passed, tuple(missing_since or ()))
    return found


def may_be_taken_by(person_id: UUID, at: datetime) -> sa.ColumnElement[bool]:
    """A test that is not retired, of an institution and outline in whose running class somebody is enrolled, or of a
    course that is offered in an enterprise's class where they are."""
    on = local_day(at)
    present = (
        sa.exists()
        .where(TrainingClass.starts_on <= on, TrainingClass.ends_on.is_(None) | (TrainingClass.ends_on >= on))
        .where(Enrolment.class_id == TrainingClass.id, Enrolment.person_id == person_id)
        .where(Enrolment.withdrawn_at.is_(None))
    )
    return CourseTest.retired_at.is_(None) & (
        present.where(TrainingClass.outline_id == CourseTest.outline_id).where(
            TrainingClass.institution_id == CourseTest.institution_id
        )
        | present.where(ClassCourse.class_id == TrainingClass.id, ClassCourse.course_id == CourseTest.course_id)
    )


def tests_for(session: Session, person_id: UUID, *, at: datetime) -> list[MyTest]:
    """The tests that a person may take today, in two queries; those of courses first."""
    tests = session.execute(
        sa.select(CourseTest, TestBlueprint)
        .join(TestBlueprint, (TestBlueprint.test_id == CourseTest.id) & is_offered())
        .where(may_be_taken_by(person_id, at))
        .order_by(CourseTest.purpose, CourseTest.created_at, CourseTest.id)
    ).all()
    tries: dict[UUID, list[TestAttempt]] = {}
    for attempt in session.scalars(
        sa.select(TestAttempt)
        .where(TestAttempt.person_id == person_id, TestAttempt.test_id.in_([test.id for test, _ in tests]))
        .order_by(TestAttempt.number)
    ):
        tries.setdefault(attempt.test_id, []).append(attempt)
    return [_my_test(test, chosen, tries.get(test.id, []), at) for test, chosen in tests]


def _my_test(test: CourseTest, chosen: TestBlueprint, tries: list[TestAttempt], at: datetime) -> MyTest:
    closed = [one for one in tries if one.closed_at is not None]
    scores = [one.score_milli * 1000 // one.max_milli for one in closed if one.score_milli is not None]
    running = next((one for one in tries if one.closed_at is None and one.deadline_at > at), None)
    return MyTest(
        test=test,
        duration_s=chosen.duration_s,
        questions=sum(int(section["count"]) for section in chosen.sections),
        pass_percent=chosen.pass_percent,
        tries=len(tries),
        open_attempt=running.id if running else None,
        last_attempt=closed[-1].id if closed else None,
        best_milli=max(scores, default=None),
        passed=any(one.passed for one in closed),
    )
