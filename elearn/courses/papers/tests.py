"""A manager's tests: what a test is for, its blueprints, offering them.

Each function takes `acting`: the organisations in whose name the caller acts. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses import teaching
from elearn.courses.models import Course, Outline, OutlineItem
from elearn.courses.papers import blueprint
from elearn.courses.papers.blueprint import Candidate, Paper, Section, Unfilled
from elearn.courses.papers.models import CourseTest, Purpose, TestBlueprint, is_offered
from elearn.courses.questions.marking import Partial
from elearn.courses.questions.models import BankQuestion, BankVersion
from elearn.db import new_id
from elearn.errors import Conflict, Malformed, NotFound


@dataclass(frozen=True, slots=True)
class Policy:
    """How a test is judged. The defaults are RULES 4(b), course_credit_needs_test: pass mark 60, wait 10 min."""

    duration_s: int = 3600
    grace_s: int = 30
    wait_s: int = 600
    pass_percent: int = 60
    partial: Partial = Partial.SHARE
    shows_answers: bool = False


class CannotFill(Conflict):
    """The bank cannot fill a blueprint; `lacks` says which sections lack how many."""

    code = "cannot_fill"

    def __init__(self, unfilled: Unfilled) -> None:
        places = ", ".join(f"{lack.section + 1}: {lack.found}/{lack.wanted}" for lack in unfilled.lacks)
        super().__init__("The bank has too few questions for the sections %(places)s.", places=places)
        self.lacks = unfilled.lacks


@dataclass(frozen=True, slots=True)
class TestLine:
    __test__ = False

    test: CourseTest
    outline: Outline
    course_title: str | None
    offered: bool


def add_test(
    session: Session,
    *,
    institution_id: UUID,
    title: str,
    at: datetime,
    course_id: UUID | None = None,
    outline_id: UUID | None = None,
) -> CourseTest:
    """The test of a course, or a mock exam over an outline. Raises NotFound, Malformed, Conflict (it has one)."""
    name = teaching.one_line(title)
    if course_id is not None:
        outline_id = session.execute(
            sa.select(OutlineItem.outline_id)
            .join(Course, Course.outline_item_id == OutlineItem.id)
            .where(Course.id == course_id, Course.institution_id == institution_id)
        ).scalar_one_or_none()
        if outline_id is None:
            raise NotFound("There is no such course with an item of an outline.")
    elif outline_id is None or session.get(Outline, outline_id) is None:
        raise NotFound("There is no such outline.")
    made = CourseTest(
        id=new_id(),
        institution_id=institution_id,
        outline_id=outline_id,
        course_id=course_id,
        purpose=Purpose.COURSE if course_id else Purpose.MOCK,
        title=name,
        created_at=at,
    )
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError as error:
        raise Conflict("This course has a test already.", code="has_test") from error
    return made


def add_blueprint(
    session: Session,
    test_id: UUID,
    sections: Sequence[Section],
    policy: Policy,
    *,
    acting: Collection[UUID],
    by: UUID,
    at: datetime,
) -> TestBlueprint:
    """A new version of how the test is made up, as a draft. Raises Malformed, NotFound, Conflict."""
    test = own_test(session, test_id, acting, lock=True)
    if test.retired_at is not None:
        raise Conflict("This test was retired.", code="retired")
    blueprint.require_sound(sections)
    _require_policy(policy)
    items = {
        str(item_id)
        for item_id in session.scalars(sa.select(OutlineItem.id).where(OutlineItem.outline_id == test.outline_id))
    }
    if any(section.item is not None and section.item not in items for section in sections):
        raise NotFound("There is no such item in an outline.")
    last = session.execute(
        sa.select(sa.func.coalesce(sa.func.max(TestBlueprint.version), 0)).where(TestBlueprint.test_id == test_id)
    ).scalar_one()
    made = TestBlueprint(
        id=new_id(),
        test_id=test_id,
        version=last + 1,
        sections=[msgspec.to_builtins(section) for section in sections],
        duration_s=policy.duration_s,
        grace_s=policy.grace_s,
        wait_s=policy.wait_s,
        pass_percent=policy.pass_percent,
        partial=policy.partial,
        shows_answers=policy.shows_answers,
        made_by=by,
        made_at=at,
    )
    session.add(made)
    session.flush()
    return made


def _require_policy(policy: Policy) -> None:
    if not 60 <= policy.duration_s <= 36_000:
        raise Malformed("A test lasts 1 minute to 10 hours.", code="bad_duration")
    if not 0 <= policy.grace_s <= 600:
        raise Malformed("The grace for late answers is at most 600 seconds.", code="bad_grace")
    if not 0 <= policy.wait_s <= 30 * 24 * 3600:
        raise Malformed("The wait between tries is at most 30 days.", code="bad_wait")
    if not 1 <= policy.pass_percent <= 100:
        raise Malformed("The pass mark is 1 to 100 percent.", code="bad_pass_mark")


def publish(session: Session, blueprint_id: UUID, *, acting: Collection[UUID], at: datetime) -> TestBlueprint:
    """Offer it in place of the version before. Raises CannotFill, Conflict, NotFound."""
    chosen, test = own_blueprint(session, blueprint_id, acting, lock=True)
    if chosen.retired_at is not None or test.retired_at is not None:
        raise Conflict("This test was retired.", code="retired")
    if chosen.published_at is not None:
        return chosen
    preview(session, chosen, test, b"publish", at=at)
    session.execute(
        sa.update(TestBlueprint).where(TestBlueprint.test_id == test.id, is_offered()).values(retired_at=at)
    )
    chosen.published_at = at
    session.flush()
    return chosen


def retire(session: Session, test_id: UUID, *, acting: Collection[UUID], at: datetime) -> CourseTest:
    """Ask it no more: the course needs no test from now on. What was passed stays."""
    test = own_test(session, test_id, acting, lock=True)
    if test.retired_at is None:
        test.retired_at = at
        session.flush()
    return test


def preview(session: Session, chosen: TestBlueprint, test: CourseTest, seed: bytes, *, at: datetime) -> Paper:
    """The paper that this seed draws now. Raises CannotFill."""
    found = draw_at(session, chosen, test, seed, at=at)
    if isinstance(found, Unfilled):
        raise CannotFill(found)
    return found


def draw_at(
    session: Session, chosen: TestBlueprint, test: CourseTest, seed: bytes, *, at: datetime
) -> Paper | Unfilled:
    """The paper of a seed from the bank as it stood at a moment: versions keep when they were asked from and until."""
    sections = sections_of(chosen)
    return blueprint.draw(sections, candidates(session, test, at=at), seed)


def sections_of(chosen: TestBlueprint) -> list[Section]:
    return [msgspec.convert(one, Section) for one in chosen.sections]


def candidates(session: Session, test: CourseTest, *, at: datetime) -> list[Candidate]:
    """What could be drawn at that moment."""
    rows = session.execute(
        sa.select(BankVersion.id, BankQuestion.outline_item_id, BankVersion.kind, BankVersion.difficulty)
        .join(BankQuestion, BankQuestion.id == BankVersion.question_id)
        .join(OutlineItem, OutlineItem.id == BankQuestion.outline_item_id)
        .where(OutlineItem.outline_id == test.outline_id, BankQuestion.institution_id == test.institution_id)
        .where(BankVersion.reviewed_at <= at, BankVersion.retired_at.is_(None) | (BankVersion.retired_at > at))
    )
    return [Candidate(str(version), str(item), kind, difficulty) for version, item, kind, difficulty in rows]


def own_test(session: Session, test_id: UUID, acting: Collection[UUID], *, lock: bool = False) -> CourseTest:
    """Raises NotFound."""
    found = session.get(CourseTest, test_id, with_for_update=lock)
    if found is None or found.institution_id not in acting:
        raise NotFound("There is no such test.")
    return found


def own_blueprint(
    session: Session, blueprint_id: UUID, acting: Collection[UUID], *, lock: bool = False
) -> tuple[TestBlueprint, CourseTest]:
    """Raises NotFound. With `lock` the test's row stands for the order of its blueprints."""
    found = session.get(TestBlueprint, blueprint_id)
    if found is None:
        raise NotFound("There is no such test.")
    test = own_test(session, found.test_id, acting, lock=lock)
    if lock:
        session.refresh(found)
    return found, test


def tests_of(session: Session, institution_id: UUID) -> list[TestLine]:
    """An institution's tests that are not retired, newest first."""
    offered = sa.exists().where(TestBlueprint.test_id == CourseTest.id, is_offered())
    rows = session.execute(
        sa.select(CourseTest, Outline, Course.title, offered)
        .join(Outline, Outline.id == CourseTest.outline_id)
        .outerjoin(Course, Course.id == CourseTest.course_id)
        .where(CourseTest.institution_id == institution_id, CourseTest.retired_at.is_(None))
        .order_by(CourseTest.created_at.desc(), CourseTest.id.desc())
    )
    return [TestLine(test, outline, title, has_one) for test, outline, title, has_one in rows]


def blueprints_of(session: Session, test_id: UUID) -> Sequence[TestBlueprint]:
    """All versions, newest first."""
    return session.scalars(
        sa.select(TestBlueprint).where(TestBlueprint.test_id == test_id).order_by(TestBlueprint.version.desc())
    ).all()
