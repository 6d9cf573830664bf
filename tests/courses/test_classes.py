"""Who may study what, and for which class the time counts: hours without a filed class never export."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses import classes, learning, teaching
from elearn.courses.catalogue import Admission, may_study
from elearn.courses.models import Outline, TrainingClass, Unit
from elearn.db import new_id
from elearn.errors import Conflict, Malformed, NotFound
from tests.builders_courses import AT, ON, a_class, a_course, a_lesson, a_unit, an_outline, enrolled
from tests.builders_people import a_person, an_institution
from tests.conftest import statements

DAY = timedelta(days=1)


@pytest.fixture
def institution_id(session: Session) -> UUID:
    return an_institution(session).id


@pytest.fixture
def outline(session: Session) -> Outline:
    return an_outline(session)


@pytest.fixture
def unit(session: Session, institution_id: UUID, outline: Outline) -> Unit:
    return a_unit(session, a_lesson(session, a_course(session, institution_id, outline=outline)))


@pytest.fixture
def learner_id(session: Session) -> UUID:
    return a_person(session).id


def test_a_learner_in_a_filed_class_studies_for_it(
    session: Session, institution_id: UUID, outline: Outline, unit: Unit, learner_id: UUID
) -> None:
    filed = a_class(session, institution_id, outline)
    enrolment = enrolled(session, filed, learner_id)
    assert may_study(session, learner_id, unit.id) == Admission(enrolment.id, filed.id, AT)


def test_a_learner_in_an_unfiled_class_studies_but_the_answer_says_so(
    session: Session, institution_id: UUID, outline: Outline, unit: Unit, learner_id: UUID
) -> None:
    unfiled = a_class(session, institution_id, outline, filed_at=None)
    enrolment = enrolled(session, unfiled, learner_id)
    assert may_study(session, learner_id, unit.id) == Admission(enrolment.id, unfiled.id, None)


def test_of_several_classes_the_one_filed_last_counts_and_an_unfiled_one_never_does(
    session: Session, institution_id: UUID, outline: Outline, unit: Unit, learner_id: UUID
) -> None:
    newer = a_class(session, institution_id, outline, filed_at=AT + DAY)
    for one in (
        newer,
        a_class(session, institution_id, outline),
        a_class(session, institution_id, outline, filed_at=None),
    ):
        enrolled(session, one, learner_id)
    admission = may_study(session, learner_id, unit.id)
    assert admission is not None
    assert admission.class_id == newer.id


@pytest.mark.parametrize(
    "why",
    ["not enrolled", "withdrawn", "another outline", "another institution", "course without item", "draft", "retired"],
)
def test_nobody_else_may_study(
    session: Session, institution_id: UUID, outline: Outline, unit: Unit, learner_id: UUID, why: str
) -> None:
    where, under = institution_id, outline
    if why == "another outline":
        under = an_outline(session)
    if why == "another institution":
        where = an_institution(session, name="其他机构").id
    if why in ("course without item", "draft"):
        course = a_course(session, institution_id, outline=outline if why == "draft" else None)
        unit = a_unit(session, a_lesson(session, course), published=why != "draft")
    if why == "retired":
        teaching.retire(session, unit.id, acting=[institution_id], at=AT)
    opened = a_class(session, where, under)
    if why != "not enrolled":
        enrolled(session, opened, learner_id)
    if why == "withdrawn":
        classes.withdraw(session, opened.id, learner_id, acting=[where], at=AT + DAY)
    assert may_study(session, learner_id, unit.id) is None, why


@pytest.mark.parametrize(
    ("on", "runs"), [(ON - DAY, False), (ON, True), (ON + 9 * DAY, True), (ON + 10 * DAY, False), (None, True)]
)
def test_a_class_admits_on_the_days_it_runs(
    session: Session, institution_id: UUID, outline: Outline, unit: Unit, learner_id: UUID, on: date | None, runs: bool
) -> None:
    opened = classes.open_class(
        session, institution_id=institution_id, outline_id=outline.id, class_no="1", title="班", starts_on=ON,
        ends_on=ON + 9 * DAY, at=AT,
    )  # fmt: skip
    enrolled(session, opened, learner_id)
    assert (may_study(session, learner_id, unit.id, on=on) is not None) is runs


def test_a_class_is_filed_once(session: Session, institution_id: UUID, outline: Outline) -> None:
    opened = a_class(session, institution_id, outline, filed_at=None)
    filed = classes.file_class(
        session, opened.id, filing_no=" BA-9 ", filed_at=AT, acting=[institution_id], at=AT + DAY
    )
    assert (filed.filed_at, filed.filing_no, filed.filing_recorded_at) == (AT, "BA-9", AT + DAY)
    classes.file_class(session, opened.id, filing_no="BA-9", filed_at=AT, acting=[institution_id], at=AT + 2 * DAY)
    assert filed.filing_recorded_at == AT + DAY
    with pytest.raises(Conflict):
        classes.file_class(session, opened.id, filing_no="BA-9", filed_at=AT - DAY, acting=[institution_id], at=AT)


def test_a_filing_does_not_lie_in_the_future(session: Session, institution_id: UUID, outline: Outline) -> None:
    opened = a_class(session, institution_id, outline, filed_at=None)
    with pytest.raises(Malformed):
        classes.file_class(session, opened.id, filing_no="1", filed_at=AT + DAY, acting=[institution_id], at=AT)


@pytest.mark.parametrize(
    "change", ["filed_at = filed_at - interval '1 day'", "filed_at = NULL, filing_no = NULL, filing_recorded_at = NULL",
               "class_no = 'x'", "filing_no = 'x'"]
)  # fmt: skip
def test_the_database_refuses_to_move_a_filing(
    session: Session, institution_id: UUID, outline: Outline, change: str
) -> None:
    a_class(session, institution_id, outline)
    with pytest.raises(IntegrityError, match="the filing of a class is immutable"):
        session.execute(sa.text(f"UPDATE elearn.training_class SET {change}"))


def test_a_filed_class_may_be_renamed_but_not_deleted(session: Session, institution_id: UUID, outline: Outline) -> None:
    opened = a_class(session, institution_id, outline)
    session.execute(sa.update(TrainingClass).where(TrainingClass.id == opened.id).values(title="x", ends_on=ON))
    with pytest.raises(IntegrityError, match="the filing of a class is immutable"):
        session.execute(sa.delete(TrainingClass).where(TrainingClass.id == opened.id))


def test_two_classes_of_an_institution_have_two_numbers(
    session: Session, institution_id: UUID, outline: Outline
) -> None:
    opened = a_class(session, institution_id, outline)
    with pytest.raises(Conflict):
        classes.open_class(
            session, institution_id=institution_id, outline_id=outline.id, class_no=opened.class_no, title="x",
            starts_on=ON, at=AT,
        )  # fmt: skip


def test_enrolling_twice_enrols_once_and_coming_back_is_a_new_enrolment(
    session: Session, institution_id: UUID, outline: Outline, learner_id: UUID
) -> None:
    opened, other = a_class(session, institution_id, outline), a_person(session).id
    assert classes.enrol(session, opened.id, [learner_id, learner_id], acting=[institution_id], at=AT) == 1
    assert classes.enrol(session, opened.id, [learner_id, other], acting=[institution_id], at=AT) == 1
    classes.withdraw(session, opened.id, learner_id, acting=[institution_id], at=AT)
    assert classes.enrol(session, opened.id, [learner_id], acting=[institution_id], at=AT + DAY) == 1


def test_an_unknown_person_enrols_nobody(
    session: Session, institution_id: UUID, outline: Outline, learner_id: UUID
) -> None:
    opened = a_class(session, institution_id, outline)
    with pytest.raises(NotFound):
        classes.enrol(session, opened.id, [learner_id, new_id()], acting=[institution_id], at=AT)
    assert classes.roster(session, opened.id, acting=[institution_id]) == ([], 0)


def test_another_institution_sees_and_changes_nothing_of_a_class(
    session: Session, institution_id: UUID, outline: Outline, learner_id: UUID
) -> None:
    opened, other = a_class(session, institution_id, outline, filed_at=None), [an_institution(session, name="其他").id]
    with pytest.raises(NotFound):
        classes.roster(session, opened.id, acting=other)
    with pytest.raises(NotFound):
        classes.enrol(session, opened.id, [learner_id], acting=other, at=AT)
    with pytest.raises(NotFound):
        classes.withdraw(session, opened.id, learner_id, acting=other, at=AT)
    with pytest.raises(NotFound):
        classes.file_class(session, opened.id, filing_no="1", filed_at=AT, acting=other, at=AT)


def test_a_roster_and_a_class_list_are_paged(session: Session, institution_id: UUID, outline: Outline) -> None:
    opened = a_class(session, institution_id, outline)
    people = [a_person(session, name=f"学员{number:02}").id for number in range(classes.PAGE + 2)]
    classes.enrol(session, opened.id, people, acting=[institution_id], at=AT)
    first, total = classes.roster(session, opened.id, acting=[institution_id])
    second, _ = classes.roster(session, opened.id, acting=[institution_id], page=2)
    assert (len(first), total) == (classes.PAGE, classes.PAGE + 2)
    assert [line.name for line in second] == ["学员50", "学员51"]
    [line], count = classes.classes_of(session, institution_id)
    assert (line.learners, line.outline_name, count) == (classes.PAGE + 2, outline.name, 1)


def test_a_learner_sees_own_classes_with_courses_and_lessons_in_order_in_three_queries(
    session: Session, institution_id: UUID, outline: Outline, learner_id: UUID
) -> None:
    course = a_course(session, institution_id, outline=outline, title="甲")
    units = [a_unit(session, a_lesson(session, course, title=f"第{number}课")) for number in range(3)]
    a_unit(session, a_lesson(session, course, title="草稿"), published=False)
    second = a_unit(
        session, a_lesson(session, a_course(session, institution_id, outline=outline, title="乙", at=AT + DAY))
    )
    a_unit(session, a_lesson(session, a_course(session, an_institution(session, name="其他").id, outline=outline)))
    filed, unfiled = a_class(session, institution_id, outline), a_class(session, institution_id, outline, filed_at=None)
    enrolled(session, filed, learner_id)
    enrolled(session, unfiled, learner_id, at=AT + DAY)
    session.expire_all()
    with statements(session) as asked:
        newer, older = learning.my_classes(session, learner_id)
    assert len(asked) == 3
    assert (newer.class_id, newer.filed, older.class_id, older.filed) == (unfiled.id, False, filed.id, True)
    assert older.required == {"theory": 88, "practice": 60}
    assert [one.title for one in older.courses] == ["甲", "乙"]
    assert [one.unit_id for one in older.courses[0].lessons] == [unit.id for unit in units]
    assert older.courses[1].lessons[0].unit_id == second.id


def test_somebody_in_no_class_sees_none(session: Session, learner_id: UUID) -> None:
    assert learning.my_classes(session, learner_id) == ()
