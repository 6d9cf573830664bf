"""The one next thing for a learner to do: what runs out comes first, and whoever has done all is told so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from uuid import UUID

import pytest
from flask import Flask

from elearn.pages import next_shown
from elearn.pages.next_thing import (
    Assignment,
    Left,
    Lesson,
    Meeting,
    Next,
    OpenTest,
    Question,
    Situation,
    Step,
    Unsigned,
    Waiting,
    next_thing,
)

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
OWN, EMPLOYERS = UUID(int=1), UUID(int=2)

EMPTY = Situation(TODAY)
QUESTION = Question(NOW + timedelta(seconds=40), UUID(int=10))
RUNNING = OpenTest(UUID(int=11), "Test", attempt_id=UUID(int=12))
TO_TAKE = OpenTest(UUID(int=13), "Test to take")
WAITING = Waiting(UUID(int=14), "Belts", NOW + timedelta(days=2))
NEW_LESSON = Lesson(UUID(int=15), "Fog", "Weather", OWN, 90_000, begun=False)
BEGUN_LESSON = Lesson(UUID(int=16), "Wind", "Weather", OWN, 30_000, begun=True)
OF_THE_EMPLOYER = Lesson(UUID(int=17), "Gate", "Factory", EMPLOYERS, 90_000, begun=False)
LATER = Assignment(UUID(int=18), "Yearly", EMPLOYERS, TODAY + timedelta(days=3), False, False, 90_000)
LATE = replace(LATER, id=UUID(int=19), title="Late", due_on=TODAY - timedelta(days=1))
BARRED = replace(LATE, id=UUID(int=20), title="Three levels", bars_post=True)
HIRED = replace(LATER, id=UUID(int=21), title="New here", bars_post=True, new_hire=True)
NOT_YET_BARRED = replace(LATER, id=UUID(int=22), bars_post=True)
MEETING_TODAY = Meeting(UUID(int=23), "Earthing", "Room 2", NOW, NOW + timedelta(hours=2), today=True)
MEETING_LATER = replace(MEETING_TODAY, id=UUID(int=24), today=False)
WAITS_FOR_OTHERS = replace(LATER, id=UUID(int=25), left=Left.OTHERS, left_ms=0)
SIGNER_IS_MISSING = replace(BARRED, id=UUID(int=26), left=Left.OTHERS, left_ms=0)
UNSIGNED = Unsigned(OWN, "Class 1")

TABLE = [
    ("nothing is known of somebody new", EMPTY, Step.NOTHING),
    ("everything was done", replace(EMPTY, some_done=True), Step.DONE),
    ("a question is out", replace(EMPTY, question=QUESTION), Step.ANSWER),
    ("a test runs", replace(EMPTY, tests=(TO_TAKE, RUNNING)), Step.FINISH_TEST),
    ("a check was missed", replace(EMPTY, held=True), Step.MAKE_UP),
    ("a check was missed and time waits", replace(EMPTY, held=True, waiting=(WAITING,)), Step.MAKE_UP),
    ("time waits for a check", replace(EMPTY, waiting=(WAITING,)), Step.CONFIRM),
    ("overdue, and the post is barred", replace(EMPTY, assignments=(BARRED,)), Step.LEAVE_POST),
    ("a new hire may not begin before", replace(EMPTY, assignments=(HIRED,)), Step.LEAVE_POST),
    ("in time, so the post is not barred yet", replace(EMPTY, assignments=(NOT_YET_BARRED,)), Step.ASSIGNED),
    ("overdue", replace(EMPTY, assignments=(LATER, LATE)), Step.OVERDUE),
    ("due today is not overdue", replace(EMPTY, assignments=(replace(LATER, due_on=TODAY),)), Step.ASSIGNED),
    ("awaited on site today", replace(EMPTY, meetings=(MEETING_TODAY,)), Step.ATTEND_TODAY),
    ("assigned", replace(EMPTY, assignments=(LATER,)), Step.ASSIGNED),
    ("a lesson was begun", replace(EMPTY, lessons=(NEW_LESSON, BEGUN_LESSON)), Step.GO_ON),
    ("a lesson is new", replace(EMPTY, lessons=(NEW_LESSON,)), Step.BEGIN),
    ("a test is to be taken", replace(EMPTY, tests=(TO_TAKE,)), Step.TEST),
    ("hours wait for a signature", replace(EMPTY, unsigned=(UNSIGNED,)), Step.SIGN),
    ("what waits for others is not asked for", replace(EMPTY, assignments=(WAITS_FOR_OTHERS,)), Step.NOTHING),
    ("but it is said where it bars the post", replace(EMPTY, assignments=(SIGNER_IS_MISSING,)), Step.WAIT),
    ("awaited on site another day", replace(EMPTY, meetings=(MEETING_LATER,)), Step.ATTEND),
]


@pytest.mark.parametrize(("case", "situation", "step"), TABLE, ids=[case for case, _, _ in TABLE])
def test_what_comes_next(case: str, situation: Situation, step: Step) -> None:
    assert next_thing(situation).step is step


def together(one: Situation, other: Situation) -> Situation:
    return Situation(
        today=TODAY,
        question=one.question or other.question,
        tests=(*one.tests, *other.tests),
        held=one.held or other.held,
        waiting=(*one.waiting, *other.waiting),
        assignments=(*one.assignments, *other.assignments),
        lessons=(*one.lessons, *other.lessons),
        meetings=(*one.meetings, *other.meetings),
        unsigned=(*one.unsigned, *other.unsigned),
        some_done=one.some_done or other.some_done,
    )


def test_of_two_things_the_one_that_stands_first_in_the_table_is_said() -> None:
    order = list(Step)
    for (_, one, first), (_, other, second) in combinations([row for row in TABLE if row[2] is not Step.NOTHING], 2):
        for both in (together(one, other), together(other, one)):
            assert next_thing(both).step is min(first, second, key=order.index)


def test_an_assignment_is_done_in_its_own_class_and_the_earliest_due_comes_first() -> None:
    soon = replace(LATER, id=UUID(int=30), due_on=TODAY + timedelta(days=1))
    said = next_thing(replace(EMPTY, assignments=(LATER, soon), lessons=(BEGUN_LESSON, OF_THE_EMPLOYER)))
    assert said == Next(Step.ASSIGNED, assignment=soon, lesson=OF_THE_EMPLOYER)


@pytest.mark.parametrize(
    ("rule", "assignment", "eyebrow"),
    [
        ("a new hire is told what to do first", HIRED, "Before you begin to work"),
        (
            "and that it is late",
            replace(HIRED, due_on=TODAY - timedelta(days=1)),
            "Before you begin to work: overdue since Nov 22, 2026",
        ),
        ("so is who must leave the post", BARRED, "Overdue since Nov 22, 2026: not to your post before this"),
        ("and everybody else", LATE, "Overdue since Nov 22, 2026"),
        ("what is in time is due on its day", LATER, "Due on Nov 26, 2026"),
    ],
)
def test_what_is_overdue_is_said_to_be_overdue(app: Flask, rule: str, assignment: Assignment, eyebrow: str) -> None:
    with app.test_request_context(headers={"Accept-Language": "en"}):
        said = next_shown.say(next_thing(replace(EMPTY, assignments=(assignment,))), in_a_class=False)
    assert said.eyebrow == eyebrow, rule


def test_where_all_lessons_of_an_assignment_are_studied_its_test_is_left() -> None:
    said = next_thing(replace(EMPTY, assignments=(LATE,), lessons=(BEGUN_LESSON,), tests=(TO_TAKE,)))
    assert (said.step, said.lesson, said.test) == (Step.OVERDUE, None, TO_TAKE)


def test_where_all_of_an_assignment_is_learned_the_own_signature_is_left() -> None:
    learned = replace(BARRED, left=Left.SIGNATURE, left_ms=0)
    said = next_thing(replace(EMPTY, assignments=(learned,), lessons=(OF_THE_EMPLOYER,), tests=(TO_TAKE,)))
    assert said == Next(Step.LEAVE_POST, assignment=learned, late=True)


def test_a_missed_check_is_made_up_where_time_waits_else_in_any_lesson() -> None:
    held = replace(EMPTY, held=True, lessons=(NEW_LESSON,))
    assert next_thing(held).lesson is NEW_LESSON
    assert next_thing(replace(held, waiting=(WAITING,))).waiting is WAITING
