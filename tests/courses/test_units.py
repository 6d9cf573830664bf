"""A unit is one version of a lesson, measured by us; what was published never changes, whoever writes."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses import catalogue, teaching
from elearn.courses.keys import open_key, seal_key
from elearn.courses.models import Lesson, Question, Unit, UnitBlock
from elearn.db import new_id
from elearn.errors import Malformed, NotFound
from tests.builders_courses import (
    AT,
    SEALING_KEY,
    a_course,
    a_lesson,
    a_manifest,
    a_question,
    a_unit,
    an_outline,
    theory_of,
)
from tests.builders_people import an_institution
from tests.conftest import statements


@pytest.fixture
def lesson(session: Session) -> Lesson:
    return a_lesson(session, a_course(session, an_institution(session).id, outline=an_outline(session)))


def test_the_length_of_a_unit_is_what_packaging_measured(session: Session, lesson: Lesson) -> None:
    unit = a_unit(session, lesson, duration_ms=90_040, block_ms=30_000)
    facts = catalogue.unit_facts(session, unit.id)
    assert facts.duration_ms == 90_040
    assert [(block.start_ms, block.end_ms) for block in facts.blocks] == [
        (0, 30_000), (30_000, 60_000), (60_000, 90_000), (90_000, 90_040)
    ]  # fmt: skip


def test_facts_name_the_course_the_institution_and_the_item_of_the_outline(session: Session) -> None:
    institution, outline = an_institution(session), an_outline(session)
    course = a_course(session, institution.id, outline=outline, title="用电安全")
    unit = a_unit(session, a_lesson(session, course, title="验电"))
    facts = catalogue.unit_facts(session, unit.id)
    assert (facts.title, facts.course_title, facts.course_id) == ("验电", "用电安全", course.id)
    assert (facts.institution_id, facts.outline_id) == (institution.id, outline.id)
    assert facts.outline_item_id == theory_of(session, outline).id
    assert facts.published is True


def test_a_draft_is_not_published(session: Session, lesson: Lesson) -> None:
    assert catalogue.unit_facts(session, a_unit(session, lesson, published=False).id).published is False


def test_asking_again_about_a_unit_costs_no_query(session: Session, lesson: Lesson) -> None:
    unit = a_unit(session, lesson)
    first = catalogue.unit_facts(session, unit.id)
    with statements(session) as asked:
        assert catalogue.unit_facts(session, unit.id) == first
    assert asked == []


def test_an_unknown_unit_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound):
        catalogue.unit_facts(session, new_id())


def test_a_new_video_is_a_new_version_offered_in_place_of_the_old(session: Session, lesson: Lesson) -> None:
    old = a_unit(session, lesson, duration_ms=60_000)
    assert catalogue.unit_facts(session, old.id).published
    new = a_unit(session, lesson, duration_ms=70_000)
    assert (old.version, new.version) == (1, 2)
    assert catalogue.unit_facts(session, old.id).published is False
    assert catalogue.unit_facts(session, old.id).duration_ms == 60_000
    assert catalogue.unit_facts(session, new.id).published is True


def test_a_unit_needs_a_key_for_each_block(session: Session, lesson: Lesson) -> None:
    manifest = a_manifest(90_000)
    for keys in ([b"k" * 16] * 2, [b"k" * 16] * 4, [b"k" * 16, b"k" * 16, b"k" * 15]):
        with pytest.raises(Malformed):
            catalogue.register_unit(session, lesson.id, "x", manifest, keys, (), sealing_key=SEALING_KEY, created_at=AT)


def test_keys_come_back_as_they_were_and_lie_sealed(session: Session, lesson: Lesson) -> None:
    unit = a_unit(session, lesson)
    for index in range(3):
        assert catalogue.block_key(session, unit.id, index, SEALING_KEY) == index.to_bytes(16, "big")
    sealed = session.scalars(sa.select(UnitBlock.key_sealed).where(UnitBlock.unit_id == unit.id)).all()
    assert all(one and len(one) == 44 and (2).to_bytes(16, "big") not in one for one in sealed)
    with pytest.raises(NotFound):
        catalogue.block_key(session, unit.id, 3, SEALING_KEY)


@pytest.mark.parametrize(
    ("moved", "unit", "index", "sealing_key"),
    [
        ("another unit", UUID(int=2), 0, SEALING_KEY),
        ("another block", UUID(int=1), 1, SEALING_KEY),
        ("another sealing key", UUID(int=1), 0, b"x" * 32),
    ],
)
def test_a_sealed_key_opens_nowhere_else(moved: str, unit: UUID, index: int, sealing_key: bytes) -> None:
    sealed = seal_key(b"k" * 16, SEALING_KEY, UUID(int=1), 0)
    assert open_key(sealed, SEALING_KEY, UUID(int=1), 0) == b"k" * 16
    with pytest.raises(InvalidTag):
        open_key(sealed, sealing_key, unit, index)


CHANGES = {
    "duration_ms": 1_000_000, "content_hash": "f" * 64, "title": "x", "width": 1, "height": 1, "start_offset_ms": 5,
    "source_sha256": "f" * 64, "version": 9, "created_at": AT - timedelta(days=1), "published_at": None,
}  # fmt: skip


@pytest.mark.parametrize("column", sorted(CHANGES))
def test_the_database_refuses_to_change_a_published_unit(session: Session, lesson: Lesson, column: str) -> None:
    unit = a_unit(session, lesson)
    with pytest.raises(IntegrityError, match="a unit is immutable"):
        session.execute(sa.update(Unit).where(Unit.id == unit.id).values({column: CHANGES[column]}))


@pytest.mark.parametrize("column", ["duration_ms", "content_hash", "width", "version"])
def test_also_a_draft_keeps_what_was_measured(session: Session, lesson: Lesson, column: str) -> None:
    unit = a_unit(session, lesson, published=False)
    with pytest.raises(IntegrityError, match="a unit is immutable"):
        session.execute(sa.update(Unit).where(Unit.id == unit.id).values({column: CHANGES[column]}))


def test_a_draft_may_be_renamed_and_published_once(session: Session, lesson: Lesson) -> None:
    unit = a_unit(session, lesson, published=False)
    session.execute(sa.update(Unit).where(Unit.id == unit.id).values(title="y"))
    session.execute(sa.update(Unit).where(Unit.id == unit.id).values(published_at=AT))
    session.execute(sa.update(Unit).where(Unit.id == unit.id).values(retired_at=AT))
    with pytest.raises(IntegrityError, match="a unit is immutable"):
        session.execute(sa.update(Unit).where(Unit.id == unit.id).values(retired_at=None))


@pytest.mark.parametrize("statement", ["DELETE FROM elearn.unit", "TRUNCATE elearn.unit CASCADE"])
def test_units_are_never_deleted(session: Session, lesson: Lesson, statement: str) -> None:
    a_unit(session, lesson, published=False, questions=())
    with pytest.raises(IntegrityError):
        session.execute(sa.text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE elearn.unit_block SET end_ms = end_ms + 1 WHERE index = 0",
        "UPDATE elearn.unit_block SET index = 7 WHERE index = 0",
        "DELETE FROM elearn.unit_block",
        "TRUNCATE elearn.unit_block CASCADE",
        "INSERT INTO elearn.unit_block (unit_id, index, start_ms, end_ms, key_sealed) "
        "SELECT id, 9, 90000, 91000, 'x' FROM elearn.unit",
    ],
)
def test_the_database_refuses_to_change_the_blocks_of_a_unit(session: Session, lesson: Lesson, statement: str) -> None:
    a_unit(session, lesson)
    with pytest.raises(IntegrityError, match="immutable"):
        session.execute(sa.text(statement))


def test_a_key_may_be_sealed_anew(session: Session, lesson: Lesson) -> None:
    unit, other = a_unit(session, lesson), b"n" * 32
    session.execute(
        sa.update(UnitBlock)
        .where(UnitBlock.unit_id == unit.id, UnitBlock.index == 0)
        .values(key_sealed=seal_key(b"k" * 16, other, unit.id, 0))
    )
    assert catalogue.block_key(session, unit.id, 0, other) == b"k" * 16


def test_two_versions_of_a_lesson_are_never_offered_together(session: Session, lesson: Lesson) -> None:
    a_unit(session, lesson)
    draft = a_unit(session, lesson, published=False)
    with pytest.raises(IntegrityError, match="uq_unit_offered"):
        session.execute(sa.update(Unit).where(Unit.id == draft.id).values(published_at=AT))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE elearn.question SET correct = '{1}'",
        "UPDATE elearn.question SET stem = 'x'",
        "DELETE FROM elearn.question",
    ],
)
def test_a_question_that_may_have_been_asked_stays_as_it_was(session: Session, lesson: Lesson, statement: str) -> None:
    a_unit(session, lesson)
    with pytest.raises(IntegrityError, match="a question of a published unit is immutable"):
        session.execute(sa.text(statement))


def test_questions_of_a_draft_may_still_change(session: Session, lesson: Lesson) -> None:
    a_unit(session, lesson, published=False)
    session.execute(sa.text("UPDATE elearn.question SET stem = 'x'"))
    session.execute(sa.text("DELETE FROM elearn.question"))


@pytest.mark.parametrize("wrong", ["'{}'", "'{4}'", "'{-1}'", "'{0,1,2,3,0}'"])
def test_the_database_knows_what_an_answer_is(session: Session, lesson: Lesson, wrong: str) -> None:
    a_unit(session, lesson, published=False)
    with pytest.raises(IntegrityError, match="ck_question_correct"):
        session.execute(sa.text(f"UPDATE elearn.question SET correct = {wrong}"))


def test_the_pool_is_answered_in_the_order_of_the_video_without_retired_questions(
    session: Session, lesson: Lesson
) -> None:
    unit = a_unit(session, lesson, questions=[a_question(60_000, 80_000, correct=(3, 1)), a_question(0, 30_000)])
    late, early = (catalogue.questions_about(session, unit.id)[place] for place in (1, 0))
    assert (early.from_ms, early.to_ms, late.correct) == (0, 30_000, (1, 3))
    assert len(early.options) == 4
    session.execute(sa.update(Question).where(Question.id == early.id).values(retired_at=AT))
    assert [one.id for one in catalogue.questions_about(session, unit.id)] == [late.id]


def test_an_unknown_lesson_gets_no_unit(session: Session) -> None:
    with pytest.raises(NotFound):
        catalogue.register_unit(
            session, new_id(), "x", a_manifest(), [b"k" * 16] * 3, (), sealing_key=SEALING_KEY, created_at=AT
        )


def test_lessons_of_another_institution_are_not_found(session: Session, lesson: Lesson) -> None:
    other = an_institution(session, name="其他机构")
    with pytest.raises(NotFound):
        teaching.own_lesson(session, lesson.id, {other.id})
    with pytest.raises(NotFound):
        teaching.own_lesson(session, lesson.id, ())
