"""What a course is said to be, and the second person without whom its drafts are not published."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses import catalogue, reviewing, teaching, unit_states
from elearn.courses.centres import (
    AUDIENCES,
    CENTRES,
    CREDITS,
    EXPORTING,
    INDUSTRIES,
    LEVELS,
    POLICIES,
    Audience,
    Centre,
    Credit,
    Industry,
    Level,
    out_of_place,
    reaches_exams,
)
from elearn.courses.describing import Particulars, particulars_of
from elearn.courses.models import Course, Lesson, ReviewAct, Unit
from elearn.courses.unit_states import State, Step
from elearn.db import new_id
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.locale import catalogue as messages
from elearn.people.models import Role
from tests.builders_courses import AT, a_course, a_lesson, a_question, a_unit, an_outline
from tests.builders_people import an_account, an_institution


@pytest.fixture
def institution_id(session: Session) -> UUID:
    return an_institution(session).id


@pytest.fixture
def course(session: Session, institution_id: UUID) -> Course:
    return teaching.add_course(
        session, institution_id=institution_id, title="触电急救", at=AT, said=Particulars(needs_review=True)
    )


@pytest.fixture
def draft(session: Session, course: Course) -> Unit:
    return a_unit(session, a_lesson(session, course), published=False)


@pytest.fixture
def people(session: Session, institution_id: UUID) -> tuple[UUID, UUID]:
    """Two managers of the institution."""
    one, two = (an_account(session, Role.INSTITUTION_MANAGER, organisation_id=institution_id) for _ in range(2))
    return one.person_id, two.person_id


def test_there_are_six_centres_and_only_the_first_reaches_exams() -> None:
    assert len(Centre) == len(POLICIES) == 6
    assert {Centre.POSTS} == EXPORTING
    assert [centre for centre in Centre if reaches_exams(centre)] == [Centre.POSTS]
    assert {centre for centre, policy in POLICIES.items() if policy.credit is Credit.NONE} == {
        Centre.PUBLIC,
        Centre.COACHING,
    }


def test_each_word_of_a_course_is_told_in_both_languages() -> None:
    told = messages("zh")
    for words, kinds in ((CENTRES, Centre), (CREDITS, Credit), (AUDIENCES, Audience), (LEVELS, Level),
                         (INDUSTRIES, Industry)):  # fmt: skip
        assert set(words) == set(kinds)
        assert [text for text in words.values() if told.get(text, text) == text] == []
    assert len(Industry) == 26


@pytest.mark.parametrize(
    ("centre", "audience", "fits"),
    [
        (Centre.POSTS, Audience.PRINCIPAL, True),
        (Centre.POSTS, Audience.SPECIAL_OPERATOR, True),
        (Centre.POSTS, Audience.EMPLOYEE, False),
        (Centre.POSTS, Audience.OFFICIAL, False),
        (Centre.OFFICIALS, Audience.OFFICIAL, True),
        (Centre.OFFICIALS, Audience.PRINCIPAL, False),
        (Centre.EMPLOYEES, Audience.EMPLOYEE, True),
        (Centre.EMPLOYEES, Audience.SPECIAL_OPERATOR, False),
        (Centre.PUBLIC, Audience.PUBLIC, True),
        (Centre.COACHING, Audience.PUBLIC, False),
        (Centre.SIMULATION, Audience.SPECIAL_OPERATOR, True),
    ],
)
def test_a_centre_teaches_its_own_people(centre: Centre, audience: Audience, fits: bool) -> None:
    assert (out_of_place(centre, [audience]) == frozenset()) is fits


WRONG: list[tuple[str, Particulars, type[Exception]]] = [
    ("another centre's people", Particulars(audiences=frozenset({Audience.OFFICIAL})), Malformed),
    ("a level for nobody", Particulars(level=Level.ENTRY), Malformed),
    ("an address that runs", Particulars(textbook_url="javascript:alert(1)"), Malformed),
    ("an address with a blank", Particulars(textbook_url="https://x.example/a b"), Malformed),
    ("a long address", Particulars(textbook_url="https://x.example/" + "a" * 500), Malformed),
    ("a long textbook", Particulars(textbook="书" * 201), Malformed),
    ("a teacher of nowhere", Particulars(teacher_id=new_id()), NotFound),
]


@pytest.mark.parametrize(("what", "said", "error"), WRONG, ids=[one[0] for one in WRONG])
def test_a_course_is_not_said_to_be_what_it_cannot_be(
    session: Session, institution_id: UUID, what: str, said: Particulars, error: type[Exception]
) -> None:
    with pytest.raises(error):
        teaching.add_course(session, institution_id=institution_id, title="课", at=AT, said=said)


def test_what_is_said_of_a_course_is_kept_and_changed(session: Session, institution_id: UUID) -> None:
    teacher = an_account(session, Role.TEACHER, organisation_id=institution_id).person_id
    said = Particulars(
        level=Level.ADVANCED,
        audiences=frozenset({Audience.SPECIAL_OPERATOR, Audience.PRINCIPAL}),
        industries=frozenset({Industry.ELECTRICITY, Industry.COAL_MINING}),
        teacher_id=teacher,
        textbook="低压电工作业（统编教材）",
        textbook_url="https://books.example/dy",
    )
    course = teaching.add_course(session, institution_id=institution_id, title="课", at=AT, said=said)
    session.expire_all()
    assert particulars_of(course) == said
    assert course.industries == ["coal_mining", "electricity"]
    changed = Particulars(centre=Centre.EMPLOYEES, audiences=frozenset({Audience.EMPLOYEE}))
    teaching.change_course(session, course.id, title="新", summary="", said=changed, acting=[institution_id])
    assert (course.title, particulars_of(course)) == ("新", changed)
    with pytest.raises(NotFound):
        teaching.change_course(session, course.id, title="新", summary="", said=changed, acting=[new_id()])


def test_hours_rest_on_the_centre_of_a_published_course(session: Session, institution_id: UUID) -> None:
    course = a_course(session, institution_id)
    a_unit(session, a_lesson(session, course))
    with pytest.raises(Conflict):
        teaching.change_course(
            session, course.id, title="课", summary="", said=Particulars(centre=Centre.PUBLIC), acting=[institution_id]
        )
    for change in ("centre = 'public'", "outline_item_id = (SELECT id FROM elearn.outline_item LIMIT 1)"):
        an_outline(session)
        with pytest.raises(IntegrityError, match="hours rest"), session.begin_nested():
            session.execute(sa.text(f"UPDATE elearn.course SET {change}"))


def test_a_lesson_may_teach_another_item_of_its_courses_outline_and_of_no_other(
    session: Session, institution_id: UUID
) -> None:
    outline, other = an_outline(session), an_outline(session)
    practice = teaching.items_of(session, outline.id)[1].id
    elsewhere = teaching.items_of(session, other.id)[0].id
    course = a_course(session, institution_id, outline=outline)

    def add(item: UUID | None, to: Course = course) -> Lesson:
        return teaching.add_lesson(session, course_id=to.id, title="课", acting=[institution_id], outline_item_id=item)

    lesson = add(practice)
    unit = a_unit(session, lesson)
    facts = catalogue.unit_facts(session, unit.id)
    assert (facts.outline_item_id, facts.outline_id) == (practice, outline.id)
    assert add(course.outline_item_id).outline_item_id is None
    for wrong in (elsewhere, new_id()):
        with pytest.raises(Malformed):
            add(wrong)
    with pytest.raises(Malformed):
        add(practice, a_course(session, institution_id))
    with pytest.raises(IntegrityError, match="hours rest"), session.begin_nested():
        session.execute(sa.update(Lesson).where(Lesson.id == lesson.id).values(outline_item_id=None))


STATES = [
    # published, retired, newest step -> state
    (False, False, None, State.DRAFT),
    (False, False, ReviewAct.SUBMIT, State.IN_REVIEW),
    (False, False, ReviewAct.WITHDRAW, State.DRAFT),
    (False, False, ReviewAct.RETURN, State.DRAFT),
    (False, False, ReviewAct.APPROVE, State.DRAFT),
    (True, False, None, State.PUBLISHED),
    (True, False, ReviewAct.APPROVE, State.PUBLISHED),
    (True, True, ReviewAct.APPROVE, State.RETIRED),
    (True, True, None, State.RETIRED),
]


@pytest.mark.parametrize(("published", "retired", "act", "state"), STATES)
def test_a_version_stands_somewhere(published: bool, retired: bool, act: ReviewAct | None, state: State) -> None:
    unit = Unit(published_at=AT if published else None, retired_at=AT if retired else None)
    assert unit_states.state_of(unit, None if act is None else Step(1, act, new_id(), "", AT)) is state


def test_a_second_person_publishes_what_the_first_submitted(
    session: Session, draft: Unit, institution_id: UUID, people: tuple[UUID, UUID]
) -> None:
    one, two = people
    with pytest.raises(Conflict) as refused:
        teaching.publish(session, draft.id, acting=[institution_id], at=AT)
    assert refused.value.error_code == "review_needed"
    reviewing.submit(session, draft.id, by=one, acting=[institution_id], at=AT)
    assert [each.unit_id for each in reviewing.waiting(session, [institution_id])] == [draft.id]
    assert reviewing.waiting(session, [new_id()]) == []
    with pytest.raises(Forbidden):
        reviewing.approve(session, draft.id, by=one, acting=[institution_id], at=AT)
    with pytest.raises(Forbidden):
        reviewing.send_back(session, draft.id, note="x", by=one, acting=[institution_id], at=AT)
    with pytest.raises(Conflict):
        teaching.publish(session, draft.id, acting=[institution_id], at=AT)
    with pytest.raises(NotFound):
        reviewing.approve(session, draft.id, by=two, acting=[new_id()], at=AT)
    reviewing.approve(session, draft.id, by=two, acting=[institution_id], at=AT + timedelta(hours=1))
    assert draft.published_at == AT + timedelta(hours=1)
    assert reviewing.waiting(session, [institution_id]) == []


def test_what_is_in_review_does_not_change(
    session: Session, draft: Unit, institution_id: UUID, people: tuple[UUID, UUID]
) -> None:
    one, two = people
    where: dict[str, Any] = {"acting": [institution_id], "at": AT}
    [question] = catalogue.questions_about(session, draft.id)
    reviewing.submit(session, draft.id, by=one, **where)
    changes: list[Callable[[], object]] = [
        lambda: teaching.add_question(session, draft.id, a_question(), **where),
        lambda: teaching.add_many_questions(session, draft.id, "x", **where),
        lambda: teaching.retire_question(session, question.id, **where),
        lambda: reviewing.submit(session, draft.id, by=two, **where),
    ]
    for change in changes:
        with pytest.raises(Conflict):
            change()
    reviewing.withdraw(session, draft.id, by=one, **where)
    teaching.add_question(session, draft.id, a_question(), **where)
    with pytest.raises(Conflict):
        reviewing.approve(session, draft.id, by=two, **where)


def test_what_is_returned_says_what_to_put_right(
    session: Session, draft: Unit, institution_id: UUID, people: tuple[UUID, UUID]
) -> None:
    one, two = people
    where: dict[str, Any] = {"acting": [institution_id], "at": AT}
    reviewing.submit(session, draft.id, by=one, **where)
    for note in (" ", "长" * 1001):
        with pytest.raises(Malformed):
            reviewing.send_back(session, draft.id, note=note, by=two, **where)
    reviewing.send_back(session, draft.id, note="第三题有误", by=two, **where)
    last = unit_states.last_step(session, draft.id)
    assert last is not None
    assert (last.act, last.note, last.by_person_id) == (ReviewAct.RETURN, "第三题有误", two)
    reviewing.submit(session, draft.id, by=one, **where)
    reviewing.approve(session, draft.id, by=two, **where)


def test_what_is_not_ready_is_not_given_to_review(
    session: Session, course: Course, institution_id: UUID, people: tuple[UUID, UUID]
) -> None:
    bare = a_unit(session, a_lesson(session, course), published=False, questions=())
    with pytest.raises(teaching.PoolTooThin):
        reviewing.submit(session, bare.id, by=people[0], acting=[institution_id], at=AT)


def test_a_course_that_asks_for_no_review_is_published_by_one_person_until_it_asks(
    session: Session, institution_id: UUID
) -> None:
    course = a_course(session, institution_id)
    lesson = a_lesson(session, course)
    teaching.publish(session, a_unit(session, lesson, published=False).id, acting=[institution_id], at=AT)
    said = particulars_of(course)
    asking = Particulars(centre=said.centre, needs_review=True)
    teaching.change_course(session, course.id, title="课", summary="", said=asking, acting=[institution_id])
    with pytest.raises(Conflict):
        teaching.publish(session, a_unit(session, lesson, published=False).id, acting=[institution_id], at=AT)
    with pytest.raises(Conflict):
        teaching.change_course(session, course.id, title="课", summary="", said=said, acting=[institution_id])
    with pytest.raises(IntegrityError, match="not taken back"), session.begin_nested():
        session.execute(sa.update(Course).where(Course.id == course.id).values(needs_review=False))
