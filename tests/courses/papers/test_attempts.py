"""An attempt: begun once, saved as the phone can, submitted once, closed by the server's clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses.papers import attempts, tests, wrong_book
from elearn.courses.papers.attempts import Given
from elearn.courses.papers.blueprint import Section
from elearn.courses.papers.models import CourseTest, Ending, TestAnswer, TestAttempt, TestBlueprint, WrongAnswer
from elearn.courses.papers.tests import CannotFill, Policy
from elearn.courses.questions import bank
from elearn.courses.questions.kinds import Answer, Difficulty, Kind, from_json
from elearn.courses.questions.marking import right_answer
from elearn.courses.questions.models import BankVersion
from elearn.courses.questions.showing import shown_answer
from elearn.db import Base
from elearn.errors import Conflict, Malformed, NotFound, TooMany
from elearn.people import persons
from tests import builders_courses as courses
from tests import builders_people as people
from tests.at_once import at_once
from tests.builders_questions import (
    AT,
    TestingSchool,
    a_multiple,
    a_single,
    a_statement,
    a_test,
    a_testing_school,
    asked,
    one_of_each,
)

MINUTE = timedelta(minutes=1)
BEGUN = AT + timedelta(days=1)


@pytest.fixture
def school(session: Session) -> TestingSchool:
    made = a_testing_school(session)
    for content in (a_single("单选一"), a_multiple("多选一")):
        asked(session, made, content)
    return made


def right(session: Session, attempt: TestAttempt, place: int) -> Answer:
    """The right answer as the browser would send it."""
    version = session.get_one(BankVersion, attempt.versions[place])
    content = from_json(version.content)
    return shown_answer(content, right_answer(content), attempt.seed, str(version.id))


def wrong(session: Session, attempt: TestAttempt, place: int) -> Answer:
    good = right(session, attempt, place)
    if isinstance(good, bool):
        return not good
    return (good + 1) % 4 if isinstance(good, int) else []


def begun(session: Session, school: TestingSchool, test: CourseTest, at: datetime = BEGUN) -> TestAttempt:
    return attempts.begin(session, test.id, school.learner.person_id, at=at)


def handed_in(
    session: Session, school: TestingSchool, test: CourseTest, *, good: int, at: datetime = BEGUN
) -> TestAttempt:
    """An attempt with so many right answers, the rest wrong."""
    attempt = begun(session, school, test, at)
    given = [
        Given(place, place + 1, (right if place < good else wrong)(session, attempt, place))
        for place in range(len(attempt.versions))
    ]
    return attempts.submit(session, attempt.id, school.learner.person_id, given, at=at + MINUTE)


def test_every_kind_is_marked_from_what_was_shown(session: Session) -> None:
    school = a_testing_school(session)
    for content in one_of_each():
        asked(session, school, content)
    test, _ = a_test(session, school, [Section(6, 2500)])
    attempt = handed_in(session, school, test, good=6)
    assert (attempt.score_milli, attempt.max_milli, attempt.passed) == (15_000, 15_000, True)


@pytest.mark.parametrize(
    ("good", "percent", "passed"),
    [(6, 60, True), (5, 60, False), (10, 100, True), (9, 100, False), (0, 1, False), (6, 61, False)],
)
def test_passing_needs_the_pass_mark_to_the_last_thousandth(
    session: Session, good: int, percent: int, passed: bool
) -> None:
    school = a_testing_school(session)
    for _ in range(10):
        asked(session, school, a_statement())
    test, _ = a_test(session, school, [Section(10, 333)], policy=Policy(pass_percent=percent))
    assert handed_in(session, school, test, good=good).passed is passed


def test_beginning_again_goes_on_with_the_open_attempt(session: Session, school: TestingSchool) -> None:
    test, _ = a_test(session, school)
    first = begun(session, school, test)
    assert begun(session, school, test, BEGUN + 5 * MINUTE).id == first.id
    assert first.deadline_at == BEGUN + 60 * MINUTE


def test_answers_may_come_twice_late_and_out_of_order(session: Session, school: TestingSchool) -> None:
    test, _ = a_test(session, school)
    attempt = begun(session, school, test)
    person = school.learner.person_id

    def save(*given: Given) -> dict[int, int]:
        return attempts.save(session, attempt.id, person, given, at=BEGUN + MINUTE)

    assert save(Given(0, 1, wrong(session, attempt, 0))) == {0: 1}
    newest = Given(0, 5, right(session, attempt, 0))
    assert save(newest) == {0: 5}
    assert save(newest) == {0: 5}
    assert save(Given(0, 3, wrong(session, attempt, 0)), Given(1, 4, right(session, attempt, 1))) == {0: 5, 1: 4}
    # Two of one question in one message: the newer one, in whatever order they stand.
    assert save(Given(1, 7, right(session, attempt, 1)), Given(1, 6, wrong(session, attempt, 1))) == {0: 5, 1: 7}
    done = attempts.submit(session, attempt.id, person, [], at=BEGUN + 2 * MINUTE)
    assert done.score_milli == done.max_milli


def test_an_answer_may_be_taken_back(session: Session, school: TestingSchool) -> None:
    test, _ = a_test(session, school)
    attempt = begun(session, school, test)
    person = school.learner.person_id
    attempts.save(session, attempt.id, person, [Given(0, 1, right(session, attempt, 0))], at=BEGUN)
    attempts.save(session, attempt.id, person, [Given(0, 2, None)], at=BEGUN)
    assert attempts.submit(session, attempt.id, person, [], at=BEGUN + MINUTE).score_milli == 0


@pytest.mark.parametrize(
    "bad", [Given(2, 1, 0), Given(-1, 1, 0), Given(0, 0, 0), Given(0, 1 << 53, 0), Given(0, 1, "x")]
)
def test_one_bad_answer_keeps_all_of_its_message_out(session: Session, school: TestingSchool, bad: Given) -> None:
    test, _ = a_test(session, school)
    attempt = begun(session, school, test)
    good = Given(1, 1, None)
    with pytest.raises(Malformed):
        attempts.save(session, attempt.id, school.learner.person_id, [good, bad], at=BEGUN)
    assert session.scalars(sa.select(TestAnswer)).all() == []


LATE = [
    ("at the deadline", 0, True),
    ("within the grace", 30, True),
    ("a second after the grace", 31, False),
]


@pytest.mark.parametrize(("rule", "late_s", "counts"), LATE, ids=[row[0] for row in LATE])
def test_answers_count_until_deadline_and_grace(
    session: Session, school: TestingSchool, rule: str, late_s: int, counts: bool
) -> None:
    test, _ = a_test(session, school)
    attempt = begun(session, school, test)
    person, now = school.learner.person_id, attempt.deadline_at + timedelta(seconds=late_s)
    attempts.save(session, attempt.id, person, [Given(0, 1, right(session, attempt, 0))], at=BEGUN + MINUTE)
    late = [Given(1, 2, right(session, attempt, 1))]
    done = attempts.submit(session, attempt.id, person, late, at=now)
    assert done.ending is (Ending.SUBMITTED if counts else Ending.TIME_UP)
    assert done.score_milli == (2000 if counts else 1000)
    assert done.closed_at == (now if counts else attempt.deadline_at)


def test_saving_after_the_grace_closes_with_what_was_saved_in_time(session: Session, school: TestingSchool) -> None:
    test, _ = a_test(session, school)
    attempt = begun(session, school, test)
    person = school.learner.person_id
    attempts.save(session, attempt.id, person, [Given(0, 1, right(session, attempt, 0))], at=BEGUN)
    late = attempt.deadline_at + timedelta(seconds=31)
    with pytest.raises(attempts.Closed):
        attempts.save(session, attempt.id, person, [Given(1, 2, right(session, attempt, 1))], at=late)
    assert (attempt.score_milli, attempt.ending) == (1000, Ending.TIME_UP)


def test_an_attempt_whose_phone_never_came_back_is_closed_by_the_clock(session: Session, school: TestingSchool) -> None:
    test, _ = a_test(session, school)
    attempt = begun(session, school, test)
    after = attempt.deadline_at + timedelta(seconds=31)
    assert attempts.close_overdue(session, at=attempt.deadline_at + timedelta(seconds=30)) == 0
    assert attempts.close_overdue(session, at=after) == 1
    assert attempts.close_overdue(session, at=after) == 0
    assert (attempt.score_milli, attempt.passed, attempt.closed_at) == (0, False, attempt.deadline_at)


def test_handing_in_twice_is_handing_in_once(session: Session, school: TestingSchool) -> None:
    test, _ = a_test(session, school)
    done = handed_in(session, school, test, good=2)
    before = (done.closed_at, done.score_milli)
    again = attempts.submit(
        session, done.id, school.learner.person_id, [Given(0, 99, wrong(session, done, 0))], at=BEGUN + 5 * MINUTE
    )
    assert (again.closed_at, again.score_milli) == before
    with pytest.raises(attempts.Closed):
        attempts.save(session, done.id, school.learner.person_id, [Given(0, 99, None)], at=BEGUN + 5 * MINUTE)


WAITS = [
    ("right away", 0, False),
    ("a second before the wait is over", 599, False),
    ("when the wait is over", 600, True),
]


@pytest.mark.parametrize(("rule", "after_s", "may"), WAITS, ids=[row[0] for row in WAITS])
def test_the_next_try_waits_ten_minutes(
    session: Session, school: TestingSchool, rule: str, after_s: int, may: bool
) -> None:
    test, _ = a_test(session, school)
    done = handed_in(session, school, test, good=0)
    assert done.closed_at is not None
    now = done.closed_at + timedelta(seconds=after_s)
    if may:
        assert begun(session, school, test, now).number == 2
    else:
        with pytest.raises(TooMany) as refusal:
            begun(session, school, test, now)
        assert refusal.value.retry_after_s == 600 - after_s


def test_what_was_wrong_is_told_after_the_wait_and_what_is_right_only_if_the_policy_says(
    session: Session, school: TestingSchool
) -> None:
    for shows in (False, True):
        test, _ = a_test(session, school, mock=True, policy=Policy(shows_answers=shows))
        done = handed_in(session, school, test, good=1)
        assert done.closed_at is not None
        opens = done.closed_at + timedelta(seconds=600)
        assert attempts.result(session, done, at=opens - timedelta(seconds=1)).marked == ()
        marked = attempts.result(session, done, at=opens).marked
        assert [one.mark_milli for one in marked] == [1000, 0]
        assert [one.right is not None for one in marked] == [shows, shows]


def test_a_paper_can_be_rebuilt_long_after_the_bank_went_on(session: Session, school: TestingSchool) -> None:
    extra = [asked(session, school, a_single()) for _ in range(8)]
    test, _ = a_test(session, school, [Section(4, 1000)])
    attempt = begun(session, school, test)
    later = BEGUN + timedelta(days=30)
    for one in extra[:4]:
        bank.retire(session, one.id, acting=school.acting, by=school.writer.person_id, at=later)
    changed = bank.change(
        session, extra[5].id, a_single(), Difficulty.HARD, acting=school.acting, by=school.writer.person_id, at=later
    )
    bank.review(session, changed.id, acting=school.acting, by=school.reviewer.person_id, at=later)
    asked(session, school, a_single(), at=later)
    session.expire_all()
    assert attempts.rebuilt(session, attempt)
    attempt_of_now = tests.draw_at(session, session.get_one(TestBlueprint, attempt.blueprint_id), test, b"x", at=later)
    assert attempt_of_now


def test_a_blueprint_that_the_bank_cannot_fill_is_not_published(session: Session, school: TestingSchool) -> None:
    with pytest.raises(CannotFill) as refusal:
        a_test(session, school, [Section(1, 1000, kind=Kind.FILL), Section(2, 1000)])
    assert [(lack.section, lack.found, lack.wanted) for lack in refusal.value.lacks] == [(0, 0, 1)]


def test_only_who_is_in_a_running_class_of_the_institution_takes_its_test(
    session: Session, school: TestingSchool
) -> None:
    test, _ = a_test(session, school)
    stranger = people.an_account(session)
    other = people.an_institution(session, name="洱海培训学校")
    elsewhere = courses.a_class(session, other.id, school.outline)
    courses.enrolled(session, elsewhere, stranger.person_id)
    with pytest.raises(NotFound):
        attempts.begin(session, test.id, stranger.person_id, at=BEGUN)
    school.held.ends_on = BEGUN.date()
    begun(session, school, test)
    with pytest.raises(NotFound):
        begun(session, school, test, BEGUN + timedelta(days=2))


def test_a_draft_or_a_retired_test_is_not_taken(session: Session, school: TestingSchool) -> None:
    test, _ = a_test(session, school)
    tests.retire(session, test.id, acting=school.acting, at=BEGUN)
    with pytest.raises(NotFound):
        begun(session, school, test)
    draft = tests.add_test(
        session, institution_id=school.institution.id, title="草稿", at=AT, course_id=school.course.id
    )
    with pytest.raises(NotFound):
        begun(session, school, draft)


def test_a_course_has_one_test(session: Session, school: TestingSchool) -> None:
    a_test(session, school)
    with pytest.raises(Conflict):
        a_test(session, school)


def test_somebody_elses_attempt_does_not_exist(session: Session, school: TestingSchool) -> None:
    test, _ = a_test(session, school)
    attempt = begun(session, school, test)
    other = people.an_account(session)
    for act in (attempts.save, attempts.submit):
        with pytest.raises(NotFound):
            act(session, attempt.id, other.person_id, [], at=BEGUN)
    with pytest.raises(NotFound):
        attempts.own_attempt(session, attempt.id, other.person_id, at=BEGUN)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (TestAttempt, {"score_milli": 0}),
        (TestAttempt, {"person_id": UUID(int=1)}),
        (TestAttempt, {"seed": b"x"}),
        (TestBlueprint, {"pass_percent": 1}),
        (TestBlueprint, {"sections": []}),
    ],
)
def test_the_database_lets_nobody_change_what_was_decided(
    session: Session, school: TestingSchool, table: type[Base], values: dict[str, object]
) -> None:
    test, _ = a_test(session, school)
    handed_in(session, school, test, good=2)
    with pytest.raises(IntegrityError):
        session.execute(sa.update(table).values(**values))


# --- the wrong-question book ------------------------------------------------------------------------------------------


def test_the_book_opens_after_the_wait_and_a_right_answer_crosses_out(session: Session, school: TestingSchool) -> None:
    test, _ = a_test(session, school)
    done = handed_in(session, school, test, good=1)
    person = school.learner.person_id
    assert done.closed_at is not None
    opens = done.closed_at + timedelta(seconds=600)
    assert wrong_book.entries(session, person, at=opens - timedelta(seconds=1)) == ([], 0)
    [entry], total = wrong_book.entries(session, person, at=opens)
    assert (total, entry.wrong.times) == (1, 1)
    question = entry.wrong.question_id
    seed, name = wrong_book._seed(entry), str(entry.wrong.version_id)
    good = shown_answer(entry.content, right_answer(entry.content), seed, name)
    bad = wrong_book.practise(session, person, question, None, at=opens)
    assert (bad.is_right, bad.right) == (False, None)
    assert wrong_book.practise(session, person, question, good, at=opens).is_right
    assert wrong_book.entries(session, person, at=opens) == ([], 0)


def test_while_an_attempt_is_open_the_book_is_closed(session: Session, school: TestingSchool) -> None:
    test, _ = a_test(session, school)
    done = handed_in(session, school, test, good=0)
    assert done.closed_at is not None
    person, later = school.learner.person_id, done.closed_at + timedelta(seconds=600)
    open_one = begun(session, school, test, later)
    for now in (later, open_one.deadline_at + timedelta(seconds=30)):
        with pytest.raises(Conflict):
            wrong_book.entries(session, person, at=now)
        with pytest.raises(Conflict):
            wrong_book.practise(
                session, person, session.scalars(sa.select(WrongAnswer.question_id)).all()[0], None, at=now
            )


def test_getting_it_wrong_again_counts_and_getting_it_right_in_a_test_crosses_out(
    session: Session, school: TestingSchool
) -> None:
    test, _ = a_test(session, school, policy=Policy(wait_s=0))
    handed_in(session, school, test, good=0)
    handed_in(session, school, test, good=0, at=BEGUN + 10 * MINUTE)
    assert session.scalars(sa.select(WrongAnswer.times)).all() == [2, 2]
    handed_in(session, school, test, good=2, at=BEGUN + 20 * MINUTE)
    assert session.scalars(sa.select(WrongAnswer)).all() == []


def test_erasing_a_person_forgets_what_they_answered(session: Session, school: TestingSchool) -> None:
    test, _ = a_test(session, school)
    handed_in(session, school, test, good=1)
    persons.erase_person(session, school.learner.person_id, at=BEGUN)
    assert session.scalars(sa.select(WrongAnswer)).all() == []
    assert session.scalars(sa.select(TestAnswer)).all() == []
    assert session.scalars(sa.select(TestAttempt.score_milli)).all() == [1000]


# --- at once ----------------------------------------------------------------------------------------------------------


def test_two_tabs_begin_one_attempt_and_hand_it_in_once(own_app: Flask) -> None:
    from elearn.db import db

    with own_app.app_context():
        session = db.session()
        school = a_testing_school(session)
        for content in (a_single(), a_multiple()):
            asked(session, school, content)
        test, _ = a_test(session, school)
        session.commit()
        test_id, person = test.id, school.learner.person_id

    def begin() -> UUID:
        with own_app.app_context():
            found = attempts.begin(db.session(), test_id, person, at=BEGUN).id
            db.session.commit()
            return found

    ids = at_once(*[begin] * 4)
    assert len(set(ids)) == 1

    def submit() -> tuple[datetime | None, int | None]:
        with own_app.app_context():
            done = attempts.submit(db.session(), ids[0], person, [Given(0, 1, None)], at=BEGUN + MINUTE)
            db.session.commit()
            return done.closed_at, done.score_milli

    assert len(set(at_once(*[submit] * 4))) == 1
    with own_app.app_context():
        assert set(db.session.scalars(sa.select(WrongAnswer.times)).all()) == {1}
