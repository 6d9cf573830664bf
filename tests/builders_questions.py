"""Questions and tests for tests: say only what matters."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.courses.models import Course, Outline, OutlineItem, TrainingClass
from elearn.courses.papers import tests
from elearn.courses.papers.blueprint import Section
from elearn.courses.papers.models import CourseTest, TestBlueprint
from elearn.courses.papers.tests import Policy
from elearn.courses.questions import bank
from elearn.courses.questions.kinds import (
    Blank,
    Case,
    Content,
    Difficulty,
    Fill,
    Multiple,
    Option,
    Ordering,
    Single,
    TrueFalse,
)
from elearn.courses.questions.models import BankVersion
from elearn.people.models import Account, Organisation, Role
from tests import builders_courses as courses
from tests import builders_people as people

AT = courses.AT

_numbers = itertools.count(1)


def options(*texts: str) -> tuple[Option, ...]:
    return tuple(Option(text) for text in texts)


def a_single(stem: str | None = None, *, correct: int = 0) -> Single:
    return Single(stem=stem or f"第{next(_numbers)}题", options=options("甲", "乙", "丙", "丁"), correct=correct)


def a_multiple(stem: str | None = None, *, correct: Sequence[int] = (0, 2)) -> Multiple:
    stem = stem or f"第{next(_numbers)}题"
    return Multiple(stem=stem, options=options("甲", "乙", "丙", "丁"), correct=tuple(correct))


def a_statement(stem: str | None = None, *, correct: bool = True) -> TrueFalse:
    return TrueFalse(stem=stem or f"第{next(_numbers)}题", correct=correct)


def a_fill(stem: str | None = None) -> Fill:
    stem = stem or f"第{next(_numbers)}题 ____，____"
    return Fill(stem=stem, blanks=(Blank(texts=("断电", "切断电源")), Blank(ranges=(("35.5", "36.5"),))))


def an_ordering(stem: str | None = None) -> Ordering:
    return Ordering(stem=stem or f"第{next(_numbers)}题", lines=options("断电", "验电", "挂牌"))


def a_case(stem: str | None = None) -> Case:
    return Case(
        stem=stem or f"第{next(_numbers)}个案例",
        parts=(a_single("原因是什么？"), a_statement("应当断电。"), a_multiple("应急措施？")),
    )


def one_of_each() -> list[Content]:
    return [a_single(), a_multiple(), a_statement(), a_fill(), an_ordering(), a_case()]


@dataclass
class TestingSchool:
    """An institution with a course in an outline, two who write questions, and a learner in its class."""

    __test__ = False

    institution: Organisation
    outline: Outline
    item: OutlineItem
    course: Course
    held: TrainingClass
    writer: Account
    reviewer: Account
    learner: Account

    @property
    def acting(self) -> list[UUID]:
        return [self.institution.id]


def a_testing_school(session: Session) -> TestingSchool:
    institution = people.an_institution(session)
    outline = courses.an_outline(session)
    course = courses.a_course(session, institution.id, outline=outline)
    held = courses.a_class(session, institution.id, outline)
    learner = people.an_account(session)
    courses.enrolled(session, held, learner.person_id)
    return TestingSchool(
        institution,
        outline,
        courses.theory_of(session, outline),
        course,
        held,
        people.an_account(session, Role.INSTITUTION_MANAGER, organisation_id=institution.id),
        people.an_account(session, Role.TEACHER, organisation_id=institution.id),
        learner,
    )


def asked(
    session: Session,
    school: TestingSchool,
    content: Content,
    *,
    difficulty: Difficulty = Difficulty.MEDIUM,
    item: OutlineItem | None = None,
    at: datetime = AT,
) -> BankVersion:
    """A reviewed question of the school's bank."""
    made = bank.add_question(
        session,
        institution_id=school.institution.id,
        outline_item_id=(item or school.item).id,
        content=content,
        difficulty=difficulty,
        by=school.writer.person_id,
        at=at,
    )
    return bank.review(session, made.id, acting=school.acting, by=school.reviewer.person_id, at=at)


def a_test(
    session: Session,
    school: TestingSchool,
    sections: Sequence[Section] = (Section(count=2, points_milli=1000),),
    *,
    mock: bool = False,
    course: Course | None = None,
    policy: Policy | None = None,
    at: datetime = AT,
) -> tuple[CourseTest, TestBlueprint]:
    """A published test of the school's course, or a mock exam."""
    made = tests.add_test(
        session,
        institution_id=school.institution.id,
        title="结业测验",
        at=at,
        course_id=None if mock else (course or school.course).id,
        outline_id=school.outline.id if mock else None,
    )
    chosen = tests.add_blueprint(
        session, made.id, sections, policy or Policy(), acting=school.acting, by=school.writer.person_id, at=at
    )
    return made, tests.publish(session, chosen.id, acting=school.acting, at=at)
