"""A unit is offered only when its questions cover every five minutes of it (DESIGN 3.6)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.courses import catalogue, teaching
from elearn.courses.models import Lesson, Unit
from elearn.courses.reading import BadRows
from elearn.courses.upload_models import Upload, UploadState
from elearn.db import db, new_id
from elearn.errors import Conflict, Malformed, NotFound
from tests.builders_courses import AT, a_course, a_lesson, a_question, a_unit, covering_questions
from tests.builders_people import an_institution
from tests.conftest import statements

MIN = 60_000


@pytest.fixture
def institution_id(session: Session) -> UUID:
    return an_institution(session).id


@pytest.fixture
def lesson(session: Session, institution_id: UUID) -> Lesson:
    return a_lesson(session, a_course(session, institution_id))


def test_a_unit_with_a_pool_that_covers_it_is_published(session: Session, lesson: Lesson, institution_id: UUID) -> None:
    draft = a_unit(session, lesson, duration_ms=12 * MIN, published=False)
    unit = teaching.publish(session, draft.id, acting=[institution_id], at=AT)
    assert unit.published_at == AT
    assert catalogue.unit_facts(session, unit.id).published


def test_publishing_names_the_stretches_without_questions(
    session: Session, lesson: Lesson, institution_id: UUID
) -> None:
    draft = a_unit(session, lesson, duration_ms=12 * MIN, published=False, questions=[a_question(6 * MIN, 7 * MIN)])
    with pytest.raises(teaching.PoolTooThin, match=r"0:00–5:00, 10:00–12:00") as refusal:
        teaching.publish(session, draft.id, acting=[institution_id], at=AT)
    assert refusal.value.windows == ((0, 5 * MIN), (10 * MIN, 12 * MIN))
    assert draft.published_at is None


def test_publishing_retires_the_version_before(session: Session, lesson: Lesson, institution_id: UUID) -> None:
    old = a_unit(session, lesson)
    new = teaching.publish(
        session, a_unit(session, lesson, published=False).id, acting=[institution_id], at=AT + timedelta(days=1)
    )
    assert (old.retired_at, new.published_at, new.retired_at) == (AT + timedelta(days=1), AT + timedelta(days=1), None)


def test_publishing_twice_changes_nothing(session: Session, lesson: Lesson, institution_id: UUID) -> None:
    draft = a_unit(session, lesson, published=False)
    teaching.publish(session, draft.id, acting=[institution_id], at=AT)
    again = teaching.publish(session, draft.id, acting=[institution_id], at=AT + timedelta(days=1))
    assert again.published_at == AT


def test_a_retired_unit_is_not_published_again(session: Session, lesson: Lesson, institution_id: UUID) -> None:
    unit = a_unit(session, lesson)
    teaching.retire(session, unit.id, acting=[institution_id], at=AT)
    assert catalogue.unit_facts(session, unit.id).published is False
    with pytest.raises(Conflict):
        teaching.publish(session, unit.id, acting=[institution_id], at=AT)


def test_a_draft_cannot_be_retired(session: Session, lesson: Lesson, institution_id: UUID) -> None:
    draft = a_unit(session, lesson, published=False)
    with pytest.raises(Conflict):
        teaching.retire(session, draft.id, acting=[institution_id], at=AT)


def test_another_institution_cannot_publish_retire_or_fill_the_pool(session: Session, lesson: Lesson) -> None:
    draft, other = a_unit(session, lesson, published=False), an_institution(session, name="其他机构").id
    with pytest.raises(NotFound):
        teaching.publish(session, draft.id, acting=[other], at=AT)
    with pytest.raises(NotFound):
        teaching.retire(session, draft.id, acting=[other], at=AT)
    with pytest.raises(NotFound):
        teaching.add_question(session, draft.id, a_question(), acting=[other], at=AT)


def test_a_unit_whose_files_are_still_being_moved_is_not_published(
    session: Session, lesson: Lesson, institution_id: UUID
) -> None:
    draft = a_unit(session, lesson, published=False)
    upload = Upload(
        id=new_id(), lesson_id=lesson.id, file_name="x", size_bytes=1, state=UploadState.PLACING, stage="",
        progress_permille=0, error_facts={}, unit_id=draft.id, created_at=AT, updated_at=AT,
    )  # fmt: skip
    session.add(upload)
    session.flush()
    with pytest.raises(Conflict) as refusal:
        teaching.publish(session, draft.id, acting=[institution_id], at=AT)
    assert refusal.value.error_code == "not_ready"
    upload.state = UploadState.DONE
    session.flush()
    assert teaching.publish(session, draft.id, acting=[institution_id], at=AT).published_at == AT


def test_questions_come_one_by_one_and_many_at_once(session: Session, lesson: Lesson, institution_id: UUID) -> None:
    draft = a_unit(session, lesson, duration_ms=90_000, published=False, questions=())
    teaching.add_question(session, draft.id, a_question(0, 30_000), acting=[institution_id], at=AT)
    text = "0:30,1:00,题一,甲,乙,丙,丁,A\n1:00,1:30,题二,甲,乙,丙,丁,BCD\n"
    assert teaching.add_many_questions(session, draft.id, text, acting=[institution_id], at=AT) == 2
    assert [one.stem for one in catalogue.questions_about(session, draft.id)] == ["下列哪些正确？", "题一", "题二"]


def test_of_many_questions_with_one_bad_row_none_is_taken(
    session: Session, lesson: Lesson, institution_id: UUID
) -> None:
    draft = a_unit(session, lesson, duration_ms=90_000, published=False, questions=())
    text = "0:30,1:00,题一,甲,乙,丙,丁,A\n1:00,1:31,题二,甲,乙,丙,丁,BCD\n"
    with pytest.raises(BadRows) as refusal:
        teaching.add_many_questions(session, draft.id, text, acting=[institution_id], at=AT)
    assert [problem.line for problem in refusal.value.problems] == [2]
    assert catalogue.questions_about(session, draft.id) == ()


def test_a_question_behind_the_end_is_refused(session: Session, lesson: Lesson, institution_id: UUID) -> None:
    draft = a_unit(session, lesson, duration_ms=90_000, published=False)
    with pytest.raises(Malformed):
        teaching.add_question(session, draft.id, a_question(0, 90_001), acting=[institution_id], at=AT)


def test_a_wrong_question_is_retired_after_the_better_one_was_entered(
    session: Session, lesson: Lesson, institution_id: UUID
) -> None:
    unit = a_unit(session, lesson, questions=covering_questions(90_000))
    [wrong] = catalogue.questions_about(session, unit.id)
    with session.begin_nested() as attempt:
        with pytest.raises(teaching.PoolTooThin):
            teaching.retire_question(session, wrong.id, acting=[institution_id], at=AT)
        attempt.rollback()
    better = teaching.add_question(session, unit.id, a_question(0, 80_000), acting=[institution_id], at=AT)
    teaching.retire_question(session, wrong.id, acting=[institution_id], at=AT)
    teaching.retire_question(session, wrong.id, acting=[institution_id], at=AT + timedelta(days=1))
    assert [one.id for one in catalogue.questions_about(session, unit.id)] == [better]


def test_lessons_stand_in_the_order_in_which_they_were_added(
    session: Session, lesson: Lesson, institution_id: UUID
) -> None:
    second = teaching.add_lesson(session, course_id=lesson.course_id, title=" 第二课 ", acting=[institution_id])
    assert (lesson.position, second.position, second.title) == (1, 2, "第二课")


def test_a_course_list_is_paged_and_takes_two_queries_however_long(session: Session, institution_id: UUID) -> None:
    for number in range(teaching.PAGE + 3):
        course = a_course(session, institution_id, title=f"课程 {number:02}", at=AT + timedelta(minutes=number))
        if number == 0:
            a_unit(session, a_lesson(session, course), duration_ms=60_000)
            a_unit(session, a_lesson(session, course), published=False)
    a_course(session, an_institution(session, name="其他机构").id, title="课程 99")
    session.expire_all()
    with statements(session) as asked:
        first, total = teaching.courses_of(session, institution_id)
    assert (len(asked), len(first), total) == (2, teaching.PAGE, teaching.PAGE + 3)
    last, _ = teaching.courses_of(session, institution_id, page=2)
    assert [line.title for line in last] == ["课程 02", "课程 01", "课程 00"]
    assert (last[-1].lessons, last[-1].offered, last[-1].duration_ms) == (2, 1, 60_000)
    found, total = teaching.courses_of(session, institution_id, search="程 5")
    assert ([line.title for line in found], total) == (["课程 52", "课程 51", "课程 50"], 3)
    assert teaching.courses_of(session, institution_id, search="%") == ([], 0)


def test_a_managers_view_of_a_course_shows_versions_and_questions(
    session: Session, lesson: Lesson, institution_id: UUID
) -> None:
    a_unit(session, lesson)
    newer = a_unit(session, lesson, published=False, questions=())
    empty = teaching.add_lesson(session, course_id=lesson.course_id, title="空", acting=[institution_id])
    with statements(session) as asked:
        view = teaching.course_view(session, lesson.course_id, acting=[institution_id])
    assert len(asked) == 4
    assert [line.id for line in view.lessons] == [lesson.id, empty.id]
    assert [(unit.version, unit.questions) for unit in view.lessons[0].units] == [(2, 0), (1, 1)]
    assert view.lessons[0].units[0].id == newer.id
    assert view.lessons[1].units == ()
    with pytest.raises(NotFound):
        teaching.course_view(session, lesson.course_id, acting=[new_id()])


def test_of_two_drafts_published_at_once_one_is_offered(own_app: Flask) -> None:
    with own_app.app_context():
        session = db.session()
        institution_id = an_institution(session).id
        lesson = a_lesson(session, a_course(session, institution_id))
        lesson_id = lesson.id
        drafts = [a_unit(session, lesson, published=False).id for _ in range(2)]
        session.commit()
    start = threading.Barrier(2)

    def publish(unit_id: UUID) -> None:
        with own_app.app_context():
            teaching.own_unit(db.session(), unit_id, [institution_id])
            start.wait(timeout=10)
            teaching.publish(db.session(), unit_id, acting=[institution_id], at=AT)
            db.session.commit()

    with ThreadPoolExecutor(2) as both:
        list(both.map(publish, drafts))
    with own_app.app_context():
        states = db.session.execute(sa.select(Unit.published_at, Unit.retired_at).where(Unit.lesson_id == lesson_id))
        assert sorted(retired is None for _, retired in states) == [False, True]
