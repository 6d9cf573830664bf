"""The one next thing for a learner to do: a decision table over where everything stands. Pure.

What runs out first comes first: a question that is out, a test whose time runs, study time that will lapse. Then what
keeps somebody from work, what is overdue, where they are awaited today, what they were told to learn, and their own
lessons. Who has done everything is told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID


class Step(StrEnum):
    """What to do; the order is the order in which they are asked for."""

    ANSWER = "answer"
    """A question of a presence check is out and runs out."""
    FINISH_TEST = "finish_test"
    """A test is open, and its time runs."""
    MAKE_UP = "make_up"
    """A check was missed: nothing counts until one is passed."""
    CONFIRM = "confirm"
    """Study time waits for a check and will lapse."""
    LEAVE_POST = "leave_post"
    """Training that has to be done before the post may be taken up, or gone on with (先培训后上岗)."""
    OVERDUE = "overdue"
    ATTEND_TODAY = "attend_today"
    ASSIGNED = "assigned"
    GO_ON = "go_on"
    BEGIN = "begin"
    TEST = "test"
    SIGN = "sign"
    ATTEND = "attend"
    WAIT = "wait"
    """All is learned and signed, and somebody else has to sign before the post may be taken up."""
    DONE = "done"
    """Everything there is has been done."""
    NOTHING = "nothing"
    """There is nothing to do here yet."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question that is out."""

    until: datetime
    unit_id: UUID | None


@dataclass(frozen=True, slots=True)
class OpenTest:
    """A test: one to take, or one that runs."""

    test_id: UUID
    title: str
    attempt_id: UUID | None = None
    """The try that runs."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Study time of one lesson that waits for a check."""

    unit_id: UUID
    title: str
    lapses_at: datetime


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson that is not done."""

    unit_id: UUID
    title: str
    course: str
    class_id: UUID
    left_ms: int
    begun: bool


class Left(StrEnum):
    """What is left of an assignment."""

    STUDY = "study"
    SIGNATURE = "signature"
    """The learner's own, under a level of the three-level education."""
    OTHERS = "others"
    """Nothing of the learner: another person signs, or it is about to be settled."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Training that an employer assigned and that is not done."""

    id: UUID
    title: str
    class_id: UUID
    """Where its lessons stand."""
    due_on: date
    bars_post: bool
    """Not to be at the post without it."""
    new_hire: bool
    left_ms: int
    left: Left = Left.STUDY
    required_ms: int = 0

    @property
    def credited_ms(self) -> int:
        return self.required_ms - self.left_ms


@dataclass(frozen=True, slots=True)
class Meeting:
    """A session on site that is not over, at which this learner has not checked in."""

    id: UUID
    title: str
    place: str
    from_at: datetime
    to_at: datetime
    today: bool


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A class that is over and waits for the learner's signature."""

    class_id: UUID
    title: str


@dataclass(frozen=True, slots=True)
class Situation:
    """Where everything stands with one learner. Sequences are in the order in which things are to be done."""

    today: date
    question: Question | None = None
    tests: Sequence[OpenTest] = ()
    """Running ones, and those of courses whose lessons are done."""
    held: bool = False
    waiting: Sequence[Waiting] = ()
    pending_ms: int = 0
    """All that waits for a check."""
    assignments: Sequence[Assignment] = ()
    lessons: Sequence[Lesson] = ()
    meetings: Sequence[Meeting] = ()
    unsigned: Sequence[Unsigned] = ()
    some_done: bool = False
    """A lesson or an assignment was done before."""


@dataclass(frozen=True, slots=True)
class Next:
    """The one thing, and what it is about."""

    step: Step
    lesson: Lesson | None = None
    """Where to study."""
    assignment: Assignment | None = None
    waiting: Waiting | None = None
    question: Question | None = None
    test: OpenTest | None = None
    meeting: Meeting | None = None
    unsigned: Unsigned | None = None
    late: bool = False
    """The day on which the assignment was due is over."""
    pending_ms: int = 0


def next_thing(now: Situation) -> Next:
    """What to do now: the first row of the table that holds."""
    if now.question is not None:
        return Next(Step.ANSWER, question=now.question)
    for test in now.tests:
        if test.attempt_id is not None:
            return Next(Step.FINISH_TEST, test=test)
    if now.held:
        return Next(
            Step.MAKE_UP, waiting=next(iter(now.waiting), None), lesson=_study(now.lessons), pending_ms=now.pending_ms
        )
    if now.waiting:
        return Next(Step.CONFIRM, waiting=now.waiting[0], pending_ms=now.pending_ms)
    assigned = sorted(
        (one for one in now.assignments if one.left is not Left.OTHERS), key=lambda one: (one.due_on, one.title, one.id)
    )
    for one in assigned:
        if one.bars_post and (one.new_hire or one.due_on < now.today):
            return _assigned(Step.LEAVE_POST, one, now)
    for one in assigned:
        if one.due_on < now.today:
            return _assigned(Step.OVERDUE, one, now)
    for meeting in now.meetings:
        if meeting.today:
            return Next(Step.ATTEND_TODAY, meeting=meeting)
    for one in assigned:
        return _assigned(Step.ASSIGNED, one, now)
    lesson = _study(now.lessons)
    if lesson is not None:
        return Next(Step.GO_ON if lesson.begun else Step.BEGIN, lesson=lesson)
    if now.tests:
        return Next(Step.TEST, test=now.tests[0])
    if now.unsigned:
        return Next(Step.SIGN, unsigned=now.unsigned[0])
    if now.meetings:
        return Next(Step.ATTEND, meeting=now.meetings[0])
    for one in now.assignments:
        if one.bars_post:  # all of these wait for somebody else by now
            return Next(Step.WAIT, assignment=one)
    return Next(Step.DONE if now.some_done else Step.NOTHING)


def _assigned(step: Step, one: Assignment, now: Situation) -> Next:
    """Its next lesson; where all of them are studied, the test to take; where all is learned, neither."""
    late = one.due_on < now.today
    if one.left is Left.SIGNATURE:
        return Next(step, assignment=one, late=late)
    lesson = _study(now.lessons, one.class_id)
    test = None if lesson else next(iter(now.tests), None)
    return Next(step, assignment=one, lesson=lesson, test=test, late=late)


def _study(lessons: Sequence[Lesson], class_id: UUID | None = None) -> Lesson | None:
    """The lesson to go on with: one that was begun, else the first; of this class only, where one is named."""
    own = [one for one in lessons if class_id is None or one.class_id == class_id]
    return next((one for one in own if one.begun), next(iter(own), None))
