"""Courses opened to everybody: two people, and never what may be credited, before or after."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses import teaching
from elearn.courses.centres import Centre
from elearn.courses.models import ClassCourse, Course, Lesson, Unit
from elearn.courses.public import opening, watching
from elearn.courses.public.models import CourseOpening
from elearn.errors import Conflict, DomainError, Forbidden, NotFound
from tests import builders_courses as courses
from tests import builders_people as people
from tests.builders_courses import AT, SEALING_KEY
from tests.builders_public import a_public_course, an_open_course, the_same_video

KEY = (0).to_bytes(16, "big")


@pytest.fixture
def school(session: Session) -> UUID:
    return people.an_institution(session).id


def course_of(session: Session, unit: Unit) -> Course:
    return session.get_one(Course, session.get_one(Lesson, unit.lesson_id).course_id)


def is_given(session: Session, unit_id: UUID) -> bool:
    try:
        return watching.key_of(session, unit_id, 0, SEALING_KEY) == KEY
    except NotFound:
        return False


def test_one_manager_asks_and_another_one_opens(session: Session, school: UUID) -> None:
    course = a_public_course(session, school)
    unit = courses.a_unit(session, courses.a_lesson(session, course))
    one, two = (people.a_person(session).id for _ in range(2))
    with pytest.raises(Conflict, match="Nobody asked"):
        opening.open_to_all(session, course.id, by=one, acting=[school], at=AT)
    opening.ask(session, course.id, film=True, by=one, acting=[school], at=AT)
    assert not is_given(session, unit.id)
    with pytest.raises(Conflict, match="asked for already"):
        opening.ask(session, course.id, film=True, by=two, acting=[school], at=AT)
    with pytest.raises(Forbidden, match="Somebody else"):
        opening.open_to_all(session, course.id, by=one, acting=[school], at=AT)
    opening.open_to_all(session, course.id, by=two, acting=[school], at=AT)
    assert is_given(session, unit.id)
    assert [line.id for line in watching.courses(session, film=True)[0]] == [course.id]
    assert watching.courses(session, film=False) == ([], False)
    opening.end(session, course.id, by=one, acting=[school], at=AT)
    assert not is_given(session, unit.id)
    assert watching.courses(session, film=True) == ([], False)


def test_another_institutions_manager_finds_no_course(session: Session, school: UUID) -> None:
    course, other, who = (
        a_public_course(session, school),
        people.an_institution(session).id,
        people.a_person(session).id,
    )
    with pytest.raises(NotFound):
        opening.ask(session, course.id, film=False, by=who, acting=[other], at=AT)
    with pytest.raises(NotFound):
        opening.open_to_all(session, course.id, by=who, acting=[other], at=AT)
    with pytest.raises(NotFound):
        opening.end(session, course.id, by=who, acting=[other], at=AT)


def test_the_database_asks_for_two_people_too(session: Session, school: UUID) -> None:
    course, who = a_public_course(session, school), people.a_person(session).id
    row = {"course_id": course.id, "film": False, "asked_by": who, "asked_at": AT, "opened_by": who, "opened_at": AT}
    with pytest.raises(IntegrityError, match="two_people"):
        session.execute(sa.insert(CourseOpening).values(row))


def test_what_may_be_credited_is_refused_with_its_reason(session: Session, school: UUID) -> None:
    who, outline = people.a_person(session).id, courses.an_outline(session)
    credited = courses.a_course(session, school, outline=outline)
    of_class = courses.a_course(session, school, outline=outline)
    of_class.centre = Centre.PUBLIC
    session.flush()
    empty = a_public_course(session, school)
    sharing = a_public_course(session, school)
    video = courses.a_unit(session, courses.a_lesson(session, credited))
    courses.a_unit(session, courses.a_lesson(session, of_class))
    the_same_video(session, video, courses.a_lesson(session, sharing), published=False)
    courses.a_unit(session, courses.a_lesson(session, sharing, title="第二课"))
    for course, code in ((credited, "centre"), (of_class, "item"), (empty, "no_video"), (sharing, "shared")):
        with pytest.raises(Conflict) as refused:
            opening.ask(session, course.id, film=False, by=who, acting=[school], at=AT)
        assert refused.value.error_code == code


@pytest.mark.parametrize("which", ["centre", "item", "shared"])
def test_the_database_refuses_what_the_service_never_sees(session: Session, school: UUID, which: str) -> None:
    outline = courses.an_outline(session)
    credited = courses.a_course(session, school, outline=outline)
    video = courses.a_unit(session, courses.a_lesson(session, credited))
    course = a_public_course(session, school)
    match which:
        case "centre":
            course.centre = Centre.EMPLOYEES
        case "item":
            course.outline_item_id = courses.theory_of(session, outline).id
        case "shared":
            the_same_video(session, video, courses.a_lesson(session, course))
    session.flush()
    one, two = (people.a_person(session).id for _ in range(2))
    row = {"course_id": course.id, "film": False, "asked_by": one, "asked_at": AT, "opened_by": two, "opened_at": AT}
    with pytest.raises(IntegrityError, match="are not given to everybody"):
        session.execute(sa.insert(CourseOpening).values(row))


@pytest.mark.parametrize("ended", [False, True])
def test_a_video_that_was_open_is_never_published_where_it_counts(session: Session, school: UUID, ended: bool) -> None:
    unit = an_open_course(session, school)
    if ended:
        opening.end(session, course_of(session, unit).id, by=people.a_person(session).id, acting=[school], at=AT)
    other = people.an_institution(session).id
    credited = courses.a_course(session, other, outline=courses.an_outline(session))
    draft = the_same_video(session, unit, courses.a_lesson(session, credited), published=False)
    with pytest.raises(Conflict) as refused:
        teaching.publish(session, draft.id, acting=[other], at=AT)
    assert refused.value.error_code == "keys_known"
    with pytest.raises(IntegrityError, match="never credited"), session.begin_nested():
        session.execute(sa.update(Unit).where(Unit.id == draft.id).values(published_at=AT))
    with pytest.raises(IntegrityError, match="never credited"), session.begin_nested():
        the_same_video(session, unit, courses.a_lesson(session, credited, title="第二课"))


def test_a_video_that_counts_elsewhere_is_never_published_in_an_open_course(session: Session, school: UUID) -> None:
    unit = an_open_course(session, school)
    credited = courses.a_course(session, school, outline=courses.an_outline(session))
    video = courses.a_unit(session, courses.a_lesson(session, credited))
    lesson = courses.a_lesson(session, course_of(session, unit), title="第二课")
    draft = the_same_video(session, video, lesson, published=False)
    with pytest.raises(Conflict) as refused:
        teaching.publish(session, draft.id, acting=[school], at=AT)
    assert refused.value.error_code == "shared"
    with pytest.raises(IntegrityError, match="never credited"), session.begin_nested():
        session.execute(sa.update(Unit).where(Unit.id == draft.id).values(published_at=AT))
    assert not is_given(session, draft.id)
    assert not is_given(session, video.id)


def test_an_open_course_never_becomes_one_that_is_credited(session: Session, school: UUID) -> None:
    """Not by its centre, not by an item, not by a class, not by a lesson that moves; nor after it was closed."""
    outline = courses.an_outline(session)
    unit = an_open_course(session, school)
    course = course_of(session, unit)
    opening.end(session, course.id, by=people.a_person(session).id, acting=[school], at=AT)
    credited = courses.a_course(session, school, outline=outline)
    held = courses.a_class(session, school, outline)
    tries: list[sa.UpdateBase] = [
        sa.update(Course).where(Course.id == course.id).values(centre=Centre.POSTS),
        sa.update(Course).where(Course.id == course.id).values(outline_item_id=courses.theory_of(session, outline).id),
        sa.insert(ClassCourse).values(class_id=held.id, course_id=course.id, position=1),
        sa.update(Lesson).where(Lesson.id == unit.lesson_id).values(course_id=credited.id),
        sa.update(Unit).where(Unit.id == unit.id).values(lesson_id=courses.a_lesson(session, credited).id),
        sa.delete(CourseOpening).where(CourseOpening.course_id == course.id),
        sa.update(CourseOpening).where(CourseOpening.course_id == course.id).values(opened_at=None, opened_by=None),
    ]
    for one in tries:
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(one)
    with pytest.raises(DomainError):
        teaching.add_lesson(
            session,
            course_id=course.id,
            title="第二课",
            acting=[school],
            outline_item_id=courses.theory_of(session, outline).id,
        )


def test_an_opened_course_without_published_lessons_keeps_its_centre_too(session: Session, school: UUID) -> None:
    """What was published once cannot be unpublished; should it ever be, the opening alone holds."""
    course = a_public_course(session, school)
    one, two = (people.a_person(session).id for _ in range(2))
    row = {"course_id": course.id, "film": False, "asked_by": one, "asked_at": AT, "opened_by": two, "opened_at": AT}
    session.execute(sa.insert(CourseOpening).values(row))
    with pytest.raises(IntegrityError, match="never credited"):
        session.execute(sa.update(Course).where(Course.id == course.id).values(centre=Centre.POSTS))


def test_a_key_is_given_of_what_is_open_and_offered_and_of_nothing_else(session: Session, school: UUID) -> None:
    unit = an_open_course(session, school)
    course = course_of(session, unit)
    lesson = courses.a_lesson(session, course, title="第二课")
    draft = courses.a_unit(session, lesson, published=False)
    closed = courses.a_unit(session, courses.a_lesson(session, a_public_course(session, school)))
    credited = courses.a_unit(
        session, courses.a_lesson(session, courses.a_course(session, school, outline=courses.an_outline(session)))
    )
    assert is_given(session, unit.id)
    assert [one.id for one in (draft, closed, credited) if is_given(session, one.id)] == []
    assert not is_given(session, UUID(int=unit.id.int ^ 1))
    for index in (3, 2**31):
        with pytest.raises(NotFound):
            watching.key_of(session, unit.id, index, SEALING_KEY)
    teaching.publish(session, draft.id, acting=[school], at=AT)
    assert is_given(session, draft.id), "what is published in an open course is open"
    teaching.retire(session, unit.id, acting=[school], at=AT + timedelta(hours=1))
    assert not is_given(session, unit.id)
    assert [one.unit_id for one in watching.course(session, course.id)[1]] == [draft.id]


def test_the_door_itself_refuses_what_is_credited_elsewhere_should_the_guards_ever_fail(
    session: Session, school: UUID
) -> None:
    unit = an_open_course(session, school)
    credited = courses.a_course(session, school, outline=courses.an_outline(session))
    session.execute(sa.text("ALTER TABLE elearn.unit DISABLE TRIGGER open_keys_publish"))
    the_same_video(session, unit, courses.a_lesson(session, credited))
    assert not is_given(session, unit.id)


def test_lists_are_the_newest_first_and_say_that_there_is_more(session: Session, school: UUID) -> None:
    made = [an_open_course(session, school, title=f"课{number}") for number in range(3)]
    ids = [course_of(session, one).id for one in made]
    first, more = watching.courses(session, film=False, size=2)
    rest, no_more = watching.courses(session, film=False, page=2, size=2)
    assert (more, no_more) == (True, False)
    assert sorted(one.id for one in (*first, *rest)) == sorted(ids)
    assert watching.courses_named(session, []) == {}
