"""Where everything stands with a learner, read for `next_thing`: a fixed number of queries, however much there is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import from_ms
from elearn.courses.learning import MyClass
from elearn.courses.papers import standing as tests
from elearn.courses.papers.models import Purpose
from elearn.pages.next_thing import Assignment, Left, Lesson, Meeting, OpenTest, Question, Situation, Unsigned, Waiting
from elearn.pages.watching import CourseStanding
from elearn.people.registry import local_day
from elearn.tracking import watched
from elearn.tracking.models import Sitting
from elearn.training.models import Assignment as Duty
from elearn.training.models import LevelSignoff, Occasion, Programme, Side, State

AHEAD = timedelta(days=14)
"""So far ahead a session on site is told."""
MOST_MEETINGS = 20
MOST_ASSIGNMENTS = 50
SIGNED = (
    sa.exists()
    .where(LevelSignoff.assignment_id == Duty.id, LevelSignoff.round == Duty.round, LevelSignoff.side == Side.LEARNER)
    .label("signed")
)

MEETINGS = sa.text("""
SELECT s.id, k.title AS class_title, coalesce(i.name, o.name) AS item, s.place, s.from_at, s.to_at
FROM elearn.enrolment n
JOIN elearn.training_class k ON k.id = n.class_id
JOIN elearn.class_session s ON s.class_id = n.class_id AND s.to_at > :now AND s.from_at < :until
LEFT JOIN elearn.outline_item i ON i.id = s.outline_item_id
LEFT JOIN elearn.organisation o ON o.id = s.unit_id
WHERE n.person_id = :person AND n.withdrawn_at IS NULL AND s.teacher_id <> n.person_id
  -- Of an enterprise's training: who stands in its unit that day, and has not done it.
  AND (s.unit_id IS NULL OR EXISTS (
      SELECT FROM elearn.training_programme g
      JOIN elearn.assignment a ON a.programme_id = g.id AND a.person_id = n.person_id AND a.state = 'open'
      JOIN elearn.placement p ON p.membership_id = a.membership_id
      JOIN elearn.organisation_tree t ON t.below_id = p.unit_id AND t.above_id = s.unit_id
      WHERE g.class_id = s.class_id
        AND (s.from_at AT TIME ZONE 'Asia/Shanghai')::date BETWEEN p.from_on AND coalesce(p.to_on, 'infinity')))
  AND NOT EXISTS (SELECT FROM elearn.class_session_cancelled c WHERE c.session_id = s.id)
  AND NOT EXISTS (SELECT FROM elearn.attendance_scan a WHERE a.session_id = s.id AND a.person_id = n.person_id)
ORDER BY s.from_at, s.id LIMIT :most
""")


def gather(
    session: Session,
    person_id: UUID,
    classes: Sequence[MyClass],
    courses: Mapping[UUID, CourseStanding],
    standing: watched.Standing,
    *,
    unsigned: Collection[UUID],
    now: datetime,
) -> Situation:
    """`courses`: course id -> standing. Of classes that do not run today nothing can be studied or confirmed."""
    today = local_day(now)
    running = [one for one in classes if one.starts_on <= today and (one.ends_on is None or one.ends_on >= today)]
    lessons = [
        Lesson(
            each.lesson.unit_id,
            each.lesson.title,
            course.title,
            one.class_id,
            max(0, each.lesson.duration_ms - each.believed_ms),
            each.state != "new",
        )
        for one in running
        for course in one.courses
        for each in courses[course.id].online
        if each.state != "done"
    ]
    titles = {
        each.unit_id: each.title for one in running for course in one.courses for each in course.lessons
    }  # what waits may be of a lesson that is studied to its end
    waiting = [one for one in standing.waiting if one.unit_id in titles]
    return Situation(
        today,
        question=_question(session, standing, now),
        tests=_tests(session, person_id, courses, now) if classes else (),
        held=standing.held,
        waiting=[Waiting(one.unit_id, titles[one.unit_id], from_ms(one.lapses_ms)) for one in waiting],
        pending_ms=sum(one.pending_ms for one in waiting),
        assignments=assignments(session, person_id),
        lessons=lessons,
        meetings=meetings(session, person_id, now=now) if classes else (),
        unsigned=[
            Unsigned(one.class_id, one.title) for one in classes if one.class_id in unsigned and not one.internal
        ],
        some_done=any(one.done for one in courses.values()),
    )


def _question(session: Session, standing: watched.Standing, now: datetime) -> Question | None:
    """The question that is out, if it can still be answered, and the lesson whose player put it."""
    if standing.open_check_deadline_ms is None or from_ms(standing.open_check_deadline_ms) <= now:
        return None
    unit_id = session.scalar(sa.select(Sitting.unit_id).where(Sitting.id == standing.live_sitting_id))
    return Question(from_ms(standing.open_check_deadline_ms), unit_id)


def _tests(session: Session, person_id: UUID, courses: Mapping[UUID, CourseStanding], now: datetime) -> list[OpenTest]:
    """Running ones, and those of courses of which every lesson is done and that are not passed."""
    return [
        OpenTest(one.test.id, one.test.title, one.open_attempt)
        for one in tests.tests_for(session, person_id, at=now)
        if one.open_attempt is not None
        or (one.test.purpose is Purpose.COURSE and not one.passed and _studied(courses, one.test.course_id))
    ]


def _studied(courses: Mapping[UUID, CourseStanding], course_id: UUID | None) -> bool:
    """A course without a lesson that is offered asks for none."""
    course = courses.get(course_id) if course_id else None
    return course is None or course.done == len(course.online)


def meetings(session: Session, person_id: UUID, *, now: datetime) -> list[Meeting]:
    """The next sessions on site of a learner's classes, of those where they have not checked in. One query."""
    rows = session.execute(MEETINGS, {"person": person_id, "now": now, "until": now + AHEAD, "most": MOST_MEETINGS})
    today = local_day(now)
    return [
        Meeting(row.id, row.item, row.place, row.from_at, row.to_at, local_day(row.from_at) <= today) for row in rows
    ]


def assignments(session: Session, person_id: UUID) -> list[Assignment]:
    """What a learner's employers assigned and may be done now; what waits for an earlier one is not asked for. One
    query."""
    rows = session.execute(
        sa.select(
            Duty.id, Programme.title, Programme.class_id, Programme.purpose, Duty.due_on, Duty.bars_post,
            Duty.occasion, (Duty.required_ms - Duty.credited_ms).label("left_ms"), Duty.required_ms,
            Duty.tests_passed, SIGNED,
        )
        .join(Programme, Programme.id == Duty.programme_id)
        .where(Duty.person_id == person_id, Duty.state == State.OPEN)
        .order_by(Duty.due_on, Duty.id)
        .limit(MOST_ASSIGNMENTS)
    )  # fmt: skip
    return [
        Assignment(
            row.id, row.title, row.class_id, row.due_on, row.bars_post, row.occasion is Occasion.HIRE,
            max(0, row.left_ms), _left(row.left_ms, row.tests_passed, row.purpose.level, row.signed), row.required_ms,
        )
        for row in rows
    ]  # fmt: skip


def _left(ms: int, tests_passed: bool, level: bool, signed: bool) -> Left:
    if ms > 0 or not tests_passed:
        return Left.STUDY
    return Left.SIGNATURE if level and not signed else Left.OTHERS
