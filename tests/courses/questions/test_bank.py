"""Writing, reviewing by a second person, the yearly look, retiring."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses.questions import bank
from elearn.courses.questions.bank import State, state_of
from elearn.courses.questions.kinds import Content, Difficulty, Kind, from_json
from elearn.courses.questions.models import BankVersion
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from tests import builders_people as people
from tests.builders_questions import (
    AT,
    TestingSchool,
    a_case,
    a_fill,
    a_multiple,
    a_single,
    a_statement,
    a_testing_school,
    an_ordering,
    asked,
    one_of_each,
    options,
)

TODAY = date(2026, 6, 20)


@pytest.fixture
def school(session: Session) -> TestingSchool:
    return a_testing_school(session)


def written(session: Session, school: TestingSchool, content: Content) -> BankVersion:
    return bank.add_question(
        session,
        institution_id=school.institution.id,
        outline_item_id=school.item.id,
        content=content,
        difficulty=Difficulty.EASY,
        by=school.writer.person_id,
        at=AT,
    )


@pytest.mark.parametrize("content", one_of_each(), ids=[type(one).__name__ for one in one_of_each()])
def test_every_kind_is_kept_as_it_was_written(session: Session, school: TestingSchool, content: Content) -> None:
    made = written(session, school, content)
    session.expire_all()
    assert from_json(made.content) == content
    assert state_of(made, TODAY) is State.DRAFT


replaced = msgspec.structs.replace


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (a_single(" "), "A question needs a text"),
        (a_single("x" * 4001), "A question needs a text"),
        (replaced(a_single(), options=options("甲")), "2 to 10 options"),
        (replaced(a_single(), options=options(*"abcdefghijk")), "2 to 10 options"),
        (replaced(a_single(), options=options("甲", " ")), "An option has"),
        (replaced(a_single(), options=options("甲", " 甲")), "Two options are the same"),
        (a_single(correct=4), "names an option that does not exist"),
        (a_multiple(correct=()), "At least one option"),
        (a_multiple(correct=(1, 0)), "names an option that does not exist"),
        (replaced(a_fill(), blanks=()), "1 to 10 blanks"),
        (replaced(an_ordering(), lines=options("甲")), "2 to 10 options"),
        (replaced(a_case(), parts=()), "A case has"),
        (replaced(a_case(), parts=(a_single(correct=9),)), "names an option that does not exist"),
        (replaced(a_single(), image="0" * 64), "does not have this picture"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(
    session: Session, school: TestingSchool, content: Content, sentence: str
) -> None:
    with pytest.raises(Malformed, match=sentence):
        written(session, school, content)


def test_whoever_wrote_a_question_does_not_review_it(session: Session, school: TestingSchool) -> None:
    made = written(session, school, a_single())
    with pytest.raises(Forbidden) as refusal:
        bank.review(session, made.id, acting=school.acting, by=school.writer.person_id, at=AT)
    assert refusal.value.error_code == "own_question"
    made.reviewed_by, made.reviewed_at, made.review_due_on = school.writer.person_id, AT, TODAY
    with pytest.raises(IntegrityError, match="two_people"):
        session.flush()


def test_who_changed_a_draft_wrote_it(session: Session, school: TestingSchool) -> None:
    made = written(session, school, a_single())
    changed = a_single("改过的题")
    bank.change(session, made.id, changed, Difficulty.HARD, acting=school.acting, by=school.reviewer.person_id, at=AT)
    with pytest.raises(Forbidden):
        bank.review(session, made.id, acting=school.acting, by=school.reviewer.person_id, at=AT)
    bank.review(session, made.id, acting=school.acting, by=school.writer.person_id, at=AT)
    assert from_json(made.content) == changed


def test_a_reviewed_question_never_changes_a_change_is_a_new_version(session: Session, school: TestingSchool) -> None:
    first = asked(session, school, a_single("旧题"))
    second = bank.change(
        session,
        first.id,
        a_single("新题"),
        Difficulty.MEDIUM,
        acting=school.acting,
        by=school.writer.person_id,
        at=AT,
    )
    assert (second.question_id, second.version, first.retired_at) == (first.question_id, 2, None)
    with pytest.raises(Conflict):
        bank.change(
            session, first.id, a_single(), Difficulty.EASY, acting=school.acting, by=school.writer.person_id, at=AT
        )
    later = AT + timedelta(days=1)
    bank.review(session, second.id, acting=school.acting, by=school.reviewer.person_id, at=later)
    session.refresh(first)
    assert (first.retired_at, second.reviewed_at) == (later, later)


@pytest.mark.parametrize("column", ["content", "stem", "digest", "difficulty", "kind", "written_by", "reviewed_at"])
def test_the_database_lets_nobody_change_a_reviewed_question(
    session: Session, school: TestingSchool, column: str
) -> None:
    made = asked(session, school, a_single())
    values = {"difficulty": "hard", "kind": "fill", "written_by": school.learner.person_id, "reviewed_at": None}
    with pytest.raises(IntegrityError, match="never changes"):
        session.execute(
            sa.update(BankVersion).where(BankVersion.id == made.id).values({column: values.get(column, "x")})
        )


def test_the_yearly_look_is_due_after_a_year_and_postponed_by_looking(session: Session, school: TestingSchool) -> None:
    made = asked(session, school, a_single())
    assert made.review_due_on == date(2027, 6, 20)
    assert state_of(made, date(2027, 6, 19)) is State.REVIEWED
    assert state_of(made, date(2027, 6, 20)) is State.DUE
    later = AT + timedelta(days=370)
    bank.look_again(session, made.id, acting=school.acting, by=school.reviewer.person_id, at=later)
    assert (made.review_due_on, made.looked_by) == (date(2028, 6, 24), school.reviewer.person_id)
    draft = written(session, school, a_statement())
    with pytest.raises(Conflict):
        bank.look_again(session, draft.id, acting=school.acting, by=school.reviewer.person_id, at=later)


def test_a_retired_question_stays_retired(session: Session, school: TestingSchool) -> None:
    made = asked(session, school, a_single())
    bank.retire(session, made.id, acting=school.acting, by=school.writer.person_id, at=AT)
    bank.retire(session, made.id, acting=school.acting, by=school.writer.person_id, at=AT + timedelta(days=1))
    assert made.retired_at == AT
    for change in (bank.review, bank.look_again):
        with pytest.raises(Conflict):
            change(session, made.id, acting=school.acting, by=school.reviewer.person_id, at=AT)


def test_the_same_question_is_not_written_twice(session: Session, school: TestingSchool) -> None:
    asked(session, school, a_single("同一题"))
    with pytest.raises(Conflict):
        written(session, school, a_single("同一题"))


def test_another_institution_finds_nothing(session: Session, school: TestingSchool) -> None:
    made = asked(session, school, a_single())
    other = people.an_institution(session, name="洱海培训学校")
    for change in (bank.review, bank.look_again, bank.retire):
        with pytest.raises(NotFound):
            change(session, made.id, acting=[other.id], by=school.reviewer.person_id, at=AT)
    assert bank.listed(session, other.id, today=TODAY) == ([], 0)


def test_questions_are_found_by_state_kind_item_and_words(session: Session, school: TestingSchool) -> None:
    asked(session, school, a_single("触电后先断电"))
    asked(session, school, a_multiple("高处作业"))
    draft = written(session, school, a_single("动火作业"))
    retired = asked(session, school, a_statement("旧的判断"))
    bank.retire(session, retired.id, acting=school.acting, by=school.writer.person_id, at=AT)

    def stems(**wanted: Any) -> set[str]:
        lines, total = bank.listed(session, school.institution.id, today=TODAY, **wanted)
        assert total == len(lines)
        return {line.version.stem for line in lines}

    assert stems() == {"触电后先断电", "高处作业", "动火作业"}
    assert stems(state=State.DRAFT) == {draft.stem}
    assert stems(state=State.RETIRED) == {"旧的判断"}
    assert stems(state=State.REVIEWED, kind=Kind.MULTIPLE) == {"高处作业"}
    assert stems(search="断电") == {"触电后先断电"}
    assert stems(outline_item_id=school.item.id) == stems()
    counted = bank.counts(session, school.institution.id, today=TODAY)
    assert counted == {State.DRAFT: 1, State.REVIEWED: 2, State.DUE: 0, State.RETIRED: 1}
